//! What others were told of a rule's alerts, and how often these changed.

use std::collections::{BTreeMap, VecDeque};

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decided, Flapping, Settings, Told};
use crate::state::{Alert, AlertState, RuleState};

/// By labels.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Track>", into = "Vec<Track>")]
pub(super) struct Tracks(BTreeMap<BTreeMap<String, String>, Track>);

impl From<Vec<Track>> for Tracks {
    fn from(list: Vec<Track>) -> Self {
        Self(list.into_iter().map(|track| (track.labels.clone(), track)).collect())
    }
}

impl From<Tracks> for Vec<Track> {
    fn from(tracks: Tracks) -> Self {
        tracks.0.into_values().collect()
    }
}

/// One alert. Times in milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Track {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    /// Whether it fires as its rule has it.
    firing: bool,
    /// When that changed.
    changes: VecDeque<i64>,
    changed_at: i64,
    /// It is told as firing whatever its rule says: since when.
    held: Option<i64>,
    /// What others were told last: that it fires since then.
    told: Option<Open>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    since: i64,
    told_at: i64,
    /// Whether its data were missing, and whether it was held.
    noted: (bool, bool),
}

/// A remark that is added to an alert's annotations.
pub(super) struct Note {
    pub name: &'static str,
    pub since: i64,
    pub text: String,
}

impl Tracks {
    pub(super) fn flaps(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.get(labels).is_some_and(|track| track.held.is_some())
    }

    /// Whether others believe that it fires.
    pub(super) fn is_open(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.get(labels).is_some_and(|track| track.told.is_some())
    }

    /// Brings what others know to what is so; `put` takes what is to be told, and what was decided.
    pub(super) fn turn(
        &mut self,
        state: &RuleState,
        settings: &Settings,
        t: i64,
        note: impl Fn(&BTreeMap<String, String>) -> Option<Note>,
        mut put: impl FnMut(Option<Told>, Option<Decided>),
    ) {
        for alert in state.firing().filter(|alert| !self.0.contains_key(&alert.labels)).collect::<Vec<_>>() {
            let track = Track { labels: alert.labels.clone(), ..Track::default() };
            self.0.insert(alert.labels.clone(), track);
        }
        self.0.retain(|labels, track| {
            let found = state.alerts.binary_search_by(|alert| alert.labels.cmp(labels)).ok();
            let alert = found.and_then(|at| state.alerts.get(at));
            track.follow(alert, settings.flapping, t);
            let decided = track.hold(settings.flapping, t);
            let told = track.tell(alert, settings, note(labels), t);
            put(told, decided);
            track.is_needed(settings.flapping, t)
        });
    }

    /// All are over.
    pub(super) fn end(&mut self, t: i64) -> impl Iterator<Item = Told> {
        let tracks = std::mem::take(&mut self.0);
        tracks.into_values().filter_map(move |mut track| track.close(t))
    }
}

impl Track {
    fn follow(&mut self, alert: Option<&Alert>, flapping: Flapping, t: i64) {
        if let Some(alert) = alert.filter(|alert| alert.annotations != self.annotations) {
            self.annotations.clone_from(&alert.annotations);
        }
        let firing = alert.is_some_and(|alert| alert.state == AlertState::Firing);
        if firing != self.firing {
            (self.firing, self.changed_at) = (firing, t);
            self.changes.push_back(t);
        }
        let old = |at: &i64| t.saturating_sub(*at) >= flapping.within;
        while self.changes.front().is_some_and(old) || self.changes.len() > flapping.changes.saturating_add(1) {
            self.changes.pop_front();
        }
    }

    /// Holds it, or lets it go.
    fn hold(&mut self, flapping: Flapping, t: i64) -> Option<Decided> {
        let decided = |decision, because| Decided { labels: self.labels.clone(), decision, because };
        let quiet = promql::text::duration(flapping.quiet);
        if self.held.is_some() {
            if flapping.changes > 0 && t.saturating_sub(self.changed_at) < flapping.quiet {
                return None;
            }
            let it = decided("quiet", format!("no change for {quiet}"));
            self.held = None;
            self.changes.clear();
            return Some(it);
        }
        if flapping.changes == 0 || self.changes.len() <= flapping.changes {
            return None;
        }
        let it = decided("flapping", flapping_text(flapping));
        self.held = Some(t);
        Some(it)
    }

    fn tell(&mut self, alert: Option<&Alert>, settings: &Settings, note: Option<Note>, t: i64) -> Option<Told> {
        if !self.firing && self.held.is_none() {
            return self.close(t);
        }
        let noted = (note.is_some(), self.held.is_some());
        if let Some(open) = self.told
            && open.noted == noted
            && open.told_at.saturating_add(settings.resend) > t
        {
            return None;
        }
        let began = || alert.and_then(|alert| alert.fired_at).unwrap_or(t);
        let since = self.told.map_or_else(began, |open| open.since);
        self.told = Some(Open { since, told_at: t, noted });
        let mut annotations = self.annotations.clone();
        let held = self.held.map(|since| Note { name: "flapping", since, text: flapping_text(settings.flapping) });
        for Note { name, since, text } in note.into_iter().chain(held) {
            let since = Timestamp::from_nanos(since.saturating_mul(1_000_000));
            annotations.insert(name.to_owned(), format!("since {since}: {text}"));
        }
        Some(Told { labels: self.labels.clone(), annotations, starts_at: since, ..Told::default() })
    }

    fn close(&mut self, t: i64) -> Option<Told> {
        let open = self.told.take()?;
        let (labels, annotations) = (self.labels.clone(), self.annotations.clone());
        Some(Told { labels, annotations, starts_at: open.since, ends_at: Some(t), ..Told::default() })
    }

    /// Whether it must be remembered.
    fn is_needed(&self, flapping: Flapping, t: i64) -> bool {
        let recent = flapping.changes > 0 && t.saturating_sub(self.changed_at) < flapping.within;
        self.firing || self.held.is_some() || self.told.is_some() || recent
    }
}

fn flapping_text(flapping: Flapping) -> String {
    let (within, quiet) = (promql::text::duration(flapping.within), promql::text::duration(flapping.quiet));
    format!(
        "more than {} changes in {within}: it is told as firing until nothing changes for {quiet}",
        flapping.changes
    )
}
