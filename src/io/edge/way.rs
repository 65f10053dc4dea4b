//! The way from peers to the thread that looks at records: few bounded batches, and tokens that
//! wait for several of them to leave.
//!
//! Records cost memory besides their bytes. So a batch holds about as much as one read of standard
//! input, is made only once there is a place for it, and all batches that have not left are bounded
//! in bytes as well.

use crate::config::Peers;
use crate::event::lines::Lines;
use crate::event::{Batch, DeliveryToken, Encoding};
use crate::io::shutdown::Progress;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc};

/// The process stops, so taken events go nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending;

/// The way itself.
#[derive(Clone, Debug)]
pub(super) struct Way {
    batches: mpsc::Sender<Batch>,
    /// Bytes that batches may hold until they have left. A longer record takes all of them.
    weight: Arc<Semaphore>,
    most: usize,
    /// Held by the peer that makes a batch: more batches made at a time would only hold memory
    /// while they wait.
    making: Arc<Semaphore>,
    progress: Arc<Progress>,
}

impl Way {
    pub(super) fn new(batches: mpsc::Sender<Batch>, peers: &Peers, progress: Arc<Progress>) -> Self {
        let most = (peers.max_pending_bytes / 4).max(peers.max_message_bytes).min(u32::MAX as usize);
        Self { batches, weight: Arc::new(Semaphore::new(most)), most, making: Arc::new(Semaphore::new(1)), progress }
    }

    /// Waits for a place for one batch. A peer that has one waits for no other peer.
    pub(super) async fn place(&self) -> Result<Place<'_>, Ending> {
        // The semaphore is never closed.
        let making = self.making.acquire().await.map_err(|_| Ending)?;
        let place = self.batches.reserve().await.map_err(|_| Ending)?;
        Ok(Place { way: self, place, _making: making })
    }

    /// Passes whole lines on; returns how many records they are. The shares of `whole`, if there is
    /// one, are released when they have left.
    pub(super) async fn lines(&self, text: &[u8], lines: &mut Lines, whole: Option<&Whole>) -> Result<usize, Ending> {
        let (mut at, mut count) = (0, 0);
        while at < text.len() {
            let place = self.place().await?;
            let end = at + piece(&text[at..]);
            let mut batch = Batch { bytes: text[at..end].to_vec(), filled: end - at, ..Batch::default() };
            batch.filled = lines.split(&mut batch, false);
            batch.bytes.truncate(batch.filled);
            at += batch.filled;
            count += batch.records.len();
            batch.tokens.extend(whole.map(Whole::share));
            place.send(batch).await;
        }
        Ok(count)
    }
}

/// How many bytes of these whole lines one batch takes: as many lines as it holds, or the first,
/// however long that is.
fn piece(text: &[u8]) -> usize {
    if text.len() <= Batch::MOST_BYTES {
        return text.len();
    }
    let (near, far) = text.split_at(Batch::MOST_BYTES);
    let first = || memchr::memchr(b'\n', far).map_or(text.len(), |at| Batch::MOST_BYTES + at + 1);
    memchr::memrchr(b'\n', near).map_or_else(first, |at| at + 1)
}

/// A place for one batch.
#[derive(Debug)]
pub(super) struct Place<'a> {
    way: &'a Way,
    place: mpsc::Permit<'a, Batch>,
    _making: SemaphorePermit<'a>,
}

impl Place<'_> {
    /// Sends the batch, once enough of the batches before it have left.
    pub(super) async fn send(self, mut batch: Batch) {
        let weight = batch.bytes.len().min(self.way.most);
        if weight > 0
            // The semaphore is never closed.
            && let Ok(held) = Arc::clone(&self.way.weight).acquire_many_owned(weight as u32).await
        {
            batch.tokens.push(Box::new(Held { _weight: held }));
        }
        let lines = batch.records.iter().filter(|record| record.encoding != Encoding::Rest).count();
        self.way.progress.read.fetch_add(lines as u64, Ordering::AcqRel);
        self.place.send(batch);
    }
}

/// What a batch holds until it has left or is dropped.
#[derive(Debug)]
struct Held {
    _weight: OwnedSemaphorePermit,
}

impl DeliveryToken for Held {
    fn release(self: Box<Self>) {}
}

/// A token for several batches. It is released once all of them have left.
#[derive(Debug)]
pub(super) struct Whole(Arc<Shares>);

#[derive(Debug)]
struct Shares {
    /// Shares that are not released yet; the maker holds one of them.
    left: AtomicUsize,
    token: Mutex<Option<Box<dyn DeliveryToken>>>,
}

impl Shares {
    fn one_less(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(token) = self.token.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            token.release();
        }
    }
}

impl Whole {
    pub(super) fn new(token: Box<dyn DeliveryToken>) -> Self {
        Self(Arc::new(Shares { left: AtomicUsize::new(1), token: Mutex::new(Some(token)) }))
    }

    /// A share for one more batch.
    pub(super) fn share(&self) -> Box<dyn DeliveryToken> {
        self.0.left.fetch_add(1, Ordering::AcqRel);
        Box::new(TokenShare(Arc::clone(&self.0)))
    }

    /// Releases the maker's share: all batches have theirs. Dropped without this, the token is
    /// never released.
    pub(super) fn complete(self) {
        self.0.one_less();
    }
}

#[derive(Debug)]
struct TokenShare(Arc<Shares>);

impl DeliveryToken for TokenShare {
    fn release(self: Box<Self>) {
        self.0.one_less();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Told(Arc<AtomicUsize>);

    impl DeliveryToken for Told {
        fn release(self: Box<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_token_of_several_batches_is_released_once_when_all_of_them_have_left() {
        let told = Arc::new(AtomicUsize::new(0));
        let whole = || Whole::new(Box::new(Told(Arc::clone(&told))));
        let all = whole();
        let shares = [all.share(), all.share()];
        shares.into_iter().for_each(DeliveryToken::release);
        assert_eq!(told.load(Ordering::Relaxed), 0, "another batch may follow");
        let last = all.share();
        all.complete();
        assert_eq!(told.load(Ordering::Relaxed), 0);
        last.release();
        assert_eq!(told.load(Ordering::Relaxed), 1);
        // A batch that does not leave, and a maker that gave up.
        let lost = whole();
        drop(lost.share());
        lost.complete();
        whole().share().release();
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_piece_is_whole_lines_and_no_more_than_a_batch_unless_one_line_is() {
        let (short, long) = ([b'a'; 99], vec![b'b'; 2 * Batch::MOST_BYTES]);
        let line = |text: &[u8]| [text, b"\n"].concat();
        assert_eq!(piece(&line(&short)), 100);
        let many = line(&short).repeat(5_000);
        assert_eq!(piece(&many), Batch::MOST_BYTES / 100 * 100);
        assert_eq!(piece(&[line(&long), line(&short)].concat()), long.len() + 1);
        assert_eq!(piece(&[line(&short), line(&long)].concat()), 100);
    }
}
