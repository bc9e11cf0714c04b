//! Silences: what people do not want to hear of for a while.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use base::{Exceeded, Limit, Timestamp};
use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::labels::Labels;
use crate::matcher::{Matcher, Matchers};

/// A silence's id; Alertmanager's are random UUIDs.
pub type SilenceId = String;

/// A silence has no more matchers, however the limits are set.
const MAX_MATCHERS: Limit = Limit::new("silence_matchers", 128);

/// How long expired silences are kept if nothing else is said: 120 h.
pub const RETENTION: Duration = Duration::from_secs(120 * 3600);

/// A silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its id.
    pub id: SilenceId,
    /// What it mutes: alerts that satisfy all of them. In the order in which they were posted.
    #[serde(deserialize_with = "crate::matcher::as_written")]
    pub matchers: Matchers,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when, that time not included.
    pub ends_at: Timestamp,
    /// When it was made or changed last.
    pub updated_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// What else is said of it.
    #[serde(default)]
    pub annotations: Labels,
}

/// A silence as it is posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostedSilence {
    /// The one that it changes; none for a new one. An empty id is none.
    pub id: Option<SilenceId>,
    /// What it mutes.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// What else is said of it.
    pub annotations: Labels,
}

/// What a silence does at a time; in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// It mutes.
    Active,
    /// It will.
    Pending,
    /// It did.
    Expired,
}

impl fmt::Display for SilenceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        })
    }
}

/// Why a silence is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is none with that id.
    #[error("silence {0} not found")]
    NotFound(SilenceId),
    /// It would mute nothing or everything.
    #[error("invalid silence: at least one matcher required")]
    NoMatchers,
    /// It would mute nearly everything.
    #[error("invalid silence: at least one matcher must not match the empty string")]
    MatchesEmpty,
    /// It ends before it starts, or at once.
    #[error("Failed to create silence: start time must be before end time")]
    EndsBeforeStart,
    /// It is over.
    #[error("Failed to create silence: end time can't be in the past")]
    Over,
    /// There are too many, or it is too large.
    #[error("Failed to create silence: {0}")]
    Exceeded(#[from] Exceeded),
}

/// What silences may be; without numbers there is no limit, as in Alertmanager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SilenceLimits {
    /// `--silences.max-silences`: how many, expired ones included.
    pub max_silences: Option<u64>,
    /// `--silences.max-silence-size-bytes`: how large one is, as JSON.
    pub max_silence_bytes: Option<u64>,
}

impl Silence {
    /// What it does at a time. It is active from its start until just before its end.
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if self.ends_at <= now {
            SilenceState::Expired
        } else if now < self.starts_at {
            SilenceState::Pending
        } else {
            SilenceState::Active
        }
    }

    /// Whether it can become `posted` and stay the same silence.
    fn can_become(&self, posted: &PostedSilence, matchers: &Matchers, now: Timestamp) -> bool {
        let second = |at: Timestamp| at.nanos().div_euclid(1_000_000_000);
        self.matchers.are_those_of(matchers)
            && match self.state(now) {
                SilenceState::Active => second(self.starts_at) == second(posted.starts_at) && posted.ends_at >= now,
                SilenceState::Pending => posted.starts_at >= now,
                SilenceState::Expired => false,
            }
    }

    fn listed_before(&self, other: &Self, now: Timestamp) -> Ordering {
        let state = self.state(now);
        let by_time = match state {
            SilenceState::Active => self.ends_at.cmp(&other.ends_at),
            SilenceState::Pending => self.starts_at.cmp(&other.starts_at),
            SilenceState::Expired => Reverse(self.ends_at).cmp(&Reverse(other.ends_at)),
        };
        state.cmp(&other.state(now)).then(by_time).then_with(|| self.id.cmp(&other.id))
    }
}

/// All silences, by id and by what they demand of labels.
#[derive(Clone, Debug)]
pub struct Silences {
    limits: SilenceLimits,
    retention: Duration,
    by_id: BTreeMap<SilenceId, (u32, Silence)>,
    by_number: BTreeMap<u32, SilenceId>,
    index: Index,
    /// Those in the index, by their ends.
    live: BTreeSet<(Timestamp, SilenceId)>,
    /// Those that are over and kept, by their ends.
    over: BTreeSet<(Timestamp, SilenceId)>,
    next: u32,
}

