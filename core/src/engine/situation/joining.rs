//! Which situation an incident that opens belongs to, and why.
//!
//! The reasons, the strongest first: it is at a place of the situation; requests that fail there
//! fail in the situation too; its error names a place of the situation, or the situation's errors
//! name its place; both name the same third, which nothing else logs; its error is the same; it
//! opens at the same moment, near to it. A moment alone joins nothing: two faults may begin in the
//! same minute.
//!
//! *For how long.* An incident joins at a place while an incident of the situation goes on there,
//! and by any other tie within ten minutes of the situation's beginning: effects do not wait, and a
//! situation that lasts would take in all that happens meanwhile.
//!
//! *The same moment.* Situations open at the learned rate λ, one in two hours before anything is
//! learned. Two that are Δ apart are so close by chance with 1 − exp(−λΔ); below one in twenty it
//! is no chance, and never beyond half a minute.

use super::Situations;
use super::arrival::Arrival;
use super::ties::Tie;
use crate::engine::incident::{IncidentId, Incidents};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// The chance below which two openings are not close by accident.
const CHANCE: f64 = 0.05;
/// Openings are of one moment within so many seconds at most.
const MOMENT_S: f64 = 30.0;
/// Before anything is learned, one situation in so many seconds.
const PRIOR_S: f64 = 7_200.0;
/// An incident in which nothing has happened for so many seconds is joined by none at its place.
const ALIVE_S: f64 = 600.0;
/// What ties an incident to a situation from another place holds for so many seconds after its
/// beginning: effects do not wait for an hour, and a situation that lasts would take in all that
/// happens meanwhile.
const YOUNG_S: f64 = 600.0;
/// A name that a quarter of the last situations have in their texts ties nothing together,
const COMMON_SHARE: usize = 4;
/// where at least so many have.
const COMMON: usize = 3;

/// Why an incident belongs to its situation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JoinReason {
    /// It began the situation.
    First,
    /// It is at a place of the situation, such as `module billing`.
    SamePlace {
        /// The kind of place.
        name: String,
        /// The place.
        value: String,
    },
    /// Requests that fail in it fail in the situation too.
    SameRequests {
        /// How many are known.
        count: u32,
    },
    /// Its error names a place of the situation.
    Names {
        /// The name.
        name: String,
    },
    /// The errors of the situation name its place.
    Named {
        /// The name.
        name: String,
    },
    /// Both name the same third.
    BothName {
        /// The name.
        name: String,
    },
    /// Its error says the same.
    SameError,
    /// It opened at the same moment, on the same host or in the same way.
    SameMoment {
        /// Seconds between both openings.
        seconds: f64,
    },
    /// It has come back.
    Returned {
        /// How often.
        times: u32,
        /// Seconds from one beginning to the next.
        period_s: f64,
    },
}

impl Situations {
    /// The situation that an incident belongs to, and why; none for one of its own.
    pub(super) fn tied_to(
        &self,
        arrival: &Arrival<'_>,
        incidents: &Incidents,
        now: Timestamp,
    ) -> Option<(u64, JoinReason)> {
        let is_young = |id: &u64| self.open.get(id).is_some_and(|situation| situation.rhythm.age_s(now) <= YOUNG_S);
        let tied = |tie: Tie, hash: u64| self.ties.get(tie, hash).filter(is_young);
        self.at_same_place(arrival, incidents, now)
            .or_else(|| self.with_same_requests(arrival, tied))
            .or_else(|| self.by_name(arrival, tied))
            .or_else(|| Some((tied(Tie::Template, arrival.template?)?, JoinReason::SameError)))
            .or_else(|| self.at_same_moment(arrival, now))
    }

    /// The situation at a place of the incident, while one of its incidents there goes on: what
    /// begins at a place where a situation was before is another matter.
    fn at_same_place(&self, arrival: &Arrival<'_>, incidents: &Incidents, now: Timestamp) -> Option<(u64, JoinReason)> {
        arrival.places.iter().chain(&arrival.seen_at).find_map(|place| {
            let hash = place.hash();
            let id = self.ties.get(Tie::Place, hash)?;
            let goes_on = |id: &u64| {
                let member = self.members.get(id).filter(|member| member.places.contains(&hash));
                member.is_some_and(|member| {
                    let last = incidents.last_event(IncidentId(*id));
                    member.end.is_some() || last.is_some_and(|last| now.seconds_since(last) <= ALIVE_S)
                })
            };
            let (name, value) = (place.name.clone(), place.value.clone());
            let found = self.open.get(&id)?.members.iter().any(goes_on);
            found.then_some((id, JoinReason::SamePlace { name, value }))
        })
    }

    fn with_same_requests(
        &self,
        arrival: &Arrival<'_>,
        tied: impl Fn(Tie, u64) -> Option<u64>,
    ) -> Option<(u64, JoinReason)> {
        if arrival.module_hash == 0 {
            return None;
        }
        let shared = self.requests.shared_with(arrival.module_hash);
        shared.into_iter().find_map(|(module, count)| {
            let id = tied(Tie::Module, module)?;
            Some((id, JoinReason::SameRequests { count }))
        })
    }

    fn by_name(&self, arrival: &Arrival<'_>, tied: impl Fn(Tie, u64) -> Option<u64>) -> Option<(u64, JoinReason)> {
        let names = || arrival.names.iter().filter(|name| !self.is_common(name.hash));
        let its_error_names = names().find_map(|name| {
            let id = tied(Tie::Value, name.hash)?;
            Some((id, JoinReason::Names { name: name.text.to_owned() }))
        });
        let is_named = || {
            arrival.value_hashes().filter(|(hash, _)| !self.is_common(*hash)).find_map(|(hash, value)| {
                let id = tied(Tie::Mention, hash)?;
                Some((id, JoinReason::Named { name: value.to_owned() }))
            })
        };
        let both_name = || {
            names().filter(|name| name.is_shaped).find_map(|name| {
                let id = tied(Tie::Mention, name.hash)?;
                Some((id, JoinReason::BothName { name: name.text.to_owned() }))
            })
        };
        its_error_names.or_else(is_named).or_else(both_name)
    }

    fn at_same_moment(&self, arrival: &Arrival<'_>, now: Timestamp) -> Option<(u64, JoinReason)> {
        let (id, situation) = self.open.iter().max_by_key(|(id, situation)| (situation.grown_at, **id))?;
        let seconds = now.seconds_since(situation.grown_at).abs();
        let rate = f64::from(self.seen + 1) / (self.running_s(now) + PRIOR_S);
        let is_no_chance = seconds <= MOMENT_S && 1.0 - (-rate * seconds).exp() < CHANCE;
        let is_near = (arrival.host_hash != 0 && situation.host_hash == arrival.host_hash)
            || (arrival.is_shift && situation.is_shift);
        (is_no_chance && is_near).then_some((*id, JoinReason::SameMoment { seconds }))
    }

    /// True of a name that many situations have in their texts.
    fn is_common(&self, name: u64) -> bool {
        let with = self.lately.iter().filter(|names| names.contains(&name)).count();
        with >= COMMON && with * COMMON_SHARE >= self.lately.len()
    }
}
