//! What several judgements say together, in Kayenta's words.

use judge::request::Thresholds;

use crate::Judgement;

/// What an analysis says.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Whether the canary passes.
    pub passes: bool,
    /// Why, or why not.
    pub message: String,
    /// The scores in order.
    pub scores: Vec<f64>,
}

/// The last score decides; one that is not above `marginal` ends an analysis before. A judgement without a score
/// never passes.
pub fn aggregate(judgements: &[Judgement], thresholds: Thresholds) -> Aggregate {
    let scores: Vec<f64> = judgements.iter().filter_map(|judgement| judgement.score).collect();
    let failed = judgements.iter().enumerate().find_map(|(n, judgement)| Some((n + 1, judgement.failure.as_ref()?)));
    let (passes, message) = match (failed, scores.last()) {
        (Some((n, failure)), _) => (false, format!("Judgement #{n} could not be made: {}", failure.reason)),
        (None, None) => (false, "There were no successful canary judgements to aggregate".to_owned()),
        (None, Some(score)) => of_last(*score, thresholds),
    };
    Aggregate { passes, message, scores }
}

/// Whether a judgement with that score ends the analysis: it is not above `marginal`, as Kayenta has it, unless it
/// passes.
fn ends(score: f64, thresholds: Thresholds) -> bool {
    score <= thresholds.marginal && score < thresholds.pass
}

fn of_last(score: f64, thresholds: Thresholds) -> (bool, String) {
    // Java writes 100 as 100.0, and so does `{:?}`.
    let score_text = format!("Final canary score {score:?}");
    if ends(score, thresholds) {
        (false, format!("{score_text} is not above the marginal score threshold."))
    } else if score < thresholds.pass {
        (false, format!("{score_text} is below the pass score threshold."))
    } else {
        (true, format!("{score_text} met or exceeded the pass score threshold."))
    }
}

impl Judgement {
    /// Whether an analysis goes on after it, or has come to its end with a score that will do if it is the `last`. One that is
    /// open goes on whatever its score is: between thresholds that are equal there is none above `marginal`.
    pub fn goes_on(&self, thresholds: Thresholds, last: bool) -> bool {
        self.score.is_some_and(|score| (self.open && !last) || !ends(score, thresholds))
    }
}
