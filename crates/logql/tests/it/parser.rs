//! `tests/cases/*.parse`: a query, and below it `=` and how it is printed (nothing: as it was), or `!` and
//! the error.

use logql::parse;

#[test]
fn queries_are_read_and_printed_or_refused() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (name, text) in crate::cases("parse") {
        let mut query = "";
        for (line, number) in text.lines().zip(1..) {
            let (kind, rest) = line.split_at_checked(1).unwrap_or(("", ""));
            let expected = rest.strip_prefix(' ').unwrap_or(rest);
            let found = parse(&query.replace("\\n", "\n").replace("\\_", ""));
            let passed = match kind {
                "=" => found.as_ref().is_ok_and(|expr| {
                    let printed = expr.to_string();
                    let again = parse(&printed).is_ok_and(|again| again == *expr);
                    again && printed == if expected.is_empty() { query } else { expected }
                }),
                "!" => found.as_ref().is_err_and(|error| error.to_string() == expected),
                _ => {
                    query = if kind == "#" { query } else { line };
                    continue;
                }
            };
            count += 1;
            if !passed {
                let found = found.map_or_else(|error| error.to_string(), |expr| expr.to_string());
                failures.push(format!("{name}:{number}: {query}\n  expected {expected}\n  found    {found}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count} failed\n{}", failures.len(), failures.join("\n"));
    assert!(count > 100);
}
