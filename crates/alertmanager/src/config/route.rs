//! `route`, `inhibit_rules` and the named time intervals.

use std::collections::BTreeMap;

use super::settings::settings;
use super::types::Span;
use crate::inhibit::{Rule, Source};
use crate::interval::TimeInterval;
use crate::matcher::{Matcher, MatcherError, Matchers, Op};

settings! {
    /// A node of the routing tree.
    Route {
        receiver: Option<String>,
        group_by: Option<Vec<String>>,
        match_equal as "match": BTreeMap<String, String>,
        match_re: BTreeMap<String, String>,
        matchers: Matchers,
        mute_time_intervals: Vec<String>,
        active_time_intervals: Vec<String>,
        continues as "continue": bool,
        routes: Vec<Route>,
        group_wait: Option<Span>,
        group_interval: Option<Span>,
        repeat_interval: Option<Span>,
        labels: crate::labels::Labels,
    }

    /// A rule of `inhibit_rules`.
    InhibitRule {
        name: Option<String>,
        source_match: BTreeMap<String, String>,
        source_match_re: BTreeMap<String, String>,
        source_matchers: Matchers,
        sources: Vec<InhibitSource>,
        target_match: BTreeMap<String, String>,
        target_match_re: BTreeMap<String, String>,
        target_matchers: Matchers,
        equal: Vec<String>,
    }

    /// An entry of a rule's `sources`; all of them have to fire.
    InhibitSource {
        matchers: Matchers,
        equal: Vec<String>,
    }

    /// Times with a name, of `time_intervals` or `mute_time_intervals`.
    NamedIntervals {
        name: String,
        time_intervals: Vec<TimeInterval>,
    }
}

/// All matchers of the three forms together, sorted.
fn together(
    equal: &BTreeMap<String, String>,
    regex: &BTreeMap<String, String>,
    matchers: &Matchers,
) -> Result<Matchers, MatcherError> {
    let equal = equal.iter().map(|(name, value)| Matcher::new(name, Op::Equal, value));
    let regex = regex.iter().map(|(name, value)| Matcher::new(name, Op::Regex, value));
    let all: Result<Vec<_>, _> = equal.chain(regex).chain(matchers.as_slice().iter().cloned().map(Ok)).collect();
    all.map(Matchers::new)
}

impl Route {
    /// What it matches: `match`, `match_re` and `matchers` together.
    ///
    /// # Errors
    /// If a regular expression of `match_re` is none; not in a configuration that was read.
    pub fn all_matchers(&self) -> Result<Matchers, MatcherError> {
        together(&self.match_equal, &self.match_re, &self.matchers)
    }
}

impl InhibitRule {
    /// The rule with the old forms turned into matchers.
    ///
    /// # Errors
    /// If a regular expression of an old form is none; not in a configuration that was read.
    pub fn to_rule(&self) -> Result<Rule, MatcherError> {
        let sources = if self.sources.is_empty() {
            let matchers = together(&self.source_match, &self.source_match_re, &self.source_matchers)?;
            vec![Source { matchers, equal: self.equal.clone() }]
        } else {
            let source = |it: &InhibitSource| Source { matchers: it.matchers.clone(), equal: it.equal.clone() };
            self.sources.iter().map(source).collect()
        };
        let targets = together(&self.target_match, &self.target_match_re, &self.target_matchers)?;
        Ok(Rule { name: self.name.clone().unwrap_or_default(), sources, targets })
    }
}
