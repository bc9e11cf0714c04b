use std::fs::File;
use std::io::Read;
use std::path::Path;

use base::{DigestKey, Shutdown};
use rustix::io::Errno;
use secrecy::{holds_private_key, redact};

use super::digest::{Algorithm, Digest, Hasher};
use super::open::{Links, open_file};
use super::secrets::Secrecy;
use super::stat::{FileType, Stat};

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// Bytes that are read at a time; all that is held of a large file.
const BUFFER: usize = 256 << 10;

/// What is wanted of a content.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// One digest, as a package database has it.
    Package(Algorithm),
    /// A digest by how secret it is, and the text up to so many bytes.
    File(Secrecy, usize),
}

/// A content, of one piece.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) stat: Stat,
    pub(crate) digest: Digest,
    pub(crate) text: Option<String>,
}

/// Why there is no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is not there (any more).
    Gone,
    /// It became something else than a regular file.
    NotRegular,
    /// The system does not let us.
    Unreadable(Errno),
    /// It changed each time while it was read.
    Busy,
    /// The process ends.
    Stopped,
}

/// Reads contents with one buffer.
pub(crate) struct Reader<'a> {
    key: &'a DigestKey,
    stop: &'a Shutdown,
    buffer: Vec<u8>,
    /// Called between two reads of one file; a test changes the file there.
    #[cfg(test)]
    pub(crate) between: Option<Box<dyn FnMut()>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(key: &'a DigestKey, stop: &'a Shutdown) -> Self {
        Self {
            key,
            stop,
            buffer: Vec::new(),
            #[cfg(test)]
            between: None,
        }
    }

    /// Digests a regular file.
    ///
    /// # Errors
    /// See [`Problem`].
    pub(crate) fn read(&mut self, path: &Path, links: Links, plan: Plan) -> Result<Content, Problem> {
        for _ in 0..ATTEMPTS {
            let mut file = open_file(path, links).map_err(Problem::of)?;
            let before = stat(&file)?;
            if before.kind != FileType::File {
                return Err(Problem::NotRegular);
            }
            let (digest, text) = self.digest(&mut file, plan)?;
            if before.same_content(&stat(&file)?) {
                return Ok(Content { stat: before, digest, text });
            }
        }
        Err(Problem::Busy)
    }

    fn digest(&mut self, file: &mut File, plan: Plan) -> Result<(Digest, Option<String>), Problem> {
        self.buffer.resize(BUFFER, 0);
        let mut filled = self.fill(file)?;
        let head = &self.buffer[..filled];
        let (algorithm, text) = match plan {
            Plan::Package(algorithm) => (algorithm, None),
            Plan::File(secrecy, _) if secrecy == Secrecy::Secret || holds_private_key(head) => (Algorithm::Keyed, None),
            Plan::File(Secrecy::Open, limit) if filled < BUFFER && filled <= limit => (Algorithm::Blake3, plain(head)),
            Plan::File(..) => (Algorithm::Blake3, None),
        };
        let text = text.map(|text| redact(text, self.key));
        let mut hasher = Hasher::new(algorithm, self.key);
        while filled > 0 {
            hasher.update(&self.buffer[..filled]);
            #[cfg(test)]
            self.between.iter_mut().for_each(|between| between());
            filled = if filled < BUFFER { 0 } else { self.fill(file)? };
        }
        Ok((hasher.finish(), text))
    }

    /// Fills the buffer; fewer bytes mean that the file ends.
    fn fill(&mut self, file: &mut File) -> Result<usize, Problem> {
        let mut filled = 0;
        while filled < BUFFER {
            if self.stop.started() {
                return Err(Problem::Stopped);
            }
            match file.read(&mut self.buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Problem::of(Errno::from_io_error(&error).unwrap_or(Errno::IO))),
            }
        }
        Ok(filled)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone => f.write_str("it is gone"),
            Self::NotRegular => f.write_str("it is no regular file"),
            Self::Unreadable(errno) => errno.fmt(f),
            Self::Busy => f.write_str("it changes all the time"),
            Self::Stopped => f.write_str("the process ends"),
        }
    }
}

impl Problem {
    pub(crate) fn of(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::Gone,
            Errno::LOOP | Errno::NXIO | Errno::NODEV => Self::NotRegular,
            errno => Self::Unreadable(errno),
        }
    }
}

