//! The stages of a pipeline, ready to run over lines.

mod filter;
mod format;
mod ip;
pub(crate) mod json;
mod json_parser;
mod line;
pub(crate) mod logfmt;
mod names;
mod pattern;
mod regexp;
mod work;

use std::borrow::Cow;

use re2::Room;

use crate::ast::{Chosen, Extraction, LabelFilter, LabelFormat, LogExpr, Logfmt, Stage};
use crate::labels::{Labels, is_label_name};
use crate::metadata::Metadata;
use crate::template::Template;

pub(crate) use filter::Condition;
pub(crate) use pattern::Pattern;
pub use work::{Category, ERROR, ERROR_DETAILS, Work};

use format::Format;
use json::{Step, parse_path};
use line::LineTest;
use regexp::RegexpParser;

/// Says that a number could not be unwrapped.
pub(crate) const SAMPLE_ERROR: &str = "SampleExtractionErr";

#[derive(Clone, Debug)]
enum Compiled {
    Line(LineTest),
    Json,
    JsonPaths(Vec<(String, Vec<Step>)>),
    Logfmt(Logfmt),
    Pattern(Pattern),
    Regexp(RegexpParser),
    Unpack,
    Label(Condition),
    LineFormat(Template),
    LabelFormat(Vec<(String, Format)>),
    Decolorize,
    Drop(Vec<Chosen>),
    Keep(Vec<Chosen>),
}

/// A pipeline, ready to run. It may be shared; each user has a [`Work`].
#[derive(Clone, Debug)]
pub struct Pipeline {
    stages: Vec<Compiled>,
    /// What `now` is in templates, in nanoseconds since the epoch.
    now: i64,
    /// No line filter needs labels, so that they may be looked at before anything else is done.
    leading_filters: usize,
}

impl Pipeline {
    /// The pipeline of an expression; `now` is the time that templates take for the present, in
    /// nanoseconds since the epoch.
    ///
    /// # Errors
    /// If a stage's text cannot be read. The parser has checked it.
    pub fn new(logs: &LogExpr, now: i64) -> Result<Self, String> {
        let mut room = Room::default();
        let stages: Vec<Compiled> =
            logs.stages.iter().map(|stage| compile(stage, &mut room)).collect::<Result<_, _>>()?;
        let leading_filters = stages.iter().take_while(|stage| matches!(stage, Compiled::Line(_))).count();
        Ok(Self { stages, now, leading_filters })
    }

    /// Whether a stage's texts can be read, with the room that is left for regular expressions.
    pub(crate) fn check(stage: &Stage, room: &mut Room) -> Result<(), String> {
        compile(stage, room).map(|_| ())
    }

    /// A place to work in.
    pub fn work(&self) -> Work {
        Work::new(None)
    }

    /// Runs over a line: none if it is not kept, else what it is then; its labels are in `work`. For a
    /// line that a filter at the beginning rejects nothing is allocated.
    pub fn run<'l>(
        &self,
        work: &mut Work,
        labels: &Labels,
        metadata: &dyn Metadata,
        ts: i64,
        line: &'l str,
    ) -> Option<Cow<'l, str>> {
        let (leading, others) = self.stages.split_at_checked(self.leading_filters)?;
        work.reset();
        let kept = |stage: &Compiled| if let Compiled::Line(test) = stage { test.keeps(line) } else { true };
        if !leading.iter().all(kept) {
            return None;
        }
        work.begin(labels);
        metadata.each(&mut |name, value| work.add_metadata(name, value));
        let mut line = Cow::Borrowed(line);
        for stage in others {
            if !self.step(stage, work, ts, &mut line) {
                return None;
            }
        }
        Some(line)
    }

    /// Runs a stage; whether the line stays.
    fn step(&self, stage: &Compiled, work: &mut Work, ts: i64, line: &mut Cow<'_, str>) -> bool {
        let replaced = match stage {
            Compiled::Line(test) => return test.keeps(line),
            Compiled::Label(condition) => return condition.keeps(work),
            Compiled::LineFormat(template) => format::line(template, ts, self.now, line, work),
            Compiled::Unpack => json_parser::unpack(line, work),
            Compiled::Decolorize => format::decolorize(line),
            stage => {
                self.set_labels(stage, work, ts, line);
                None
            }
        };
        if let Some(text) = replaced {
            *line = Cow::Owned(text);
        }
        true
    }

    fn set_labels(&self, stage: &Compiled, work: &mut Work, ts: i64, line: &str) {
        use Compiled::{Json, JsonPaths, Logfmt, Pattern, Regexp};
        // As in Loki: what is not looked at need not be readable.
        if work.has_all() && matches!(stage, Json | JsonPaths(_) | Logfmt(_) | Pattern(_) | Regexp(_)) {
            return;
        }
        let result = match stage {
            Compiled::Json => return json_parser::all(line, work),
            Compiled::JsonPaths(paths) => return json_parser::paths(line, paths, work),
            Compiled::Logfmt(options) => return logfmt::run(line, options, work),
            Compiled::LabelFormat(formats) => return format::labels(formats, ts, self.now, line, work),
            Compiled::Drop(chosen) => return format::drop(chosen, work),
            Compiled::Keep(chosen) => return format::keep(chosen, work),
            Compiled::Pattern(pattern) => pattern.run(line, work).map_err(|error| ("PatternParserErr", error)),
            Compiled::Regexp(parser) => parser.run(line, work).map_err(|error| ("RegexpParserErr", error)),
            _ => Ok(()),
        };
        if let Err((error, details)) = result {
            work.parser_fails(error, &details);
        }
    }

    /// The labels that conditions look at, and whether others may be looked at: by a template.
    pub(crate) fn needed(&self) -> (Vec<String>, bool) {
        let (mut names, mut any) = (Vec::new(), false);
        for stage in &self.stages {
            match stage {
                Compiled::Label(condition) => condition.names(&mut names),
                Compiled::LineFormat(_) | Compiled::LabelFormat(_) => any = true,
                _ => {}
            }
        }
        (names, any)
    }
}

