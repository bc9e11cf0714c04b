//! The life of a target.

use std::sync::Arc;
use std::time::Duration;

use base::{Shutdown, Timestamp};
use bus::BusError;
use ingest::{IngestError, KnownBatch, KnownSeries, Permit, Taken};
use scrape::{Cache, Health, Outcome, Pass, Row, Rules, Target, Targets};
use tokio::sync::{Mutex, watch};

use super::Parts;
use super::answer::{Report, Reports, gone};
use super::append::{Appender, batch};
use super::client::Answer;
use super::owed::Owed;
use super::settings::Settings;
use super::ticks;

/// How long it is tried to say of a target that is gone that its series are.
const LAST_WORD: Duration = Duration::from_secs(3_600);

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
    /// One target of the job that is gone says so at a time: while the log is away, or the store behind, the others do not try.
    pub leaving: Arc<Mutex<()>>,
}

/// What is kept from one scrape to the next.
struct Memory {
    cache: Cache<KnownSeries>,
    rules: Rules,
    reports: Reports,
    /// Whether `up` and its like say something.
    reported: bool,
    owed: Owed,
}

/// One scrape.
struct Round<'a> {
    appender: Appender<'a>,
    began: Timestamp,
    /// When it began, on the monotonic clock.
    start: Duration,
    /// The time of its samples, milliseconds since the epoch.
    time_ms: i64,
}

/// What became of a scrape.
struct Done {
    /// Why it failed.
    error: Option<String>,
    report: Report,
    /// Whether the target's samples are lost.
    lost: bool,
    appended: Result<Taken, IngestError>,
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
            let gone = self.gone.clone();
            let Some(answered) = gone.or(self.scrape(due, &mut memory)).await else { break };
            due = self.next(due, answered, &mut memory);
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

    /// The time of the next scrape. Those that were due while the log did not take what was `answered` in time were not made, which is to
    /// be said.
    fn next(&self, due: Timestamp, answered: bool, memory: &mut Memory) -> Timestamp {
        let (interval, offset) = self.interval();
        let next = ticks::after(due, self.parts.clock.now(), interval, offset);
        for missed in ticks::between(due, next, interval).filter(|_| answered) {
            memory.owed.push(missed.millis(), Report::default());
            scraped(false, true);
        }
        next
    }

