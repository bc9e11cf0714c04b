//! Mail over SMTP: one thread for each incident, in text and HTML.

mod body;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use base::{Secret, SecretRef};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport, Message, Tokio1Executor};
use notify::{Integration, Limits, Notification, SendError, Sent};
use serde::Deserialize;

use crate::auth::base64;
use crate::fit;
use crate::plugin::{BuildError, Context, Plugin, settings};
use body::Letters;

/// Nobody documents a rate; relays slow down or close who sends faster than people do.
const LIMITS: Limits = Limits {
    burst: 20,
    per_second: 2.0,
    first_backoff: Duration::from_secs(10),
    pause: Duration::from_secs(60),
    max_backoff: Duration::from_secs(600),
    timeout: Duration::from_secs(30),
};

pub(crate) fn plugin() -> Plugin {
    Plugin {
        kind: "email",
        doc: "Mail over SMTP, one thread for each incident",
        example: "email:\n  host: smtp.example.org\n  username: steadfast\n  password: {env: SMTP_PASSWORD}\n  \
                  from: Steadfast <steadfast@example.org>\n  to: [on-call@example.org]\n",
        build: |value, cx| settings::<EmailConfig>(value)?.build(cx),
        inbound: None,
        wakes_once: false,
    }
}

/// `email` of a receiver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// The mail server.
    pub host: String,
    /// Its port; without, 587, with `tls: implicit` 465, with `tls: none` 25.
    #[serde(default)]
    pub port: Option<u16>,
    /// `starttls`: nothing is sent unless the server speaks TLS; `implicit`: from the first byte; `none`: in the clear, for a relay on this host.
    #[serde(default)]
    pub tls: TlsMode,
    /// Certificates that are trusted beside the system's, as PEM.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The user's name.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Who writes: `Steadfast <steadfast@example.org>`.
    pub from: String,
    /// Who is written to. A server that refuses one of them refuses the mail: a list's own address is better than many.
    pub to: Vec<String>,
}

/// How a connection is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// A plain greeting, then TLS or nothing.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// No TLS.
    None,
}

impl EmailConfig {
    /// Reads the password and the certificates and makes the integration.
    ///
    /// # Errors
    /// If an address is none, the password cannot be read or would go in the clear, or the
    /// certificates are none.
    pub fn build(&self, cx: &Context) -> Result<Box<dyn Integration>, BuildError> {
        let letters = Letters {
            from: mailbox("from", &self.from)?,
            to: self.to.iter().map(|to| mailbox("to", to)).collect::<Result<_, _>>()?,
            receiver: cx.receiver.clone(),
        };
        if letters.to.is_empty() {
            return Err(BuildError::value("to", "there is no address"));
        }
        let (tls, port) = self.tls()?;
        let hello = ClientId::Domain(letters.from.email.domain().to_owned());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.host.trim())
            .port(self.port.unwrap_or(port))
            .tls(tls)
            .hello_name(hello)
            .timeout(Some(cx.timeout.unwrap_or(LIMITS.timeout)));
        let mut secrets = Vec::new();
        if let Some((username, password)) = self.login()? {
            let plain = format!("\u{0}{username}\u{0}{}", password.expose());
            secrets.extend([base64(plain.as_bytes()), base64(password.expose().as_bytes())].map(Secret::new));
            builder = builder.credentials(Credentials::new(username, password.expose().to_owned()));
            secrets.push(password);
        }
        Ok(Box::new(Email { transport: builder.build(), letters, secrets }))
    }

    fn login(&self) -> Result<Option<(String, Secret)>, BuildError> {
        match (&self.username, &self.password) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) if self.tls == TlsMode::None => {
                Err(BuildError::value("tls", "a password is not sent in the clear: use `starttls` or `implicit`"))
            }
            (Some(username), Some(password)) => {
                let password = password.resolve().map_err(BuildError::secret("password"))?;
                Ok(Some((username.clone(), password)))
            }
            (Some(_), None) => Err(BuildError::value("password", "a username needs a password")),
            (None, Some(_)) => Err(BuildError::value("username", "a password needs a username")),
        }
    }

    fn tls(&self) -> Result<(Tls, u16), BuildError> {
        let host = self.host.trim().to_owned();
        if host.is_empty() {
            return Err(BuildError::value("host", "it is empty"));
        }
        let mut parameters = TlsParameters::builder(host);
        if let Some(path) = &self.ca {
            let problem = |problem: String| BuildError::value("ca", format!("{}: {problem}", path.display()));
            let pem = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| problem(error.to_string()))?;
            parameters = parameters.add_root_certificate(certificate);
        }
        let parameters = || parameters.build().map_err(|error| BuildError::value("host", error.to_string()));
        Ok(match self.tls {
            TlsMode::Starttls => (Tls::Required(parameters()?), 587),
            TlsMode::Implicit => (Tls::Wrapper(parameters()?), 465),
            TlsMode::None => (Tls::None, 25),
        })
    }
}

fn mailbox(key: &'static str, text: &str) -> Result<Mailbox, BuildError> {
    text.parse().map_err(|error| BuildError::value(key, format!("`{text}` is no address: {error}")))
}

struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    letters: Letters,
    secrets: Vec<Secret>,
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Email").field("receiver", &self.letters.receiver).finish_non_exhaustive()
    }
}

#[async_trait]
impl Integration for Email {
    fn kind(&self) -> &'static str {
        "email"
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.mail(self.letters.full(notification), notification).await
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.mail(self.letters.safe(notification), notification).await
    }
}

impl Email {
    /// The server has it once it says so after the last line.
    async fn mail(
        &self,
        message: Result<Message, lettre::error::Error>,
        notification: &Notification,
    ) -> Result<Sent, SendError> {
        let poison = |error: lettre::error::Error| SendError::Poison { problem: error.to_string(), status: None };
        let response = self.transport.send(message.map_err(poison)?).await.map_err(|error| self.error(&error))?;
        // The subject that the thread began with: clients thread by it as well.
        let reference = Some(body::subject(notification));
        Ok(Sent { proven: true, status: Some(response.code().into()), reference, ..Sent::default() })
    }

    /// 4xx is a retry; 5xx is final: what the server has against us or an address refuses the
    /// receiver, what it has against the mail the mail (RFC 5321, 4.2).
    fn error(&self, error: &SmtpError) -> SendError {
        let status = error.status().map(u16::from);
        let text = self.secrets.iter().fold(error.to_string(), |text, secret| text.replace(secret.expose(), "***"));
        let problem = fit::line(&text, 300);
        match status {
            Some(500..=504 | 521 | 523..=551 | 553 | 555..=599) => SendError::Refused { problem, status },
            Some(552 | 554) => SendError::Poison { problem, status },
            Some(522) => SendError::Refused { problem, status },
            // It speaks no TLS, or offers no way to log in.
            None if error.is_client() => SendError::Refused { problem, status },
            _ => SendError::Retry { problem, status, after: None },
        }
    }
}
