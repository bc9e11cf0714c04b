//! A client that knows the wire and nothing else, so that what it sends can be wrong.

use std::net::SocketAddr;
use std::time::Duration;

use base::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    stream: TcpStream,
    /// Process and secret.
    pub key: Vec<u8>,
}

/// A message of the server: its kind and body.
pub type Message = (char, Vec<u8>);

pub fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

impl Client {
    /// A connection on which nothing was said.
    pub async fn dial(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.unwrap(), key: vec![] }
    }

    /// A session of `ann`, whom everybody may be.
    pub async fn connect(addr: SocketAddr) -> Self {
        let mut client = Self::dial(addr).await;
        client.startup(&[("user", "ann"), ("application_name", "test")]).await;
        let greeting = client.until('Z').await;
        client.key = greeting.iter().find(|(kind, _)| *kind == 'K').unwrap().1.clone();
        client
    }

    pub async fn startup(&mut self, parameters: &[(&str, &str)]) {
        let mut body = 196_608u32.to_be_bytes().to_vec();
        parameters.iter().for_each(|(name, value)| body.extend([text(name), text(value)].concat()));
        body.push(0);
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.raw(&[&length[..], &body].concat()).await;
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub async fn send(&mut self, kind: char, body: &[u8]) {
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.raw(&[&[kind as u8][..], &length, body].concat()).await;
    }

    /// The next byte that is no message.
    pub async fn byte(&mut self) -> u8 {
        Clock::system().timeout(PATIENCE, self.stream.read_u8()).await.unwrap().unwrap()
    }

    /// The next message; nothing if the server has closed.
    pub async fn message(&mut self) -> Option<Message> {
        let read = async {
            let kind = self.stream.read_u8().await.ok()?;
            let length = self.stream.read_u32().await.ok()?;
            let mut body = vec![0; length as usize - 4];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((kind as char, body))
        };
        Clock::system().timeout(PATIENCE, read).await.unwrap()
    }

    /// Messages up to the first of that kind, or to the end.
    pub async fn until(&mut self, kind: char) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.message().await {
            messages.push(message);
            if messages.last().is_some_and(|(last, _)| *last == kind) {
                break;
            }
        }
        messages
    }

    /// What one message with statements is answered.
    pub async fn query(&mut self, sql: &str) -> Vec<String> {
        self.send('Q', &text(sql)).await;
        self.until('Z').await.iter().map(told).collect()
    }

    /// The rows of one query.
    pub async fn rows(&mut self, sql: &str) -> Vec<String> {
        let answer = self.query(sql).await;
        assert!(answer.iter().all(|line| !line.starts_with("error")), "{sql}: {answer:?}");
        answer.iter().filter_map(|line| line.strip_prefix("row ").map(str::to_owned)).collect()
    }

    pub async fn parse(&mut self, name: &str, sql: &str, types: &[u32]) {
        let count = (types.len() as u16).to_be_bytes();
        let types: Vec<u8> = types.iter().flat_map(|oid| oid.to_be_bytes()).collect();
        self.send('P', &[text(name), text(sql), count.to_vec(), types].concat()).await;
    }

    /// Values as text; the answer in that format.
    pub async fn bind(&mut self, portal: &str, statement: &str, values: &[Option<&[u8]>], format: u16, answer: u16) {
        let mut body = [text(portal), text(statement)].concat();
        body.extend([1, format].map(u16::to_be_bytes).concat());
        body.extend((values.len() as u16).to_be_bytes());
        for value in values {
            body.extend(value.map_or(u32::MAX, |value| value.len() as u32).to_be_bytes());
            body.extend(value.unwrap_or_default());
        }
        body.extend([1, answer].map(u16::to_be_bytes).concat());
        if values.is_empty() {
            body = [text(portal), text(statement), [0u16, 0, 1, answer].map(u16::to_be_bytes).concat()].concat();
        }
        self.send('B', &body).await;
    }

    pub async fn execute(&mut self, portal: &str, max: u32) {
        self.send('E', &[text(portal), max.to_be_bytes().to_vec()].concat()).await;
    }

    /// The answers to all that was sent.
    pub async fn sync(&mut self) -> Vec<String> {
        self.send('S', &[]).await;
        self.until('Z').await.iter().map(told).collect()
    }
}

/// A message in words.
pub fn told((kind, body): &Message) -> String {
    match kind {
        'C' => format!("done {}", first(body)),
        'D' => format!("row {}", values(body)),
        'H' => format!("copying {} of {}", body[0], u16::from_be_bytes([body[1], body[2]])),
        'd' => match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => format!("data {text}"),
            _ => format!("data {}", body.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        },
        'c' => "copied".to_owned(),
        'E' => format!("error {}", field(body, 'C')),
        'N' => format!("notice {}", field(body, 'M')),
        'S' => format!("status {}", String::from_utf8_lossy(body).trim_end_matches('\0').replace('\0', "=")),
        'T' => format!("columns {}", columns(body)),
        't' => format!("takes {}", oids(body)),
        'Z' => format!("ready {}", body[0] as char),
        '1' => "parsed".to_owned(),
        '2' => "bound".to_owned(),
        '3' => "closed".to_owned(),
        'n' => "no data".to_owned(),
        's' => "suspended".to_owned(),
        'I' => "empty".to_owned(),
        other => format!("{other} {body:?}"),
    }
}

fn first(body: &[u8]) -> String {
    String::from_utf8_lossy(body.split(|byte| *byte == 0).next().unwrap()).into_owned()
}

/// A field of an error.
pub fn field(body: &[u8], name: char) -> String {
    let fields = body.split(|byte| *byte == 0);
    let found = fields.filter(|field| field.first() == Some(&(name as u8))).map(|field| &field[1..]).next();
    String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
}

fn values(body: &[u8]) -> String {
    let (mut rest, mut values) = (&body[2..], Vec::new());
    while !rest.is_empty() {
        let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
        let end = 4 + length.max(0) as usize;
        let value = &rest[4..end];
        values.push(match std::str::from_utf8(value) {
            _ if length < 0 => "NULL".to_owned(),
            Ok(text) if !text.contains(|c: char| c.is_control()) => text.to_owned(),
            _ => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        });
        rest = &rest[end..];
    }
    values.join("|")
}

fn columns(body: &[u8]) -> String {
    let (mut rest, mut columns) = (&body[2..], Vec::new());
    while !rest.is_empty() {
        let name = first(rest);
        let fixed = &rest[name.len() + 1..][..18];
        columns.push(format!("{name}:{}", u32::from_be_bytes(fixed[6..10].try_into().unwrap())));
        rest = &rest[name.len() + 19..];
    }
    columns.join(",")
}

fn oids(body: &[u8]) -> String {
    let oids = body[2..].chunks(4).map(|oid| u32::from_be_bytes(oid.try_into().unwrap()).to_string());
    oids.collect::<Vec<_>>().join(",")
}
