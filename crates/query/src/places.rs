//! The places of queries that run at once, and the line in which others wait for one.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{QueryConfig, QueryError};

/// When who was refused may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// One evaluates while the other waits for the store.
const EVALUATIONS_OF_A_CORE: u32 = 2;

/// A place among the running queries, until it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// What places are for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// A statement, whose rows its client takes as fast as it likes.
    Statement,
    /// An evaluation of an expression, or a question about labels: it works and holds what it loaded until it is done, so that
    /// more at once than the cores work on only take memory.
    Evaluation,
}

/// The places, given in the order in which they are asked for.
#[derive(Debug)]
pub(crate) struct Places {
    statements: Room,
    evaluations: Room,
}

/// The places for one kind of work.
#[derive(Debug)]
struct Room {
    places: u32,
    /// The setting that bounds them.
    limit: &'static str,
    free: Arc<Semaphore>,
    line: Semaphore,
}

impl Room {
    fn new(places: u32, limit: &'static str, config: &QueryConfig) -> Self {
        let line = Semaphore::new(config.max_waiting as usize);
        Self { places, limit, free: Arc::new(Semaphore::new(places as usize)), line }
    }

    fn busy(&self, limit: &'static str, waited: Duration) -> QueryError {
        metrics::counter!("steadfast_limit_exceeded_total", "limit" => limit).increment(1);
        QueryError::Busy {
            running: self.places,
            limit: self.limit,
            refused_by: limit,
            waited,
            retry_after: RETRY_AFTER,
        }
    }
}

impl Places {
    pub fn new(config: &QueryConfig) -> Self {
        Self {
            statements: Room::new(config.max_concurrent, "max_concurrent", config),
            evaluations: Room::new(evaluations(config), "max_evaluations", config),
        }
    }

    /// A place, at the latest after [`QueryConfig::max_wait`] and within `limit`, the time of the query.
    ///
    /// # Errors
    /// [`QueryError::Busy`].
    pub async fn enter(
        &self,
        work: Work,
        config: &QueryConfig,
        clock: &Clock,
        limit: Duration,
    ) -> Result<Place, QueryError> {
        let room = match work {
            Work::Statement => &self.statements,
            Work::Evaluation => &self.evaluations,
        };
        if let Ok(place) = Arc::clone(&room.free).try_acquire_owned() {
            return Ok(place);
        }
        let wait = config.max_wait.min(limit);
        if wait.is_zero() {
            return Err(room.busy(room.limit, wait));
        }
        let Ok(_turn) = room.line.try_acquire() else { return Err(room.busy("max_waiting", Duration::ZERO)) };
        let _waiting = Waiting::begin();
        match clock.timeout(wait, Arc::clone(&room.free).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(room.busy("max_wait", wait)),
        }
    }
}

/// Evaluations that may run at once.
fn evaluations(config: &QueryConfig) -> u32 {
    if config.max_evaluations > 0 {
        return config.max_evaluations;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores).unwrap_or(u32::MAX).saturating_mul(EVALUATIONS_OF_A_CORE)
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
            Err(QueryError::Busy { refused_by, waited, .. }) => (refused_by, waited),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_waits_for_its_place_in_its_turn() {
        let ((places, config), clock) = (places(2, 10), Clock::system());
        let first = places.enter(Work::Statement, &config, &clock, LIMIT).await.unwrap();
        let mut second = Box::pin(places.enter(Work::Statement, &config, &clock, LIMIT));
        assert!(second.as_mut().now_or_never().is_none());
        let mut third = Box::pin(places.enter(Work::Statement, &config, &clock, LIMIT));
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
        let _first = places.enter(Work::Statement, &config, &clock, LIMIT).await.unwrap();
        let mut second = Box::pin(places.enter(Work::Statement, &config, &clock, LIMIT));
        assert!(second.as_mut().now_or_never().is_none());
        let third = places.enter(Work::Statement, &config, &clock, LIMIT).await;
        assert_eq!(refused(third), ("max_waiting", Duration::ZERO));
        assert_eq!(refused(second.await), ("max_wait", Duration::from_secs(10)));
        let short = places.enter(Work::Statement, &config, &clock, Duration::from_secs(2)).await;
        assert_eq!(refused(short), ("max_wait", Duration::from_secs(2)), "its own time is shorter");
    }

    #[tokio::test]
    async fn evaluations_have_places_of_their_own() {
        let config =
            QueryConfig { max_concurrent: 1, max_evaluations: 1, max_wait: Duration::ZERO, ..QueryConfig::default() };
        let (places, clock) = (Places::new(&config), Clock::system());
        let statement = places.enter(Work::Statement, &config, &clock, LIMIT).await.unwrap();
        let evaluation = places.enter(Work::Evaluation, &config, &clock, LIMIT).await.unwrap();
        let refused_by = refused(places.enter(Work::Evaluation, &config, &clock, LIMIT).await);
        assert_eq!(refused_by, ("max_evaluations", Duration::ZERO));
        drop(statement);
        assert_eq!(refused(places.enter(Work::Evaluation, &config, &clock, LIMIT).await), refused_by);
        drop(evaluation);
        drop(places.enter(Work::Evaluation, &config, &clock, LIMIT).await.unwrap());
    }

    #[test]
    fn evaluations_have_two_places_a_core_if_nothing_else_is_said() {
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(evaluations(&QueryConfig::default()) as usize, 2 * cores);
    }

    #[tokio::test]
    async fn without_a_wait_it_is_refused_at_once() {
        let ((places, config), clock) = (places(1, 0), Clock::system());
        let first = places.enter(Work::Statement, &config, &clock, LIMIT).await.unwrap();
        assert_eq!(
            refused(places.enter(Work::Statement, &config, &clock, LIMIT).await),
            ("max_concurrent", Duration::ZERO)
        );
        drop(first);
        drop(places.enter(Work::Statement, &config, &clock, LIMIT).await.unwrap());
    }
}
