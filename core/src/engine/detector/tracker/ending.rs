//! When an incident is over whose failures are counted in slots.
//!
//! An incident is over when for six slots in a row the last minute looks usual (p > 0.01) and
//! Page's test, which errs once in a day of an incident (`stats::page`), says that its rate has
//! come back. It is also over without a failure for two minutes and ten of its own gaps, whatever
//! the windows say: on idle live input no slot passes.

use crate::engine::deadlines::after;
use crate::engine::detector::failure::{FACTOR, SLOT_S};
use crate::engine::stats::page::Page;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// So many usual slots in a row end an incident,
const CALM_IN_A_ROW: u32 = 6;
/// if its rate has also come back to the usual, by a test that errs once in so many slots: a day.
const SLOTS_OF_A_DAY: f64 = 86_400.0 / SLOT_S;
/// Seconds without a failure that end an incident,
const UNHEARD_S: f64 = 120.0;
/// if they are so many of its own gaps.
const UNHEARD_GAPS: f64 = 10.0;

/// What is kept of an open incident to find its end.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::engine::detector) struct Ending {
    /// The first slot that showed the incident, and when its window began.
    pub(in crate::engine::detector) first_slot: u32,
    pub(in crate::engine::detector) began: Timestamp,
    /// The last failure.
    heard_slot: u32,
    heard: Timestamp,
    /// Failures so far.
    pub(in crate::engine::detector) failures: u64,
    /// Slots in a row that looked usual.
    calm: u32,
    /// Page's test of whether the rate has come back.
    page: Page,
}

/// What the slots since the last test have shown.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine::detector) struct Passed {
    /// How many slots.
    pub(in crate::engine::detector) slots: u32,
    /// Failures in these slots, and how many are usual.
    pub(in crate::engine::detector) failures: f64,
    pub(in crate::engine::detector) usual: f64,
    /// How much more than Poisson counts the failures vary.
    pub(in crate::engine::detector) dispersion: f64,
    /// True when the last minute looks usual.
    pub(in crate::engine::detector) calm: bool,
}

impl Ending {
    /// An incident that opens in `slot` on `failures` failures in a window of `slots` slots and
    /// `window_s` seconds.
    pub(in crate::engine::detector) fn new(
        now: Timestamp,
        slot: u32,
        failures: f64,
        slots: u32,
        window_s: f64,
    ) -> Self {
        Self {
            first_slot: (slot + 1).saturating_sub(slots),
            began: now.saturating_add_seconds(-window_s),
            heard_slot: slot,
            heard: now,
            failures: failures as u64,
            calm: 0,
            page: Page::default(),
        }
    }

    /// One more failure.
    pub(in crate::engine::detector) fn hear(&mut self, now: Timestamp, slot: u32) {
        (self.heard, self.heard_slot) = (now, slot);
        self.failures += 1;
    }

    /// Takes what ended slots have shown.
    pub(in crate::engine::detector) fn watch(&mut self, passed: Passed) {
        let heard = f64::from((self.heard_slot + 1).saturating_sub(self.first_slot).max(1));
        let going = self.failures as f64 / heard * f64::from(passed.slots);
        if going <= FACTOR * passed.usual {
            // The rate of the incident is usual by now.
            self.page = Page::ended();
        }
        self.page.add(passed.failures, passed.usual, going, passed.dispersion);
        self.calm = if passed.calm { self.calm + passed.slots } else { 0 };
    }

    /// Ends the incident because its key was evicted.
    pub(in crate::engine::detector) fn end(&mut self) {
        (self.calm, self.page) = (CALM_IN_A_ROW, Page::ended());
    }

    /// Seconds without a failure that end it.
    fn patience(&self) -> f64 {
        let gap = self.heard.seconds_since(self.began).max(0.0) / self.failures.max(1) as f64;
        UNHEARD_S.max(UNHEARD_GAPS * gap)
    }

    /// When the incident is over without a further failure, whatever the windows say.
    pub(in crate::engine::detector) fn deadline(&self) -> Timestamp {
        after(self.heard, self.patience())
    }

    pub(in crate::engine::detector) fn is_over(&self, now: Timestamp) -> bool {
        let unheard = now.seconds_since(self.heard) > self.patience();
        unheard || (self.calm >= CALM_IN_A_ROW && self.page.is_over(SLOTS_OF_A_DAY))
    }
}
