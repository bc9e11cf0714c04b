use std::collections::{BTreeMap, BTreeSet};

use promql::{Labels, Value};
use serde::{Deserialize, Serialize};

use super::track::{Note, Tracks};
use super::{Decided, Definition, Evaluation, MissingPolicy, Outcome, Told};
use crate::rule::{Alerting, Kind, Rule};
use crate::state::{RuleState, advance_all};

/// The alert that says that a rule's data are missing.
const MISSING_DATA: &str = "SteadfastRuleMissingData";
/// Bytes of an error that are kept.
const ERROR_BYTES: usize = 1_000;

/// Whether a rule could be evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It was not evaluated yet.
    #[default]
    Unknown,
    /// It could.
    Ok,
    /// It could not.
    Err,
}

impl Health {
    /// As the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Err => "err",
        }
    }
}

/// What is remembered of a rule. Times in milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningRule {
    state: RuleState,
    tracks: Tracks,
    health: Health,
    error: Option<String>,
    evaluated_at: Option<i64>,
    /// When it last had an answer with all of its data.
    known_at: Option<i64>,
    took: f64,
    unknown: Option<Unknown>,
    /// That its data are missing was told: since when it is so, and when it was told last.
    notice: Option<(i64, i64)>,
}

/// That it is not known whether some alerts still hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    /// Since when.
    pub since: i64,
    /// Why.
    pub reason: String,
    /// The selectors that find nothing any more.
    pub selectors: BTreeSet<String>,
    /// The labels of these alerts.
    pub alerts: BTreeSet<BTreeMap<String, String>>,
    /// It was so for too long: they have ended.
    pub given_up: bool,
}

/// A rule at a time.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub definition: &'a Definition,
    pub rule: &'a Rule,
    pub t: i64,
}

impl RunningRule {
    /// The states of its alerts.
    pub const fn state(&self) -> &RuleState {
        &self.state
    }

    /// Whether it could be evaluated.
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Why it could not.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// When it was evaluated last.
    pub const fn evaluated_at(&self) -> Option<i64> {
        self.evaluated_at
    }

    /// When it last had an answer with all of its data.
    pub const fn known_at(&self) -> Option<i64> {
        self.known_at
    }

    /// How long the last evaluation took, in seconds.
    pub const fn took(&self) -> f64 {
        self.took
    }

    /// Which of its alerts may no longer hold, and why that is not known.
    pub const fn unknown(&self) -> Option<&Unknown> {
        self.unknown.as_ref()
    }

    /// Whether an alert is held as firing since it changes too often.
    pub fn flaps(&self, labels: &BTreeMap<String, String>) -> bool {
        self.tracks.flaps(labels)
    }

    /// The time of an evaluation: it never goes back, whatever the clock did.
    pub(super) fn time(&self, t: i64) -> i64 {
        self.evaluated_at.map_or(t, |last| last.max(t))
    }

    pub(super) fn evaluated(&mut self, turn: Turn<'_>, evaluation: Evaluation, outcome: &mut Outcome) {
        self.evaluated_at = Some(turn.t);
        self.took = evaluation.took;
        let Kind::Alerting(alerting) = &turn.rule.kind else {
            return match evaluation.result {
                Ok(_) => self.answered(evaluation.t),
                Err(error) => self.failed(error),
            };
        };
        let before = self.unknown.clone();
        match &evaluation.result {
            Ok(vector) => self.found(turn, alerting, vector, &evaluation),
            Err(error) => {
                self.failed(error.clone());
                self.unsure(turn, format!("the rule has no answer: {error}"), BTreeSet::new(), None);
            }
        }
        self.give_up_in_time(turn);
        self.explain(turn, before.as_ref(), outcome);
        self.tell(turn, outcome);
    }

    /// `t` is what the query was asked for.
    fn answered(&mut self, t: i64) {
        (self.health, self.error, self.known_at) = (Health::Ok, None, Some(t));
    }

    fn failed(&mut self, mut error: String) {
        if let Some((end, _)) = error.char_indices().find(|(at, _)| *at >= ERROR_BYTES) {
            error.truncate(end);
        }
        (self.health, self.error) = (Health::Err, Some(error));
    }

