use std::cmp::Ordering;

/// One bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Which one, in the schema of the histogram.
    pub index: i32,
    /// Observations in it.
    pub count: f64,
}

/// Buckets in order of their index, each index once; those that are not named are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets(Vec<Bucket>);

impl FromIterator<(i32, f64)> for Buckets {
    /// From pairs in rising order of their index; what comes later with an index that is not higher
    /// is added to the last.
    fn from_iter<I: IntoIterator<Item = (i32, f64)>>(pairs: I) -> Self {
        let mut buckets = Self::default();
        for (index, count) in pairs {
            buckets.push(index, count);
        }
        buckets
    }
}

impl Buckets {
    /// The buckets in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Bucket> {
        self.0.iter()
    }

    /// Whether no bucket is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many buckets are named.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The count of one bucket, 0 if it is not named.
    pub fn count_of(&self, index: i32) -> f64 {
        let found = self.0.binary_search_by_key(&index, |bucket| bucket.index).ok();
        found.and_then(|at| self.0.get(at)).map_or(0.0, |bucket| bucket.count)
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Bucket> {
        self.0.iter_mut()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Bucket) -> bool) {
        self.0.retain(keep);
    }

    fn push(&mut self, index: i32, count: f64) {
        match self.0.last_mut() {
            Some(last) if last.index >= index => last.count += count,
            _ => self.0.push(Bucket { index, count }),
        }
    }

    /// Takes away buckets without observations.
    pub(super) fn compact(&mut self) {
        self.0.retain(|bucket| bucket.count != 0.0);
    }

    /// Applies a function to each count.
    pub(super) fn scale(&mut self, f: impl Fn(f64) -> f64) {
        for bucket in &mut self.0 {
            bucket.count = f(bucket.count);
        }
    }

    /// Each bucket under another index; buckets that get the same one are added up.
    pub(super) fn mapped(&self, map: impl Fn(i32) -> i32) -> Self {
        self.0.iter().map(|bucket| (map(bucket.index), bucket.count)).collect()
    }

    /// In a coarser exponential schema, so many steps down.
    pub(super) fn coarser(&self, steps: u32) -> Self {
        self.mapped(|index| ((index.saturating_sub(1)) >> steps.min(31)).saturating_add(1))
    }

    /// All buckets of either, combined by a function.
    pub(super) fn combined(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = Vec::with_capacity(self.0.len().max(other.0.len()));
        for (index, a, b) in self.zip(other) {
            out.push(Bucket { index, count: f(a, b) });
        }
        Self(out)
    }

    /// All indexes of either with both counts, 0 where there is none.
    pub(super) fn zip<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (i32, f64, f64)> + 'a {
        let mut a = self.0.iter().peekable();
        let mut b = other.0.iter().peekable();
        std::iter::from_fn(move || {
            let order = match (a.peek(), b.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(left), Some(right)) => left.index.cmp(&right.index),
            };
            let left = if order.is_le() { a.next() } else { None };
            let right = if order.is_ge() { b.next() } else { None };
            let index = left.or(right).map_or(0, |bucket| bucket.index);
            Some((index, left.map_or(0.0, |bucket| bucket.count), right.map_or(0.0, |bucket| bucket.count)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(i32, f64)]) -> Buckets {
        pairs.iter().copied().collect()
    }

    #[test]
    fn a_coarser_schema_merges_pairs_of_buckets() {
        assert_eq!(
            buckets(&[(-1, 1.0), (0, 2.0), (1, 4.0), (2, 8.0), (3, 16.0)]).coarser(1),
            buckets(&[(0, 3.0), (1, 12.0), (2, 16.0)])
        );
    }

    #[test]
    fn combining_covers_the_buckets_of_both() {
        let sum = buckets(&[(0, 1.0), (2, 1.0)]).combined(&buckets(&[(1, 2.0), (2, 3.0)]), |a, b| a + b);
        assert_eq!(sum, buckets(&[(0, 1.0), (1, 2.0), (2, 4.0)]));
    }
}
