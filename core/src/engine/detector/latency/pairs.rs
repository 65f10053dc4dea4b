//! Durations between a start and an end event that share a trace, a thread or a member; and starts
//! without an end.
//!
//! A start is remembered under the values that it shares with its end, until the end comes or the
//! timeout passes. Starts time out in the order in which they came, so the oldest is at the front
//! of a queue. Memory: about 100 bytes a begun pair, capped; the oldest goes first when there are
//! too many, which is counted and makes no finding. Of two equal starts the later one counts.

use super::options::{LatencyPair, PairBy};
use crate::engine::detector::{Event, TableUse};
use crate::engine::incident::IncidentId;
use crate::engine::overrides::glob_matches;
use crate::engine::state::{Evict, HeapSize, allocated};
use crate::engine::template::Merge;
use crate::event::{Fields, Level, Role, Timestamp, Value};
use memchr::memmem;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The prefix of a template's id in a pattern.
const TEMPLATE: &str = "template:";

/// What a message must match.
#[derive(Debug)]
enum Pattern {
    /// The message contains a text of this pattern. The longest run of plain characters is searched
    /// first.
    Text { plain: Box<memmem::Finder<'static>>, glob: String },
    /// The message has this template.
    Template(u64),
}

impl Pattern {
    fn new(form: &str) -> Self {
        if let Some(id) = form.strip_prefix(TEMPLATE).and_then(|id| u64::from_str_radix(id, 16).ok()) {
            return Self::Template(id);
        }
        let longest = form.split(['*', '?']).max_by_key(|plain| plain.len()).unwrap_or_default();
        Self::Text { plain: Box::new(memmem::Finder::new(longest).into_owned()), glob: format!("*{form}*") }
    }

    #[inline]
    fn matches(&self, event: &Event<'_>, message: &str) -> bool {
        match self {
            Self::Text { plain, glob } => plain.find(message.as_bytes()).is_some() && glob_matches(glob, message),
            Self::Template(id) => event.template.id.0 == *id,
        }
    }
}

/// One kind of pair.
#[derive(Debug)]
struct Pair {
    options: LatencyPair,
    by: Vec<PairBy>,
    timeout_s: f64,
    key: u64,
    start: Pattern,
    end: Pattern,
    /// Starts, the oldest first. Starts that have ended are skipped when they reach the front.
    queue: VecDeque<(u64, Timestamp)>,
}

/// A start without an end so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Begun {
    /// The event's own time.
    time: Timestamp,
    /// The stream's time at the event.
    now: Timestamp,
    level: Option<Level>,
    /// The values that the start shares with its end.
    shared: Box<str>,
    line: Box<str>,
}

/// The kinds of pairs as kept across a restart, by operation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PairsSnapshot {
    begun: Vec<(u64, Begun)>,
    queues: Vec<(u64, Vec<(u64, Timestamp)>)>,
    unfinished: Vec<(u64, Unfinished)>,
    evictions: u64,
}

/// Work of one kind of pair that did not end in time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Unfinished {
    /// All ends so far, and all starts without one.
    pub(super) finished: u64,
    pub(super) timed_out: u64,
    pub(super) open: Option<(IncidentId, Timestamp)>,
}

/// A start whose time is up.
#[derive(Debug)]
pub(super) struct TimedOut<'a> {
    pub(super) options: &'a LatencyPair,
    pub(super) key: u64,
    pub(super) shared: &'a str,
    pub(super) line: &'a str,
    pub(super) level: Option<Level>,
    pub(super) waited_s: f64,
    pub(super) so_far: &'a mut Unfinished,
}

/// All kinds of pairs, and the starts without an end.
#[derive(Debug)]
pub(super) struct Pairs {
    kinds: Vec<Pair>,
    begun: HashMap<u64, Begun>,
    /// Bytes of the texts of the starts.
    texts: usize,
    unfinished: HashMap<u64, Unfinished>,
    cap: usize,
    evictions: u64,
}

/// An end met its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) key: u64,
    pub(super) kind: usize,
    pub(super) duration_ms: f64,
}

/// Bytes of a start and of its entry in the map.
const BEGUN_BYTES: usize = size_of::<(u64, Begun)>() + 8;
/// Starts that are kept when memory is short.
const KEPT: usize = 1_000;
/// The shared values are cut here in findings, in bytes.
const SHARED_BYTES: usize = 512;
/// An example line is cut here, in bytes.
const LINE_BYTES: usize = 200;

