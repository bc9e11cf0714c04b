//! JSON as Loki's API has it.

use serde_json::Value;

use logql::{Answer, Data, Direction, Expr, Labels, LogQuery, Memory, Options, Point, Series, Stats, Steps, parse};

const SECOND: i64 = 1_000_000_000;

fn memory() -> Memory {
    let mut memory = Memory::default();
    let labels = Labels::new([("app", "a")]);
    memory.add(&labels, SECOND, "x=\"1\"", Labels::new([("trace", "t")]));
    memory.add(&labels, 2 * SECOND, "y", Labels::empty());
    memory
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The answer without its statistics.
fn data(answer: &Answer) -> Value {
    let mut json = serde_json::to_value(answer).unwrap();
    json.as_object_mut().unwrap().remove("stats");
    json
}

fn logs(query: &str, categorize: bool) -> Answer {
    let Expr::Logs(expr) = parse(query).unwrap() else { panic!("no log query") };
    let query =
        LogQuery { start: 0, end: 10 * SECOND, limit: 10, direction: Direction::Forward, interval: 0, categorize };
    logql::logs(&memory(), &Options::default(), &expr, &query).unwrap()
}

#[test]
fn lines() {
    let merged = r#"{"resultType":"streams","result":[
        {"stream":{"app":"a"},"values":[["2000000000","y"]]},
        {"stream":{"app":"a","trace":"t"},"values":[["1000000000","x=\"1\""]]}]}"#;
    let answer = logs(r#"{app="a"}"#, false);
    assert_eq!(data(&answer), json(merged));
    let categorized = r#"{"resultType":"streams","encodingFlags":["categorize-labels"],"result":[
        {"stream":{"app":"a"},"values":[
            ["1000000000","x=\"1\"",{"structuredMetadata":{"trace":"t"},"parsed":{"x":"1"}}],
            ["2000000000","y",{}]]}]}"#;
    assert_eq!(data(&logs(r#"{app="a"} | logfmt"#, true)), json(categorized));
    let stats = serde_json::to_value(&answer).unwrap()["stats"].take();
    let summary =
        r#"{"totalBytesProcessed":6,"totalLinesProcessed":2,"totalPostFilterLines":2,"totalEntriesReturned":2}"#;
    assert_eq!(stats, json(&format!(r#"{{"summary":{summary}}}"#)));
}

#[test]
fn numbers() {
    let (memory, options) = (memory(), Options::default());
    let expr = parse("vector(1) + vector(1)").unwrap();
    let answer = logql::instant(&memory, &options, &expr, 4 * SECOND).unwrap();
    assert_eq!(data(&answer), json(r#"{"result":[{"metric":{},"value":[4,"2"]}],"resultType":"vector"}"#));
    let answer = logql::instant(&memory, &options, &parse("1/4").unwrap(), 1_500_000_000).unwrap();
    assert_eq!(data(&answer), json(r#"{"result":[1.5,"0.25"],"resultType":"scalar"}"#));
    let expr = parse(r#"rate({app="a"} | keep app [2s])"#).unwrap();
    let steps = Steps::new(SECOND, 2 * SECOND, SECOND).unwrap();
    let answer = logql::range(&memory, &options, &expr, steps).unwrap();
    let matrix = r#"{"result":[{"metric":{"app":"a"},"values":[[1,"0.5"],[2,"1"]]}],"resultType":"matrix"}"#;
    assert_eq!(data(&answer), json(matrix));
    let point = Point { ts: 0, value: f64::INFINITY };
    let series = Series { labels: Labels::empty(), points: vec![point] };
    let answer = Answer { data: Data::Matrix(vec![series]), stats: Stats::default() };
    assert_eq!(data(&answer), json(r#"{"result":[{"metric":{},"values":[[0,"+Inf"]]}],"resultType":"matrix"}"#));
}
