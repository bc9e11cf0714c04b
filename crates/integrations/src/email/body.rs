//! Letters: who, in which thread, what.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::error::Error;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use model::Key;
use notify::{Action, Notification};

use crate::fit::{self, Budget};
use crate::tell::{self, Share, Story, state, story, title, web};

/// Characters of a subject.
const SUBJECT: usize = 200;
/// Bytes of what is told, in either form.
const TEXTS: usize = 100_000;
const SHARE: Share = Share { diff: 32_000, fact: 4_000, symptom: (1_000, 50) };

/// What is the same in every letter of a receiver.
pub(super) struct Letters {
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
    pub receiver: String,
}

/// The subject of an incident's thread: that of its first letter.
pub(super) fn subject(notification: &Notification) -> String {
    let first = notification.reference.as_deref().filter(|_| notification.action != Action::Trigger);
    let fresh = || format!("[{}] {}", notification.severity, title(notification, SUBJECT));
    first.map_or_else(fresh, |first| fit::line(first, SUBJECT + 16))
}

impl Letters {
    /// # Errors
    /// If the letter cannot be written.
    pub fn full(&self, notification: &Notification) -> Result<Message, Error> {
        let told = story(notification, Budget::new(TEXTS), SHARE);
        let parts = MultiPart::alternative_plain_html(plain(notification, &told), html(notification, &told));
        self.head(notification).multipart(parts)
    }

    /// Summary, severity and link as plain text.
    ///
    /// # Errors
    /// If the letter cannot be written.
    pub fn safe(&self, notification: &Notification) -> Result<Message, Error> {
        self.head(notification).singlepart(SinglePart::plain(plain(notification, &Story::default())))
    }

    fn head(&self, notification: &Notification) -> MessageBuilder {
        let (subject, root) = (subject(notification), self.id(notification, None));
        let secs = u64::try_from(notification.time.millis() / 1000).unwrap_or(0);
        let to = |builder: MessageBuilder, to: &Mailbox| builder.to(to.clone());
        let builder = self.to.iter().fold(Message::builder().from(self.from.clone()), to);
        // Nobody's holiday is to answer (RFC 3834, 5).
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let builder = builder.date(SystemTime::UNIX_EPOCH + Duration::from_secs(secs)).raw_header(automatic);
        if notification.action == Action::Trigger {
            return builder.subject(subject).message_id(Some(root));
        }
        let own = self.id(notification, Some(&format!("{} {}", notification.action, notification.time)));
        let builder = builder.subject(format!("Re: {subject}")).message_id(Some(own));
        builder.in_reply_to(root.clone()).references(root)
    }

    /// The id of an incident's first letter, or of a later one: the same again for the same letter,
    /// so that one that is sent twice is shown once.
    fn id(&self, notification: &Notification, later: Option<&str>) -> String {
        let name = format!("{}\u{0}{}\u{0}{}", self.receiver, notification.incident, later.unwrap_or_default());
        format!("<{}@{}>", Key::of(name.as_bytes()), self.from.email.domain())
    }
}

fn head(notification: &Notification) -> String {
    format!("{}: {} ({})", state(notification), title(notification, 1024), notification.severity)
}

fn plain(notification: &Notification, told: &Story) -> String {
    let link = web(notification.link.as_deref());
    format!(
        "{}\n\n{}\n\n-- \n{}\n",
        head(notification),
        told.plain(link.as_deref()),
        tell::key(&notification.incident, 200)
    )
}

fn html(notification: &Notification, told: &Story) -> String {
    let mut out = format!("<!doctype html><html><body><h3>{}</h3>", escape(&head(notification)));
    if let Some(diff) = &told.diff {
        out.push_str(&format!("<pre>{}</pre>", escape(diff)));
    }
    out.push_str("<table>");
    for (name, text) in &told.facts {
        out.push_str(&format!("<tr><th align=\"left\" valign=\"top\">{name}</th><td>{}</td></tr>", escape(text)));
    }
    out.push_str("</table><ul>");
    told.symptoms.iter().for_each(|text| out.push_str(&format!("<li>{}</li>", escape(text))));
    out.push_str("</ul>");
    if told.truncated > 0 {
        out.push_str(&format!("<p>truncated: {}</p>", told.truncated));
    }
    if let Some(link) = web(notification.link.as_deref()) {
        let link = escape(&link);
        out.push_str(&format!("<p><a href=\"{link}\">{link}</a></p>"));
    }
    out.push_str("</body></html>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
