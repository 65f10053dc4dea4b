//! The stream's own time: a quorum of its sources, each with its own offset; late events and rests.
//!
//! The *front* is the highest time that the stream has agreed on. An event within the *slack* of it
//! is in step: the allowed lateness or three mean gaps of the stream, whichever is more. It moves
//! the front and joins windows. An event that is not in step is either of a source whose clock is
//! off, or late, or the first of a new time.
//!
//! *Sources.* A source is a host, or an input where events name no host. One that is out of step
//! by a steady difference while the others go on is aligned (`source.rs`). Its events are in step
//! from then on. Where most sources are off by the same, it is the front that is wrong, and it
//! moves (`sources.rs`). Only sources that are off are kept: a stream in step pays nothing.
//!
//! *Ahead.* An event ahead of the front joins windows at once, at the front: that is when it came.
//! It moves the front once others agree while none is where the front was (`jump.rs`), so that one
//! source ahead moves nobody, and a stream that has rested goes on after a few lines. A source that
//! is alone may lead by an hour at once.
//!
//! *Behind.* What is behind the slack is late and joins no window, unless its source always
//! delivers like that (`source.rs`). The first times of a stream are given up for earlier ones
//! while fewer than 100 events have confirmed them, so that one line of the year 2099 at the start
//! does not make all that follow late.

mod jump;
mod source;
mod sources;

use super::running_time::RunningTime;
use crate::event::{Fields, Timestamp};
use jump::{Back, Forward};
use serde::{Deserialize, Serialize};
use source::OffsetVerdict;
use sources::Sources;

const SECOND: i64 = 1_000_000_000;
/// A lone source is believed at once when it leads by this or less.
const JUMP: i64 = 3_600 * SECOND;
/// So many events confirm the very first time of a stream.
const CONFIRMED: u32 = 100;
/// The slack is so many mean gaps, where that is more than the allowed lateness.
const SLACK_GAPS: i64 = 3;
/// Where sources have drawn the front away from the others, in steps that are each within the
/// slack, they may lead by a fourth of the allowed lateness, for so long.
const STRICT: i64 = 4;
const STRICT_FOR: i64 = 3_600 * SECOND;
/// The mean gap is over so many events.
const GAP_EVENTS: i64 = 32;
/// A share of events as 2⁻¹⁶ths.
const WHOLE: i64 = 1 << 16;
/// A source is alone while fewer than one in a thousand events came from another than the one
/// before.
const ALONE: i64 = WHOLE / 1_024;

/// The time of a stream, moved by its events alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StreamClock {
    allowed_lateness: i64,
    /// The front.
    highest: Timestamp,
    /// Some event so far had a time of its own.
    own: bool,
    confirmations: u32,
    late: u64,
    running: RunningTime,
    #[serde(default)]
    pace: Pace,
    #[serde(default)]
    sources: Sources,
    #[serde(default)]
    forward: Option<Forward>,
    #[serde(default)]
    back: Option<Back>,
    /// The front before it moved forward to a time that was agreed on, and how many events had
    /// confirmed it then.
    #[serde(default)]
    former: Option<(i64, u32)>,
    /// The front until which a source may lead by less.
    #[serde(default)]
    strict_until: i64,
}

/// How fast the stream goes, and from how many sources.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Pace {
    /// The mean step of the front, in nanoseconds.
    gap: i64,
    /// The share of events from another source than the one before, in 2⁻¹⁶ths.
    changes: i64,
    /// The source of the last event in step.
    source: u64,
}

/// When an event happened, as far as the stream believes it; or the time at which a tick falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The event's own time, less what the clock of its source is known to be ahead; the stream's
    /// for an event without one, or with one that is not believed yet.
    pub time: Timestamp,
    /// The stream's time. It goes back only where the stream turns out to have been wrong.
    pub now: Timestamp,
    /// Seconds that the stream has run, without its stalls; what detectors reckon in. On idle live
    /// input it can be a little more than at the event that ends the pause.
    pub running: f64,
    /// When the event arrived, by the wall clock; for a tick of idle input, the wall clock.
    pub arrival: Timestamp,
    /// Late, by `now` less `time`: to join no window.
    pub outside: bool,
    /// Nanoseconds by which the clock of the event's source is ahead of the others', where that is
    /// steady; negative is behind, 0 is right.
    pub ahead: i64,
}

