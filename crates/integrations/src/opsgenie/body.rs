//! The body of an alert, within the limits of each field.

use std::collections::BTreeMap;

use model::Severity;
use notify::Notification;
use serde::Serialize;

use super::{Responder, alias};
use crate::fit::{self, Budget};
use crate::plugin::BuildError;
use crate::tell::{self, Share, story, title, web};

/// Characters of a message; a longer one is refused outright.
pub(super) const MESSAGE: usize = 130;
/// `source` and `user`: 100 characters.
pub(super) const USER: &str = "Steadfast";
/// Characters of a description, of a note, of an entity, and of all details together.
const DESCRIPTION: usize = 15_000;
const NOTE: usize = 25_000;
const ENTITY: usize = 512;
const DETAILS: usize = 8_000;
/// Tags, and characters of each.
const TAGS: (usize, usize) = (20, 50);
/// Who is told, at most.
const RESPONDERS: usize = 50;

const SHARE: Share = Share { diff: 6_000, fact: 1_000, symptom: (500, 20) };

type Map = BTreeMap<String, String>;

/// What is the same in every alert of a receiver.
pub(super) struct Frame {
    responders: Vec<Map>,
    tags: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Alert {
    message: String,
    alias: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    responders: Vec<Map>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    details: Map,
    #[serde(skip_serializing_if = "String::is_empty")]
    entity: String,
    source: &'static str,
    priority: &'static str,
}

impl Frame {
    /// # Errors
    /// If there are more tags or responders than are taken, or a longer tag.
    pub fn new(responders: &[Responder], tags: &[String]) -> Result<Self, BuildError> {
        let long = tags.iter().find(|tag| tag.chars().count() > TAGS.1);
        if let Some(tag) = long {
            return Err(BuildError::value("tags", format!("`{tag}` is longer than {} characters", TAGS.1)));
        }
        if tags.len() > TAGS.0 {
            return Err(BuildError::value("tags", format!("there are {}, {} are taken", tags.len(), TAGS.0)));
        }
        if responders.len() > RESPONDERS {
            return Err(BuildError::value("responders", format!("at most {RESPONDERS} are taken")));
        }
        Ok(Self { responders: responders.iter().map(responder).collect(), tags: tags.to_vec() })
    }

    /// All that is told.
    pub fn full(&self, notification: &Notification) -> Alert {
        let link = web(notification.link.as_deref());
        let told = story(notification, room(DESCRIPTION), SHARE);
        let root = notification.symptoms.first().and_then(|root| root.resource.as_deref());
        Alert {
            description: told.plain(link.as_deref()),
            details: details(notification, link),
            entity: fit::line(root.unwrap_or(&notification.scope), ENTITY),
            ..self.safe(notification)
        }
    }

    /// Message, priority, alias and link.
    pub fn safe(&self, notification: &Notification) -> Alert {
        Alert {
            message: title(notification, MESSAGE),
            alias: alias(&notification.incident),
            description: web(notification.link.as_deref()).unwrap_or_default(),
            responders: self.responders.clone(),
            tags: self.tags.clone(),
            details: Map::new(),
            entity: String::new(),
            source: USER,
            priority: priority(notification.severity),
        }
    }

    /// What is said of an alert that is there.
    pub fn note(&self, notification: &Notification) -> String {
        let told = story(notification, room(NOTE).reserve(2 * MESSAGE), SHARE);
        let head = format!("{}: {}", tell::state(notification), title(notification, MESSAGE));
        format!("{head}\n{}", told.plain(web(notification.link.as_deref()).as_deref()))
    }
}

/// Room for a text of that many characters, with its link and the count of what was cut.
const fn room(characters: usize) -> Budget {
    Budget::of(characters, fit::one).reserve(tell::LINK + 64)
}

pub(super) const fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "P1",
        Severity::Error => "P2",
        Severity::Warning => "P3",
        Severity::Info => "P5",
    }
}

fn responder(responder: &Responder) -> Map {
    let (kind, field, name) = match responder {
        Responder::Team(name) => ("team", "name", name),
        Responder::User(name) => ("user", "username", name),
        Responder::Escalation(name) => ("escalation", "name", name),
        Responder::Schedule(name) => ("schedule", "name", name),
    };
    Map::from([("type".to_owned(), kind.to_owned()), (field.to_owned(), name.clone())])
}

/// Names and texts of at most 8,000 characters in all, the worthiest first.
fn details(notification: &Notification, link: Option<String>) -> Map {
    let mut budget = Budget::of(DETAILS, fit::one);
    let texts = [
        ("commit", notification.revision.clone(), 200),
        ("author", notification.author.clone(), 300),
        ("link", link, tell::LINK),
        ("scope", Some(notification.scope.clone()), 300),
        ("cause", Some(notification.cause.clone()), 300),
        ("severity", Some(notification.severity.to_string()), 16),
    ];
    let mut details = Map::new();
    for (name, text, max) in texts {
        details.extend(text.and_then(|text| budget.text(&text, max)).map(|text| (name.to_owned(), text)));
    }
    for (name, value) in budget.labels(&notification.labels, 30, 200) {
        details.entry(name).or_insert(value);
    }
    details
}