    fn memory(&self) -> Memory {
        let rules = self.rules(&self.settings.borrow(), &self.target.borrow());
        let reports = Reports::new(&rules, &self.parts.ingest);
        Memory { cache: Cache::default(), rules, reports, reported: false, owed: Owed::default() }
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

    /// Gives whether the target answered, or failed to, before the next scrape was due.
    async fn scrape(&mut self, due: Timestamp, memory: &mut Memory) -> bool {
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
        let until = start + due.plus(target.interval).since(began).min(target.interval);
        let answered = clock.monotonic() < until;
        let appender = Appender { ingest: &ingest, clock: &clock, until };
        let round = Round { appender, began, start, time_ms: time.millis() };
        let done = self.take(answer, &round, memory).await;
        self.settle(done, &round, memory);
        answered
    }

    /// Appends an answer. If there is no room for it, or it is refused whole, the scrape has failed; to say so needs no room.
    async fn take(&self, answer: Result<Answer, String>, round: &Round<'_>, memory: &mut Memory) -> Done {
        let (why, lost) = match answer {
            Err(why) => (why, false),
            Ok(answer) => match round.appender.admit(answer.body.len() as u64).await {
                Err(error) => (self.not_taken(&error), true),
                Ok(room) => {
                    let done = self.append(&Ok(answer), &room, round, memory).await;
                    match &done.appended {
                        Err(error) if is_refused(&done.appended) => match done.error {
                            Some(why) => (why, false),
                            None => (self.not_taken(error), true),
                        },
                        _ => return done,
                    }
                }
            },
        };
        let done = self.append(&Err(why), &Permit::exempt(), round, memory).await;
        Done { lost: lost || done.lost, ..done }
    }

    async fn append(
        &self,
        answer: &Result<Answer, String>,
        room: &Permit,
        round: &Round<'_>,
        memory: &mut Memory,
    ) -> Done {
        let Memory { cache, rules, reports, owed, .. } = memory;
        let late = owed.points(cache, reports);
        let ingest = round.appender.ingest;
        let key = |labels| ingest.series(labels);
        let (outcome, settle) = read(answer, Pass::new(cache, rules, &key, round.time_ms));
        let error = outcome.error.clone();
        let report = Report {
            up: error.is_none(),
            duration: self.parts.clock.monotonic().saturating_sub(round.start),
            scraped: outcome.scraped,
            kept: outcome.kept,
            added: outcome.added,
        };
        self.left_out(&outcome);
        let mut batch = batch(outcome);
        batch.points.splice(0..0, late);
        batch.points.extend(reports.of(&report, round.time_ms));
        let appended = round.appender.append(&batch, room).await;
        // Nothing is there of what was refused, and it is taken once more as one that failed.
        if answer.is_err() || !is_refused(&appended) {
            settle.into(cache, is_written(&appended));
        }
        Done { error, report, lost: appended.is_err(), appended }
    }

    /// Remembers and tells what became of a scrape.
    fn settle(&self, done: Done, round: &Round<'_>, memory: &mut Memory) {
        let Done { error, report, lost, appended } = done;
        let written = is_written(&appended);
        scraped(report.up && written, lost);
        if written {
            memory.owed.clear();
            memory.reported = true;
        } else {
            memory.owed.push(round.time_ms, Report { up: false, added: 0, ..report });
        }
        match appended {
            Ok(taken) => self.tell(error, &taken, round.began, report.duration),
            Err(lost) => {
                let why = self.not_taken(&lost);
                self.row(round.began, report.duration, Health::Down, error.unwrap_or(why));
            }
        }
    }

    fn left_out(&self, outcome: &Outcome<'_, KnownSeries>) {
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

    /// Tells that samples are lost, and gives the words for it.
    fn not_taken(&self, error: &IngestError) -> String {
        tracing::warn!(job = self.job, url = self.url(), %error, "the samples of a scrape are lost");
        format!("the samples are lost: {error}")
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
    async fn end(&mut self, due: Timestamp, memory: Memory) {
        if !memory.reported {
            return;
        }
        let batch = last_words(memory, due.millis());
        let (shutdown, clock) = (self.parts.shutdown.clone(), self.parts.clock.clone());
        let (interval, _) = self.interval();
        let wait = due.since(clock.now()) + interval + interval / 10;
        if shutdown.or(clock.sleep(wait)).await.is_none() {
            return;
        }
        let until = clock.monotonic() + interval.max(LAST_WORD);
        let appender = Appender { ingest: &self.parts.ingest, clock: &clock, until };
        let exempt = Permit::exempt();
        let marked = async {
            let _turn = self.leaving.lock().await;
            appender.append(&batch, &exempt).await
        };
        if let Some(Err(error)) = shutdown.or(marked).await {
            tracing::warn!(job = self.job, url = self.url(), %error, "the series of a target that is gone are not marked");
        }
    }
}

/// What is told of a target that is gone; nothing else of what was known of it is kept.
fn last_words(memory: Memory, time_ms: i64) -> KnownBatch<'static> {
    let Memory { mut cache, reports, owed, .. } = memory;
    let mut points = owed.points(&cache, &reports);
    points.extend(cache.take_present().map(|(series, histogram)| gone(series, histogram, time_ms)));
    points.extend(reports.stale(time_ms));
    KnownBatch { points, ..KnownBatch::default() }
}

/// Whether nothing was taken, for a reason that is not the log's: that holds for whatever is appended.
const fn is_refused(appended: &Result<Taken, IngestError>) -> bool {
    !matches!(appended, Ok(_) | Err(IngestError::Log(_)))
}

/// Whether everything is there but rows that the log never takes, which are left out.
const fn is_written(appended: &Result<Taken, IngestError>) -> bool {
    matches!(appended, Ok(_) | Err(IngestError::Log(BusError::TooLarge { .. })))
}

/// Counts a scrape.
fn scraped(up: bool, lost: bool) {
    metrics::counter!("steadfast_scrapes_total", "result" => if up { "up" } else { "down" }).increment(1);
    metrics::counter!("steadfast_scrapes_lost_total").increment(u64::from(lost));
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
