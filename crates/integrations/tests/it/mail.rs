//! Mail against a server that speaks SMTP.

use std::time::Duration;

use notify::suite::{oversize, sample};
use notify::{Action, Integration, Notification, SendError};
use serde_json::{Value, json};

use crate::smtp::{Manner, Smtp};
use crate::support::{self, TOKEN};

const TIME: Duration = Duration::from_secs(20);

fn settings(server: &Smtp, more: Value) -> Value {
    let mut settings = json!({
        "host": "localhost", "port": server.port, "ca": server.ca.path(),
        "from": "Steadfast <steadfast@example.org>", "to": ["On call <on-call@example.org>", "b@example.org"],
    });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

fn mail(server: &Smtp, more: Value) -> Box<dyn Integration> {
    (support::plugin("email").build)(&settings(server, more), &support::context(TIME)).unwrap()
}

/// The value of a header.
fn header<'a>(letter: &'a str, name: &str) -> Option<&'a str> {
    let head = letter.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn an_incident_is_one_thread_of_letters_in_text_and_html() {
    let server = Smtp::start(Manner::default()).await;
    let (_password, password) = support::secret(TOKEN);
    let email = mail(&server, json!({"username": "u", "password": password}));
    let sent = email.send(&sample(Action::Trigger)).await.unwrap();
    assert_eq!((sent.proven, sent.status), (true, Some(250)));
    let renamed = |action| Notification {
        summary: "it is another summary".to_owned(),
        reference: sent.reference.clone(),
        ..sample(action)
    };
    email.send(&sample(Action::Trigger)).await.unwrap();
    email.send(&renamed(Action::Update)).await.unwrap();
    email.send(&renamed(Action::Resolve)).await.unwrap();
    let heard = server.heard();
    assert!(heard.iter().all(|heard| heard.tls && heard.commands.iter().any(|line| line.starts_with("AUTH PLAIN"))));
    assert!(heard[0].commands.contains(&"RCPT TO:<b@example.org>".to_owned()), "{:?}", heard[0].commands);
    let letters: Vec<&str> = heard.iter().map(|heard| heard.letter.as_str()).collect();
    let ids: Vec<_> = letters.iter().map(|letter| header(letter, "Message-ID").unwrap()).collect();
    assert_eq!(ids[0], ids[1], "the same letter again is the same letter");
    assert!(ids[2] != ids[0] && ids[3] != ids[0] && ids[2] != ids[3], "{ids:?}");
    for letter in &letters[2..] {
        assert_eq!((header(letter, "In-Reply-To"), header(letter, "References")), (Some(ids[0]), Some(ids[0])));
        assert_eq!(header(letter, "Subject"), Some("Re: [error] 2 files of web-1 differ from what is declared"));
    }
    assert_eq!(header(letters[0], "Subject"), Some("[error] 2 files of web-1 differ from what is declared"));
    assert_eq!(header(letters[0], "Auto-Submitted"), Some("auto-generated"));
    assert_eq!(header(letters[0], "Date"), Some("Tue, 25 Nov 2025 10:15:00 +0000"));
    for part in ["multipart/alternative", "text/plain", "text/html", "-worker_processes 2;", "<pre>"] {
        assert!(letters[0].contains(part), "{part} is not in:\n{}", letters[0]);
    }
}

#[tokio::test]
async fn nothing_goes_in_the_clear_unless_that_is_asked_for() {
    let server = Smtp::start(Manner { plain: true, ..Manner::default() }).await;
    let (_password, password) = support::secret(TOKEN);
    let email = mail(&server, json!({"username": "u", "password": password.clone()}));
    let refused = email.send(&sample(Action::Trigger)).await.unwrap_err();
    assert!(matches!(refused, SendError::Refused { .. }), "{refused:?}");
    assert!(server.heard().iter().all(|heard| heard.letter.is_empty()));
    mail(&server, json!({"tls": "none"})).send(&sample(Action::Trigger)).await.unwrap();
    let last = server.heard().pop().unwrap();
    assert!(!last.tls && last.letter.contains("Subject: "));
    let login = settings(&server, json!({"tls": "none", "username": "u", "password": password}));
    let error = (support::plugin("email").build)(&login, &support::context(TIME)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("in the clear"), "{error}");
    let stranger = Smtp::start(Manner::default()).await;
    let wrong = mail(&stranger, json!({"ca": server.ca.path()}));
    let error = wrong.send(&sample(Action::Trigger)).await.unwrap_err();
    assert!(matches!(error, SendError::Retry { .. }), "another's certificate: {error:?}");
}

