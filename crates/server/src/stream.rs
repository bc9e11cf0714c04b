//! Bodies that are made while they are read.

use std::time::Duration;

use axum::body::Body;
use base::{Clock, Tasks, queue};
use futures::stream;

/// Pieces that wait for a slow client.
const AHEAD: usize = 4;
/// What a client may take to read the last of an answer, after a query's own time.
const GRACE: Duration = Duration::from_secs(5);

/// A piece of a body.
pub enum Chunk {
    /// More follows.
    Part(Vec<u8>),
    /// Nothing follows.
    Last(Vec<u8>),
    /// The body cannot go on.
    Failed(std::io::Error),
}

/// Where pieces are sent to.
pub type Sender = queue::Sender<Chunk>;

/// A body whose pieces `pump` makes in the background as fast as the client reads. The work ends when
/// the client goes; one that does not read keeps what it holds no longer than `timeout`
/// and a little.
pub fn body<F>(
    name: &'static str,
    tasks: &Tasks,
    (clock, timeout): (Clock, Duration),
    pump: impl FnOnce(Sender) -> F,
) -> Body
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = queue::bounded("http_answer", AHEAD);
    let limit = timeout + GRACE;
    let reader = sender.clone();
    let pumped = pump(sender);
    tasks.spawn(name, async move {
        tokio::select! {
            () = reader.closed() => {}
            _ = clock.timeout(limit, pumped) => {}
        }
    });
    // Without the last chunk it is a part: the connection is cut, so that nobody takes it for the
    // whole.
    let chunks = stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Chunk::Part(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Chunk::Last(bytes)) => Some((Ok(bytes), None)),
            Some(Chunk::Failed(error)) => Some((Err(error), None)),
            None => Some((Err(std::io::Error::other("the client read too slowly")), None)),
        }
    });
    Body::from_stream(chunks)
}
