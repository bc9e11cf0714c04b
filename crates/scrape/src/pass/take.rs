use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use wire::exposition::Format;

use super::cache::{Cache, Known, Present};
use super::{Exemplar, Outcome, Point, Rules, STALE};
use crate::read::{self, ReadError, Said, Sample, Sent, Taker, Value, Wanted};
use crate::{Labels, METRIC_NAME, relabel};

/// Samples may be so far in the future, in milliseconds.
const AHEAD: i64 = 10 * 60_000;
/// Characters of all labels of an exemplar.
const EXEMPLAR: usize = 128;

/// One scrape that is being read.
pub struct Pass<'c, 'a, K> {
    cache: &'c mut Cache<K>,
    rules: &'c Rules,
    /// Names a series.
    key: &'c dyn Fn(Labels) -> K,
    now_ms: i64,
    present: HashMap<K, Present>,
    outcome: Outcome<'a, K>,
    /// More samples than are allowed.
    full: bool,
}

impl<'c, 'a, K: Clone + Eq + Hash> Pass<'c, 'a, K> {
    /// A scrape that began at `now_ms`, milliseconds since the epoch.
    pub fn new(cache: &'c mut Cache<K>, rules: &'c Rules, key: &'c dyn Fn(Labels) -> K, now_ms: i64) -> Self {
        cache.begin(now_ms);
        let outcome = Outcome {
            points: Vec::new(),
            exemplars: Vec::new(),
            metadata: Vec::new(),
            scraped: 0,
            kept: 0,
            added: 0,
            duplicates: 0,
            out_of_bounds: 0,
            error: None,
        };
        Self { cache, rules, key, now_ms, present: HashMap::new(), outcome, full: false }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// It is not of its format, or it is refused: then nothing of it counts.
    pub fn read(&mut self, body: &'a [u8], format: Format) -> Result<(), ReadError> {
        let Rules { native_histograms: native, classic_too, created, .. } = *self.rules;
        read::read(body, format, Wanted { native, classic_too, created }, self)
    }

    /// What the scrape gives; `error` is why it failed. Of one that failed only stale markers are left.
    pub fn end(mut self, error: Option<String>) -> (Outcome<'a, K>, Settle<K>) {
        let full =
            self.full.then(|| format!("sample limit exceeded ({} of {})", self.outcome.kept, self.rules.samples));
        self.outcome.error = error.or(full);
        if self.outcome.error.is_some() {
            self.outcome.points.clear();
            self.outcome.exemplars.clear();
            self.outcome.added = 0;
            self.present.clear();
        } else {
            self.outcome.metadata = self.cache.changed();
        }
        for (series, histogram) in &self.cache.present {
            if !self.present.contains_key(series) {
                let value = if *histogram { Value::StaleHistogram } else { Value::Float(STALE) };
                self.outcome.points.push(Point { series: series.clone(), time_ms: self.now_ms, start_ms: 0, value });
            }
        }
        let present = self.present.into_iter().filter(|(_, present)| present.tracked);
        let present = present.map(|(series, present)| (series, present.histogram)).collect();
        let settle = Settle { present, failed: self.outcome.error.is_some() };
        (self.outcome, settle)
    }

    /// The series of a sample; nothing if relabelling drops it.
    fn series(&mut self, sample: &Sample<'_, 'a>) -> Result<Option<K>, String> {
        if let Some(known) = self.cache.known.get_mut(sample.key) {
            known.last = self.cache.scrape;
            return Ok(known.series.clone());
        }
        let series = self.relabelled((sample.labels)()?)?.map(|labels| (self.key)(labels));
        self.outcome.added += u64::from(series.is_some() && !self.full);
        let known = Known { series: series.clone(), last: self.cache.scrape, exemplar: None };
        self.cache.known.insert(sample.key.to_owned(), known);
        Ok(series)
    }

    fn relabelled(&self, mut labels: Labels) -> Result<Option<Labels>, String> {
        self.rules.attach.to(&mut labels);
        if !relabel::process(&mut labels, &self.rules.relabel) {
            return Ok(None);
        }
        if labels.is_empty() {
            return Ok(None);
        }
        if !labels.contains_key(METRIC_NAME) {
            return Err("missing metric name (__name__ label)".to_owned());
        }
        self.rules.labels.check(&labels)?;
        Ok(Some(labels))
    }

    /// Takes those that are newer than the last one of earlier scrapes. A native histogram has them in any order.
    fn exemplars(&mut self, key: &str, series: &K, mut sent: Vec<Sent>) {
        if sent.is_empty() {
            return;
        }
        let Some(known) = self.cache.known.get_mut(key) else { return };
        sent.sort_by(Sent::order);
        sent.dedup();
        let before = known.exemplar;
        for Sent { labels, value, time_ms } in sent {
            let length: usize = labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
            let seen = match (before, time_ms) {
                (Some((Some(last), of)), Some(time)) => {
                    // NaN has its place as well.
                    let is_new = || f64::from_bits(value).total_cmp(&f64::from_bits(of)).is_gt();
                    time < last || time == last && !is_new()
                }
                (Some((None, last)), None) => value == last,
                _ => false,
            };
            let ahead = time_ms.is_some_and(|time| time > self.now_ms.saturating_add(AHEAD));
            if !seen && !ahead && length <= EXEMPLAR {
                known.exemplar = Some((time_ms, value));
                let time_ms = time_ms.unwrap_or(self.now_ms);
                self.outcome.exemplars.push(Exemplar { series: series.clone(), time_ms, value, labels });
            }
        }
    }
}

impl<'a, K: Clone + Eq + Hash> Taker<'a> for Pass<'_, 'a, K> {
    fn sample(&mut self, sample: Sample<'_, 'a>) -> Result<(), String> {
        self.outcome.scraped += 1;
        let Some(series) = self.series(&sample)? else { return Ok(()) };
        self.outcome.kept += 1;
        self.full |= self.rules.samples > 0 && self.outcome.kept > self.rules.samples;
        if self.full {
            // It is counted to the end, so that people know what limit would do.
            return Ok(());
        }
        let own = sample.time_ms.filter(|_| self.rules.honor_timestamps);
        let time_ms = own.unwrap_or(self.now_ms);
        if time_ms > self.now_ms.saturating_add(AHEAD) {
            self.outcome.out_of_bounds += 1;
            return Ok(());
        }
        let tracked = own.is_none() || self.rules.track_timestamps_staleness;
        let present = Present { histogram: sample.value.is_histogram(), time_ms, tracked };
        match self.present.entry(series.clone()) {
            Entry::Occupied(before) if before.get().time_ms == time_ms => {
                self.outcome.duplicates += 1;
                return Ok(());
            }
            Entry::Occupied(mut before) => *before.get_mut() = present,
            Entry::Vacant(free) => {
                free.insert(present);
            }
        }
        self.exemplars(sample.key, &series, sample.exemplars);
        self.outcome.points.push(Point { series, time_ms, start_ms: sample.start_ms, value: sample.value });
        Ok(())
    }

    fn said(&mut self, family: &str, what: Said<'_>) {
        self.cache.said(family, &what);
    }
}

/// What is remembered of a scrape once it is known whether it is durable.
#[derive(Debug)]
pub struct Settle<K> {
    present: HashMap<K, bool>,
    failed: bool,
}

impl<K: Clone + Eq + Hash> Settle<K> {
    /// Remembers it. Of what is not durable, markers are told again: what was there before stays on
    /// the list of what may be gone.
    pub fn into(self, cache: &mut Cache<K>, durable: bool) {
        if durable {
            cache.present = self.present;
        } else {
            cache.present.extend(self.present);
        }
        if durable && !self.failed {
            cache.tidy();
        } else {
            cache.shrink();
        }
    }
}
