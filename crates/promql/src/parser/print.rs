//! Expressions as text: on one line, in the form that Prometheus prints.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use super::ast::{
    Aggregate, At, Binary, BinaryOp, Cardinality, Duration, Expr, ExprKind, Extension, Matching, MatrixSelector,
    Modifiers, Subquery, VectorSelector,
};
use super::lexer::quoted_bytes;
use crate::labels::label_name;
use crate::text::{duration, float, plain_float};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number, false) => f.write_str(&plain_float(*number)),
            ExprKind::Number(seconds, true) => f.write_str(&duration((seconds * 1000.0).round() as i64)),
            ExprKind::String(text) => f.write_str(&quoted_bytes(text)),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Unary(negative, operand) => write!(f, "{}{operand}", if *negative { '-' } else { '+' }),
            ExprKind::Binary(binary) => binary.fmt(f),
            ExprKind::Aggregate(aggregate) => aggregate.fmt(f),
            ExprKind::Call(call) => {
                let args: Vec<String> = call.args.iter().map(ToString::to_string).collect();
                write!(f, "{}({})", call.function.name, args.join(", "))
            }
            ExprKind::Vector(vector) => vector.fmt(f),
            ExprKind::Matrix(matrix) => matrix.fmt(f),
            ExprKind::Subquery(subquery) => subquery.fmt(f),
        }
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.middle(), self.right)
    }
}

impl Binary {
    /// What stands between its sides.
    pub(super) fn middle(&self) -> String {
        format!("{}{}{}", self.op.as_str(), if self.returns_bool { " bool" } else { "" }, self.matching)
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let grouped = match self.cardinality {
            Cardinality::ManyToOne => Some("group_left"),
            Cardinality::OneToMany => Some("group_right"),
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
        };
        if self.on || !self.labels.is_empty() || grouped.is_some() {
            write!(f, " {} ({})", if self.on { "on" } else { "ignoring" }, names(&self.labels))?;
        }
        if let Some(grouped) = grouped {
            write!(f, " {grouped} ({})", names(&self.include))?;
        }
        match (self.fill_left, self.fill_right) {
            (Some(left), Some(right)) if left.to_bits() == right.to_bits() => write!(f, " fill ({})", float(left)),
            (left, right) => {
                for (name, value) in [("fill_left", left), ("fill_right", right)] {
                    if let Some(value) = value {
                        write!(f, " {name} ({})", float(value))?;
                    }
                }
                Ok(())
            }
        }
    }
}

fn names(names: &[Arc<str>]) -> String {
    names.iter().map(|name| label_name(name)).collect::<Vec<_>>().join(", ")
}

impl Aggregate {
    /// What stands before its arguments.
    pub(super) fn head(&self) -> String {
        let op = self.op.as_str();
        match (self.without, self.grouping.is_empty()) {
            (true, _) => format!("{op} without ({}) ", names(&self.grouping)),
            (false, true) => op.to_owned(),
            (false, false) => format!("{op} by ({}) ", names(&self.grouping)),
        }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        match &self.param {
            Some(param) => write!(f, "({param}, {})", self.expr),
            None => write!(f, "({})", self.expr),
        }
    }
}

impl VectorSelector {
    fn write_series(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let named = self.name.is_some();
        f.write_str(self.name.as_deref().unwrap_or_default())?;
        // The condition on the name that stands before the braces comes last.
        let conditions = self.matchers.len() - usize::from(named).min(self.matchers.len());
        let mut conditions: Vec<String> = self.matchers.iter().take(conditions).map(ToString::to_string).collect();
        conditions.sort();
        if !conditions.is_empty() || !named { write!(f, "{{{}}}", conditions.join(",")) } else { Ok(()) }
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_series(f)?;
        self.modifiers.fmt_at(f)?;
        self.extension.fmt(f)?;
        self.modifiers.fmt_offset(f)
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.vector.write_series(f)?;
        write!(f, "[{}]", written(&self.range))?;
        self.vector.extension.fmt(f)?;
        self.vector.modifiers.fmt(f)
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.expr, self.suffix())
    }
}

impl Subquery {
    /// What stands behind its expression.
    pub(super) fn suffix(&self) -> String {
        let step = self.step.as_ref().map(written).unwrap_or_default();
        format!("[{}:{step}]{}", written(&self.range), self.modifiers)
    }
}

