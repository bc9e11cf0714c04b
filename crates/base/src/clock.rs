use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use crate::Timestamp;

/// The only source of time. Clones share one clock.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System { start: Instant },
    Simulated(Arc<Mutex<State>>),
}

/// A future did not end in its time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Elapsed;

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Kind::System { start: Instant::now() })
    }

    /// A clock that moves only when the returned [`Simulation`] moves it.
    pub fn simulated(start: Timestamp) -> (Self, Simulation) {
        let state = Arc::new(Mutex::new(State { wall: start, ..State::default() }));
        (Self(Kind::Simulated(Arc::clone(&state))), Simulation(state))
    }

    /// Wall-clock time; it may jump either way.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System { .. } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::ZERO.plus(since)
            }
            Kind::Simulated(state) => lock(state).wall,
        }
    }

    /// Time since this clock was made; it never goes back.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Kind::System { start } => start.elapsed(),
            Kind::Simulated(state) => lock(state).elapsed,
        }
    }

    /// Ends once `duration` has passed on this clock.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Kind::System { .. } => tokio::time::sleep(duration).await,
            Kind::Simulated(state) => {
                let woken = lock(state).sleeper(duration);
                // The sender is dropped only with the clock itself, when nobody can wake us.
                let _ = woken.await;
            }
        }
    }

    /// `future`, or [`Elapsed`] once `duration` has passed.
    ///
    /// # Errors
    /// [`Elapsed`] if the time ran out first.
    pub async fn timeout<F: Future>(&self, duration: Duration, future: F) -> Result<F::Output, Elapsed> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep(duration) => Err(Elapsed),
        }
    }
}

/// Moves a simulated [`Clock`].
#[derive(Debug)]
pub struct Simulation(Arc<Mutex<State>>);

impl Simulation {
    /// Lets `by` pass: wakes every sleeper whose time has come, in the order of their times.
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut state = lock(&self.0);
            state.wall = state.wall.plus(by);
            state.elapsed += by;
            state.due()
        };
        for sleeper in due {
            let _ = sleeper.send(());
        }
    }

    /// Sets the wall clock, as an administrator or NTP would; no sleeper wakes.
    pub fn set_wall(&self, to: Timestamp) {
        lock(&self.0).wall = to;
    }

    /// Time until the next sleeper wakes; nothing if nobody sleeps. Who has given up waiting does not count.
    pub fn next_in(&self) -> Option<Duration> {
        let mut state = lock(&self.0);
        state.sleepers.retain(|_, sleeper| !sleeper.is_closed());
        let (at, _) = state.sleepers.keys().next()?;
        Some(at.saturating_sub(state.elapsed))
    }

    /// How many tasks sleep.
    pub fn sleepers(&self) -> usize {
        lock(&self.0).sleepers.len()
    }
}

#[derive(Debug, Default)]
struct State {
    wall: Timestamp,
    elapsed: Duration,
    next: u64,
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
}

impl State {
    fn sleeper(&mut self, duration: Duration) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        self.next += 1;
        let at = (self.elapsed + duration, self.next);
        if duration.is_zero() {
            let _ = wake.send(());
        } else {
            self.sleepers.insert(at, wake);
        }
        woken
    }

    fn due(&mut self) -> Vec<oneshot::Sender<()>> {
        let later = self.sleepers.split_off(&(self.elapsed + Duration::from_nanos(1), 0));
        std::mem::replace(&mut self.sleepers, later).into_values().collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(100));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(Duration::from_secs(10)).await;
                clock.now()
            }
        });
        while simulation.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        simulation.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        simulation.advance(Duration::from_secs(1));
        assert_eq!(sleeper.await.unwrap(), Timestamp::from_secs(110));
    }

    #[tokio::test]
    async fn the_next_sleeper_is_one_that_still_waits() {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(100));
        assert_eq!(simulation.next_in(), None);
        let given_up = clock.timeout(Duration::from_secs(7), async {}).await;
        assert_eq!((given_up, simulation.next_in()), (Ok(()), None));
        let mut sleeper = std::pin::pin!(clock.sleep(Duration::from_secs(10)));
        tokio::select! { biased; () = &mut sleeper => panic!("no time has passed"), () = async {} => {} }
        simulation.advance(Duration::from_secs(4));
        assert_eq!(simulation.next_in(), Some(Duration::from_secs(6)));
    }

    #[tokio::test]
    async fn a_jump_of_the_wall_clock_moves_no_monotonic_time() {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(100));
        simulation.set_wall(Timestamp::from_secs(5));
        assert_eq!(clock.now(), Timestamp::from_secs(5));
        assert_eq!(clock.monotonic(), Duration::ZERO);
    }
}
