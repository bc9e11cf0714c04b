/// The numbers of the series that have a label and value, in order.
///
/// Most pairs of a value of its own are of one series; the lists of the others are differences, mostly a byte each.
#[derive(Clone, Debug)]
pub(super) enum Postings {
    One(u32),
    Many(Box<Run>),
}

#[derive(Clone, Debug)]
pub(super) struct Run {
    last: u32,
    count: u32,
    /// Each difference in groups of seven bits, the lowest first; a high bit says that more follow.
    bytes: Vec<u8>,
}

impl Postings {
    /// Adds a number that is greater than all others.
    pub fn push(&mut self, number: u32) {
        match self {
            Self::One(first) => {
                let mut run = Run { last: 0, count: 0, bytes: Vec::new() };
                run.push(*first);
                run.push(number);
                *self = Self::Many(Box::new(run));
            }
            Self::Many(run) => run.push(number),
        }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(run) => run.count as usize,
        }
    }

    /// The numbers.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let (one, bytes) = match self {
            Self::One(number) => (Some(*number), [].as_slice()),
            Self::Many(run) => (None, run.bytes.as_slice()),
        };
        let mut bytes = bytes.iter();
        let mut last = 0_u32;
        let run = std::iter::from_fn(move || {
            let (mut difference, mut shift) = (0_u32, 0);
            loop {
                let byte = bytes.next()?;
                difference |= u32::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            last = last.wrapping_add(difference);
            Some(last)
        });
        one.into_iter().chain(run)
    }
}

impl Run {
    fn push(&mut self, number: u32) {
        let mut left = number.wrapping_sub(self.last);
        if self.bytes.len() + 5 > self.bytes.capacity() {
            self.bytes.reserve_exact(5 + self.bytes.len() / 4);
        }
        while left > 0x7f {
            self.bytes.push((left as u8 & 0x7f) | 0x80);
            left >>= 7;
        }
        self.bytes.push(left as u8);
        self.last = number;
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl IntoIterator<Item = u32>) -> Postings {
        let mut numbers = numbers.into_iter();
        let mut postings = Postings::One(numbers.next().unwrap());
        numbers.for_each(|number| postings.push(number));
        postings
    }

    #[test]
    fn numbers_come_back() {
        let lists: [&[u32]; 5] = [&[0], &[7], &[0, 1], &[0, 127, 128, 16_512, 1 << 31, u32::MAX], &[5, 6, 300]];
        for list in lists {
            let postings = of(list.iter().copied());
            assert_eq!(postings.iter().collect::<Vec<_>>(), list);
            assert_eq!(postings.len(), list.len());
        }
    }

    #[test]
    fn neighbours_take_a_byte_each() {
        let Postings::Many(run) = of(0..10_000) else { panic!("many") };
        assert_eq!(run.bytes.len(), 10_000);
        assert!(run.bytes.capacity() <= 12_505, "{} bytes", run.bytes.capacity());
    }
}
