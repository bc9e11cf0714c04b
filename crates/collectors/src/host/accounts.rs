//! Users and groups of `/etc/passwd` and `/etc/group`; of passwords only whether they are locked,
//! set or empty, and that only if `/etc/shadow` can be read.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::Path;

use async_trait::async_trait;
use collect::{CollectError, Collector, Cover, Seen};
use model::Document;
use serde_json::{Value, json};

use super::poll::{Look, Poll};
use super::{HostConfig, Place, input, passwd};
use crate::{Build, Plugin};

pub(crate) const PLUGIN: Plugin = Plugin {
    name: "host.accounts",
    doc: "Users and groups, and whether a password is locked, set or empty.",
    kinds: &["user", "group"],
    build: Build::Host(build),
};

const SHADOW: &str = "/etc/shadow";

fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let poll = Poll {
        name: PLUGIN.name,
        scope: place.scope().to_owned(),
        covers: vec![Cover::all("user"), Cover::all("group")],
        interval: config.accounts.interval,
        watch: ["/etc/passwd", "/etc/group", "/etc/shadow"].map(|path| place.path(path)).to_vec(),
        look: Accounts(place.clone()),
    };
    config.accounts.enabled.then(|| Box::new(poll) as Box<dyn Collector>)
}

struct Accounts(Place);

#[async_trait]
impl Look for Accounts {
    async fn look(&mut self) -> Result<Vec<Seen>, CollectError> {
        let text = |path: &str| {
            let path = self.0.path(path);
            input::text(&path).map_err(|error| input::failed(&path, error))
        };
        let shadow = shadow(&self.0.path(SHADOW))?;
        Ok(accounts(&self.0, &text("/etc/passwd")?, &text("/etc/group")?, &shadow))
    }
}

/// What is known of passwords.
enum Shadow {
    /// The text of the file; empty without one.
    Text(String),
    /// It is there and not for us, and what the system says.
    Hidden(String),
}

fn shadow(path: &Path) -> Result<Shadow, CollectError> {
    match input::text_if_there(path) {
        Ok(text) => Ok(Shadow::Text(text.unwrap_or_default())),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(Shadow::Hidden(error.to_string())),
        Err(error) => Err(input::failed(path, error)),
    }
}

fn accounts(place: &Place, passwd: &str, group: &str, shadow: &Shadow) -> Vec<Seen> {
    let passwords: HashMap<String, &str> = match shadow {
        Shadow::Text(text) => passwd::passwords(text).into_iter().collect(),
        Shadow::Hidden(_) => HashMap::new(),
    };
    let user = |user: passwd::User| {
        let mut document = json!({
            "uid": user.uid, "gid": user.gid, "home": user.home, "shell": user.shell, "comment": user.comment,
        });
        if let Some(password) = passwords.get(&user.name) {
            document["password"] = Value::from(*password);
        } else if let Shadow::Hidden(why) = shadow {
            document["unreadable"] = format!("{SHADOW}: {why}").into();
        }
        seen(place, "user", &user.name, document)
    };
    let of_group =
        |group: passwd::Group| seen(place, "group", &group.name, json!({ "gid": group.gid, "members": group.members }));
    let users = passwd::users(passwd).into_iter().filter_map(user);
    let all = users.chain(passwd::groups(group).into_iter().filter_map(of_group));
    // The first line of a name counts.
    let mut names = HashSet::new();
    all.filter(|seen| names.insert(seen.id.clone())).collect()
}

fn seen(place: &Place, kind: &str, name: &str, document: Value) -> Option<Seen> {
    let id = place.id(kind, "", &name.replace('/', "_"))?;
    Some(Seen { id, document: Some(Document::new(document)), text: None, actor: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_seen_and_no_hash_is() {
        let place = Place::new(Some("a"), None);
        let passwd = "root:x:0:0:root:/root:/bin/sh\nroot:x:9:9:::\napp:x:7:7::/:/bin/false\n";
        let seen =
            accounts(&place, passwd, "app:x:7:zoe,amy\n", &Shadow::Text("root:$6$hunter2:1:\napp:!:1:\n".to_owned()));
        let shown: Vec<String> =
            seen.iter().map(|seen| format!("{} {}", seen.id, seen.document.as_ref().unwrap().to_json())).collect();
        assert_eq!(
            shown,
            [
                r#"host/a/user//root {"comment":"root","gid":0,"home":"/root","password":"set","shell":"/bin/sh","uid":0}"#,
                r#"host/a/user//app {"comment":"","gid":7,"home":"/","password":"locked","shell":"/bin/false","uid":7}"#,
                r#"host/a/group//app {"gid":7,"members":["amy","zoe"]}"#,
            ]
        );
        let unknown = accounts(&place, passwd, "", &Shadow::Text(String::new()));
        assert!(!unknown[0].document.as_ref().unwrap().to_json().contains("password"));
    }

    #[test]
    fn passwords_that_may_not_be_seen_are_not_absent() {
        let (place, dir) = (Place::new(Some("a"), None), tempfile::tempdir().unwrap());
        let hidden = Shadow::Hidden("Permission denied".to_owned());
        let seen = accounts(&place, "app:x:7:7::/:/bin/false\n", "", &hidden);
        let document = seen[0].document.as_ref().unwrap().tree();
        assert_eq!(document["unreadable"], "/etc/shadow: Permission denied");
        assert!(document.get("password").is_none());
        assert!(matches!(shadow(&dir.path().join("none")), Ok(Shadow::Text(text)) if text.is_empty()));
        assert!(shadow(dir.path()).is_err(), "what the system says is no answer");
    }
}