impl Pairs {
    pub(super) fn new(options: &[LatencyPair], cap: usize) -> Self {
        let kinds: Vec<Pair> = options
            .iter()
            .map(|options| Pair {
                key: xxh3_64(options.operation.as_bytes()),
                start: Pattern::new(&options.start),
                end: Pattern::new(&options.end),
                queue: VecDeque::new(),
                by: options.shared(),
                timeout_s: options.timeout.seconds(),
                options: options.clone(),
            })
            .collect();
        let unfinished = kinds.iter().map(|pair| (pair.key, Unfinished::default())).collect();
        Self { kinds, begun: HashMap::new(), texts: 0, unfinished, cap: cap.max(1), evictions: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    pub(super) fn operation(&self, kind: usize) -> &str {
        self.kinds.get(kind).map_or("", |pair| &pair.options.operation)
    }

    /// Takes an event; the pairs that it ends are appended to `ended`.
    pub(super) fn observe(&mut self, event: &Event<'_>, ended: &mut Vec<Ended>) {
        let Some(message) = event.fields.text(Role::Message) else { return };
        for kind in 0..self.kinds.len() {
            let pair = &self.kinds[kind];
            let (starts, ends) = (pair.start.matches(event, &message), pair.end.matches(event, &message));
            if !starts && !ends {
                continue;
            }
            let key = pair.key;
            let Some((hash, shared)) = shared(&pair.by, &event.fields, key) else { continue };
            if ends && let Some(begun) = self.take(hash) {
                let seconds = event.moment.time.seconds_since(begun.time).max(0.0);
                ended.push(Ended { key, kind, duration_ms: seconds * 1e3 });
                self.unfinished.entry(key).or_default().finished += 1;
            }
            if starts {
                let begun = Begun {
                    time: event.moment.time,
                    now: event.moment.now,
                    level: event.fields.level(),
                    shared: shared.into(),
                    line: message[..message.floor_char_boundary(LINE_BYTES)].into(),
                };
                self.begin(kind, hash, begun);
            }
        }
    }

    fn begin(&mut self, kind: usize, hash: u64, begun: Begun) {
        self.kinds[kind].queue.push_back((hash, begun.now));
        self.take(hash);
        self.texts += begun.heap_size();
        self.begun.insert(hash, begun);
        while self.begun.len() > self.cap && self.forget_oldest() {}
        // Ended pairs stay in the queue: they are swept before they outnumber the starts without an
        // end.
        let pair = &mut self.kinds[kind];
        if pair.queue.len() > 2 * self.begun.len() + 1_024 {
            let begun = &self.begun;
            pair.queue.retain(|(hash, now)| begun.get(hash).is_some_and(|begun| begun.now == *now));
        }
    }

    /// Takes the start under this hash out.
    fn take(&mut self, hash: u64) -> Option<Begun> {
        let begun = self.begun.remove(&hash)?;
        self.texts = self.texts.saturating_sub(begun.heap_size());
        Some(begun)
    }

    /// Forgets the oldest entry of the queue, whether its pair has ended or not; false where the
    /// queue is empty.
    fn forget_oldest(&mut self) -> bool {
        let oldest = (0..self.kinds.len()).filter_map(|i| Some((self.kinds[i].queue.front()?.1, i))).min();
        let Some((_, i)) = oldest else { return false };
        if let Some((hash, now)) = self.kinds[i].queue.pop_front()
            && self.begun.get(&hash).is_some_and(|begun| begun.now == now)
        {
            self.take(hash);
            self.evictions += 1;
        }
        true
    }

    /// Hands every start that has timed out at `now` to `take`.
    pub(super) fn time_out(&mut self, now: Timestamp, mut take: impl FnMut(TimedOut<'_>)) {
        for pair in &mut self.kinds {
            while let Some((hash, began)) = pair.queue.front().copied() {
                if now.seconds_since(began) < pair.timeout_s {
                    break;
                }
                pair.queue.pop_front();
                if self.begun.get(&hash).is_none_or(|begun| begun.now != began) {
                    continue;
                }
                let Some(begun) = self.begun.remove(&hash) else { continue };
                self.texts = self.texts.saturating_sub(begun.heap_size());
                let so_far = self.unfinished.entry(pair.key).or_default();
                so_far.timed_out += 1;
                take(TimedOut {
                    options: &pair.options,
                    key: pair.key,
                    shared: &begun.shared,
                    line: &begun.line,
                    level: begun.level,
                    waited_s: now.seconds_since(begun.now),
                    so_far,
                });
            }
        }
    }

    /// Kinds of pairs with an open incident, how long after its last a start without an end it is
    /// over, and the incident.
    pub(super) fn open(&mut self) -> impl Iterator<Item = (f64, &mut Option<(IncidentId, Timestamp)>)> {
        let calm_s = |kinds: &[Pair], key: u64| {
            kinds.iter().find(|pair| pair.key == key).map_or(0.0, |pair| (2.0 * pair.timeout_s).max(600.0))
        };
        let kinds = &self.kinds;
        let mut open: Vec<_> = self.unfinished.iter_mut().filter(|(_, unfinished)| unfinished.open.is_some()).collect();
        open.sort_by_key(|(key, _)| **key);
        open.into_iter().map(move |(key, unfinished)| (calm_s(kinds, *key), &mut unfinished.open))
    }

    pub(super) fn merge(&mut self, merge: Merge) {
        for pattern in self.kinds.iter_mut().flat_map(|pair| [&mut pair.start, &mut pair.end]) {
            if let Pattern::Template(id) = pattern
                && *id == merge.from.0
            {
                *id = merge.into.0;
            }
        }
    }

    pub(super) fn snapshot(&self) -> PairsSnapshot {
        let mut begun: Vec<_> = self.begun.iter().map(|(hash, begun)| (*hash, begun.clone())).collect();
        begun.sort_by_key(|(hash, _)| *hash);
        let mut unfinished: Vec<_> = self.unfinished.iter().map(|(key, kept)| (*key, kept.clone())).collect();
        unfinished.sort_by_key(|(key, _)| *key);
        let queues = self.kinds.iter().map(|pair| (pair.key, pair.queue.iter().copied().collect())).collect();
        PairsSnapshot { begun, queues, unfinished, evictions: self.evictions }
    }

    /// Restores the kinds of pairs that are still configured.
    pub(super) fn restore(&mut self, kept: PairsSnapshot) {
        self.evictions = kept.evictions;
        self.unfinished.extend(kept.unfinished);
        let mut begun: HashMap<_, _> = kept.begun.into_iter().collect();
        for (key, queue) in kept.queues {
            if let Some(pair) = self.kinds.iter_mut().find(|pair| pair.key == key) {
                self.begun.extend(queue.iter().filter_map(|(hash, _)| Some((*hash, begun.remove(hash)?))));
                pair.queue = queue.into();
            }
        }
        self.texts = self.begun.values().map(HeapSize::heap_size).sum();
    }

    pub(super) fn table(&self) -> TableUse {
        TableUse { table: "latency_pairs", keys: self.begun.len() as u64, evictions: self.evictions }
    }
}

impl HeapSize for Begun {
    fn heap_size(&self) -> usize {
        allocated(self.shared.len()) + allocated(self.line.len())
    }
}

impl Evict for Pairs {
    fn keys(&self) -> usize {
        self.begun.len()
    }

    fn size_bytes(&mut self) -> usize {
        let places: usize = self.kinds.iter().map(|pair| pair.queue.len() * size_of::<(u64, Timestamp)>()).sum();
        self.begun.len() * BEGUN_BYTES + places + self.texts
    }

    fn shrink(&mut self) -> bool {
        let count = self.begun.len();
        let keep = count - count.saturating_sub(KEPT.min(self.cap)).min(count.div_ceil(8));
        while self.begun.len() > keep && self.forget_oldest() {}
        keep < count
    }
}

/// The hash and the text of the values that start and end share; none where the event lacks one.
fn shared(by: &[PairBy], fields: &Fields<'_>, key: u64) -> Option<(u64, String)> {
    let mut hash = Xxh3::with_seed(key);
    let mut texts = Vec::new();
    for by in by {
        let (name, text) = match by {
            PairBy::Role(role) => (role.name(), fields.text(*role)?.into_owned()),
            PairBy::Member(name) => match fields.member(name)? {
                Value::Text(text) => (name.as_str(), text.into_owned()),
                Value::Number(text) => (name.as_str(), text.into_owned()),
                _ => return None,
            },
        };
        hash.update(text.as_bytes());
        hash.update(&[0]);
        texts.push(format!("{name} {}", &text[..text.floor_char_boundary(SHARED_BYTES)]));
    }
    Some((hash.digest(), texts.join(", ")))
}
