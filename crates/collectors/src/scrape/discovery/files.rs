//! Files that list targets.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Limit;
use scrape::config::FileSd;
use scrape::discovery::{self, Group};

use super::Cx;

/// How often it is looked whether a file is another.
const LOOK: Duration = Duration::from_secs(5);
/// Bytes of a file.
const BYTES: Limit = Limit::new("scrape_file_bytes", 64 << 20);
/// Files that patterns match.
const FILES: Limit = Limit::new("scrape_files", 10_000);

/// By what a file that was written again differs: modification, length, inode.
type Version = (i64, i64, u64, u64);

/// What is known of each file.
#[derive(Default)]
struct Known(BTreeMap<PathBuf, (Option<Version>, Vec<Group>)>);

/// Reads the files until it is told to stop.
pub(super) async fn run(config: FileSd, cx: Cx) {
    let clock = cx.parts.clock.clone();
    let mut known = Known::default();
    let mut read_at = None;
    let mut first = true;
    loop {
        let now = clock.monotonic();
        let all = read_at.is_none_or(|at| now.saturating_sub(at) >= config.refresh);
        if all {
            read_at = Some(now);
        }
        let (patterns, job, before) = (config.patterns.clone(), cx.job.clone(), known);
        let looked = base::blocking(move || before.look(&patterns, all, &job)).await;
        let Some((after, changed)) = looked else { return };
        known = after;
        if changed || first {
            first = false;
            let groups = known.0.values().flat_map(|(_, groups)| groups.clone()).collect();
            if !cx.send(groups).await {
                return;
            }
        }
        if cx.stop.or(clock.sleep(LOOK.min(config.refresh))).await.is_none() {
            return;
        }
    }
}

impl Known {
    /// Looks at the files, and reads those that are others, or all; whether something has changed.
    fn look(mut self, patterns: &[String], all: bool, job: &str) -> (Self, bool) {
        let mut paths = Vec::new();
        for pattern in patterns {
            let found = expand(pattern);
            if all && found.is_empty() && !pattern.contains('*') {
                tracing::warn!(job, path = pattern, "there is no such file of targets");
            }
            paths.extend(found);
        }
        if let Err(exceeded) = FILES.check(paths.len() as u64) {
            tracing::warn!(job, %exceeded, "files of targets are left out");
            paths.truncate(usize::try_from(FILES.max()).unwrap_or(usize::MAX));
        }
        let count = self.0.len();
        // A file that is gone takes its targets along.
        self.0.retain(|path, _| paths.contains(path));
        let mut changed = self.0.len() != count;
        for path in paths {
            let version =
                fs::metadata(&path).ok().map(|meta| (meta.mtime(), meta.mtime_nsec(), meta.size(), meta.ino()));
            let old = self.0.entry(path.clone()).or_default();
            if !all && old.0 == version && version.is_some() {
                continue;
            }
            old.0 = version;
            match read(&path) {
                Ok(groups) => {
                    changed |= old.1 != groups;
                    old.1 = groups;
                }
                Err(problem) => {
                    metrics::counter!("steadfast_scrape_discovery_failures_total", "of" => "file").increment(1);
                    tracing::warn!(job, path = %path.display(), problem, "a file of targets cannot be read: what it said before stays");
                }
            }
        }
        (self, changed)
    }
}

fn read(path: &Path) -> Result<Vec<Group>, String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(BYTES.max() + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    BYTES.check(text.len() as u64).map_err(|exceeded| exceeded.to_string())?;
    let problems =
        |problems: Vec<scrape::Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    discovery::file(&text, &path.to_string_lossy()).map_err(problems)
}

/// The files that a pattern matches: its last part may have a `*`. One without is there unless the system says that it is not.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let (folder, name) = pattern.rsplit_once('/').map_or((".", pattern), |(folder, name)| (folder, name));
    let Some((start, end)) = name.split_once('*') else {
        let gone = fs::metadata(pattern).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        return if gone { Vec::new() } else { vec![PathBuf::from(pattern)] };
    };
    let folder = if folder.is_empty() { "/" } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let fits = |name: &str| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
    let mut found: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(fits)).map(|entry| entry.path()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(known: &Known) -> usize {
        known.0.values().flat_map(|(_, groups)| groups).map(|group| group.targets.len()).sum()
    }

    #[test]
    fn what_a_file_said_stays_while_it_is_broken_and_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yml");
        let pattern = vec![folder.path().join("*.yml").to_string_lossy().into_owned()];
        fs::write(&file, "- targets: [a:1, b:1]").unwrap();
        let (known, changed) = Known::default().look(&pattern, false, "j");
        assert!(changed && targets(&known) == 2);
        let (known, changed) = known.look(&pattern, false, "j");
        assert!(!changed, "the same file");
        fs::write(&file, "- targets: [a:1").unwrap();
        let (known, changed) = known.look(&pattern, true, "j");
        assert!(!changed && targets(&known) == 2, "a broken one");
        fs::write(&file, "- targets: [c:1]").unwrap();
        let (known, changed) = known.look(&pattern, true, "j");
        assert!(changed && targets(&known) == 1);
        fs::remove_file(&file).unwrap();
        let (known, changed) = known.look(&pattern, false, "j");
        assert!(changed && targets(&known) == 0);
    }

    #[test]
    fn a_file_that_is_named_goes_with_its_targets_and_comes_back_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yml");
        let pattern = vec![file.to_string_lossy().into_owned()];
        let (known, changed) = Known::default().look(&pattern, true, "j");
        assert!(!changed && targets(&known) == 0, "not there yet");
        fs::write(&file, "- targets: [a:1, b:1]").unwrap();
        let (known, changed) = known.look(&pattern, false, "j");
        assert!(changed && targets(&known) == 2);
        fs::remove_file(&file).unwrap();
        let (known, changed) = known.look(&pattern, false, "j");
        assert!(changed && targets(&known) == 0, "gone");
        // What cannot be read is no file that is gone.
        fs::write(&file, "- targets: [a:1, b:1]").unwrap();
        let (known, _) = known.look(&pattern, false, "j");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let (known, changed) = known.look(&pattern, true, "j");
        assert!(!changed && targets(&known) == 2, "not to be read");
    }
}
