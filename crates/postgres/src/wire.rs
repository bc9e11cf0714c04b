//! Bytes of a connection: messages in, replies out, each within a time and a size.

use std::time::Duration;

use base::{Clock, Limit};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use crate::failure::Failure;
use crate::reply::Reply;
use crate::request::{self, Request};

/// How long a message may take once it has begun, and a client to take what it is sent.
const MESSAGE: Duration = Duration::from_secs(60);
/// What is read after the last words, and for how long.
const LINGER_BYTES: u64 = 1 << 20;
const LINGER: Duration = Duration::from_secs(1);
/// Bytes that wait until they are sent together.
const SENT_TOGETHER: usize = 64 << 10;
/// Bytes of a message before a client has said who it is.
const EARLY: Limit = Limit::new("postgres.early_message_bytes", 10_000);

/// What a connection is: TCP, with TLS or not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Why there is no next message.
#[derive(Debug)]
pub enum Ended {
    /// The client has gone, or does not take what it is sent.
    Gone,
    /// It is told why, and then is gone.
    Told(Failure),
}

impl From<std::io::Error> for Ended {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Told(failure)
    }
}

/// The first message of a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum First {
    /// Asks for TLS.
    Tls,
    /// Asks for GSSAPI encryption.
    Gss,
    /// Wants a statement of another connection cancelled.
    Cancel {
        /// That connection.
        process: u32,
        /// What only its client knows.
        secret: Vec<u8>,
    },
    /// A session is to begin.
    Startup {
        /// The minor version of the protocol.
        minor: u16,
        /// `user`, `database` and settings.
        parameters: Vec<(String, String)>,
    },
}

/// Reads a first message and no byte more, since those may be of a TLS handshake.
pub async fn first(stream: &mut (impl AsyncRead + Unpin)) -> Result<First, Ended> {
    let length = stream.read_u32().await?;
    let body = u64::from(length).checked_sub(4).filter(|body| *body >= 4 && *body <= EARLY.max());
    let Some(body) = body else { return Err(Failure::protocol("invalid length of startup packet").into()) };
    let mut bytes = vec![0; body as usize];
    stream.read_exact(&mut bytes).await?;
    let Some((code, rest)) = bytes.split_first_chunk() else { return Err(Ended::Gone) };
    let code = u32::from_be_bytes(*code);
    match (code >> 16, code & 0xffff) {
        (1234, 5679) => Ok(First::Tls),
        (1234, 5680) => Ok(First::Gss),
        (1234, 5678) => match rest.split_first_chunk() {
            Some((process, secret)) => {
                Ok(First::Cancel { process: u32::from_be_bytes(*process), secret: secret.to_vec() })
            }
            None => Err(Failure::protocol("invalid length of cancel request").into()),
        },
        (3, minor) => Ok(First::Startup { minor: minor as u16, parameters: parameters(rest)? }),
        (major, minor) => {
            let message = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0");
            Err(Failure::fatal("0A000", message).into())
        }
    }
}

fn parameters(bytes: &[u8]) -> Result<Vec<(String, String)>, Failure> {
    let broken = || Failure::protocol("invalid startup packet layout: expected terminator as last byte");
    if bytes != [0] && !bytes.ends_with(&[0, 0]) {
        return Err(broken());
    }
    let mut texts = std::str::from_utf8(bytes).map_err(|_| broken())?.split('\0');
    let mut found = Vec::new();
    while let Some(name) = texts.next().filter(|name| !name.is_empty()) {
        found.push((name.to_owned(), texts.next().unwrap_or_default().to_owned()));
    }
    Ok(found)
}

/// A connection whose first message was read.
pub struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    clock: Clock,
    /// What is to be sent.
    pub reply: Reply,
}

impl Wire {
    /// Over `stream`.
    pub fn new(stream: Box<dyn Stream>, clock: Clock) -> Self {
        Self { stream: BufReader::new(stream), clock, reply: Reply::default() }
    }

    /// A first message, on a stream that has turned to TLS.
    pub async fn first(&mut self) -> Result<First, Ended> {
        first(&mut self.stream).await
    }

    /// Waits for a message of a client that is not known yet.
    pub async fn early(&mut self) -> Result<Request, Ended> {
        let kind = self.stream.read_u8().await?;
        self.message(kind, EARLY).await
    }

    /// Waits until a message begins, for at most `wait`; says whether one has. May be given up.
    pub async fn begins(&mut self, wait: Duration) -> Result<bool, Ended> {
        let clock = self.clock.clone();
        let Ok(bytes) = clock.timeout(wait, self.stream.fill_buf()).await else { return Ok(false) };
        if bytes?.is_empty() { Err(Ended::Gone) } else { Ok(true) }
    }

