//! Connections whose clients take nothing of what they are sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base::Clock;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that breaks once nothing of what is written was taken for a while. Else a client that asks
/// and does not read would keep its connection, with what waits for it, for ever.
pub struct Stalling<S> {
    stream: S,
    clock: Clock,
    limit: Duration,
    /// What ends the wait for the client, while there is one.
    patience: Option<BoxFuture<'static, ()>>,
}

impl<S> Stalling<S> {
    pub fn new(stream: S, clock: Clock, limit: Duration) -> Self {
        Self { stream, clock, limit, patience: None }
    }

    /// The outcome of a write, or an error if there was none for too long.
    fn within<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let (clock, limit) = (&self.clock, self.limit);
        let patience = self.patience.get_or_insert_with(|| {
            let clock = clock.clone();
            Box::pin(async move { clock.sleep(limit).await })
        });
        ready!(patience.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client took nothing of what it was sent")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.within(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.within(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.within(context, closed)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn who_reads_nothing_is_cut_off_and_who_reads_slowly_is_not() {
        let (clock, time) = Clock::simulated(Timestamp::ZERO);
        let (ours, mut theirs) = duplex(16);
        let mut stream = Stalling::new(ours, clock, LIMIT);
        // Each read makes room for some bytes, each within the limit.
        let slow = async {
            let mut bytes = [0; 8];
            for _ in 0..6 {
                time.advance(LIMIT - Duration::from_secs(1));
                theirs.read_exact(&mut bytes).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&[1; 64]), slow);
        written.unwrap();
        // It is full now.
        let stalled = async {
            tokio::task::yield_now().await;
            time.advance(LIMIT);
        };
        let (written, ()) = tokio::join!(stream.write_all(&[1; 16]), stalled);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
