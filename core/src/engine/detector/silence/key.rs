//! One key: when it spoke, and how long its pauses were.

use super::options::SilenceSettings;
use crate::engine::incident::IncidentId;
use crate::engine::state::{HeapSize, allocated};
use crate::engine::stats::gap_tail::GapTail;
use serde::{Deserialize, Serialize};

/// A point on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reading {
    /// Seconds that the stream has run.
    pub(super) running: f64,
    /// Events of the stream.
    pub(super) events: f64,
}

/// A pause on both clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pause {
    pub(super) seconds: f64,
    pub(super) events: f64,
}

/// Why a key need not be examined before it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Parked {
    /// The key has spoken too seldom to have a limit, or is allowed to stop.
    Unlimited,
    /// The key has not lived long enough, and will not have before it speaks.
    Young,
    /// The key has been silent for so long that it is gone.
    Gone,
    /// The key has joined an incident; the end of the incident makes it due as well.
    Joined,
    /// The pause is long enough in seconds, not in events; enough events of the stream make the key
    /// due as well.
    Events,
}

/// For a key that was due at `due`, and every `period` seconds after that, the first of these times
/// after `now`.
pub(super) fn next_look(due: u32, period: f64, now: f64) -> u32 {
    let behind = now - f64::from(due);
    if behind < 0.0 {
        return due;
    }
    let period = period.max(1.0);
    (f64::from(due) + ((behind / period).floor() + 1.0) * period).min(f64::from(u32::MAX)) as u32
}

/// A module, a host, or another key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) name: Box<str>,
    pub(super) first: f64,
    pub(super) last: Reading,
    /// When the key spoke last, by the stream's clock, in nanoseconds.
    pub(super) last_time: i64,
    /// The host on which a module spoke last, the module that spoke last on a host.
    pub(super) partner: u64,
    seconds: GapTail,
    events: GapTail,
    /// When the key is examined next, in whole seconds of running time.
    pub(super) due: u32,
    /// Why no examination is due before the key speaks: nothing that happens to others can change
    /// its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parked: Option<Parked>,
    /// The incident of the key's silence: its own, or the one that it joined.
    pub(super) silent: Option<IncidentId>,
    /// True while the pause would be a silence, but may be a restart like those of other keys of
    /// the member.
    pub(super) awaited: bool,
    /// The key's own silences that have ended, and the longest of them in seconds.
    silences: u32,
    longest_silence: f32,
    /// The settings of the key; decided again after a restart.
    #[serde(skip)]
    pub(super) settings: u16,
}

impl HeapSize for Key {
    fn heap_size(&self) -> usize {
        allocated(self.name.len()) + self.seconds.heap_size() + self.events.heap_size()
    }

    /// The incident that is open for as long as this key is silent.
    fn watched_as(&self, _: u64) -> Option<u64> {
        self.silent.map(|id| id.0)
    }
}

impl Key {
    pub(super) fn new(name: Box<str>, now: Reading, settings: u16) -> Self {
        Self {
            name,
            first: now.running,
            last: now,
            last_time: 0,
            partner: 0,
            seconds: GapTail::default(),
            events: GapTail::default(),
            due: 0,
            parked: None,
            silent: None,
            awaited: false,
            silences: 0,
            longest_silence: 0.0,
            settings,
        }
    }

    /// Reads the memory that [`Self::speak`] will need.
    pub(super) fn prefetch(&self) -> u64 {
        self.last.running.to_bits()
            ^ self.last.events.to_bits()
            ^ self.partner
            ^ u64::from(self.seconds.gaps() ^ self.events.gaps())
            ^ u64::from(self.awaited)
            ^ u64::from(self.silent.is_some())
            ^ u64::from(self.parked.is_some())
    }

    /// The key speaks after a usual pause, which is learned.
    #[inline]
    pub(super) fn speak(&mut self, now: Reading) {
        self.seconds.add((now.running - self.last.running).max(0.0) as f32);
        self.events.add((now.events - self.last.events) as f32);
        self.last = now;
    }

    /// The key speaks again after a silence of its own or a restart. Such a pause is not learned; a
    /// second one makes a habit.
    pub(super) fn speak_again(&mut self, now: Reading) {
        let silence = (now.running - self.last.running) as f32;
        self.longest_silence = self.longest_silence.max(silence);
        self.silences = self.silences.saturating_add(1);
        self.last = now;
    }

    pub(super) fn pause(&self, now: Reading) -> Pause {
        Pause { seconds: (now.running - self.last.running).max(0.0), events: (now.events - self.last.events).max(0.0) }
    }

    /// Lines so far.
    pub(super) fn lines(&self) -> u32 {
        self.seconds.gaps()
    }

    /// Seconds from the first line to the last.
    pub(super) fn life(&self) -> f64 {
        self.last.running - self.first
    }

    /// The pauses beyond which the key is silent; infinite while it has not spoken often enough.
    pub(super) fn limits(&self, settings: &SilenceSettings) -> Pause {
        let habit = if self.silences >= 2 { 2.0 * f64::from(self.longest_silence) } else { 0.0 };
        Pause {
            seconds: self.seconds.limit(settings.threshold.value()).max(settings.least_s).max(habit),
            events: self.events.limit(settings.threshold.value()),
        }
    }

    /// How many events the stream must have had for the pause to be a silence, if it is long enough
    /// in seconds.
    pub(super) fn silent_by(&self, settings: &SilenceSettings) -> f64 {
        (self.last.events + self.limits(settings).events).ceil()
    }

    /// ln of the chance of such a pause, on the clock that finds it likeliest.
    pub(super) fn ln_p(&self, pause: Pause) -> f64 {
        self.seconds.ln_p(pause.seconds).max(self.events.ln_p(pause.events))
    }

    /// The longest pause so far and a usual long pause, in seconds.
    pub(super) fn longest_and_usual(&self) -> (f64, f64) {
        (self.seconds.longest(), self.seconds.usual())
    }

    /// True when the key has lived long enough, for a stream of this age, not to be a job that is
    /// done.
    pub(super) fn is_established(&self, limit: f64, now: f64, warm_up_s: f64) -> bool {
        let life = self.life();
        life >= warm_up_s && life >= 10.0 * limit && life >= (0.75 * now).min(super::JOB_S)
    }
}
