use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;

/// From one search to the next. Each goes through all series of a metric, and at the limit every request has many that
/// are refused: the search must not be what stops the others.
const EVERY: Duration = Duration::from_secs(10);
/// Metrics of which the answer is kept.
const KEPT: usize = 64;

/// What refusals say of metrics that have too many series.
#[derive(Default)]
pub(crate) struct Grows(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// When it was searched last, on the monotonic clock.
    searched: Option<Duration>,
    /// Metrics and what is said of them, the oldest first.
    texts: VecDeque<(String, String)>,
}

impl Grows {
    /// What is known of a metric; nothing if nobody has searched it. It is `now` on the monotonic clock.
    pub fn of(&self, metric: &str, now: Duration, search: impl FnOnce() -> String) -> String {
        {
            let mut known = self.0.lock();
            if known.searched.is_some_and(|at| now.saturating_sub(at) < EVERY) {
                let text = known.texts.iter().find(|(other, _)| other == metric);
                return text.map(|(_, text)| text.clone()).unwrap_or_default();
            }
            known.searched = Some(now);
        }
        let text = search();
        let mut known = self.0.lock();
        known.texts.retain(|(other, _)| other != metric);
        known.texts.push_back((metric.to_owned(), text.clone()));
        if known.texts.len() > KEPT {
            known.texts.pop_front();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_refusals_cost_one_search() {
        let (grows, mut searches) = (Grows::default(), 0);
        let mut ask = |metric: &str, secs: u64| {
            grows.of(metric, Duration::from_secs(secs), || {
                searches += 1;
                format!("{metric} has {searches}")
            })
        };
        for _ in 0..1_000 {
            assert_eq!(ask("a", 100), "a has 1");
        }
        assert_eq!(ask("b", 109), "", "it is not known, and too early to search");
        assert_eq!(ask("b", 110), "b has 2");
        assert_eq!((ask("a", 111), ask("b", 119)), ("a has 1".to_owned(), "b has 2".to_owned()));
        assert_eq!(ask("a", 120), "a has 3");
    }

    #[test]
    fn what_is_known_is_bounded() {
        let grows = Grows::default();
        for n in 0..100 {
            grows.of(&n.to_string(), n * EVERY.as_secs() as u32 * Duration::from_secs(1), || n.to_string());
        }
        assert_eq!(grows.0.lock().texts.len(), KEPT);
    }
}
