//! Expressions as text: on one line, in the form that Prometheus prints.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use super::ast::{
    Aggregate, At, Binary, BinaryOp, Cardinality, Duration, Expr, ExprKind, Extension, Matching, MatrixSelector,
    Modifiers, Subquery, VectorSelector,
};
use crate::labels::{is_classic_name, label_name};
use crate::text::{duration, float, quote};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number, false) => f.write_str(&float(*number)),
            ExprKind::Number(seconds, true) => f.write_str(&duration((seconds * 1000.0).round() as i64)),
            ExprKind::String(text) => f.write_str(&quote(text)),
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
        let Self { op, left, right, returns_bool, matching } = self;
        write!(f, "{left} {}{}{matching} {right}", op.as_str(), if *returns_bool { " bool" } else { "" })
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

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        if self.without {
            write!(f, " without ({}) ", names(&self.grouping))?;
        } else if !self.grouping.is_empty() {
            write!(f, " by ({}) ", names(&self.grouping))?;
        }
        match &self.param {
            Some(param) => write!(f, "({param}, {})", self.expr),
            None => write!(f, "({})", self.expr),
        }
    }
}

impl VectorSelector {
    fn write_series(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let named = self.name.is_some();
        let mut parts = Vec::new();
        if let Some(name) = &self.name {
            if is_classic_name(name, true) {
                f.write_str(name)?;
            } else {
                parts.push(quote(name));
            }
        }
        // The condition on the name that stands before the braces comes last.
        let conditions = self.matchers.len() - usize::from(named).min(self.matchers.len());
        let mut conditions: Vec<String> = self.matchers.iter().take(conditions).map(ToString::to_string).collect();
        conditions.sort();
        parts.extend(conditions);
        if !parts.is_empty() || !named { write!(f, "{{{}}}", parts.join(",")) } else { Ok(()) }
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_series(f)?;
        self.extension.fmt(f)?;
        self.modifiers.fmt(f)
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.vector.write_series(f)?;
        write!(f, "[{}]", self.range)?;
        self.vector.extension.fmt(f)?;
        self.vector.modifiers.fmt(f)
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}:", self.expr, self.range)?;
        if let Some(step) = &self.step {
            step.fmt(f)?;
        }
        write!(f, "]{}", self.modifiers)
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
        match self.at {
            None => {}
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            Some(At::Time(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                write!(f, " @ {sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)?;
            }
        }
        if let Some(offset) = &self.offset {
            write!(f, " offset {offset}")?;
        }
        Ok(())
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Duration::Seconds(seconds, true) => f.write_str(&duration((seconds * 1000.0).round() as i64)),
            Duration::Seconds(seconds, false) => f.write_str(&float(*seconds)),
            Duration::Step => f.write_str("step()"),
            Duration::Range => f.write_str("range()"),
            Duration::Unary(negative, inner) => write!(f, "{}{inner}", if *negative { '-' } else { '+' }),
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
            r#"{"a.b",x="y"}"#,
            "a + on (x) group_left (y) b",
            "a and ignoring (x) b",
            "a > bool 1",
            "topk without () (5, a)",
            "-a ^ 2",
            "(-2) ^ 2",
            "a @ 1.500 offset -5m",
            "rate(a[5m] anchored @ end() offset 1h)",
            "a smoothed",
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
}
