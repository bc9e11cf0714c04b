//! What is said of a canary, as series that others ask for.

use base::Timestamp;
use canary::Definition;
use model::rows::{Sample, Series};

use crate::context::Context;
use crate::memory::Memory;
use crate::samples::Samples;

/// Appends the verdict (1 pass, -1 fail, 0 open) and the score at a time; whether they are on the log.
pub(super) async fn append(
    cx: &Context,
    memory: &mut Memory,
    definition: &Definition,
    [verdict, score]: [f64; 2],
    time: Timestamp,
) -> bool {
    let mut samples = Samples::default();
    for (metric, value) in [("canary_verdict", verdict), ("canary_score", score)] {
        let labels = definition.labels();
        let series_id = Series::id(metric, &labels);
        if matches!(memory.announce(series_id, cx.clock.monotonic()), Ok(true)) {
            samples.series.push(Series { time, series_id, metric: metric.to_owned(), labels });
        }
        samples.samples.push(Sample { series_id, ts: time, value });
    }
    let appended = match samples.batches(&definition.scope) {
        Ok(batches) => cx.append_telemetry(batches).await.map(drop).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = &appended {
        memory.forget(&samples.series);
        tracing::warn!(canary = definition.name, error, "the verdict of a canary could not be written as a series");
    }
    appended.is_ok()
}
