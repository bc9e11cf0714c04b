use std::sync::Arc;

use super::{Evaluator, Steps};
use crate::error::QueryError;
use crate::labels::{Builder, Labels, METRIC_NAME};
use crate::parser::as_invalid_byte;
use crate::parser::ast::Expr;
use crate::value::Series;

impl Evaluator<'_> {
    pub(super) fn eval_label_replace(&self, args: &[Expr], steps: Steps) -> Result<Vec<Series>, QueryError> {
        let (target, replacement) = (self.text(args, 1, steps)?, self.text(args, 2, steps)?);
        let (source, pattern) = (self.text(args, 3, steps)?, self.text(args, 4, steps)?);
        let regex = re2::whole(&pattern)
            .map_err(|_| QueryError::failed(format!("invalid regular expression in label_replace(): {pattern}")))?;
        if !is_label_name(&target) {
            return Err(QueryError::failed(format!("invalid destination label name in label_replace(): {target}")));
        }
        let Some(arg) = args.first() else { return Ok(Vec::new()) };
        let mut input = self.eval_vector(arg, steps)?;
        let template = go_template(&replacement);
        let pieces = pieces(&template);
        for series in &mut input {
            self.check_time()?;
            let value = series.labels.get(&source).to_owned();
            let Some(captures) = regex.captures(&value) else { continue };
            let mut expanded = String::new();
            for piece in &pieces {
                captures.expand(piece, &mut expanded);
                self.check_label(&target, expanded.len())?;
            }
            self.set_label(series, &target, &expanded)?;
        }
        super::series::merged(input)
    }

    pub(super) fn eval_label_join(&self, args: &[Expr], steps: Steps) -> Result<Vec<Series>, QueryError> {
        let (target, separator) = (self.text(args, 1, steps)?, self.text(args, 2, steps)?);
        let sources = (3..args.len()).map(|at| self.text(args, at, steps)).collect::<Result<Vec<_>, _>>()?;
        if let Some(source) = sources.iter().find(|source| !is_label_name(source)) {
            return Err(QueryError::failed(format!("invalid source label name in label_join(): {source}")));
        }
        if !is_label_name(&target) {
            return Err(QueryError::failed(format!("invalid destination label name in label_join(): {target}")));
        }
        let Some(arg) = args.first() else { return Ok(Vec::new()) };
        let mut input = self.eval_vector(arg, steps)?;
        for series in &mut input {
            self.check_time()?;
            let values: Vec<&str> = sources.iter().map(|source| series.labels.get(source)).collect();
            let separators = separator.len().saturating_mul(values.len().saturating_sub(1));
            let length = values.iter().fold(separators, |sum, value| sum.saturating_add(value.len()));
            self.check_label(&target, length)?;
            let joined = values.join(&separator);
            self.set_label(series, &target, &joined)?;
        }
        super::series::merged(input)
    }

    /// Whether a label may be that long, its name included.
    pub(super) fn check_label(&self, name: &str, value: usize) -> Result<(), QueryError> {
        let (bytes, limit) = (name.len().saturating_add(value), self.options.limits.one_label_bytes);
        if bytes > limit { Err(QueryError::Labels { bytes, name: "one_label_bytes", limit }) } else { Ok(()) }
    }

    /// Counts bytes of labels that the evaluation makes, or copies to other series.
    pub(super) fn hold_labels(&self, bytes: usize) -> Result<(), QueryError> {
        let (bytes, limit) = (self.labels.get().saturating_add(bytes), self.options.limits.label_bytes);
        self.labels.set(bytes);
        if bytes > limit { Err(QueryError::Labels { bytes, name: "label_bytes", limit }) } else { Ok(()) }
    }

    fn set_label(&self, series: &mut Series, name: &Arc<str>, value: &str) -> Result<(), QueryError> {
        self.hold_labels(name.len() + value.len())?;
        series.labels = with(&series.labels, name, value);
        if **name == *METRIC_NAME {
            series.drops_name = false;
        }
        Ok(())
    }
}

/// With one label set, whose name all series share.
pub(super) fn with(labels: &Labels, name: &Arc<str>, value: &str) -> Labels {
    let mut builder = Builder::from(labels);
    builder.set(Arc::clone(name), value);
    builder.build()
}

pub(super) fn is_label_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| as_invalid_byte(c).is_some())
}

/// In Go's replacement texts `$1a` is the group `1a`, as here, but `$` before anything else is itself.
fn go_template(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let tail = after.get(1..).unwrap_or_default();
        let group = tail.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '{' | '$'));
        if tail.starts_with('$') {
            out.push_str("$$");
            rest = tail.get(1..).unwrap_or_default();
        } else {
            out.push_str(if group { "$" } else { "$$" });
            rest = tail;
        }
    }
    out + rest
}

/// A template in parts with one group each at most, so that the length can be looked at after each.
fn pieces(template: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), template);
    while !rest.is_empty() {
        let own = if rest.starts_with("$$") { 2 } else { usize::from(rest.starts_with('$')) };
        let end = rest.get(own..).and_then(|tail| tail.find('$')).map_or(rest.len(), |at| own + at);
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_one_group_in_each_piece() {
        for (template, expected) in [
            ("", vec![]),
            ("ä", vec!["ä"]),
            ("ä$1-${b}$$$2", vec!["ä", "$1-", "${b}", "$$", "$2"]),
            ("$$1$$", vec!["$$1", "$$"]),
        ] {
            assert_eq!(pieces(template), expected, "{template}");
        }
    }
}
