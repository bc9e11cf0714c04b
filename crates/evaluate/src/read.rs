use std::collections::BTreeMap;

use model::rows;
use rules::book::Evaluation;
use rules::{Answers, wire};

/// A row as a book takes it; what cannot be read in it becomes the error of the evaluation.
pub fn read(row: rows::Evaluation) -> Evaluation {
    let unreadable =
        |what: &str, error: &dyn std::fmt::Display| format!("{what} of the evaluation cannot be read: {error}");
    let mut result = match row.error {
        Some(error) => Err(error),
        None if row.vector.is_empty() => Ok(Vec::new()),
        None => wire::decode(&row.vector).map_err(|error| unreadable("the results", &error)),
    };
    let queries = row.queries.map_or_else(|| Ok(Answers::default()), |text| wire::decode_answers(&text));
    let queries = queries.unwrap_or_else(|error| {
        result = Err(unreadable("what templates asked", &error));
        Answers::default()
    });
    let inputs = row.inputs.map_or_else(|| Ok(BTreeMap::new()), |text| serde_json::from_str(&text));
    let inputs = inputs.unwrap_or_else(|error| {
        result = Err(unreadable("what selectors found", &error));
        BTreeMap::new()
    });
    Evaluation {
        file: row.file,
        group: row.rule_group,
        // A place that is none is no rule's.
        rule: usize::try_from(row.rule).unwrap_or(usize::MAX),
        generation: row.generation,
        t: row.time.millis(),
        took: if row.took_seconds.is_finite() { row.took_seconds } else { 0.0 },
        result,
        inputs,
        queries,
    }
}
