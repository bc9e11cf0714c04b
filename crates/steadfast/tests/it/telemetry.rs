//! Telemetry by HTTP and from Kafka, into files or a bucket, while processes and servers are killed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::Rng;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::broker::Broker;
use crate::host::Host;
use crate::s3_server::{Server, bucket};

const SENDERS: usize = 3;
/// Flushes and compacts often; little of it is in memory only.
const RESTLESS: &str = "flush_after: 300ms, maintenance: 200ms, compaction_files: 2, keep_versions: 2";

/// What senders were told.
#[derive(Default)]
struct Told {
    acknowledged: Mutex<BTreeSet<u64>>,
    next: AtomicU64,
    over: AtomicBool,
}

/// Sends one log record after the other, each once, whatever becomes of it.
async fn send(told: Arc<Told>, url: String) {
    let (http, clock) = (reqwest::Client::new(), base::Clock::system());
    while !told.over.load(Ordering::SeqCst) {
        let n = told.next.fetch_add(1, Ordering::SeqCst);
        let body =
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{n}"}}}}]}}]}}]}}"#);
        let sent = http.post(format!("{url}/v1/logs")).header("content-type", "application/json").body(body).send();
        match sent.await {
            Ok(answer) if answer.status().is_success() => {
                told.acknowledged.lock().unwrap().insert(n);
            }
            _ => clock.sleep(Duration::from_millis(2)).await,
        }
    }
}

/// Kills and starts it while others send; gives what they were told.
async fn torment(host: &mut Host, kills: usize) -> Arc<Told> {
    let (told, rng) = (Arc::new(Told::default()), Rng::seeded(7));
    host.start();
    let senders: Vec<_> = (0..SENDERS).map(|_| tokio::spawn(send(told.clone(), host.url.clone()))).collect();
    for kill in 0..kills {
        let enough = (kill + 1) * 20;
        host.until("something is taken", async || (told.acknowledged.lock().unwrap().len() > enough).then_some(()))
            .await;
        host.clock.sleep(rng.jitter(Duration::from_millis(700))).await;
        host.kill();
        host.start();
    }
    told.over.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    told
}

/// The bodies of all log records.
async fn bodies(host: &Host) -> Option<Vec<String>> {
    let rows = host.sql("SELECT body FROM logs ORDER BY body").await?;
    Some(rows.into_iter().map(|row| row[0].as_str().unwrap().to_owned()).collect())
}

/// Everything that was acknowledged is there, and nothing twice.
async fn check(host: &Host, told: &Told) {
    let acknowledged: BTreeSet<String> = told.acknowledged.lock().unwrap().iter().map(u64::to_string).collect();
    host.until("all that was acknowledged is there", async || {
        let found: BTreeSet<String> = bodies(host).await?.into_iter().collect();
        acknowledged.is_subset(&found).then_some(())
    })
    .await;
    let found = bodies(host).await.unwrap();
    let distinct: BTreeSet<&String> = found.iter().collect();
    assert_eq!(found.len(), distinct.len(), "something is there twice");
}

