//! Letting go of series in steps, none of which holds up others for long.

use super::index::{Entry, Index};
use super::pairs::{Pairs, push};

/// A pair that no series has that was looked at and stays.
const NONE: u32 = u32::MAX;

/// An index of the series of another one that are not idle, in the making. Series may be added to the other
/// meanwhile, and announced again.
#[derive(Debug)]
pub(super) struct Shrinking {
    /// Series that were seen last before are idle.
    limit: u32,
    /// How it is now in seconds, on the monotonic clock and on the other.
    now: (u32, u32),
    left: Index,
    /// How many series of the other were looked at, the first ones.
    done: usize,
    /// The new number of each pair of the other.
    moved: Vec<u32>,
    /// When the last of those that go may have been announced.
    last: Option<u32>,
}

impl Shrinking {
    /// Of series that were seen last before `limit` none is left.
    pub fn new(index: &Index, limit: u32, now: (u32, u32)) -> Self {
        let moved = vec![NONE; index.pairs.len()];
        Self { limit, now, left: Index::default(), done: 0, moved, last: None }
    }

    /// How many series were looked at.
    pub const fn done(&self) -> usize {
        self.done
    }

    /// Looks at `count` more series. Gives whether there are no more.
    pub fn step(&mut self, index: &Index, count: usize) -> bool {
        let end = index.len().min(self.done.saturating_add(count));
        for number in self.done..end {
            let Some(entry) = index.entry(number as u32) else { continue };
            if entry.seen >= self.limit {
                self.keep(index, number as u32, entry);
                continue;
            }
            let (now, wall) = self.now;
            // A wall clock that was put forward makes what was announced before look older than it is.
            let announced = entry.announced.max(wall.saturating_sub(now.saturating_sub(entry.seen)));
            self.last = self.last.max(Some(announced));
        }
        self.done = end;
        end == index.len()
    }

    /// Looks again at series that were announced again: those that were looked at already may not stay as they were.
    pub fn again(&mut self, index: &Index, numbers: &[u32]) {
        let done = self.done;
        for &number in numbers.iter().filter(|number| (**number as usize) < done) {
            let Some(entry) = index.entry(number) else { continue };
            if !self.left.announced(&entry) {
                self.keep(index, number, entry);
            }
        }
    }

    fn keep(&mut self, index: &Index, number: u32, entry: Entry) {
        let series = self.left.begin(entry);
        for pair in index.labels_of(number) {
            let moved = self.pair(&index.pairs, *pair, series);
            push(&mut self.left.labels, moved);
        }
    }

    fn pair(&mut self, pairs: &Pairs, pair: u32, series: u32) -> u32 {
        let at = pair as usize;
        if self.moved.len() <= at {
            self.moved.resize(pairs.len().max(at + 1), NONE);
        }
        if self.moved[at] == NONE {
            self.moved[at] = self.left.pairs.add(&pairs.name_of(pair), pairs.value(pair), series);
        } else {
            self.left.pairs.push(self.moved[at], series);
        }
        self.moved[at]
    }

    /// What is left, and when the last of the others may have been announced, if there are others.
    pub fn end(self) -> (Index, Option<u32>) {
        (self.left, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Columns;
    use super::*;
    use base::Timestamp;
    use model::rows::Series;
    use model::{Labels, Row};

    fn row(n: u32) -> Series {
        let labels = Labels::from([("pod".to_owned(), format!("pod-{n}")), ("job".to_owned(), format!("{}", n % 7))]);
        Series {
            time: Timestamp::from_secs(100),
            series_id: Series::id("up", &labels),
            metric: "up".to_owned(),
            labels,
        }
    }

    /// Announces series at `seen`; gives the numbers of those that were there.
    fn announce(index: &mut Index, all: impl IntoIterator<Item = u32>, seen: u32) -> Vec<u32> {
        let rows: Vec<Series> = all.into_iter().map(row).collect();
        let batch = Series::encode(&rows).unwrap();
        let columns = Columns::of(&batch).unwrap();
        (0..columns.len()).filter_map(|n| index.add(&columns, n, seen)).collect()
    }

    fn pods(index: &Index) -> Vec<String> {
        let numbers: Vec<u32> = (0..index.len() as u32).collect();
        let pod = |(_, labels): (_, super::super::StoredLabels)| {
            labels.iter().find(|(name, _)| &**name == "pod").unwrap().1.to_string()
        };
        let mut pods: Vec<String> = index.named(&numbers).into_iter().map(pod).collect();
        pods.sort();
        pods
    }

    fn sorted(all: impl IntoIterator<Item = u32>) -> Vec<String> {
        let mut pods: Vec<String> = all.into_iter().map(|n| format!("pod-{n}")).collect();
        pods.sort();
        pods
    }

    #[test]
    fn what_comes_while_others_go_is_there_whatever_was_looked_at_before() {
        for done in [0, 1, 50, 99, 100, 150, 200] {
            let mut index = Index::default();
            announce(&mut index, 0..100, 10);
            announce(&mut index, 100..200, 20);
            let mut shrinking = Shrinking::new(&index, 20, (30, 1_000));
            assert_eq!(shrinking.step(&index, done), done == 200);
            let again = announce(&mut index, [3, 60, 120, 180, 200, 201], 31);
            assert_eq!(again, [3, 60, 120, 180]);
            shrinking.again(&index, &again);
            while !shrinking.step(&index, 7) {}
            let (left, last) = shrinking.end();
            assert_eq!(pods(&left), sorted([3, 60].into_iter().chain(100..202)), "{done}");
            assert_eq!(last, Some(980), "by the wall clock");
            assert_eq!(left.idle(31, 0, 1_000), 98, "when they were announced again is known: {done}");
            let postings = |name: &str, value: &str| {
                let pair = left.pairs.find(name, value)?;
                left.pairs.postings(pair).map(|postings| postings.iter().collect::<Vec<_>>())
            };
            assert_eq!(postings("pod", "pod-4"), None);
            assert_eq!(postings("pod", "pod-60").map(|numbers| numbers.len()), Some(1));
            let jobs = postings("job", "3").unwrap();
            assert!(jobs.is_sorted() && jobs.len() == (100..202).filter(|n| n % 7 == 3).count() + 1, "{jobs:?}");
            assert!(jobs.iter().all(|number| left.labels_of(*number).len() == 3));
        }
    }

    #[test]
    fn of_an_index_whose_series_all_go_nothing_is_left() {
        let mut index = Index::default();
        announce(&mut index, 0..10, 10);
        let mut shrinking = Shrinking::new(&index, 11, (20, 1_000));
        assert!(shrinking.step(&index, 10));
        let (left, last) = shrinking.end();
        assert_eq!((left.len(), left.pairs.len(), left.pairs.names().len(), last), (0, 0, 0, Some(990)));
    }
}