impl Display for Extension {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Extension::None => "",
            Extension::Anchored => " anchored",
            Extension::Smoothed => " smoothed",
        })
    }
}

impl Display for Modifiers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.fmt_at(f)?;
        self.fmt_offset(f)
    }
}

impl Modifiers {
    fn fmt_at(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            None => Ok(()),
            Some(At::Start) => f.write_str(" @ start()"),
            Some(At::End) => f.write_str(" @ end()"),
            Some(At::Time(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                write!(f, " @ {sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
            }
        }
    }

    /// One of nothing is left out.
    fn fmt_offset(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.offset {
            Some(offset) if offset.literal().is_none_or(|(seconds, _)| seconds != 0.0) => {
                write!(f, " offset {}", written(offset))
            }
            _ => Ok(()),
        }
    }
}

/// A range, step or offset: a number is a duration there, however it was written.
fn written(duration: &Duration) -> String {
    match duration.literal() {
        Some((seconds, _)) => format!("{}{}", if seconds < 0.0 { "-" } else { "" }, span_of(seconds)),
        None => duration.to_string(),
    }
}

/// So many seconds, whatever their sign, as a duration, which has no parts of milliseconds.
fn span_of(seconds: f64) -> String {
    let ms = (seconds.abs() * 1000.0).round();
    if ms / 1000.0 == seconds.abs() { duration(ms as i64) } else { plain_float(seconds.abs()) }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Duration::Seconds(seconds, true) => f.write_str(&span_of(*seconds)),
            Duration::Seconds(seconds, false) => f.write_str(&plain_float(*seconds)),
            Duration::Step => f.write_str("step()"),
            Duration::Range => f.write_str("range()"),
            Duration::Unary(true, inner) => write!(f, "-{inner}"),
            Duration::Unary(false, inner) => inner.fmt(f),
            Duration::Paren(inner) => write!(f, "({inner})"),
            Duration::Extreme(max, a, b) => write!(f, "{}({a}, {b})", if *max { "max_of" } else { "min_of" }),
            Duration::Binary(op, a, b) => write!(f, "{a} {} {b}", BinaryOp::as_str(*op)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::parse;

    #[test]
    fn what_is_printed_reads_back_as_the_same() {
        for query in [
            r#"sum by (job, "a.b") (rate(http_requests_total{code!="500",job=~"a|b"}[5m]))"#,
            "a + on (x) group_left (y) b",
            "a and ignoring (x) b",
            "a > bool 1",
            "topk without () (5, a)",
            "-a ^ 2",
            "(-2) ^ 2",
            "a @ 1.500 offset -5m",
            "rate(a[5m] anchored @ end() offset 1h)",
            "a smoothed",
            "a @ 1.500 smoothed offset 5m",
            "max_over_time(a[1h:5m] @ start())",
            "sum_over_time(a[(step() + 1m) * 2:min_of(step(), 1s)])",
            r#"label_replace(a, "x", "$1", "y", "(.*)\n")"#,
            "a + fill (0) b",
            "a / on (x) group_right () fill_left (1) fill_right (2) b",
            "h </ 5",
            "1h30m",
            "sum(sum)",
            r#"info(a, {x="y"})"#,
        ] {
            let printed = parse(query).unwrap_or_else(|error| panic!("{query}: {error}")).to_string();
            assert_eq!(printed, query);
            assert_eq!(parse(&printed).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_can_be_written_in_more_than_one_way_is_printed_as_prometheus_prints_it() {
        let cases = [
            (r#"{"a.b",x="y"}"#, r#"{__name__="a.b",x="y"}"#),
            ("a{}[90:45] offset -17", "a[1m30s:45s] offset -17s"),
            ("1e21 + .5", "1000000000000000000000 + 0.5"),
            ("a offset 0s", "a"),
            ("a[+step()]", "a[step()]"),
            ("a offset --5m * 2", "a offset 5m * 2"),
            ("a offset -+5m * 2", "a offset -5m * 2"),
            ("a[((5m)) - - 1m]", "a[(5m) - -1m]"),
            ("+5m - --1h30m", "5m - 1h30m"),
            ("a[25h:8d1s]", "a[1d1h:8d1s]"),
            (r#""a\xffb""#, r#""a\xffb""#),
        ];
        for (query, expected) in cases {
            assert_eq!(parse(query).unwrap().to_string(), expected);
        }
    }
}