    /// Reads a message that has begun, which may have `limit` bytes.
    pub async fn next(&mut self, limit: Limit) -> Result<Request, Ended> {
        let clock = self.clock.clone();
        let read = async {
            let kind = self.stream.read_u8().await?;
            self.message(kind, limit).await
        };
        let slow = || Failure::fatal("08P01", "a message took too long to arrive");
        clock.timeout(MESSAGE, read).await.unwrap_or_else(|_| Err(slow().into()))
    }

    async fn message(&mut self, kind: u8, limit: Limit) -> Result<Request, Ended> {
        let length = self.stream.read_u32().await?;
        let Some(length) = u64::from(length).checked_sub(4) else {
            return Err(Failure::protocol("invalid message length").into());
        };
        if let Err(exceeded) = limit.check(length) {
            return Err(Failure::fatal("54000", format!("invalid message length: {exceeded}")).into());
        }
        // Takes memory as bytes come, not as they are announced.
        let mut body = Vec::new();
        (&mut self.stream).take(length).read_to_end(&mut body).await?;
        if (body.len() as u64) < length {
            return Err(Ended::Gone);
        }
        Ok(request::read(kind, &body)?)
    }

    /// Sends what has gathered, if that is much.
    pub async fn relieve(&mut self) -> Result<(), Ended> {
        if self.reply.bytes().len() < SENT_TOGETHER { Ok(()) } else { self.flush().await }
    }

    /// Sends everything.
    pub async fn flush(&mut self) -> Result<(), Ended> {
        let clock = self.clock.clone();
        let send = async {
            self.stream.write_all(self.reply.bytes()).await?;
            self.stream.flush().await
        };
        let sent = clock.timeout(MESSAGE, send).await;
        self.reply.clear();
        match sent {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Ended::Gone),
        }
    }

    /// Says why this is the end, and ends it.
    pub async fn end(&mut self, failure: &Failure) {
        self.reply.failure(failure);
        if self.flush().await.is_err() || self.stream.shutdown().await.is_err() {
            return;
        }
        // Closed with bytes that nobody has read, a connection takes the last words with it.
        let clock = self.clock.clone();
        let mut rest = (&mut self.stream).take(LINGER_BYTES);
        let mut nowhere = tokio::io::sink();
        let read = tokio::io::copy(&mut rest, &mut nowhere);
        if !matches!(clock.timeout(LINGER, read).await, Ok(Ok(_))) {
            tracing::debug!("a PostgreSQL client did not close its connection");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Result<First, Ended> {
        let mut bytes = bytes;
        first(&mut bytes).await
    }

    #[tokio::test]
    async fn first_messages_are_told_apart() {
        assert_eq!(read(b"\0\0\0\x08\x04\xd2\x16\x2f").await.unwrap(), First::Tls);
        assert_eq!(read(b"\0\0\0\x08\x04\xd2\x16\x30").await.unwrap(), First::Gss);
        let cancel = read(b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07\0\0\0\x09").await.unwrap();
        assert_eq!(cancel, First::Cancel { process: 7, secret: vec![0, 0, 0, 9] });
        let startup = read(b"\0\0\0\x11\0\x03\0\0user\0me\0\0").await.unwrap();
        let parameters = vec![("user".to_owned(), "me".to_owned())];
        assert_eq!(startup, First::Startup { minor: 0, parameters });
        let nobody = read(b"\0\0\0\x09\0\x03\0\0\0").await.unwrap();
        assert_eq!(nobody, First::Startup { minor: 0, parameters: vec![] });
    }

    #[tokio::test]
    async fn garbage_and_half_messages_are_none() {
        for garbage in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\0\0\0\0",
            b"\0\0\0\x04",
            b"\x7f\xff\xff\xff\0\x03\0\0",
            b"\0\0\0\x08\0\x02\0\0",
            b"\0\0\0\x0d\0\x03\0\0user\0",
            b"\0\0\0\x0a\0\x03\0\0\xff\0",
            b"\0\0\0\x08\x04\xd2\x16\x2e",
        ] {
            assert!(read(garbage).await.is_err(), "{garbage:?}");
        }
        for end in 0..17 {
            let half = &b"\0\0\0\x11\0\x03\0\0user\0me\0\0"[..end];
            assert!(matches!(read(half).await, Err(Ended::Gone)), "{end}");
        }
    }
}
