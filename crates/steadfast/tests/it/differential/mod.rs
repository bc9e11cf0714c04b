//! Random questions over random series, put to real Prometheis and to us: our answer is that of a Prometheus, with
//! or without its delayed removal of names. (With it, a comparison of two vectors brings back names that are to go;
//! without it, series may clash on the way. Ours go at the end, and stay gone.)
//!
//! `STEADFAST_QUERIES` sets how many, `STEADFAST_SEED` which; or `STEADFAST_QUERY` is the only one.

mod compare;
mod data;
mod generate;
mod native;
mod question;
mod wire;

use base::{Clock, Rng};
use serde_json::Value;

use self::compare::{Answer, difference};
use self::generate::Generator;
use self::question::Question;
use crate::host::Host;
use crate::prometheus::Prometheus;

/// Questions of a bounded run.
const QUERIES: u64 = 300;

/// One in so many is asked again, over another range.
const AGAIN: u64 = 4;

/// One in so many is for something else than the value of an expression.
const OTHERS: u64 = 6;

const FEATURES: [&str; 2] = [
    "exemplar-storage,st-storage,use-start-timestamps,promql-experimental-functions,promql-binop-fill-modifiers,\
     promql-delayed-name-removal",
    "exemplar-storage,st-storage,use-start-timestamps,promql-experimental-functions,promql-binop-fill-modifiers",
];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_are_answered_as_a_prometheus_answers_them() {
    let Some(program) = Prometheus::program() else { return };
    let (queries, seed) = (number("STEADFAST_QUERIES", QUERIES), number("STEADFAST_SEED", 7));
    println!("STEADFAST_QUERIES={queries} STEADFAST_SEED={seed}");
    let rng = Rng::seeded(seed);
    let mut host = Host::new(1, "telemetry: {keep: false}\n");
    host.start();
    host.until("it answers", async || host.get("/-/ready").await).await;
    let theirs = FEATURES.map(|features| Prometheus::receiving(&program, features));
    let asker =
        Asker { http: reqwest::Client::new(), urls: [theirs[0].url.clone(), theirs[1].url.clone(), host.url.clone()] };
    for url in &asker.urls {
        let ready = format!("{url}/-/ready");
        let is_ready = async || asker.http.get(&ready).send().await.ok()?.status().is_success().then_some(());
        host.until("all of them answer", is_ready).await;
    }
    let start = asker.write_all(&rng).await;
    let generator = Generator { rng: &rng, start: start / 1_000 };
    let mut wrong = Vec::new();
    for _ in 0..queries {
        let mut question = match std::env::var("STEADFAST_QUERY") {
            Ok(query) => Question::expression(&generator, query),
            Err(_) if rng.below(OTHERS) == 0 => Question::other(&generator),
            Err(_) => Question::expression(&generator, generator.query()),
        };
        loop {
            if let Some(difference) = asker.compared(&question).await {
                wrong.push(format!("{}\n    {difference}", question.told()));
                break;
            }
            match question.again(&generator).filter(|_| rng.below(AGAIN) == 0) {
                Some(again) => question = again,
                None => break,
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {queries} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(host.stop().await, 0);
}

/// The Prometheis and us.
struct Asker {
    http: reqwest::Client,
    urls: [String; 3],
}

impl Asker {
    /// Random series to each; gives when they begin, in milliseconds since the epoch.
    async fn write_all(&self, rng: &Rng) -> i64 {
        let now = Clock::system().now().millis();
        let start = (now - data::LENGTH - 600_000) / 60_000 * 60_000;
        let series = data::series(rng, start);
        for body in data::requests(&series, start) {
            self.write(&body).await;
        }
        self.write(&wire::request(&data::at_once(rng, now), &(start..now + 1))).await;
        start
    }

    async fn write(&self, body: &[u8]) {
        for url in &self.urls {
            let request = self.http.post(format!("{url}/api/v1/write")).header("content-encoding", "snappy");
            let request = request.header("content-type", "application/x-protobuf").body(body.to_vec());
            let answer = request.header("x-prometheus-remote-write-version", "0.1.0").send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert!(status.is_success(), "{url}: {status} {text}");
        }
    }

    /// Where our answer is that of neither of them.
    async fn compared(&self, question: &Question) -> Option<String> {
        let (ours, first) = tokio::join!(self.ask(2, question), self.ask(0, question));
        let found = difference(question, &first, &ours)?;
        difference(question, &self.ask(1, question).await, &ours)?;
        Some(found)
    }

    async fn ask(&self, of: usize, question: &Question) -> Answer {
        let url = format!("{}{}", self.urls[of], question.path);
        let gets = question.path.ends_with("values") || question.path == "/federate";
        let request = if gets {
            self.http.get(url).query(&question.parameters)
        } else {
            self.http.post(url).form(&question.parameters)
        };
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, body }
    }
}