    fn found(&mut self, turn: Turn<'_>, alerting: &Alerting, vector: &[(Labels, Value)], evaluation: &Evaluation) {
        let Turn { definition, rule, t } = turn;
        let lost = self.lost(evaluation);
        let given_up = self.unknown.as_ref().is_some_and(|unknown| unknown.given_up);
        let keeps = definition.settings.missing.policy != MissingPolicy::Resolve;
        let keep = keeps && !lost.is_empty() && !given_up;
        let expander = definition.expander(&evaluation.queries);
        // Of what fails nothing may stay.
        let mut next = self.state.clone();
        let limit = (t, definition.group.limit);
        match advance_all(rule, alerting, &mut next, limit, vector, &expander, keep) {
            Err(error) => {
                self.failed(error.to_string());
                self.unsure(turn, format!("the rule has no answer: {error}"), BTreeSet::new(), None);
            }
            Ok(absent) => {
                self.state = next;
                if keep && !absent.is_empty() {
                    (self.health, self.error) = (Health::Ok, None);
                    let list: Vec<&str> = lost.iter().map(String::as_str).collect();
                    let reason = format!("there are no series any more for {}", list.join(", "));
                    return self.unsure(turn, reason, lost, Some(absent));
                }
                if given_up && !lost.is_empty() && !self.is_normal(turn) {
                    (self.health, self.error) = (Health::Ok, None);
                    return;
                }
                self.unknown = None;
                self.answered(evaluation.t);
            }
        }
    }

    /// The selectors that found series when the rule last had an answer, and find none now.
    fn lost(&self, evaluation: &Evaluation) -> BTreeSet<String> {
        let known = self.unknown.as_ref().map(|unknown| &unknown.selectors);
        let gone = |(selector, (then, now)): (&String, &(u64, u64))| {
            let was_there = *then > 0 || known.is_some_and(|known| known.contains(selector));
            (*now == 0 && was_there).then(|| selector.clone())
        };
        evaluation.inputs.iter().filter_map(gone).collect()
    }

    /// Whether there has been nothing for so long that this is how it is.
    fn is_normal(&self, turn: Turn<'_>) -> bool {
        let long = turn.definition.settings.missing.keep_for.saturating_mul(2);
        self.unknown.as_ref().is_none_or(|unknown| turn.t.saturating_sub(unknown.since) >= long)
    }

    /// It is not known whether alerts hold: these, or all.
    fn unsure(
        &mut self,
        turn: Turn<'_>,
        reason: String,
        selectors: BTreeSet<String>,
        alerts: Option<BTreeSet<BTreeMap<String, String>>>,
    ) {
        let all = || self.state.firing().map(|alert| alert.labels.clone()).collect();
        let alerts = alerts.unwrap_or_else(all);
        let before = self.unknown.take();
        let (since, given_up) = before.as_ref().map_or((turn.t, false), |before| (before.since, before.given_up));
        // What is known to be lost stays so while a query fails.
        let selectors =
            if selectors.is_empty() { before.map(|it| it.selectors).unwrap_or_default() } else { selectors };
        self.unknown = Some(Unknown { since, reason, selectors, alerts, given_up });
    }

    /// What is not known for too long ends, and somebody is told why.
    fn give_up_in_time(&mut self, turn: Turn<'_>) {
        let missing = turn.definition.settings.missing;
        let Some(unknown) = &mut self.unknown else { return };
        let late = turn.t.saturating_sub(unknown.since) >= missing.keep_for;
        if late && !unknown.given_up && missing.policy != MissingPolicy::Resolve && !unknown.alerts.is_empty() {
            unknown.given_up = true;
            self.state.give_up(turn.t);
        }
    }

    /// Says why alerts are kept, and when that is over.
    fn explain(&self, turn: Turn<'_>, before: Option<&Unknown>, outcome: &mut Outcome) {
        let of = |unknown: Option<&Unknown>| match unknown {
            Some(unknown) if turn.definition.settings.missing.policy != MissingPolicy::Resolve => {
                unknown.alerts.iter().filter(|labels| self.tracks.is_open(labels)).cloned().collect()
            }
            _ => BTreeSet::new(),
        };
        let (old, new) = (of(before), of(self.unknown.as_ref()));
        let reason = self.unknown.as_ref().map(|unknown| unknown.reason.clone());
        for (labels, decision) in new
            .difference(&old)
            .map(|labels| (labels, "unknown"))
            .chain(old.difference(&new).map(|labels| (labels, "known")))
        {
            let because =
                reason.clone().filter(|_| decision == "unknown").unwrap_or_else(|| "its data are back".to_owned());
            outcome.decided.push(Decided { labels: turn.definition.outward(labels), decision, because });
        }
    }

