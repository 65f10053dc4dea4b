//! One source whose events are not in step: is its clock off, or does it deliver late?
//!
//! *Offset.* The difference between its times and the front must stay the same, within half of the
//! slack and two mean gaps, for 5 events and 3 s of the stream (or four of its mean gaps), in which
//! its own times go on as the front does and at most a fourth as many events are in step. So a
//! backlog that is read again is no offset, at another pace or among lines of now, nor is a clock
//! that stands still. An offset is *steady*, and told, once it has held for a minute and at least 9
//! of 10 of the source's events have it.
//!
//! *Late delivery.* A source that ships its lines in batches, or writes times to the minute, has
//! no offset. Its lines are as usual when they come in its own order, at most a quarter of an hour
//! late, and have done so three times in 15 s or more, in which its times went on as the front did.
//! A backlog does neither: it is behind the lines that its source wrote last, or comes faster.

use super::SECOND;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Events that must agree on an offset.
const EVENTS: u32 = 5;
/// At most one event in step to so many that agree.
const RIGHT: u32 = 4;
/// For how long they must, in nanoseconds and in mean gaps of the stream.
const LASTS: (i64, i64) = (3 * SECOND, 4);
/// For how long an offset has held that is steady.
const STEADY: i64 = 60 * SECOND;
/// Events without its offset after which a source has none: in a row, or half as many as with it.
const GONE: u32 = 8;
/// Most that a usual delivery is late.
const USUAL: i64 = 900 * SECOND;
/// How often a delivery must be late to be usual, and in how long.
const DELIVERIES: (u32, i64) = (3, 15 * SECOND);
/// An offset below this is no fault of a clock.
const TOLD: i64 = 30 * SECOND;

/// What is known of a source that is, or was, not in step.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct SourceClock {
    /// How far its clock is ahead; 0 where that is not known.
    pub(super) offset: i64,
    /// The front when the offset was settled.
    since: i64,
    /// Events with and without the offset, and how many without it came last.
    hits: u32,
    misses: u32,
    in_a_row: u32,
    steady: bool,
    trial: Trial,
    delivery: Delivery,
    /// Its latest time.
    latest: i64,
    /// The front at its last event, and at its last out of step.
    pub(super) heard: i64,
    pub(super) strayed: i64,
}

/// Events of a source that are out of step alike.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Trial {
    events: u32,
    difference: i64,
    /// Its own time and the front at the first of them.
    own: i64,
    front: i64,
    /// Events in step since then.
    right: u32,
}

/// Late events of a source that come in its order.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Delivery {
    times: u32,
    /// Its own time and the front at the first of them.
    own: i64,
    front: i64,
    /// The front when they were counted last.
    counted: i64,
    usual: bool,
}

/// What an event that is out of step tells of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetVerdict {
    /// Its offset is known now.
    Settled,
    /// It always delivers like that.
    AsUsual,
    /// Nothing yet.
    Unknown,
}

impl SourceClock {
    pub(super) fn new(front: i64) -> Self {
        Self {
            offset: 0,
            since: front,
            hits: 0,
            misses: 0,
            in_a_row: 0,
            steady: false,
            trial: Trial::default(),
            delivery: Delivery::default(),
            latest: i64::MIN,
            heard: front,
            strayed: front,
        }
    }

    /// How far an event of it at `own` that leads by `lead` leads once it is aligned; and by how
    /// much its clock is ahead, where that is to be told. The event counts where that is `in_step`.
    #[inline]
    pub(super) fn align(&mut self, own: i64, lead: i64, front: i64, in_step: &RangeInclusive<i64>) -> (i64, i64) {
        let aligned = lead.saturating_sub(self.offset);
        let is_right = lead.saturating_abs() < aligned.saturating_abs();
        let lead = if is_right { lead } else { aligned };
        if in_step.contains(&lead) {
            (self.latest, self.heard) = (self.latest.max(own), front);
            self.trial.right = self.trial.right.saturating_add(1);
            if self.offset != 0 {
                self.weigh(is_right, front);
            }
        }
        (lead, if self.steady { self.offset } else { 0 })
    }

