//! Syslog: RFC 5424, RFC 3164 as it is sent, and the framing of both on a stream (RFC 6587).

mod cisco;
mod framing;
mod header;
mod rfc3164;
mod rfc5424;
mod structured;
mod time;

pub use framing::{Frame, FrameError, Framer, trimmed};
pub use structured::{Element, Elements, Params, StructuredData};
pub use time::{LocalTime, Time};

/// A message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message<'a> {
    /// Who logs, by number: see [`FACILITIES`].
    pub facility: u8,
    /// How bad it is: 0 (emergency) to 7 (debug); see [`SEVERITIES`].
    pub severity: u8,
    /// When; none if the sender has no clock.
    pub time: Option<Time>,
    /// Which host.
    pub hostname: Option<&'a str>,
    /// Which program; of RFC 3164 the tag.
    pub app_name: Option<&'a str>,
    /// Its process id, or what it has instead.
    pub proc_id: Option<&'a str>,
    /// The kind of message; RFC 5424 only.
    pub msg_id: Option<&'a str>,
    /// What is known besides; RFC 5424 only.
    pub structured: StructuredData<'a>,
    /// What it says, in any encoding, without the byte order mark of UTF-8.
    pub message: &'a [u8],
    /// Whether it is of RFC 5424.
    pub rfc5424: bool,
}

/// The names of facilities, by number.
pub const FACILITIES: [&str; 24] = [
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// The names of severities, by number.
pub const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// What a message without a priority has (RFC 3164, 4.3.3): user, notice.
const DEFAULT_PRIORITY: u8 = 13;

/// Why bytes are no message, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syslog message at byte {at}: {what}")]
pub struct SyslogError {
    /// The byte of the message.
    pub at: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl<'a> Message<'a> {
    /// Reads a message. One that claims to be of RFC 5424 must be; any other is read as far as it is like
    /// RFC 3164, and the rest is what it says.
    ///
    /// # Errors
    /// A header of RFC 5424 that is none.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SyslogError> {
        let (priority, rest) = header::priority(bytes).unwrap_or((DEFAULT_PRIORITY, bytes));
        if rest.len() < bytes.len() && rest.starts_with(b"1 ") {
            return rfc5424::parse(bytes, priority, rest);
        }
        Ok(rfc3164::parse(priority, rest))
    }

    /// A message of which only the priority is read; all of its bytes are what it says.
    pub fn unread(bytes: &'a [u8]) -> Self {
        let priority = header::priority(bytes).map_or(DEFAULT_PRIORITY, |(priority, _)| priority);
        Self { message: bytes, ..Self::new(priority, false) }
    }

    fn new(priority: u8, rfc5424: bool) -> Self {
        Self {
            facility: priority >> 3,
            severity: priority & 7,
            time: None,
            hostname: None,
            app_name: None,
            proc_id: None,
            msg_id: None,
            structured: StructuredData::default(),
            message: &[],
            rfc5424,
        }
    }

    /// When it was sent; a time without a year and zone is of a clock in `zone`, and the nearest to `now`.
    pub fn sent(&self, now: base::Timestamp, zone: &base::Zone) -> Option<base::Timestamp> {
        match self.time? {
            Time::At(at) => Some(at),
            Time::Local(local) => {
                // What the clock was ahead at that time is known once the time is known, nearly.
                let about = local.resolve(now, zone.offset(now));
                Some(local.resolve(now, zone.offset(about)))
            }
        }
    }

    /// What it says as text; what is not UTF-8 becomes U+FFFD.
    pub fn text(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(self.message)
    }
}

#[cfg(test)]
mod tests;