/// Conditions behind an `unwrap`.
pub(crate) fn conditions(filters: &[LabelFilter]) -> Result<Vec<Condition>, String> {
    filters.iter().map(Condition::new).collect()
}

/// Whether a line stays, and with which error, if its label is no number.
pub(crate) fn unwrapped(
    work: &mut Work,
    label: &str,
    convert: impl Fn(&str) -> Result<f64, String>,
    filters: &[Condition],
) -> Option<f64> {
    let text = work.get(label).filter(|text| !text.is_empty())?;
    let value = convert(text);
    if let Err(error) = &value {
        work.fail(SAMPLE_ERROR, error);
    }
    filters.iter().all(|condition| condition.keeps(work)).then(|| value.unwrap_or(0.0))
}

fn compile(stage: &Stage, room: &mut Room) -> Result<Compiled, String> {
    Ok(match stage {
        Stage::Line(filter) => Compiled::Line(LineTest::new(filter, room)?),
        Stage::Json(extractions) if extractions.is_empty() => Compiled::Json,
        Stage::Json(extractions) => Compiled::JsonPaths(
            extractions
                .iter()
                .map(|Extraction { label, path }| Ok((checked(label)?, parse_path(path)?)))
                .collect::<Result<_, String>>()?,
        ),
        Stage::Logfmt(logfmt) => {
            logfmt.extractions.iter().try_for_each(|extraction| checked(&extraction.label).map(|_| ()))?;
            Compiled::Logfmt(logfmt.clone())
        }
        Stage::Pattern(pattern) => Compiled::Pattern(Pattern::parser(pattern)?),
        Stage::Regexp(regex) => Compiled::Regexp(RegexpParser::new(regex, room)?),
        Stage::Unpack => Compiled::Unpack,
        Stage::Label(filter) => Compiled::Label(Condition::new(filter)?),
        Stage::LineFormat(template) => Compiled::LineFormat(
            Template::new("line", template).map_err(|error| format!("invalid line template: {error}"))?,
        ),
        Stage::LabelFormat(formats) => Compiled::LabelFormat(label_formats(formats)?),
        Stage::Decolorize => Compiled::Decolorize,
        Stage::Drop(chosen) => Compiled::Drop(chosen.clone()),
        Stage::Keep(chosen) => Compiled::Keep(chosen.clone()),
    })
}

fn checked(label: &str) -> Result<String, String> {
    if is_label_name(label) { Ok(label.to_owned()) } else { Err(format!("invalid extracted label name '{label}'")) }
}

fn label_formats(formats: &[(String, LabelFormat)]) -> Result<Vec<(String, Format)>, String> {
    let mut out: Vec<(String, Format)> = Vec::with_capacity(formats.len());
    for (name, format) in formats {
        if name == ERROR {
            return Err(format!("{name} cannot be formatted"));
        }
        if out.iter().any(|(known, _)| known == name) {
            return Err(format!("multiple label name '{name}' not allowed in a single format operation"));
        }
        let format = match format {
            LabelFormat::Rename(other) => Format::Rename(other.clone()),
            LabelFormat::Template(text) => Format::Template(
                Template::new("label", text)
                    .map_err(|error| format!("invalid template for label '{name}': {error}"))?,
            ),
        };
        out.push((name.clone(), format));
    }
    Ok(out)
}
