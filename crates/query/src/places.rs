//! The places of queries that run at once, and the line in which others wait for one.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{QueryConfig, QueryError};

/// When who was refused may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A place among the running queries, until it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// The places, given in the order in which they are asked for.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    line: Semaphore,
}

impl Places {
    pub fn new(config: &QueryConfig) -> Self {
        Self {
            free: Arc::new(Semaphore::new(config.max_concurrent as usize)),
            line: Semaphore::new(config.max_waiting as usize),
        }
    }

    /// A place, at the latest after [`QueryConfig::max_wait`] and within `limit`, the time of the query.
    ///
    /// # Errors
    /// [`QueryError::Busy`].
    pub async fn enter(&self, config: &QueryConfig, clock: &Clock, limit: Duration) -> Result<Place, QueryError> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(place);
        }
        let wait = config.max_wait.min(limit);
        if wait.is_zero() {
            return Err(busy(config, "max_concurrent", wait));
        }
        let Ok(_turn) = self.line.try_acquire() else { return Err(busy(config, "max_waiting", Duration::ZERO)) };
        let _waiting = Waiting::begin();
        match clock.timeout(wait, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(busy(config, "max_wait", wait)),
        }
    }
}

fn busy(config: &QueryConfig, limit: &'static str, waited: Duration) -> QueryError {
    metrics::counter!("steadfast_limit_exceeded_total", "limit" => limit).increment(1);
    QueryError::Busy { running: config.max_concurrent, limit, waited, retry_after: RETRY_AFTER }
}

/// Counts who waits, also if they go away meanwhile.
struct Waiting;

impl Waiting {
    fn begin() -> Self {
        metrics::gauge!("steadfast_queries_waiting").increment(1.0);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        metrics::gauge!("steadfast_queries_waiting").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn places(max_waiting: u32, max_wait: u64) -> (Places, QueryConfig) {
        let max_wait = Duration::from_secs(max_wait);
        let config = QueryConfig { max_concurrent: 1, max_waiting, max_wait, ..QueryConfig::default() };
        (Places::new(&config), config)
    }

    fn refused(answer: Result<Place, QueryError>) -> (&'static str, Duration) {
        match answer {
            Err(QueryError::Busy { limit, waited, .. }) => (limit, waited),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_waits_for_its_place_in_its_turn() {
        let ((places, config), clock) = (places(2, 10), Clock::system());
        let first = places.enter(&config, &clock, LIMIT).await.unwrap();
        let mut second = Box::pin(places.enter(&config, &clock, LIMIT));
        assert!(second.as_mut().now_or_never().is_none());
        let mut third = Box::pin(places.enter(&config, &clock, LIMIT));
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none(), "it came later");
        let second = second.now_or_never().expect("a place is free").unwrap();
        drop(second);
        drop(third.now_or_never().expect("a place is free").unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_or_in_too_long_a_line_is_refused() {
        let ((places, config), clock) = (places(1, 10), Clock::system());
        let _first = places.enter(&config, &clock, LIMIT).await.unwrap();
        let mut second = Box::pin(places.enter(&config, &clock, LIMIT));
        assert!(second.as_mut().now_or_never().is_none());
        let third = places.enter(&config, &clock, LIMIT).await;
        assert_eq!(refused(third), ("max_waiting", Duration::ZERO));
        assert_eq!(refused(second.await), ("max_wait", Duration::from_secs(10)));
        let short = places.enter(&config, &clock, Duration::from_secs(2)).await;
        assert_eq!(refused(short), ("max_wait", Duration::from_secs(2)), "its own time is shorter");
    }

    #[tokio::test]
    async fn without_a_wait_it_is_refused_at_once() {
        let ((places, config), clock) = (places(1, 0), Clock::system());
        let first = places.enter(&config, &clock, LIMIT).await.unwrap();
        assert_eq!(refused(places.enter(&config, &clock, LIMIT).await), ("max_concurrent", Duration::ZERO));
        drop(first);
        drop(places.enter(&config, &clock, LIMIT).await.unwrap());
    }
}
