//! Sockets: TCP and Unix as one, listening, connecting again and again.

use crate::config::ends::Place;
use crate::io::random;
use rustix::net::sockopt;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::{Sleep, sleep, timeout};

/// The pause before the first attempt to connect again; it doubles up to the longest.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(10);
/// A peer that says nothing for so long is asked whether it is still there; three unanswered
/// questions end it.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_PAUSE: Duration = Duration::from_secs(10);

/// A connection, whatever it goes over.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection.
pub(super) type Stream = Box<dyn Duplex>;

/// A connection of which can be asked whether anything has come since it was last forgotten, and
/// whose peer must take what is written in time.
pub(super) struct Noted {
    stream: Stream,
    came: Arc<AtomicBool>,
    patience: Duration,
    /// When a write that waits has waited for too long.
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

/// A listening socket.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens there. The file of a socket at which nobody listens any more is replaced.
    pub(super) fn bind(place: &Place) -> io::Result<Self> {
        match place {
            Place::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address.as_str())?;
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener).map(Self::Tcp)
            }
            Place::Unix(path) => {
                let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
                if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
                    std::fs::remove_file(path)?;
                }
                let listener = std::os::unix::net::UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(|listener| Self::Unix(listener, path.clone()))
            }
        }
    }

    /// Where it listens; with port 0 asked for, the port that was taken.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            Self::Unix(_, path) => path.display().to_string(),
        }
    }

    /// The next one who connects.
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                watched(&stream);
                Ok(Box::new(stream))
            }
            Self::Unix(listener, _) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A peer that is gone without a word is noticed. Where the system cannot, it is not.
fn watched(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, KEEPALIVE);
    let _ = sockopt::set_tcp_keepintvl(stream, KEEPALIVE_PAUSE);
    let _ = sockopt::set_tcp_keepcnt(stream, 3);
}

/// Connects once.
pub(super) async fn connect(place: &Place) -> io::Result<Stream> {
    let attempt = async {
        match place {
            Place::Tcp(address) => {
                let stream = TcpStream::connect(address.as_str()).await?;
                watched(&stream);
                Ok(Box::new(stream) as Stream)
            }
            Place::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?) as Stream),
        }
    };
    timeout(CONNECT, attempt).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
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
    /// It went well: the next pause is the shortest again.
    pub(super) fn reset(&mut self) {
        self.pause = SHORTEST;
    }

    /// A connection has stood for so long and is gone. One that stood longer than the next pause
    /// was one; a peer that accepts and closes at once is asked ever less often, as one that is not
    /// there.
    pub(super) fn stood(&mut self, long: Duration) {
        if long >= self.pause {
            self.reset();
        }
    }

    /// Between half of the pause and all of it.
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
