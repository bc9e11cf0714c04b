//! Where two answers differ.

use serde_json::Value;

use super::question::{Compared, Question};

/// Of numbers in whose last digits libraries differ, or sums that were added up in another order.
const TOLERANCE: f64 = 1e-9;

/// What is computed by a library for which IEEE 754 does not say the last digit, or of series in an order of their own.
const INEXACT: [&str; 18] = [
    "^",
    "atan2",
    "sin(",
    "sinh(",
    "cos(",
    "cosh(",
    "tan(",
    "tanh(",
    "exp(",
    "ln(",
    "log",
    "histogram_quantile",
    "histogram_fraction",
    "histogram_std",
    "</",
    ">/",
    "stddev",
    "stdvar",
];

/// Remarks of each kind in an answer; which of more is by chance.
const REMARKS: usize = 10;

/// An answer: its status and its body, JSON or lines.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// Where our answer is not theirs.
pub fn difference(question: &Question, theirs: &Answer, ours: &Answer) -> Option<String> {
    let told =
        |what: &str, theirs: &Value, ours: &Value| Some(format!("{what}:\n      theirs {theirs}\n      ours   {ours}"));
    let (status, theirs, ours) = ((theirs.status, ours.status), &theirs.body, &ours.body);
    // An expression without series has no exemplars, which a Prometheus says without a body.
    if status == (204, 200) && ours["data"] == Value::Array(Vec::new()) {
        return None;
    }
    if status.0 != status.1 || theirs["status"] != ours["status"] || theirs["errorType"] != ours["errorType"] {
        return told(&format!("status {status:?}"), short(theirs), short(ours));
    }
    if told_of(&theirs["error"]) != told_of(&ours["error"]) {
        return told("error", &theirs["error"], &ours["error"]);
    }
    for remarks in ["warnings", "infos"] {
        if remarks_of(&theirs[remarks]) != remarks_of(&ours[remarks]) {
            return told(remarks, &theirs[remarks], &ours[remarks]);
        }
    }
    match question.compared {
        Compared::Whole if theirs.is_string() => (theirs != ours).then(|| told("text", theirs, ours)).flatten(),
        Compared::Whole if !question.is_cut() => unlike(&theirs["data"], &ours["data"], Close::default()),
        Compared::Value => values(question, &theirs["data"], &ours["data"]),
        Compared::Whole | Compared::Set if question.is_cut() => {
            let count = |answer: &Value| answer["data"].as_array().map(Vec::len);
            (count(theirs) != count(ours)).then(|| format!("theirs {:?}, ours {:?}", count(theirs), count(ours)))
        }
        Compared::Whole | Compared::Set => unlike(&sorted(&theirs["data"]), &sorted(&ours["data"]), Close::default()),
    }
}

/// Texts of errors of which only a part counts. Which of several duplicates are found first is by chance; what
/// is missing at the end of a query is said in other words, and so is what is no number.
const IN_PART: [&str; 7] = [
    "found duplicate series for the match group",
    "parse error: unclosed left",
    "parse error: unexpected end of input",
    "parse error: bad number or duration syntax",
    "parse error: unknown unit",
    "parse error: not a valid duration",
    "parse error: unexpected character",
];

/// An error, or which part of it counts.
fn told_of(error: &Value) -> &str {
    let text = error.as_str().unwrap_or_default();
    let part = IN_PART.into_iter().find(|part| text.contains(part));
    part.map_or(text, |part| if part.starts_with("parse error") { "parse error" } else { part })
}

/// What is said of an error, or that there is none.
fn short(answer: &Value) -> &Value {
    if answer["error"].is_null() { &answer["status"] } else { &answer["error"] }
}

/// Remarks come in any order. Over how many samples one was made is left out, since Prometheus adds up the same ones
/// each time that it puts remarks together; and which metric was the first that did not fit those before it.
fn remarks_of(told: &Value) -> Vec<String> {
    let told = told.as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut told: Vec<String> = told.map(without_count).collect();
    told.sort_unstable();
    if told.len() > REMARKS { told.into_iter().filter(|remark| remark.ends_with("omitted")).collect() } else { told }
}

fn without_count(remark: &str) -> String {
    const FIRST: &str = "a mix of histograms with exponential and custom buckets schemas";
    if let Some((before, _)) = remark.split_once(FIRST) {
        return format!("{before}{FIRST}");
    }
    let parts = remark.split_once(", over ").and_then(|(before, rest)| Some((before, rest.split_once(" samples")?.1)));
    parts.map_or_else(|| remark.to_owned(), |(before, after)| format!("{before}{after}"))
}

fn sorted(list: &Value) -> Value {
    let mut list = list.clone();
    if let Some(list) = list.as_array_mut() {
        list.sort_by_key(|of| of.get("metric").unwrap_or(of).to_string());
    }
    list
}

fn values(question: &Question, theirs: &Value, ours: &Value) -> Option<String> {
    if theirs["resultType"] != ours["resultType"] {
        return Some(format!("theirs {}, ours {}", theirs["resultType"], ours["resultType"]));
    }
    let query = question.query();
    let tolerance = if INEXACT.iter().any(|name| query.contains(name)) { TOLERANCE } else { 0.0 };
    let close = Close { tolerance, of_extremes: query.contains("max") || query.contains("min") };
    let (theirs, ours) = (&theirs["result"], &ours["result"]);
    // Only what is asked for at one time, and what is sorted last, has an order of its own.
    let is_vector = question.path.ends_with("query");
    let is_sorted = ["sort(", "sort_desc(", "sort_by_label"].iter().any(|name| query.starts_with(name));
    if !is_vector || is_sorted {
        return unlike(theirs, ours, close);
    }
    if question.is_cut() {
        let count = |list: &Value| list.as_array().map(Vec::len);
        return (count(theirs) != count(ours)).then(|| format!("theirs {:?}, ours {:?}", count(theirs), count(ours)));
    }
    unlike(&sorted(theirs), &sorted(ours), close)
}

/// How close numbers have to be.
#[derive(Clone, Copy, Default)]
struct Close {
    /// They may differ by so much of the larger.
    tolerance: f64,
    /// Which zero, with or without a sign, is the larger or the lesser depends on which of them comes first.
    of_extremes: bool,
}

impl Close {
    fn allows(self, a: f64, b: f64) -> bool {
        if a == b {
            return a == 0.0 && self.of_extremes;
        }
        (a - b).abs() <= self.tolerance * a.abs().max(b.abs()).max(1e-3)
    }
}

/// The first place at which two trees differ: numbers in texts by more than a part of them, or in how they are written.
fn unlike(theirs: &Value, ours: &Value, close: Close) -> Option<String> {
    let differ = || Some(format!("\n      theirs {}\n      ours   {}", cut(theirs), cut(ours)));
    match (theirs, ours) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| unlike(a, b, close).map(|rest| format!("[{at}]{rest}")))
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => a
            .iter()
            .zip(b.values())
            .find_map(|((name, a), b)| unlike(a, b, close).map(|rest| format!(".{name}{rest}")))
            .map(|rest| if a.contains_key("metric") { format!(" of {}{rest}", a["metric"]) } else { rest }),
        (Value::String(a), Value::String(b)) if a != b => match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) if close.allows(a, b) => None,
            _ => differ(),
        },
        _ if theirs == ours => None,
        _ => differ(),
    }
}

fn cut(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 400 { text.chars().take(400).chain("..".chars()).collect() } else { text }
}