    /// Tells what is due of its alerts, and that data are missing.
    fn tell(&mut self, turn: Turn<'_>, outcome: &mut Outcome) {
        let Self { state, tracks, unknown, .. } = self;
        let (settings, t) = (&turn.definition.settings, turn.t);
        let waits = unknown.as_ref().filter(|unknown| !unknown.given_up);
        // In Prometheus a rule that fails tells nothing.
        if self.health == Health::Err && settings.missing.policy == MissingPolicy::Resolve {
            return;
        }
        let note = |labels: &BTreeMap<String, String>| {
            let unknown = waits.filter(|unknown| unknown.alerts.contains(labels))?;
            Some(Note { name: "unknown", since: unknown.since, text: unknown.reason.clone() })
        };
        tracks.turn(state, settings, t, note, |told, decided| {
            outcome.decided.extend(decided.map(|decided| outward(turn, decided)));
            outcome.told.extend(told.map(|told| of_rule(turn, told)));
        });
        self.tell_missing(turn, outcome);
    }

    /// The alert that says that data are missing.
    fn tell_missing(&mut self, turn: Turn<'_>, outcome: &mut Outcome) {
        let settings = &turn.definition.settings;
        let speaks = |unknown: &&Unknown| match settings.missing.policy {
            MissingPolicy::Keep => unknown.given_up,
            MissingPolicy::Alert => true,
            MissingPolicy::Resolve => false,
        };
        match (self.unknown.as_ref().filter(speaks), self.notice) {
            (Some(unknown), notice) => {
                let (since, sent) = notice.unwrap_or((turn.t, i64::MIN));
                if sent.saturating_add(settings.resend) <= turn.t {
                    self.notice = Some((since, turn.t));
                    outcome.told.push(missing_data(turn, &unknown.reason, since, None));
                }
            }
            (None, Some((since, _))) => {
                self.notice = None;
                outcome.told.push(missing_data(turn, "its data are back", since, Some(turn.t)));
            }
            (None, None) => {}
        }
    }

    /// The rule is gone: so are its alerts.
    pub(super) fn end(&mut self, turn: Turn<'_>, outcome: &mut Outcome) {
        outcome.told.extend(self.tracks.end(turn.t).map(|told| of_rule(turn, told)));
        if let Some((since, _)) = self.notice.take() {
            outcome.told.push(missing_data(turn, "the rule is gone", since, Some(turn.t)));
        }
    }
}

fn outward(turn: Turn<'_>, decided: Decided) -> Decided {
    Decided { labels: turn.definition.outward(&decided.labels), ..decided }
}

fn of_rule(turn: Turn<'_>, told: Told) -> Told {
    let settings = &turn.definition.settings;
    let patience = settings.resend.max(turn.definition.interval()).saturating_mul(4);
    let forgets = settings.missing.policy == MissingPolicy::Resolve && told.ends_at.is_none();
    let until = forgets.then(|| turn.t.saturating_add(patience));
    Told { labels: turn.definition.outward(&told.labels), link: turn.definition.link(turn.rule), until, ..told }
}

/// It has the labels of the rule that are no templates, so that it finds the people of the rule.
fn missing_data(turn: Turn<'_>, reason: &str, starts_at: i64, ends_at: Option<i64>) -> Told {
    let Turn { definition, rule, .. } = turn;
    let plain = rule.labels.iter().filter(|(_, text)| !text.contains("{{"));
    let mut labels: BTreeMap<String, String> = plain.cloned().collect();
    let own = [
        ("alertname", MISSING_DATA),
        ("rule", rule.name()),
        ("rule_group", definition.group.name.as_str()),
        ("rule_file", definition.file.as_str()),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let summary = format!("It is not known whether {} holds: {reason}", rule.name());
    let annotations = BTreeMap::from([("summary".to_owned(), summary)]);
    let (labels, link) = (definition.outward(&labels), definition.link(rule));
    Told { labels, annotations, starts_at, ends_at, until: None, link }
}
