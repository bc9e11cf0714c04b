//! Which pages are the same, were gone, would come, or come at another time.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use serde::Serialize;

use super::Page;
use super::provider::NEAR;

/// Closer together two pages are at the same time: records are a little older than the log says, and ticks a little later.
const SAME: Duration = Duration::from_secs(10);

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not sent, and would be.
    Added,
    /// It was sent, and would not be.
    Gone,
    /// It would be sent earlier or later.
    Moved,
    /// It would be sent as it was.
    Same,
}

/// One page, as it was and as it would be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// What became of it.
    pub change: Change,
    /// Who is paged.
    pub receiver: String,
    /// What for.
    pub cause: String,
    /// One line for people.
    pub summary: String,
    /// Why then, in the words of `intents`.
    pub reason: String,
    /// When it was sent, RFC 3339.
    pub was: Option<String>,
    /// When it would be sent.
    pub would_be: Option<String>,
}

/// How many pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// See [`Change`].
    pub same: u64,
    /// See [`Change`].
    pub added: u64,
    /// See [`Change`].
    pub gone: u64,
    /// See [`Change`].
    pub moved: u64,
}

/// Pages that were sent against those that would be.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// By receiver.
    pub receivers: BTreeMap<String, Counts>,
    /// In order of time, those that stay included.
    pub pages: Vec<Line>,
}

impl Comparison {
    /// Whether any page differs.
    pub fn differs(&self) -> bool {
        self.pages.iter().any(|line| line.change != Change::Same)
    }
}

/// Compares pages of one receiver and cause in order: each with the nearest of the other side.
pub fn compare(were: &[Page], would_be: &[Page]) -> Comparison {
    let mut lists = BTreeMap::<(&str, &str), (Vec<&Page>, Vec<&Page>)>::new();
    for page in were {
        lists.entry((&page.receiver, page.cause())).or_default().0.push(page);
    }
    for page in would_be {
        lists.entry((&page.receiver, page.cause())).or_default().1.push(page);
    }
    let mut lines = Vec::new();
    for (mut were, mut would_be) in lists.into_values() {
        were.sort_by_key(|page| page.time);
        would_be.sort_by_key(|page| page.time);
        let same = pair(&mut were, &mut would_be, SAME).into_iter().map(|pair| (Change::Same, pair));
        let moved = pair(&mut were, &mut would_be, NEAR).into_iter().map(|pair| (Change::Moved, pair));
        for (change, (was, would_be)) in same.chain(moved) {
            lines.push((was.time, line(change, Some(was), Some(would_be))));
        }
        lines.extend(were.into_iter().map(|page| (page.time, line(Change::Gone, Some(page), None))));
        lines.extend(would_be.into_iter().map(|page| (page.time, line(Change::Added, None, Some(page)))));
    }
    lines.sort_by(|(a_time, a), (b_time, b)| {
        (a_time, &a.receiver, &a.cause, a.change).cmp(&(b_time, &b.receiver, &b.cause, b.change))
    });
    let mut comparison = Comparison::default();
    for (_, line) in lines {
        let counts = comparison.receivers.entry(line.receiver.clone()).or_default();
        *match line.change {
            Change::Same => &mut counts.same,
            Change::Added => &mut counts.added,
            Change::Gone => &mut counts.gone,
            Change::Moved => &mut counts.moved,
        } += 1;
        comparison.pages.push(line);
    }
    comparison
}

/// Takes out pairs that are no further apart than that, in order.
fn pair<'a>(left: &mut Vec<&'a Page>, right: &mut Vec<&'a Page>, apart: Duration) -> Vec<(&'a Page, &'a Page)> {
    let (mut pairs, mut lefts, mut rights) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ls, mut rs) = (left.drain(..).peekable(), right.drain(..).peekable());
    while let (Some(l), Some(r)) = (ls.peek().copied(), rs.peek().copied()) {
        if l.time.since(r.time).max(r.time.since(l.time)) <= apart {
            pairs.push((l, r));
            (_, _) = (ls.next(), rs.next());
        } else if l.time < r.time {
            lefts.extend(ls.next());
        } else {
            rights.extend(rs.next());
        }
    }
    lefts.extend(ls);
    rights.extend(rs);
    (*left, *right) = (lefts, rights);
    pairs
}

fn line(change: Change, was: Option<&Page>, would_be: Option<&Page>) -> Line {
    let page = would_be.or(was);
    let text = |field: fn(&Page) -> &str| page.map(field).unwrap_or_default().to_owned();
    let time = |page: Option<&Page>| page.map(|page: &Page| Timestamp::to_string(&page.time));
    Line {
        change,
        receiver: text(|page| &page.receiver),
        cause: text(Page::cause),
        summary: text(|page| &page.summary),
        reason: text(|page| &page.reason),
        was: time(was),
        would_be: time(would_be),
    }
}
