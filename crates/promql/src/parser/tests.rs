use super::ast::{Cardinality, ExprKind};
use super::{parse, parse_selector, parse_selectors, parse_series_labels};

fn error(query: &str) -> String {
    parse(query).unwrap_err().to_string()
}

#[test]
fn operators_bind_as_documented() {
    let shown = |query: &str| match parse(query).unwrap().kind {
        ExprKind::Binary(binary) => format!("{} | {}", binary.left, binary.right),
        _ => "no operator".into(),
    };
    assert_eq!(shown("a + b * c"), "a | b * c");
    assert_eq!(shown("a * b + c"), "a * b | c");
    assert_eq!(shown("a ^ b ^ c"), "a | b ^ c");
    assert_eq!(shown("a - b - c"), "a - b | c");
    assert_eq!(shown("a or b and c"), "a | b and c");
    assert_eq!(shown("a > b == c"), "a > b | c");
    assert_eq!(shown("-a * b"), "-a | b");
    assert_eq!(shown("a offset 5m + 2"), "a offset 5m | 2");
    assert_eq!(shown("a offset -2 ^ 2"), "a offset -2s | 2");
    assert_eq!(shown("a offset -(2) ^ b"), "a offset -(2) | b");
    assert_eq!(shown("a offset step() * b"), "a offset step() | b");
}

#[test]
fn keywords_are_names_where_a_name_is_meant() {
    for query in
        ["sum", "sum{by=\"x\"}", "offset", "and + or", "start", "fill + fill", "by", "rate", "smoothed", "a{on=\"x\"}"]
    {
        assert!(parse(query).is_ok(), "{query}");
    }
    assert!(parse("sum by (by, on, sum) (x)").is_ok());
    for word in ["bool", "on", "ignoring", "group_left", "group_right"] {
        assert_eq!(error(word), format!("1:1: parse error: unexpected <{word}>"));
    }
}

#[test]
fn set_operators_match_many_to_many() {
    let ExprKind::Binary(binary) = parse("a and b").unwrap().kind else { panic!("no operator") };
    assert_eq!(binary.matching.cardinality, Cardinality::ManyToMany);
}

#[test]
fn mistakes_are_named_as_prometheus_names_them() {
    for (query, message) in [
        ("", "unknown position: parse error: no expression found in input"),
        (" ", "1:1: parse error: no expression found in input"),
        ("rate(a)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        ("1 or a", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"),
        ("foo(a)", "1:1: parse error: unknown function with name \"foo\""),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("a[5m] offset 1m[5m]", "1:16: parse error: ranges only allowed for vector selectors"),
        ("a offset 1m[5m]", "1:12: parse error: no offset modifiers allowed before range"),
        ("a offset 1m offset 1m", "1:1: parse error: offset may not be set multiple times"),
        ("abs(1)", "1:5: parse error: expected type instant vector in call to function \"abs\", got scalar"),
        ("clamp(a, 1)", "1:1: parse error: expected 3 argument(s) in call to \"clamp\", got 2"),
        ("a[0s]", "1:3: parse error: duration must be greater than 0"),
        ("a[5m/0]", "1:5: parse error: division by zero"),
        ("a{b=~\"(\"}", "1:3: parse error: error parsing regexp: missing closing ): `(`"),
        ("a + on(x) group_left(x) b", "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"),
        ("sum(a", "1:6: parse error: unclosed left parenthesis"),
        (
            "-\"a\"",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
        ),
    ] {
        let found = error(query);
        assert!(found.starts_with(message), "{query}: {found}");
    }
}

#[test]
fn a_duration_that_begins_with_a_parenthesis_or_two_signs_goes_on_as_far_as_it_can() {
    for query in ["a offset (1m + 7s) * 5", "a offset --5m * 2", "a offset (1m) + step()", "a offset (1m) == b"] {
        assert!(parse(query).is_ok(), "{query}");
    }
    assert_eq!(parse("a offset (1m+7s)*5").unwrap().to_string(), "a offset (1m + 7s) * 5");
    let expected = "in offset, expected number, duration, step(), or range()";
    for (query, column, found) in [
        ("a offset (1m+7s) * b", 20, "identifier \"b\""),
        ("a offset (1m) * 5 - start()", 21, "\"start\""),
        ("a offset (1m) / ignoring(c) b", 17, "<ignoring>"),
        ("a offset (1m) * sum(b)", 17, "<aggr:sum>"),
        ("a offset -+(1m) * b", 19, "identifier \"b\""),
    ] {
        assert_eq!(error(query), format!("1:{column}: parse error: unexpected {found} {expected}"), "{query}");
    }
}

