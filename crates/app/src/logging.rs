//! Logs that are fetched or listened for: syslog, files, the journal.

use base::{Clock, Rng};
use collectors::host::Place;
use collectors::syslog::Syslog;
use collectors::{logs, syslog};
use ingest::Ingest;

use crate::stage::Stage;
use crate::{AppError, Config};

/// Ports that are open, and what takes what comes.
pub(crate) struct Logging(Option<(Ingest, Syslog)>);

impl Logging {
    /// Opens the ports, if this process takes telemetry.
    pub(crate) async fn bind(config: &Config, ingest: Option<&Ingest>) -> Result<Self, AppError> {
        let Some(ingest) = ingest else { return Ok(Self(None)) };
        let syslog = Syslog::bind(&config.syslog).await.map_err(|error| AppError::part("syslog", error))?;
        for address in syslog.addresses().map_err(|error| AppError::part("syslog", error))? {
            tracing::info!(%address, "Listening for syslog on");
        }
        Ok(Self(Some((ingest.clone(), syslog))))
    }

    /// Takes what comes, and reads files and the journal.
    pub(crate) fn start(self, config: &Config, clock: &Clock, rng: &Rng, stage: &Stage) -> Result<(), AppError> {
        let Some((ingest, ports)) = self.0 else { return Ok(()) };
        let (clock, rng) = (clock.clone(), rng.clone());
        let (tasks, shutdown) = (stage.tasks.clone(), stage.shutdown.clone());
        let host = Place::new(config.host.name.as_deref(), None).host().to_owned();
        let folder = config.data_dir.join("positions");
        let of_port = syslog::Parts { ingest, clock, rng, tasks, shutdown };
        ports.start(&of_port);
        let syslog::Parts { ingest, clock, rng, tasks, shutdown } = of_port;
        let parts = logs::Parts { ingest, clock, rng, host, folder, tasks, shutdown };
        logs::start(&config.logs, &parts).map_err(|error| AppError::part("logs", error))
    }
}
