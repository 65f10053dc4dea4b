//! When each key is examined next.
//!
//! A timer is lazy: lines do not move it, and a key that is due is examined for whether it has
//! spoken since. A key is *parked* while the passing of time cannot make it silent: it has spoken
//! too seldom, or was a job that is done, or has joined an incident. It is due again when it
//! speaks. A key whose pause is long enough in seconds, but not in events, is parked until the
//! stream has had enough events. So each line causes a few examinations at most, and a tick costs
//! what is due, however many keys there are. Memory: 24 bytes for each key that is not parked, and
//! as many again for keys that were evicted.

use super::grouping::JOINED_S;
use super::key::{Key, Parked, next_look};
use super::{GONE_S, KeySettings, Reading, Silence};
use crate::engine::state::Weight;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// When a key is due: second of running time or number of events, member, key.
type DueIndex = Reverse<(u64, u8, u64)>;

/// When keys are due, soonest first. An entry that is not the key's current one means nothing.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    seconds: BinaryHeap<DueIndex>,
    events: BinaryHeap<DueIndex>,
    /// The running time of the last tick.
    ticked: f64,
    /// Keys that were examined, for tests.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl Schedule {
    /// The key is due in this second.
    pub(super) fn at(&mut self, second: u32, member: usize, hash: u64) {
        self.seconds.push(Reverse((second.into(), member as u8, hash)));
    }

    /// The key is due when the stream has had so many events.
    pub(super) fn at_event(&mut self, events: f64, member: usize, hash: u64) {
        self.events.push(Reverse((events as u64, member as u8, hash)));
    }

    /// The entries of both heaps.
    pub(super) fn weight(&self) -> Weight {
        let heaps = [&self.seconds, &self.events];
        let capacity: usize = heaps.iter().map(|heap| heap.capacity()).sum();
        Weight { keys: heaps.iter().map(|heap| heap.len()).sum(), bytes: capacity * size_of::<DueIndex>() }
    }

    /// The next key that is due at this running time: its second, its member, and the key.
    pub(super) fn next(&mut self, running: f64) -> Option<(u32, usize, u64)> {
        let (second, member, hash) = pop_by(&mut self.seconds, running)?;
        #[cfg(test)]
        {
            self.looks += 1;
        }
        Some((second as u32, member.into(), hash))
    }

    /// The next key that is due after so many events: its number of events, its member, and the
    /// key.
    fn next_by_events(&mut self, events: f64) -> Option<(f64, usize, u64)> {
        let (due, member, hash) = pop_by(&mut self.events, events)?;
        Some((due as f64, member.into(), hash))
    }
}

/// Seconds between two examinations of a key that is no longer parked, as long as nothing changes.
fn period(key: &Key, parked: Parked, options: &KeySettings) -> f64 {
    match parked {
        Parked::Unlimited => options.warm_up_s,
        Parked::Young => key.limits(options.of(key.settings)).seconds.max(options.warm_up_s),
        Parked::Gone => GONE_S,
        Parked::Joined => JOINED_S,
        Parked::Events => 1.0,
    }
}

/// True for a key that is parked until the stream has had so many events.
fn waits_for(key: &Key, events: f64, options: &KeySettings) -> bool {
    key.parked == Some(Parked::Events) && key.silent_by(options.of(key.settings)) == events
}

/// Takes the soonest entry out if it is due by `now`.
fn pop_by(places: &mut BinaryHeap<DueIndex>, now: f64) -> Option<(u64, u8, u64)> {
    places.peek().filter(|Reverse((due, ..))| *due as f64 <= now)?;
    places.pop().map(|Reverse(place)| place)
}

impl Silence {
    /// Makes the keys due that were parked until the stream had so many events.
    pub(super) fn wake_by_events(&mut self, now: Reading) {
        while let Some((due, member, hash)) = self.schedule.next_by_events(now.events) {
            let key = self.members.get_mut(member).and_then(|member| member.keys.get_mut(hash));
            if let Some(key) = key.filter(|key| waits_for(key, due, &self.options)) {
                (key.parked, key.due) = (None, now.running as u32);
                self.schedule.at(key.due, member, hash);
            }
        }
    }

    /// Ends the parking of a key: it is due when it would be if it had not been parked.
    pub(super) fn unpark(&mut self, member: usize, hash: u64) {
        let Some(key) = self.members.get_mut(member).and_then(|member| member.keys.get_mut(hash)) else { return };
        if let Some(parked) = key.parked.take() {
            key.due = next_look(key.due, period(key, parked, &self.options), self.schedule.ticked);
            self.schedule.at(key.due, member, hash);
        }
    }

    /// Ends the parking of the keys that had joined an incident which is over.
    pub(super) fn unpark_all(&mut self, joined: impl IntoIterator<Item = (u8, u64)>) {
        joined.into_iter().for_each(|(member, hash)| self.unpark(member.into(), hash));
    }

    /// Ends a tick. Evicted keys leave entries behind, which are swept when there are more of them
    /// than keys.
    pub(super) fn end_tick(&mut self, now: Reading) {
        self.schedule.ticked = now.running;
        self.sweep();
    }

    pub(super) fn sweep(&mut self) {
        let held: usize = self.members.iter().map(|member| member.keys.len()).sum();
        let (members, options, most) = (&self.members, &self.options, 2 * held + 1_000);
        let key = |member: u8, hash| members.get(usize::from(member)).and_then(|member| member.keys.get(hash));
        let Schedule { seconds, events, .. } = &mut self.schedule;
        if seconds.len() > most {
            let is_due = |due, key: &Key| key.parked.is_none() && u64::from(key.due) == due;
            seconds.retain(|&Reverse((due, member, hash))| key(member, hash).is_some_and(|key| is_due(due, key)));
        }
        if events.len() > most {
            let is_due = |due, key| waits_for(key, due as f64, options);
            events.retain(|&Reverse((due, member, hash))| key(member, hash).is_some_and(|key| is_due(due, key)));
        }
    }

    /// Schedules all keys again after a restart: with other settings a parked key may be silent.
    pub(super) fn reschedule(&mut self) {
        self.schedule = Schedule { ticked: self.now.running, ..Schedule::default() };
        let Self { members, schedule, options, .. } = self;
        for (i, member) in members.iter_mut().enumerate() {
            member.keys.for_each_mut(|hash, key| {
                if let Some(parked) = key.parked.take() {
                    key.due = next_look(key.due, period(key, parked, options), schedule.ticked);
                }
                schedule.at(key.due, i, hash);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parked_key_that_speaks_is_looked_at_when_it_would_have_been() {
        let looks = [0.0, 700.0, 701.0, 1_299.0, 1_300.5].map(|now| next_look(700, 600.0, now));
        assert_eq!(looks, [700, 1_300, 1_300, 1_300, 1_900]);
        assert_eq!([600.0, 800.0].map(|now| next_look(700, 1.0, now)), [700, 801]);
        assert_eq!(next_look(700, f64::INFINITY, 800.0), u32::MAX);
    }
}
