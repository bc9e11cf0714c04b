use std::time::Duration;

use serde_json::Value;

use super::sample::{oversize, sample};
use super::server::{Answer, Request, Server};
use super::{Failure, Subject, ensure};
use crate::{Action, Notification};

const TIME: Duration = Duration::from_secs(20);

/// The requests for each notification, in full or in safe form.
async fn sent(
    subject: &Subject<'_>,
    notifications: &[&Notification],
    safe: bool,
) -> Result<Vec<Vec<Request>>, Failure> {
    let server = Server::start(Answer::Status(subject.yes.0, Vec::new(), subject.yes.1.to_owned())).await?;
    let integration = (subject.build)(server.url(), TIME);
    let mut all = Vec::new();
    for notification in notifications {
        let before = server.requests().len();
        let result =
            if safe { integration.send_safe(notification).await } else { integration.send(notification).await };
        result.map_err(|error| Failure::new(format!("{:?} was not taken: {error}", notification.action)))?;
        let requests = server.requests().split_off(before);
        ensure(!requests.is_empty(), format!("{:?} makes no request", notification.action))?;
        all.push(requests);
    }
    Ok(all)
}

fn json(request: &Request) -> Result<Value, Failure> {
    serde_json::from_slice(&request.body).map_err(|error| Failure::new(format!("a body is not JSON: {error}")))
}

/// One incident has one key, whatever is told of it and in whatever form; another has another.
pub(super) async fn keys(subject: &Subject<'_>) -> Result<(), Failure> {
    let Some(key) = subject.key else { return Ok(()) };
    let (trigger, update, resolve) = (sample(Action::Trigger), sample(Action::Update), sample(Action::Resolve));
    let mut long = Notification { incident: "x".repeat(5000), ..trigger.clone() };
    let other = Notification { incident: format!("{}y", "x".repeat(4999)), ..trigger.clone() };
    long.labels.clear();
    let mut keys = Vec::new();
    for safe in [false, true] {
        for requests in sent(subject, &[&trigger, &trigger, &update, &resolve, &long, &other], safe).await? {
            let mut with_key = requests.iter().filter_map(key);
            let key = with_key.next().ok_or_else(|| Failure::new("no request has a key"))?;
            ensure(with_key.all(|other| other == key), "the requests of one notification have several keys")?;
            keys.push(key);
        }
    }
    let same = keys[..4].iter().chain(&keys[6..10]).all(|key| *key == keys[0]);
    ensure(same, format!("one incident has several keys: {keys:?}"))?;
    ensure(keys[4] == keys[10] && keys[5] == keys[11], "a long key is not stable")?;
    ensure(keys[4] != keys[5] && keys[4] != keys[0], "two incidents share a key")
}

/// What is too large is fitted, what matters most is kept, and the safe form is small.
pub(super) async fn sizes(subject: &Subject<'_>) -> Result<(), Failure> {
    for action in [Action::Trigger, Action::Update, Action::Resolve] {
        let large = oversize(action);
        let full = &sent(subject, &[&large], false).await?[0];
        let safe = &sent(subject, &[&large], true).await?[0];
        for (requests, limit) in [(full, subject.body_limit), (safe, subject.safe_limit)] {
            for request in requests {
                let size = request.body.len();
                ensure(size <= limit, format!("{action}: a body of {size} bytes, {limit} are allowed"))?;
                json(request)?;
            }
        }
        if action == Action::Trigger {
            let text = String::from_utf8_lossy(&full[0].body);
            ensure(text.contains("worker_processes 8;"), "the root diff line was cut away")?;
        }
    }
    Ok(())
}

/// Texts of any characters, empty ones, and no symptoms at all arrive as JSON.
pub(super) async fn texts(subject: &Subject<'_>) -> Result<(), Failure> {
    let plain = sample(Action::Trigger);
    let bare = Notification { symptoms: Vec::new(), labels: Default::default(), link: None, ..plain.clone() };
    let empty = Notification {
        summary: String::new(),
        cause: String::new(),
        scope: String::new(),
        revision: None,
        author: None,
        message: None,
        ..bare.clone()
    };
    let odd = Notification {
        summary: "\u{0}\u{1b}[31m\u{202e}\r\n\"'\\\u{fffd}".to_owned(),
        link: Some("javascript:alert(1)".to_owned()),
        ..plain
    };
    for requests in sent(subject, &[&bare, &empty, &odd], false).await? {
        requests.iter().try_for_each(|request| json(request).map(|_| ()))?;
    }
    Ok(())
}