#[tokio::test]
async fn answers_are_of_the_class_that_their_code_says() {
    let cases = [
        ("", "421 too busy", "retry"),
        ("MAIL", "451 try later", "retry"),
        ("RCPT", "450 greylisted", "retry"),
        (".", "452 no room", "retry"),
        ("AUTH", "535 who are you", "refused"),
        ("MAIL", "530 log in first", "refused"),
        ("RCPT", "550 no such user", "refused"),
        (".", "552 too large", "poison"),
        (".", "554 looks like spam", "poison"),
    ];
    let (_password, password) = support::secret(TOKEN);
    for (command, answer, expected) in cases {
        let server = Smtp::start(Manner::answering(command, answer)).await;
        let email = mail(&server, json!({"username": "u", "password": password.clone()}));
        for safe in [false, true] {
            let notification = sample(Action::Trigger);
            let sent = if safe { email.send_safe(&notification).await } else { email.send(&notification).await };
            let error = sent.unwrap_err();
            let class = match &error {
                SendError::Retry { .. } => "retry",
                SendError::Poison { .. } => "poison",
                SendError::Refused { .. } => "refused",
            };
            assert_eq!(class, expected, "{command} {answer}: {error:?}");
            assert_eq!(error.status(), answer[..3].parse().ok(), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_tells_what_it_was_told_shows_no_secret() {
    let (_password, password) = support::secret(TOKEN);
    let echo = "535 no AHUAdDBrZW4tdGhhdC1pcy1zZWNyZXQ= nor t0ken-that-is-secret";
    let server = Smtp::start(Manner::answering("AUTH", echo)).await;
    let email = mail(&server, json!({"username": "u", "password": password}));
    let error = email.send(&sample(Action::Trigger)).await.unwrap_err();
    let text = format!("{email:?} {error:?} {error}");
    assert!(text.contains("535") && !text.contains(TOKEN) && !text.contains("AHUAdDBr"), "{text}");
}

#[tokio::test]
async fn a_letter_of_any_texts_is_written_and_of_bounded_size() {
    let server = Smtp::start(Manner::default()).await;
    let email = mail(&server, json!({}));
    let odd = Notification {
        summary: "größe\r\nBcc: evil@example.org\u{0}".to_owned(),
        symptoms: Vec::new(),
        incident: String::new(),
        ..sample(Action::Trigger)
    };
    email.send(&odd).await.unwrap();
    let letter = server.heard().pop().unwrap().letter;
    assert!(header(&letter, "Bcc").is_none(), "{letter}");
    for action in [Action::Trigger, Action::Update, Action::Resolve] {
        email.send(&oversize(action)).await.unwrap();
        let size = server.heard().pop().unwrap().letter.len();
        assert!(size < 700_000, "{size}");
        email.send_safe(&oversize(action)).await.unwrap();
        let size = server.heard().pop().unwrap().letter.len();
        assert!(size < 16_000, "{size}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_speaks_something_else_is_tried_again() {
    let nobody = Smtp::start(Manner::default()).await;
    let gone = mail(&nobody, json!({}));
    let http = Smtp::start(Manner::answering("", "HTTP/1.1 400 Bad Request")).await;
    let other = mail(&http, json!({}));
    drop(nobody);
    for (email, what) in [(gone, "gone"), (other, "http")] {
        let error = email.send(&sample(Action::Trigger)).await.unwrap_err();
        assert!(matches!(error, SendError::Retry { .. }), "{what}: {error:?}");
    }
}
