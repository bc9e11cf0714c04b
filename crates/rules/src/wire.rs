//! What queries found as JSON, as records have it: values are texts, so that NaN and infinities are kept.

use std::collections::BTreeMap;

use promql::{Labels, Value};
use serde::{Deserialize, Serialize};

use crate::template::Answers;

type Sample = (BTreeMap<String, String>, String);

/// Why a text or a vector is refused.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The text is no such JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The value is no number.
    #[error("`{0}` is not a number")]
    Number(String),
    /// A result is a native histogram.
    #[error(
        "the result {0} is a native histogram, which rules do not take: use histogram_quantile, histogram_count or the like"
    )]
    Histogram(String),
}

/// A vector of numbers as JSON: `[[labels, value], ..]`.
///
/// # Errors
/// A value is a histogram.
pub fn encode(vector: &[(Labels, Value)]) -> Result<String, WireError> {
    let sample = |(labels, value): &(Labels, Value)| match value {
        Value::Float(value) => Ok(sample(labels, *value)),
        Value::Histogram(_) => Err(WireError::Histogram(labels.to_string())),
    };
    let samples: Vec<Sample> = vector.iter().map(sample).collect::<Result<_, _>>()?;
    Ok(serde_json::to_string(&samples)?)
}

/// What [`encode`] wrote.
///
/// # Errors
/// It is something else.
pub fn decode(text: &str) -> Result<Vec<(Labels, Value)>, WireError> {
    let samples: Vec<Sample> = serde_json::from_str(text)?;
    samples.into_iter().map(read).map(|read| read.map(|(labels, value)| (labels, Value::Float(value)))).collect()
}

fn sample(labels: &Labels, value: f64) -> Sample {
    (labels.iter().map(|label| (label.name.to_string(), label.value.to_string())).collect(), value.to_string())
}

fn read((labels, value): Sample) -> Result<(Labels, f64), WireError> {
    let number = value.parse().map_err(|_| WireError::Number(value))?;
    Ok((Labels::new(labels), number))
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Answer {
    Found(Vec<Sample>),
    Failed(String),
}

/// Answers as JSON: `{query: [[labels, value], ..] or error}`.
///
/// # Errors
/// None: there are only texts in it.
pub fn encode_answers(answers: &Answers) -> Result<String, WireError> {
    let written = answers.iter().map(|(query, answer)| {
        let answer = match answer {
            Ok(found) => Answer::Found(found.iter().map(|(labels, value)| sample(labels, *value)).collect()),
            Err(error) => Answer::Failed(error.clone()),
        };
        (query, answer)
    });
    Ok(serde_json::to_string(&written.collect::<BTreeMap<_, _>>())?)
}

/// What [`encode_answers`] wrote.
///
/// # Errors
/// It is something else.
pub fn decode_answers(text: &str) -> Result<Answers, WireError> {
    let written: BTreeMap<String, Answer> = serde_json::from_str(text)?;
    let answer = |(query, answer)| match answer {
        Answer::Found(found) => Ok((query, Ok(found.into_iter().map(read).collect::<Result<Vec<_>, _>>()?))),
        Answer::Failed(error) => Ok((query, Err(error))),
    };
    written.into_iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_also_where_it_is_no_finite_number() {
        let values = [0.1, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300];
        let vector: Vec<_> = values.map(|value| (Labels::new([("a", "b\"")]), Value::Float(value))).into();
        assert_eq!(decode(&encode(&vector).unwrap()).unwrap(), vector);
        let nan = decode(&encode(&[(Labels::empty(), Value::Float(f64::NAN))]).unwrap()).unwrap();
        assert!(nan[0].1.as_float().unwrap().is_nan());
        assert!(decode(r#"[[{}, "many"]]"#).unwrap_err().to_string().contains("many"));
    }

    #[test]
    fn answers_are_read_as_they_are_written() {
        let answers: Answers =
            [("up".to_owned(), Ok(vec![(Labels::new([("a", "b")]), 1.5)])), ("x".to_owned(), Err("no".to_owned()))]
                .into_iter()
                .collect();
        assert_eq!(decode_answers(&encode_answers(&answers).unwrap()).unwrap(), answers);
    }
}