fn stat(file: &File) -> Result<Stat, Problem> {
    rustix::fs::fstat(file).map(|stat| Stat::from(&stat)).map_err(Problem::of)
}

/// The bytes as text, if they are one.
fn plain(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const OPEN: Plan = Plan::File(Secrecy::Open, 64 << 10);

    fn read(path: &Path, plan: Plan) -> Result<Content, Problem> {
        Reader::new(&DigestKey::from_bytes([1; 32]), &Shutdown::new()).read(path, Links::Refused, plan)
    }

    #[test]
    fn a_large_file_is_hashed_through_one_buffer_and_has_no_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        let bytes: Vec<u8> = (0..BUFFER * 3 + 17).map(|n| b'a' + (n % 23) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let content = read(&path, OPEN).unwrap();
        assert_eq!(content.digest.to_string(), format!("blake3:{}", blake3::hash(&bytes)));
        assert_eq!((content.text, content.stat.size), (None, bytes.len() as u64));
        std::fs::write(&path, &bytes[..BUFFER]).unwrap();
        assert_eq!(read(&path, OPEN).unwrap().digest.bytes, *blake3::hash(&bytes[..BUFFER]).as_bytes());
    }

    #[test]
    fn secrets_are_keyed_and_have_no_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pem");
        std::fs::write(&path, "-----BEGIN PRIVATE KEY-----\nhunter2\n").unwrap();
        let content = read(&path, OPEN).unwrap();
        assert_eq!((content.digest.algorithm, content.text), (Algorithm::Keyed, None));
        std::fs::write(&path, "hello").unwrap();
        assert_eq!(read(&path, OPEN).unwrap().text.as_deref(), Some("hello"));
        assert_eq!(read(&path, Plan::File(Secrecy::Private, 99)).unwrap().text, None);
        assert_eq!(read(&path, Plan::File(Secrecy::Secret, 99)).unwrap().digest.algorithm, Algorithm::Keyed);
        std::fs::write(&path, b"a\0b").unwrap();
        assert_eq!(read(&path, OPEN).unwrap().text, None);
        std::fs::write(&path, b"a\xffb").unwrap();
        assert_eq!(read(&path, OPEN).unwrap().text, None);
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_read_again_and_then_busy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("busy");
        std::fs::write(&path, "start").unwrap();
        let (key, stop) = (DigestKey::from_bytes([1; 32]), Shutdown::new());
        let changes = |times: usize| {
            let (path, mut left) = (path.clone(), times);
            move || {
                if left > 0 {
                    left -= 1;
                    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"+").unwrap();
                }
            }
        };
        let mut reader = Reader::new(&key, &stop);
        reader.between = Some(Box::new(changes(1)));
        assert_eq!(reader.read(&path, Links::Refused, OPEN).unwrap().text.as_deref(), Some("start+"));
        reader.between = Some(Box::new(changes(ATTEMPTS)));
        assert_eq!(reader.read(&path, Links::Refused, OPEN).unwrap_err(), Problem::Busy);
    }

    #[test]
    fn what_is_no_regular_file_is_not_read_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let at = |name: &str| dir.join(name);
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
        std::fs::create_dir(at("real")).unwrap();
        std::fs::write(at("real/file"), "x").unwrap();
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        std::os::unix::fs::symlink("real/file", at("linked")).unwrap();
        assert_eq!(read(&at("fifo"), OPEN).unwrap_err(), Problem::NotRegular);
        assert_eq!(read(&at("real"), OPEN).unwrap_err(), Problem::NotRegular);
        assert_eq!(read(&at("linked"), OPEN).unwrap_err(), Problem::NotRegular);
        assert_eq!(read(&at("link/file"), OPEN).unwrap_err(), Problem::NotRegular);
        assert_eq!(read(&at("none"), OPEN).unwrap_err(), Problem::Gone);
        let (key, stop) = (DigestKey::from_bytes([1; 32]), Shutdown::new());
        let mut reader = Reader::new(&key, &stop);
        assert!(reader.read(&at("link/file"), Links::OnTheWay, OPEN).is_ok());
        stop.start();
        assert_eq!(reader.read(&at("real/file"), Links::Refused, OPEN).unwrap_err(), Problem::Stopped);
    }
}