#[test]
fn what_is_unexpected_is_told_with_what_it_is_part_of() {
    for (query, message) in [
        ("f(a, ,b)", "1:4: parse error: trailing commas not allowed in function call args"),
        ("sum(a,)", "1:6: parse error: trailing commas not allowed in function call args"),
        ("a @ sbart()", "1:5: parse error: unexpected identifier \"sbart\" in @, expected timestamp"),
        ("a @ start(5)", "1:11: parse error: unexpected number \"5\" in @, expected timestamp"),
        ("a @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("sum by c, d) (a)", "1:8: parse error: unexpected identifier \"c\" in grouping opts, expected \"(\""),
        ("a + on b", "1:8: parse error: unexpected identifier \"b\" in grouping opts, expected \"(\""),
        ("a + on(c) group_left * b", "1:22: parse error: unexpected <op:*> in grouping opts, expected \"(\""),
        ("sum by (c) d", "1:12: parse error: unexpected identifier \"d\" in aggregation"),
        ("a + fill(b) c", "1:10: parse error: unexpected identifier \"b\""),
        ("a + fill(1) fill_left(2) b", "1:22: parse error: unexpected \"(\""),
        ("a fill b", "1:3: parse error: unexpected identifier \"fill\""),
        ("a{b{c!=\"\"}", "1:4: parse error: unexpected left brace '{'"),
        ("a{b==\"c\"}", "1:5: parse error: unexpected \"=\" in label matching, expected string"),
        ("a{b!c}", "1:4: parse error: unexpected character after '!' inside braces: 'c'"),
        (
            "{\"a\" \"b\"}",
            "1:6: parse error: unexpected string \"\\\"b\\\"\" in label matching, expected \",\" or \"}\"",
        ),
        ("a=~\"b\"", "1:2: parse error: unexpected character after '=': '~'"),
        ("a ! b", "1:3: parse error: unexpected character after '!': ' '"),
        ("a:b(c)", "1:4: parse error: unexpected \"(\""),
        ("a{b=\"c\"}:d", "1:9: parse error: unexpected metric identifier \":d\""),
        ("by(a)", "1:3: parse error: unexpected \"(\""),
        ("a BY b", "1:3: parse error: unexpected <BY>"),
        ("f(a) ?", "1:1: parse error: unknown function with name \"f\""),
        ("a smoothed anchored", "1:1: parse error: anchored and smoothed modifiers cannot be used together"),
        ("a[5m:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"),
        (
            "a + on(b, c) group_left(c, b) d",
            "1:3: parse error: label \"b\" must not occur in ON and GROUP clause at once",
        ),
        ("a and fill(1) b", "1:1: parse error: filling in missing series not allowed for set operators"),
        ("\"\\xg\"", "1:1: parse error: illegal character U+0067 'g' in escape sequence"),
    ] {
        assert_eq!(error(query), message, "{query}");
    }
    for (query, column) in [("a offset (1m) ^ (-Inf < b)", 19), ("a[1m / 1e300]", 8), ("a offset -9223372037", 10)] {
        assert_eq!(error(query), format!("1:{column}: parse error: duration out of range"), "{query}");
    }
    for query in [":", "a anchored anchored", "sum by (a:b) (c)", "a + on(c) group_left + b", "a + fill + b"] {
        assert!(parse(query).is_ok(), "{query}");
    }
}

