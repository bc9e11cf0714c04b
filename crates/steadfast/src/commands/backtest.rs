//! `steadfast judge --backtest`: a canary configuration over what a running Steadfast has stored.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use base::{Clock, Limit, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::print;
use crate::args::{Backtest, Output, Server};
use crate::client::{Client, ClientError};
use crate::{FAILED, FINE, FOUND, render};

/// Bytes of a configuration.
const CONFIG: Limit = Limit::new("backtest.config_bytes", 1 << 20);
/// Windows of a backtest.
const WINDOWS: Limit = Limit::new("backtest.windows", 1_000);
/// How often is looked whether a window has been judged.
const LOOK: Duration = Duration::from_millis(100);

/// What was said of a window.
#[derive(Debug, Serialize)]
struct Row {
    from: String,
    to: String,
    /// `Pass`, `Marginal`, `Fail`, or `Error` where it could not be judged.
    verdict: String,
    score: Option<f64>,
    /// Why, or the metrics that do not pass.
    because: String,
    execution: String,
}

/// Judges each window in turn, and shows what was said of it.
pub(super) async fn backtest(
    file: &Path,
    judge: Option<&str>,
    asked: &Backtest,
    server: &Server,
    output: Output,
) -> Result<u8, Box<dyn Error>> {
    let mut config = read(file)?;
    if let Some(judge) = judge {
        config["judge"]["name"] = judge.into();
    }
    let client = Client::new(server);
    let mut rows = Vec::new();
    for (from, to) in windows(asked)? {
        let request = request(asked, &config, from, to);
        rows.push(window(&client, &config, request, from, to).await?);
    }
    match output {
        Output::Text => print(&text(&rows)),
        Output::Json => print(&format!("{}\n", serde_json::to_string_pretty(&rows)?)),
    }
    let any = |verdict: &str| rows.iter().any(|row| row.verdict == verdict);
    Ok(if any("Fail") {
        FOUND
    } else if any("Error") {
        FAILED
    } else {
        FINE
    })
}

/// The configuration, as an object.
fn read(file: &Path) -> Result<Value, Box<dyn Error>> {
    let wrong = |problem: &dyn std::fmt::Display| format!("{}: {problem}", file.display());
    let mut bytes = Vec::new();
    let limit = CONFIG.max() + 1;
    let done = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    done.map_err(|error| wrong(&error))?;
    CONFIG.check(bytes.len() as u64).map_err(|error| wrong(&error))?;
    let config: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
    let judge = config.get("judge");
    if !config.is_object() || judge.is_some_and(|judge| !judge.is_object() && !judge.is_null()) {
        return Err(wrong(&"is no canary configuration: an object is wanted, and `judge` is one, too").into());
    }
    Ok(config)
}

fn windows(asked: &Backtest) -> Result<Vec<(Timestamp, Timestamp)>, Box<dyn Error>> {
    let (Some(from), Some(to)) = (asked.from, asked.to) else { return Err("--from and --to are needed".into()) };
    let every = asked.every.unwrap_or(asked.window);
    if asked.step < Duration::from_secs(1) || asked.step.subsec_nanos() != 0 {
        return Err("--step is whole seconds, at least one".into());
    }
    if every.is_zero() || asked.window.is_zero() {
        return Err("--window and --every are longer than nothing".into());
    }
    if from.plus(asked.window) > to {
        return Err("no window fits between --from and --to".into());
    }
    let count = (to.since(from) - asked.window).as_nanos() / every.as_nanos() + 1;
    WINDOWS.check(u64::try_from(count).unwrap_or(u64::MAX))?;
    let mut out = Vec::new();
    let mut start = from;
    while start.plus(asked.window) <= to {
        out.push((start, start.plus(asked.window)));
        start = start.plus(every);
    }
    Ok(out)
}

fn request(asked: &Backtest, config: &Value, from: Timestamp, to: Timestamp) -> Value {
    let params: BTreeMap<_, _> = asked.params.iter().cloned().collect();
    let scope = |scope: &Option<String>| {
        json!({
            "scope": scope, "location": asked.location, "step": asked.step.as_secs(),
            "start": from.to_string(), "end": to.to_string(), "extendedScopeParams": params,
        })
    };
    let pair = json!({"controlScope": scope(&asked.control), "experimentScope": scope(&asked.experiment)});
    let metrics = config["metrics"].as_array().into_iter().flatten();
    let names = metrics.map(|metric| metric["scopeName"].as_str().unwrap_or("default").to_owned());
    let scopes: BTreeMap<String, Value> = names.map(|name| (name, pair.clone())).collect();
    let mut out = json!({ "scopes": scopes });
    if config.pointer("/classifier/scoreThresholds/pass").is_none() {
        out["thresholds"] = json!({"pass": asked.pass, "marginal": asked.marginal});
    }
    out
}

async fn window(
    client: &Client,
    config: &Value,
    request: Value,
    from: Timestamp,
    to: Timestamp,
) -> Result<Row, ClientError> {
    let body = json!({"canaryConfig": config, "executionRequest": request});
    let started = client.post("/canary", &body).await?;
    let execution = started["canaryExecutionId"].as_str().unwrap_or_default().to_owned();
    let clock = Clock::system();
    let answer = loop {
        let answer = client.get(&format!("/canary/{execution}")).await?;
        if answer["complete"] == true {
            break answer;
        }
        clock.sleep(LOOK).await;
    };
    Ok(row(&answer, from, to, execution))
}

