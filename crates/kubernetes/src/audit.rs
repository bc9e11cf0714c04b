//! Who wrote: events of an API server's audit log (`audit.k8s.io/v1`), by object and second.

use std::collections::{HashMap, VecDeque};

use base::Timestamp;
use model::Key;
use serde::Deserialize;

use crate::Owner;

/// Writes that are remembered.
const WRITES: usize = 100_000;

/// managedFields have whole seconds, and the log is written after them.
const APART: i64 = 2;

/// A write that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The object: `apps/deployments/shop/web`, by the name of its kind in paths.
    pub object: String,
    second: i64,
    /// What the writer is called in managedFields.
    pub manager: String,
    /// `alice@example.com (kubectl/v1.36.3 from 10.0.0.7)`.
    pub user: String,
}

/// A body that is no list of audit events.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It is not JSON, or not of the shape.
    #[error(transparent)]
    Shape(#[from] serde_json::Error),
    /// It is a list of something else, or of another version.
    #[error("it is `{kind}` of `{api_version}`, not `EventList` of `audit.k8s.io/v1`")]
    Kind {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EventList {
    api_version: String,
    kind: String,
    items: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Event {
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: User,
    impersonated_user: Option<User>,
    #[serde(rename = "sourceIPs")]
    source_ips: Vec<String>,
    user_agent: String,
    object_ref: Option<ObjectRef>,
    response_status: Option<Status>,
    stage_timestamp: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    resource: String,
    namespace: String,
    name: String,
    api_group: String,
    subresource: String,
}

/// How [`Write::object`] names an object.
pub fn object(group: &str, plural: &str, namespace: &str, name: &str) -> String {
    format!("{group}/{plural}/{namespace}/{name}")
}

impl Write {
    /// The write of a line of the log; nothing if it is none, or did not succeed, or was a dry run.
    ///
    /// # Errors
    /// If the line is not JSON of an event.
    pub fn read(line: &str) -> Result<Option<Self>, serde_json::Error> {
        Ok(Self::of(serde_json::from_str(line)?))
    }

    /// The writes of a body that an API server posts: an `EventList`.
    ///
    /// # Errors
    /// If the body is something else.
    pub fn read_list(body: &[u8]) -> Result<Vec<Self>, ListError> {
        let list: EventList = serde_json::from_slice(body)?;
        let (api_version, kind) = (list.api_version.as_str(), list.kind.as_str());
        if (api_version, kind) != ("audit.k8s.io/v1", "EventList") {
            let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(ListError::Kind { api_version: short(api_version), kind: short(kind) });
        }
        Ok(list.items.into_iter().filter_map(Self::of).collect())
    }

    fn of(event: Event) -> Option<Self> {
        let wrote = ["create", "update", "patch", "delete"].contains(&event.verb.as_str());
        let done = event.stage == "ResponseComplete" && event.response_status.is_some_and(|status| status.code < 300);
        let query = event.request_uri.split_once('?').map_or("", |(_, query)| query);
        let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let ours = |of: &ObjectRef| wrote && done && of.subresource != "status" && parameter("dryRun").is_none();
        let of = event.object_ref.filter(ours)?;
        let time = event.stage_timestamp.parse::<Timestamp>().ok()?;
        let agent = event.user_agent.split_whitespace().next().unwrap_or_default();
        let manager = parameter("fieldManager").unwrap_or_else(|| agent.split('/').next().unwrap_or_default());
        let user = match &event.impersonated_user {
            Some(other) => format!("{} as {}", event.user.username, other.username),
            None => event.user.username,
        };
        let from = event.source_ips.first().map(|address| format!(" from {address}")).unwrap_or_default();
        Some(Self {
            object: object(&of.api_group, &of.resource, &of.namespace, &of.name),
            second: time.nanos().div_euclid(1_000_000_000),
            manager: manager.to_owned(),
            user: format!("{user} ({agent}{from})").chars().filter(|c| !c.is_control()).take(300).collect(),
        })
    }
}

/// The newest writes.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    by_object: HashMap<Key, Vec<Write>>,
    order: VecDeque<Key>,
}

impl Writes {
    /// Remembers a write; forgets the oldest where there are too many.
    pub fn put(&mut self, write: Write) {
        let key = Key::of(write.object.as_bytes());
        self.by_object.entry(key).or_default().push(write);
        self.order.push_back(key);
        if self.order.len() > WRITES
            && let Some(oldest) = self.order.pop_front()
            && let Some(writes) = self.by_object.get_mut(&oldest)
        {
            writes.remove(0);
            if writes.is_empty() {
                self.by_object.remove(&oldest);
            }
        }
    }

    /// Whose write of an object an owner's is: the one of its name at its time.
    pub fn user(&self, object: &str, owner: &Owner) -> Option<&str> {
        let second = owner.time.parse::<Timestamp>().ok()?.nanos().div_euclid(1_000_000_000);
        let writes = self.by_object.get(&Key::of(object.as_bytes()))?;
        let near = writes.iter().filter(|write| (write.second - second).abs() <= APART);
        let best =
            near.filter(|write| write.manager == owner.manager).min_by_key(|write| (write.second - second).abs());
        best.map(|write| write.user.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut event = json!({
            "kind": "Event", "stage": "ResponseComplete", "verb": "patch",
            "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=kubectl-edit",
            "user": {"username": "alice@example.com"}, "sourceIPs": ["10.0.0.7"],
            "userAgent": "kubectl/v1.36.3 (linux/amd64) kubernetes/abc",
            "objectRef": {"resource": "deployments", "namespace": "shop", "name": "web", "apiGroup": "apps"},
            "responseStatus": {"code": 200}, "stageTimestamp": "2026-11-26T05:00:10.400000Z",
            "requestObject": {"spec": {"replicas": 3}}});
        change(&mut event);
        event.to_string()
    }

    fn owner(manager: &str, time: &str) -> Owner {
        Owner { manager: manager.to_owned(), time: time.to_owned(), ..Owner::default() }
    }

    #[test]
    fn a_write_is_found_by_object_and_time() {
        let mut writes = Writes::default();
        writes.put(Write::read(&event(|_| {})).unwrap().unwrap());
        writes.put(
            Write::read(&event(|event| {
                event["user"]["username"] = "bob".into();
                event["requestURI"] = "/x?fieldManager=kubectl-set".into();
            }))
            .unwrap()
            .unwrap(),
        );
        let web = object("apps", "deployments", "shop", "web");
        let user =
            |object: &str, manager: &str, time: &str| writes.user(object, &owner(manager, time)).map(str::to_owned);
        let alice = Some("alice@example.com (kubectl/v1.36.3 from 10.0.0.7)".to_owned());
        assert_eq!(user(&web, "kubectl-edit", "2026-11-26T05:00:10Z"), alice);
        assert_eq!(user(&web, "kubectl-edit", "2026-11-26T05:00:12Z"), alice);
        assert!(user(&web, "kubectl-set", "2026-11-26T05:00:10Z").unwrap().starts_with("bob ("));
        assert_eq!(user(&web, "kubectl-edit", "2026-11-26T05:00:20Z"), None);
        assert_eq!(user(&object("apps", "deployments", "shop", "other"), "kubectl-edit", "2026-11-26T05:00:10Z"), None);
        assert_eq!(user(&web, "kubectl-edit", ""), None);
    }

    #[test]
    fn what_was_refused_read_or_only_tried_is_no_write() {
        let none = |change: fn(&mut serde_json::Value)| Write::read(&event(change)).unwrap().is_none();
        assert!(none(|event| event["verb"] = "get".into()));
        assert!(none(|event| event["responseStatus"]["code"] = 403.into()));
        assert!(none(|event| event["stage"] = "RequestReceived".into()));
        assert!(none(|event| event["requestURI"] = "/x?dryRun=All".into()));
        assert!(none(|event| event["objectRef"] = serde_json::Value::Null));
        assert!(Write::read("{").is_err());
        let impersonated = Write::read(&event(|event| event["impersonatedUser"] = json!({"username": "root"})));
        assert!(impersonated.unwrap().unwrap().user.starts_with("alice@example.com as root ("));
    }

    #[test]
    fn a_list_gives_the_writes_in_it_and_nothing_else_is_a_list() {
        let items = [event(|_| {}), event(|event| event["verb"] = "get".into())].join(",");
        let list = |kind: &str, items: &str| {
            let body = format!(
                r#"{{"kind": "{kind}", "apiVersion": "audit.k8s.io/v1", "metadata": {{}}, "items": [{items}]}}"#
            );
            Write::read_list(body.as_bytes()).map_err(|error| error.to_string())
        };
        assert_eq!(list("EventList", &items).unwrap(), [Write::read(&event(|_| {})).unwrap().unwrap()]);
        assert_eq!(list("EventList", "").unwrap(), []);
        assert_eq!(
            list("Event", &items).unwrap_err(),
            "it is `Event` of `audit.k8s.io/v1`, not `EventList` of `audit.k8s.io/v1`"
        );
        assert!(list("EventList", r#"{"verb": 7}"#).unwrap_err().contains("invalid type"));
        for body in ["", "[]", "{}", "\u{0}", r#"{"items": [{}]}"#] {
            assert!(Write::read_list(body.as_bytes()).is_err(), "{body}");
        }
        let deep = format!(r#"{{"items": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(Write::read_list(deep.as_bytes()).is_err());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut writes = Writes::default();
        let write =
            |n: usize| Write { object: format!("x/{n}"), second: 10, manager: String::new(), user: "u".to_owned() };
        (0..WRITES + 5).for_each(|n| writes.put(write(n)));
        assert_eq!((writes.order.len(), writes.by_object.len()), (WRITES, WRITES));
        assert_eq!(writes.user("x/0", &owner("", "1970-01-01T00:00:10Z")), None);
        assert_eq!(writes.user("x/9", &owner("", "1970-01-01T00:00:10Z")), Some("u"));
    }
}
