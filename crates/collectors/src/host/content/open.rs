use std::fs::File;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Whether symbolic links on the way to a file may be followed. The file itself never is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// No: someone who can write a directory could lead us elsewhere.
    Refused,
    /// On the way: `/bin/ls` where `/bin` leads to `/usr/bin`.
    OnTheWay,
}

/// Opens a file to read it. Never waits for the other end of a FIFO, never becomes the owner of a
/// terminal, and leaves the access time alone where that is allowed. What was opened may still be
/// no regular file: the caller must look.
///
/// # Errors
/// What the system says; `ELOOP` for a symbolic link.
pub(crate) fn open_file(path: &Path, links: Links) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    // O_NOATIME is for the owner and root only.
    let opened = match open(path, flags | OFlags::NOATIME, links) {
        Err(Errno::PERM) => open(path, flags, links),
        opened => opened,
    };
    opened.map(File::from)
}

/// Opens a directory to list it.
///
/// # Errors
/// What the system says; `ELOOP` or `ENOTDIR` if it is a symbolic link.
pub(crate) fn open_dir(path: &Path) -> Result<OwnedFd, Errno> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Links::Refused)
}

fn open(path: &Path, flags: OFlags, links: Links) -> Result<OwnedFd, Errno> {
    let plain = || rustix::fs::openat(CWD, path, flags, Mode::empty());
    if links == Links::OnTheWay {
        return plain();
    }
    let refuse = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(CWD, path, flags, Mode::empty(), refuse) {
        // Kernels before 5.6 do not have the call, and some sandboxes refuse it.
        Err(Errno::NOSYS) => plain(),
        Err(Errno::PERM) if !flags.contains(OFlags::NOATIME) => plain(),
        opened => opened,
    }
}
