//! The rules for the labels of a series.

/// So many characters of a name are shown in an error.
const SHOWN: usize = 128;

/// Which rule the labels of a series break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelRule {
    /// A label without a name.
    #[error("label {0} has no name")]
    EmptyName(usize),
    /// A name that is there twice.
    #[error("label `{0}` is there twice")]
    Duplicate(String),
    /// A name that sorts before the one before it.
    #[error("label `{0}` is not in order")]
    Unsorted(String),
    /// A name or a value that is not UTF-8; the name is shown as far as it is text.
    #[error("label `{0}` is not UTF-8")]
    Utf8(String),
}

/// What a look at the labels found; what is here breaks no rule of the labels' form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelFacts {
    /// How many there are.
    pub count: usize,
    /// Whether `__name__` is there and not empty.
    pub has_metric_name: bool,
    /// How many have an empty value, which to Prometheus are labels that are not there.
    pub empty_values: usize,
    /// Bytes of all names and values.
    pub bytes: usize,
}

/// Looks at names and values in the order in which they were sent. Errors of reading them come first.
/// Where `text_known` says that all of them are known to be UTF-8, none is looked at for that.
///
/// # Errors
/// The first rule that is broken, or what reading them gave.
pub fn check_labels<'a, E>(
    labels: impl Iterator<Item = Result<(&'a [u8], &'a [u8]), E>>,
    text_known: bool,
) -> Result<Result<LabelFacts, LabelRule>, E> {
    let mut facts = LabelFacts::default();
    let mut previous: &[u8] = &[];
    for label in labels {
        let (name, value) = label?;
        if let Some(rule) = broken(previous, name, value, facts.count, text_known) {
            return Ok(Err(rule));
        }
        facts.count += 1;
        facts.has_metric_name |= name == b"__name__" && !value.is_empty();
        facts.empty_values += usize::from(value.is_empty());
        facts.bytes += name.len() + value.len();
        previous = name;
    }
    Ok(Ok(facts))
}

#[inline]
fn broken(previous: &[u8], name: &[u8], value: &[u8], index: usize, text_known: bool) -> Option<LabelRule> {
    if name.is_empty() {
        return Some(LabelRule::EmptyName(index));
    }
    let text = || String::from_utf8_lossy(name).chars().take(SHOWN).collect();
    match previous.cmp(name) {
        std::cmp::Ordering::Less => {}
        std::cmp::Ordering::Equal => return Some(LabelRule::Duplicate(text())),
        std::cmp::Ordering::Greater => return Some(LabelRule::Unsorted(text())),
    }
    let valid = text_known || std::str::from_utf8(name).is_ok() && std::str::from_utf8(value).is_ok();
    (!valid).then(|| LabelRule::Utf8(text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = &'static [(&'static [u8], &'static [u8])];

    fn check(labels: &[(&[u8], &[u8])]) -> Result<LabelFacts, LabelRule> {
        check_labels(labels.iter().map(|label| Ok::<_, std::convert::Infallible>(*label)), false).unwrap()
    }

    #[test]
    fn each_rule_is_named_with_its_label() {
        let cases: [(Pairs, &str); 6] = [
            (&[(b"a", b"1"), (b"", b"2")], "label 1 has no name"),
            (&[(b"a", b"1"), (b"a", b"2")], "label `a` is there twice"),
            (&[(b"b", b"1"), (b"a", b"2")], "label `a` is not in order"),
            (&[(b"a", b"\xff")], "label `a` is not UTF-8"),
            (&[(b"a\xff", b"")], "label `a\u{fffd}` is not UTF-8"),
            (&[(b"ab", b"1"), (b"a", b"2")], "label `a` is not in order"),
        ];
        for (labels, expected) in cases {
            assert_eq!(check(labels).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn what_is_seen_on_the_way_is_told() {
        let facts = check(&[(b"__name__", b"up"), (b"a", b"")]).unwrap();
        assert_eq!(facts, LabelFacts { count: 2, has_metric_name: true, empty_values: 1, bytes: 11 });
        assert!(!check(&[(b"__name__", b"")]).unwrap().has_metric_name);
    }
}
