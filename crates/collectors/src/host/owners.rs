use std::collections::HashMap;

use collect::CollectError;

use crate::host::{Place, input, passwd};

/// Names of users and groups by number, from the host's own files (not from a directory service:
/// whom those do not name is shown by number).
#[derive(Debug, Default)]
pub(crate) struct Owners {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Owners {
    /// Reads the files; without them every owner is a number.
    ///
    /// # Errors
    /// If one is there and cannot be read: every owner would be another.
    pub(crate) fn load(place: &Place) -> Result<Self, CollectError> {
        let text = |path: &str| {
            let path = place.path(path);
            input::text_if_there(&path).map_err(|error| input::failed(&path, error)).map(Option::unwrap_or_default)
        };
        Ok(Self::parse(&text("/etc/passwd")?, &text("/etc/group")?))
    }

    fn parse(passwd: &str, group: &str) -> Self {
        let mut owners = Self::default();
        // The first line of a number counts, as with the C library.
        for user in passwd::users(passwd) {
            owners.users.entry(user.uid).or_insert(user.name);
        }
        for group in passwd::groups(group) {
            owners.groups.entry(group.gid).or_insert(group.name);
        }
        owners
    }

    pub(crate) fn user(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    pub(crate) fn group(&self, gid: u32) -> String {
        self.groups.get(&gid).cloned().unwrap_or_else(|| gid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_does_not_make_every_owner_a_number() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(Some("a"), None).at(dir.path());
        assert_eq!(Owners::load(&place).unwrap().user(0), "0");
        std::fs::create_dir_all(dir.path().join("etc/passwd")).unwrap();
        let error = Owners::load(&place).unwrap_err().to_string();
        assert!(error.contains("etc/passwd"), "{error}");
    }

    #[test]
    fn the_first_name_of_a_number_counts_and_without_a_name_it_is_the_number() {
        let owners = Owners::parse("root:x:0:0:::\ntoor:x:0:0:::\n", "root:x:0:\n");
        assert_eq!(
            (owners.user(0), owners.user(7), owners.group(0), owners.group(8)),
            ("root".into(), "7".into(), "root".into(), "8".into())
        );
    }
}
