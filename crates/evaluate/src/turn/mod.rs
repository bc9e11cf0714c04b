mod alerting;

use std::collections::BTreeSet;
use std::time::Duration;

use base::{Limit, Timestamp};
use model::rows::Evaluation;
use model::{LogKind, ModelError};
use rules::book::Definition;
use rules::{Kind, Output, Query, Rule, record};

use crate::ask::{EvaluateError, Position, Vector};
use crate::context::{Context, Identity};
use crate::memory::Memory;
use crate::probe::reads;
use crate::samples::{Samples, batches};
use crate::templates;

/// Results of one rule that alerts.
const RESULTS: Limit = Limit::new("rules.results", 10_000);
/// Bytes of these.
const RESULT_BYTES: Limit = Limit::new("rules.result_bytes", 2 << 20);
/// Series that one recording rule may give.
const RECORDED: Limit = Limit::new("rules.recorded", 500_000);
/// Bytes of evaluations that are held before they are appended.
const HELD: usize = 1 << 20;
/// Samples that are held before they are appended.
const HELD_SAMPLES: usize = 50_000;

/// Bytes of an error that are kept.
const ERROR: usize = 4_000;

/// Until a query that found no place, or a store that was away, is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// The part of its interval for which an evaluation may wait for that.
const WAITS: i64 = 2;

/// What of an answer goes on the log.
#[derive(Debug, Default)]
struct Taken {
    found: usize,
    vector: String,
    inputs: Option<String>,
    queries: Option<String>,
}

