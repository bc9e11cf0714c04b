use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Clock;

/// How often a local repository is looked at.
const EVERY: Duration = Duration::from_millis(200);

/// Watches the branch of a repository on this machine by the files that hold it: cheap enough to
/// look five times a second.
pub(crate) struct Watch {
    path: PathBuf,
    branch: Option<String>,
}

/// What the branch was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    head: Option<Vec<u8>>,
    loose: Option<Vec<u8>>,
    /// Inode, size, and time of change in nanoseconds.
    packed: Option<(u64, u64, i64)>,
}

impl Watch {
    pub(crate) fn new(path: PathBuf, branch: Option<String>) -> Self {
        Self { path, branch }
    }

    /// The state of the branch now; the same for a repository that is not there.
    pub(crate) fn stamp(&self) -> Stamp {
        let dot = self.path.join(".git");
        let dir = if dot.is_dir() { dot } else { self.path.clone() };
        let head = small(&dir.join("HEAD"));
        let reference = match (&self.branch, &head) {
            (Some(branch), _) => Some(format!("refs/heads/{branch}")),
            (None, Some(head)) => std::str::from_utf8(head).ok().and_then(symbolic),
            (None, None) => None,
        };
        let packed = std::fs::metadata(dir.join("packed-refs")).ok();
        Stamp {
            loose: reference.and_then(|name| small(&dir.join(name))),
            packed: packed.map(|meta| (meta.ino(), meta.size(), meta.ctime() * 1_000_000_000 + meta.ctime_nsec())),
            head,
        }
    }

    /// Ends when the branch is no longer what it was.
    pub(crate) async fn changed(&self, clock: &Clock, was: &Stamp) {
        while self.stamp() == *was {
            clock.sleep(EVERY).await;
        }
    }
}

fn symbolic(head: &str) -> Option<String> {
    let name = head.strip_prefix("ref: ")?.trim();
    let safe = name.starts_with("refs/") && !name.split('/').any(|part| part == "..");
    safe.then(|| name.to_owned())
}

/// A file of at most a few hundred bytes.
fn small(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(1024).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
