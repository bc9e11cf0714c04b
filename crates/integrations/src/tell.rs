//! What integrations tell alike: keys, titles, links, and what happened, in the order of its worth.

use model::Key;
use notify::{Action, DIGEST, Notification, Symptom};

use crate::fit::{self, Budget};

/// Bytes of a link.
pub(crate) const LINK: usize = 2000;

/// What is said of an incident, fitted: what comes first is cut last.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Story {
    /// The root's difference.
    pub diff: Option<String>,
    /// Names and texts.
    pub facts: Vec<(&'static str, String)>,
    /// The findings, the root among them.
    pub symptoms: Vec<String>,
    /// Findings and texts that had no room.
    pub truncated: u64,
}

/// How much of a story may be what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// The diff, in what the budget counts.
    pub diff: usize,
    /// One fact.
    pub fact: usize,
    /// One symptom, and how many.
    pub symptom: (usize, usize),
}

/// The story of a notification: the root's difference, commit and author, impact, top symptoms, the
/// commit's message.
pub(crate) fn story(notification: &Notification, mut budget: Budget, share: Share) -> Story {
    let root = notification.symptoms.first();
    let of_root = |field: fn(&Symptom) -> Option<&String>| root.and_then(field).cloned();
    let commit = match (&notification.revision, &notification.author) {
        (Some(revision), Some(author)) => Some(format!("{revision} by {author}")),
        (Some(revision), None) => Some(revision.clone()),
        (None, author) => author.clone(),
    };
    let mut story =
        Story { diff: budget.option(root.and_then(|root| root.diff.as_ref()), share.diff), ..Story::default() };
    let facts = [
        ("Note", notification.note.clone()),
        ("Commit", commit),
        ("Resource", of_root(|root| root.resource.as_ref())),
        ("Declared in", of_root(|root| root.declared_in.as_ref())),
        ("Changed by", of_root(|root| root.actor.as_ref())),
        ("Impact", Some(impact(notification))),
    ];
    let fitted = facts.into_iter().filter_map(|(name, text)| Some((name, budget.text(&text?, share.fact)?)));
    story.facts = fitted.collect();
    let texts = notification.symptoms.iter().take(share.symptom.1).map(symptom);
    story.symptoms =
        texts.filter_map(|text| budget.text(&fit::line(&text, share.symptom.0), share.symptom.0)).collect();
    let message = budget.option(notification.message.as_ref(), share.fact);
    story.facts.extend(message.map(|text| ("Message", text)));
    let unlisted = notification.findings.saturating_sub(story.symptoms.len() as u64);
    story.truncated = unlisted + budget.cut();
    story
}

impl Story {
    /// As plain text, with the link at its end.
    pub fn plain(&self, link: Option<&str>) -> String {
        let mut lines: Vec<String> = self.diff.iter().cloned().collect();
        lines.extend(self.facts.iter().map(|(name, text)| format!("{name}: {text}")));
        lines.extend(self.symptoms.iter().map(|text| format!("- {text}")));
        lines.extend(link.map(ToOwned::to_owned));
        lines.extend((self.truncated > 0).then(|| format!("truncated: {}", self.truncated)));
        lines.join("\n")
    }
}

/// The summary in at most `max` characters; never empty.
pub(crate) fn title(notification: &Notification, max: usize) -> String {
    let summary = fit::line(&notification.summary, max);
    let summary = if summary.is_empty() { fit::line(&notification.incident, max) } else { summary };
    if summary.is_empty() { "an incident".to_owned() } else { summary }
}

/// The incident's key in at most `max` characters; one that is longer is cut and told apart by a
/// hash.
pub(crate) fn key(incident: &str, max: usize) -> String {
    if incident.chars().count() <= max {
        return incident.to_owned();
    }
    let start: String = incident.chars().take(max.saturating_sub(33)).collect();
    format!("{start}-{}", Key::of(incident.as_bytes()))
}

