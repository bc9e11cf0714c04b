//! A book as JSON: `{"canaries": [{"definition", "generation", "run", "open", "hook", "rollout", "absent", "agreed", "rolled_at", "drift",
//! "live", "unseen", "found"}], "finders", "rollouts", "origins"}`. Of a run what was found is kept, as hexadecimal IEEE 754 numbers, so that not a bit is lost; the
//! judge sees it again. The first version was the list of canaries alone, none of them found.

use std::collections::BTreeMap;

use base::Timestamp;
use model::Verdict as Drift;
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::definition::Definition;
use crate::finding::Open;
use crate::life::Canary;
use crate::points::Quad;
use crate::run::{Data, End, Origin, Run};
use crate::search::{Finder, Found, Known, Search};
use crate::standing::Standing;
use crate::version::Version;

/// Why a book cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// It is no such JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Numbers of a run are damaged.
    #[error("the numbers of the run {0} are damaged")]
    Numbers(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedCanary {
    definition: String,
    generation: i64,
    run: Option<SavedRun>,
    open: Option<Open>,
    hook: Option<(String, String)>,
    rollout: Option<SavedOrigin>,
    absent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agreed: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rolled_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drift: Option<Drift>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    live: Option<Version>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unseen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedBook {
    canaries: Vec<SavedCanary>,
    /// Definitions with their generation.
    finders: Vec<(String, i64)>,
    rollouts: BTreeMap<String, Known>,
    origins: BTreeMap<String, SavedOrigin>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedOrigin {
    cause: String,
    revision: Option<String>,
    author: Option<String>,
    message: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedRun {
    started: Timestamp,
    origin: SavedOrigin,
    next: usize,
    metrics: Vec<SavedMetric>,
    end: Option<(Timestamp, Option<String>, bool)>,
    /// Nothing where nobody ever said a part.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    meant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closing: Option<(Timestamp, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<Version>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedMetric {
    whole: String,
    segments: BTreeMap<String, String>,
    trouble: Option<String>,
    top: Option<String>,
}

impl Book {
    /// As text; the same book gives the same text.
    ///
    /// # Errors
    /// None that can be: it is texts and numbers.
    pub fn save(&self) -> Result<String, serde_json::Error> {
        let origins = self.search.origins.iter();
        serde_json::to_string(&SavedBook {
            canaries: self.canaries.values().map(save).collect(),
            finders: self.search.finders.values().map(|finder| (finder.text.clone(), finder.generation)).collect(),
            rollouts: self.search.rollouts.clone(),
            origins: origins.map(|(id, origin)| (id.clone(), save_origin(origin))).collect(),
        })
    }

    /// From what [`Self::save`] gave, or gave in the first version.
    ///
    /// # Errors
    /// It is damaged, or of another version.
    pub fn restored(text: &str) -> Result<Self, SavedError> {
        let saved: SavedBook = if text.starts_with('[') {
            let (finders, rollouts, origins) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
            SavedBook { canaries: serde_json::from_str(text)?, finders, rollouts, origins }
        } else {
            serde_json::from_str(text)?
        };
        let canaries = saved.canaries.into_iter().map(load).collect::<Result<Vec<_>, _>>()?;
        let finder = |(text, generation): (String, i64)| {
            let definition: Definition = serde_json::from_str(&text)?;
            Ok((definition.name.clone(), Finder { definition, text, generation }))
        };
        let finders = saved.finders.into_iter().map(finder).collect::<Result<BTreeMap<_, _>, serde_json::Error>>()?;
        let origins = saved.origins.into_iter().map(|(id, origin)| (id, load_origin(origin))).collect();
        let canaries = canaries.into_iter().map(|canary| (canary.definition.name.clone(), canary)).collect();
        Ok(Self::of(canaries, Search { finders, rollouts: saved.rollouts, origins }))
    }
}

fn save(canary: &Canary) -> SavedCanary {
    SavedCanary {
        definition: canary.text.clone(),
        generation: canary.generation,
        run: canary.run.as_ref().map(save_run),
        open: canary.open.clone(),
        hook: canary.hook.clone(),
        rollout: canary.rollout.as_ref().map(save_origin),
        absent: canary.absent,
        agreed: canary.agreed,
        rolled_at: canary.rolled_at,
        drift: canary.drift,
        live: canary.live.clone(),
        unseen: canary.unseen,
        found: canary.found.clone(),
    }
}

fn save_origin(origin: &Origin) -> SavedOrigin {
    let Origin { cause, revision, author, message } = origin.clone();
    SavedOrigin { cause, revision, author, message }
}

fn load_origin(saved: SavedOrigin) -> Origin {
    let SavedOrigin { cause, revision, author, message } = saved;
    Origin { cause, revision, author, message }
}

fn save_run(run: &Run) -> SavedRun {
    let metrics = run.data.iter().zip(&run.troubles).zip(&run.top);
    let metric = |((data, trouble), top): ((&Data, &Option<String>), &Option<String>)| SavedMetric {
        whole: numbers(&data.whole),
        segments: data.segments.iter().map(|(name, quads)| (name.clone(), numbers(quads))).collect(),
        trouble: trouble.clone(),
        top: top.clone(),
    };
    SavedRun {
        started: run.started,
        origin: save_origin(&run.origin),
        next: run.next,
        metrics: metrics.map(metric).collect(),
        end: run.end.as_ref().map(|end| (end.at, end.why.clone(), end.tested)),
        meant: if run.meant.iter().any(|meant| meant.is_finite()) { hex_of(run.meant.iter()) } else { String::new() },
        closing: run.closing.clone(),
        of: run.of.clone(),
    }
}

fn load(saved: SavedCanary) -> Result<Canary, SavedError> {
    let definition = serde_json::from_str(&saved.definition)?;
    let mut canary = Canary::new(definition, saved.definition, saved.generation);
    (canary.open, canary.hook, canary.absent, canary.found) = (saved.open, saved.hook, saved.absent, saved.found);
    (canary.rollout, canary.agreed) = (saved.rollout.map(load_origin), saved.agreed);
    (canary.rolled_at, canary.drift, canary.live, canary.unseen) =
        (saved.rolled_at, saved.drift, saved.live, saved.unseen);
    if let Some(saved) = saved.run {
        let mut run = Run::new(&canary.definition, saved.started, load_origin(saved.origin));
        let damaged = || SavedError::Numbers(run.id.clone());
        if saved.metrics.len() != canary.definition.metrics.len() || saved.next > canary.definition.lifetime {
            return Err(damaged());
        }
        let mut data = Vec::new();
        for metric in &saved.metrics {
            let whole = quads(&metric.whole).filter(|whole| whole.len() == saved.next).ok_or_else(damaged)?;
            let segments = metric.segments.iter().map(|(name, text)| Some((name.clone(), quads(text)?)));
            data.push(Data { whole, segments: segments.collect::<Option<_>>().ok_or_else(damaged)? });
        }
        run.meant = match saved.meant.as_str() {
            "" => vec![f64::NAN; saved.next],
            text => numbers_of(text).filter(|meant| meant.len() == saved.next).ok_or_else(damaged)?,
        };
        (run.data, run.next, run.closing, run.of) = (data, saved.next, saved.closing, saved.of);
        (run.troubles, run.top) = saved.metrics.into_iter().map(|metric| (metric.trouble, metric.top)).unzip();
        run.end = saved.end.map(|(at, why, tested)| End { at, why, tested });
        let run = Run::again(&canary.definition, run);
        canary.standing = Some(Standing::of(&canary.definition, &run));
        canary.run = Some(run);
    }
    Ok(canary)
}

fn numbers(quads: &[Quad]) -> String {
    hex_of(quads.iter().flatten())
}

fn hex_of<'a>(numbers: impl Iterator<Item = &'a f64>) -> String {
    let bytes: Vec<u8> = numbers.flat_map(|number| number.to_be_bytes()).collect();
    hex::encode(bytes)
}

fn numbers_of(text: &str) -> Option<Vec<f64>> {
    let bytes = hex::decode(text).ok()?;
    bytes.chunks(8).map(|chunk| Some(f64::from_be_bytes(chunk.try_into().ok()?))).collect()
}

fn quads(text: &str) -> Option<Vec<Quad>> {
    numbers_of(text)?.chunks(4).map(|quad| quad.try_into().ok()).collect()
}
