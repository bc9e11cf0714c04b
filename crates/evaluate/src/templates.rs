//! What templates ask is asked before they are expanded, so that the fold needs no I/O for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use promql::Labels;
use rules::book::Definition;
use rules::{Alerting, Answers, Expander, Query, Rule, RuleState};

use crate::ask::{Evaluate, Position, Vector};

/// Queries that the templates of one rule may ask at one evaluation.
const QUERIES: usize = 100;
/// How often an answer may lead to another query.
const ROUNDS: usize = 5;

type Answered = BTreeMap<String, Result<Vec<(Labels, f64)>, String>>;

/// Whether templates of a rule may ask.
pub(crate) fn ask(rule: &Rule, alerting: &Alerting) -> bool {
    rule.labels.iter().chain(&alerting.annotations).any(|(_, text)| text.contains("{{") && text.contains("query"))
}

/// What the templates of a rule ask when they are expanded for what its query found.
pub(crate) async fn answers(
    evaluate: &dyn Evaluate,
    definition: &Definition,
    (rule, alerting): (&Rule, &Alerting),
    (vector, t): (&Vector, i64),
    after: &[Position],
) -> Answers {
    let mut answered = Answered::new();
    for _ in 0..ROUNDS {
        let asked = expand(definition, rule, alerting, vector, t, &answered);
        if asked.is_empty() {
            break;
        }
        for text in asked {
            let answer = if answered.len() < QUERIES {
                answer(evaluate, &text, t, after).await
            } else {
                Err(format!("the templates of a rule may ask {QUERIES} queries at a time"))
            };
            answered.insert(text, answer);
        }
    }
    answered.into_iter().collect()
}

/// Expands all templates, for nothing but what they ask beside what is answered.
fn expand(
    definition: &Definition,
    rule: &Rule,
    alerting: &Alerting,
    vector: &Vector,
    t: i64,
    answered: &Answered,
) -> BTreeSet<String> {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let (known, misses) = (answered.clone(), Arc::clone(&asked));
    let query = move |text: &str, _: i64| {
        known.get(text).cloned().unwrap_or_else(|| {
            let mut misses = misses.lock();
            if misses.len() <= QUERIES {
                misses.insert(text.to_owned());
            }
            Ok(Vec::new())
        })
    };
    let expander = Expander { query: Arc::new(query), ..definition.expander(&Answers::default()) };
    // What is wrong with the vector is said by who takes it.
    let _ = rules::evaluate(rule, alerting, &mut RuleState::default(), t, vector, 0, &expander);
    let asked = asked.lock();
    asked.clone()
}

async fn answer(evaluate: &dyn Evaluate, text: &str, t: i64, after: &[Position]) -> Result<Vec<(Labels, f64)>, String> {
    let query = Query::promql(text.to_owned()).map_err(|error| error.to_string())?;
    let found = evaluate.instant(&query, t, after).await.map_err(|error| error.to_string())?;
    Ok(found.into_iter().map(|(labels, value)| (labels, value.as_float().unwrap_or(f64::NAN))).collect())
}
