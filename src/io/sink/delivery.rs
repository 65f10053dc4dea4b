//! Takes findings to a server, from a thread of its own: the event stream only puts them into a
//! bounded queue.
//!
//! While the server does not answer, what it has not been told is kept in memory, and in the spool
//! where there is one; it is tried again as [`Breaker`] allows. At the end one last try is made
//! within two seconds, and the rest stays in the spool for the next start, or is counted as lost.

use super::breaker::Breaker;
use super::client::{Client, Undelivered};
use super::spool::Spool;
use crate::event::Timestamp;
use crate::io::clock;
use crate::message::notice::Notice;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64;

/// Notices that wait for the thread to take them.
const QUEUE: usize = 10_000;
/// About what they may take, in bytes.
const QUEUE_BYTES: usize = 16 << 20;
/// How long the last try may take.
pub(super) const LAST_TRY: Duration = Duration::from_secs(2);
/// How long the thread sleeps when nothing is due.
const NEVER: Duration = Duration::from_secs(3_600);

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Behind the path of the server's address.
    pub path: &'static str,
    /// Of the body.
    pub content_type: String,
    /// The messages to send.
    pub body: Vec<u8>,
}

/// What one kind of server is told, and when. Holds no connection and no clock.
pub trait Messages: Send {
    /// Takes a notice; `is_old` is one that an earlier process could not deliver.
    fn take(&mut self, notice: Notice, now: Instant, is_old: bool);
    /// When the next message is due; none when there is nothing to say.
    fn due(&self, now: Instant) -> Option<Instant>;
    /// The next message; asked again until it is delivered or refused.
    fn message(&mut self, now: Instant, wall: Timestamp) -> Option<Message>;
    /// The message has been taken.
    fn delivered(&mut self, now: Instant);
    /// The server does not want the message, now or ever; how many findings are lost by that.
    fn refused(&mut self, now: Instant) -> u64;
    /// What the server has yet to be told.
    fn waiting<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Notice> + 'a>;
    /// How much that is.
    fn waiting_count(&self) -> u64;
    /// Findings given up since the last call because there were too many.
    fn take_lost(&mut self) -> u64;
    /// Whether the server is to be told of this one though it is silenced.
    fn wants_silenced(&self, notice: &Notice) -> bool;
}

/// How deliveries went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryStats {
    /// Messages that the server took.
    pub delivered: u64,
    /// Messages that it did not want.
    pub refused: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Findings given up.
    pub lost: u64,
    /// Findings that wait.
    pub pending: u64,
    /// The last thing that went wrong.
    pub why: Option<String>,
    /// Whether the server answers.
    pub is_down: bool,
}

/// What the event stream and the delivery share.
#[derive(Debug, Default)]
pub struct DeliveryQueue {
    queue: Mutex<Queue>,
    fared: Mutex<DeliveryStats>,
    came: Notify,
    /// Set once, at the end.
    ends: AtomicBool,
    end: Notify,
}

/// Notices that the thread has yet to take, and whether each is silenced.
#[derive(Debug, Default)]
struct Queue {
    notices: VecDeque<(Notice, bool)>,
    bytes: usize,
}

impl DeliveryQueue {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fared(&self) -> MutexGuard<'_, DeliveryStats> {
        self.fared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a notice, without waiting; it is lost when too many wait.
    pub fn put(&self, notice: Notice, is_silenced: bool) {
        let mut queue = self.queue();
        let bytes = notice.bytes();
        if queue.notices.len() >= QUEUE || queue.bytes + bytes > QUEUE_BYTES {
            drop(queue);
            let mut fared = self.fared();
            fared.lost += 1;
            fared.why = Some("too many findings at once".to_owned());
            return;
        }
        queue.bytes += bytes;
        queue.notices.push_back((notice, is_silenced));
        drop(queue);
        self.came.notify_one();
    }

    /// How it went since the last call; what waits and whether the server answers is as of now.
    pub fn take_stats(&self) -> DeliveryStats {
        let mut fared = self.fared();
        let (pending, is_down) = (fared.pending, fared.is_down);
        let mut taken = std::mem::replace(&mut *fared, DeliveryStats { pending, is_down, ..DeliveryStats::default() });
        drop(fared);
        taken.pending += self.queue().notices.len() as u64;
        taken
    }

    /// The stream has ended.
    pub fn end(&self) {
        self.ends.store(true, Ordering::Release);
        self.came.notify_one();
        self.end.notify_one();
    }

    fn has_ended(&self) -> bool {
        self.ends.load(Ordering::Acquire)
    }

    /// Returns once the stream has ended and what was under way then has had its time.
    async fn last_moment(&self) {
        while !self.has_ended() {
            self.end.notified().await;
        }
        tokio::time::sleep(LAST_TRY).await;
    }
}

/// One server's delivery.
pub struct Delivery {
    post: Arc<DeliveryQueue>,
    client: Client,
    messages: Box<dyn Messages>,
    spool: Spool,
    breaker: Breaker,
    /// All that waits is in the spool as well.
    is_spooled: bool,
}

