//! A mail server for tests: one letter a connection, answers as told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base::{Shutdown, Tasks};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What was said to it.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Commands, in order; `AUTH` with what follows it.
    pub commands: Vec<String>,
    /// The letter, as it came.
    pub letter: String,
    /// Whether the letter came over TLS.
    pub tls: bool,
}

type All = Arc<Mutex<Vec<Heard>>>;

/// It ends when it is dropped.
pub struct Smtp {
    pub port: u16,
    /// Its certificate, as PEM.
    pub ca: tempfile::NamedTempFile,
    heard: All,
    shutdown: Shutdown,
}

/// How it behaves.
#[derive(Clone, Default)]
pub struct Manner {
    /// It offers no TLS.
    pub plain: bool,
    /// What it answers to a command that begins so, in place of a yes; `.` is the end of a letter.
    pub answers: BTreeMap<&'static str, &'static str>,
}

impl Manner {
    pub fn answering(command: &'static str, answer: &'static str) -> Self {
        Self { answers: BTreeMap::from([(command, answer)]), ..Self::default() }
    }
}

impl Smtp {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let server =
            Self { port: listener.local_addr().unwrap().port(), ca, heard: Arc::default(), shutdown: Shutdown::new() };
        let (heard, ends, tasks) = (Arc::clone(&server.heard), server.shutdown.clone(), Tasks::new());
        tasks.clone().spawn("smtp", async move {
            while let Some(Ok((stream, _))) = ends.or(listener.accept()).await {
                let serve = serve(stream, acceptor.clone(), manner.clone(), Arc::clone(&heard));
                let ends = ends.clone();
                tasks.spawn("smtp.connection", async move { _ = ends.or(serve).await });
            }
        });
        server
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.shutdown.start();
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, manner: Manner, all: All) {
    let mut heard = Heard::default();
    let mut stream = BufReader::new(stream);
    let greeting = manner.answers.get("").copied().unwrap_or("220 smtp.example.org ESMTP");
    if stream.write_all(format!("{greeting}\r\n").as_bytes()).await.is_err() {
        return;
    }
    if converse(&mut stream, &manner, &mut heard, &all).await == Some(true)
        && let Ok(mut secured) = acceptor.accept(stream.into_inner()).await.map(BufReader::new)
    {
        heard.tls = true;
        converse(&mut secured, &manner, &mut heard, &all).await;
    }
    if heard.letter.is_empty() {
        all.lock().unwrap().push(heard);
    }
}

/// Talks until the other side goes; true if it is to be secured first.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    manner: &Manner,
    heard: &mut Heard,
    all: &All,
) -> Option<bool> {
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return Some(false);
        }
        let command = line.trim_end().to_owned();
        heard.commands.push(command.clone());
        let told = manner.answers.iter().find(|(start, _)| !start.is_empty() && command.starts_with(**start));
        let answer = match (told, command.split(' ').next().unwrap_or_default()) {
            (Some((_, answer)), _) => (*answer).to_owned(),
            (_, "EHLO") if manner.plain || heard.tls => "250-smtp\r\n250 AUTH PLAIN".to_owned(),
            (_, "EHLO") => "250-smtp\r\n250-STARTTLS\r\n250 AUTH PLAIN".to_owned(),
            (_, "STARTTLS") => "220 go on".to_owned(),
            (_, "AUTH") => "235 welcome".to_owned(),
            (_, "DATA") => "354 go on".to_owned(),
            (_, "QUIT") => "221 bye".to_owned(),
            _ => "250 fine".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        match command.as_str() {
            "STARTTLS" if answer.starts_with('2') => return Some(true),
            "DATA" if answer.starts_with('3') => letter(stream, manner, heard, all).await?,
            _ => {}
        }
    }
}

async fn letter<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    manner: &Manner,
    heard: &mut Heard,
    all: &All,
) -> Option<()> {
    let mut line = String::new();
    while line != ".\r\n" {
        heard.letter.push_str(&line);
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
    }
    // Before the answer, so that who has it finds the letter.
    all.lock().unwrap().push(heard.clone());
    let answer = manner.answers.get(".").copied().unwrap_or("250 taken as 1");
    stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()
}
