/// Looks that an answer shows.
const MOST: usize = 120;

/// Keeps every look while they are few, and every second, fourth, ... after that; the last always.
#[derive(Clone, Debug)]
pub(super) struct Path<T> {
    kept: Vec<T>,
    last: Option<T>,
    every: usize,
    seen: usize,
}

impl<T: Clone> Path<T> {
    pub(super) fn new() -> Self {
        Self { kept: Vec::new(), last: None, every: 1, seen: 0 }
    }

    pub(super) fn add(&mut self, look: T) {
        self.last = None;
        if !self.seen.is_multiple_of(self.every) {
            self.last = Some(look);
        } else if self.kept.len() < MOST {
            self.kept.push(look);
        } else {
            let mut n = 0;
            self.kept.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.every *= 2;
            if self.seen.is_multiple_of(self.every) { self.kept.push(look) } else { self.last = Some(look) }
        }
        self.seen += 1;
    }

    pub(super) fn into_looks(mut self) -> Vec<T> {
        self.kept.extend(self.last);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_thinned_and_ends_with_the_last_look() {
        for n in [1, 120, 121, 1_000, 1_001] {
            let mut path = Path::new();
            (0..n).for_each(|look| path.add(look));
            let looks = path.into_looks();
            assert!(looks.len() <= MOST + 1 && looks.first() == Some(&0) && looks.last() == Some(&(n - 1)), "{n}");
            let steps: Vec<i32> = looks.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let inner = steps.split_last().map_or(&[][..], |(_, inner)| inner);
            assert!(inner.windows(2).all(|pair| pair[0] == pair[1]), "{n}: {steps:?}");
        }
    }
}
