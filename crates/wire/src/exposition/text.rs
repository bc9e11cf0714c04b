use std::borrow::Cow;

use super::cursor::Cursor;
use super::float::parse_float;
use super::quoted::{Labels, Name, unescaped};
use super::{Format, TextError};
use crate::metric::MetricType;

/// The bits that every NaN of a text has: Prometheus' own, which is no stale marker.
pub const NORMAL_NAN: u64 = 0x7ff8_0000_0000_0001;

/// A line of the text, or what belongs together.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// What a metric says.
    Help(Name<'a>, Cow<'a, str>),
    /// What a metric is.
    Type(Name<'a>, MetricType),
    /// A metric's unit; OpenMetrics only.
    Unit(Name<'a>, &'a str),
    /// Any other comment; Prometheus' format only.
    Comment(&'a str),
    /// A value.
    Sample(Sample<'a>),
}

/// A value of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// Name and labels as they are written: a series that is written alike each time can be found by it unread.
    pub series: &'a str,
    /// The metric's name.
    pub name: Name<'a>,
    /// The labels.
    pub labels: Labels<'a>,
    /// The bits of the value.
    pub value: u64,
    /// The time, milliseconds since the epoch, if it is given.
    pub time_ms: Option<i64>,
    /// An exemplar; OpenMetrics only.
    pub exemplar: Option<Exemplar<'a>>,
    /// Whether this is the `_created` of a counter, histogram or summary: the value is when counting began,
    /// seconds since the epoch. OpenMetrics only.
    pub created: bool,
}

/// One of the observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar<'a> {
    /// Its labels.
    pub labels: Labels<'a>,
    /// The bits of its value.
    pub value: u64,
    /// The time, milliseconds since the epoch, if it is given.
    pub time_ms: Option<i64>,
}

/// Reads a text entry by entry; an error is the last.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    at: Cursor<'a>,
    open_metrics: bool,
    done: bool,
    /// What the last `# TYPE` said.
    family: Option<(Name<'a>, MetricType)>,
}

impl<'a> Text<'a> {
    /// Reads `body`. Protobuf is no text: it is read as Prometheus' format, and fails.
    ///
    /// # Errors
    /// Bytes that are not UTF-8.
    pub fn new(body: &'a [u8], format: Format) -> Result<Self, TextError> {
        let open_metrics = format == Format::OpenMetrics;
        Ok(Self { at: Cursor::new(body)?, open_metrics, done: false, family: None })
    }

    /// Between tokens: any blanks in Prometheus' format, none in OpenMetrics.
    #[inline]
    fn blanks(&mut self) {
        if !self.open_metrics {
            self.at.take_while(|byte| byte == b' ' || byte == b'\t');
        }
    }

    /// What must be between tokens: any blanks, or the one space of OpenMetrics.
    #[inline]
    fn gap(&mut self) -> bool {
        if self.open_metrics {
            return self.at.eat(" ");
        }
        !self.at.take_while(|byte| byte == b' ' || byte == b'\t').is_empty()
    }

