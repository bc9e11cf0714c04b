use std::collections::BTreeSet;
use std::sync::Arc;

use promql::parser::parse_selector;
use promql::{Labels, Matcher};

use super::storage::{matching, named, since, with_tests};
use crate::{Engine, ExpressionError};

/// Series that are asked about: those of any of the selectors, all if there is none.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    selectors: Vec<Vec<Matcher>>,
    /// Milliseconds since the epoch.
    start: i64,
}

impl Selection {
    /// From selectors as texts; series that ended long before `start`, in milliseconds since the epoch, do not count.
    ///
    /// # Errors
    /// The first selector that is none.
    pub fn new<'a>(selectors: impl IntoIterator<Item = &'a str>, start: i64) -> Result<Self, ExpressionError> {
        let read = |text: &'a str| parse_selector(text).map_err(|error| ExpressionError::Bad(error.to_string()));
        Ok(Self { selectors: selectors.into_iter().map(read).collect::<Result<_, _>>()?, start })
    }

    fn each(&self) -> Vec<&[Matcher]> {
        if self.selectors.is_empty() { vec![&[]] } else { self.selectors.iter().map(Vec::as_slice).collect() }
    }
}

impl Engine {
    /// What people should know of the store: a part that is left out, for one.
    pub fn store_warnings(&self) -> Vec<String> {
        self.store.warnings()
    }

    /// How many series there are.
    pub fn series_count(&self) -> usize {
        self.store.series().len()
    }

    /// Which metrics and labels have the most series, `limit` of each.
    pub fn series_statistics(&self, limit: usize) -> store::SeriesStatistics {
        self.store.series().statistics(limit)
    }

    /// The labels of series, in order.
    pub fn series(&self, selection: &Selection) -> Vec<Labels> {
        let mut found = std::collections::BTreeMap::new();
        for matchers in selection.each() {
            found.extend(matching(&self.store, matchers, selection.start));
        }
        let mut labels: Vec<Labels> = found.into_values().map(named).collect();
        labels.sort_by_cached_key(|labels| {
            labels.iter().map(|label| (Arc::clone(&label.name), Arc::clone(&label.value))).collect::<Vec<_>>()
        });
        labels
    }

    /// The names of labels of series, in order.
    pub fn label_names(&self, selection: &Selection) -> Vec<Arc<str>> {
        let of = |matchers: &[Matcher]| {
            with_tests(matchers, |tests| self.store.series().names(tests, since(selection.start)))
        };
        merged(selection.each().into_iter().map(of).collect())
    }

    /// The values that a label has in series, in order.
    pub fn label_values(&self, name: &str, selection: &Selection) -> Vec<Arc<str>> {
        let of = |matchers: &[Matcher]| {
            with_tests(matchers, |tests| self.store.series().values(name, tests, since(selection.start)))
        };
        merged(selection.each().into_iter().map(of).collect())
    }
}

fn merged(lists: Vec<Vec<Arc<str>>>) -> Vec<Arc<str>> {
    let all: BTreeSet<Arc<str>> = lists.into_iter().flatten().collect();
    all.into_iter().collect()
}
