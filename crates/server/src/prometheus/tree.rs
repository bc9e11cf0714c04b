//! Expressions as trees, as `parse_query` gives them.
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#parsing-a-promql-expressions-into-a-abstract-syntax-tree-ast>

use promql::Matcher;
use promql::parser::ast::{
    Aggregate, At, Binary, Call, Cardinality, Duration, Expr, ExprKind, Extension, Matching, Modifiers, Subquery,
    ValueType, VectorSelector,
};
use promql::text::plain_float;
use serde_json::{Value, json};

use super::data::json_number;

/// An expression with all that it is made of.
pub fn of(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number(value, _) => json!({"type": "numberLiteral", "val": plain_float(*value)}),
        ExprKind::String(text) => json!({"type": "stringLiteral", "val": text}),
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": of(inner)}),
        ExprKind::Unary(is_negative, inner) => {
            json!({"type": "unaryExpr", "op": if *is_negative { "-" } else { "+" }, "expr": of(inner)})
        }
        ExprKind::Binary(binary) => operator(binary),
        ExprKind::Aggregate(aggregate) => aggregation(aggregate),
        ExprKind::Call(call) => function(call),
        ExprKind::Vector(vector) => selector("vectorSelector", vector),
        ExprKind::Matrix(matrix) => {
            let mut tree = selector("matrixSelector", &matrix.vector);
            add_duration(&mut tree, "range", Some(&matrix.range));
            tree
        }
        ExprKind::Subquery(subquery) => of_subquery(subquery),
    }
}

fn operator(binary: &Binary) -> Value {
    let both = [&binary.left, &binary.right].iter().all(|side| side.value_type() == ValueType::Vector);
    json!({
        "type": "binaryExpr",
        "op": binary.op.as_str(),
        "lhs": of(&binary.left),
        "rhs": of(&binary.right),
        "matching": both.then(|| matching(&binary.matching)),
        "bool": binary.returns_bool,
    })
}

fn matching(matching: &Matching) -> Value {
    let card = match matching.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    json!({
        "card": card,
        "labels": texts(&matching.labels),
        "on": matching.on,
        "include": texts(&matching.include),
        "fillValues": {"lhs": matching.fill_left.map(json_number), "rhs": matching.fill_right.map(json_number)},
    })
}

fn aggregation(aggregate: &Aggregate) -> Value {
    json!({
        "type": "aggregation",
        "op": aggregate.op.as_str(),
        "expr": of(&aggregate.expr),
        "param": aggregate.param.as_ref().map(of),
        "grouping": texts(&aggregate.grouping),
        "without": aggregate.without,
    })
}

fn function(call: &Call) -> Value {
    let function = call.function;
    json!({
        "type": "call",
        "func": {
            "name": function.name,
            "argTypes": function.args.iter().map(|of| type_name(*of)).collect::<Vec<_>>(),
            "variadic": function.variadic,
            "returnType": type_name(function.returns),
        },
        "args": call.args.iter().map(of).collect::<Vec<_>>(),
    })
}

fn selector(kind: &str, vector: &VectorSelector) -> Value {
    let condition =
        |matcher: &Matcher| json!({"name": *matcher.name, "value": *matcher.value, "type": matcher.op.as_str()});
    let mut tree = json!({
        "type": kind,
        "name": vector.name.as_deref().unwrap_or_default(),
        "matchers": vector.matchers.iter().map(condition).collect::<Vec<_>>(),
        "anchored": vector.extension == Extension::Anchored,
        "smoothed": vector.extension == Extension::Smoothed,
    });
    add_modifiers(&mut tree, &vector.modifiers);
    tree
}

fn of_subquery(subquery: &Subquery) -> Value {
    let mut tree = json!({
        "type": "subquery",
        "expr": of(&subquery.expr),
    });
    add_duration(&mut tree, "range", Some(&subquery.range));
    add_duration(&mut tree, "step", subquery.step.as_ref());
    add_modifiers(&mut tree, &subquery.modifiers);
    tree
}

fn add_modifiers(tree: &mut Value, modifiers: &Modifiers) {
    let (time, end) = match modifiers.at {
        Some(At::Time(time)) => (Some(time), None),
        Some(At::Start) => (None, Some("start")),
        Some(At::End) => (None, Some("end")),
        None => (None, None),
    };
    add_duration(tree, "offset", modifiers.offset.as_ref());
    tree["timestamp"] = time.into();
    tree["startOrEnd"] = end.into();
}

/// Milliseconds, 0 of none and of what is worked out when the query is evaluated; that is a tree of its own.
fn add_duration(tree: &mut Value, name: &str, duration: Option<&Duration>) {
    let number = duration.and_then(Duration::literal);
    let nanos = number.map_or(0, |(seconds, _)| (seconds * 1e9).round() as i64);
    tree[name] = (nanos / 1_000_000).into();
    tree[format!("{name}Expr")] = duration.filter(|_| number.is_none()).map(of_duration).into();
}

