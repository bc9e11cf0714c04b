//! What queries found, as the judge takes it.

use std::collections::BTreeMap;

use judge::sequential::Measured;
use model::rows::CanaryPoint;

use crate::definition::{Definition, Metric};

/// Values of baseline and canary, exposures of baseline and canary; NaN where there is none.
pub(crate) type Quad = [f64; 4];

/// Nothing was found.
pub(crate) const NOTHING: Quad = [f64::NAN; 4];

/// A larger number is none: its square would be infinite.
const LARGEST: f64 = 1e150;
/// Characters of an error that are kept.
const ERROR: usize = 300;

/// What was found of a metric in an interval.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub whole: Quad,
    pub segments: BTreeMap<String, Quad>,
    /// Why it cannot be used.
    pub trouble: Option<String>,
}

/// What is behind sums of baseline and canary of which no query says it.
#[derive(Clone, Debug)]
pub(crate) enum Split {
    /// As much behind one as behind the other.
    Even,
    /// The canary has this part.
    Share(f64),
    /// Nobody knows, and why.
    Unknown(String),
}

impl Split {
    fn behind(&self) -> [f64; 2] {
        match self {
            Self::Even => [1.0, 1.0],
            Self::Share(share) => [1.0 - share, *share],
            Self::Unknown(_) => [f64::NAN; 2],
        }
    }
}

/// The rows of an interval, by metric, in order of the definition.
pub(crate) fn read(definition: &Definition, rows: &[CanaryPoint], split: &Split) -> Vec<Found> {
    definition.metrics.iter().map(|metric| one(metric, rows, split)).collect()
}

fn one(metric: &Metric, rows: &[CanaryPoint], split: &Split) -> Found {
    let behind_arms = if metric.adds_up() { split.behind() } else { [1.0, 1.0] };
    let mut found = Found { whole: NOTHING, segments: BTreeMap::new(), trouble: None };
    let mut errors = Vec::new();
    for row in rows.iter().filter(|row| row.metric == metric.name) {
        let Some(arm) = ["baseline", "canary"].iter().position(|arm| *arm == row.arm) else { continue };
        let behind = behind_arms.get(arm).copied().unwrap_or(f64::NAN);
        let exposure = if metric.exposure.is_some() { row.exposure.unwrap_or(f64::NAN) } else { behind };
        let quad = match &row.segment {
            Some(segment) => found.segments.entry(segment.clone()).or_insert(NOTHING),
            None => &mut found.whole,
        };
        let [baseline, canary, of_baseline, of_canary] = quad;
        let (value, behind) = if arm == 0 { (baseline, of_baseline) } else { (canary, of_canary) };
        (*value, *behind) = (row.value.unwrap_or(f64::NAN), exposure);
        errors.extend(row.error.as_ref().map(|error| format!("{}: {error}", row.arm)));
    }
    if measured(metric, found.whole).is_none() {
        let error = errors.join("; ");
        let short = error.char_indices().nth(ERROR).map_or(error.as_str(), |(end, _)| &error[..end]);
        found.trouble = Some(if short.is_empty() { why(metric, found.whole, split) } else { short.to_owned() });
    }
    found
}

/// Why an interval cannot be used.
fn why(metric: &Metric, [baseline, canary, of_baseline, of_canary]: Quad, split: &Split) -> String {
    let usable = |value: f64| value.abs() <= LARGEST;
    let text = match (usable(baseline), usable(canary)) {
        (false, false) => "no data in both arms",
        (false, true) => "no data in the baseline",
        (true, false) => "no data in the canary",
        (true, true) if metric.adds_up() && (baseline < 0.0 || canary < 0.0) => "a count is below 0",
        (true, true) if let (None, Split::Unknown(why)) = (&metric.exposure, split) => {
            return format!("nobody says how the traffic is split ({why}): give `exposure`");
        }
        (true, true) if !(of_baseline > 0.0 && of_baseline <= LARGEST) => "no exposure in the baseline",
        (true, true) if !(of_canary > 0.0 && of_canary <= LARGEST) => "no exposure in the canary",
        (true, true) => "it cannot be used",
    };
    text.to_owned()
}

/// As the judge takes it; nothing if an arm has no point.
pub(crate) fn measured(metric: &Metric, [baseline, canary, of_baseline, of_canary]: Quad) -> Option<Measured> {
    let known = baseline.abs() <= LARGEST && canary.abs() <= LARGEST;
    let counted = !metric.adds_up() || (baseline >= 0.0 && canary >= 0.0);
    let exposed = of_baseline > 0.0 && of_canary > 0.0 && of_baseline <= LARGEST && of_canary <= LARGEST;
    (known && counted && exposed).then_some(Measured { baseline, canary, exposure: (of_baseline, of_canary) })
}
