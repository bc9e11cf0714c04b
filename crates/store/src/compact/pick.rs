//! Which files are merged next.

use std::collections::BTreeMap;

use crate::days::day;
use crate::layout::layouts;
use crate::manifest::Version;
use crate::{FileEntry, StoreConfig, TableKind, scan};

/// Runs of less are of one size.
const SMALL: u64 = 1 << 20;

/// Files to merge into one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// The table's number.
    pub table: usize,
    /// The runs, the oldest first.
    pub runs: Vec<Vec<FileEntry>>,
    /// Whether these are all files that may hold rows of the same keys.
    pub all: bool,
}

/// The bucket with the most runs to merge. Runs are merged with neighbours in age only, so that
/// their rows keep their order; a run is merged again once there are enough of about its size, so
/// that each row is rewritten a logarithmic number of times.
pub(crate) fn pick(config: &StoreConfig, version: &Version) -> Option<Job> {
    let mut best: Option<Job> = None;
    for (table, files) in version.tables.iter().enumerate() {
        for bucket in files.chunk_by(|a, b| a.bucket == b.bucket) {
            let in_order = bucket.iter().filter(|file| layouts()[table].in_order(file)).cloned().collect();
            for runs in alike(table, scan::runs(in_order)) {
                let job = of_bucket(config, table, runs);
                let count = |job: &Option<Job>| job.as_ref().map_or(0, |job| job.runs.len());
                if count(&job) > count(&best) {
                    best = job;
                }
            }
        }
    }
    best
}

/// The runs of a bucket in groups whose rows may come together.
fn alike(table: usize, runs: Vec<Vec<FileEntry>>) -> Vec<Vec<Vec<FileEntry>>> {
    let def = layouts()[table].def;
    if !(def.daily && matches!(def.kind, TableKind::Keyed { .. })) {
        return vec![runs];
    }
    // Of keys that are announced day by day the rows of a day go when nothing needs them any more: those of another day
    // with the same bucket would keep them.
    let mut days: BTreeMap<u32, Vec<Vec<FileEntry>>> = BTreeMap::new();
    for run in runs {
        let last = run.iter().map(|file| file.max_ts).max().unwrap_or_default();
        days.entry(day(last)).or_default().push(run);
    }
    days.into_values().collect()
}

fn of_bucket(config: &StoreConfig, table: usize, mut runs: Vec<Vec<FileEntry>>) -> Option<Job> {
    let total = runs.len();
    let max = match layouts()[table].def.kind {
        TableKind::Keyed { .. } => u64::MAX,
        TableKind::Append => config.compaction_max_run_bytes,
    };
    let bytes = |run: &[FileEntry]| run.iter().map(|file| file.bytes).sum::<u64>();
    let tiers: Vec<u32> = runs.iter().rev().map(|run| bytes(run)).take_while(|&bytes| bytes <= max).map(tier).collect();
    let suffix = (0..=u64::BITS).find_map(|limit| {
        let count = tiers.iter().take_while(|&&tier| tier <= limit).count();
        (count >= config.compaction_files).then_some(count)
    })?;
    runs.drain(..total - suffix);
    runs.truncate(config.compaction_inputs);
    Some(Job { table, all: runs.len() == total, runs })
}

/// The size of a run in powers of four.
fn tier(bytes: u64) -> u32 {
    (bytes / SMALL).checked_ilog(4).map_or(0, |n| n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Timestamp;

    fn files(table: &str, sizes: &[u64]) -> Version {
        let mut version = Version::empty();
        let file = |(n, bytes): (usize, &u64)| FileEntry {
            path: n.to_string(),
            table: table.to_owned(),
            seq: n as u64,
            part: 0,
            level: 0,
            bucket: 0,
            rows: 1,
            bytes: *bytes,
            raw_bytes: 1,
            min_ts: Timestamp::ZERO,
            max_ts: Timestamp::ZERO,
            min_key: None,
            max_key: None,
            crc32: 0,
            announced: None,
            order: layouts()[crate::layout::number(table).unwrap()].def.order,
        };
        version.replace_files(|_| true, sizes.iter().enumerate().map(file).collect());
        version
    }

    fn picked(table: &str, sizes: &[u64]) -> Option<(Vec<u64>, bool)> {
        let job = pick(&StoreConfig::default(), &files(table, sizes))?;
        Some((job.runs.iter().map(|run| run[0].seq).collect(), job.all))
    }

    #[test]
    fn enough_young_runs_of_one_size_are_merged() {
        assert_eq!(picked("samples", &[1, 1, 1]), None);
        assert_eq!(picked("samples", &[1, 1, 1, 1]), Some((vec![0, 1, 2, 3], true)));
        assert_eq!(picked("samples", &[50 << 20, 1, 1, 1, 1]), Some((vec![1, 2, 3, 4], false)));
        assert_eq!(picked("samples", &[5 << 20, 6 << 20, 7 << 20, 1]), Some((vec![0, 1, 2, 3], true)));
        assert_eq!(picked("samples", &[1; 20]).unwrap().0, (0..16).collect::<Vec<_>>());
    }

    #[test]
    fn a_large_run_is_merged_again_only_where_keys_replace_each_other() {
        let sizes = [600 << 20, 600 << 20, 600 << 20, 600 << 20];
        assert_eq!(picked("samples", &sizes), None);
        assert_eq!(picked("resources", &sizes), Some((vec![0, 1, 2, 3], true)));
    }

    #[test]
    fn runs_stay_few_however_long_it_goes_on() {
        let mut sizes: Vec<u64> = Vec::new();
        for _ in 0..2_000 {
            sizes.push(200 << 10);
            while let Some((runs, _)) = picked("resources", &sizes) {
                let (first, last) = (runs[0] as usize, *runs.last().unwrap() as usize);
                let sum = sizes.drain(first..=last).sum();
                sizes.insert(first, sum);
            }
            assert!(sizes.len() <= 20, "{sizes:?}");
        }
    }
}
