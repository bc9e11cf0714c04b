use model::rows::Exemplar as Row;
use model::{Labels, SeriesId};
use wire::names::{SPAN_ID, TRACE_ID};
use wire::otlp::KeyValue;
use wire::otlp::metrics::{Exemplar, Value};
use wire::pb::{Error, Repeated};

use super::labels::text;
use crate::IngestError;
use crate::histograms::time;
use crate::logs::id_text;
use crate::request::Request;

/// Characters of an exemplar's labels, names and values: OpenMetrics allows no more.
const CHARACTERS: usize = 128;

impl Request<'_> {
    /// Takes the exemplars of a point of the time `of_point`, each at the series that `series` names for its value. One that
    /// has no value says nothing.
    pub(super) fn exemplars<'w>(
        &mut self,
        sent: &Repeated<'w, Exemplar<'w>>,
        of_point: u64,
        series: impl Fn(f64) -> Option<SeriesId>,
    ) -> Result<(), IngestError> {
        for exemplar in sent.iter() {
            let exemplar = exemplar?;
            let value = match exemplar.value() {
                Some(Value::Double(value)) => value,
                Some(Value::Int(value)) => value as f64,
                None => continue,
            };
            let Some(series_id) = series(value) else { continue };
            let nanos = if exemplar.time_unix_nano == 0 { of_point } else { exemplar.time_unix_nano };
            self.take_exemplar(Row { series_id, ts: time(nanos), value, labels: labels(&exemplar)? })?;
        }
        Ok(())
    }
}

/// The trace and the span; the attributes too if all of them fit, as Prometheus has it.
fn labels(exemplar: &Exemplar<'_>) -> Result<Labels, Error> {
    let ids = [(TRACE_ID, exemplar.trace_id), (SPAN_ID, exemplar.span_id)];
    let of_trace = ids.into_iter().filter_map(|(name, id)| Some((name.to_owned(), id_text(id)?)));
    let of_trace: Labels = of_trace.collect();
    let mut all = of_trace.clone();
    for attribute in exemplar.filtered_attributes {
        let KeyValue { key, value } = attribute?;
        all.insert(key.to_owned(), text(value)?.into_owned());
    }
    let characters: usize = all.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    Ok(if characters <= CHARACTERS { all } else { of_trace })
}
