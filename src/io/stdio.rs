//! Standard streams: reads that can be woken, writes that wait for a slow reader.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::io::{self, IoSlice};
use std::time::Duration;

/// The size that pipes are enlarged to where the system allows, for fewer and larger reads and
/// writes.
const PIPE_BYTES: usize = 1 << 20;

/// Most parts of one write: Linux takes no more.
const PARTS: usize = 1024;

/// Asks for a larger pipe. Errors are ignored: the stream may be no pipe, or the system may refuse.
pub fn enlarge_pipe(stream: impl AsFd) {
    if rustix::pipe::fcntl_getpipe_size(&stream).is_ok_and(|size| size < PIPE_BYTES) {
        let _ = rustix::pipe::fcntl_setpipe_size(&stream, PIPE_BYTES);
    }
}

/// The result of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The number of bytes that were read.
    Bytes(usize),
    /// The input has ended, or reading was asked to stop.
    End,
}

/// An input that blocks until there is something to read or it must stop.
#[derive(Debug)]
pub struct StandardInput<F> {
    stream: F,
    stop: OwnedFd,
}

impl<F: AsFd> StandardInput<F> {
    /// Reads `stream` until it ends or `stop` becomes readable.
    #[must_use]
    pub fn new(stream: F, stop: OwnedFd) -> Self {
        enlarge_pipe(&stream);
        Self { stream, stop }
    }

    /// Waits until there is something to read, or reading must stop; false when `timeout` passes
    /// first.
    ///
    /// # Errors
    /// The error of the system's poll.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut ready = [PollFd::new(&self.stream, PollFlags::IN), PollFd::new(&self.stop, PollFlags::IN)];
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        match poll(&mut ready, Some(&timeout)) {
            Ok(count) => Ok(count > 0),
            // A signal interrupted the poll: the read that follows polls again, and sees whether to
            // stop.
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what there is, as much as `buffer` holds; blocks while there is nothing.
    ///
    /// # Errors
    /// The error of the system's read.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Read> {
        loop {
            let mut ready = [PollFd::new(&self.stream, PollFlags::IN), PollFd::new(&self.stop, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if !ready[1].revents().is_empty() {
                return Ok(Read::End);
            }
            if ready[0].revents().is_empty() {
                continue;
            }
            match rustix::io::read(&self.stream, &mut *buffer) {
                Ok(0) => return Ok(Read::End),
                Ok(count) => return Ok(Read::Bytes(count)),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A write that did not write everything.
#[derive(Debug)]
pub struct Undelivered {
    /// Bytes that were written before the failure.
    pub written: usize,
    /// The system's error.
    pub error: io::Error,
}

impl Undelivered {
    /// True when nobody reads any more.
    #[must_use]
    pub fn reader_is_gone(&self) -> bool {
        self.error.kind() == io::ErrorKind::BrokenPipe
    }
}

/// An output whose slow reader slows the writer.
#[derive(Debug)]
pub struct Output<F> {
    stream: F,
}

impl<F: AsFd> Output<F> {
    /// Writes to `stream`.
    #[must_use]
    pub fn new(stream: F) -> Self {
        enlarge_pipe(&stream);
        Self { stream }
    }

    /// Writes all of `bytes` in as few system calls as possible.
    ///
    /// # Errors
    /// [`Undelivered`], with how much was written.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Undelivered> {
        self.write_parts(&[bytes]).map(drop)
    }

    /// Writes all of these parts, one after the other; returns how many bytes.
    ///
    /// # Errors
    /// [`Undelivered`], with how much was written.
    pub fn write_parts(&mut self, parts: &[&[u8]]) -> Result<usize, Undelivered> {
        let mut parts: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let (mut left, mut written) = (&mut parts[..], 0);
        while !left.is_empty() {
            match rustix::io::writev(&self.stream, &left[..left.len().min(PARTS)]) {
                Ok(count) => {
                    written += count;
                    IoSlice::advance_slices(&mut left, count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    wait_writable(self.stream.as_fd()).map_err(|error| Undelivered { written, error })?
                }
                Err(error) => return Err(Undelivered { written, error: error.into() }),
            }
        }
        Ok(written)
    }
}

/// Another process has set the stream non-blocking: wait as a blocking write would.
fn wait_writable(stream: BorrowedFd<'_>) -> io::Result<()> {
    match poll(&mut [PollFd::new(&stream, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn parts_leave_in_their_order_however_little_a_slow_reader_takes() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let whole: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        // More parts than one write takes, short and long, and empty ones.
        let mut parts = Vec::new();
        let mut rest = &whole[..];
        for length in (0..).map(|i: usize| if i.is_multiple_of(500) { 300_000 } else { i % 7 }) {
            let (part, later) = rest.split_at(rest.len().min(length));
            parts.push(part);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert!(parts.len() > 3 * PARTS, "{}", parts.len());
        let reading = std::thread::spawn(move || {
            let (mut reader, mut came, mut buffer) = (std::fs::File::from(reader), Vec::new(), [0; 1_000]);
            loop {
                match reader.read(&mut buffer).unwrap() {
                    0 => return came,
                    count => came.extend_from_slice(&buffer[..count]),
                }
            }
        });
        let mut output = Output { stream: writer };
        assert_eq!(output.write_parts(&parts).unwrap(), whole.len());
        drop(output);
        assert!(reading.join().unwrap() == whole);
    }
}
