//! Executions and analyses in the background: fetched, judged, kept.

use std::time::Duration;

use base::Backoff;
use judge::evidence::Verdict;
use kayenta::{Accounts, Analysis, Execution, Failure, Judgement, Plan, Status, Window};

use super::work::{run, thresholds};
use super::{kayenta, now, uncut};
use crate::shelf::{Canaries, Index, Kind, Object, Problem, Summary};
use crate::state::State;

/// Points of a baseline below which Kayenta warns.
const FEW: u64 = 50;
/// The longest sleep at once, so that a clock that was set is seen.
const NAP: Duration = Duration::from_secs(60);

/// Runs again what was under way when the process ended.
pub async fn resume(state: State) {
    let Some(kayenta) = &state.shelf else { return };
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    let open = loop {
        match kayenta.shelf.index().await.map(|index| under_way(&index)) {
            Ok(open) => break open,
            Err(problem) => {
                tracing::warn!(problem = problem.message, "canaries that were under way cannot be read");
                state.clock.sleep(backoff.next(&state.rng)).await;
            }
        }
    };
    let mut left = open;
    loop {
        let mut later = Vec::new();
        for (kind, id) in left {
            if !run_again(&state, kayenta, kind, &id).await {
                later.push((kind, id));
            }
        }
        if later.is_empty() {
            return;
        }
        left = later;
        state.clock.sleep(backoff.next(&state.rng)).await;
    }
}

/// Runs an execution or analysis again; false if it cannot be read at the moment.
async fn run_again(state: &State, kayenta: &Canaries, kind: Kind, id: &str) -> bool {
    let again = match kayenta.shelf.get(kind, id).await {
        Ok(document) if kind == Kind::Canary => serde_json::from_str(&document).map(|it| spawn(state, it)),
        Ok(document) => serde_json::from_str(&document).map(|it| spawn_analysis(state, it)),
        Err(problem) => {
            let later = problem.passes();
            tracing::error!(id, problem = problem.message, later, "a canary that was under way cannot be read");
            return !later;
        }
    };
    match again {
        Ok(()) => tracing::info!(kind = kind.as_str(), id, "a canary that was under way is judged anew"),
        Err(error) => tracing::error!(id, %error, "a canary that was under way cannot be read: a bug"),
    }
    true
}

fn under_way(index: &Index) -> Vec<(Kind, String)> {
    let of_kind = |kind| index.all(kind).filter(|(_, it)| it.open).map(move |(id, _)| (kind, id.to_owned()));
    of_kind(Kind::Canary).chain(of_kind(Kind::Analysis)).collect()
}

/// Keeps an execution, and runs it in the background.
pub async fn begin(state: &State, execution: Execution) -> Result<(), Problem> {
    let (all, object) = (state.clone(), of_execution(&execution));
    uncut(state, async move {
        let room = |index: &Index| index.has_room(Kind::Canary).map_err(Problem::full);
        kayenta(&all)?.shelf.put(vec![object], room).await?;
        spawn(&all, execution);
        Ok(())
    })
    .await
}

/// Keeps an analysis, and runs it in the background.
pub async fn begin_analysis(state: &State, analysis: Analysis) -> Result<(), Problem> {
    let (all, object) = (state.clone(), of_analysis(&analysis));
    uncut(state, async move {
        let room = |index: &Index| index.has_room(Kind::Analysis).map_err(Problem::full);
        kayenta(&all)?.shelf.put(vec![object], room).await?;
        spawn_analysis(&all, analysis);
        Ok(())
    })
    .await
}

fn spawn(state: &State, mut execution: Execution) {
    let all = state.clone();
    state.tasks.spawn("kayenta execution", async move {
        let work = async {
            let pairs = run(&all, &mut execution).await;
            let kept = pairs.into_iter().chain([of_execution(&execution)]).collect();
            if let Err(problem) = keep(&all, kept).await {
                fail(&mut execution, problem.message);
                keep_anyway(&all, of_execution(&execution)).await;
            }
        };
        // What has not ended is run again by the next process.
        all.shutdown.or(work).await;
    });
}

fn spawn_analysis(state: &State, analysis: Analysis) {
    let all = state.clone();
    state.tasks.spawn("kayenta analysis", async move {
        all.shutdown.or(analyse(&all, analysis)).await;
    });
}

