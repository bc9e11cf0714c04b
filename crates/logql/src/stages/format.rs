//! Stages that rewrite lines and labels.

use std::sync::OnceLock;

use regex::Regex;

use super::work::{Category, ERROR, ERROR_DETAILS, Work};
use crate::ast::Chosen;
use crate::template::Template;

const TEMPLATE_ERROR: &str = "TemplateFormatErr";

/// How a label is made anew.
#[derive(Clone, Debug)]
pub(super) enum Format {
    Rename(String),
    Template(Template),
}

/// The line that a template makes.
pub(super) fn line(template: &Template, ts: i64, now: i64, line: &str, work: &mut Work) -> Option<String> {
    let data = Template::data(work);
    match template.run(&data, line, ts, now, &mut work.steps) {
        Ok(text) => Some(text),
        Err(error) => {
            work.fail(TEMPLATE_ERROR, &error);
            None
        }
    }
}

/// Labels that are made anew, one after the other. All templates see the labels as they were before the
/// first of them.
pub(super) fn labels(formats: &[(String, Format)], ts: i64, now: i64, line: &str, work: &mut Work) {
    let mut data = None;
    for (name, format) in formats {
        match format {
            Format::Rename(other) => rename(work, name, other),
            Format::Template(template) => {
                let data = data.get_or_insert_with(|| Template::data(work));
                let text = template.run(data, line, ts, now, &mut work.steps);
                if let Err(error) = text.and_then(|text| work.give(Category::Parsed, name, &text)) {
                    work.fail(TEMPLATE_ERROR, &error);
                }
            }
        }
    }
}

fn rename(work: &mut Work, name: &str, other: &str) {
    if let Some((category, value)) = work.find(other) {
        let value = value.to_owned();
        if let Err(error) = work.give(category, name, &value) {
            return work.fail(TEMPLATE_ERROR, &error);
        }
        work.remove(other);
    }
}

pub(super) fn drop(chosen: &[Chosen], work: &mut Work) {
    for chosen in chosen {
        let name = match chosen {
            Chosen::Name(name) => name.as_str(),
            Chosen::Matcher(matcher) if matcher.matches(work.get(&matcher.name).unwrap_or_default()) => &matcher.name,
            Chosen::Matcher(_) => continue,
        };
        match name {
            ERROR => work.clear_error(),
            ERROR_DETAILS => work.clear_details(),
            name => work.remove(name),
        }
    }
}

pub(super) fn keep(chosen: &[Chosen], work: &mut Work) {
    let mut gone = Vec::new();
    work.each(|_, name, value| {
        let kept = chosen.iter().any(|chosen| match chosen {
            Chosen::Name(wanted) => wanted == name,
            Chosen::Matcher(matcher) => *matcher.name == *name && matcher.matches(value),
        });
        if !kept && name != ERROR && name != ERROR_DETAILS {
            gone.push(name.to_owned());
        }
    });
    gone.iter().for_each(|name| work.remove(name));
}

/// A line without the sequences that colour a terminal.
pub(super) fn decolorize(line: &str) -> Option<String> {
    static SEQUENCE: OnceLock<Option<Regex>> = OnceLock::new();
    if !line.contains(['\u{1b}', '\u{9b}']) {
        return None;
    }
    // Control sequences end with a letter, those of the operating system with a bell.
    let sequence = SEQUENCE.get_or_init(|| {
        let control = r"[\x{1b}\x{9b}][\[\]()#;?]*(?:(?:[a-zA-Z0-9]*(?:;[a-zA-Z0-9]*)*)?\x{07}";
        Regex::new(&format!(r"{control}|(?:[0-9]{{1,4}}(?:;[0-9]{{0,4}})*)?[0-9A-PRZcf-nqry=><~])")).ok()
    });
    sequence.as_ref().map(|sequence| sequence.replace_all(line, "").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go() {
        assert_eq!(decolorize("\u{1b}[31;1merror\u{1b}[0m: x").as_deref(), Some("error: x"));
        assert_eq!(decolorize("plain"), None);
    }
}