impl Default for Silences {
    fn default() -> Self {
        Self::new(SilenceLimits::default(), RETENTION)
    }
}

impl Silences {
    /// None yet. Expired ones are kept for `retention`.
    pub fn new(limits: SilenceLimits, retention: Duration) -> Self {
        let (by_id, by_number, index) = (BTreeMap::new(), BTreeMap::new(), Index::default());
        let (live, over) = (BTreeSet::new(), BTreeSet::new());
        Self { limits, retention, by_id, by_number, index, live, over, next: 0 }
    }

    /// Makes a silence, or changes the one with the posted id.
    ///
    /// It is changed in place if its matchers stay and it is active, keeps its start (to the second)
    /// and does not end in the past, or it is pending and does not start in the past. Otherwise it is
    /// expired and a new one made, under `new_id`; a start in the past becomes `now` then. An expired
    /// one is never changed.
    ///
    /// # Errors
    /// If it is not valid, or there is none with the posted id, or a limit is exceeded.
    pub fn set(
        &mut self,
        posted: PostedSilence,
        now: Timestamp,
        new_id: impl Into<SilenceId>,
    ) -> Result<SilenceId, SilenceError> {
        let (id, changed) = self.plan(posted, now, new_id)?;
        changed.into_iter().for_each(|silence| self.put(silence));
        Ok(id)
    }

