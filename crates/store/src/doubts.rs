use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

/// A file that is what was written and cannot be read is given up if it is met again within this time.
const DOUBTED_FOR: Duration = Duration::from_secs(3_600);

/// Files that could not be read though they are what was written, each with the time of that on the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<HashMap<String, Duration>>);

impl Doubts {
    /// Whether the file was doubted a short time ago; it is from now on.
    pub fn again(&self, path: &str, now: Duration) -> bool {
        let mut doubts = self.0.lock();
        doubts.retain(|_, since| now.saturating_sub(*since) < DOUBTED_FOR);
        doubts.insert(path.to_owned(), now).is_some()
    }
}
