use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

/// A file that is what was written and cannot be read is given up if it is met again within this time.
const DOUBTED_FOR: Duration = Duration::from_secs(3_600);

/// Files that could not be read though they are what was written.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    count: u64,
    by_path: HashMap<String, Doubt>,
}

/// When a file was doubted first.
#[derive(Debug)]
struct Doubt {
    number: u64,
    /// On the monotonic clock.
    since: Duration,
}

/// When a read began: the number of the newest doubt then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began(u64);

impl Doubts {
    /// To be taken before a read begins.
    pub fn begin(&self) -> Began {
        Began(self.0.lock().count)
    }

    /// Whether the file was doubted a short time before that read of it began which has failed now; it is doubted from now
    /// on. Reads that began before may have met what is kept of it no more.
    pub fn again(&self, path: &str, began: Began, now: Duration) -> bool {
        let mut noted = self.0.lock();
        noted.by_path.retain(|_, doubt| now.saturating_sub(doubt.since) < DOUBTED_FOR);
        if let Some(doubt) = noted.by_path.get(path) {
            return doubt.number <= began.0;
        }
        noted.count += 1;
        let doubt = Doubt { number: noted.count, since: now };
        noted.by_path.insert(path.to_owned(), doubt);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_counts_for_reads_that_began_after_it_and_for_an_hour() {
        let (doubts, hour) = (Doubts::default(), DOUBTED_FOR);
        let (one, other) = (doubts.begin(), doubts.begin());
        assert!(!doubts.again("a", one, Duration::ZERO));
        assert!(!doubts.again("a", other, Duration::ZERO), "it began before");
        let after = doubts.begin();
        assert!(!doubts.again("b", after, Duration::ZERO), "of another file");
        assert!(!doubts.again("a", other, hour / 2), "still");
        assert!(doubts.again("a", after, hour / 2));
        assert!(!doubts.again("a", doubts.begin(), hour), "too long ago");
        assert!(doubts.again("a", doubts.begin(), hour));
    }
}
