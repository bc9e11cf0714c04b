use wire::exposition::{Entry, Exemplar, Format, Text};

use super::{ReadError, Said, Sample, Sent, Taker, Value, labels_of};

/// Prometheus' text format and OpenMetrics.
pub(super) fn read<'a>(body: &'a [u8], format: Format, taker: &mut impl Taker<'a>) -> Result<(), ReadError> {
    for entry in Text::new(body, format)? {
        match entry? {
            Entry::Help(name, help) => taker.said(&name.get(), Said::Help(&help)),
            Entry::Type(name, kind) => taker.said(&name.get(), Said::Kind(kind.name())),
            Entry::Unit(name, unit) => taker.said(&name.get(), Said::Unit(unit)),
            Entry::Comment(_) => {}
            Entry::Sample(sample) => {
                let labels = || {
                    let pairs = sample.labels.iter().map(|(name, value)| (name, value.into_owned()));
                    labels_of(&sample.name.get(), pairs)
                };
                let exemplars = sample.exemplar.iter().filter_map(exemplar).collect();
                let taken = taker.sample(Sample {
                    key: sample.series,
                    labels: &labels,
                    value: Value::Float(sample.value),
                    time_ms: sample.time_ms,
                    exemplars,
                });
                taken.map_err(ReadError::Refused)?;
            }
        }
    }
    Ok(())
}

/// An exemplar, unless a label of it is there twice.
fn exemplar(sent: &Exemplar<'_>) -> Option<Sent> {
    let pairs = sent.labels.iter().map(|(name, value)| (name, value.into_owned()));
    Some(Sent { labels: labels_of("", pairs).ok()?, value: sent.value, time_ms: sent.time_ms })
}
