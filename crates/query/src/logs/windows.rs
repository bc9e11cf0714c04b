//! A range of time in parts, which are read one after the other: so that rows in the order of files
//! can be brought into the order of time without holding all of them.

/// Nanoseconds of a minute.
const MINUTE: i64 = 60_000_000_000;
/// The first part.
const FIRST: i64 = 10 * MINUTE;
/// A part is not made smaller.
const LEAST: i64 = 1_000_000_000;
/// The next part is larger after one with fewer rows.
const FEW: usize = 20_000;
/// It is smaller after one with more.
const MANY: usize = 200_000;

/// Parts of `from` to before `to`, nanoseconds since the epoch.
#[derive(Debug)]
pub(super) struct Windows {
    from: i64,
    to: i64,
    backward: bool,
    size: i64,
}

impl Windows {
    pub(super) fn new(from: i64, to: i64, backward: bool) -> Self {
        Self { from, to, backward, size: FIRST }
    }

    /// The next part: the first time, and the time after the last.
    pub(super) fn peek(&self) -> Option<(i64, i64)> {
        if self.from >= self.to {
            return None;
        }
        Some(match self.backward {
            true => (self.from.max(self.to.saturating_sub(self.size)), self.to),
            false => (self.from, self.to.min(self.from.saturating_add(self.size))),
        })
    }

    /// The part was read and had so many rows.
    pub(super) fn done(&mut self, rows: usize) {
        if let Some((from, to)) = self.peek() {
            match self.backward {
                true => self.to = from,
                false => self.from = to,
            }
        }
        if rows < FEW {
            self.size = self.size.saturating_mul(4);
        } else if rows > MANY {
            self.size = (self.size / 4).max(LEAST);
        }
    }

    /// The part is too large; says whether it can be smaller.
    pub(super) fn smaller(&mut self) -> bool {
        let was = self.peek().map_or(0, |(from, to)| to.saturating_sub(from));
        self.size = (was / 8).max(LEAST);
        self.size < was
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(mut windows: Windows, rows: usize) -> Vec<(i64, i64)> {
        std::iter::from_fn(|| windows.peek().inspect(|_| windows.done(rows))).collect()
    }

    #[test]
    fn parts_are_all_of_the_range_once() {
        let to = 100 * MINUTE + 7;
        for rows in [0, FEW, MANY + 1] {
            let forward = parts(Windows::new(5, to, false), rows);
            assert_eq!((forward[0].0, forward.last().unwrap().1), (5, to), "{rows} rows");
            assert!(forward.windows(2).all(|pair| pair[0].1 == pair[1].0), "{rows} rows");
            let backward = parts(Windows::new(5, to, true), rows);
            assert_eq!((backward[0].1, backward.last().unwrap().0), (to, 5), "{rows} rows");
            assert!(backward.windows(2).all(|pair| pair[0].0 == pair[1].1), "{rows} rows");
        }
        assert_eq!(parts(Windows::new(5, 5, true), 0), []);
    }

    #[test]
    fn few_rows_make_larger_parts_and_no_part_is_endlessly_small() {
        assert!(parts(Windows::new(0, 30 * 24 * 60 * MINUTE, true), 0).len() < 10);
        let mut windows = Windows::new(0, 60 * MINUTE, false);
        let mut times = 0;
        while windows.smaller() {
            times += 1;
        }
        assert!(times < 10);
        assert_eq!(windows.peek(), Some((0, LEAST)));
    }
}