    /// What [`Self::set`] would do: the id that it would give, and the silences that would be new or changed.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn plan(
        &self,
        posted: PostedSilence,
        now: Timestamp,
        new_id: impl Into<SilenceId>,
    ) -> Result<(SilenceId, Vec<Silence>), SilenceError> {
        let matchers = Matchers::as_written(posted.matchers.clone());
        check(&posted, &matchers, now)?;
        let old = posted.id.clone().filter(|id| !id.is_empty());
        if let Some(id) = old.as_ref().filter(|id| !self.by_id.contains_key(*id)) {
            return Err(SilenceError::NotFound(id.clone()));
        }
        let held = old.as_ref().and_then(|id| self.get(id));
        let in_place = held.filter(|held| held.can_become(&posted, &matchers, now)).map(|held| held.id.clone());
        let id = in_place.clone().unwrap_or_else(|| new_id.into());
        let starts_at = if in_place.is_some() { posted.starts_at } else { posted.starts_at.max(now) };
        let PostedSilence { ends_at, created_by, comment, annotations, .. } = posted;
        let silence = Silence { id, matchers, starts_at, ends_at, updated_at: now, created_by, comment, annotations };
        self.check_limits(&silence, in_place.is_none())?;
        let ended = old.filter(|_| in_place.is_none()).and_then(|id| self.ended(&id, now));
        Ok((silence.id.clone(), ended.into_iter().chain([silence]).collect()))
    }

    /// Ends a silence; one that is over stays as it is.
    ///
    /// # Errors
    /// If there is none with that id.
    pub fn expire(&mut self, id: &str, now: Timestamp) -> Result<(), SilenceError> {
        self.plan_end(id, now)?.into_iter().for_each(|silence| self.put(silence));
        Ok(())
    }

    /// What [`Self::expire`] would do: the silence as it would be; none if it is over.
    ///
    /// # Errors
    /// As [`Self::expire`].
    pub fn plan_end(&self, id: &str, now: Timestamp) -> Result<Option<Silence>, SilenceError> {
        if !self.by_id.contains_key(id) {
            return Err(SilenceError::NotFound(id.to_owned()));
        }
        Ok(self.ended(id, now))
    }

    /// Takes a silence as it was kept elsewhere, unless a newer version of it is held.
    pub fn restore(&mut self, silence: Silence) {
        if self.get(&silence.id).is_none_or(|held| held.updated_at <= silence.updated_at) {
            self.put(silence);
        }
    }

    /// The silence with that id.
    pub fn get(&self, id: &str) -> Option<&Silence> {
        self.by_id.get(id).map(|(_, silence)| silence)
    }

    /// How many there are, expired ones included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether none mutes anything, now or later, as far as [`Self::collect`] has looked.
    pub fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.by_id.values().map(|(_, silence)| silence)
    }

    /// The active silences that mute these labels, by id.
    pub fn mutes(&self, labels: &Labels, now: Timestamp) -> Vec<SilenceId> {
        let candidates = self.index.candidates(labels).filter_map(|number| self.get(self.by_number.get(&number)?));
        let active = candidates.filter(|silence| silence.state(now) == SilenceState::Active);
        let mut ids: Vec<_> =
            active.filter(|silence| silence.matchers.matches(labels)).map(|silence| silence.id.clone()).collect();
        ids.sort();
        ids
    }

    /// All of them as they are listed: active ones by their end, pending ones by their start, expired
    /// ones by their end, the last first.
    pub fn list(&self, now: Timestamp) -> Vec<&Silence> {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_by(|a, b| a.listed_before(b, now));
        all
    }

    /// Drops those that have been over for the retention time; gives their ids. What is neither that nor has just ended costs nothing.
    pub fn collect(&mut self, now: Timestamp) -> Vec<SilenceId> {
        while let Some((at, id)) = self.live.first().filter(|(at, _)| *at <= now).cloned() {
            self.unindex(&id);
            self.over.insert((at, id));
        }
        let mut gone = Vec::new();
        while let Some((_, id)) = self.over.first().filter(|(at, _)| at.plus(self.retention) <= now).cloned() {
            self.remove(&id);
            gone.push(id);
        }
        gone
    }

    /// When the state of one changes next, or one is to be dropped.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let times = self.iter().flat_map(|it| [it.starts_at, it.ends_at, it.ends_at.plus(self.retention)]);
        times.filter(|at| *at > now).min()
    }

    fn check_limits(&self, silence: &Silence, is_new: bool) -> Result<(), Exceeded> {
        if let Some(max) = self.limits.max_silences.filter(|_| is_new) {
            Limit::new("silences.max-silences", max).check(self.len() as u64 + 1)?;
        }
        if let Some(max) = self.limits.max_silence_bytes {
            let bytes = serde_json::to_vec(silence).map_or(usize::MAX, |json| json.len());
            Limit::new("silences.max-silence-size-bytes", max).check(bytes as u64)?;
        }
        Ok(())
    }

    /// A silence as it is once it is ended; none if it is over.
    fn ended(&self, id: &str, now: Timestamp) -> Option<Silence> {
        let held = self.get(id).filter(|held| held.state(now) != SilenceState::Expired)?;
        let starts_at = held.starts_at.min(now);
        Some(Silence { starts_at, ends_at: now, updated_at: now, ..held.clone() })
    }

    fn put(&mut self, silence: Silence) {
        self.remove(&silence.id);
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.index.insert(number, silence.matchers.as_slice());
        self.by_number.insert(number, silence.id.clone());
        self.live.insert((silence.ends_at, silence.id.clone()));
        self.by_id.insert(silence.id.clone(), (number, silence));
    }

    /// It mutes nothing any more.
    fn unindex(&mut self, id: &str) {
        let Some((number, silence)) = self.by_id.get(id) else { return };
        if self.live.remove(&(silence.ends_at, silence.id.clone())) {
            self.index.remove(*number, silence.matchers.as_slice());
            self.by_number.remove(number);
        }
    }

    fn remove(&mut self, id: &str) {
        self.unindex(id);
        if let Some((_, silence)) = self.by_id.remove(id) {
            self.over.remove(&(silence.ends_at, silence.id));
        }
    }
}

fn check(posted: &PostedSilence, matchers: &Matchers, now: Timestamp) -> Result<(), SilenceError> {
    MAX_MATCHERS.check(posted.matchers.len() as u64)?;
    if matchers.is_empty() {
        return Err(SilenceError::NoMatchers);
    }
    if posted.ends_at <= posted.starts_at {
        return Err(SilenceError::EndsBeforeStart);
    }
    if posted.ends_at < now {
        return Err(SilenceError::Over);
    }
    if matchers.as_slice().iter().all(asks_nothing) { Err(SilenceError::MatchesEmpty) } else { Ok(()) }
}

/// Whether a matcher is satisfied by a label that is not there. Alertmanager asks that of `=` and `=~` only: who
/// writes `!=` or `!~` means to leave something out.
fn asks_nothing(matcher: &Matcher) -> bool {
    matcher.op().is_equal() && matcher.matches_value("")
}
