//! Where partitions are begun of which nothing was taken yet. No I/O.

use std::collections::BTreeMap;

use bus_kafka::Partition;
use model::Offset;

use super::Start;

/// Where the partitions ended when this process saw them for the first time: [`Start::Latest`] is behind that, however
/// often the source connects anew.
#[derive(Debug, Default)]
pub(super) struct FirstLook(Option<BTreeMap<(String, u32), Offset>>);

impl FirstLook {
    /// Takes in what a look has found; only the first counts.
    pub fn saw(&mut self, partitions: &[Partition]) {
        let end = |partition: &Partition| ((partition.topic.clone(), partition.number), partition.end);
        self.0.get_or_insert_with(|| partitions.iter().map(end).collect());
    }

    /// Where to begin a partition. One that was made since, or anew, has nothing that is older than the process.
    pub fn begin(&self, partition: &Partition, start: Start) -> Offset {
        let key = (partition.topic.clone(), partition.number);
        let end = self.0.as_ref().and_then(|ends| ends.get(&key)).filter(|end| **end <= partition.end);
        match (start, end) {
            (Start::Latest, Some(end)) => *end,
            _ => partition.start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: u32, start: u64, end: u64) -> Partition {
        Partition { topic: "t".to_owned(), number, start: Offset(start), end: Offset(end) }
    }

    #[test]
    fn latest_is_behind_what_was_there_when_the_process_looked_first() {
        let mut first = FirstLook::default();
        first.saw(&[partition(0, 3, 10)]);
        assert_eq!(first.begin(&partition(0, 3, 10), Start::Latest), Offset(10));
        assert_eq!(first.begin(&partition(0, 3, 10), Start::Earliest), Offset(3));
        // Messages have come, and the brokers were away: another session looks.
        first.saw(&[partition(0, 3, 14)]);
        assert_eq!(first.begin(&partition(0, 3, 14), Start::Latest), Offset(10), "nothing that came is passed over");
    }

    #[test]
    fn a_partition_that_is_found_later_is_begun_at_its_start() {
        let mut first = FirstLook::default();
        first.saw(&[partition(0, 0, 10)]);
        let grown = [partition(0, 0, 12), partition(1, 0, 2)];
        first.saw(&grown);
        assert_eq!(first.begin(&grown[1], Start::Latest), Offset(0), "both messages that came before it was found");
        let mut first = FirstLook::default();
        first.saw(&[]);
        assert_eq!(first.begin(&partition(0, 0, 2), Start::Latest), Offset(0), "so is a topic that was made since");
    }

    #[test]
    fn a_topic_that_is_another_is_begun_at_its_start() {
        let mut first = FirstLook::default();
        first.saw(&[partition(0, 0, 10)]);
        assert_eq!(first.begin(&partition(0, 0, 2), Start::Latest), Offset(0));
    }
}
