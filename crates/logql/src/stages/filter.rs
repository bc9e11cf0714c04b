//! Conditions on labels.

use super::ip::IpRange;
use super::work::Work;
use crate::ast::{Compare, LabelFilter};
use crate::matcher::Matcher;
use crate::text::{parse_bytes, parse_float, parse_go_duration};

const FILTER_ERROR: &str = "LabelFilterErr";

/// A condition, ready to run.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Text(Matcher),
    Number(String, Compare, f64),
    Duration(String, Compare, i64),
    Bytes(String, Compare, u64),
    Ip { label: String, positive: bool, range: IpRange },
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

impl Condition {
    pub(crate) fn new(filter: &LabelFilter) -> Result<Self, String> {
        let both = |left: &LabelFilter, right: &LabelFilter| {
            Ok::<_, String>((Box::new(Self::new(left)?), Box::new(Self::new(right)?)))
        };
        Ok(match filter {
            LabelFilter::Text(matcher) => Self::Text(matcher.clone()),
            LabelFilter::Number(label, op, value) => Self::Number(label.clone(), *op, *value),
            LabelFilter::Duration(label, op, value) => Self::Duration(label.clone(), *op, *value),
            LabelFilter::Bytes(label, op, value) => Self::Bytes(label.clone(), *op, *value),
            LabelFilter::Ip { label, positive, range } => {
                Self::Ip { label: label.clone(), positive: *positive, range: IpRange::parse(range)? }
            }
            LabelFilter::And(left, right) => both(left, right).map(|(left, right)| Self::And(left, right))?,
            LabelFilter::Or(left, right) => both(left, right).map(|(left, right)| Self::Or(left, right))?,
        })
    }

    /// Whether a line stays. One whose label is no number stays, with an error; and one with an error stays but for conditions on
    /// texts: it may lack the label for that reason.
    pub(super) fn keeps(&self, work: &mut Work) -> bool {
        match self {
            Self::Number(..) | Self::Duration(..) | Self::Bytes(..) | Self::Ip { .. } if work.error().is_some() => true,
            Self::Text(matcher) => matcher.matches(work.get(&matcher.name).unwrap_or_default()),
            Self::Number(label, op, value) => compare(work, label, parse_float, *op, value),
            Self::Duration(label, op, value) => compare(work, label, parse_go_duration, *op, value),
            Self::Bytes(label, op, value) => compare(work, label, parse_bytes, *op, value),
            Self::Ip { label, positive, range } => work.get(label).is_some_and(|text| range.find(text) == *positive),
            Self::And(left, right) => left.keeps(work) && right.keeps(work),
            Self::Or(left, right) => left.keeps(work) || right.keeps(work),
        }
    }

    /// The labels that it looks at.
    pub(crate) fn names(&self, out: &mut Vec<String>) {
        match self {
            Self::Text(matcher) => out.push(matcher.name.to_string()),
            Self::Number(label, ..) | Self::Duration(label, ..) | Self::Bytes(label, ..) | Self::Ip { label, .. } => {
                out.push(label.clone())
            }
            Self::And(left, right) | Self::Or(left, right) => {
                left.names(out);
                right.names(out);
            }
        }
    }
}

fn compare<T: PartialOrd>(
    work: &mut Work,
    label: &str,
    parse: impl Fn(&str) -> Result<T, String>,
    op: Compare,
    value: &T,
) -> bool {
    let Some(text) = work.get(label) else { return false };
    match parse(text) {
        Ok(number) => op.holds(&number, value),
        Err(error) => {
            work.fail(FILTER_ERROR, &error);
            true
        }
    }
}
