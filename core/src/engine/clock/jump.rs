//! A time that the stream may have gone to: how many events agree on it while none is where it was.
//!
//! *Forward.* Three events suffice of a lone source or of several, five of one where others spoke
//! as well. Of one source in a row, only those count that are further apart than the others' mean
//! gap: if another was where the front is, it would have spoken between them with a chance of 1 −
//! e⁻¹ each time. So a source ahead is believed wrongly with a chance of e⁻⁵ each time it tries,
//! until its offset is known. A leap of over ten days needs 10 events, one of over a hundred days
//! 100: clocks that stand in 2099 are more frequent than such rests. An event where the front is
//! takes three back.
//!
//! *Back.* To the time before the last leap, three events in a row suffice, for that was wrong.
//! Otherwise lines of yesterday are most often a backlog that is read again. They are believed
//! after an hour of theirs and 100 events in which nothing came that is in step; after five minutes
//! where they are back by whole or half hours, as local times are when the clocks change.

use super::{JUMP, Pace, SECOND};
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400 * SECOND;
/// Events that must agree, and of one source where others spoke as well.
const AGREEMENT: u32 = 3;
const OF_ONE: u32 = 5;
/// They are so many where the leap is longer than so many days.
const FAR: [(i64, u32); 2] = [(10, 10), (100, 100)];
/// How many of them an event takes back that is where the front is.
const DISSENT: u32 = 3;
/// Events that must agree to go back.
const BACK_EVENTS: u32 = 100;
/// How long what goes back must last: as a backlog, and by hours.
const BACK: [i64; 2] = [3_600 * SECOND, 300 * SECOND];
/// Most hours that local times go back.
const ZONE_HOURS: i64 = 3;

/// A time ahead.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Forward {
    /// The last three times that agree, the earliest first.
    times: [i64; 3],
    votes: u32,
    /// The last event that counted.
    counted: (u64, i64),
    /// Several sources agree.
    several: bool,
}

impl Forward {
    /// What is agreed on with one more event, of `source` and at `time`.
    pub(super) fn vote(before: Option<Self>, time: i64, source: u64, pace: &Pace, slack: i64) -> Self {
        let new = Self { times: [time; 3], votes: 1, counted: (source, time), several: false };
        let Some(mut this) = before.filter(|this| time >= this.times[0].saturating_sub(slack)) else { return new };
        if this.counted.0 == source && time < this.counted.1.saturating_add(pace.gap_of_others(source)) {
            return this;
        }
        this.votes = this.votes.saturating_add(1);
        // One that is far ahead agrees that it is at least that late, and with no more.
        if time.saturating_sub(this.times[2]) <= JUMP {
            this.several |= source != this.counted.0;
            this.counted = (source, time);
            this.times = [this.times[1], this.times[2], time];
            this.times.sort_unstable();
        }
        this
    }

    /// What is agreed on after an event where the front is.
    pub(super) fn dissent(self) -> Option<Self> {
        let votes = self.votes.saturating_sub(DISSENT);
        (votes > 0).then_some(Self { votes, ..self })
    }

    /// The time to go to, if enough agree.
    pub(super) fn agreed(&self, front: i64, alone: bool) -> Option<i64> {
        let there = self.times[1];
        let days = there.saturating_sub(front) / DAY;
        let few = if alone || self.several { AGREEMENT } else { OF_ONE };
        let need = FAR.iter().filter(|far| days >= far.0).map(|far| far.1).max().unwrap_or(few);
        (self.votes >= need).then_some(there)
    }

    /// About the mean gap between those that agree.
    pub(super) fn gap(&self) -> i64 {
        (self.times[2].saturating_sub(self.times[0]) / 4).min(JUMP)
    }
}

/// A time behind.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Back {
    first: i64,
    last: i64,
    votes: u32,
}

impl Back {
    /// What is agreed on with one more event, at `time`.
    pub(super) fn vote(before: Option<Self>, time: i64, slack: i64) -> Self {
        match before {
            Some(this) if (-slack..=JUMP).contains(&time.saturating_sub(this.last)) => {
                Self { last: this.last.max(time), votes: this.votes.saturating_add(1), ..this }
            }
            _ => Self { first: time, last: time, votes: 1 },
        }
    }

    /// Whether enough agree; `former` is where the front was before its last leap.
    pub(super) fn agreed(&self, front: i64, former: Option<i64>) -> bool {
        let is_near = |former: i64| self.first.saturating_sub(former).saturating_abs() <= JUMP;
        if former.is_some_and(is_near) && self.votes >= AGREEMENT {
            return true;
        }
        let half_hours = (front.saturating_sub(self.first) as f64 / (JUMP / 2) as f64).round() as i64;
        let off = front.saturating_sub(self.first).saturating_sub(half_hours.saturating_mul(JUMP / 2));
        let by_hours = (1..=2 * ZONE_HOURS).contains(&half_hours) && off.saturating_abs() <= 60 * SECOND;
        let lasts = BACK[usize::from(by_hours)];
        self.votes >= BACK_EVENTS && self.last.saturating_sub(self.first) >= lasts
    }
}
