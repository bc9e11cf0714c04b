//! Bounded queues with a name: a full one makes its sender wait or refuses, and its depth is
//! `steadfast_queue_depth{queue=name}`.

use tokio::sync::mpsc;

/// The sending half; clones share the queue.
#[derive(Debug)]
pub struct Sender<T> {
    inner: mpsc::Sender<T>,
    name: &'static str,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), name: self.name }
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct Receiver<T> {
    inner: mpsc::Receiver<T>,
    name: &'static str,
}

/// Why a queue did not take a value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is full: try again.
    #[error("the queue {0} is full")]
    Full(&'static str),
    /// Its receiver is gone.
    #[error("the queue {0} is closed")]
    Closed(&'static str),
}

/// A queue that holds at most `capacity` values (at least one).
pub fn bounded<T>(name: &'static str, capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    (Sender { inner: sender, name }, Receiver { inner: receiver, name })
}

impl<T> Sender<T> {
    /// Waits for room.
    ///
    /// # Errors
    /// [`Refused::Closed`] if the receiver is gone.
    pub async fn send(&self, value: T) -> Result<(), Refused> {
        self.inner.send(value).await.map_err(|_| Refused::Closed(self.name))?;
        self.measure();
        Ok(())
    }

    /// Waits for room, from a thread that is not the runtime's.
    ///
    /// # Errors
    /// [`Refused::Closed`] if the receiver is gone.
    pub fn blocking_send(&self, value: T) -> Result<(), Refused> {
        self.inner.blocking_send(value).map_err(|_| Refused::Closed(self.name))?;
        self.measure();
        Ok(())
    }

    /// Does not wait.
    ///
    /// # Errors
    /// [`Refused::Full`] or [`Refused::Closed`]; the refusal is counted.
    pub fn try_send(&self, value: T) -> Result<(), Refused> {
        let sent = self.inner.try_send(value).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Full(self.name),
            mpsc::error::TrySendError::Closed(_) => Refused::Closed(self.name),
        });
        if sent.is_err() {
            metrics::counter!("steadfast_queue_refused_total", "queue" => self.name).increment(1);
        }
        self.measure();
        sent
    }

    /// Waits until the receiver is gone.
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    fn measure(&self) {
        let depth = self.inner.max_capacity() - self.inner.capacity();
        metrics::gauge!("steadfast_queue_depth", "queue" => self.name).set(depth as f64);
    }
}

impl<T> Receiver<T> {
    /// The next value, or nothing once every sender is gone.
    pub async fn recv(&mut self) -> Option<T> {
        let value = self.inner.recv().await;
        self.measure();
        value
    }

    /// The next value, from a thread that is not the runtime's.
    pub fn blocking_recv(&mut self) -> Option<T> {
        let value = self.inner.blocking_recv();
        self.measure();
        value
    }

    /// A value that is already there.
    pub fn try_recv(&mut self) -> Option<T> {
        self.inner.try_recv().ok()
    }

    /// Refuses further values; those in the queue can still be taken.
    pub fn close(&mut self) {
        self.inner.close();
    }

    fn measure(&self) {
        metrics::gauge!("steadfast_queue_depth", "queue" => self.name).set(self.inner.len() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_closed_one_says_so() {
        let (sender, mut receiver) = bounded("test", 1);
        sender.try_send(1).unwrap();
        assert_eq!(sender.try_send(2), Err(Refused::Full("test")));
        assert_eq!(receiver.recv().await, Some(1));
        drop(receiver);
        assert_eq!(sender.send(3).await, Err(Refused::Closed("test")));
    }
}
