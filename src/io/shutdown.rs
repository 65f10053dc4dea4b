//! Signals. SIGHUP asks for a reload. The first SIGTERM or SIGINT ends reading; the second ends the
//! process, as does a reader that stays stuck.

use super::log::Log;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often the last report checks, a millisecond apart, whether the lines just read have been
/// counted, before it goes on without them. Checks are counted, not time: when the machine pauses
/// the process, a read cannot go on either.
const LOOKS: u32 = 5_000;

/// Lines read and lines delivered, for the last report of a process that could not deliver all.
#[derive(Debug, Default)]
pub struct Progress {
    /// Lines that were read.
    pub read: AtomicU64,
    /// Lines that were written out.
    pub delivered: AtomicU64,
    /// Sources that may hold lines which are read and not counted yet.
    reading: AtomicU64,
}

/// A guard that lives while lines are read that are not counted yet.
#[derive(Debug)]
pub struct ReadingGuard<'a>(&'a Progress);

impl Drop for ReadingGuard<'_> {
    fn drop(&mut self) {
        self.0.reading.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Progress {
    /// The guard to hold from before a read until its lines are counted.
    pub fn reading(&self) -> ReadingGuard<'_> {
        self.reading.fetch_add(1, Ordering::AcqRel);
        ReadingGuard(self)
    }

    /// Waits until all lines that were read are counted; false when a read does not end. `pause` is
    /// called between looks.
    ///
    /// A read that is under way when reading stops returns at once, unless another process has
    /// taken the bytes from the pipe: then the read blocks, and is not waited for.
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

/// Watches for signals on a thread of its own. The returned descriptor becomes readable when
/// reading must stop.
///
/// The value that `on_stop` returns is kept as long as the process lives.
///
/// # Errors
/// When the system refuses a descriptor, a thread or a signal handler.
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

/// Returns once nothing was delivered for `timeout`: a slow reader is waited for, a stuck reader is
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
        let (mut reading, mut parsed) = (Some(progress.reading()), 0);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let settled = runtime.block_on(progress.settle(|| {
            parsed += 1;
            if parsed == 3 {
                progress.read.fetch_add(1_554, Ordering::AcqRel);
                drop(reading.take());
            }
            ready(())
        }));
        assert_eq!((settled, progress.undelivered(), parsed), (true, 3_116, 3));
    }

    #[test]
    fn a_read_that_never_returns_is_not_waited_for() {
        let progress = Progress::default();
        let _reading = progress.reading();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(!runtime.block_on(progress.settle(|| ready(()))));
    }
}
