//! Labels, and how those of a target come to a sample.

use std::collections::BTreeMap;

/// Labels by name. An empty value is none, but for what a target just sent.
pub type Labels = BTreeMap<String, String>;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";
pub(crate) const JOB: &str = "job";
pub(crate) const INSTANCE: &str = "instance";
pub(crate) const ADDRESS: &str = "__address__";
pub(crate) const SCHEME: &str = "__scheme__";
pub(crate) const METRICS_PATH: &str = "__metrics_path__";
pub(crate) const SCRAPE_INTERVAL: &str = "__scrape_interval__";
pub(crate) const SCRAPE_TIMEOUT: &str = "__scrape_timeout__";
/// Labels of service discovery; gone after relabelling.
pub(crate) const META: &str = "__meta_";
/// Parameters of the URL.
pub(crate) const PARAM: &str = "__param_";
/// Labels that begin so are not the target's to show.
pub(crate) const RESERVED: &str = "__";
/// Before labels of a sample that the target has too.
const EXPORTED: &str = "exported_";
/// Characters of a metric's or label's name in an error.
const SHOWN: usize = 50;

/// What a label is without: set to an empty value.
pub(crate) fn set(labels: &mut Labels, name: &str, value: String) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value);
    }
}

/// The labels that a target gives each of its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attach {
    /// The target's labels that do not begin with `__`.
    pub labels: Labels,
    /// Whether what the sample says wins.
    pub honor: bool,
}

impl Attach {
    /// Of all labels of a target.
    pub fn new(target: &Labels, honor: bool) -> Self {
        let public = target.iter().filter(|(name, _)| !name.starts_with(RESERVED));
        Self { labels: public.map(|(name, value)| (name.clone(), value.clone())).collect(), honor }
    }

    /// Adds them to the labels of a sample, as they came: one that came empty counts as said.
    pub fn to(&self, labels: &mut Labels) {
        if self.honor {
            for (name, value) in &self.labels {
                labels.entry(name.clone()).or_insert_with(|| value.clone());
            }
        } else {
            self.replace(labels);
        }
        labels.retain(|_, value| !value.is_empty());
    }

    /// The target's labels win; what the sample said is kept as `exported_`.
    fn replace(&self, labels: &mut Labels) {
        let mut conflicts = Vec::new();
        for (name, value) in &self.labels {
            let said = labels.insert(name.clone(), value.clone());
            conflicts.extend(said.filter(|said| !said.is_empty()).map(|said| (name, said)));
        }
        conflicts.sort_by_key(|(name, _)| name.len());
        for (name, said) in conflicts {
            let mut free = format!("{EXPORTED}{name}");
            while labels.get(&free).is_some_and(|value| !value.is_empty()) {
                free.insert_str(0, EXPORTED);
            }
            labels.insert(free, said);
        }
    }
}

/// How many labels a sample may have, and how long they may be; 0 is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelLimits {
    /// Labels, the metric's name among them.
    pub count: u64,
    /// Bytes of a name.
    pub name: u64,
    /// Bytes of a value.
    pub value: u64,
}

impl LabelLimits {
    /// Holds the labels of a sample to the limits.
    ///
    /// # Errors
    /// Names the limit, the metric and the label.
    pub fn check(&self, labels: &Labels) -> Result<(), String> {
        let over = |got: usize, limit: u64| limit > 0 && got as u64 > limit;
        let cut = |text: &str| text.chars().take(SHOWN).collect::<String>();
        let metric = || cut(labels.get(METRIC_NAME).map_or("", String::as_str));
        if over(labels.len(), self.count) {
            let (got, limit) = (labels.len(), self.count);
            return Err(format!(
                "label_limit exceeded (metric: {}, number of labels: {got}, limit: {limit})",
                metric()
            ));
        }
        for (name, value) in labels {
            let told = |what: &str, got: usize, limit: u64| {
                let (metric, name) = (metric(), cut(name));
                Err(format!("{what} exceeded (metric: {metric}, label name: {name}, length: {got}, limit: {limit})"))
            };
            if over(name.len(), self.name) {
                return told("label_name_length_limit", name.len(), self.name);
            }
            if over(value.len(), self.value) {
                return told("label_value_length_limit", value.len(), self.value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_targets_labels_win_and_what_was_said_is_exported() {
        let target = labels(&[("a", "1"), ("exported_a", "2"), ("__address__", "x")]);
        let mut sample = labels(&[("__name__", "m"), ("a", "said"), ("empty", "")]);
        Attach::new(&target, false).to(&mut sample);
        let expected = [("__name__", "m"), ("a", "1"), ("exported_a", "2"), ("exported_exported_a", "said")];
        assert_eq!(sample, labels(&expected));
    }

    #[test]
    fn what_is_said_wins_if_it_is_honored_even_if_it_is_empty() {
        let target = labels(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let mut sample = labels(&[("a", "said"), ("b", "")]);
        Attach::new(&target, true).to(&mut sample);
        assert_eq!(sample, labels(&[("a", "said"), ("c", "3")]));
    }

    #[test]
    fn limits_of_labels_name_what_exceeds_them() {
        let sample = labels(&[("__name__", "m"), ("label", "value")]);
        let check = |count, name, value| LabelLimits { count, name, value }.check(&sample).unwrap_err();
        assert_eq!(check(1, 0, 0), "label_limit exceeded (metric: m, number of labels: 2, limit: 1)");
        assert!(check(0, 7, 0).starts_with("label_name_length_limit exceeded (metric: m, label name: __name__"));
        assert!(check(0, 0, 4).ends_with("label name: label, length: 5, limit: 4)"));
        assert_eq!(LabelLimits { count: 2, name: 8, value: 5 }.check(&sample), Ok(()));
    }
}
