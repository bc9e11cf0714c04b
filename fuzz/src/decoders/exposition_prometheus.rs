//! Prometheus' text format.

use wire::exposition::{Entry, Exemplar, Format, Labels, Sample, Text, TextError};

use crate::{exact, input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let cases = seeds::parts("wire/tests/bodies/exposition_prometheus.txt", "====\n");
    let mut seeds: Vec<_> = cases.iter().map(|case| before(case, "----\n")).collect();
    seeds.push(seeds::growing("a{", "b=\"c\",", "} 1\n"));
    seeds.push(seeds::growing("a{b=\"", "\\\\", "\"} 1\n"));
    seeds.push(seeds::growing("# TYPE a histogram\n", "a_bucket{le=\"1\"} 1\n", ""));
    seeds
}

/// The text of a case, whose answer follows a mark.
pub fn before(case: &[u8], mark: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(case);
    text.split(mark).next().unwrap_or_default().as_bytes().to_vec()
}

pub fn run(data: &[u8]) {
    check(&input::grown(data), Format::Prometheus);
}

/// What is read is read again, and the same, after it was written with every name in quotes.
pub fn check(data: &[u8], format: Format) {
    let entries = match read(data, format) {
        Ok(entries) => entries,
        Err(error) => {
            let lines = data.split(|byte| *byte == b'\n').count();
            assert!((1..=lines + 1).contains(&error.line) && !error.message.is_empty(), "{error}");
            return;
        }
    };
    let entries: Vec<Seen> = entries.into_iter().filter(|entry| !matches!(entry, Seen::Comment)).collect();
    let written = write(&entries, format);
    let again = read(written.as_bytes(), format).unwrap_or_else(|error| panic!("{error}:\n{written}"));
    assert!(again.len() == entries.len(), "{again:?}\n{entries:?}\n{written}");
    for (again, entry) in again.iter().zip(&entries) {
        assert!(same(again, entry), "{again:?}\n{entry:?}\n{written}");
    }
}

type Pairs = Vec<(String, String)>;

#[derive(Debug)]
enum Seen {
    Help(String, String),
    Type(String, &'static str),
    Unit(String, String),
    Comment,
    Sample {
        name: String,
        labels: Pairs,
        value: f64,
        time_ms: Option<i64>,
        exemplar: Option<(Pairs, f64)>,
        created: bool,
    },
}

fn read(data: &[u8], format: Format) -> Result<Vec<Seen>, TextError> {
    Text::new(data, format)?.map(|entry| entry.map(|entry| seen(entry, format))).collect()
}

fn seen(entry: Entry<'_>, format: Format) -> Seen {
    match entry {
        Entry::Help(name, text) => Seen::Help(name.get().into_owned(), text.into_owned()),
        Entry::Type(name, kind) => Seen::Type(name.get().into_owned(), kind.name()),
        Entry::Unit(name, unit) => Seen::Unit(name.get().into_owned(), unit.to_owned()),
        Entry::Comment(_) => Seen::Comment,
        Entry::Sample(Sample { name, labels, value, time_ms, exemplar, created, .. }) => Seen::Sample {
            name: name.get().into_owned(),
            labels: pairs(labels),
            value: f64::from_bits(value),
            // Seconds with a fraction do not all come back as the same milliseconds.
            time_ms: time_ms.filter(|_| format == Format::Prometheus),
            exemplar: exemplar.map(|Exemplar { labels, value, .. }| (pairs(labels), f64::from_bits(value))),
            created,
        },
    }
}

fn pairs(labels: Labels<'_>) -> Pairs {
    labels.iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn same(a: &Seen, b: &Seen) -> bool {
    match (a, b) {
        (Seen::Help(name, text), Seen::Help(other, also)) => name == other && text == also,
        (Seen::Type(name, kind), Seen::Type(other, also)) => name == other && kind == also,
        (Seen::Unit(name, unit), Seen::Unit(other, also)) => name == other && unit == also,
        (
            Seen::Sample { name, labels, value, time_ms, exemplar, created },
            Seen::Sample { name: n, labels: l, value: v, time_ms: t, exemplar: e, created: c },
        ) => {
            let exemplars = match (exemplar, e) {
                (Some((labels, value)), Some((l, v))) => labels == l && exact::same(*value, *v),
                (None, None) => true,
                _ => false,
            };
            (name, labels, time_ms, created) == (n, l, t, c) && exact::same(*value, *v) && exemplars
        }
        _ => false,
    }
}

fn write(entries: &[Seen], format: Format) -> String {
    let mut out = String::new();
    for entry in entries {
        match entry {
            Seen::Help(name, text) if format == Format::Prometheus => {
                let text = text.replace('\\', "\\\\").replace('\n', "\\n");
                out += &format!("# HELP {} {text}\n", quoted(name));
            }
            Seen::Help(name, text) => out += &format!("# HELP {} {}\n", quoted(name), escaped(text)),
            Seen::Type(name, kind) if format == Format::Prometheus && *kind == "unknown" => {
                out += &format!("# TYPE {} untyped\n", quoted(name));
            }
            Seen::Type(name, kind) => out += &format!("# TYPE {} {kind}\n", quoted(name)),
            Seen::Unit(name, unit) => out += &format!("# UNIT {} {unit}\n", quoted(name)),
            Seen::Comment => {}
            Seen::Sample { name, labels, value, time_ms, exemplar, .. } => {
                let name = quoted(name);
                let rest = if labels.is_empty() { String::new() } else { format!(",{}", written(labels)) };
                out += &format!("{{{name}{rest}}} {}", number(*value));
                out += &time_ms.map_or(String::new(), |time| format!(" {time}"));
                if let Some((labels, value)) = exemplar {
                    out += &format!(" # {{{}}} {}", written(labels), number(*value));
                }
                out += "\n";
            }
        }
    }
    out + if format == Format::OpenMetrics { "# EOF\n" } else { "" }
}

fn written(labels: &Pairs) -> String {
    labels.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect::<Vec<_>>().join(",")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        _ => format!("{value:e}"),
    }
}