/// A link that a browser opens, if it is one.
pub(crate) fn web(link: Option<&str>) -> Option<String> {
    let is_web = |link: &&str| link.starts_with("https://") || link.starts_with("http://");
    let plain = |link: &&str| !link.contains(|c: char| c.is_whitespace() || c.is_control() || "<>|\"".contains(c));
    link.filter(is_web).filter(plain).filter(|link| link.len() <= LINK).map(ToOwned::to_owned)
}

/// How many findings there are, where and since when.
pub(crate) fn impact(notification: &Notification) -> String {
    let findings = notification.findings.max(notification.symptoms.len() as u64);
    let noun = if findings == 1 { "finding" } else { "findings" };
    format!("{findings} {noun} in {}, since {}", notification.scope, notification.since)
}

/// A finding on one line.
pub(crate) fn symptom(symptom: &Symptom) -> String {
    let by = symptom.actor.as_ref().map(|actor| format!("by {actor}"));
    let parts = [Some(&symptom.summary), symptom.diff.as_ref(), symptom.declared_in.as_ref(), by.as_ref()];
    parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" | ")
}

/// What happened, as a word for people.
pub(crate) fn state(notification: &Notification) -> &'static str {
    match notification.action {
        Action::Resolve => "RESOLVED",
        Action::Trigger | Action::Update => "FIRING",
    }
}

/// What an alert is called that is about a finding of an incident, or about all of it. What a digest names are incidents.
pub(crate) fn alertname(notification: &Notification, symptom: Option<&Symptom>) -> String {
    let digest = notification.incident.starts_with(DIGEST);
    if digest { "SteadfastDigest".to_owned() } else { notify::alertname(symptom) }
}

/// A name that receivers before UTF-8 names take too.
pub(crate) fn label_name(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = name.chars().map(fits).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use notify::suite::{oversize, sample};

    use super::*;

    #[test]
    fn a_long_key_is_cut_and_stays_its_own() {
        let keys =
            ["a".repeat(255), "a".repeat(256), format!("{}b", "a".repeat(255)), "ß".repeat(300)].map(|k| key(&k, 255));
        assert!(keys.iter().all(|key| key.chars().count() <= 255));
        assert_eq!(keys[0], "a".repeat(255));
        assert!(keys[1] != keys[2]);
    }

    #[test]
    fn only_links_that_a_browser_opens_are_sent() {
        let cases = [("https://x/1", true), ("javascript:alert(1)", false), ("", false), ("https://x|y>", false)];
        for (link, sent) in cases {
            assert_eq!(web(Some(link)).is_some(), sent, "{link}");
        }
    }

    #[test]
    fn a_story_begins_with_the_root_and_counts_what_has_no_room() {
        let share = Share { diff: 500, fact: 200, symptom: (200, 5) };
        let told = story(&sample(Action::Trigger), Budget::of(3000, fit::one), share);
        let text = told.plain(Some("https://x/1"));
        assert!(text.starts_with("-worker_processes 2;\n+worker_processes 8;\nCommit: 3f1c2a9 by Ada"), "{text}");
        assert!(text.ends_with("https://x/1"), "{text}");
        let told = story(&oversize(Action::Trigger), Budget::of(3000, fit::one), share);
        assert_eq!(told.diff.as_deref(), Some("-worker_processes 2;\n+worker_processes 8;"));
        assert!(told.truncated > 9_990, "{}", told.truncated);
        assert!(told.plain(None).chars().count() <= 3000);
    }

    #[test]
    fn names_of_labels_are_ones_that_every_receiver_takes() {
        for (name, expected) in
            [("scope", "scope"), ("app.kubernetes.io/name", "app_kubernetes_io_name"), ("9x", "_9x")]
        {
            assert_eq!(label_name(name), expected);
        }
    }

    #[test]
    fn an_alert_is_called_by_what_its_finding_is_about() {
        let drift = sample(Action::Trigger);
        let digest = Notification { incident: format!("{DIGEST}chat@1"), ..drift.clone() };
        let root = drift.symptoms.first();
        let names = [alertname(&drift, root), alertname(&drift, None), alertname(&digest, root)];
        assert_eq!(names, ["SteadfastDrift", "SteadfastIncident", "SteadfastDigest"]);
    }
}
