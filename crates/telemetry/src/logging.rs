use std::io::{IsTerminal, stderr};

use base::Clock;
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::{Layer as Lines, writer::BoxMakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::outlet::{Inlet, Outlet};
use crate::sampler::PerName;
use crate::{LogFormat, TelemetryConfig, level};

/// What sends, in every span.
const SCOPE: &str = "steadfast";

/// What tells of the way out must not go there: it would have no end.
const SILENT: [&str; 2] = ["exporter", "opentelemetry"];

/// It tells of each request that fails at the level of errors, but not of which; who asked tells what is wrong. Only who names
/// it in the level sees that.
const CLIENT: &str = "kube_client";

/// Why logging or metrics cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is no filter.
    #[error("telemetry.level: `{level}`: {problem}; levels are off, error, warn, info, debug, trace")]
    Level {
        /// What was given.
        level: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The process has one already.
    #[error("{0} was started before")]
    Twice(&'static str),
}

/// Starts logging to standard error for the whole process and, where they are wanted, the ways of
/// spans and log records out of it. `resource` is what sends, as attributes of OpenTelemetry's conventions.
///
/// # Errors
/// If the level makes no sense or logging was started before.
pub fn start(
    config: &TelemetryConfig,
    clock: &Clock,
    resource: &[(&'static str, String)],
) -> Result<Option<Outlet>, TelemetryError> {
    let mut layers = vec![lines(config.format).with_filter(events(config)?).boxed()];
    let outlet = config.leaves().then(|| Outlet::new(resource));
    if let Some((inlet, _)) = &outlet {
        let outside = filter_fn(|metadata| !SILENT.iter().any(|target| metadata.target().starts_with(target)));
        layers.push(records(inlet).with_filter(events(config)?.and(outside)).boxed());
        let spans = filter(config)?.and(filter_fn(|metadata| metadata.is_span()));
        layers.push(traces(inlet, clock, config.traces_per_second).with_filter(spans).boxed());
    }
    let started = tracing_subscriber::registry().with(layers).try_init();
    started.map_err(|_| TelemetryError::Twice("logging"))?;
    Ok(outlet.map(|(_, outlet)| outlet))
}

fn filter(config: &TelemetryConfig) -> Result<EnvFilter, TelemetryError> {
    level::read(&config.level).map_err(|problem| TelemetryError::Level { level: config.level.clone(), problem })
}

/// Lines say what happened, not within what.
fn events(
    config: &TelemetryConfig,
) -> Result<impl tracing_subscriber::layer::Filter<Registry> + use<>, TelemetryError> {
    let named = config.level.contains(CLIENT);
    let told = move |target: &str| named || !target.starts_with(CLIENT);
    Ok(filter(config)?.and(filter_fn(move |metadata| metadata.is_event() && told(metadata.target()))))
}

fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync> {
    let layer = Lines::new().with_writer(BoxMakeWriter::new(stderr)).with_span_events(FmtSpan::NONE);
    match format {
        LogFormat::Text => layer.with_ansi(stderr().is_terminal()).with_target(false).boxed(),
        LogFormat::Json => layer.json().boxed(),
    }
}

fn records<S: Subscriber + for<'a> LookupSpan<'a>>(inlet: &Inlet) -> impl Layer<S> + use<S> {
    let provider = SdkLoggerProvider::builder().with_log_processor(inlet.clone()).build();
    OpenTelemetryTracingBridge::new(&provider)
}

fn traces<S>(inlet: &Inlet, clock: &Clock, per_second: f64) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let sampler = Sampler::ParentBased(Box::new(PerName::new(clock.clone(), per_second)));
    let provider = SdkTracerProvider::builder().with_span_processor(inlet.clone()).with_sampler(sampler).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(SCOPE));
    layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_level(false)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing_subscriber::layer::Context;

    use super::*;

    struct Count(Arc<AtomicUsize>);

    impl Layer<Registry> for Count {
        fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, Registry>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_a_client_says_of_each_request_is_told_only_to_who_names_it() {
        let told = |level: &str| {
            let config = TelemetryConfig { level: level.to_owned(), ..TelemetryConfig::default() };
            let count = Arc::new(AtomicUsize::new(0));
            let layer = Count(Arc::clone(&count)).with_filter(events(&config).unwrap());
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                tracing::error!(target: "kube_client::client::builder", "failed with error client error (Connect)");
                tracing::info!("a cluster is watched");
            });
            count.load(Ordering::Relaxed)
        };
        assert_eq!((told("info"), told("error"), told("info,kube_client=error")), (1, 0, 2));
    }
}
