//! Links on the way to a log.
//!
//! Who may write where a pattern looks could lead us to any file that we may read. So a link is followed only if it is of
//! root, as those of `/var/log/containers` are, or of the owner of the file that it leads to (as nginx's
//! `disable_symlinks if_not_owner`), and never to a file that holds secrets by its name.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use rustix::io::Errno;
use secrecy::Names;

use crate::host::content::{Links, open_file};

/// Links that lead from one to the next (path_resolution(7)).
const LINKS: usize = 40;

/// Files that are secrets by their name; without them no link is followed.
static SECRETS: LazyLock<Option<Names>> = LazyLock::new(|| Names::new(&[]).ok());

/// Opens what is at `path` to read it. It may be no regular file.
///
/// # Errors
/// What the system says, or that a link leads where its owner may not lead us.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let (real, owners) = resolve(path)?;
    // What was a link is none any more: another one in its place is an error.
    let file = open_file(&real, Links::Refused)?;
    if owners.is_empty() {
        return Ok(file);
    }
    let secret = SECRETS.as_ref().is_none_or(|names| names.is_secret(&real));
    if secret || !owners.iter().all(|owner| may_lead(*owner, file.metadata().map(|data| data.uid()).ok())) {
        let problem = format!("a link leads to {}, which is not its owner's, or holds secrets", real.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    Ok(file)
}

/// Whether a link of `owner` may lead to a file of `of`.
fn may_lead(owner: u32, of: Option<u32>) -> bool {
    owner == 0 || Some(owner) == of
}

/// The path without links, and the owners of those that were on the way.
fn resolve(path: &Path) -> io::Result<(PathBuf, Vec<u32>)> {
    let mut real = PathBuf::from("/");
    let mut owners = Vec::new();
    let mut waiting: Vec<OsString> = parts(path);
    while let Some(part) = waiting.pop() {
        if part == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&part);
        let metadata = std::fs::symlink_metadata(&next)?;
        if !metadata.is_symlink() {
            real = next;
            continue;
        }
        owners.push(metadata.uid());
        if owners.len() > LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = std::fs::read_link(&next)?;
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        waiting.extend(parts(&target));
    }
    Ok((real, owners))
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let named = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    path.components().rev().filter(named).map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_leads_to_files_of_its_owner_only_unless_it_is_of_root() {
        assert!(may_lead(0, Some(0)) && may_lead(0, Some(7)) && may_lead(7, Some(7)));
        assert!(!may_lead(7, Some(0)) && !may_lead(7, Some(8)) && !may_lead(7, None));
    }

    #[test]
    fn links_are_followed_to_their_end_and_nobody_elses_are() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("pods/a")).unwrap();
        fs::write(base.join("pods/a/0.log"), "x").unwrap();
        fs::write(base.join("tls.key"), "x").unwrap();
        symlink("../pods", base.join("pods/up")).unwrap();
        symlink(base.join("pods/up/a/0.log"), base.join("a.log")).unwrap();
        symlink("tls.key", base.join("k.log")).unwrap();
        symlink("loop.log", base.join("loop.log")).unwrap();
        let (real, owners) = resolve(&base.join("a.log")).unwrap();
        assert_eq!((real, owners.len()), (base.join("pods/a/0.log"), 2));
        assert!(open(&base.join("a.log")).is_ok(), "of our own, to our own");
        assert!(open(&base.join("tls.key")).is_ok(), "what is named itself is no link");
        assert_eq!(open(&base.join("k.log")).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(open(&base.join("loop.log")).is_err());
        // Only root can make a link of somebody else.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(base.join("a.log"), Some(12_345), None).unwrap();
            let error = open(&base.join("a.log")).unwrap_err();
            assert!(error.to_string().contains("pods/a/0.log"), "{error}");
            std::os::unix::fs::chown(base.join("pods/a/0.log"), Some(12_345), None).unwrap();
            assert!(open(&base.join("a.log")).is_ok());
        }
    }
}