fn row(answer: &Value, from: Timestamp, to: Timestamp, execution: String) -> Row {
    let judged = &answer["result"]["judgeResult"];
    let score = judged["score"]["score"].as_f64();
    let (verdict, because) = match score {
        Some(_) => (judged["score"]["classification"].as_str().unwrap_or_default(), unlike_pass(judged)),
        None => {
            let reason = answer.pointer("/exception/details/errors/0").and_then(Value::as_str);
            ("Error", reason.unwrap_or_default().to_owned())
        }
    };
    Row { from: from.to_string(), to: to.to_string(), verdict: verdict.to_owned(), score, because, execution }
}

/// The metrics that do not pass, with what they are.
fn unlike_pass(judged: &Value) -> String {
    let metrics = judged["results"].as_array().into_iter().flatten();
    let text = |metric: &Value, key: &str| metric[key].as_str().unwrap_or_default().to_owned();
    let named = metrics.filter(|metric| metric["classification"] != "Pass");
    named
        .map(|metric| format!("{} {}", text(metric, "name"), text(metric, "classification")))
        .collect::<Vec<_>>()
        .join(", ")
}

fn text(rows: &[Row]) -> String {
    let columns = ["from", "to", "verdict", "score", "because"].map(str::to_owned);
    let cells: Vec<Vec<Value>> = rows
        .iter()
        .map(|row| vec![json!(row.from), json!(row.to), json!(row.verdict), json!(row.score), json!(row.because)])
        .collect();
    let count = |verdict: &str| rows.iter().filter(|row| row.verdict == verdict).count();
    let counts = ["Pass", "Marginal", "Fail", "Error"].map(|verdict| format!("{} {verdict}", count(verdict)));
    format!("{}\n{}: {}\n", render::table(&columns, &cells), render::count(rows.len(), "window"), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn asked(more: &[&str]) -> Backtest {
        let flags = ["steadfast", "judge", "--backtest", "--control", "a", "--experiment", "b", "c.json"];
        match Args::try_parse_from(flags.iter().chain(more)).unwrap().command {
            Command::Judge { backtest, .. } => backtest,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn windows_follow_each_other_or_overlap_and_end_in_time() {
        let day = ["--from", "2026-11-25T00:00:00Z", "--to", "2026-11-25T03:30:00Z"];
        let starts = |more: &[&str]| {
            let found = windows(&asked(&[day.as_slice(), more].concat()));
            found
                .map(|list| list.iter().map(|(start, _)| start.to_string()).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        let hours = ["2026-11-25T00:00:00Z", "2026-11-25T01:00:00Z", "2026-11-25T02:00:00Z"].map(str::to_owned);
        assert_eq!(starts(&[]), Ok(hours.to_vec()));
        assert_eq!(starts(&["--every", "30m"]).unwrap().len(), 6);
        assert_eq!(starts(&["--window", "4h"]), Err("no window fits between --from and --to".to_owned()));
        assert_eq!(starts(&["--every", "0s"]), Err("--window and --every are longer than nothing".to_owned()));
        assert_eq!(starts(&["--step", "500ms"]), Err("--step is whole seconds, at least one".to_owned()));
        let many = starts(&["--every", "1s"]).unwrap_err();
        assert!(many.contains("backtest.windows = 1000"), "{many}");
    }

    #[test]
    fn each_scope_of_the_metrics_is_asked() {
        let asked = asked(&["--from", "2026-11-25T00:00:00Z", "--to", "2026-11-25T01:00:00Z", "--param", "env=prod"]);
        let config = json!({"metrics": [{"scopeName": "one"}, {}]});
        let found = request(&asked, &config, Timestamp::ZERO, Timestamp::from_secs(60));
        assert_eq!(found["scopes"].as_object().unwrap().keys().collect::<Vec<_>>(), ["default", "one"]);
        let scope = &found["scopes"]["one"]["experimentScope"];
        assert_eq!(
            (&scope["scope"], &scope["end"], &scope["extendedScopeParams"]["env"]),
            (&json!("b"), &json!("1970-01-01T00:01:00Z"), &json!("prod"))
        );
        assert_eq!(found["thresholds"], json!({"pass": 95.0, "marginal": 75.0}));
        let own = json!({"metrics": [], "classifier": {"scoreThresholds": {"pass": 80, "marginal": 50}}});
        assert!(request(&asked, &own, Timestamp::ZERO, Timestamp::ZERO).get("thresholds").is_none());
    }

    #[test]
    fn what_is_said_of_a_window_is_its_verdict_and_why() {
        let (zero, id) = (Timestamp::ZERO, String::new);
        let failed = json!({"result": {"judgeResult": {"score": {"score": 50.0, "classification": "Fail"}, "results": [
            {"name": "errors", "classification": "High"}, {"name": "latency", "classification": "Pass"}]}}});
        let error = json!({"exception": {"details": {"errors": ["no such function"]}}});
        let rows = [row(&failed, zero, zero, id()), row(&error, zero, zero, id())];
        assert_eq!(
            rows.each_ref().map(|row| (row.verdict.as_str(), row.because.as_str())),
            [("Fail", "errors High"), ("Error", "no such function")]
        );
        let shown = text(&rows);
        assert!(
            shown.contains("errors High") && shown.ends_with("2 windows: 0 Pass, 0 Marginal, 1 Fail, 1 Error\n"),
            "{shown}"
        );
    }
}
