use std::time::Duration;

use base::Timestamp;
use model::rows::Confirmation;
use model::{DryRun, Fingerprint};
use serde::{Deserialize, Serialize};

use super::Pair;

const CONFIRMED: &str = "confirmed by dry run";
const REFUTED: &str = "refuted by dry run";

/// What a server was asked about one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Question {
    declared: Fingerprint,
    /// Of the live object's tree, without what is beside it.
    live: Fingerprint,
    /// The fields in doubt.
    pub(super) paths: Vec<String>,
    /// So long people wait for the answer: from the first change on that they were not told of.
    pub(super) until: Timestamp,
    answer: Option<Answer>,
    /// While a finding waits: the code of the verdict that people know.
    pub(super) told: Option<u8>,
    /// When what was refuted is asked about again.
    again: Option<Timestamp>,
    /// That time has come.
    old: bool,
    /// It was asked about again, and the answer has not come.
    asked_again: bool,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) outcome: DryRun,
    pub(super) refuted: Vec<String>,
    why: Option<String>,
    /// Nobody answered in time: one that comes all the same counts.
    late: bool,
}

impl Answer {
    /// That of a row about these fields.
    pub(super) fn read(row: Confirmation, paths: &[String]) -> Self {
        let mut refuted: Vec<String> = serde_json::from_str(&row.refuted).unwrap_or_default();
        refuted.retain(|path| row.outcome != DryRun::Failed && paths.contains(path));
        let outcome = match row.outcome {
            DryRun::Failed => DryRun::Failed,
            _ if paths.iter().all(|path| refuted.contains(path)) => DryRun::Refuted,
            _ => DryRun::Confirmed,
        };
        Self { outcome, refuted, why: row.message, late: false }
    }

    pub(super) fn late(why: &str) -> Self {
        Self { outcome: DryRun::Failed, refuted: Vec::new(), why: Some(why.to_owned()), late: true }
    }
}

impl Question {
    pub(super) fn new((declared, live): Pair, paths: Vec<String>, until: Timestamp, told: u8) -> Self {
        let told = Some(told);
        Self { declared, live, paths, until, answer: None, told, again: None, old: false, asked_again: false }
    }

    pub(super) fn is_of(&self, pair: Pair) -> bool {
        (self.declared, self.live) == pair
    }

    pub(super) fn waits(&self) -> bool {
        self.answer.is_none()
    }

    /// Whether it is overdue at that time.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.waits() && self.until <= now
    }

    /// Whether what was refuted is to be asked about again.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        self.again.is_some_and(|again| again <= now)
    }

    /// When something is to be done about it.
    pub(super) fn wakes(&self) -> Option<Timestamp> {
        if self.waits() { Some(self.until) } else { self.again }
    }

    /// Whether the row answers it.
    pub(super) fn takes(&self, row: &Confirmation) -> bool {
        let open = self.asked_again || self.answer.as_ref().is_none_or(|answer| answer.late);
        open && self.is_of((row.declared, row.live))
    }

    /// Takes an answer. What was refuted stays so if nobody knows better.
    pub(super) fn answer(&mut self, answer: Answer) {
        let again = std::mem::take(&mut self.asked_again);
        if !(again && answer.outcome == DryRun::Failed) {
            self.answer = Some(answer);
        }
    }

    /// The time has come to ask about it again; the next is in a while.
    pub(super) fn ages(&mut self, now: Timestamp, every: Duration) {
        (self.old, self.again) = (true, Some(now.plus(every)));
    }

    /// It was looked at: what is refuted is asked about again in a while, `ZERO` for never. Gives
    /// whether it is to be asked about now.
    pub(super) fn settle(&mut self, now: Timestamp, every: Duration) -> bool {
        self.told = None;
        if self.refuted().is_empty() || every.is_zero() {
            (self.again, self.old) = (None, false);
        } else if self.again.is_none() {
            self.again = Some(now.plus(every));
        }
        std::mem::take(&mut self.old)
    }

    /// It was asked about again.
    pub(super) fn asked_again(&mut self) {
        self.asked_again = true;
    }

    pub(super) fn refuted(&self) -> &[String] {
        self.answer.as_ref().map(|answer| answer.refuted.as_slice()).unwrap_or_default()
    }

    /// What people read of it.
    pub(super) fn says(&self) -> Option<String> {
        let answer = self.answer.as_ref()?;
        Some(match (answer.outcome, &answer.why) {
            (DryRun::Confirmed, _) => CONFIRMED.to_owned(),
            (DryRun::Refuted, _) => REFUTED.to_owned(),
            (DryRun::Failed, why) => not_confirmed(why.as_deref().unwrap_or("nobody says why")),
        })
    }
}

pub(super) fn not_confirmed(why: &str) -> String {
    format!("not confirmed by dry run: {why}")
}