fn of_duration(duration: &Duration) -> Value {
    if let Some((seconds, is_duration)) = duration.literal() {
        return json!({"type": "numberLiteral", "val": plain_float(seconds), "duration": is_duration});
    }
    let expr = |op: &str, lhs: Option<&Duration>, rhs: Option<&Duration>, is_wrapped: bool| {
        let [lhs, rhs] = [lhs, rhs].map(|side| side.map(of_duration));
        json!({"type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": is_wrapped})
    };
    match duration {
        Duration::Step => expr("step", None, None, false),
        Duration::Range => expr("range", None, None, false),
        Duration::Unary(false, of) => of_duration(of),
        Duration::Unary(true, of) => expr("-", None, Some(of), false),
        Duration::Binary(op, a, b) => expr(op.as_str(), Some(a), Some(b), false),
        Duration::Extreme(is_max, a, b) => expr(if *is_max { "max_of" } else { "min_of" }, Some(a), Some(b), false),
        // A number has no place for parentheses: they are those of a sign before it.
        Duration::Paren(of) if of.literal().is_some() => expr("+", None, Some(of), true),
        Duration::Paren(of) => {
            let mut inner = of_duration(of);
            inner["wrapped"] = true.into();
            inner
        }
        Duration::Seconds(..) => Value::Null,
    }
}

const fn type_name(of: ValueType) -> &'static str {
    match of {
        ValueType::Scalar => "scalar",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
        ValueType::String => "string",
    }
}

fn texts(of: &[std::sync::Arc<str>]) -> Vec<&str> {
    of.iter().map(|text| &**text).collect()
}

#[cfg(test)]
mod tests {
    use promql::parse;

    use super::*;

    fn tree(text: &str) -> Value {
        of(&parse(text).unwrap())
    }

    #[test]
    fn trees_look_as_those_of_prometheus() {
        let up = json!({
            "type": "vectorSelector", "name": "up", "offset": 0, "offsetExpr": null, "timestamp": null, "startOrEnd": null,
            "matchers": [{"name": "job", "value": "a|b", "type": "=~"}, {"name": "__name__", "value": "up", "type": "="}],
            "anchored": false, "smoothed": false,
        });
        assert_eq!(tree(r#"up{job=~"a|b"}"#), up);
        let sum = tree(r#"sum by (job) (rate(up{job=~"a|b"}[5m] offset -1m @ end()))"#);
        assert_eq!((&sum["op"], &sum["grouping"], &sum["param"]), (&json!("sum"), &json!(["job"]), &Value::Null));
        let call = &sum["expr"];
        assert_eq!(
            call["func"],
            json!({"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"})
        );
        let range = &call["args"][0];
        assert_eq!(
            (&range["type"], &range["range"], &range["offset"]),
            (&json!("matrixSelector"), &json!(300_000), &json!(-60_000))
        );
        assert_eq!(range["startOrEnd"], "end");
        let both = tree("-a / on(x) group_left(y) (b @ 1.5) > bool 2");
        assert_eq!((&both["op"], &both["bool"], &both["matching"]), (&json!(">"), &json!(true), &Value::Null));
        assert_eq!(
            both["lhs"]["matching"],
            json!({"card": "many-to-one", "labels": ["x"], "on": true, "include": ["y"], "fillValues": {"lhs": null, "rhs": null}})
        );
        let filled = tree("a + fill_left (2) fill_right (0.5) b");
        assert_eq!(filled["matching"]["fillValues"], json!({"lhs": 2, "rhs": 0.5}));
        assert_eq!(both["lhs"]["lhs"]["op"], "-");
        assert_eq!(both["lhs"]["rhs"]["expr"]["timestamp"], 1_500);
        assert_eq!(both["rhs"], json!({"type": "numberLiteral", "val": "2"}));
        let subquery = tree(r#"topk(3, max_over_time(x[1h:30s]))"#);
        assert_eq!(subquery["param"]["val"], "3");
        assert_eq!(subquery["expr"]["args"][0]["step"], 30_000);
    }

    #[test]
    fn durations_that_are_worked_out_are_trees() {
        let minute = json!({"type": "numberLiteral", "val": "60", "duration": true});
        let step = json!({"type": "durationExpr", "op": "step", "lhs": null, "rhs": null, "wrapped": false});
        let range = tree("rate(x[-(step()) + 1m])");
        let range = &range["args"][0];
        assert_eq!(range["range"], 0);
        let mut wrapped = step;
        wrapped["wrapped"] = true.into();
        let negative = json!({"type": "durationExpr", "op": "-", "lhs": null, "rhs": wrapped, "wrapped": false});
        let sum = json!({"type": "durationExpr", "op": "+", "lhs": negative, "rhs": minute, "wrapped": false});
        assert_eq!(range["rangeExpr"], sum);
        let moved = tree("x offset (-1m)");
        let wrapped = json!({
            "type": "durationExpr", "op": "+", "lhs": null, "wrapped": true,
            "rhs": {"type": "numberLiteral", "val": "-60", "duration": true},
        });
        assert_eq!((&moved["offset"], &moved["offsetExpr"]), (&json!(0), &wrapped));
    }
}
