//! Where partitions are begun of which nothing was taken yet. No I/O.

use std::collections::BTreeMap;

use bus_kafka::{Found, Partition};
use model::Offset;

use super::Start;

/// Where partitions ended, by their number.
type Ends = BTreeMap<u32, Offset>;

/// Where the partitions of topics ended when this process was told of these for the first time, none of a topic that was
/// not there: [`Start::Latest`] is behind that, however often the source connects anew.
#[derive(Debug, Default)]
pub(super) struct FirstLook(BTreeMap<String, Ends>);

impl FirstLook {
    /// Takes in what a look has found; of each topic only the first answer counts.
    pub fn saw(&mut self, found: &Found) {
        let mut seen: BTreeMap<&str, Ends> = found.missing.iter().map(|topic| (topic.as_str(), Ends::new())).collect();
        for Partition { topic, number, end, .. } in &found.partitions {
            seen.entry(topic).or_default().insert(*number, *end);
        }
        for (topic, ends) in seen {
            if !self.0.contains_key(topic) {
                self.0.insert(topic.to_owned(), ends);
            }
        }
    }

    /// Where to begin a partition. One that was made since, or anew, has nothing that is older than the process.
    pub fn begin(&self, partition: &Partition, start: Start) -> Offset {
        let ends = self.0.get(&partition.topic);
        let end = ends.and_then(|ends| ends.get(&partition.number)).filter(|end| **end <= partition.end);
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

    fn found(partitions: &[Partition]) -> Found {
        Found { partitions: partitions.to_vec(), ..Found::default() }
    }

    #[test]
    fn latest_is_behind_what_was_there_when_the_process_looked_first() {
        let mut first = FirstLook::default();
        first.saw(&found(&[partition(0, 3, 10)]));
        assert_eq!(first.begin(&partition(0, 3, 10), Start::Latest), Offset(10));
        assert_eq!(first.begin(&partition(0, 3, 10), Start::Earliest), Offset(3));
        // Messages have come, and the brokers were away: another session looks.
        first.saw(&found(&[partition(0, 3, 14)]));
        assert_eq!(first.begin(&partition(0, 3, 14), Start::Latest), Offset(10), "nothing that came is passed over");
    }

    #[test]
    fn a_partition_that_is_found_later_is_begun_at_its_start() {
        let mut first = FirstLook::default();
        first.saw(&found(&[partition(0, 0, 10)]));
        let grown = [partition(0, 0, 12), partition(1, 0, 2)];
        first.saw(&found(&grown));
        assert_eq!(first.begin(&grown[1], Start::Latest), Offset(0), "both messages that came before it was found");
        let mut first = FirstLook::default();
        first.saw(&Found { missing: vec!["t".to_owned()], ..Found::default() });
        first.saw(&found(&[partition(0, 0, 2)]));
        assert_eq!(first.begin(&partition(0, 0, 2), Start::Latest), Offset(0), "so is a topic that was made since");
    }

    #[test]
    fn a_topic_that_could_not_be_looked_at_is_begun_at_the_end_that_it_has_then() {
        let mut first = FirstLook::default();
        first.saw(&Found { unknown: vec![("t".to_owned(), "not allowed".to_owned())], ..Found::default() });
        first.saw(&found(&[partition(0, 3, 10)]));
        first.saw(&found(&[partition(0, 3, 14)]));
        assert_eq!(first.begin(&partition(0, 3, 14), Start::Latest), Offset(10));
    }

    #[test]
    fn a_topic_that_is_another_is_begun_at_its_start() {
        let mut first = FirstLook::default();
        first.saw(&found(&[partition(0, 0, 10)]));
        assert_eq!(first.begin(&partition(0, 0, 2), Start::Latest), Offset(0));
    }
}
