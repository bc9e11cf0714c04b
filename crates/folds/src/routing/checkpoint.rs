//! The state in parts: those of the engine, and under `x` and a fingerprint what rollouts have adopted, as JSON. The head is JSON:
//! `{"version", "config", "now", "engine", "on", "on_the_way"}`. Programs of before saved all of it as JSON, in version 1:
//! `{"version", "config", "now", "engine", "rollouts"}`.

use std::collections::BTreeMap;

use alertmanager::engine::{Engine, EngineHead, Restoring};
use base::Timestamp;
use fold::{PartWriter, Parts};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::rollout::{Adopted, On, Rollouts, SavedRollouts};
use super::{RoutingFold, setup};

const VERSION: u32 = 2;
/// That of a state that is all JSON.
const OLD: u32 = 1;
/// Parts that are put together at once.
const SLICE: u32 = 256;
/// What keys of adopted alerts begin with; those of the engine come before.
const ADOPTED: u8 = b'x';

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    config: String,
    now: Timestamp,
    engine: EngineHead,
    on: BTreeMap<String, On>,
    /// Not there in states of before, when steps did not wait for each other.
    #[serde(default)]
    on_the_way: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    config: String,
    now: Timestamp,
    engine: Box<RawValue>,
    #[serde(default)]
    rollouts: SavedRollouts,
}

/// What is there of a state that is being restored.
#[derive(Debug)]
pub(super) struct Half {
    engine: Restoring,
    adopted: BTreeMap<String, Adopted>,
    head: Head,
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head").field("now", &self.now).finish_non_exhaustive()
    }
}

impl RoutingFold {
    /// Takes the JSON of a program of before.
    pub(super) fn load_old(&mut self, state: &[u8]) -> Result<(), String> {
        let saved: Saved = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if saved.version != OLD {
            return Err(format!("its format is version {}, this program reads {OLD} and {VERSION}", saved.version));
        }
        let setup = setup(&saved.config)?;
        let restored = Engine::restored(setup, saved.engine.get(), saved.now).map_err(|error| error.to_string())?;
        *self.engine.write() = restored;
        (self.config, self.now, self.rollouts) = (saved.config, saved.now, saved.rollouts.into());
        self.on_the_way = 0;
        Ok(())
    }

    fn changed_rollouts(&mut self, out: &mut PartWriter) {
        while !out.is_full()
            && let Some(name) = self.rollouts.adopted.next_mark()
        {
            match self.rollouts.adopted.get(&name) {
                Some(adopted) => put(out, &name, adopted),
                None => out.gone(&key(&name)),
            }
        }
    }
}

fn key(name: &str) -> Vec<u8> {
    [&[ADOPTED][..], name.as_bytes()].concat()
}

fn put(out: &mut PartWriter, name: &str, adopted: &Adopted) {
    // Strings and numbers only: it cannot fail.
    out.put(&key(name), &serde_json::to_vec(adopted).unwrap_or_default());
}

impl Parts for RoutingFold {
    fn head(&self) -> Vec<u8> {
        let head = Head {
            version: VERSION,
            config: self.config.clone(),
            now: self.now,
            engine: self.engine.read().head(),
            on: self.rollouts.on.clone(),
            on_the_way: self.on_the_way,
        };
        // Strings and numbers only: it cannot fail.
        serde_json::to_vec(&head).unwrap_or_default()
    }

    fn changed(&mut self, out: &mut PartWriter) {
        self.changed_rollouts(out);
        let mut more = true;
        while more && !out.is_full() {
            // Others look at it between two slices.
            let mut room = SLICE;
            more = self.engine.write().changed(&mut |key, text| {
                room -= 1;
                sink(out)(key, text) && room > 0
            });
        }
    }

    fn rest(&self, after: &[u8], out: &mut PartWriter) {
        let from = after.strip_prefix(&[ADOPTED]);
        if from.is_none() {
            self.engine.read().rest(after, &mut sink(out));
        }
        let from = from.unwrap_or_default();
        for (name, adopted) in self.rollouts.adopted.iter().filter(|(name, _)| name.as_bytes() > from) {
            if out.is_full() {
                return;
            }
            put(out, name, adopted);
        }
    }

    fn begin(&mut self, head: &[u8]) -> Result<(), String> {
        let head: Head = serde_json::from_slice(head).map_err(|error| error.to_string())?;
        if head.version != VERSION {
            return Err(format!("its format is version {}, this program reads {OLD} and {VERSION}", head.version));
        }
        let engine = Restoring::new(setup(&head.config)?, head.engine, head.now);
        self.half = Some(Box::new(Half { engine, adopted: BTreeMap::new(), head }));
        Ok(())
    }

    fn take(&mut self, key: &[u8], text: &[u8]) -> Result<(), String> {
        let half = self.half.as_mut().ok_or("a part came before the head")?;
        let Some(name) = key.strip_prefix(&[ADOPTED]) else {
            return half.engine.take(key, text).map_err(|error| error.to_string());
        };
        let name = std::str::from_utf8(name).map_err(|error| error.to_string())?.to_owned();
        let adopted = serde_json::from_slice(text).map_err(|error| format!("the adopted alert {name}: {error}"))?;
        half.adopted.insert(name, adopted);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Half { engine, adopted, head } = *self.half.take().ok_or("the head is missing")?;
        *self.engine.write() = engine.end().map_err(|error| error.to_string())?;
        self.rollouts = Rollouts { on: head.on, adopted: adopted.into_iter().collect() };
        (self.config, self.now, self.on_the_way) = (head.config, head.now, head.on_the_way);
        Ok(())
    }
}

fn sink(out: &mut PartWriter) -> impl FnMut(&[u8], Option<&[u8]>) -> bool {
    move |key: &[u8], text: Option<&[u8]>| {
        match text {
            Some(text) => out.put(key, text),
            None => out.gone(key),
        }
        !out.is_full()
    }
}
