use std::sync::Arc;

use base::Clock;
use bus::{Embedded, Log};
use bus_kafka::KafkaLog;
use model::LogKind;
use server::Health;

use crate::watch::Watched;
use crate::{AppError, Config};

/// The two logs, of one kind.
pub(crate) struct Logs {
    pub state: Arc<dyn Log>,
    pub telemetry: Arc<dyn Log>,
    embedded: Vec<Arc<Embedded>>,
}

impl Logs {
    pub(crate) async fn open(config: &Config, clock: &Clock, health: &Health) -> Result<Self, AppError> {
        let watched = |log: Arc<dyn Log>, kind: LogKind| -> Arc<dyn Log> {
            Arc::new(Watched::new(log, health, &format!("log {}", kind.as_str())))
        };
        match &config.log.kafka {
            Some(kafka) => {
                let open = async |kind: LogKind| KafkaLog::open(kafka.clone(), kind, clock.clone()).await;
                let (state, telemetry) = (open(LogKind::State).await?, open(LogKind::Telemetry).await?);
                let (state, telemetry) = (Arc::new(state), Arc::new(telemetry));
                Ok(Self {
                    state: watched(state, LogKind::State),
                    telemetry: watched(telemetry, LogKind::Telemetry),
                    embedded: Vec::new(),
                })
            }
            None => {
                let (state, telemetry) =
                    (files(config, LogKind::State, clock)?, files(config, LogKind::Telemetry, clock)?);
                let embedded = vec![Arc::clone(&state), Arc::clone(&telemetry)];
                Ok(Self {
                    state: watched(state, LogKind::State),
                    telemetry: watched(telemetry, LogKind::Telemetry),
                    embedded,
                })
            }
        }
    }

    pub(crate) fn both(&self) -> Vec<(LogKind, Arc<dyn Log>)> {
        vec![(LogKind::State, Arc::clone(&self.state)), (LogKind::Telemetry, Arc::clone(&self.telemetry))]
    }

    /// Writes what waits.
    pub(crate) async fn close(&self) {
        for log in &self.embedded {
            log.close().await;
        }
    }
}

fn files(config: &Config, kind: LogKind, clock: &Clock) -> Result<Arc<Embedded>, AppError> {
    Ok(Arc::new(Embedded::open(config.log.in_files(&config.data_dir, kind), clock.clone())?))
}
