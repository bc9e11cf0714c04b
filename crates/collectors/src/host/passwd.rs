//! `passwd(5)`, `group(5)` and `shadow(5)`. Lines that are none are left out, as the C library does.

/// A line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) comment: String,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// A line of `/etc/group`; members are sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

pub(crate) fn users(text: &str) -> Vec<User> {
    let user = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, comment, home, shell] = fields[..] else { return None };
        let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
        let own = str::to_owned;
        Some(User { name: own(name), uid, gid, comment: own(comment), home: own(home), shell: own(shell) })
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(user).filter(|user| !user.name.is_empty()).collect()
}

pub(crate) fn groups(text: &str) -> Vec<Group> {
    let group = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members] = fields[..] else { return None };
        let mut members: Vec<String> =
            members.split(',').map(str::trim).filter(|member| !member.is_empty()).map(str::to_owned).collect();
        members.sort_unstable();
        members.dedup();
        Some(Group { name: name.to_owned(), gid: gid.parse().ok()?, members })
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(group)
        .filter(|group| !group.name.is_empty())
        .collect()
}

/// How an account's password is: `locked` (`!`, `*`: no password opens it), `empty` or `set`.
/// Nothing of the hash leaves this function.
pub(crate) fn passwords(shadow: &str) -> Vec<(String, &'static str)> {
    let state = |hash: &str| match hash.as_bytes().first() {
        None => "empty",
        Some(b'!' | b'*') => "locked",
        Some(_) => "set",
    };
    let line = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), state(fields.next()?)))
    };
    shadow.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_read_and_broken_lines_left_out() {
        let users =
            users("root:x:0:0:root:/root:/bin/bash\n# no\nbroken:x:1\n+::::::\nx:x:many:0:::\n\u{fffd}:x:7:8::/:\n");
        let names: Vec<(&str, u32, u32, &str)> =
            users.iter().map(|user| (user.name.as_str(), user.uid, user.gid, user.shell.as_str())).collect();
        assert_eq!(names, [("root", 0, 0, "/bin/bash"), ("\u{fffd}", 7, 8, "")]);
        let groups = groups("sudo:x:27:zoe,amy,,amy\nadm:x:4:\nbad:x\n");
        assert_eq!(groups[0], Group { name: "sudo".into(), gid: 27, members: vec!["amy".into(), "zoe".into()] });
        assert_eq!((groups.len(), groups[1].members.len()), (2, 0));
    }

    #[test]
    fn of_a_password_only_its_state_is_told() {
        let states = passwords("root:$6$salt$hash:1:0:99999:7:::\ndaemon:*:1::::::\nold:!$6$x:::\nopen::1:\n");
        let states: Vec<(&str, &str)> = states.iter().map(|(name, state)| (name.as_str(), *state)).collect();
        assert_eq!(states, [("root", "set"), ("daemon", "locked"), ("old", "locked"), ("open", "empty")]);
    }
}