/// One evaluation of a group.
pub(crate) struct Turn<'a> {
    pub cx: &'a Context,
    pub identity: &'a Identity,
    pub memory: &'a mut Memory,
    /// The time of the evaluation, in milliseconds.
    pub t: i64,
    /// The time that is looked at.
    pub at: i64,
    /// What later queries must see.
    pub after: Vec<Position>,
    rows: Vec<Evaluation>,
    bytes: usize,
    /// Rules whose alerts are written once the fold knows of them.
    alerting: Vec<usize>,
    samples: Samples,
    /// Metrics that wait to be written.
    names: BTreeSet<String>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(cx: &'a Context, identity: &'a Identity, memory: &'a mut Memory, t: i64) -> Self {
        let at = t.saturating_sub(identity.definition.offset());
        Self {
            cx,
            identity,
            memory,
            t,
            at,
            after: Vec::new(),
            rows: Vec::new(),
            bytes: 0,
            alerting: Vec::new(),
            samples: Samples::default(),
            names: BTreeSet::new(),
        }
    }

    /// Evaluates all rules in order: a rule sees what those before it have written.
    #[tracing::instrument(name = "rule group", skip_all, fields(group = self.identity.definition.group.name))]
    pub(crate) async fn run(mut self) {
        let definition = &self.identity.definition;
        for (place, rule) in definition.group.rules.iter().enumerate() {
            let waits = reads(&rule.query, &self.names) || (!self.names.is_empty() && asks(rule));
            if waits || self.bytes >= HELD || self.samples.samples.len() >= HELD_SAMPLES {
                self.flush().await;
            }
            let began = self.cx.clock.monotonic();
            let taken = match self.asked(&rule.query, self.at).await {
                Ok(vector) => self.take(place, rule, &vector).await,
                Err(error) => Err(error.to_string()),
            };
            let took = self.cx.clock.monotonic().saturating_sub(began).as_secs_f64();
            metrics::histogram!("steadfast_rule_seconds").record(took);
            let row = self.row(place, rule, taken, took);
            metrics::counter!("steadfast_rule_evaluations_total", "health" => row.health.clone()).increment(1);
            self.bytes += row.vector.len() + row.file.len() + row.name.len() + 300;
            self.rows.push(row);
        }
        self.flush().await;
    }

    /// What a query finds. One that has no answer for the moment is asked again while the evaluation is not late by it.
    async fn asked(&self, query: &Query, at: i64) -> Result<Vector, EvaluateError> {
        let until = self.t.saturating_add(self.definition().interval() / WAITS);
        loop {
            match self.cx.evaluate.instant(query, at, &self.after).await {
                Err(EvaluateError::Later(_)) if self.cx.clock.now().plus(AGAIN).millis() < until => {
                    self.cx.clock.sleep(AGAIN).await;
                }
                answer => return answer,
            }
        }
    }

    async fn take(&mut self, place: usize, rule: &Rule, vector: &Vector) -> Result<Taken, String> {
        match &rule.kind {
            Kind::Recording { record: name } => {
                RECORDED.check(vector.len() as u64).map_err(|exceeded| exceeded.to_string())?;
                let outputs = record(rule, name, vector, self.definition().group.limit);
                self.write(place, &outputs.map_err(|error| error.to_string())?)?;
                self.names.insert(name.clone());
                Ok(Taken { found: vector.len(), ..Taken::default() })
            }
            Kind::Alerting(alerting) => {
                let taken = alerting::take(self, place, (rule, alerting), vector).await?;
                self.alerting.push(place);
                self.names.extend(["ALERTS", "ALERTS_FOR_STATE"].map(str::to_owned));
                Ok(taken)
            }
        }
    }

    fn write(&mut self, place: usize, outputs: &[Output]) -> Result<(), String> {
        let now = self.cx.clock.monotonic();
        self.samples.add(self.memory, place, outputs, (self.at, now))
    }

    pub(crate) fn definition(&self) -> &'a Definition {
        &self.identity.definition
    }

    fn row(&self, place: usize, rule: &Rule, taken: Result<Taken, String>, took_seconds: f64) -> Evaluation {
        let Definition { file, group, .. } = self.definition();
        let (health, error, taken) = match taken {
            Ok(taken) => ("ok", None, taken),
            Err(mut error) => {
                if let Some((end, _)) = error.char_indices().find(|(at, _)| *at >= ERROR) {
                    error.truncate(end);
                }
                ("err", Some(error), Taken::default())
            }
        };
        Evaluation {
            time: Timestamp::from_nanos(self.t.saturating_mul(1_000_000)),
            key: Evaluation::key(file, &group.name, place),
            file: file.clone(),
            rule_group: group.name.clone(),
            rule: place as i64,
            name: rule.name().to_owned(),
            generation: self.identity.generation,
            health: health.to_owned(),
            error,
            found: taken.found as i64,
            vector: taken.vector,
            inputs: taken.inputs,
            queries: taken.queries,
            took_seconds,
        }
    }

    /// Appends all that waits, and notes what later rules must see.
    async fn flush(&mut self) {
        if let Err(error) = self.append_rows().await {
            self.lost("evaluations", &error);
        }
        if let Err(error) = self.append_samples().await {
            self.lost("samples", &error);
        }
        self.names.clear();
    }

    fn lost(&self, what: &'static str, error: &dyn std::fmt::Display) {
        metrics::counter!("steadfast_rule_appends_failed_total", "what" => what).increment(1);
        let Definition { file, group, .. } = self.definition();
        tracing::error!(file, group = group.name, what, %error, "what rules found could not be written");
    }

    /// Appends evaluations; once the fold has taken them in, the alerts of these rules are samples.
    async fn append_rows(&mut self) -> Result<(), WriteError> {
        let (rows, alerting) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.alerting));
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let size = |row: &Evaluation| row.vector.len() + optional(&row.inputs) + optional(&row.queries) + 400;
        let batches = batches(&self.identity.key, &rows, size)?;
        let shard = self.identity.shard;
        let offset = self.cx.append(LogKind::State, shard, &batches).await?;
        self.after.push((LogKind::State, shard, offset));
        if !self.cx.reached(shard, offset).await {
            return Err(WriteError::Behind);
        }
        for place in alerting {
            if let Some(outputs) = self.known(place)
                && let Err(error) = self.write(place, &outputs)
            {
                self.lost("alerts", &error);
            }
        }
        Ok(())
    }

    /// The series of a rule's alerts, as the fold has them.
    fn known(&self, place: usize) -> Option<Vec<Output>> {
        let book = self.cx.book(self.identity.shard)?.read();
        let Definition { file, group, .. } = self.definition();
        Some(book.group(file, &group.name)?.rule(place)?.state().outputs())
    }

    async fn append_samples(&mut self) -> Result<(), WriteError> {
        let samples = std::mem::take(&mut self.samples);
        if samples.is_empty() {
            return Ok(());
        }
        let appended =
            async { self.cx.append_telemetry(samples.batches(&self.identity.key)?).await.map_err(WriteError::from) };
        match appended.await {
            Ok(position) => self.after.extend(position),
            Err(error) => {
                self.memory.forget(&samples.series);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Whether the templates of a rule read series.
fn asks(rule: &Rule) -> bool {
    matches!(&rule.kind, Kind::Alerting(alerting) if templates::ask(rule, alerting))
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("the rules fold is behind: ALERTS are not written this time")]
    Behind,
}
