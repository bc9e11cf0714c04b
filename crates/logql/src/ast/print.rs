//! Queries as Loki prints them, with one space where it leaves two.

use std::fmt::{self, Display, Formatter};

use go_template::{quote, show_duration};

use super::*;
use crate::text::{bytes, float, plain_float, range};

fn joined<T: Display>(items: &[T], separator: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Logs(logs) => logs.fmt(f),
            Self::Metric(metric) => metric.fmt(f),
        }
    }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", joined(&self.matchers, ", "))?;
        self.stages.iter().try_for_each(|stage| write!(f, " {stage}"))
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(filter) => filter.fmt(f),
            Self::Json(extractions) if extractions.is_empty() => f.write_str("| json"),
            Self::Json(extractions) => write!(f, "| json {}", joined(extractions, ",")),
            Self::Logfmt(logfmt) => logfmt.fmt(f),
            Self::Pattern(pattern) => write!(f, "| pattern {}", quote(pattern)),
            Self::Regexp(regex) => write!(f, "| regexp {}", quote(regex)),
            Self::Unpack => f.write_str("| unpack"),
            Self::Label(filter) => write!(f, "| {filter}"),
            Self::LineFormat(template) => write!(f, "| line_format {}", quote(template)),
            Self::LabelFormat(formats) => {
                let formats: Vec<String> = formats.iter().map(|(name, format)| format!("{name}={format}")).collect();
                write!(f, "| label_format {}", formats.join(","))
            }
            Self::Decolorize => f.write_str("| decolorize"),
            Self::Drop(chosen) => write!(f, "| drop {}", joined(chosen, ",")),
            Self::Keep(chosen) => write!(f, "| keep {}", joined(chosen, ",")),
        }
    }
}

impl Display for LineFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op.as_str(), joined(&self.alternatives, " or "))
    }
}

impl Display for Needle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quote(text)),
            Self::Ip(range) => write!(f, "ip({})", quote(range)),
        }
    }
}

impl Display for Extraction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.label, quote(&self.path))
    }
}

impl Display for Logfmt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("| logfmt")?;
        if self.strict {
            f.write_str(" --strict")?;
        }
        if self.keep_empty {
            f.write_str(" --keep-empty")?;
        }
        if self.extractions.is_empty() { Ok(()) } else { write!(f, " {}", joined(&self.extractions, ",")) }
    }
}

impl Display for LabelFormat {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename(label) => f.write_str(label),
            Self::Template(template) => f.write_str(&quote(template)),
        }
    }
}

impl Display for Chosen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Matcher(matcher) => matcher.fmt(f),
        }
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(matcher) => matcher.fmt(f),
            Self::Number(name, op, value) => write!(f, "{name}{}{}", op.as_str(), plain_float(*value)),
            Self::Duration(name, op, value) => write!(f, "{name}{}{}", op.as_str(), show_duration(*value)),
            Self::Bytes(name, op, value) => write!(f, "{name}{}{}", op.as_str(), bytes(*value)),
            Self::Ip { label, positive, range } => {
                write!(f, "{label}{}ip({})", if *positive { "=" } else { "!=" }, quote(range))
            }
            Self::And(left, right) => write!(f, "( {left} , {right} )"),
            Self::Or(left, right) => write!(f, "( {left} or {right} )"),
        }
    }
}

impl Display for MetricExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(aggregation) => aggregation.fmt(f),
            Self::Vector(aggregation) => aggregation.fmt(f),
            Self::Binary(binary) => binary.fmt(f),
            Self::Literal(value) => f.write_str(&float(*value)),
            Self::Constant(value) => write!(f, "vector({value:.6})"),
            Self::LabelReplace(replace) => replace.fmt(f),
        }
    }
}

impl Display for LogRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.logs.fmt(f)?;
        if let Some(unwrap) = &self.unwrap {
            unwrap.fmt(f)?;
        }
        write!(f, "[{}]", range(self.range))?;
        if self.offset == 0 { Ok(()) } else { write!(f, " offset {}", show_duration(self.offset)) }
    }
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.conversion {
            Conversion::Float => write!(f, " | unwrap {}", self.label)?,
            conversion => write!(f, " | unwrap {}({})", conversion.as_str(), self.label)?,
        }
        self.filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Display for RangeAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op.as_str())?;
        if let Some(param) = self.param {
            write!(f, "{},", plain_float(param))?;
        }
        write!(f, "{})", self.source)?;
        self.grouping.as_ref().map_or(Ok(()), |grouping| grouping.fmt(f))
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, " {} ({})", if self.without { "without" } else { "by" }, self.labels.join(","))
    }
}

impl Display for VectorAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        if self.grouping.without || !self.grouping.labels.is_empty() {
            self.grouping.fmt(f)?;
        }
        match self.op.has_param() {
            true => write!(f, "({},{})", self.param, self.source),
            false => write!(f, "({})", self.source),
        }
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({} {}", self.left, self.op.as_str())?;
        if self.returns_bool {
            f.write_str(" bool")?;
        }
        let matching = &self.matching;
        if matching.on || !matching.labels.is_empty() || matching.cardinality != Cardinality::OneToOne {
            write!(f, " {} ({})", if matching.on { "on" } else { "ignoring" }, matching.labels.join(","))?;
        }
        let group = match matching.cardinality {
            Cardinality::OneToOne => "",
            Cardinality::ManyToOne => " group_left",
            Cardinality::OneToMany => " group_right",
        };
        f.write_str(group)?;
        // Without names an expression in parentheses would be read as names.
        if !matching.include.is_empty() || (!group.is_empty() && matches!(self.right, MetricExpr::Binary(_))) {
            write!(f, " ({})", matching.include.join(","))?;
        }
        write!(f, " {})", self.right)
    }
}

impl Display for LabelReplace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [target, replacement, label, regex] =
            [&self.target, &self.replacement, &self.label, &self.regex].map(|text| quote(text));
        write!(f, "label_replace({},{target},{replacement},{label},{regex})", self.source)
    }
}
