//! Encryption, passwords, cancelling, and the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::Clock;
use query::QueryConfig;

use super::client::{Client, field, told};
use super::port::{Port, config, guarded};

fn started() -> (Clock, Duration) {
    let clock = Clock::system();
    let now = clock.monotonic();
    (clock, now)
}

const ENDLESS: &str = "SELECT count(*) FROM range(0, 100000000000) WHERE value % 7 = 8";

#[tokio::test(flavor = "multi_thread")]
async fn encryption_that_is_not_offered_is_declined() {
    let port = Port::open().await;
    let mut client = Client::dial(port.addr).await;
    client.raw(b"\0\0\0\x08\x04\xd2\x16\x30").await;
    assert_eq!(client.byte().await, b'N');
    client.raw(b"\0\0\0\x08\x04\xd2\x16\x2f").await;
    assert_eq!(client.byte().await, b'N');
    client.startup(&[("user", "ann"), ("options", "-c extra_float_digits=2"), ("_pq_.x", "1")]).await;
    let greeting: Vec<String> = client.until('Z').await.iter().map(told).collect();
    assert!(greeting[0].starts_with('v'), "{greeting:?}");
    for told in ["status server_version=16.6", "status TimeZone=UTC", "status session_authorization=ann", "ready I"] {
        assert!(greeting.contains(&told.to_owned()), "{told}: {greeting:?}");
    }
    assert_eq!(client.rows("SHOW extra_float_digits").await, ["2"]);
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_cancels_by_key() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let key = client.key.clone();
    let addr = port.addr;
    let cancel = async |key: &[u8]| {
        let mut other = Client::dial(addr).await;
        other.raw(&[b"\0\0\0\x10\x04\xd2\x16\x2e", key].concat()).await;
        assert_eq!(other.message().await, None, "nothing is said to it");
    };
    let wrong: Vec<u8> = key.iter().map(|byte| byte ^ 1).collect();
    cancel(&wrong).await;
    let (clock, began) = started();
    client.send('Q', &super::client::text(ENDLESS)).await;
    let ended = AtomicBool::new(false);
    let answered = async {
        let answer = client.until('Z').await;
        ended.store(true, Ordering::Relaxed);
        answer
    };
    let cancelled = async {
        // Until it has arrived, since nothing tells when the statement has begun. The last one is waited for:
        // under way, it would meet the next statement.
        while !ended.load(Ordering::Relaxed) {
            cancel(&key).await;
        }
    };
    let (answer, ()) = tokio::join!(answered, cancelled);
    assert!(answer.iter().map(told).collect::<Vec<_>>().ends_with(&["error 57014".to_owned(), "ready I".to_owned()]));
    let (_, error) = answer.iter().find(|(kind, _)| *kind == 'E').unwrap();
    assert!(field(error, 'M').contains("user request"));
    assert!(clock.monotonic() - began < Duration::from_secs(15));
    assert_eq!(client.rows("SELECT 1").await, ["1"], "the next statement is not cancelled");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_to_prove_it_is_not_let_in_without() {
    let port = Port::with(guarded(), QueryConfig::default(), vec![], None).await;
    for user in ["ann", "nobody"] {
        let mut client = Client::dial(port.addr).await;
        client.startup(&[("user", user)]).await;
        let (kind, body) = client.message().await.unwrap();
        assert_eq!((kind, &body[..4]), ('R', &[0, 0, 0, 10][..]), "the same is said of who there is not");
        let first = b"n,,n=,r=abcdefghijklmnop";
        let proof = [b"SCRAM-SHA-256\0", &(first.len() as u32).to_be_bytes()[..], first].concat();
        client.send('p', &proof).await;
        let (kind, challenge) = client.message().await.unwrap();
        assert_eq!((kind, &challenge[..4]), ('R', &[0, 0, 0, 11][..]));
        let challenge = String::from_utf8(challenge[4..].to_vec()).unwrap();
        let nonce = challenge.split(',').next().unwrap();
        let last = format!("c=biws,{nonce},p={}=", "A".repeat(43));
        client.send('p', last.as_bytes()).await;
        let refused = client.until('E').await;
        assert_eq!(field(&refused.last().unwrap().1, 'C'), "28P01", "{user}");
        assert_eq!(client.message().await, None);
    }
    for (kind, body) in
        [('Q', &b"SELECT 1\0"[..]), ('p', b"MD5\0\0\0\0\x01x"), ('p', b"SCRAM-SHA-256\0\0\0\0\x01x"), ('p', b"")]
    {
        let mut client = Client::dial(port.addr).await;
        client.startup(&[("user", "ann")]).await;
        client.message().await.unwrap();
        client.send(kind, body).await;
        let refused = client.until('E').await;
        assert_eq!(field(&refused.last().unwrap().1, 'C'), "08P01", "{kind} {body:?}");
    }
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_lets_statements_finish_and_tells_who_waits() {
    let limits = QueryConfig { timeout: Duration::from_secs(2), ..QueryConfig::default() };
    let port = Port::with(config(), limits, vec![], None).await;
    let (mut busy, mut idle) = (Client::connect(port.addr).await, Client::connect(port.addr).await);
    busy.send('Q', &super::client::text("SELECT repeat('x', 100000); SELECT sum(value) FROM range(0, 30000000)")).await;
    assert_eq!(busy.message().await.unwrap().0, 'T');
    port.shutdown.start();
    assert_eq!(told(&idle.message().await.unwrap()), "error 57P01");
    assert_eq!(idle.message().await, None);
    let rest = busy.until('Z').await;
    assert_eq!(rest.last().unwrap().0, 'Z', "{:?}", rest.iter().map(told).collect::<Vec<_>>());
    assert_eq!(told(&busy.message().await.unwrap()), "error 57P01");
    port.end().await;
}

#[test]
fn an_open_port_beyond_this_machine_needs_users() {
    let everywhere = "0.0.0.0:5433".parse().unwrap();
    let open = postgres::PostgresConfig { listen: everywhere, ..config() };
    assert!(open.check(0).unwrap_err().to_string().contains("postgres.users"));
    assert!(open.check(1).is_ok());
    let guarded = postgres::PostgresConfig { listen: everywhere, ..guarded() };
    assert!(guarded.check(0).is_ok());
    assert!(postgres::PostgresConfig { enabled: false, ..open }.check(0).is_ok());
}
