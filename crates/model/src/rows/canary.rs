use base::Timestamp;

use crate::Key;
use crate::row::row;

row! {
    /// A canary as it is judged from now on, or the end of a list of all canaries of a shard.
    CanaryDefinition in Canaries {
        /// When.
        time: Timestamp,
        /// Which reading of the configuration it is from; a later one has a greater number.
        generation: i64,
        /// The canary, as JSON. Empty: the list ends here, and canaries that are not in it are gone.
        definition: String,
    }
}

row! {
    /// What a query found of one arm of a canary in one interval. A record has all of an interval.
    CanaryPoint in CanaryPoints {
        /// The end of the interval.
        time: Timestamp,
        /// The run: `<canary>/<milliseconds of its start>`.
        run: String,
        /// The canary.
        name: String,
        /// The interval, from 0.
        interval: i64,
        /// The metric.
        metric: String,
        /// `baseline` or `canary`.
        arm: String,
        /// The part of the traffic, as `zone=eu-1`; null: all of it.
        segment: Option<String>,
        /// What was found; null if there are no data.
        value: Option<f64>,
        /// Requests, or time of pods, behind it; null if they are not asked or there are none.
        exposure: Option<f64>,
        /// Why there is no value.
        error: Option<String>,
    }
}

row! {
    /// A run of a canary, after each interval.
    CanaryRun in CanaryRuns {
        /// When.
        time: Timestamp,
        /// The run: `<canary>/<milliseconds of its start>`.
        run: String,
        /// The run's key.
        key: Key,
        /// The canary.
        name: String,
        /// `provider/scope` of what is judged; without a resource `canary/<namespace or name>`.
        scope: String,
        /// The namespace of what is judged.
        namespace: String,
        /// What is judged.
        target: String,
        /// The resource whose rollout it is.
        resource: Option<String>,
        /// The revision that rolls out.
        revision: Option<String>,
        /// The cause of the finding if it fails: that of the rollout, or `canary/<canary>`.
        cause: String,
        /// `pass`, `fail`, `inconclusive`, `continue`.
        verdict: String,
        /// Why.
        reason: String,
        /// Nothing more is looked at.
        ended: bool,
        /// 100 for a pass, 0 for a fail, between 75 and 95 for what is open.
        score: f64,
        /// Evidence that something is worse: the natural logarithm of an e-value.
        ln_e_fail: Option<f64>,
        /// What `ln_e_fail` must reach.
        needed: f64,
        /// The least evidence of a metric that it is below its limit.
        ln_e_pass: Option<f64>,
        /// What `ln_e_pass` must reach.
        needed_to_pass: f64,
        /// The p-value of "no worse", at all times.
        p: f64,
        /// Minutes until a decision, if evidence grows as it has of late.
        minutes_to_decision: Option<f64>,
        /// Intervals so far, warm-up and those without data included.
        intervals: i64,
        /// When the run began.
        started: Timestamp,
        /// When it was decided or ended.
        decided: Option<Timestamp>,
        /// The canary's part of the traffic of both arms, from 0 to 1, of a rollout that was found and of which it is known.
        share: Option<f64>,
    }
}

row! {
    /// What one metric of a canary shows after an interval.
    CanaryEvidence in CanaryEvidence {
        /// When.
        time: Timestamp,
        /// The run.
        run: String,
        /// The key of `<run>/<metric>`.
        key: Key,
        /// The canary.
        name: String,
        /// `provider/scope`, as in the run.
        scope: String,
        /// The metric.
        metric: String,
        /// The interval, from 0.
        interval: i64,
        /// `pass`, `fail`, `inconclusive`, `continue`.
        verdict: String,
        /// Why, or why there is no value.
        reason: String,
        /// The change as a part of the baseline: 0.1 is ten percent more.
        effect: Option<f64>,
        /// It is not below this, at all times at once but for `alpha`; null: no bound.
        low: Option<f64>,
        /// It is not above this; null: no bound.
        high: Option<f64>,
        /// A change up to it is none.
        margin: f64,
        /// To pass, the change must be shown to be below it.
        below: f64,
        /// Evidence that it is worse.
        ln_e_fail: Option<f64>,
        /// Evidence with which it fails alone; null if it is only shown.
        needed: Option<f64>,
        /// Evidence that the change is below the limit.
        ln_e_pass: Option<f64>,
        /// Evidence with which it passes.
        needed_to_pass: f64,
        /// Intervals that were used.
        n: i64,
        /// Intervals without a point of both arms.
        missing: i64,
        /// Minutes until a decision, if evidence grows as it has of late.
        minutes_to_decision: Option<f64>,
        /// The part of the traffic that carries the evidence, once the metric has failed.
        top_segment: Option<String>,
    }
}

impl CanaryRun {
    /// The key of a run.
    pub fn key(run: &str) -> Key {
        Key::of(run.as_bytes())
    }
}

impl CanaryEvidence {
    /// The key of a metric in a run.
    pub fn key(run: &str, metric: &str) -> Key {
        Key::of(format!("{run}/{metric}").as_bytes())
    }
}
