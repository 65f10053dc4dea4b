//! SIGHUP asks for a reload. SIGTERM and SIGINT: the first ends reading, the second, or a reader that stays stuck, ends the process.

use super::log::Log;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long the last words wait for what was just read to be counted.
const SETTLE: Duration = Duration::from_secs(1);

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
pub struct Reading<'a>(&'a Progress);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.reading.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Progress {
    /// To be held from before a read until what it brought is counted.
    pub fn reading(&self) -> Reading<'_> {
        self.reading.fetch_add(1, Ordering::AcqRel);
        Reading(self)
    }

    /// Waits until all that was read is counted, and no longer than [`SETTLE`].
    async fn settle(&self) {
        let counted = async {
            while self.reading.load(Ordering::Acquire) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = tokio::time::timeout(SETTLE, counted).await;
    }

    /// Lines that were read and not written out.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        self.read.load(Ordering::Acquire).saturating_sub(self.delivered.load(Ordering::Acquire))
    }
}

/// Watches for signals on a thread of its own; the returned descriptor becomes readable when reading is to stop.
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
            progress.settle().await;
            log.say(&format!("ended by {why} with {} lines read and not delivered", progress.undelivered()));
            std::process::exit(1);
        });
    })?;
    Ok(stop)
}

/// Returns once nothing was delivered for `timeout`: a slow reader is waited for, a stuck one is not.
async fn stuck(timeout: Duration, progress: &Progress) {
    loop {
        let delivered = progress.delivered.load(Ordering::Acquire);
        tokio::time::sleep(timeout).await;
        if progress.delivered.load(Ordering::Acquire) == delivered {
            return;
        }
    }
}
