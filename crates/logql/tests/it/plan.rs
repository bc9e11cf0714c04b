//! What a store is told.

use logql::{Direction, parse, plan};

fn texts(query: &str) -> Vec<Vec<String>> {
    let expr = parse(query).unwrap();
    plan(&expr, 0, 1, Direction::Forward).remove(0).texts
}

#[test]
fn texts_that_must_be_in_a_line() {
    for (query, expected) in [
        (r#"{a="b"} |= "x" |= "y" != "z""#, "x y"),
        (r#"{a="b"} |= "x" or "y""#, "x|y"),
        (r#"{a="b"} |= "x" or """#, ""),
        (r#"{a="b"} |~ "err.*(foo)+bar""#, "err foo bar"),
        (r#"{a="b"} |~ "err.*(foo)?bar""#, "err bar"),
        (r#"{a="b"} |~ "a|b""#, ""),
        (r#"{a="b"} |> "<_>x<_>yz""#, "x yz"),
        (r#"{a="b"} |= ip("1.2.3.4")"#, ""),
        (r#"{a="b"} | json | c="d" |= "x" | line_format "y" |= "z""#, "x"),
        (r#"sum(rate({a="b"} |= "x" [1m]))"#, "x"),
    ] {
        let found: Vec<String> = texts(query).iter().map(|any| any.join("|")).collect();
        assert_eq!(found.join(" "), expected, "{query}");
    }
}

#[test]
fn each_selector_and_its_time() {
    let query = r#"sum(rate({a="b"}[10ms] offset 5ns)) / rate({c=~"d.+"}[20ms]) + vector(1)"#;
    let expr = parse(query).unwrap();
    let found: Vec<String> = plan(&expr, 20_000_100, 20_000_200, Direction::Backward)
        .iter()
        .map(|selection| {
            format!("{} {} {} {:?}", selection.matchers[0], selection.from, selection.to, selection.direction)
        })
        .collect();
    assert_eq!(found, [r#"a="b" 10000096 20000196 Forward"#, r#"c=~"d.+" 101 20000201 Forward"#]);
    let logs = parse(r#"{a="b"}"#).unwrap();
    let found = plan(&logs, 100, 200, Direction::Backward);
    assert_eq!((found[0].from, found[0].to, found[0].direction), (100, 200, Direction::Backward));
}
