//! Numbers in order, of which some come and some go.

/// A chunk is cut in two when it has so many numbers.
const MAX_CHUNK: usize = 1_024;

/// Numbers in chunks: to add or take away one costs about the square root of how many there are.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// None is empty.
    chunks: Vec<Vec<f64>>,
    count: usize,
}

impl Sorted {
    /// The first chunk whose last number is not below one.
    fn chunk(&self, value: f64) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last.total_cmp(&value).is_lt()))
    }

    pub(super) fn insert(&mut self, value: f64) {
        let at = self.chunk(value).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![value]);
            self.count = 1;
            return;
        };
        let place = chunk.partition_point(|other| other.total_cmp(&value).is_lt());
        chunk.insert(place, value);
        self.count += 1;
        if chunk.len() > MAX_CHUNK {
            let upper = chunk.split_off(MAX_CHUNK / 2);
            self.chunks.insert(at + 1, upper);
        }
    }

    /// Takes one away that is there.
    pub(super) fn remove(&mut self, value: f64) {
        let at = self.chunk(value);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let place = chunk.partition_point(|other| other.total_cmp(&value).is_lt());
        if chunk.get(place).is_some_and(|found| found.total_cmp(&value).is_eq()) {
            chunk.remove(place);
            self.count -= 1;
        }
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
    }

    fn get(&self, place: usize) -> Option<f64> {
        let mut rest = place;
        for chunk in &self.chunks {
            match chunk.get(rest) {
                Some(value) => return Some(*value),
                None => rest -= chunk.len(),
            }
        }
        None
    }

    /// A quantile, between two numbers in proportion; none without numbers.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        if q < 0.0 {
            return Some(f64::NEG_INFINITY);
        }
        if q > 1.0 {
            return Some(f64::INFINITY);
        }
        if q.is_nan() {
            return Some(q);
        }
        let rank = q * (self.count - 1) as f64;
        let lower = rank.floor() as usize;
        let upper = (lower + 1).min(self.count - 1);
        let weight = rank - rank.floor();
        Some(self.get(lower)? * (1.0 - weight) + self.get(upper)? * weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_while_numbers_come_and_go() {
        let rng = base::Rng::seeded(3);
        let (mut sorted, mut plain) = (Sorted::default(), Vec::new());
        for round in 0..6_000 {
            let value = rng.below(500) as f64;
            if round % 3 == 2 {
                let gone = plain.swap_remove(usize::try_from(rng.below(plain.len() as u64)).unwrap());
                sorted.remove(gone);
            } else {
                plain.push(value);
                sorted.insert(value);
            }
        }
        plain.sort_by(f64::total_cmp);
        let all: Vec<f64> = (0..plain.len()).filter_map(|place| sorted.get(place)).collect();
        assert_eq!(all, plain);
        assert_eq!(sorted.quantile(0.0), plain.first().copied());
        assert_eq!(sorted.quantile(1.0), plain.last().copied());
        assert_eq!(sorted.quantile(1.5), Some(f64::INFINITY));
    }
}
