use std::collections::HashMap;

use wire::exposition::{Entry, Exemplar, Format, Sample as Line, Text};
use wire::metric::MetricType;

use super::{ReadError, Said, Sample, Sent, Taker, Value, Wanted, labels_of};

/// What a metric of a family is told from others by: its labels, without bounds and quantiles.
type Place = Vec<(String, String)>;

/// Prometheus' text format and OpenMetrics.
pub(super) fn read<'a>(
    body: &'a [u8],
    format: Format,
    wanted: Wanted,
    taker: &mut impl Taker<'a>,
) -> Result<(), ReadError> {
    let mut text = Text::new(body, format)?;
    let mut began = HashMap::new();
    while let Some(entry) = text.next() {
        match entry? {
            Entry::Help(name, help) => taker.said(&name.get(), Said::Help(&help)),
            Entry::Type(name, kind) => {
                taker.said(&name.get(), Said::Kind(kind.name()));
                // It is said behind the samples that it is about.
                let counts = matches!(kind, MetricType::Counter | MetricType::Histogram | MetricType::Summary);
                began = if wanted.created && counts { all_began(text.clone()) } else { HashMap::new() };
            }
            Entry::Unit(name, unit) => taker.said(&name.get(), Said::Unit(unit)),
            Entry::Comment(_) => {}
            Entry::Sample(line) if wanted.created && line.created => {}
            Entry::Sample(line) => sample(&line, &began, taker).map_err(ReadError::Refused)?,
        }
    }
    Ok(())
}

fn sample<'a>(line: &Line<'a>, began: &HashMap<Place, i64>, taker: &mut impl Taker<'a>) -> Result<(), String> {
    let labels = || {
        let pairs = line.labels.iter().map(|(name, value)| (name, value.into_owned()));
        labels_of(&line.name.get(), pairs)
    };
    // A quantile does not count.
    let counts = !began.is_empty() && line.labels.iter().all(|(name, _)| name != "quantile");
    let start_ms = if counts { began.get(&place(line)).copied().unwrap_or(0) } else { 0 };
    taker.sample(Sample {
        key: line.series,
        labels: &labels,
        value: Value::Float(line.value),
        time_ms: line.time_ms,
        start_ms,
        exemplars: line.exemplar.iter().filter_map(exemplar).collect(),
    })
}

/// When counting began of the metrics of a family, of which this is the rest; milliseconds since the epoch.
fn all_began(rest: Text<'_>) -> HashMap<Place, i64> {
    let mut began = HashMap::new();
    for entry in rest {
        match entry {
            Ok(Entry::Sample(line)) if line.created => {
                // As times are read: what is below a millisecond is cut off.
                began.insert(place(&line), (f64::from_bits(line.value) * 1_000.0) as i64);
            }
            Ok(Entry::Type(..)) | Err(_) => break,
            Ok(_) => {}
        }
    }
    began
}

fn place(line: &Line<'_>) -> Place {
    let pairs = line.labels.iter().filter(|(name, _)| name != "le" && name != "quantile");
    let mut place: Place = pairs.map(|(name, value)| (name.into(), value.into_owned())).collect();
    place.sort_unstable();
    place
}

/// An exemplar, unless a label of it is there twice.
fn exemplar(sent: &Exemplar<'_>) -> Option<Sent> {
    let pairs = sent.labels.iter().map(|(name, value)| (name, value.into_owned()));
    Some(Sent { labels: labels_of("", pairs).ok()?, value: sent.value, time_ms: sent.time_ms })
}
