mod found;
mod life;
mod mistakes;
mod resource;
mod saved;

use std::time::Duration;

use base::Timestamp;
use kubernetes::Origins;
use model::rows::{CanaryPoint, Live, Rollout, VerdictRow};
use model::{Fingerprint, ResourceId, Verdict};

use crate::{Book, CanaryConfig, Outcome, check};

pub const START: i64 = 1_000_000;
pub const RESOURCE: &str = "k8s/prod/apps.Deployment/shop/checkout";

/// A canary of errors per request and of latency.
pub fn config(more: &str) -> CanaryConfig {
    let text = r#"{
        "name": "checkout", "namespace": "shop", "baseline": "version=\"v1\"", "canary": "version=\"v2\"", "start": "always",
        "lifetime": "30m", "warmup": "2m", "segment": "zone", "rollback": "undo",
        "metrics": [
            {"name": "errors", "kind": "errors", "critical": true, "query": "sum by (zone) (increase(errors_total{$arm}[$interval]))",
             "exposure": "sum by (zone) (increase(requests_total{$arm}[$interval]))"},
            {"name": "p99", "kind": "latency", "query": {"baseline": "a", "canary": "b"}}
        ]}"#;
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    let more: serde_json::Value = serde_json::from_str(more).unwrap();
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    serde_json::from_value(value).unwrap()
}

pub fn text(more: &str) -> String {
    serde_json::to_string(&check(&config(more)).unwrap()).unwrap()
}

pub fn at(minutes: f64) -> Timestamp {
    Timestamp::from_secs(START).plus(Duration::from_secs_f64(minutes * 60.0))
}

/// What an arm has: errors, requests, latency.
pub type Arm = Option<(f64, f64, f64)>;

/// The rows of an interval.
pub fn points(run: &str, interval: i64, baseline: Arm, canary: Arm) -> Vec<CanaryPoint> {
    let mut rows = Vec::new();
    for (arm, found) in [("baseline", baseline), ("canary", canary)] {
        for metric in ["errors", "p99"] {
            let value = found.map(|(errors, _, latency)| if metric == "errors" { errors } else { latency });
            let exposure = found.map(|(_, requests, _)| requests).filter(|_| metric == "errors");
            rows.push(CanaryPoint {
                time: at((interval + 1) as f64),
                run: run.to_owned(),
                name: "checkout".to_owned(),
                interval,
                metric: metric.to_owned(),
                arm: arm.to_owned(),
                segment: None,
                value,
                exposure,
                error: None,
            });
        }
    }
    rows
}

/// Noise without randomness.
pub fn wave(n: i64, seed: f64) -> f64 {
    ((n as f64 * 12.9898 + seed).sin() * 43_758.545_3).fract().abs()
}

pub struct World {
    pub book: Book,
    /// It is written and read back after each record.
    pub restarts: bool,
    pub out: Vec<Outcome>,
}

impl World {
    pub fn new(more: &str, restarts: bool) -> Self {
        let mut world = Self { book: Book::default(), restarts, out: Vec::new() };
        let out = world.book.define(1, &text(more), at(0.0)).unwrap();
        world.take(out);
        world
    }

    pub fn take(&mut self, out: Outcome) {
        self.out.push(out);
        if self.restarts {
            let saved = self.book.save().unwrap();
            self.book = Book::restored(&saved).unwrap();
            assert_eq!(self.book.save().unwrap(), saved);
        }
    }

    pub fn run(&self) -> String {
        self.book.wanted("checkout").unwrap().run
    }

    /// An interval of the run that is on.
    pub fn interval(&mut self, baseline: Arm, canary: Arm) {
        let wanted = self.book.wanted("checkout").unwrap();
        let now = wanted.started.plus(Duration::from_secs(60 * (wanted.interval as u64 + 1) + 5));
        let rows = points(&wanted.run, wanted.interval as i64, baseline, canary);
        let mut out = self.book.points(&rows, now);
        self.book.pass(now, &mut out);
        self.take(out);
    }

    /// Intervals until the run ends, `worse` times as many errors in the canary.
    pub fn play(&mut self, worse: f64) {
        let run = self.run();
        while self.book.wanted("checkout").is_some_and(|wanted| wanted.run == run) {
            let n = self.book.wanted("checkout").unwrap().interval as i64;
            let arm = |seed: f64, worse: f64| {
                Some(((20.0 * worse + 6.0 * wave(n, seed)).round(), 1000.0, 0.2 + 0.02 * wave(n, seed + 5.0)))
            };
            self.interval(arm(1.0, 1.0), arm(2.0, worse));
        }
    }

    pub fn verdict(&mut self, verdict: Verdict, previous: Verdict, revision: &str, minutes: f64) {
        let id: ResourceId = RESOURCE.parse().unwrap();
        let row = VerdictRow {
            time: at(minutes),
            scope: id.scope().to_owned(),
            key: id.key(),
            kind: id.kind().to_owned(),
            id,
            verdict,
            previous,
            since: at(minutes),
            source: None,
            revision: Some(revision.to_owned()),
            author: Some("ann".to_owned()),
            message: None,
            file: None,
            line: None,
            actor: None,
            fields: "[]".to_owned(),
            evidence: "{}".to_owned(),
            gitops: None,
        };
        let mut out = Outcome::default();
        self.book.verdict(&row, at(minutes), &mut out);
        self.take(out);
    }

    pub fn rollout(&mut self, state: &str, revision: &str, minutes: f64) {
        let row = Rollout {
            time: at(minutes),
            scope: "k8s/prod".to_owned(),
            cause: format!("rollout/k8s/prod/{revision}"),
            revision: Some(revision.to_owned()),
            author: None,
            state: state.to_owned(),
            since: at(0.0),
            resources: 1,
            places: "{}".to_owned(),
        };
        let mut out = Outcome::default();
        self.book.rolled(&row, at(minutes), &mut out);
        self.take(out);
    }

    pub fn pass(&mut self, minutes: f64) {
        let mut out = Outcome::default();
        self.book.pass(at(minutes), &mut out);
        self.take(out);
    }

    pub fn live(&mut self, present: bool, minutes: f64) {
        self.seen(present, None, minutes);
    }

    /// Its resource is a Deployment whose pods have that image.
    pub fn deploys(&mut self, image: &str, replicas: usize, minutes: f64) {
        let template = serde_json::json!({"spec": {"containers": {"web": {"image": image}}}});
        let document = serde_json::json!({
            "spec": {"replicas": replicas, "template": template}, "$origins": Origins::default(), "$schema": "apps/v1 1",
        });
        self.seen(true, Some(document.to_string()), minutes);
    }

    fn seen(&mut self, present: bool, document: Option<String>, minutes: f64) {
        let id: ResourceId = RESOURCE.parse().unwrap();
        let row = Live {
            time: at(minutes),
            scope: id.scope().to_owned(),
            source: "s".to_owned(),
            key: id.key(),
            kind: id.kind().to_owned(),
            id,
            present,
            fingerprint: Fingerprint::ABSENT,
            document,
            text: None,
            actor: None,
        };
        let mut out = Outcome::default();
        self.book.live(&row, at(minutes), &mut out);
        self.take(out);
    }
}
