use std::time::Duration;

use base::{Secret, SecretRef, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn config(endpoint: &str) -> OtlpConfig {
    OtlpConfig { endpoint: endpoint.to_owned(), headers: Default::default(), timeout: Duration::from_secs(5) }
}

#[test]
fn an_address_or_a_header_that_is_none_is_named() {
    let error = Otlp::new(&config("collector:4317")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "otlp.endpoint: `collector:4317` is no address of HTTP, such as http://127.0.0.1:4318"
    );
    let mut wrong = config("http://127.0.0.1:1");
    wrong.headers.insert("no header".to_owned(), SecretRef::Given(Secret::new("x")));
    let error = Otlp::new(&wrong).unwrap_err();
    assert_eq!(error.to_string(), "otlp.headers.no header: the name or the value may not stand in a header");
    wrong.headers = [("authorization".to_owned(), SecretRef::Env("NOT_SET_ANYWHERE".to_owned()))].into();
    assert!(Otlp::new(&wrong).unwrap_err().to_string().starts_with("otlp.headers.authorization: "));
}

/// Answers each connection's request with the next of `answers`; gives the requests.
async fn serve(listener: TcpListener, answers: [&'static str; 3]) -> Vec<String> {
    let mut requests = Vec::new();
    for answer in answers {
        requests.push(one(listener.accept().await.unwrap().0, answer).await);
    }
    requests
}

async fn one(mut stream: TcpStream, answer: &str) -> String {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|bytes| bytes == b"BODY") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "the request ended early");
    }
    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8_lossy(&seen).to_lowercase()
}

#[tokio::test]
async fn what_is_refused_for_now_is_sent_again_and_what_is_refused_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/base/", listener.local_addr().unwrap());
    let server = serve(listener, ["503 Busy\r\nretry-after: 0", "200 OK", "400 Bad"]);
    let otlp = Otlp::new(&config(&address)).unwrap();
    let (clock, time) = Clock::simulated(Timestamp::from_nanos(0));
    let (_queue, sending) = otlp.sending(clock, Rng::seeded(1));
    let sent = async { (sending.deliver(Signal::Traces, b"BODY").await, sending.deliver(Signal::Logs, b"BODY").await) };
    let passing = async {
        loop {
            tokio::task::yield_now().await;
            time.advance(time.next_in().unwrap_or_default());
        }
    };
    let (sent, requests) = tokio::select! {
        both = futures::future::join(sent, server) => both,
        () = passing => unreachable!("time has no end"),
    };
    assert_eq!(sent, (Ok(()), Err("400 Bad Request".to_owned())));
    let first: Vec<_> = requests.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(
        first,
        ["post /base/v1/traces http/1.1", "post /base/v1/traces http/1.1", "post /base/v1/logs http/1.1"]
    );
    assert!(requests[0].contains("content-type: application/x-protobuf"), "{}", requests[0]);
}

#[tokio::test]
async fn headers_go_nowhere_else_whatever_the_back_end_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("location: http://{}/v1/logs", other.local_addr().unwrap());
    let mut config = config(&format!("http://{}", listener.local_addr().unwrap()));
    config.headers.insert("api-key".to_owned(), SecretRef::Given(Secret::new("swordfish")));
    let otlp = Otlp::new(&config).unwrap();
    for status in ["307 Temporary Redirect", "302 Found"] {
        let answer = format!("{status}\r\n{location}");
        let server = async { one(listener.accept().await.unwrap().0, &answer).await };
        let told = async {
            tokio::select! {
                said = otlp.send(Signal::Logs, b"BODY") => said,
                _ = other.accept() => panic!("another server was asked"),
            }
        };
        let (said, request) = futures::future::join(told, server).await;
        assert!(request.contains("api-key: swordfish"), "{request}");
        assert!(matches!(said, Said::Never(why) if why == status), "{status}");
    }
}
