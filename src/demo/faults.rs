//! The log lines of each kind of fault: which module and thread is affected, and what it logs.

use crate::event::level::Level;
use crate::event::level::Level::{Error, Info, Warn};

use super::catalog::{FAILURES, JOB_HOSTS, SHOP_HOSTS, WORKERS};
use super::rng::Rng;
use super::text::{Placeholders, made_up_word, render};

/// Lines that one thread logs over and over.
#[derive(Clone, Debug)]
pub(super) struct Repeat {
    pub(super) module: &'static str,
    pub(super) host: &'static str,
    pub(super) thread: u32,
    pub(super) lines: Vec<RepeatedLine>,
}

/// One of these lines. If there is a tail, a counter stands between head and tail.
#[derive(Clone, Debug)]
pub(super) struct RepeatedLine {
    pub(super) level: Level,
    pub(super) head: String,
    pub(super) tail: Option<String>,
}

/// Retries that count their attempts; `{i}` is replaced by the counter.
const COUNTER: [(&str, Level, &str); 5] = [
    ("payments.client", Warn, "attempt {i} to settle {hex} failed: provider answered 503, trying again"),
    ("sessions.store", Warn, "reconnect {i} to follower {ip} timed out"),
    ("shipping.tracker", Warn, "fetch {i} of carrier feed cut off after {kb} KiB, starting over"),
    ("search.indexer", Error, "merge of segment {big} failed for the {i}. time: no space left on volume"),
    ("payments", Warn, "order {order}: capture retried {i} times, provider still busy"),
];

/// State machines in a cycle: two to five lines, each harmless by itself, that alternate.
const CYCLE: [(&str, &[&str]); 5] = [
    (
        "orders.consumer",
        &[
            "joining group warehouse as member {hex}",
            "assigned partitions 0 to 3",
            "heartbeat to the group missed, leaving it",
        ],
    ),
    ("payments.client", &["breaker half open, sending a probe", "probe failed, breaker open"]),
    (
        "sessions.store",
        &[
            "role changed from follower to candidate",
            "asking {ip} for its vote",
            "vote refused, a longer log is known",
            "role changed from candidate to follower",
        ],
    ),
    (
        "catalog.cache",
        &[
            "warming up from snapshot {hex}",
            "snapshot read, checking its sum",
            "sum of snapshot {hex} is wrong",
            "dropping all entries",
            "asking for a new snapshot",
        ],
    ),
    (
        "stock.sync",
        &[
            "opening the feed of warehouse {part}",
            "feed is at a sequence we have had",
            "closing the feed of warehouse {part}",
        ],
    ),
];

/// Errors that occur nowhere else; `{w}` is replaced by a unique word. A stream uses each text
/// once.
const NOVEL: [&str; 8] = [
    "{w} ledger is out of balance by {money} EUR, bookings stopped",
    "refusing to start {w}: its licence covers {n} nodes",
    "two leaders in ring {w}, fencing both",
    "clock of {w} went back by {ms}, sequence numbers may clash",
    "bit {n} flipped in page {big} of {w}",
    "no codec can open the {w} envelope with magic {hex}",
    "tenant {w} is mapped onto {n} regions at once",
    "watchdog shot {w} because it starved {n} siblings",
];

/// The texts of [`NOVEL`] that a stream has not used yet.
#[derive(Clone, Debug)]
pub(super) struct Shapes(Vec<&'static str>);

impl Shapes {
    pub(super) fn new(rng: &mut Rng) -> Shapes {
        let mut shapes = NOVEL.to_vec();
        rng.shuffle(&mut shapes);
        Shapes(shapes)
    }

    /// How many texts are unused.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }
}

/// An error that the stream has not had before, logged once or a few times.
#[derive(Clone, Debug)]
pub(super) struct Novel {
    pub(super) module: &'static str,
    pub(super) host: &'static str,
    pub(super) word: String,
    pub(super) lines: Vec<String>,
}

fn from_thread(module: &'static str, lines: Vec<RepeatedLine>, rng: &mut Rng) -> Repeat {
    let at_work = WORKERS.iter().any(|worker| worker.module == module);
    let host = if at_work { rng.pick(&JOB_HOSTS) } else { rng.pick(&SHOP_HOSTS) };
    Repeat { module, host, thread: rng.whole(1, 3), lines }
}

fn line(level: Level, text: &str, subject: &Placeholders, rng: &mut Rng) -> RepeatedLine {
    let mut rendered = |text: &str| {
        let mut out = String::new();
        render(&mut out, text, subject, rng);
        out
    };
    match text.split_once("{i}") {
        Some((head, tail)) => RepeatedLine { level, head: rendered(head), tail: Some(rendered(tail)) },
        None => RepeatedLine { level, head: rendered(text), tail: None },
    }
}

/// A worker's usual warning or error, which now repeats because one thing fails for ever. No line
/// of it is new.
pub(super) fn exact(rng: &mut Rng, subject: &Placeholders) -> Repeat {
    let worker = rng.pick(&WORKERS);
    let (level, text) = *rng.pick(&[(Warn, worker.warning), (Error, worker.error)]);
    let lines = vec![line(level, text, subject, rng)];
    from_thread(worker.module, lines, rng)
}

pub(super) fn counter(rng: &mut Rng, subject: &Placeholders) -> Repeat {
    let &(module, level, text) = rng.pick(&COUNTER);
    let lines = vec![line(level, text, subject, rng)];
    from_thread(module, lines, rng)
}

pub(super) fn cycle(rng: &mut Rng, subject: &Placeholders) -> Repeat {
    let &(module, texts) = rng.pick(&CYCLE);
    let lines = texts.iter().map(|text| line(Info, text, subject, rng)).collect();
    from_thread(module, lines, rng)
}

pub(super) fn novel(rng: &mut Rng, subject: &Placeholders, shapes: &mut Shapes) -> Option<Novel> {
    let shape = shapes.0.pop()?;
    let word = made_up_word(rng);
    let (module, host) = (rng.pick(&WORKERS).module, *rng.pick(&JOB_HOSTS));
    let lines = (0..rng.whole(1, 4))
        .map(|_| {
            let mut text = String::new();
            render(&mut text, &shape.replace("{w}", &word), subject, rng);
            text
        })
        .collect();
    Some(Novel { module, host, word, lines })
}

/// A service that has errors of its own, for a burst of errors.
pub(super) fn failing_module(rng: &mut Rng) -> &'static str {
    rng.pick(&FAILURES).module
}
