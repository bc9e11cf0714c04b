use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base::{Shutdown, Tasks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The largest request that the server keeps.
const MAX_REQUEST: usize = 16 << 20;

/// How a server answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Status, header lines, body.
    Status(u16, Vec<String>, String),
    /// Status, then the request itself as the body: a provider that tells all that it was told.
    Echo(u16),
    /// These bytes, which need not be HTTP.
    Raw(Vec<u8>),
    /// Status, then a body that does not end.
    Endless(u16),
    /// Nothing, and the connection stays open.
    Silence,
    /// Nothing, and the connection is closed.
    Close,
}

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Method, path and header lines.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The path with its query.
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

/// A small HTTP server on a port of its own that gives every request the same answer; it ends when
/// it is dropped.
#[derive(Debug)]
pub struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    written: Arc<AtomicU64>,
    shutdown: Shutdown,
}

impl Server {
    /// Starts it.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(answer: Answer) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = Self { url, requests: Arc::default(), written: Arc::default(), shutdown: Shutdown::new() };
        let (requests, written) = (Arc::clone(&server.requests), Arc::clone(&server.written));
        let shutdown = server.shutdown.clone();
        let tasks = Tasks::new();
        tasks.clone().spawn("suite.server", async move {
            while let Some(Ok((stream, _))) = shutdown.or(listener.accept()).await {
                let serve = serve(stream, answer.clone(), Arc::clone(&requests), Arc::clone(&written));
                let shutdown = shutdown.clone();
                tasks.spawn("suite.connection", async move { _ = shutdown.or(serve).await });
            }
        });
        Ok(server)
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes of endless bodies that were written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.start();
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, requests: Arc<Mutex<Vec<Request>>>, written: Arc<AtomicU64>) {
    let Ok(request) = receive(&mut stream).await else { return };
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    // A client that has gone away is what some checks are about.
    let _ = respond(&mut stream, answer, &request, &written).await;
}

async fn receive(stream: &mut TcpStream) -> std::io::Result<Request> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        if let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
            let length =
                text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let length: usize = length.unwrap_or_default();
            if bytes.len() >= head + 4 + length {
                return Ok(Request { head: text, body: bytes[head + 4..head + 4 + length].to_vec() });
            }
        }
        let n = stream.read(&mut buffer).await?;
        if n == 0 || bytes.len() > MAX_REQUEST {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..n]);
    }
}

async fn respond(
    stream: &mut TcpStream,
    answer: Answer,
    request: &Request,
    written: &AtomicU64,
) -> std::io::Result<()> {
    match answer {
        Answer::Status(status, headers, body) => stream.write_all(&message(status, &headers, body.as_bytes())).await?,
        Answer::Echo(status) => {
            let body = [request.head.as_bytes(), b"\n", &request.body].concat();
            stream.write_all(&message(status, &[], &body)).await?;
        }
        Answer::Raw(bytes) => stream.write_all(&bytes).await?,
        Answer::Endless(status) => {
            stream.write_all(format!("HTTP/1.1 {status} Fine\r\nConnection: close\r\n\r\n").as_bytes()).await?;
            let chunk = vec![b'x'; 64 << 10];
            loop {
                stream.write_all(&chunk).await?;
                written.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            }
        }
        Answer::Silence => std::future::pending().await,
        Answer::Close => {}
    }
    stream.shutdown().await
}

fn message(status: u16, headers: &[String], body: &[u8]) -> Vec<u8> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n{lines}\r\n", body.len());
    [head.as_bytes(), body].concat()
}
