use std::time::Duration;

use super::sample::sample;
use super::server::{Answer, Server};
use super::{Failure, Subject, ensure};
use crate::{Action, SendError, Sent};

/// Time for a request that is to end in time.
const LONG: Duration = Duration::from_secs(20);
/// Time for a request that is to run out of it.
const SHORT: Duration = Duration::from_millis(200);
/// Bytes of an answer's body that may be taken, with what the sockets hold.
const BODY: u64 = 32 << 20;

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It is a yes.
    Taken,
    /// The same again, later.
    Retry,
    /// The payload is wrong.
    Poison,
    /// The receiver is wrong.
    Refused,
}

const TABLE: [(u16, Class); 17] = [
    (400, Class::Poison),
    (401, Class::Refused),
    (402, Class::Refused),
    (403, Class::Refused),
    (404, Class::Refused),
    (405, Class::Refused),
    (408, Class::Retry),
    (410, Class::Refused),
    (413, Class::Poison),
    (415, Class::Refused),
    (422, Class::Poison),
    (425, Class::Retry),
    (429, Class::Retry),
    (500, Class::Retry),
    (502, Class::Retry),
    (503, Class::Retry),
    (599, Class::Retry),
];

fn class(result: &Result<Sent, SendError>) -> Class {
    match result {
        Ok(_) => Class::Taken,
        Err(SendError::Retry { .. }) => Class::Retry,
        Err(SendError::Poison { .. }) => Class::Poison,
        Err(SendError::Refused { .. }) => Class::Refused,
    }
}

async fn ask(subject: &Subject<'_>, answer: Answer, time: Duration) -> Result<Result<Sent, SendError>, Failure> {
    let server = Server::start(answer).await?;
    Ok((subject.build)(server.url(), time).send(&sample(Action::Trigger)).await)
}

fn yes(subject: &Subject<'_>) -> Answer {
    Answer::Status(subject.yes.0, Vec::new(), subject.yes.1.to_owned())
}

/// Each status is of its class, in full and in safe form, and is told.
pub(super) async fn check(subject: &Subject<'_>) -> Result<(), Failure> {
    let result = ask(subject, yes(subject), LONG).await?;
    ensure(class(&result) == Class::Taken, format!("the provider's yes gives {result:?}"))?;
    for (status, expected) in TABLE {
        let server = Server::start(Answer::Status(status, Vec::new(), "{}".to_owned())).await?;
        let integration = (subject.build)(server.url(), LONG);
        let full = integration.send(&sample(Action::Trigger)).await;
        let safe = integration.send_safe(&sample(Action::Trigger)).await;
        for result in [full, safe] {
            ensure(class(&result) == expected, format!("{status} gives {result:?}, not {expected:?}"))?;
            let told = result.err().and_then(|error| error.status());
            ensure(told == Some(status), format!("{status} is told as {told:?}"))?;
        }
    }
    Ok(())
}

/// What the provider documents of its own is of its class, in full and in safe form.
pub(super) async fn documented(subject: &Subject<'_>) -> Result<(), Failure> {
    for (status, body, expected) in subject.answers {
        let server = Server::start(Answer::Status(*status, Vec::new(), (*body).to_owned())).await?;
        let integration = (subject.build)(server.url(), LONG);
        let full = integration.send(&sample(Action::Trigger)).await;
        let safe = integration.send_safe(&sample(Action::Trigger)).await;
        for result in [full, safe] {
            ensure(class(&result) == *expected, format!("{status} {body} gives {result:?}, not {expected:?}"))?;
        }
    }
    Ok(())
}

/// No answer at all is a retry, and may mean that the provider has it.
pub(super) async fn no_answer(subject: &Subject<'_>) -> Result<(), Failure> {
    let nobody = Server::start(Answer::Close).await?.url().to_owned();
    let mut results = vec![("refused", (subject.build)(&nobody, LONG).send(&sample(Action::Trigger)).await)];
    results.push(("silence", ask(subject, Answer::Silence, SHORT).await?));
    results.push(("closed", ask(subject, Answer::Close, LONG).await?));
    for (name, result) in results {
        let may = result.as_ref().err().is_some_and(SendError::may_be_taken);
        ensure(class(&result) == Class::Retry && may, format!("a connection with {name} gives {result:?}"))?;
    }
    Ok(())
}

