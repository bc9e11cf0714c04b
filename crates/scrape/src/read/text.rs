use std::collections::HashMap;

use wire::exposition::{Entry, Exemplar, Format, Name, Sample as Line, Text};
use wire::metric::MetricType;

use super::{ReadError, Said, Sample, Sent, Taker, Value, Wanted, labels_of};

/// What a metric of a family is told from others by: its labels, without bounds and quantiles.
type Place = Vec<(String, String)>;

/// When counting began of the metrics of a family, milliseconds since the epoch.
#[derive(Default)]
struct Began<'a> {
    family: Option<Name<'a>>,
    places: HashMap<Place, i64>,
}

/// Prometheus' text format and OpenMetrics.
pub(super) fn read<'a>(
    body: &'a [u8],
    format: Format,
    wanted: Wanted,
    taker: &mut impl Taker<'a>,
) -> Result<(), ReadError> {
    let mut text = Text::new(body, format)?;
    let mut began = Began::default();
    while let Some(entry) = text.next() {
        match entry? {
            Entry::Help(name, help) => taker.said(&name.get(), Said::Help(&help)),
            Entry::Type(name, kind) => {
                taker.said(&name.get(), Said::Kind(kind.name()));
                // It is said behind the samples that it is about.
                let counts = matches!(kind, MetricType::Counter | MetricType::Histogram | MetricType::Summary);
                began = match wanted.created && counts {
                    true => Began { family: Some(name), places: all_began(text.clone()) },
                    false => Began::default(),
                };
            }
            Entry::Unit(name, unit) => taker.said(&name.get(), Said::Unit(unit)),
            Entry::Comment(_) => {}
            Entry::Sample(line) if wanted.created && line.created => {}
            Entry::Sample(line) => sample(&line, &began, taker).map_err(ReadError::Refused)?,
        }
    }
    Ok(())
}

fn sample<'a>(line: &Line<'a>, began: &Began<'_>, taker: &mut impl Taker<'a>) -> Result<(), String> {
    let labels = || {
        let pairs = line.labels.iter().map(|(name, value)| (name, value.into_owned()));
        labels_of(&line.name.get(), pairs)
    };
    taker.sample(Sample {
        key: line.series,
        labels: &labels,
        value: Value::Float(line.value),
        time_ms: line.time_ms,
        start_ms: began.of(line),
        exemplars: line.exemplar.iter().filter_map(exemplar).collect(),
    })
}

impl Began<'_> {
    /// When counting of a sample began; 0 if that is not said.
    fn of(&self, line: &Line<'_>) -> i64 {
        let Some(family) = self.family.filter(|_| !self.places.is_empty()) else { return 0 };
        // A quantile does not count, and a family without `# TYPE` may follow one that has it.
        let counts = is_of(&line.name.get(), &family.get()) && line.labels.iter().all(|(name, _)| name != "quantile");
        if counts { self.places.get(&place(line)).copied().unwrap_or(0) } else { 0 }
    }
}

/// Whether a sample of this name belongs to a family.
fn is_of(name: &str, family: &str) -> bool {
    let suffix = name.strip_prefix(family);
    suffix.is_some_and(|suffix| matches!(suffix, "" | "_total" | "_bucket" | "_count" | "_sum"))
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
