//! TCP and Unix sockets behind one interface, listening and connecting.

use crate::config::ends::Place;
use rustix::net::sockopt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

/// How long one attempt to connect may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// Idle time after which a keepalive probe is sent; three unanswered probes end a connection.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_PAUSE: Duration = Duration::from_secs(10);

/// A connection over TCP or a Unix socket.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection.
pub(crate) type Stream = Box<dyn Duplex>;

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// The file is dropped first: while the socket is open, no other file can get its inode.
    Unix(SocketFile, UnixListener),
}

/// The file of a listening Unix socket.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// The identity of the file, wherever it is moved: device and inode.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(path) }
    }
}

impl Drop for SocketFile {
    /// Removes the file, unless a successor has replaced it in the meantime.
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

impl Listener {
    /// Listens at this address. The file of a Unix socket without a listener is replaced.
    pub(crate) fn bind(place: &Place) -> io::Result<Self> {
        match place {
            Place::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address.as_str())?;
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener).map(Self::Tcp)
            }
            Place::Unix(path) => {
                let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
                if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
                    fs::remove_file(path)?;
                }
                let listener = std::os::unix::net::UnixListener::bind(path)?;
                let file = SocketFile::new(path);
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(|listener| Self::Unix(file, listener))
            }
        }
    }

    /// The address of the listener, with the port that was taken where port 0 was asked for.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            Self::Unix(file, _) => file.path.display().to_string(),
        }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                watched(&stream);
                Ok(Box::new(stream))
            }
            Self::Unix(_, listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// Turns keepalive on, to notice a peer that is gone. Errors are ignored, because not every system
/// can.
fn watched(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, KEEPALIVE);
    let _ = sockopt::set_tcp_keepintvl(stream, KEEPALIVE_PAUSE);
    let _ = sockopt::set_tcp_keepcnt(stream, 3);
}

/// Connects once.
pub(crate) async fn connect(place: &Place) -> io::Result<Stream> {
    match place {
        Place::Tcp(address) => {
            let stream = TcpStream::connect(address.as_str()).await?;
            watched(&stream);
            Ok(Box::new(stream))
        }
        Place::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
    }
}

/// Connects once, within [`CONNECT`].
pub(crate) async fn connect_soon(place: &Place) -> io::Result<Stream> {
    timeout(CONNECT, connect(place)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_removes_its_own_file_and_not_that_of_a_successor() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("s"), folder.path().join("moved"));
        let place = Place::Unix(path.clone());
        drop(Listener::bind(&place).unwrap());
        assert!(!path.exists());

        let first = Listener::bind(&place).unwrap();
        fs::rename(&path, &moved).unwrap();
        let successor = Listener::bind(&place).unwrap();
        drop(first);
        connect(&place).await.unwrap();
        assert!(moved.exists(), "it is nobody's now");
        drop(successor);
        assert!(!path.exists());

        // The inode of a removed file is not reused while its socket is open.
        let first = Listener::bind(&place).unwrap();
        fs::remove_file(&path).unwrap();
        let _successor = Listener::bind(&place).unwrap();
        drop(first);
        connect(&place).await.unwrap();
    }
}
