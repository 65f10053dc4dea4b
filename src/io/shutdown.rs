//! SIGHUP asks for a reload. SIGTERM and SIGINT: the first ends reading, the second, or a reader
//! that stays stuck, ends the process.

use super::log::Log;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often the last words look whether what was just read has been counted, a millisecond apart,
/// before they do without it. Looks are counted, not time: when the machine holds the process up,
/// time passes in which a read could not go on either.
const LOOKS: u32 = 5_000;

/// Lines read and lines delivered, for the last words of a process that could not deliver all.
#[derive(Debug, Default)]
pub struct Progress {
    /// Lines that were read.
    pub read: AtomicU64,
    /// Lines that were written out.
    pub delivered: AtomicU64,
    /// Sources that may hold lines which are read and not counted yet.
    reading: AtomicU64,
}

/// While it lives, lines are being read that are not counted yet.
#[derive(Debug)]
pub struct ReadingGuard<'a>(&'a Progress);

impl Drop for ReadingGuard<'_> {
    fn drop(&mut self) {
        self.0.reading.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Progress {
    /// To be held from before a read until what it brought is counted.
    pub fn reading(&self) -> ReadingGuard<'_> {
        self.reading.fetch_add(1, Ordering::AcqRel);
        ReadingGuard(self)
    }

    /// Waits until all that was read is counted; false when a read does not come to its end.
    /// `pause` is called between looks.
    ///
    /// A read that is under way when reading is told to stop returns at once, unless somebody else
    /// has taken from the pipe what was there: only then it waits, and is not waited for.
    async fn settle<F: Future<Output = ()>>(&self, mut pause: impl FnMut() -> F) -> bool {
        for _ in 0..LOOKS {
            if self.reading.load(Ordering::Acquire) == 0 {
                return true;
            }
            pause().await;
        }
        false
    }

    /// Lines that were read and not written out.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        self.read.load(Ordering::Acquire).saturating_sub(self.delivered.load(Ordering::Acquire))
    }
}

/// Watches for signals on a thread of its own; the returned descriptor becomes readable when
/// reading is to stop.
///
/// What `on_stop` returns is kept as long as the process lives.
///
/// # Errors
/// When the system has no descriptor, thread or signal handler to give.
pub fn watch<T: Send + 'static>(
    timeout: Duration,
    progress: Arc<Progress>,
    log: Log,
    on_stop: impl FnOnce() -> T + Send + 'static,
    on_hangup: impl Fn() + Send + 'static,
) -> io::Result<OwnedFd> {
    let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
    let bell = stop.try_clone()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let (mut terminate, mut interrupt, mut hangup) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                    _ = hangup.recv() => on_hangup(),
                }
            }
            let _kept = on_stop();
            let _ = rustix::io::write(&bell, &1_u64.to_ne_bytes());
            let why = tokio::select! {
                _ = terminate.recv() => "a second signal",
                _ = interrupt.recv() => "a second signal",
                () = stuck(timeout, &progress) => "output.shutdown_timeout",
            };
            let settled = progress.settle(|| tokio::time::sleep(Duration::from_millis(1))).await;
            let at_least = if settled { "" } else { "at least " };
            let lines = progress.undelivered();
            log.say(&format!("ended by {why} with {at_least}{lines} lines read and not delivered"));
            std::process::exit(1);
        });
    })?;
    Ok(stop)
}

/// Returns once nothing was delivered for `timeout`: a slow reader is waited for, a stuck one is
/// not.
async fn stuck(timeout: Duration, progress: &Progress) {
    loop {
        let delivered = progress.delivered.load(Ordering::Acquire);
        tokio::time::sleep(timeout).await;
        if progress.delivered.load(Ordering::Acquire) == delivered {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;

    /// The order that was once seen under load: the last words begin while a read is under way, and
    /// its thread is held up for longer than any time that they could reasonably be given.
    #[test]
    fn a_read_that_is_under_way_is_counted_however_long_the_machine_holds_it_up() {
        let progress = Progress::default();
        progress.read.store(1_562, Ordering::Relaxed);
        let (mut reading, mut looks) = (Some(progress.reading()), 0);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let settled = runtime.block_on(progress.settle(|| {
            looks += 1;
            if looks == 3 {
                progress.read.fetch_add(1_554, Ordering::AcqRel);
                drop(reading.take());
            }
            ready(())
        }));
        assert_eq!((settled, progress.undelivered(), looks), (true, 3_116, 3));
    }

    #[test]
    fn a_read_that_never_returns_is_not_waited_for() {
        let progress = Progress::default();
        let _reading = progress.reading();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(!runtime.block_on(progress.settle(|| ready(()))));
    }
}