/// Judges interval after interval; each is kept with its execution, so that a restart goes on after it.
async fn analyse(state: &State, mut analysis: Analysis) {
    let plan = match Plan::read(&analysis.request, analysis.built) {
        Ok(plan) => plan,
        Err(error) => {
            // It was read before it was kept.
            tracing::error!(id = analysis.id, %error, "an analysis cannot be read: a bug");
            (analysis.status, analysis.ended) = (Status::Terminal, Some(now(state)));
            return keep_anyway(state, of_analysis(&analysis)).await;
        }
    };
    while !analysis.status.is_complete() {
        let n = analysis.judgements.len();
        let window = plan.window(n);
        if let Some(due) = window.due {
            until(state, due).await;
        }
        let last = n + 1 >= plan.judgements;
        let mut execution = Execution {
            id: state.rng.uuid(),
            accounts: analysis.accounts.clone(),
            config_id: analysis.config_id.clone(),
            config: analysis.config.clone(),
            request: plan.request(n),
            lifetime: (plan.grows() && !last).then(|| plan.lifetime()),
            built: now(state),
            ended: None,
            judged: None,
            failure: None,
        };
        let pairs = run(state, &mut execution).await;
        add(state, &mut analysis, &execution, window, last);
        let kept = pairs.into_iter().chain([of_execution(&execution), of_analysis(&analysis)]).collect();
        if let Err(problem) = keep(state, kept).await {
            fail(&mut execution, problem.message);
            analysis.judgements.pop();
            add(state, &mut analysis, &execution, window, last);
            keep_anyway(state, of_analysis(&analysis)).await;
        }
    }
}

/// Adds a judgement; one that has no score, or too low a one, is the last.
fn add(state: &State, analysis: &mut Analysis, execution: &Execution, window: Window, last: bool) {
    let judgement = judgement(execution, window.start, window.end);
    let goes_on = thresholds(execution).is_ok_and(|thresholds| judgement.goes_on(thresholds, last));
    analysis.status = match (goes_on, last) {
        (false, _) => Status::Terminal,
        (true, true) => Status::Succeeded,
        (true, false) => Status::Running,
    };
    analysis.judgements.push(judgement);
    analysis.ended = analysis.status.is_complete().then(|| now(state));
}

/// What came of it can never be kept.
fn fail(execution: &mut Execution, reason: String) {
    let at = execution.ended.unwrap_or(execution.built);
    execution.judged = None;
    execution.failure = Some(Failure { stage: "judge".to_owned(), reason, at });
}

async fn until(state: &State, due: i64) {
    loop {
        let left = due - now(state);
        let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
        state.clock.sleep(Duration::from_millis(left).min(NAP)).await;
    }
}

fn judgement(execution: &Execution, start: i64, end: i64) -> Judgement {
    let judged = execution.judged.as_ref();
    let classic = judged.is_some_and(|judged| judged.result["judgeName"] == judge::classic::NAME);
    let few = judged.is_some_and(|judged| judged.points < FEW);
    let warning = format!(
        "One of the metrics returned fewer than {FEW} data points, which can reduce confidence in the final canary score."
    );
    let verdict = judged.and_then(|judged| judged.result["sequential"]["verdict"].as_str());
    let open = [Verdict::Continue, Verdict::Inconclusive].map(Verdict::as_str);
    Judgement {
        execution: execution.id.clone(),
        start,
        end,
        status: execution.status(),
        score: judged.map(|judged| judged.score),
        open: verdict.is_some_and(|verdict| open.contains(&verdict)),
        failure: execution.failure.clone(),
        warnings: if classic && few { vec![warning] } else { Vec::new() },
    }
}

/// Keeps what came of a run, however long that takes: it is not done again while the log is away. An error is one
/// that will be the same the next time.
async fn keep(state: &State, objects: Vec<Object>) -> Result<(), Problem> {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        match kayenta(state)?.shelf.put(objects.clone(), |_| Ok(())).await {
            Err(problem) if problem.passes() => {
                tracing::warn!(problem = problem.message, "what came of a canary cannot be kept: it is tried again");
                state.clock.sleep(backoff.next(&state.rng)).await;
            }
            kept => return kept,
        }
    }
}

/// Keeps that something has ended.
async fn keep_anyway(state: &State, object: Object) {
    let id = object.id.clone();
    if let Err(problem) = keep(state, vec![object]).await {
        tracing::error!(id, problem = problem.message, "the end of a canary cannot be kept");
    }
}

fn of_execution(execution: &Execution) -> Object {
    let status = execution.status();
    let summary = summary(&execution.accounts, execution.built, execution.ended, status);
    // Values as they were read: it cannot fail.
    let document = serde_json::to_string(execution).unwrap_or_default();
    Object { kind: Kind::Canary, id: execution.id.clone(), summary, document }
}

fn of_analysis(analysis: &Analysis) -> Object {
    let summary = summary(&analysis.accounts, analysis.built, analysis.ended, analysis.status);
    let document = serde_json::to_string(analysis).unwrap_or_default();
    Object { kind: Kind::Analysis, id: analysis.id.clone(), summary, document }
}

fn summary(accounts: &Accounts, built: i64, ended: Option<i64>, status: Status) -> Summary {
    Summary {
        applications: vec![accounts.application.clone()],
        created: built,
        updated: ended.unwrap_or(built),
        status: status.lower(),
        open: !status.is_complete(),
        ..Summary::default()
    }
}
