use std::collections::VecDeque;

use base::{Limit, Timestamp};

/// Times that are kept; beyond, the oldest two become one.
const KEPT: Limit = Limit::new("store.late_times", 1024);

/// From when on samples have changed since some moment: what lies before is as it was.
#[derive(Debug, Default)]
pub(crate) struct Late {
    /// Batches that came.
    sequence: u64,
    /// After so many batches, the earliest time of what came since the entry before; later entries are later times.
    earliest: VecDeque<(u64, Timestamp)>,
}

impl Late {
    /// Samples came of which the earliest is of `time`.
    pub fn note(&mut self, time: Timestamp) {
        self.sequence += 1;
        while self.earliest.back().is_some_and(|(_, other)| *other >= time) {
            self.earliest.pop_back();
        }
        self.earliest.push_back((self.sequence, time));
        if self.earliest.len() as u64 > KEPT.max()
            && let (Some((_, first)), Some(second)) = (self.earliest.pop_front(), self.earliest.front_mut())
        {
            second.1 = first;
        }
    }

    /// Now.
    pub const fn mark(&self) -> u64 {
        self.sequence
    }

    /// The earliest time of the samples that came after `mark`, if any did. It may be said to be
    /// earlier than it was.
    pub fn since(&self, mark: u64) -> Option<Timestamp> {
        let at = self.earliest.partition_point(|(sequence, _)| *sequence <= mark);
        self.earliest.get(at).map(|(_, time)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn the_earliest_since_a_mark_is_known() {
        let mut late = Late::default();
        let marks: Vec<u64> = [50, 60, 40, 70, 65]
            .into_iter()
            .map(|seconds| {
                let mark = late.mark();
                late.note(time(seconds));
                mark
            })
            .collect();
        let since: Vec<_> = marks.iter().map(|mark| late.since(*mark).unwrap()).collect();
        assert_eq!(since, [40, 40, 40, 65, 65].map(time));
        assert_eq!(late.since(late.mark()), None);
    }

    #[test]
    fn many_times_take_no_room_and_are_never_said_to_be_later() {
        let mut late = Late::default();
        let start = late.mark();
        (0..5_000).for_each(|n| late.note(time(n)));
        assert_eq!(late.since(start), Some(time(0)));
        for mark in 0..5_000 {
            let exact = time(mark as i64);
            assert!(late.since(mark).unwrap() <= exact, "{mark}");
        }
        assert_eq!(late.since(4_500), Some(time(4_500)));
        assert!(late.earliest.len() as u64 <= KEPT.max());
    }
}
