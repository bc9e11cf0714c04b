//! Who may have changed something, where no audit log says it. Only ever a hint, and marked as one.

use std::path::Path;

use crate::host::input;

/// Size of a record of `utmp(5)` on 64-bit Linux, and where its fields are.
const RECORD: usize = 384;
const USER: std::ops::Range<usize> = 44..76;
const USER_PROCESS: i16 = 7;

/// The users with a login session, each once.
pub(crate) fn sessions(utmp: &[u8]) -> Vec<String> {
    let user = |record: &[u8]| {
        let kind = i16::from_le_bytes([*record.first()?, *record.get(1)?]);
        let name = record.get(USER)?.split(|&byte| byte == 0).next().unwrap_or_default();
        let fit = kind == USER_PROCESS && !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        fit.then(|| String::from_utf8_lossy(name).into_owned())
    };
    let mut users: Vec<String> = utmp.chunks_exact(RECORD).filter_map(user).collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// Who may have changed a file: its owner if that is not root, else the one user who is logged in.
/// Several users, or none, are no hint.
#[derive(Debug)]
pub(crate) struct Actors(Vec<String>);

impl Actors {
    /// With the sessions that `utmp` names, if it can be read.
    pub(crate) fn now(utmp: &Path) -> Self {
        Self(input::read(utmp).map(|utmp| sessions(&utmp)).unwrap_or_default())
    }

    /// For a file of the user `owner`.
    pub(crate) fn hint(&self, uid: u32, owner: &str) -> Option<String> {
        match self.0.as_slice() {
            _ if uid != 0 => Some(format!("{owner} (owner of the file, a hint)")),
            [user] => Some(format!("{user} (logged in, a hint)")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: i16, user: &str) -> Vec<u8> {
        let mut record = vec![0; RECORD];
        record[..2].copy_from_slice(&kind.to_le_bytes());
        record[USER.start..USER.start + user.len()].copy_from_slice(user.as_bytes());
        record
    }

    #[test]
    fn only_one_logged_in_user_is_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let utmp = dir.path().join("utmp");
        let write = |records: &[Vec<u8>]| std::fs::write(&utmp, records.concat()).unwrap();
        write(&[record(2, "reboot"), record(7, "alice"), record(7, "alice"), vec![7, 0, 1]]);
        assert_eq!(Actors::now(&utmp).hint(0, "root").as_deref(), Some("alice (logged in, a hint)"));
        assert_eq!(Actors::now(&utmp).hint(1000, "bob").as_deref(), Some("bob (owner of the file, a hint)"));
        write(&[record(7, "alice"), record(7, "bob")]);
        assert_eq!(Actors::now(&utmp).hint(0, "root"), None);
        assert_eq!(Actors::now(&dir.path().join("none")).hint(0, "root"), None);
    }
}