impl Delivery {
    /// A delivery that begins with what the spool holds.
    #[must_use]
    pub fn new(post: Arc<DeliveryQueue>, client: Client, mut messages: Box<dyn Messages>, spool: Spool) -> Self {
        let now = Instant::now();
        let old = spool.read().unwrap_or_default();
        let is_spooled = !old.is_empty();
        old.into_iter().for_each(|notice| messages.take(notice, now, true));
        Self { post, client, messages, spool, breaker: Breaker::default(), is_spooled }
    }

    /// Delivers until the stream ends.
    pub async fn run(mut self) {
        loop {
            self.take();
            if self.post.has_ended() {
                break;
            }
            let now = Instant::now();
            let due = self.messages.due(now).map(|due| self.breaker.until().map_or(due, |until| due.max(until)));
            if due.is_some_and(|due| due <= now) {
                let post = Arc::clone(&self.post);
                let in_time = tokio::select! {
                    () = self.deliver(now) => true,
                    () = post.last_moment() => false,
                };
                if !in_time {
                    return self.put_away();
                }
                continue;
            }
            let wait = due.map_or(NEVER, |due| due - now);
            tokio::select! {
                () = self.post.came.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.finish().await;
    }

    /// Moves the findings that have arrived from the queue to the messages.
    fn take(&mut self) {
        let mut came = std::mem::take(&mut *self.post.queue()).notices;
        came.retain(|(notice, is_silenced)| !is_silenced || self.messages.wants_silenced(notice));
        if self.is_spooled {
            self.put_into_spool(came.iter().map(|(notice, _)| notice.clone()).collect());
        }
        let now = Instant::now();
        came.into_iter().for_each(|(notice, _)| self.messages.take(notice, now, false));
        let mut fared = self.post.fared();
        fared.lost += self.messages.take_lost();
        fared.pending = self.messages.waiting_count();
    }

    async fn deliver(&mut self, now: Instant) {
        let Some(message) = self.messages.message(now, clock::now()) else { return };
        let result = self.client.post(message.path, &message.content_type, message.body).await;
        let now = Instant::now();
        {
            let mut fared = self.post.fared();
            match result {
                Ok(()) => {
                    fared.delivered += 1;
                    self.messages.delivered(now);
                    self.breaker.succeeded();
                }
                Err(Undelivered::Refused(why)) => {
                    fared.refused += 1;
                    fared.lost += self.messages.refused(now);
                    fared.why = Some(why);
                    self.breaker.succeeded();
                }
                Err(Undelivered::Later { why, retry_after }) => {
                    fared.failed += 1;
                    fared.why = Some(why);
                    self.breaker.failed(now, jitter(), retry_after);
                }
            }
            fared.pending = self.messages.waiting_count();
            fared.is_down = self.breaker.has_failed();
        }
        if self.breaker.has_failed() && !self.is_spooled {
            self.put_into_spool(self.messages.waiting().cloned().collect());
            self.is_spooled = true;
        } else if self.is_spooled && self.messages.waiting_count() == 0 {
            self.is_spooled = false;
            if let Err(error) = self.spool.clear() {
                self.post.fared().why = Some(format!("its spool cannot be emptied: {error}"));
            }
        }
    }

    /// Puts notices into the spool, where there is one; how many are not in it.
    fn put_into_spool(&mut self, notices: Vec<Notice>) -> u64 {
        let count = notices.len() as u64;
        match self.spool.append(&notices) {
            Ok(taken) => count - taken,
            Err(error) => {
                self.post.fared().why = Some(format!("its spool cannot be written to: {error}"));
                count
            }
        }
    }

    /// One last try; what is left is put away.
    async fn finish(&mut self) {
        let last = Instant::now() + LAST_TRY;
        // An open breaker says that it would be in vain.
        while !self.breaker.is_open() && self.messages.waiting_count() > 0 {
            let left = last.saturating_duration_since(Instant::now());
            let tried = tokio::time::timeout(left, self.deliver(Instant::now())).await;
            if tried.is_err() || self.breaker.has_failed() {
                break;
            }
        }
        self.put_away();
    }

    /// Writes the remaining messages to the spool; without one they are lost and counted.
    fn put_away(&mut self) {
        let left: Vec<Notice> = self.messages.waiting().cloned().collect();
        let mut lost = 0;
        if !left.is_empty() {
            lost = match (self.spool.is_there(), self.is_spooled) {
                (true, true) => 0,
                (true, false) => self.put_into_spool(left),
                (false, _) => self.messages.waiting_count(),
            };
        }
        let mut fared = self.post.fared();
        fared.lost += lost;
        fared.pending = 0;
        if lost > 0 && fared.why.is_none() {
            fared.why = Some("it did not answer before the end, and there is no spool".to_owned());
        }
    }
}

/// From 0 to 1, another one each time: nothing but the spread of retries rests on it.
fn jitter() -> f64 {
    (xxh3_64(&clock::now().0.to_le_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
}
