//! The life of a target.

use std::sync::Arc;
use std::time::Duration;

use base::{Shutdown, Timestamp};
use ingest::{KnownBatch, KnownPoint, KnownSeries, KnownValue, Taken};
use scrape::{Cache, Health, Outcome, Pass, Row, Rules, STALE, Target, Targets};
use tokio::sync::watch;

use super::Parts;
use super::answer::{Report, Reports};
use super::append::{Appender, batch};
use super::client::Answer;
use super::settings::Settings;
use super::ticks;

/// What a target is run with.
pub(super) struct Life {
    pub parts: Parts,
    pub table: Targets,
    pub job: String,
    /// Its row in the table.
    pub id: u64,
    pub seed: u64,
    pub target: watch::Receiver<Arc<Target>>,
    pub settings: watch::Receiver<Arc<Settings>>,
    /// It is no target any more: its series become stale.
    pub gone: Shutdown,
    /// It ends here and now: another has its place.
    pub dropped: Shutdown,
}

/// What is kept from one scrape to the next.
struct Memory {
    cache: Cache<KnownSeries>,
    rules: Rules,
    reports: Reports,
    /// Whether `up` and its like say something.
    reported: bool,
}

impl Life {
    /// Scrapes until the target is gone or the process ends.
    pub(super) async fn run(mut self) {
        let dropped = self.dropped.clone();
        dropped.or(self.scrapes()).await;
        // Whoever looks sees that this is over.
        dropped.start();
    }

    async fn scrapes(&mut self) {
        let mut memory = self.memory();
        let mut due = self.first();
        loop {
            let wait = due.since(self.parts.clock.now());
            tokio::select! {
                biased;
                () = self.gone.wait() => break,
                Ok(()) = self.target.changed() => {
                    due = self.first();
                    continue;
                }
                () = self.parts.clock.sleep(wait) => {}
            }
            let scraped = self.gone.clone();
            if scraped.or(self.scrape(due, &mut memory)).await.is_none() {
                break;
            }
            let (interval, offset) = self.interval();
            due = ticks::after(due, self.parts.clock.now(), interval, offset);
        }
        self.end(due, memory).await;
    }

    fn interval(&self) -> (Duration, Duration) {
        let target = self.target.borrow();
        (target.interval, target.offset(self.seed))
    }

    fn first(&self) -> Timestamp {
        let (interval, offset) = self.interval();
        ticks::next(self.parts.clock.now(), interval, offset)
    }

    fn memory(&self) -> Memory {
        let rules = self.rules(&self.settings.borrow(), &self.target.borrow());
        let reports = Reports::new(&rules, &self.parts.ingest);
        Memory { cache: Cache::default(), rules, reports, reported: false }
    }

    fn rules(&self, settings: &Settings, target: &Target) -> Rules {
        Rules { created: self.parts.ingest.config().created_zeros, ..Rules::new(&settings.job, target) }
    }

    /// The job may have changed since the last scrape.
    fn refresh(&self, settings: &Settings, target: &Target, memory: &mut Memory) {
        let rules = self.rules(settings, target);
        if rules != memory.rules {
            memory.rules = rules;
            memory.cache.rename();
        }
    }

    async fn scrape(&mut self, due: Timestamp, memory: &mut Memory) {
        let (target, settings) = (Arc::clone(&self.target.borrow_and_update()), Arc::clone(&self.settings.borrow()));
        self.refresh(&settings, &target, memory);
        let clock = self.parts.clock.clone();
        let (began, start) = (clock.now(), clock.monotonic());
        let time = ticks::aligned(due, began, target.interval);
        let answer = match &settings.refused {
            Some(why) => Err(why.clone()),
            None => settings.client.fetch(&target).await.map_err(|error| error.to_string()),
        };
        let ingest = self.parts.ingest.clone();
        let until = start + target.interval.max(target.timeout);
        let appender = Appender { ingest: &ingest, clock: &clock, until };
        let bytes = answer.as_ref().map_or(0, |answer| answer.body.len() as u64);
        let room = match appender.admit(bytes).await {
            Ok(room) => room,
            Err(error) => return self.lost(&error, began, clock.monotonic().saturating_sub(start)),
        };
        let Memory { cache, rules, reports, reported } = memory;
        let key = |labels| ingest.series(labels);
        let pass = Pass::new(cache, rules, &key, time.millis());
        let (outcome, settle) = read(&answer, pass);
        let duration = clock.monotonic().saturating_sub(start);
        let report = Report {
            up: outcome.error.is_none(),
            duration,
            scraped: outcome.scraped,
            kept: outcome.kept,
            added: outcome.added,
        };
        self.count(&outcome);
        let error = outcome.error.clone();
        let mut batch = batch(outcome);
        batch.points.extend(reports.of(&report, time.millis()));
        let appended = appender.append(&batch, &room).await;
        settle.into(cache, appended.is_ok());
        *reported |= appended.is_ok();
        match appended {
            Ok(taken) => self.tell(error, &taken, began, duration),
            Err(error) => self.lost(&error, began, duration),
        }
    }

