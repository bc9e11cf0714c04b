use std::collections::BTreeMap;

use base::Timestamp;
use model::{AlertState, Severity};

use crate::{Action, Notification, Symptom};

/// A notification as a real one is: a file that was changed by hand on a host.
pub fn sample(action: Action) -> Notification {
    let since = Timestamp::from_secs(1_764_065_696);
    let symptom = |path: &str, diff: &str, actor: Option<&str>| Symptom {
        finding: format!("drift/host/web-1/file//{path}"),
        summary: format!("/{path} was modified"),
        resource: Some(format!("host/web-1/file//{path}")),
        diff: Some(diff.to_owned()),
        declared_in: Some("hosts/web-1.yaml:12".to_owned()),
        actor: actor.map(ToOwned::to_owned),
        since,
        ..Symptom::default()
    };
    let labels = [("cause", "host/web-1"), ("kind", "file"), ("verdict", "modified")];
    Notification {
        incident: "host/host/web-1@1764065696".to_owned(),
        action,
        state: if action == Action::Resolve { AlertState::Resolved } else { AlertState::Firing },
        severity: Severity::Error,
        summary: "2 files of web-1 differ from what is declared".to_owned(),
        cause: "host/host/web-1".to_owned(),
        scope: "host/web-1".to_owned(),
        since,
        time: Timestamp::from_secs(1_764_065_700),
        labels: BTreeMap::from(labels.map(|(name, value)| (name.to_owned(), value.to_owned()))),
        revision: Some("3f1c2a9".to_owned()),
        author: Some("Ada <ada@example.org>".to_owned()),
        message: Some("nginx: two workers".to_owned()),
        symptoms: vec![
            symptom("etc/nginx/nginx.conf", "-worker_processes 2;\n+worker_processes 8;", Some("bob")),
            symptom("etc/motd", "/mode: declared 0644, live 0666", None),
        ],
        ended: Vec::new(),
        findings: 2,
        link: Some("https://steadfast.example.org/incidents/1".to_owned()),
        reason: match action {
            Action::Trigger => "opened",
            Action::Update => "widened",
            Action::Resolve => "resolved",
        }
        .to_owned(),
        note: None,
        reference: None,
        group: None,
    }
}

/// A notification that is far larger than any provider takes, with texts that are awkward to cut:
/// characters of several bytes, quotes, control characters.
pub fn oversize(action: Action) -> Notification {
    let text = |n: usize| "größe\u{1F525}\"\\\u{7}\n".repeat(n / 12);
    let base = sample(action);
    let symptom = |n: usize| Symptom {
        finding: format!("drift/{n}/{}", text(3000)),
        summary: text(3000),
        resource: Some(format!("host/web-1/file//{n}/{}", text(4000))),
        diff: Some(text(20_000)),
        declared_in: Some(text(2000)),
        actor: Some(text(2000)),
        since: base.since,
        ..Symptom::default()
    };
    let symptoms: Vec<Symptom> = base.symptoms.iter().cloned().chain((0..400).map(symptom)).collect();
    Notification {
        summary: text(100_000),
        cause: text(10_000),
        labels: (0..200).map(|n| (format!("label{n}"), text(3000))).collect(),
        author: Some(text(50_000)),
        message: Some(text(600_000)),
        findings: 10_000,
        symptoms,
        ..base
    }
}