impl Moment {
    /// When what this event shows begins to be told: its own time, and not one that the stream does
    /// not believe yet.
    #[inline]
    #[must_use]
    pub fn own(&self) -> Timestamp {
        self.time.min(self.now)
    }
}

/// Whose clock an event goes by: that of its host, or else of its input.
#[inline]
pub(super) fn source_of(fields: &Fields<'_>) -> u64 {
    match fields.parsed().host_hash() {
        0 => u64::from(fields.record().source.0),
        host => host,
    }
}

impl Pace {
    /// The front has moved by `step` with an event of `source`, one of so many.
    #[inline]
    fn go_on(&mut self, step: i64, source: u64, events: u32) {
        let step = if events > GAP_EVENTS as u32 { step.min(16 * self.gap + 10 * SECOND) } else { step };
        self.gap += (step - self.gap) / i64::from(events).clamp(1, GAP_EVENTS);
        self.changes += ((i64::from(source != self.source) * WHOLE) - self.changes) >> 8;
        self.source = source;
    }

    /// This source speaks alone.
    #[inline]
    fn is_alone(&self, source: u64) -> bool {
        self.changes < ALONE && source == self.source
    }

    /// How far from the front an event in step can be.
    #[inline]
    fn slack(&self, allowed_lateness: i64) -> i64 {
        allowed_lateness.max(SLACK_GAPS * self.gap)
    }

    /// Mean nanoseconds between events of other sources than this one; 0 where there are none.
    fn gap_of_others(&self, source: u64) -> i64 {
        match self.changes {
            _ if self.is_alone(source) => 0,
            ..ALONE => self.gap,
            changes => (self.gap as f64 * WHOLE as f64 / changes as f64) as i64,
        }
    }
}

impl StreamClock {
    /// A clock before any event.
    #[must_use]
    pub fn new(allowed_lateness_s: f64) -> Self {
        Self {
            allowed_lateness: (allowed_lateness_s * 1e9) as i64,
            highest: Timestamp::default(),
            own: false,
            confirmations: 0,
            late: 0,
            running: RunningTime::default(),
            pace: Pace::default(),
            sources: Sources::default(),
            forward: None,
            back: None,
            former: None,
            strict_until: i64::MIN,
        }
    }

    /// Takes the time of an event of `source`; `arrival` stands in for a stream that has told none
    /// yet.
    #[inline]
    pub fn accept(&mut self, time: Option<Timestamp>, source: u64, arrival: Timestamp) -> Moment {
        let Some(own) = time else {
            if !self.own {
                self.highest = self.highest.max(arrival);
            }
            return self.inside(self.highest, 0, arrival);
        };
        if !self.own {
            self.own = true;
            self.anchor(own, source);
            return self.inside(own, 0, arrival);
        }
        let slack = self.pace.slack(self.allowed_lateness);
        let reach = if self.pace.is_alone(source) {
            JUMP
        } else if self.highest.0 < self.strict_until {
            self.pace.slack(self.allowed_lateness / STRICT)
        } else {
            slack
        };
        let (mut lead, mut ahead) = (own.0.saturating_sub(self.highest.0), 0);
        if !self.sources.is_empty() {
            (lead, ahead) = self.sources.align(source, own.0, lead, self.highest.0, -slack..=reach);
        }
        if lead < -slack || lead > reach {
            return self.out_of_step(own, source, lead, arrival);
        }
        self.in_step(lead, source);
        let time = Timestamp(self.highest.0.saturating_add(lead.min(0)));
        self.inside(time, ahead, arrival)
    }

    /// An event of `source` that leads the front by `lead`, and is believed.
    #[inline]
    fn in_step(&mut self, lead: i64, source: u64) {
        let step = lead.max(0);
        self.confirmations = self.confirmations.saturating_add(1);
        self.pace.go_on(step, source, self.confirmations);
        self.sources.count(source);
        self.highest.0 = self.highest.0.saturating_add(step);
        if self.highest.0 >= self.sources.due() {
            self.sources.tidy(self.highest.0);
        }
        if self.forward.is_some() || self.back.is_some() {
            (self.forward, self.back) = (self.forward.and_then(Forward::dissent), None);
        }
    }