    fn count(&self, outcome: &Outcome<'_, KnownSeries>) {
        let result = if outcome.error.is_none() { "up" } else { "down" };
        metrics::counter!("steadfast_scrapes_total", "result" => result).increment(1);
        let (duplicates, ahead) = (outcome.duplicates, outcome.out_of_bounds);
        for (why, count) in [("duplicate", duplicates), ("out_of_bounds", ahead)] {
            if count > 0 {
                metrics::counter!("steadfast_scrape_samples_left_out_total", "why" => why).increment(count);
                tracing::debug!(job = self.job, url = self.url(), why, count, "samples are left out");
            }
        }
    }

    fn url(&self) -> String {
        self.target.borrow().url.to_string()
    }

    /// What the table says after a scrape.
    fn tell(&self, error: Option<String>, taken: &Taken, began: Timestamp, duration: Duration) {
        let health = if error.is_none() { Health::Up } else { Health::Down };
        if let Some(error) = &error {
            tracing::debug!(job = self.job, url = self.url(), error, "a scrape failed");
        }
        let refused = (taken.refused.count() > 0).then(|| taken.refused.to_string());
        self.row(began, duration, health, error.or(refused).unwrap_or_default());
    }

    /// A scrape that is not durable.
    fn lost(&self, error: &dyn std::fmt::Display, began: Timestamp, duration: Duration) {
        metrics::counter!("steadfast_scrapes_lost_total").increment(1);
        tracing::warn!(job = self.job, url = self.url(), %error, "a scrape is lost");
        self.row(began, duration, Health::Down, format!("the samples are lost: {error}"));
    }

    fn row(&self, began: Timestamp, duration: Duration, health: Health, last_error: String) {
        self.table.write(|jobs| {
            let row = jobs.get_mut(&self.job).and_then(|job| job.active.get_mut(&self.id));
            if let Some(row) = row {
                *row = Row {
                    health,
                    last_error,
                    last_scrape: Some(began),
                    last_duration: duration,
                    ..std::mem::take(row)
                };
            }
        });
    }

    /// The target is gone. It may come back, or another process may scrape it now: only when two
    /// scrapes would have been made its series become stale, as of the first.
    async fn end(&mut self, due: Timestamp, mut memory: Memory) {
        if !memory.reported {
            return;
        }
        let (shutdown, clock) = (self.parts.shutdown.clone(), self.parts.clock.clone());
        let (interval, _) = self.interval();
        let wait = due.since(clock.now()) + interval + interval / 10;
        if shutdown.or(clock.sleep(wait)).await.is_none() {
            return;
        }
        let time_ms = due.millis();
        let mut batch = KnownBatch::default();
        for (series, histogram) in memory.cache.take_present() {
            let value = if histogram { KnownValue::StaleHistogram } else { KnownValue::Float(STALE) };
            batch.points.push(KnownPoint { series, time_ms, start_ms: 0, value });
        }
        batch.points.extend(memory.reports.stale(time_ms));
        let appender = Appender { ingest: &self.parts.ingest, clock: &clock, until: clock.monotonic() + interval };
        let marked = async { appender.append(&batch, &appender.admit(0).await?).await };
        if let Some(Err(error)) = shutdown.or(marked).await {
            tracing::warn!(job = self.job, url = self.url(), %error, "the series of a target that is gone are not marked");
        }
    }
}

/// Reads an answer, if there is one.
fn read<'a>(
    answer: &'a Result<Answer, String>,
    mut pass: Pass<'_, 'a, KnownSeries>,
) -> (Outcome<'a, KnownSeries>, scrape::Settle<KnownSeries>) {
    let error = match answer {
        Ok(Answer { body, format }) => pass.read(body, *format).err().map(|error| error.to_string()),
        Err(error) => Some(error.clone()),
    };
    pass.end(error)
}
