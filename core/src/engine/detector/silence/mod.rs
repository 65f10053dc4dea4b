//! A key that used to speak has stopped: a module, a host, or the value of another member.
//!
//! A key is silent when its pause is beyond the tail of its own gaps (`stats::gap_tail`) on both
//! clocks, in seconds and in events of other keys: a thinner stream has pauses of more seconds and
//! as many events, busier others make pauses of more events and as many seconds. The pause must
//! also last 30 s, and twice the longest pause of the key so far.
//!
//! *Who is not watched.* A key with fewer than 50 gaps, or that lived for less than ten times its
//! limit, or for less than three quarters of the stream's age (three hours are enough): cron lists,
//! finished jobs, one-off keys. A host that another has replaced: one that is new and speaks at
//! least a quarter as often. All keys of a member whose table has evicted keys in the last hour.
//!
//! *One incident.* Keys that stopped together are one incident: a key joins the open silence of a
//! key that spoke last at about the same time. A module waits for the host on which it spoke last,
//! and a host for its module, while that one has said more and looks as if it had stopped too; so a
//! dead host explains its modules, and a dead service its pods. Hosts, and all keys but modules,
//! that stop one after the other within five minutes each join the first while that is silent.
//! After five openings in a warm-up time, further keys join the last incident.
//!
//! *Restarts.* A key that falls silent and returns twice has a habit: then only a pause twice the
//! longest of those counts. Where other keys of its member have just come back, it may take twice
//! as long as they did (`restarts.rs`): a rolling restart is one incident, of its first host, and a
//! host that stays away is named.
//!
//! A silence ends when the key speaks, or after a day, when it is taken for gone.
//!
//! Late events speak too: a host whose clock goes wrong has not stopped. Of a key that is silent
//! already, those from before its silence do not. Time is the stream's
//! without its stalls, so that a stopped input or a leap of all timestamps is no silence. A key is
//! examined only when it is due (`schedule.rs`). Memory: 350 bytes a key and its name; keys are
//! capped for each member. Cold start: silent for `warm_up_s` of stream.

mod ending;
mod evaluate;
mod grouping;
mod incident;
mod key;
mod member;
mod near_miss;
mod open_silences;
mod options;
mod restarts;
mod schedule;

use super::openings::Openings;
use super::options::SharedOptions;
use super::{AHEAD, Detector, Event, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::finding::DetectorName;
use crate::engine::snapshot::Stateful;
use crate::engine::state::{Evict, TableSnapshot, Weight};
use crate::engine::stats::alarm_budget::AlarmBudget;
use crate::event::Fields;
use evaluate::DueKey;
use key::{Key, Reading};
use member::{KeySource, Member};
use open_silences::{OpenSilence, OpenSilences};
use options::KeySettings;
pub use options::{SilenceOptions, SilenceOverride};
pub(super) use options::{THRESHOLD, least_of};
use restarts::Restarts;
use schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Seconds of life after which a key is no job, however old the stream is.
const JOB_S: f64 = 3.0 * 3_600.0;
/// Seconds of silence after which a key is gone.
const GONE_S: f64 = 86_400.0;
/// Seconds after an eviction in which no key of the table is silent.
const EVICTION_S: f64 = 3_600.0;
/// Most newcomers remembered.
const NEWCOMERS: usize = 1_000;
/// Bytes of a name that are kept.
const NAME_BYTES: usize = 200;
/// Most members that can be watched.
pub const MEMBERS: usize = 8;

/// The detector.
#[derive(Debug)]
pub struct Silence {
    options: KeySettings,
    budget: AlarmBudget,
    members: Vec<Member>,
    /// When each key is examined next.
    schedule: Schedule,
    /// Its open incidents.
    open: OpenSilences,
    /// When the last incidents were opened.
    opened: Openings,
    now: Reading,
}

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub struct SilenceState {
    members: Vec<MemberState>,
    open: Vec<OpenSilence>,
    opened: Openings,
    now: Reading,
}

#[derive(Serialize, Deserialize)]
struct MemberState {
    name: String,
    keys: TableSnapshot<Key>,
    evicted: f64,
    newcomers: VecDeque<(f64, u64)>,
    restarts: Restarts,
}

impl Registered for Silence {
    type Options = SilenceOptions;

    fn new(options: &SilenceOptions, SharedOptions { keys, budget }: SharedOptions) -> Self {
        Self {
            members: Member::all(&options.keys[..options.keys.len().min(MEMBERS)], keys),
            options: KeySettings::new(options),
            budget,
            schedule: Schedule::default(),
            open: OpenSilences::default(),
            opened: Openings::default(),
            now: Reading::default(),
        }
    }
}

impl Silence {
    /// A key is seen for the first time, or after it was forgotten.
    #[cold]
    fn begin(&mut self, member: usize, hash: u64, name: &str) {
        let name = &name[..name.floor_char_boundary(NAME_BYTES)];
        let settings = self.options.choose(&self.members[member].name, name);
        let now = self.now;
        let Some(place) = self.members.get_mut(member) else { return };
        let key = place.keys.touch(hash, || Key::new(name.into(), now, settings));
        // No key has a limit before that.
        key.due = (now.running + self.options.warm_up_s) as u32;
        self.schedule.at(key.due, member, hash);
        place.newcomers.push_back((now.running, hash));
        if place.newcomers.len() > NEWCOMERS {
            place.newcomers.pop_front();
        }
        if place.keys.evictions() > place.evictions {
            place.evictions = place.keys.evictions();
            place.evicted = now.running;
        }
        self.sweep();
    }
}

impl Stateful for Silence {
    type State = SilenceState;

    fn state(&self) -> SilenceState {
        let members = self.members.iter().map(|member| MemberState {
            name: member.name.clone(),
            keys: member.keys.snapshot(),
            evicted: member.evicted,
            newcomers: member.newcomers.clone(),
            restarts: member.restarts.clone(),
        });
        SilenceState { members: members.collect(), open: self.open.state(), opened: self.opened.clone(), now: self.now }
    }

    fn compatible(&self, state: &SilenceState) -> Result<(), &'static str> {
        if !state.members.iter().map(|member| &member.name).eq(self.members.iter().map(|member| &member.name)) {
            return Err("its keys were others");
        }
        Ok(())
    }

    fn resume(&mut self, kept: SilenceState) {
        for (member, kept) in self.members.iter_mut().zip(kept.members) {
            member.keys.restore(kept.keys);
            (member.evictions, member.evicted) = (member.keys.evictions(), kept.evicted);
            (member.newcomers, member.restarts) = (kept.newcomers, kept.restarts);
            let name = &member.name;
            member.keys.for_each_mut(|_, key| key.settings = self.options.choose(name, &key.name));
        }
        self.open.resume(kept.open);
        (self.opened, self.now) = (kept.opened, kept.now);
        self.reschedule();
    }
}

