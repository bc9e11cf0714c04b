//! LogQL: a query that is printed reads as the same; mistakes have a place.

use logql::parse;

use crate::{input, seeds};

/// The case files of the language.
pub const CASES: [&str; 3] =
    ["logql/tests/cases/metrics.test", "logql/tests/cases/pipeline.test", "logql/tests/cases/queries.parse"];

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::queries(&CASES);
    seeds.extend([
        seeds::growing("", "(", ""),
        seeds::growing("{a=\"b\"}", " |= \"c\"", ""),
        seeds::growing("{a=\"b\"} | ", "c=1 or ", "c=1"),
        seeds::growing("", "vector(1)+", "vector(1)"),
        seeds::growing("{", "a=\"b\",", "c=\"d\"}"),
        seeds::growing("{a=\"b\"} | line_format \"", "{{.x}}", "\""),
        seeds::growing("{a=\"b\"} | pattern \"", "<x> ", "\""),
        seeds::growing("{a=\"b\"} | regexp \"(?P<x>", "a|", "b)\""),
        seeds::growing("{a=\"b\"} |= \"c\"", " or \"d\"", ""),
    ]);
    seeds
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    match parse(&text) {
        Ok(expr) => {
            let printed = expr.to_string();
            // What is no finite number cannot be written.
            if printed.contains("NaN") || printed.contains("Inf") {
                return;
            }
            let again = parse(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
            assert!(again == expr, "{printed}\n{again}");
            assert_eq!(again.to_string(), printed);
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            if (error.line, error.column) != (0, 0) {
                input::assert_place(&text, error.line, error.column);
            }
        }
    }
}
