//! The state as JSON: `{"version", "config", "now", "engine", "rollouts"}`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::rollout::Rollouts;
use super::{RoutingFold, setup};
use alertmanager::engine::Engine;
use base::Timestamp;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    config: String,
    now: Timestamp,
    engine: Box<RawValue>,
    #[serde(default)]
    rollouts: Rollouts,
}

impl RoutingFold {
    pub(super) fn save(&self) -> Vec<u8> {
        let engine = self.engine.read().save().and_then(RawValue::from_string);
        let Ok(engine) = engine.inspect_err(|error| tracing::error!(%error, "alerts cannot be saved: a bug")) else {
            return Vec::new();
        };
        let saved = Saved {
            version: VERSION,
            config: self.config.clone(),
            now: self.now,
            engine,
            rollouts: self.rollouts.clone(),
        };
        // Strings and numbers only: it cannot fail.
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), String> {
        let saved: Saved = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if saved.version != VERSION {
            return Err(format!("its format is version {}, this program reads {VERSION}", saved.version));
        }
        let setup = setup(&saved.config)?;
        let restored = Engine::restored(setup, saved.engine.get(), saved.now).map_err(|error| error.to_string())?;
        *self.engine.write() = restored;
        (self.config, self.now, self.rollouts) = (saved.config, saved.now, saved.rollouts);
        Ok(())
    }
}
