//! What others send becomes rows on the telemetry log.
//!
//! A request is read from its bytes straight into columns: a series that was seen before is found
//! by a hash of its labels as they came, and costs no allocation. Everything that is acknowledged is
//! durable; what breaks a rule is refused by name, and the rest of the request is taken.

mod bulk;
mod catalog;
mod config;
mod error;
mod gate;
mod grows;
mod histograms;
mod known;
mod logs;
mod loki;
mod maps;
mod members;
mod messages;
mod otlp;
mod parts;
mod records;
mod remote_write;
mod request;
mod rows;
mod scratch;
mod targets;
mod weight;
mod zeros;

use std::sync::Arc;

use base::Clock;
use bus::Log;
use store::Store;

pub use config::IngestConfig;
pub use error::{IngestError, Refusals};
pub use gate::Permit;
pub use known::{KnownBatch, KnownExemplar, KnownMetadata, KnownPoint, KnownSeries, KnownValue};
pub use messages::{Content, Message, MessagesTaken, Origin};
pub use records::{LogBatch, LogEntry, Logs};
pub use request::Taken;

use self::catalog::Catalog;
use self::gate::Gate;
use self::grows::Grows;
use self::logs::Shapes;
use self::parts::Parts;
use self::targets::Targets;
use self::zeros::Zeros;

/// Takes telemetry in. Clones share the series that they know.
#[derive(Clone)]
pub struct Ingest(Arc<Inner>);

struct Inner {
    config: IngestConfig,
    log: Arc<dyn Log>,
    store: Store,
    clock: Clock,
    catalog: Catalog,
    gate: Gate,
    grows: Grows,
    parts: Parts,
    zeros: Zeros,
    targets: Targets,
    shapes: Shapes,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Ingest {
    /// Appends to `log`, the telemetry log, which `store` reads.
    pub fn new(config: IngestConfig, log: Arc<dyn Log>, store: Store, clock: Clock) -> Self {
        let catalog = Catalog::new(config.max_series, store.series_idle());
        let gate = Gate::new(config.max_in_flight_bytes);
        let (grows, parts, shapes) = (Grows::default(), Parts::default(), Shapes::default());
        let zeros = Zeros::new(clock.now(), store.series_idle());
        let targets = Targets::new(store.series_idle());
        Self(Arc::new(Inner { config, log, store, clock, catalog, gate, grows, parts, zeros, targets, shapes }))
    }

    /// The settings.
    pub fn config(&self) -> &IngestConfig {
        &self.0.config
    }
}