    fn entry(&mut self) -> Result<Option<Entry<'a>>, TextError> {
        loop {
            self.blanks();
            match self.at.peek() {
                None if self.open_metrics => return self.at.error("the text does not end with `# EOF`"),
                None => return Ok(None),
                Some(b'\n') if !self.open_metrics => self.at.step(),
                Some(b'#') => return self.comment(),
                Some(_) => return self.sample().map(Entry::Sample).map(Some),
            }
        }
    }

    fn comment(&mut self) -> Result<Option<Entry<'a>>, TextError> {
        let start = self.at;
        self.at.step();
        let gap = self.gap();
        if self.open_metrics && gap && self.at.eat("EOF") {
            self.at.eat("\n");
            return if self.at.rest().is_empty() { Ok(None) } else { self.at.error("text behind `# EOF`") };
        }
        let keywords: &[&str] = if self.open_metrics { &["HELP", "TYPE", "UNIT"] } else { &["HELP", "TYPE"] };
        for keyword in keywords {
            let mut after = self.clone();
            if gap && after.at.eat(keyword) && after.gap() {
                *self = after;
                return self.metadata(keyword).map(Some);
            }
        }
        if self.open_metrics {
            self.at = start;
            return self.at.instead("HELP, TYPE, UNIT or EOF");
        }
        Ok(Some(Entry::Comment(self.at.take_line())))
    }

    fn metadata(&mut self, keyword: &str) -> Result<Entry<'a>, TextError> {
        let name = match self.at.peek() {
            Some(b'"') => self.at.take_quoted(),
            _ => Some(self.at.take_while(is_name_byte)).filter(|name| starts_name(name)),
        };
        let Some(name) = name.map(Name) else { return self.at.instead("a metric's name") };
        let here = self.at;
        if !self.gap() && (self.open_metrics || !matches!(self.at.peek(), None | Some(b'\n'))) {
            return self.at.instead("a blank");
        }
        let text = self.at.take_line();
        match keyword {
            "HELP" => Ok(Entry::Help(name, unescaped(text, self.open_metrics))),
            "UNIT" => match fits_unit(&name.get(), text) {
                true => Ok(Entry::Unit(name, text)),
                false => here.error(format!("the name does not end with `_` and its unit `{}`", bounded(text))),
            },
            _ => {
                let untyped = text == "untyped";
                let known = MetricType::of(text).filter(|found| match found {
                    MetricType::Unknown => untyped != self.open_metrics,
                    MetricType::Info | MetricType::StateSet | MetricType::GaugeHistogram => self.open_metrics,
                    _ => true,
                });
                let Some(found) = known else { return here.error(format!("`{}` is no type", bounded(text))) };
                self.family = Some((name, found));
                Ok(Entry::Type(name, found))
            }
        }
    }

    fn sample(&mut self) -> Result<Sample<'a>, TextError> {
        let start = self.at;
        let mut name = Some(self.at.take_while(is_name_byte)).filter(|name| !name.is_empty());
        if name.is_some_and(|name| !starts_name(name)) {
            return start.instead("a metric's name");
        }
        let mut series = self.at;
        self.blanks();
        let mut labels = Labels { text: "", number: self.number() };
        if self.at.eat("{") {
            labels.text = self.labels(&mut name)?;
            series = self.at;
        }
        let Some(name) = name.map(Name) else { return start.instead("a metric's name") };
        let value = self.value()?;
        let time_ms = self.time()?;
        let exemplar = if self.open_metrics { self.exemplar()? } else { None };
        self.blanks();
        match self.at.peek() {
            Some(b'\n') => self.at.step(),
            None if !self.open_metrics => {}
            None => return self.at.error("the text does not end with `# EOF`"),
            Some(_) => return self.at.instead("the end of the line"),
        }
        let created = self.open_metrics && self.is_created(name);
        Ok(Sample { series: series.since(&start), name, labels, value, time_ms, exemplar, created })
    }

    /// The label whose value is a number, by the last `# TYPE`.
    fn number(&self) -> Option<&'static str> {
        match self.family?.1 {
            MetricType::Histogram => Some("le"),
            MetricType::Summary => Some("quantile"),
            _ => None,
        }
    }

    fn is_created(&self, name: Name<'_>) -> bool {
        let counts =
            |kind: MetricType| matches!(kind, MetricType::Counter | MetricType::Histogram | MetricType::Summary);
        let Some((family, _)) = self.family.filter(|(_, kind)| counts(*kind)) else { return false };
        name.get().strip_suffix("_created") == Some(&*family.get())
    }

    /// Goes over the labels behind `{` and gives their text. A string alone in them is the metric's name.
    fn labels(&mut self, name: &mut Option<&'a str>) -> Result<&'a str, TextError> {
        let start = self.at;
        loop {
            self.blanks();
            let before = self.at;
            if self.at.eat("}") {
                return Ok(before.since(&start));
            }
            let quoted = self.at.peek() == Some(b'"');
            let label = match quoted {
                true => self.at.take_quoted(),
                false => {
                    Some(self.at.take_while(|byte| is_name_byte(byte) && byte != b':')).filter(|name| starts_name(name))
                }
            };
            let Some(label) = label else { return self.at.instead("a label's name") };
            self.blanks();
            let valued = self.at.eat("=");
            if valued {
                self.label_value()?;
            } else if !quoted {
                return self.at.instead("`=`");
            } else if name.replace(label).is_some() {
                return before.error("the metric has two names");
            }
            self.blanks();
            // Prometheus reads its own format without commas between labels too.
            if !self.at.eat(",") && self.at.peek() != Some(b'}') && (self.open_metrics || !valued) {
                return self.at.instead("`,` or `}`");
            }
        }
    }

    fn label_value(&mut self) -> Result<(), TextError> {
        self.blanks();
        let before = self.at;
        let quoted = (self.at.peek() == Some(b'"')).then(|| self.at.take_quoted()).flatten();
        match quoted {
            Some(value) if self.open_metrics && value.contains('\n') => before.error("a line ends in a label's value"),
            Some(_) => Ok(()),
            None => before.instead("a label's value in quotes"),
        }
    }

    fn value(&mut self) -> Result<u64, TextError> {
        if self.open_metrics && !self.at.eat(" ") {
            return self.at.instead("a space and a value");
        }
        self.blanks();
        let before = self.at;
        let text = self.at.take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n'));
        match parse_float(text) {
            Some(value) if value.is_nan() => Ok(NORMAL_NAN),
            Some(value) => Ok(value.to_bits()),
            None => before.instead("a value"),
        }
    }

    fn time(&mut self) -> Result<Option<i64>, TextError> {
        let before = self.at;
        if !self.gap() || matches!(self.at.peek(), None | Some(b'\n' | b'#')) {
            self.at = before;
            return Ok(None);
        }
        let text = self.at.take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n'));
        let found = if self.open_metrics {
            // As Prometheus has it: what is below a millisecond is cut off.
            parse_float(text).filter(|seconds| seconds.is_finite()).map(|seconds| (seconds * 1000.0) as i64)
        } else {
            text.parse().ok().filter(|_| !text.starts_with('+'))
        };
        match found {
            Some(time) => Ok(Some(time)),
            None => before.instead("a timestamp"),
        }
    }

    fn exemplar(&mut self) -> Result<Option<Exemplar<'a>>, TextError> {
        if !self.at.eat(" # {") {
            return Ok(None);
        }
        let (before, mut name) = (self.at, None);
        let labels = Labels { text: self.labels(&mut name)?, number: None };
        if name.is_some() {
            return before.error("an exemplar has no name");
        }
        let value = self.value()?;
        let time_ms = self.time()?;
        Ok(Some(Exemplar { labels, value, time_ms }))
    }
}

impl<'a> Iterator for Text<'a> {
    type Item = Result<Entry<'a>, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.entry();
        if !matches!(entry, Ok(Some(_))) {
            self.done = true;
            self.at.end();
        }
        entry.transpose()
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

fn starts_name(name: &str) -> bool {
    name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

fn fits_unit(name: &str, unit: &str) -> bool {
    unit.is_empty() || name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'))
}

fn bounded(text: &str) -> String {
    text.chars().take(32).collect()
}