#[test]
fn nothing_but_durations_is_within_brackets() {
    let of_step = "in subquery selector, expected number, duration, step(), range(), or \"]\"";
    let of_range = "in subquery or range selector, expected number, duration, step(), or range()";
    for (query, column, message) in [
        ("a[b]", 3, "unexpected character in duration expression: 'b'"),
        ("a[\"b\"]", 3, "unexpected character in duration expression: '\"'"),
        ("a[step() == 5]", 10, "unexpected character in duration expression: '='"),
        ("a[NaN]", 3, "unexpected character in duration expression: 'N'"),
        ("a[5m b]", 6, "unexpected character: 'b', expected ':'"),
        ("a[5m:b]", 6, "unexpected character: 'b', expected ':'"),
        ("a[:5m]", 4, "unexpected colon before duration in duration expression"),
        ("a[5m::]", 6, "unexpected colon ':'"),
        ("a[5m[", 5, "unexpected left bracket '['"),
        ("a[", 3, "unexpected end of input in duration expression"),
        ("a[5m", 5, "unclosed left bracket"),
        ("a[5m,]", 5, "unexpected \",\" in subquery or range, expected \":\" or \"]\""),
        ("a[5m:5m,]", 8, "unexpected \",\" in subquery selector, expected \"]\""),
        ("a[5m:()]", 7, &format!("unexpected \")\" {of_step}")),
        ("a[5m:step]", 10, &format!("unexpected \"]\" {of_step}")),
        ("a[(5m]", 6, &format!("unexpected \"]\" {of_range}")),
        ("a[step(5)]", 8, &format!("unexpected number \"5\" {of_range}")),
    ] {
        assert_eq!(error(query), format!("1:{column}: parse error: {message}"), "{query}");
    }
    for query in ["a[step():1m]", "a[-step() + 5m:range()]", "a[max_of(step(), .5)]", "a[5m:STEP()]"] {
        assert!(parse(query).is_ok(), "{query}");
    }
}

#[test]
fn hostile_nesting_is_refused() {
    assert!(error(&"(".repeat(100_000)).contains("nested deeper"));
    assert!(error(&"-".repeat(100_000)).contains("nested deeper"));
    assert!(error(&format!("a{}", " + a".repeat(5000))).contains("operators in a row"));
    // Levels that are no calls of the parser within each other.
    assert!(error(&format!("a{}", "[1m:]".repeat(20_000))).contains("nested deeper"));
    let chain = format!("{})", " + a".repeat(255));
    assert!(error(&format!("{}a{}", "(".repeat(100), chain.repeat(100))).contains("nested deeper"));
}

#[test]
fn the_highest_tree_that_is_read_can_be_printed_and_evaluated() {
    let text = format!("{}a{}{}", "(".repeat(120), " + a".repeat(256), ")".repeat(120));
    let expr = parse(&text).unwrap();
    assert_eq!(expr.to_string(), text);
    let options = crate::Options::default();
    crate::instant(&crate::Memory::default(), &options, &text, &expr, 0).unwrap();
}

#[test]
fn series_end_where_their_values_begin() {
    let (labels, rest) = parse_series_labels("up{job=\"a b\", x='}'} 1 2").unwrap();
    assert_eq!(labels.to_string(), r#"{__name__="up", job="a b", x="}"}"#);
    assert_eq!(rest, " 1 2");
    let (labels, rest) = parse_series_labels("up 1").unwrap();
    assert_eq!((labels.to_string().as_str(), rest), (r#"{__name__="up"}"#, " 1"));
    let (labels, rest) = parse_series_labels("h {{sum:1}}").unwrap();
    assert_eq!((labels.metric_name(), rest), ("h", " {{sum:1}}"));
}

#[test]
fn selectors_stand_alone() {
    assert_eq!(parse_selector("up{job=\"a\"}").unwrap().len(), 2);
    assert!(parse_selector("{}").unwrap().is_empty());
    for (text, message) in [
        ("rate(up[5m])", "1:5: parse error: unexpected \"(\""),
        ("up offset 5m", "1:4: parse error: unexpected <offset>"),
        ("up[5m]", "1:3: parse error: unexpected \"[\""),
    ] {
        assert_eq!(parse_selector(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn regular_expressions_of_a_query_share_their_room() {
    let selector = r#"{a=~"(\\w{99}){60}"}"#;
    assert!(parse(selector).is_ok());
    let query = vec![selector; 100].join(" or ");
    assert!(error(&query).contains("bytes together"), "{}", error(&query));
    let refused = parse_selectors(vec![selector; 100]).unwrap_err().to_string();
    assert!(refused.contains("bytes together"), "{refused}");
    let usual = vec![r#"up{job=~"a|b|node.*",instance!~".*:91[0-9]{2}"}"#; 100].join(" or ");
    assert!(parse(&usual).is_ok());
}
