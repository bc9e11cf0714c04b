//! What every integration must do, as code: describe it with a [`Subject`] and call [`run`] in a
//! test. A local server plays the provider and answers with everything that a provider, a proxy or
//! an attacker can answer with.

mod answers;
mod bodies;
mod sample;
mod server;

use std::fmt;
use std::time::Duration;

use crate::Integration;

pub use answers::Class;
pub use sample::{oversize, sample};
pub use server::{Answer, Request, Server};

/// One integration and what is known of its provider.
pub struct Subject<'a> {
    /// Makes it for a provider at this URL, with this time for one request.
    pub build: &'a (dyn Fn(&str, Duration) -> Box<dyn Integration> + Sync),
    /// The secrets that it was made with.
    pub secrets: &'a [&'a str],
    /// Status and body of the provider's yes.
    pub yes: (u16, &'a str),
    /// Bytes that a body may have.
    pub body_limit: usize,
    /// Bytes that a safe body has at most.
    pub safe_limit: usize,
    /// The key by which the provider knows an incident, from a request that has it; nothing if the
    /// provider has no such key.
    pub key: Option<fn(&Request) -> Option<String>>,
    /// The body of a yes says whether it is one: garbage with a good status is none.
    pub reads_yes: bool,
    /// Answers that the provider documents beyond the common table: status, body, class.
    pub answers: &'a [(u16, &'a str, Class)],
}

/// What an integration did that it must not.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(format!("the suite's server: {error}"))
    }
}

/// Checks an integration.
///
/// # Errors
/// The first thing that is wrong.
pub async fn run(subject: &Subject<'_>) -> Result<(), Failure> {
    answers::check(subject).await?;
    answers::documented(subject).await?;
    answers::no_answer(subject).await?;
    answers::waits(subject).await?;
    answers::hostile(subject).await?;
    answers::redirect(subject).await?;
    answers::secrets(subject).await?;
    bodies::keys(subject).await?;
    bodies::sizes(subject).await?;
    bodies::texts(subject).await
}

fn ensure(holds: bool, what: impl fmt::Display) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new(what)) }
}