fn kills() -> usize {
    std::env::var("STEADFAST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_that_was_acknowledged_outlives_kills() {
    let mut host = Host::new(1, &format!("store: {{{RESTLESS}}}\n"));
    let told = torment(&mut host, kills()).await;
    check(&host, &told).await;
    assert_eq!(host.stop().await, 0);
}

/// The settings of a bucket; its secret is in a file beside the configuration.
fn in_bucket(host: &mut Host, server: &Server, prefix: &str) {
    let of = bucket(&server.address, prefix);
    for (name, text) in [("id", "a"), ("secret", "b")] {
        std::fs::write(host.path().join(name), text).unwrap();
    }
    let file = |name: &str| host.path().join(name).display().to_string();
    let (id, secret, endpoint) = (file("id"), file("secret"), of.endpoint.unwrap());
    let more = format!(
        "store: {{{RESTLESS}, s3: {{bucket: {}, prefix: {prefix}, endpoint: \"{endpoint}\", allow_http: true, \
         access_key_id: {{file: {id}}}, secret_access_key: {{file: {secret}}}, retries: 1, retry_for: 2s}}}}\n",
        of.bucket
    );
    host.configure(&more);
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_between_a_flush_and_its_commit_in_a_bucket_lose_and_double_nothing() {
    let Some(server) = Server::start() else { return };
    let mut host = Host::new(1, "");
    in_bucket(&mut host, &server, "kills");
    let told = torment(&mut host, kills()).await;
    check(&host, &told).await;

    // The server goes away: what is sent is taken all the same, and health says what is wrong.
    server.kill();
    let later = Arc::new(Told { next: AtomicU64::new(1_000_000), ..Told::default() });
    let sender = tokio::spawn(send(later.clone(), host.url.clone()));
    host.until("a store that cannot write is not ready", async || {
        let answer = reqwest::get(format!("{}/-/ready", host.url)).await.ok()?;
        let text = answer.text().await.ok()?;
        text.contains("rows in memory cannot be written to files").then_some(())
    })
    .await;
    host.until("more is taken", async || (later.acknowledged.lock().unwrap().len() > 50).then_some(())).await;
    tokio::task::block_in_place(|| server.up());
    host.until("it is ready again", async || host.get("/-/ready").await).await;
    later.over.store(true, Ordering::SeqCst);
    sender.await.unwrap();
    check(&host, &later).await;
    check(&host, &told).await;
    assert_eq!(host.stop().await, 0);
    let log = std::fs::read_to_string(host.path().join("log")).unwrap();
    assert!(!log.contains("X-Amz-Signature") && !log.contains("StringToSign"), "{log}");
}

const MESSAGES: u64 = 600;

/// Topics with messages in three forms.
struct Queue {
    producer: FutureProducer,
}

impl Queue {
    async fn new(broker: &Broker) -> Self {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &broker.address).set("enable.idempotence", "true");
        let admin: AdminClient<DefaultClientContext> = settings.create().unwrap();
        let topics =
            ["orders", "otlp-json", "otlp-proto"].map(|topic| NewTopic::new(topic, 2, TopicReplication::Fixed(1)));
        admin.create_topics(&topics, &AdminOptions::new()).await.unwrap();
        Self { producer: settings.create().unwrap() }
    }

    /// Message `n`, in the form and partition that its number says; every hundredth is nonsense.
    async fn put(&self, n: u64) {
        let text = format!("message {n}");
        let (topic, body) = match n % 3 {
            _ if n.is_multiple_of(100) => ("otlp-proto", b"nonsense".to_vec()),
            0 => ("orders", format!(r#"{{"message": "{text}"}}"#).into_bytes()),
            1 => (
                "otlp-json",
                format!(
                    r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{text}"}}}}]}}]}}]}}"#
                )
                .into_bytes(),
            ),
            _ => ("otlp-proto", proto(&text)),
        };
        let record = FutureRecord::<(), _>::to(topic).payload(&body).partition((n / 3 % 2) as i32);
        self.producer.send(record, Duration::from_secs(120)).await.unwrap();
    }
}

/// A request with one log record.
fn proto(text: &str) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    field(1, &field(2, &field(2, &field(5, &field(1, text.as_bytes())))))
}

fn sources(broker: &Broker) -> String {
    let source = |topic: &str, format: &str, more: &str| {
        format!(
            "  - {{name: {topic}, brokers: [\"{}\"], topics: [{topic}], format: {format}{more}, batch_bytes: 400}}\n",
            broker.address
        )
    };
    [
        "kafka_in:\n".to_owned(),
        source("orders", "json_lines", ""),
        source("otlp-json", "otlp_json", ", signal: logs"),
        source("otlp-proto", "otlp_proto", ", signal: logs"),
    ]
    .concat()
}

/// What must be there once all messages were read.
fn expected() -> Vec<String> {
    let mut all: Vec<String> =
        (0..MESSAGES).filter(|n| !n.is_multiple_of(100)).map(|n| format!("message {n}")).collect();
    all.sort();
    all
}

async fn everything_once(host: &Host) {
    let expected = expected();
    host.until("all messages are there", async || (bodies(host).await?.len() >= expected.len()).then_some(())).await;
    assert_eq!(bodies(host).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_kafka_are_there_once_though_the_broker_and_we_are_killed() {
    let Some(broker) = Broker::start().await else { return };
    let queue = Queue::new(&broker).await;
    let mut host = Host::new(1, &format!("store: {{{RESTLESS}}}\n{}", sources(&broker)));
    host.start();
    for n in 0..MESSAGES {
        queue.put(n).await;
        match n % 120 {
            60 if n == 180 => {
                broker.kill();
                tokio::task::block_in_place(|| broker.up());
            }
            60 => {
                host.kill();
                host.start();
            }
            _ => {}
        }
    }
    everything_once(&host).await;
    host.kill();
    host.start();
    host.until("it answers", async || host.get("/-/ready").await).await;
    everything_once(&host).await;
    // What is there was there before it began: it may not have asked the broker yet.
    let behind = "steadfast_kafka_in_behind_messages{source=\"orders\"} 0";
    host.until("no message is left", async || host.get("/metrics").await?.contains(behind).then_some(())).await;
    assert_eq!(host.stop().await, 0);
    let log = std::fs::read_to_string(host.path().join("log")).unwrap();
    assert!(log.contains("a message of Kafka was left out") && log.contains("otlp-proto"), "{log}");
}

/// The logs are on Kafka, the store is in a bucket: of the node nothing is needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_disk_is_lost_goes_on_where_it_was() {
    let Some(server) = Server::start() else { return };
    let Some(broker) = Broker::start().await else { return };
    let queue = Queue::new(&broker).await;
    let mut host = Host::new(1, "");
    in_bucket(&mut host, &server, "lost");
    host.configure(&format!("log: {{kafka: {{brokers: [\"{}\"], shards: 2, replication: 1}}}}\n", broker.address));
    host.configure(&sources(&broker));
    for n in 0..MESSAGES / 2 {
        queue.put(n).await;
    }
    host.start();
    host.until("some are there", async || (bodies(&host).await?.len() > 50).then_some(())).await;
    for n in MESSAGES / 2..MESSAGES {
        queue.put(n).await;
    }
    host.kill();
    std::fs::remove_dir_all(host.path().join("data")).unwrap();
    host.start();
    everything_once(&host).await;
    assert_eq!(host.stop().await, 0);
}
