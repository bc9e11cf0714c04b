//! What the store can check of a selection, so that it need not read all of a table: which services send,
//! and what is a part of a line. The rows that come are checked as a whole all the same.

use arrow::datatypes::Schema;
use logql::{MatchOp, Matcher, Selection};
use store::{Text, TextTest};

use super::streams::{SERVICE_NAME, UNKNOWN};

/// Conditions on columns.
pub(super) struct Conditions(Vec<(&'static str, Text)>);

impl Conditions {
    pub(super) fn new(selection: &Selection<'_>) -> Self {
        let named = selection.matchers.iter().filter(|matcher| *matcher.name == *SERVICE_NAME);
        let services = named.filter_map(services).map(|services| ("service", Text::one_of(services)));
        let parts = selection.texts.iter().map(|parts| ("body", Text::Holding(parts.clone())));
        Self(services.chain(parts).collect())
    }

    /// The conditions on a table's columns.
    pub(super) fn of(&self, schema: &Schema) -> Vec<TextTest> {
        let test = |(name, text): &(&'static str, Text)| {
            Some(TextTest { column: schema.index_of(name).ok()?, key: None, text: text.clone() })
        };
        self.0.iter().filter_map(test).collect()
    }
}

/// The services that a matcher allows, as they are stored; nothing if they cannot be counted up.
fn services(matcher: &Matcher) -> Option<Vec<String>> {
    let mut services = match matcher.op {
        MatchOp::Equal => vec![(*matcher.value).to_owned()],
        MatchOp::Regexp => alternatives(&matcher.value)?,
        MatchOp::NotEqual | MatchOp::NotRegexp => return None,
    };
    if services.iter().any(|service| service == UNKNOWN) {
        services.push(String::new());
    }
    Some(services)
}

/// The texts that a regular expression matches, if it is nothing but texts beside each other.
fn alternatives(regexp: &str) -> Option<Vec<String>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | ':' | '|');
    regexp.chars().all(is_plain).then(|| regexp.split('|').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use logql::Direction;

    use super::*;

    fn conditions(op: MatchOp, value: &str) -> Vec<(&'static str, Text)> {
        let matchers = [Matcher::new(SERVICE_NAME, op, value).unwrap()];
        let texts = vec![vec!["oops".to_owned()]];
        let selection = Selection { matchers: &matchers, from: 0, to: 1, direction: Direction::Forward, texts };
        Conditions::new(&selection).0
    }

    #[test]
    fn services_are_counted_up_where_they_can_be() {
        let part = || ("body", Text::Holding(vec!["oops".to_owned()]));
        let of = |services: &[&str]| {
            vec![("service", Text::one_of(services.iter().map(|service| (*service).to_owned()).collect())), part()]
        };
        assert_eq!(conditions(MatchOp::Equal, "shop"), of(&["shop"]));
        assert_eq!(conditions(MatchOp::Equal, "a.b"), of(&["a.b"]));
        assert_eq!(conditions(MatchOp::Regexp, "shop|cart-2"), of(&["shop", "cart-2"]));
        assert_eq!(conditions(MatchOp::Equal, UNKNOWN), of(&[UNKNOWN, ""]));
        for (op, value) in [(MatchOp::Regexp, "a.b"), (MatchOp::NotEqual, "shop"), (MatchOp::NotRegexp, "a|b")] {
            assert_eq!(conditions(op, value), [part()], "{value}");
        }
    }
}
