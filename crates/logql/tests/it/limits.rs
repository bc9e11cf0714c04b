//! What exceeds a limit is refused with its name; a query that may not go on stops.

use std::cell::Cell;

use logql::{Direction, Expr, Labels, Limits, LogQuery, Memory, Options, QueryError, Steps, parse};

fn memory() -> Memory {
    let mut memory = Memory::default();
    for n in 0..5_000_i64 {
        memory.add(&Labels::new([("app", "a")]), n * 1_000_000, format!("n={n}"), Labels::empty());
    }
    memory
}

fn refused(limits: Limits, query: &str) -> String {
    let options = Options { limits, ..Options::default() };
    let steps = Steps::new(0, 5_000_000_000, 100_000_000).unwrap();
    match parse(query).unwrap() {
        Expr::Logs(logs) => {
            let query = LogQuery {
                start: 0,
                end: i64::MAX,
                limit: 10_000,
                direction: Direction::Backward,
                interval: 0,
                categorize: false,
            };
            logql::logs(&memory(), &options, &logs, &query).unwrap_err().to_string()
        }
        expr => logql::range(&memory(), &options, &expr, steps).unwrap_err().to_string(),
    }
}

#[test]
fn each_limit_says_its_name() {
    let all = Limits::default();
    let groups = "$1".repeat(100);
    let replaced = format!(r#"label_replace(count_over_time({{app="a"}}[1s]), "b", "{groups}", "app", "(.*)")"#);
    for (limits, query, name) in [
        (Limits { entries: 100, ..all }, r#"count_over_time({app="a"}[1s])"#, "entries: 100"),
        (Limits { entries: 100, ..all }, r#"{app="a"}"#, "entries: 100"),
        (Limits { bytes: 1_000, ..all }, r#"{app="a"} != "n=""#, "bytes: 1000"),
        (Limits { series: 10, ..all }, r#"{app="a"} | logfmt"#, "series: 10"),
        (Limits { series: 10, ..all }, r#"count_over_time({app="a"} | logfmt [1s])"#, "series: 10"),
        (Limits { samples: 500, ..all }, r#"count_over_time({app="a"} | logfmt [5s])"#, "samples: 500"),
        (
            Limits { samples: 500, ..all },
            r#"quantile_over_time(0.5, {app="a"} | logfmt | unwrap n [5s]) by (app)"#,
            "samples: 500",
        ),
        (Limits { steps: 10, ..all }, "vector(1)", "steps: 10"),
        (Limits { label_bytes: 1_000, ..all }, r#"{app="a"} | logfmt"#, "label_bytes: 1000"),
        (Limits { label_bytes: 1_000, ..all }, r#"count_over_time({app="a"} | logfmt [1s])"#, "label_bytes: 1000"),
        (Limits { label_bytes: 200, ..all }, &replaced, "label_bytes: 200"),
        (Limits { answer_bytes: 1_000, ..all }, r#"{app="a"}"#, "answer_bytes: 1000"),
    ] {
        let error = refused(limits, query);
        assert!(error.ends_with(&format!("limit {name}")), "{query}: {error}");
    }
}

#[test]
fn a_query_that_may_not_go_on_stops() {
    let asked = Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        asked.get() < 3
    };
    let options = Options { go_on: &go_on, ..Options::default() };
    let expr = parse(r#"sum(count_over_time({app="a"} != "n=" [1s]))"#).unwrap();
    let answer = logql::instant(&memory(), &options, &expr, 5_000_000_000);
    assert!(answer.is_ok(), "a thousand lines are read without asking three times");
    asked.set(0);
    let steps = Steps::new(0, 5_000_000_000, 1_000_000).unwrap();
    let error = logql::range(&memory(), &options, &expr, steps).unwrap_err();
    assert!(matches!(error, QueryError::Stopped));
}

#[test]
fn hostile_queries_are_refused_without_a_panic() {
    let deep = 100_000;
    for query in [
        "(".repeat(deep),
        "vector(1)+".repeat(10_000) + "vector(1)",
        "1^".repeat(deep / 2) + "1",
        "sum(".repeat(10_000),
        format!("{{a=\"b\"}} | {}", "(".repeat(deep)),
        format!("{{a=\"b\"}} | {}c=1", "c=1 or ".repeat(10_000)),
        format!("{{a=\"b\"}} | {}c=1", "c=1,".repeat(10_000)),
        format!("{{a=\"b\"}} | {}c=1", "c=1 ".repeat(10_000)),
        format!("rate({}", "(".repeat(deep)),
        "a".repeat(200_000),
    ] {
        let error = parse(&query).unwrap_err().to_string();
        let named = ["limit depth: 40", "limit operators: 300", "input size too long"];
        assert!(named.iter().any(|name| error.contains(name)), "{error}");
    }
}

#[test]
fn a_query_as_deep_as_the_limits_allow_is_answered() {
    let chain = "vector(1)+".repeat(300) + "vector(1)";
    let nested = format!("{}vector(1){}", "sum(".repeat(38), ")".repeat(38));
    let powers = "vector(1)^".repeat(38) + "vector(1)";
    for (query, expected) in [(chain, "301"), (nested, "1"), (powers, "1")] {
        let expr = parse(&query).unwrap();
        let answer = logql::instant(&Memory::default(), &Options::default(), &expr, 0).unwrap();
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json["result"][0]["value"][1], expected);
    }
    let filters = format!("{{app=\"a\"}} | {}c=1", "c=1 or ".repeat(300));
    let Expr::Logs(logs) = parse(&filters).unwrap() else { panic!("no log query") };
    let pipeline = logql::Pipeline::new(&logs, 0).unwrap();
    assert_eq!(pipeline.run(&mut pipeline.work(), &Labels::new([("c", "2")]), &(), 0, "x"), None);
    assert!(logs.to_string().len() > 1_000);
}

#[test]
fn regular_expressions_of_a_query_share_their_room() {
    let large = r"(\\w{99}){60}";
    for query in [
        format!(r#"{{app="a"}}{}"#, format!(r#" |~ "{large}""#).repeat(100)),
        format!(r#"{{app="a"}}{}"#, format!(r#" | regexp "(?P<x>{large})""#).repeat(100)),
        format!(r#"{{app="a"}} | x=~"1"{}"#, format!(r#" | x=~"{large}""#).repeat(100)),
        format!(r#"{{app="a"{}}}"#, format!(r#",b!~"{large}""#).repeat(100)),
    ] {
        let refused = parse(&query).unwrap_err().to_string();
        assert!(refused.contains("bytes together"), "{refused}");
    }
    let usual = format!(r#"{{app=~"a|b.*"}}{}"#, r#" |~ "err(or)?: [a-z]+" !~ "debug""#.repeat(50));
    assert!(parse(&usual).is_ok());
}

/// The labels of a line, or what went wrong with it.
fn labelled(query: &str, line: &str) -> (Labels, Option<String>) {
    let Expr::Logs(logs) = parse(query).unwrap() else { panic!("no log query") };
    let pipeline = logql::Pipeline::new(&logs, 0).unwrap();
    let mut work = pipeline.work();
    assert!(pipeline.run(&mut work, &Labels::empty(), &(), 0, line).is_some(), "it is labelled, never left out");
    let labels = work.labels(|_| true);
    let details = labels.find("__error_details__").map(|details| details.to_string());
    (labels, details)
}

fn size(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len()).sum()
}

#[test]
fn long_keys_around_many_members_cost_no_more_than_the_line() {
    let members = |n: usize| (0..n).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    let long = format!("{{\"{}\":{{{}}}}}", "x".repeat(1 << 20), members(999));
    let deep = format!("{}{{{}}}{}", format!("{{\"{}\":", "y".repeat(1_000)).repeat(30), members(999), "}".repeat(30));
    for line in [long, deep] {
        let (labels, details) = labelled(r#"{app="a"} | json"#, &line);
        assert!(details.unwrap().ends_with("limit parsed_label_name_bytes: 1024"));
        assert!(size(&labels) < 2_000);
    }
    let (labels, details) = labelled(r#"{app="a"} | logfmt"#, &format!("{}=1 b=2", "x".repeat(1 << 20)));
    assert!(details.unwrap().contains("parsed_label_name_bytes") && size(&labels) < 2_000);
    // What is not asked for may be as long as it likes.
    let mut memory = Memory::default();
    let line = format!("{{\"{}\":{{\"a\":1}},\"level\":\"info\"}}", "x".repeat(5_000));
    memory.add(&Labels::new([("app", "a")]), 1, line, Labels::empty());
    let expr = parse(r#"sum by (level) (count_over_time({app="a"} | json [1m]))"#).unwrap();
    let answer = logql::instant(&memory, &Options::default(), &expr, 2).unwrap();
    assert_eq!(serde_json::to_value(&answer).unwrap()["result"][0]["metric"]["level"], "info");
}

#[test]
fn labels_that_a_line_gets_are_bounded_together() {
    let formats: Vec<String> = (0..5).map(|n| format!(r#"a{n}="{{{{repeat 1000000 \"x\"}}}}""#)).collect();
    let query = format!(r#"{{app="a"}} | label_format {}"#, formats.join(","));
    let (labels, details) = labelled(&query, "x");
    assert!(details.unwrap().contains("parsed_label_bytes: 4194304"), "{query}");
    assert!(size(&labels) < 5 << 20);
    let line = format!("{{\"a\":\"{0}\",\"b\":\"{0}\"}}", "x".repeat(3 << 20));
    let (labels, details) = labelled(r#"{app="a"} | json"#, &line);
    assert!(details.unwrap().contains("parsed_label_bytes") && size(&labels) < 5 << 20);
}

#[test]
fn the_templates_of_a_line_share_their_steps() {
    let template = r#"{{$x := repeat 1000000 \"a\"}}{{count \"b\" $x}}{{count \"b\" $x}}"#;
    let formats: Vec<String> = (0..50).map(|n| format!("a{n}=\"{template}\"")).collect();
    let (labels, details) = labelled(&format!(r#"{{app="a"}} | label_format {}"#, formats.join(",")), "x");
    assert!(details.unwrap().contains("template_steps"));
    assert!(labels.get("a0") == "00" && labels.find("a49").is_none());
}

#[test]
fn the_clock_is_looked_at_by_what_is_done() {
    let mut memory = Memory::default();
    for n in 0..4 {
        memory.add(&Labels::new([("app", "a")]), n, "x", Labels::empty());
    }
    let asked = Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        false
    };
    let options = Options { go_on: &go_on, ..Options::default() };
    let costly = r#"sum(count_over_time({app="a"} | label_format b="{{repeat 1000000 \"x\"}}" [1s]))"#;
    let error = logql::instant(&memory, &options, &parse(costly).unwrap(), 5).unwrap_err();
    assert!(matches!(error, QueryError::Stopped) && asked.get() == 1, "behind the first line");
    memory.add(&Labels::new([("app", "b")]), 1, "x".repeat(1 << 20), Labels::empty());
    let long = parse(r#"sum(count_over_time({app="b"} |= "y" [1s]))"#).unwrap();
    assert!(matches!(logql::instant(&memory, &options, &long, 5).unwrap_err(), QueryError::Stopped));
}

#[test]
fn what_is_chosen_of_each_step_is_counted_and_let_go() {
    let steps = Steps::new(0, 5_999, 1).unwrap();
    let mut memory = Memory::default();
    for n in 0..3 {
        memory.add(&Labels::new([("app", format!("a{n}"))]), 0, "x", Labels::empty());
    }
    let counted = r#"count_over_time({app=~".+"}[1ms])"#;
    for op in ["topk", "bottomk"] {
        let asked = |samples: u64, query: String| {
            let options = Options { limits: Limits { samples, ..Limits::default() }, ..Options::default() };
            logql::range(&memory, &options, &parse(&query).unwrap(), steps)
        };
        let one = format!("{op}(1, {counted})");
        // The numbers of three series, and while some are chosen each of them once more.
        let error = asked(35_000, one.clone()).unwrap_err();
        assert!(error.to_string().ends_with("limit samples: 35000"), "{error}");
        assert!(asked(37_000, one.clone()).is_ok());
        assert!(asked(60_000, format!("{one} + {one}")).is_ok(), "what was not chosen is held no more");
    }
}

#[test]
fn what_sets_of_series_hold_for_each_step_is_counted() {
    let steps = Steps::new(0, 9_999, 1).unwrap();
    let options = Options { limits: Limits { samples: 40_000, ..Limits::default() }, ..Options::default() };
    let mut memory = Memory::default();
    for n in 0..200 {
        memory.add(&Labels::new([("app", format!("a{n}"))]), 9_999, "x", Labels::empty());
    }
    let one = r#"count_over_time({app=~".+"}[1ms])"#;
    assert!(logql::range(&memory, &options, &parse(one).unwrap(), steps).is_ok());
    let error = logql::range(&memory, &options, &parse(&format!("{one} and {one}")).unwrap(), steps).unwrap_err();
    assert!(error.to_string().ends_with("limit samples: 40000"), "{error}");
}
