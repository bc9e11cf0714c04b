use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use base::Limit;
use model::SeriesId;
use model::rows::Series;
use promql::Labels;
use rules::Rule;
use rules::book::Definition;

/// A series is announced again after this time, so that it stays known.
const AGAIN: Duration = Series::ANNOUNCED_EVERY;
/// Series that one group may write.
const SERIES: Limit = Limit::new("rules.group_series", 1_000_000);

/// What a group has written.
#[derive(Default)]
pub(crate) struct Memory {
    rules: Vec<(Rule, RuleMemory)>,
    announced: HashMap<SeriesId, Duration>,
}

/// What a rule has written, and found.
#[derive(Clone, Default)]
pub(crate) struct RuleMemory {
    /// The series that its last evaluation wrote.
    pub written: BTreeSet<SeriesId>,
    /// What its query found last; none if that is not known.
    pub found: Option<BTreeSet<Labels>>,
}

impl Memory {
    /// Goes on with another definition. Rules with name and labels of before keep what they have;
    /// gives the series of the others.
    pub(crate) fn adopt(&mut self, definition: &Definition) -> BTreeSet<SeriesId> {
        let mut old = std::mem::take(&mut self.rules);
        for rule in &definition.group.rules {
            let same = |(other, _): &(Rule, RuleMemory)| other.name() == rule.name() && other.labels == rule.labels;
            let kept = old.iter().position(same).map(|at| old.remove(at).1).unwrap_or_default();
            // Another query finds other things.
            self.rules.push((rule.clone(), RuleMemory { found: None, ..kept }));
        }
        old.into_iter().flat_map(|(_, memory)| memory.written).collect()
    }

    /// All series that it wrote last; it has none then.
    pub(crate) fn take(&mut self) -> BTreeSet<SeriesId> {
        std::mem::take(&mut self.rules).into_iter().flat_map(|(_, memory)| memory.written).collect()
    }

    pub(crate) fn rule(&mut self, place: usize) -> Option<&mut RuleMemory> {
        self.rules.get_mut(place).map(|(_, memory)| memory)
    }

    /// Whether a series must be announced at `now`.
    ///
    /// # Errors
    /// There are too many series.
    pub(crate) fn announce(&mut self, series: SeriesId, now: Duration) -> Result<bool, base::Exceeded> {
        let last = self.announced.get(&series).copied();
        if last.is_some_and(|last| now.saturating_sub(last) < AGAIN) {
            return Ok(false);
        }
        if last.is_none() && self.announced.len() as u64 >= SERIES.max() {
            // Series that nobody has written for two rounds are gone.
            self.announced.retain(|_, last| now.saturating_sub(*last) < 2 * AGAIN);
            SERIES.check(self.announced.len() as u64 + 1)?;
        }
        self.announced.insert(series, now);
        Ok(true)
    }

    /// These could not be announced: they stay due.
    pub(crate) fn forget(&mut self, series: &[Series]) {
        series.iter().for_each(|series| _ = self.announced.remove(&series.series_id));
    }
}
