use std::path::Path;

use rustix::fs::{AtFlags, CWD};
use rustix::io::Errno;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileType {
    File,
    Directory,
    Symlink,
    Fifo,
    Socket,
    Block,
    Char,
}

impl FileType {
    /// Its word in a document.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::Block => "block",
            Self::Char => "char",
        }
    }
}

/// What the system says about a file, as far as we need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: FileType,
    /// Permission bits, with setuid, setgid and sticky.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    /// Nanoseconds.
    pub(crate) mtime: i128,
    /// Nanoseconds. The honest one: who restores the mtime still moves it.
    pub(crate) ctime: i128,
}

impl Stat {
    /// Of the file itself, not of what a symbolic link leads to.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn of(path: &Path) -> Result<Self, Errno> {
        rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| Self::from(&stat))
    }

    /// 128 bits that change when the content may have: size, mtime, ctime, inode and device.
    pub(crate) fn signature(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        for number in [i128::from(self.size), self.mtime, self.ctime, i128::from(self.ino), i128::from(self.dev)] {
            hasher.update(&number.to_le_bytes());
        }
        let mut signature = [0; 16];
        signature.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        signature
    }

    /// Whether a content read between the two is of one piece.
    pub(crate) fn same_content(&self, later: &Self) -> bool {
        let what = |stat: &Self| (stat.size, stat.mtime, stat.ctime, stat.ino, stat.dev);
        what(self) == what(later)
    }
}

impl From<&rustix::fs::Stat> for Stat {
    fn from(stat: &rustix::fs::Stat) -> Self {
        let nanos = |secs: i64, nanos: u64| i128::from(secs) * 1_000_000_000 + i128::from(nanos);
        let kind = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::Directory => FileType::Directory,
            rustix::fs::FileType::Symlink => FileType::Symlink,
            rustix::fs::FileType::Fifo => FileType::Fifo,
            rustix::fs::FileType::Socket => FileType::Socket,
            rustix::fs::FileType::BlockDevice => FileType::Block,
            rustix::fs::FileType::CharacterDevice => FileType::Char,
            _ => FileType::File,
        };
        Self {
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size as u64,
            dev: stat.st_dev,
            ino: stat.st_ino,
            mtime: nanos(stat.st_mtime, stat.st_mtime_nsec),
            ctime: nanos(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}
