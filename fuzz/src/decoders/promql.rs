//! PromQL: an expression that is printed reads as the same; mistakes have a place.

use promql::parser::{parse_selector, parse_series_labels};
use promql::script::parse_series;
use promql::{ParseError, parse};

use crate::{input, seeds};

/// The case files of the language.
pub const CASES: [&str; 7] = [
    "promql/tests/cases/aggregations.test",
    "promql/tests/cases/functions.test",
    "promql/tests/cases/histograms.test",
    "promql/tests/cases/notes.test",
    "promql/tests/cases/operators.test",
    "promql/tests/cases/rates.test",
    "promql/tests/cases/selectors.test",
];

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::queries(&CASES);
    seeds.extend([
        seeds::growing("", "(", ""),
        seeds::growing("", "1+", "1"),
        seeds::growing("", "-", "1"),
        seeds::growing("", "sum(", ""),
        seeds::growing("{", "a=\"b\",", "}"),
        seeds::growing("a", "[1m:]", ""),
        seeds::growing("sum by (", "a,", "b) (c)"),
        seeds::growing("{a=~\"", "a|", "b\"}"),
        seeds::growing("", "#\n", "1"),
    ]);
    seeds
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    match parse(&text) {
        Ok(expr) => {
            let printed = expr.to_string();
            let again = parse(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
            assert_eq!(again.to_string(), printed);
            assert_eq!(again.value_type(), expr.value_type());
        }
        Err(error) => told(&text, &error),
    }
    if let Err(error) = parse_selector(&text) {
        told(&text, &error);
    }
    if let Ok((labels, rest)) = parse_series_labels(&text) {
        assert!(text.ends_with(rest));
        let printed = labels.to_string();
        let (again, _) = parse_series_labels(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
        assert_eq!(again, labels, "{printed}");
    }
    let _ = parse_series(&text);
}

fn told(text: &str, error: &ParseError) {
    input::assert_place(text, error.line, error.column);
    assert!(error.span.start <= error.span.end && error.span.end <= text.len() && !error.message.is_empty(), "{error}");
}
