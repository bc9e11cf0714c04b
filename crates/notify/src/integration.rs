use std::time::Duration;

use async_trait::async_trait;

use crate::Notification;

/// What a provider said of an intent that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Whether the provider has it for good; otherwise it took it for processing and owes a proof.
    pub proven: bool,
    /// Its status code.
    pub status: Option<u16>,
    /// What it calls the intent or incident. The next intent of the incident carries it back
    /// ([`Notification::reference`]).
    pub reference: Option<String>,
    /// It is not proven, and [`Integration::prove`] can ask for the proof by the reference: the
    /// host does, until there is one, or the receiver's time for it is over.
    pub owed: bool,
}

/// What a provider says of something that it took for processing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is still at it.
    Pending,
    /// It has it for good.
    Delivered,
    /// It has looked at it and does not want it: as if the payload had been refused at once.
    Rejected {
        /// What the provider said.
        problem: String,
    },
}

/// Why a provider did not take an intent, by what the host does about it. Never holds a secret:
/// no URL, no key, and of an answer's body only what is known to be harmless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not taken now: 429, 5xx, network, time-out.
    #[error("{problem}")]
    Retry {
        /// What happened.
        problem: String,
        /// Its status code, if it answered.
        status: Option<u16>,
        /// When the provider says to try again.
        after: Option<Duration>,
    },
    /// The payload was refused (400, 413, 422): the host sends the safe one.
    #[error("the payload was refused: {problem}")]
    Poison {
        /// What the provider said.
        problem: String,
        /// Its status code.
        status: Option<u16>,
    },
    /// The integration is refused (401, 403, 404, 410): key, address or rights are wrong.
    #[error("the integration was refused: {problem}")]
    Refused {
        /// What the provider said.
        problem: String,
        /// Its status code.
        status: Option<u16>,
    },
}

impl SendError {
    /// Whether the provider may have it all the same: an answer that never came says nothing. What
    /// was answered 429 or refused was not taken.
    pub const fn may_be_taken(&self) -> bool {
        matches!(self, Self::Retry { status, .. } if !matches!(status, Some(429)))
    }

    /// The provider's status code.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Retry { status, .. } | Self::Poison { status, .. } | Self::Refused { status, .. } => *status,
        }
    }
}

/// What a provider documents of its rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests that may go at once.
    pub burst: u32,
    /// Requests a second after that.
    pub per_second: f64,
    /// The first wait of an incident after a failed attempt.
    pub first_backoff: Duration,
    /// The first pause of everything after a 429 without a hint, or a refusal.
    pub pause: Duration,
    /// The longest of both.
    pub max_backoff: Duration,
    /// How long one request may take.
    pub timeout: Duration,
}

/// A way out. One file per integration, and one line in `integrations::all()`; each passes
/// [`crate::suite`]. Its `Debug` shows no secret.
#[async_trait]
pub trait Integration: Send + Sync + std::fmt::Debug {
    /// What it is called in configuration and metrics: `pagerduty`, `webhook`.
    fn kind(&self) -> &'static str;

    /// What the provider documents.
    fn limits(&self) -> Limits;

    /// Sends once. The same notification sent again must not open a second incident.
    ///
    /// # Errors
    /// See [`SendError`].
    async fn send(&self, notification: &Notification) -> Result<Sent, SendError>;

    /// Sends the least that the provider cannot refuse: summary, severity, key, link; of a group's message, where that
    /// is what is sent, the alerts by their labels.
    ///
    /// # Errors
    /// See [`SendError`]; a second poison is final.
    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError>;

    /// Asks what became of something that was taken and is [owed](Sent::owed) a proof, by its
    /// reference. Without such sends there is nothing to prove.
    ///
    /// # Errors
    /// See [`SendError`]; whatever it is, the host asks again until the receiver's time is over.
    async fn prove(&self, _reference: &str) -> Result<Proof, SendError> {
        Ok(Proof::Delivered)
    }

    /// How often an open incident must be sent again, for a provider that forgets what it is not
    /// told anew. The host then sends the last notification again, without a receipt.
    fn refresh(&self) -> Option<Duration> {
        None
    }

    /// Whether it is told of the end of an incident. Who only acts on its beginning is not: the end then takes the place of a
    /// beginning that was not taken yet, and no request is made of it. Nor is it told of several incidents in a digest.
    fn tells_ends(&self) -> bool {
        true
    }
}
