//! How much stream there was, in seconds and in events, recently and in the past.
//!
//! The past is what has left the longest window, and is halved with every half-life: a learned rate
//! is a count that decays alike, divided by the past. A longer past, half forgotten in a week, is
//! for what comes so seldom that the other has forgotten it. Memory: 4 bytes a slot. Cold start: no
//! past, so no rate.

use super::slots::Slots;
use serde::{Deserialize, Serialize};

/// Both clocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exposure {
    slots: Slots,
    length: u32,
    slot_s: f64,
    half_life_s: f64,
    /// Seconds and events of the past, decayed.
    seconds: f64,
    events: f64,
    /// Events of the past, all of them.
    past_events: f64,
    /// The past, half forgotten in a week.
    #[serde(default)]
    long: SecondsAndEvents,
    /// All events before the current slot; it wraps around.
    #[serde(default)]
    before_slot: u32,
}

/// Seconds in which the longer past is half forgotten.
const LONG_HALF_LIFE_S: f64 = 7.0 * 86_400.0;

/// Some seconds and the events in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SecondsAndEvents {
    /// Seconds.
    pub seconds: f64,
    /// Events.
    pub events: f64,
}

impl Exposure {
    /// No stream yet: windows of up to `length` slots of `slot_s` seconds.
    #[must_use]
    pub fn new(length: u32, slot_s: f64, half_life_s: f64) -> Self {
        Self {
            slots: Slots::new(length as usize, 0),
            length,
            slot_s,
            half_life_s,
            seconds: 0.0,
            events: 0.0,
            past_events: 0.0,
            long: SecondsAndEvents::default(),
            before_slot: 0,
        }
    }

    /// The current slot.
    #[inline]
    #[must_use]
    pub fn slot(&self) -> u32 {
        self.slots.newest()
    }

    /// Counts an event.
    #[inline]
    pub fn add(&mut self) {
        self.slots.add();
    }

    /// What is left of a learned count after `slots` slots.
    #[must_use]
    pub fn decay(&self, slots: u32) -> f64 {
        (-std::f64::consts::LN_2 * f64::from(slots) * self.slot_s / self.half_life_s).exp()
    }

    /// What is left of a count that is half forgotten in a week after `slots` slots.
    #[must_use]
    pub fn decay_long(&self, slots: u32) -> f64 {
        (-std::f64::consts::LN_2 * f64::from(slots) * self.slot_s / LONG_HALF_LIFE_S).exp()
    }

    /// What is left of `learned` after `slots` slots. Up to 64 slots are applied one by one, so
    /// that the result does not depend on when it was asked for.
    #[must_use]
    pub fn forget(&self, learned: f64, slots: u32) -> f64 {
        if learned == 0.0 || slots > 64 {
            return learned * self.decay(slots);
        }
        let one = self.decay(1);
        (0..slots).fold(learned, |left, _| left * one)
    }

    /// Goes on to slot `to`.
    pub fn roll(&mut self, to: u32) {
        if to > self.slot() {
            self.before_slot = self.total();
        }
        let (one, long) = (self.decay(1), self.decay_long(1));
        // After so many slots only the limit of the sum is left.
        let steps = to.saturating_sub(self.slot());
        if steps > 100_000 {
            self.slots.roll(to - 100_000);
        }
        while self.slot() < to {
            let left = f64::from(self.slots.step());
            if self.slot() >= self.length {
                self.seconds = self.seconds * one + self.slot_s;
                self.events = self.events * one + left;
                self.past_events += left;
                self.long.seconds = self.long.seconds * long + self.slot_s;
                self.long.events = self.long.events * long + left;
            }
        }
    }

    /// The past over which counts were learned.
    #[must_use]
    pub fn past(&self) -> SecondsAndEvents {
        SecondsAndEvents { seconds: self.seconds, events: self.events }
    }

    /// The same past, half forgotten in a week.
    #[must_use]
    pub fn long_past(&self) -> SecondsAndEvents {
        self.long
    }

    /// The share of the past, as far as it is remembered, that came in slot `from` or later.
    #[must_use]
    pub fn share_since(&self, from: u32) -> f64 {
        let left = self.slot().saturating_sub(self.length);
        let [since, all] = [from, 0].map(|from| 1.0 - self.decay(left.saturating_sub(from)));
        if all > 0.0 { since / all } else { 0.0 }
    }

    /// All events of the past, not decayed: two readings bound a block.
    #[must_use]
    pub fn past_events(&self) -> f64 {
        self.past_events
    }

    /// All events so far; it wraps around, so that two readings bound up to 4 billion events.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.before_slot.wrapping_add(self.slots.sum(1) as u32)
    }

    /// The last `slots` slots; of the current one `into` seconds have passed.
    #[must_use]
    pub fn window(&self, slots: u32, into: f64) -> SecondsAndEvents {
        let seconds = f64::from(slots.saturating_sub(1)) * self.slot_s + into.clamp(0.0, self.slot_s);
        SecondsAndEvents { seconds, events: self.slots.sum(slots) as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_begins_when_slots_leave_and_forgets_half_in_a_half_life() {
        let mut exposure = Exposure::new(4, 5.0, 3_600.0);
        for slot in 0..10 {
            exposure.roll(slot);
            (0..3).for_each(|_| exposure.add());
        }
        assert_eq!(exposure.window(2, 1.0), SecondsAndEvents { seconds: 6.0, events: 6.0 });
        // Slots 0 to 5 have left.
        assert_eq!(exposure.past_events(), 18.0);
        let past = exposure.past();
        assert!(past.seconds > 29.9 && past.seconds < 30.0 && (past.events / past.seconds - 0.6).abs() < 1e-9);
        assert!((exposure.decay(720) - 0.5).abs() < 1e-12);
        assert_eq!(exposure.total(), 30);
        let long = exposure.long_past();
        assert!((long.seconds - past.seconds).abs() < 0.1 && long.events > past.events);
        exposure.roll(9 + 720);
        let long = exposure.long_past();
        assert!(long.events > 29.0 && (long.seconds / 3_630.0 - 1.0).abs() < 0.02, "{long:?}");
        assert!(exposure.past().events < 16.0 && exposure.past().seconds > 2_500.0);
    }

    #[test]
    fn the_past_since_a_slot_is_a_share_of_it() {
        let mut exposure = Exposure::new(4, 5.0, 3_600.0);
        assert_eq!(exposure.share_since(0), 0.0);
        exposure.roll(2_000);
        let half = exposure.share_since(1_996 - 720);
        let all = exposure.past().seconds / (3_600.0 / std::f64::consts::LN_2);
        assert!((half - 0.5 / all).abs() < 1e-2, "{half} {all}");
        assert_eq!((exposure.share_since(0), exposure.share_since(1_997)), (1.0, 0.0));
    }

    #[test]
    fn a_leap_stays_bounded() {
        let mut exposure = Exposure::new(4, 5.0, 3_600.0);
        exposure.roll(u32::MAX);
        let past = exposure.past();
        assert!(past.seconds.is_finite() && past.seconds < 6_000.0 && past.events == 0.0);
        exposure.roll(3);
        assert_eq!(exposure.slot(), u32::MAX);
    }
}