    #[cold]
    fn out_of_step(&mut self, own: Timestamp, source: u64, lead: i64, arrival: Timestamp) -> Moment {
        let is_first = self.confirmations < CONFIRMED && lead < 0;
        if is_first && (lead < -JUMP || (source != self.pace.source && self.pace.changes == 0)) {
            self.anchor(own, source);
            return self.inside(own, 0, arrival);
        }
        let slack = self.pace.slack(self.allowed_lateness);
        let front = self.highest.0;
        match self.sources.learn(source, own.0, lead, front, (self.pace.gap, slack)) {
            OffsetVerdict::Settled => {
                self.sources.count(source);
                if let Some(wrong) = self.sources.majority(front, slack) {
                    self.shift(wrong, slack);
                }
                return self.accept(Some(own), source, arrival);
            }
            OffsetVerdict::AsUsual => return self.inside(Timestamp(front.saturating_add(lead)), 0, arrival),
            OffsetVerdict::Unknown => {}
        }
        let time = front.saturating_add(lead);
        if lead > 0 {
            let forward = Forward::vote(self.forward.take(), time, source, &self.pace, slack);
            if let Some(there) = forward.agreed(front, self.pace.is_alone(source)) {
                self.go_to(there);
                self.former = Some((front, self.confirmations));
                self.pace.gap = self.pace.gap.max(forward.gap());
                return self.accept(Some(own), source, arrival);
            }
            self.forward = Some(forward);
            return self.inside(self.highest, 0, arrival);
        }
        let back = Back::vote(self.back.take(), time, slack);
        let former = self.former.filter(|former| self.confirmations - former.1 < CONFIRMED);
        if back.agreed(front, former.map(|former| former.0)) {
            self.former = None;
            self.go_to(time);
            return self.accept(Some(own), source, arrival);
        }
        self.back = Some(back);
        self.late += 1;
        self.outside(time, arrival)
    }

    /// Most sources are off by `wrong`: so is the front, and they are right.
    fn shift(&mut self, wrong: i64, slack: i64) {
        self.sources.shift(wrong, slack);
        self.go_to(self.highest.0.saturating_add(wrong));
        self.strict_until = self.highest.0.saturating_add(STRICT_FOR);
    }

    /// The stream is at another time than it seemed.
    fn go_to(&mut self, there: i64) {
        let front = self.highest.0;
        self.highest = Timestamp(there);
        self.confirmations = self.confirmations.max(CONFIRMED);
        (self.forward, self.back) = (None, None);
        self.sources.forget_trials(there.saturating_sub(front));
        self.running.jump(self.highest);
    }

    fn anchor(&mut self, time: Timestamp, source: u64) {
        self.highest = time;
        self.confirmations = 1;
        (self.forward, self.back) = (None, None);
        (self.pace.source, self.pace.changes) = (source, 0);
        self.sources.count(source);
    }

    #[inline]
    fn inside(&mut self, time: Timestamp, ahead: i64, arrival: Timestamp) -> Moment {
        let running = self.running.advance(self.highest);
        Moment { time, now: self.highest, running, arrival, outside: false, ahead }
    }

    fn outside(&self, time: i64, arrival: Timestamp) -> Moment {
        let time = Timestamp(time);
        Moment { time, now: self.highest, running: self.running.age(), arrival, outside: true, ahead: 0 }
    }

    /// The stream after `idle` nanoseconds without an event, at `arrival` by the wall clock.
    #[must_use]
    pub fn idle(&self, idle: i64, arrival: Timestamp) -> Moment {
        let now = self.highest.saturating_add_nanos(idle);
        Moment { time: now, now, running: self.running.age_at(now), arrival, outside: false, ahead: 0 }
    }

    /// The stream's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.highest
    }

    /// The time behind which an event is late, whatever the pace of the stream.
    #[must_use]
    pub fn watermark(&self) -> Timestamp {
        Timestamp(self.highest.0.saturating_sub(self.allowed_lateness))
    }

    /// Seconds that the stream has run, without its stalls.
    #[must_use]
    pub fn age(&self) -> f64 {
        self.running.age()
    }

    /// Events that came late and joined no window.
    #[must_use]
    pub fn late_events(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests;