    /// An event came with its offset, or right without it.
    fn weigh(&mut self, is_right: bool, front: i64) {
        if is_right {
            self.misses = self.misses.saturating_add(1);
            self.in_a_row += 1;
            if self.in_a_row >= GONE || self.misses >= GONE.max(self.hits / 2) {
                *self = Self { latest: self.latest, delivery: self.delivery, ..Self::new(front) };
            }
            return;
        }
        (self.hits, self.in_a_row) = (self.hits.saturating_add(1), 0);
        self.steady = self.steady
            || (self.hits >= 10 * self.misses
                && self.offset.saturating_abs() >= TOLD
                && front.saturating_sub(self.since) >= STEADY);
    }

    /// Learns of an event at `own` that is out of step by `lead`.
    pub(super) fn learn(&mut self, own: i64, lead: i64, front: i64, (gap, slack): (i64, i64)) -> OffsetVerdict {
        let in_order = own >= self.latest.saturating_sub(slack);
        (self.latest, self.heard, self.strayed) = (self.latest.max(own), front, front);
        if let Some(offset) = self.trial.see(own, front, gap, slack) {
            let steady = self.steady && offset.saturating_abs() >= TOLD;
            let (since, latest, delivery) = (front, own, self.delivery);
            *self = Self { offset, since, steady, latest, delivery, ..Self::new(front) };
            return OffsetVerdict::Settled;
        }
        if lead < 0 && self.delivery.see(own, lead, front, in_order) {
            OffsetVerdict::AsUsual
        } else {
            OffsetVerdict::Unknown
        }
    }

    /// The front has moved on by `leap`, and events about so far ahead of it were right.
    pub(super) fn forget_trial(&mut self, leap: i64) {
        if (1..=leap.saturating_mul(3)).contains(&self.trial.difference) {
            self.trial = Trial::default();
        }
    }

    /// The front has turned out to be off by `wrong`.
    pub(super) fn shift(&mut self, wrong: i64) {
        self.offset = self.offset.saturating_sub(wrong);
        (self.steady, self.since) = (false, self.since.saturating_add(wrong));
        self.heard = self.heard.saturating_add(wrong);
        self.strayed = self.strayed.saturating_add(wrong);
    }

    /// Whether it is in step like any other, as far as is known.
    pub(super) fn is_plain(&self) -> bool {
        self.offset == 0 && !self.delivery.usual
    }
}

/// Of an event and a time before it: its own times have gone on as the front did, but for so much.
fn went_on(own: (i64, i64), front: (i64, i64), but: i64) -> bool {
    let (own, front) = (own.1.saturating_sub(own.0), front.1.saturating_sub(front.0));
    own.saturating_sub(front).saturating_abs() <= but
}

impl Trial {
    /// Takes an event; the offset, once enough agree.
    fn see(&mut self, own: i64, front: i64, gap: i64, slack: i64) -> Option<i64> {
        let difference = own.saturating_sub(front);
        let off = difference.saturating_sub(self.difference);
        let is_mixed = self.right > self.events / RIGHT;
        if self.events == 0 || is_mixed || off.saturating_abs() > slack / 2 + 2 * gap {
            *self = Self { events: 1, difference, own, front, right: 0 };
            return None;
        }
        self.events = self.events.saturating_add(1);
        self.difference += off / i64::from(self.events.min(8));
        let lasted = front.saturating_sub(self.front);
        let lasts = lasted >= LASTS.0.max(LASTS.1.saturating_mul(gap));
        let but = (lasted / 4).saturating_add(gap).saturating_add(SECOND / 2);
        let agreed = self.events >= EVENTS && lasts && went_on((self.own, own), (self.front, front), but);
        agreed.then_some(self.difference)
    }
}

impl Delivery {
    /// Takes an event that is late; whether that is usual.
    fn see(&mut self, own: i64, lead: i64, front: i64, in_order: bool) -> bool {
        if !in_order || lead < -USUAL {
            *self = Self::default();
            return false;
        }
        if self.times == 0 {
            *self = Self { times: 1, own, front, counted: front, usual: false };
        } else if front.saturating_sub(self.counted) >= DELIVERIES.1 / i64::from(DELIVERIES.0) {
            (self.times, self.counted) = (self.times.saturating_add(1), front);
            let lasted = front.saturating_sub(self.front);
            self.usual |= self.times > DELIVERIES.0
                && lasted >= DELIVERIES.1
                && went_on((self.own, own), (self.front, front), lasted / 2);
        }
        self.usual
    }
}