/// `Retry-After` is read as seconds and as a date (RFC 9110, 10.2.3); nonsense is not.
pub(super) async fn waits(subject: &Subject<'_>) -> Result<(), Failure> {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
    let cases: [(u16, Vec<&str>, Option<u64>); 6] = [
        (429, vec!["Retry-After: 7"], Some(7)),
        (503, vec!["retry-after: 120"], Some(120)),
        (429, vec![date, "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT"], Some(60)),
        (429, vec![date, "Retry-After: Sun, 06 Nov 1994 08:49:00 GMT"], Some(0)),
        (429, vec!["Retry-After: soon"], None),
        (429, vec![], None),
    ];
    for (status, headers, expected) in cases {
        let lines = headers.iter().map(|&line| line.to_owned()).collect();
        let result = ask(subject, Answer::Status(status, lines, String::new()), LONG).await?;
        let after = match &result {
            Err(SendError::Retry { after, .. }) => *after,
            _ => return Err(Failure::new(format!("{status} gives {result:?}"))),
        };
        ensure(after == expected.map(Duration::from_secs), format!("{headers:?} is read as {after:?}"))?;
    }
    Ok(())
}

/// Bodies that are garbage or do not end change no class and take no memory.
pub(super) async fn hostile(subject: &Subject<'_>) -> Result<(), Failure> {
    let garbage = "\u{0}<html>{\"status\":".to_owned();
    let yes = if subject.reads_yes { Class::Retry } else { Class::Taken };
    for (status, expected) in [(subject.yes.0, yes), (400, Class::Poison), (500, Class::Retry)] {
        let result = ask(subject, Answer::Status(status, Vec::new(), garbage.clone()), LONG).await?;
        ensure(class(&result) == expected, format!("{status} with garbage gives {result:?}"))?;
        let server = Server::start(Answer::Endless(status)).await?;
        let result = (subject.build)(server.url(), LONG).send(&sample(Action::Trigger)).await;
        ensure(class(&result) == expected, format!("{status} without an end gives {result:?}"))?;
        let written = server.written();
        ensure(written <= BODY, format!("{written} bytes of an answer were taken"))?;
    }
    let raw: [&[u8]; 3] = [b"\x16\x03\x01\x02\x00", b"HTTP/1.1 20", b"SSH-2.0-OpenSSH_9.9\r\n"];
    for bytes in raw {
        let result = ask(subject, Answer::Raw(bytes.to_vec()), LONG).await?;
        ensure(class(&result) == Class::Retry, format!("{bytes:?} gives {result:?}"))?;
    }
    Ok(())
}

/// A redirect is not followed: it would carry the key to another host.
pub(super) async fn redirect(subject: &Subject<'_>) -> Result<(), Failure> {
    let other = Server::start(yes(subject)).await?;
    for status in [301, 302, 307, 308] {
        let location = vec![format!("Location: {}/", other.url())];
        let result = ask(subject, Answer::Status(status, location, String::new()), LONG).await?;
        ensure(class(&result) == Class::Refused, format!("{status} gives {result:?}"))?;
    }
    ensure(other.requests().is_empty(), "a redirect was followed")
}

/// No secret is in an error or in `Debug`, whatever the provider tells.
pub(super) async fn secrets(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut texts = Vec::new();
    for status in [subject.yes.0, 302, 400, 401, 404, 429, 500] {
        let server = Server::start(Answer::Echo(status)).await?;
        let integration = (subject.build)(server.url(), LONG);
        texts.push(format!("{integration:?}"));
        let results =
            [integration.send(&sample(Action::Trigger)).await, integration.send_safe(&sample(Action::Trigger)).await];
        for result in results {
            texts.push(format!("{result:?}"));
            texts.extend(result.err().map(|error| error.to_string()));
        }
    }
    for answer in [Answer::Close, Answer::Silence, Answer::Raw(b"garbage".to_vec())] {
        let result = ask(subject, answer, SHORT).await?;
        texts.push(format!("{result:?} {}", result.as_ref().err().map(ToString::to_string).unwrap_or_default()));
    }
    let leak = texts.iter().find(|text| subject.secrets.iter().any(|secret| text.contains(secret)));
    ensure(leak.is_none(), format!("a secret is shown: {leak:?}"))
}
