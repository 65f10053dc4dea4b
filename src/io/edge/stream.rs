//! The connection of an output: it notes whether the peer sends anything, ends when the peer takes
//! nothing, and is made again after a pause.

use crate::io::random;
use crate::io::socket::Stream;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The pause before the first attempt to connect again; it doubles up to the longest.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// A connection that knows whether anything was read since that was reset, and whose writes time
/// out.
pub(super) struct Noted {
    stream: Stream,
    came: Arc<AtomicBool>,
    patience: Duration,
    /// When a waiting write times out.
    late: Option<Pin<Box<Sleep>>>,
}

impl Noted {
    pub(super) fn new(stream: Stream, patience: Duration) -> (Self, Arc<AtomicBool>) {
        let came = Arc::new(AtomicBool::new(false));
        (Self { stream, came: Arc::clone(&came), patience, late: None }, came)
    }
}

impl AsyncRead for Noted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.came.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Noted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.late = None;
            return written;
        }
        let patience = self.patience;
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(patience)));
        late.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Pauses that double, with jitter, so that many who lost the same peer do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { pause: SHORTEST }
    }
}

impl Backoff {
    /// Resets the pause to the shortest, after a success.
    pub(super) fn reset(&mut self) {
        self.pause = SHORTEST;
    }

    /// A connection that lasted so long has ended. If it lasted longer than the next pause, the
    /// pause is reset. A peer that accepts and closes at once is tried ever less often, like one
    /// that is not there.
    pub(super) fn stood(&mut self, long: Duration) {
        if long >= self.pause {
            self.reset();
        }
    }

    /// A random pause between half of the current one and all of it.
    fn next(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST);
        let chance = random::number() as f64 / u64::MAX as f64;
        pause.mul_f64(0.5 + chance / 2.0)
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..12).map(|_| backoff.next()).collect();
        for (i, pause) in pauses.iter().enumerate() {
            let most = (SHORTEST * 2_u32.pow(i as u32)).min(LONGEST);
            assert!(*pause <= most && *pause >= most / 2, "{i}: {pause:?}");
        }
        backoff.stood(LONGEST - Duration::from_millis(1));
        assert!(backoff.next() > SHORTEST, "it stood for less than the pause");
        backoff.stood(LONGEST);
        assert!(backoff.next() <= SHORTEST);
        backoff.reset();
        assert!(backoff.next() <= SHORTEST);
    }
}
