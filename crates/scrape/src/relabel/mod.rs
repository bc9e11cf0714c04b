//! Relabelling, of targets and of samples
//! (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config>).

mod action;
mod pattern;
mod rule;

pub use action::Action;
pub use pattern::Pattern;
pub use rule::Rule;
pub(crate) use rule::rules;

use crate::Labels;

/// Applies rules in their order; gives whether the labels are kept.
pub fn process(labels: &mut Labels, rules: &[Rule]) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}
