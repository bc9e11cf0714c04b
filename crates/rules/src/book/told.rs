use std::collections::BTreeMap;

/// What came of an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Alerts that are told now.
    pub told: Vec<Told>,
    /// Why an alert is told otherwise than its rule has it.
    pub decided: Vec<Decided>,
}

/// An alert as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What it is about, external labels included.
    pub labels: BTreeMap<String, String>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
    /// When it began to fire.
    pub starts_at: i64,
    /// When it ended; none if it fires.
    pub ends_at: Option<i64>,
    /// When it counts as over unless it is told again, as in Prometheus; none if it does not.
    pub until: Option<i64>,
    /// Where its rule is shown.
    pub link: String,
}

/// Why an alert is told otherwise than its rule has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The alert, external labels included.
    pub labels: BTreeMap<String, String>,
    /// `flapping`, until it is `quiet`; `unknown`, until it is `known`.
    pub decision: &'static str,
    /// By what.
    pub because: String,
}