impl Detector for Silence {
    fn name(&self) -> DetectorName {
        DetectorName::Silence
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, _: &Prior, report: &mut Report<'_>) {
        // Kept in registers: reading back as one load what was stored in two halves waits for both
        // stores.
        let now = Reading { running: event.moment.running, events: self.now.events + 1.0 };
        self.now = now;
        let mut hashes = [0; MEMBERS];
        for (slot, member) in hashes.iter_mut().zip(&self.members) {
            *slot = member.hash(&event.fields).unwrap_or_default();
        }
        for i in 0..self.members.len() {
            let (hash, Member { name: member, keys, partner, .. }) = (hashes[i], &mut self.members[i]);
            if hash == 0 {
                continue;
            }
            let Some(key) = keys.touched(hash) else {
                let name = self.members[i].name(&event.fields).unwrap_or_default();
                self.begin(i, hash, &name);
                continue;
            };
            // What it said before it fell silent comes late, and ends no silence.
            let is_old = event.moment.outside && event.moment.time.0 <= key.last_time;
            if is_old && (key.silent.is_some() || key.awaited || key.parked.is_some()) {
                continue;
            }
            key.last_time = event.moment.now.0;
            key.partner = partner.map_or(0, |partner| hashes[partner]);
            if key.silent.is_some() || key.awaited || key.parked.is_some() {
                self.speaks_up(i, hash, event.moment.now, report);
                continue;
            }
            if report.wants_near_misses() {
                let settings = self.options.of(key.settings);
                near_miss::spoke_in_time(member, key, settings, now, report);
            }
            key.speak(now);
        }
    }

    fn prefetch(&self, events: &[Fields<'_>; AHEAD]) {
        for member in &self.members {
            // Finding a member that is no role walks the event again, which costs more than
            // prefetching saves.
            if let KeySource::Role(role) = member.source {
                let keys = events.map(|event| event.hash(role).unwrap_or_default());
                member.keys.prefetch(keys, |_, key| key.prefetch());
            }
        }
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        let now = Reading { running: moment.running, events: self.now.events };
        // A key can have at most one silence in each shortest silence's length.
        let keys: usize = self.members.iter().map(|member| member.keys.len()).sum();
        self.options.keep_to(self.budget.threshold(keys as f64, 1.0, self.options.usual.least_s));
        self.close_gone(now, moment.now, report);
        self.wake_by_events(now);
        while let Some((due, member, hash)) = self.schedule.next(now.running) {
            self.examine(DueKey { member, hash, now, time: moment.now }, due, report);
        }
        self.end_tick(now);
    }

    fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        self.members.iter_mut().for_each(|member| visit(&mut member.keys));
        let newcomers: usize = self.members.iter().map(|member| member.newcomers.capacity()).sum();
        let scheduled = self.schedule.weight();
        visit(&mut Weight { bytes: scheduled.bytes + newcomers * size_of::<(f64, u64)>(), ..scheduled });
        self.open.weights().into_iter().for_each(|mut weight| visit(&mut weight));
    }

    fn tables(&self) -> Vec<TableUse> {
        const NAMES: [&str; MEMBERS] = [
            "silence_keys_1",
            "silence_keys_2",
            "silence_keys_3",
            "silence_keys_4",
            "silence_keys_5",
            "silence_keys_6",
            "silence_keys_7",
            "silence_keys_8",
        ];
        let table = |(member, label): (&Member, &'static str)| TableUse {
            table: match member.name.as_str() {
                "module" => "silence_modules",
                "host" => "silence_hosts",
                _ => label,
            },
            keys: member.keys.len() as u64,
            evictions: member.keys.evictions(),
        };
        self.members.iter().zip(NAMES).map(table).collect()
    }
}

#[cfg(test)]
mod tests;
