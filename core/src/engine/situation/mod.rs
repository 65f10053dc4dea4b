//! Situations: incidents with one cause, told as one story.
//!
//! ```text
//! open ─────► joining: same place, named, same requests? ─► its situation ─► finding + situation
//!                 └ nothing ties it to another: a situation of its own ─────────────▲  ▲
//! resolved ─► held for a quiet time (rhythm) ─► comes back meanwhile: it goes on ──────┘  │
//!                 └ does not: it is told; the last one ends the situation ────────────────┘
//! ```
//!
//! Every finding of every detector and rule passes here once, after it was made and before it
//! leaves. An incident that joins a situation is told at severity `info` unless it makes the
//! situation worse: the situation has been told. Findings of rules keep the severity that their
//! author gave them, and are resolved when the rule says so.
//!
//! *Coming back.* The end of an incident is held back for a quiet time (`rhythm.rs`). If it opens
//! again meanwhile, by the same detector with the same key, it goes on under its id, and is told
//! again at the first, second, fourth, eighth return. What comes back later, but within
//! `situation.reopen`, is a new incident of the same situation.
//!
//! Bounds: 1,000 open situations, 256 that may come back, 16,384 incidents, the ends of 4,096 held
//! back; the oldest goes. Memory: about 2 KiB a situation, 8 KiB at most.

mod arrival;
mod group;
mod joining;
mod names;
mod options;
mod requests;
mod rhythm;
mod state;
mod ties;

use super::finding::{DetectorName, Finding, InSituation, Severity, State};
use super::incident::{IncidentId, Incidents};
use crate::event::{Fields, Role, Timestamp};
use crate::narrate::{self, Language};
pub(super) use arrival::Carrier;
use arrival::{Arrival, SituationPlace};
use group::Situation;
pub use joining::JoinReason;
pub use options::SituationOptions;
use requests::FailedRequests;
use serde::{Deserialize, Serialize};
pub use state::SituationsSnapshot;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use ties::Ties;

/// Most open situations.
const OPEN: usize = 1_000;
/// Most situations that have ended and may come back.
const RESTING: usize = 256;
/// Most incidents of all situations. Further ones are told without a situation.
const MEMBERS: usize = 16_384;
/// Most incidents whose end is held back.
const HELD: usize = 4_096;
/// Situations whose names tell which are common.
const LATELY: usize = 32;

/// All situations of a stream.
#[derive(Clone, Debug)]
pub struct Situations {
    options: SituationOptions,
    language: Language,
    open: BTreeMap<u64, Situation>,
    /// Those that have ended, oldest first, each with its id and when it ended.
    resting: VecDeque<(u64, Timestamp, Situation)>,
    /// Incidents of open situations by the id that their detector knows.
    members: BTreeMap<u64, SituationMember>,
    /// Held incidents: by when their quiet time has passed, and by identity.
    due: BTreeSet<(Timestamp, u64)>,
    held: BTreeMap<u64, u64>,
    ties: Ties,
    requests: FailedRequests,
    /// Names in the texts of the last situations.
    lately: VecDeque<Vec<u64>>,
    /// Situations so far, and when the first began.
    seen: u32,
    since: Option<Timestamp>,
    opened: [u64; Severity::ALL.len()],
}

/// An incident of a situation.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SituationMember {
    situation: u64,
    identity: u64,
    /// The id and the beginning that it is told with; an incident that has come back has those of
    /// its first opening.
    told_id: u64,
    opened_at: Timestamp,
    severity: Severity,
    /// Events before it came back.
    count: u64,
    returns: u32,
    reason: JoinReason,
    /// Hashes of its places.
    places: Vec<u64>,
    /// Its end, held back, and until when.
    end: Option<(Timestamp, Box<Finding>)>,
}

impl Situations {
    /// No situations.
    #[must_use]
    pub fn new(options: SituationOptions) -> Self {
        Self {
            options,
            language: Language::default(),
            open: BTreeMap::new(),
            resting: VecDeque::new(),
            members: BTreeMap::new(),
            due: BTreeSet::new(),
            held: BTreeMap::new(),
            ties: Ties::default(),
            requests: FailedRequests::default(),
            lately: VecDeque::new(),
            seen: 0,
            since: None,
            opened: [0; Severity::ALL.len()],
        }
    }

    /// Sets the language of titles and reasons.
    #[must_use]
    pub fn with_language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// An event has failed. Requests that fail in two modules tie their incidents together.
    pub(super) fn saw_failure(&mut self, fields: &Fields<'_>) {
        if self.options.enabled
            && let Some(trace) = fields.hash(Role::Trace)
            && fields.parsed().module_hash != 0
        {
            self.requests.saw(trace, fields.parsed().module_hash);
        }
    }

    /// Says of each finding which situation it belongs to, unless it says so already. Ends that are
    /// held back are taken out of `findings`. `carrier` is the event that carries them.
    pub(super) fn place(
        &mut self,
        findings: &mut Vec<Finding>,
        carrier: Option<&Carrier>,
        incidents: &Incidents,
        now: Timestamp,
    ) {
        if self.options.enabled {
            findings
                .retain_mut(|finding| finding.situation.is_some() || self.place_one(finding, carrier, incidents, now));
        }
    }

    /// Adds the ends whose quiet time has passed at `now`.
    pub(super) fn tick(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        while let Some((until, id)) = self.due.first().copied()
            && (until <= now || self.due.len() > HELD)
        {
            self.due.pop_first();
            self.release(id, now, findings);
        }
    }

    /// Says of a finding of an incident that is open which situation it belongs to.
    pub fn attach(&self, finding: &mut Finding) {
        if let Some(member) = id_of(finding).and_then(|id| self.members.get(&id)) {
            self.rewrite(finding, member);
            finding.situation = self.told(member, State::Ongoing);
        }
    }

    /// Open situations by severity, in the order of [`Severity::ALL`].
    #[must_use]
    pub fn open_by_severity(&self) -> [u64; Severity::ALL.len()] {
        let mut open = [0; Severity::ALL.len()];
        self.open.values().for_each(|situation| open[situation.severity as usize] += 1);
        open
    }

    /// Situations opened since the last call, by the severity with which they began.
    pub(super) fn take_opened(&mut self) -> [u64; Severity::ALL.len()] {
        std::mem::take(&mut self.opened)
    }

    /// False for a finding that is not told now.
    fn place_one(
        &mut self,
        finding: &mut Finding,
        carrier: Option<&Carrier>,
        incidents: &Incidents,
        now: Timestamp,
    ) -> bool {
        match finding.state {
            State::Open => self.begin(finding, carrier, incidents, now),
            State::Ongoing => {
                self.go_on(finding, now);
                true
            }
            State::Resolved => self.end(finding, now),
        }
    }

    fn begin(
        &mut self,
        finding: &mut Finding,
        carrier: Option<&Carrier>,
        incidents: &Incidents,
        now: Timestamp,
    ) -> bool {
        let Some(id) = id_of(finding).filter(|_| self.members.len() < MEMBERS) else { return true };
        let arrival = Arrival::new(finding, carrier);
        if let Some(held) = self.held.remove(&arrival.identity) {
            return self.come_back(finding, held, id, now);
        }
        let (situation, reason, state) = self.situation_for(&arrival, finding.severity, incidents, now);
        let places = arrival.places.iter().chain(&arrival.seen_at).map(SituationPlace::hash).collect();
        let identity = arrival.identity;
        let Some(open) = self.open.get_mut(&situation) else { return true };
        let is_worse = finding.severity > open.severity || (arrival.is_fatal && !open.is_fatal);
        self.ties.add(situation, &open.add(&arrival, now));
        if state == State::Ongoing && !is_worse && folds(finding, &reason, arrival.is_fatal) {
            finding.severity = Severity::Info;
        }
        open.severity = open.severity.max(finding.severity);
        let member = SituationMember {
            situation,
            identity,
            told_id: id,
            opened_at: finding.opened_at,
            severity: finding.severity,
            count: 0,
            returns: 0,
            reason,
            places,
            end: None,
        };
        open.members.insert(id);
        finding.situation = self.told(&member, state);
        self.members.insert(id, member);
        true
    }

    /// The situation that an incident opens, joins or brings back.
    fn situation_for(
        &mut self,
        arrival: &Arrival<'_>,
        severity: Severity,
        incidents: &Incidents,
        now: Timestamp,
    ) -> (u64, JoinReason, State) {
        if let Some((id, reason)) = self.tied_to(arrival, incidents, now) {
            return (id, reason, State::Ongoing);
        }
        if let Some(id) = self.revive(arrival, now) {
            let rhythm = self.open[&id].rhythm;
            let reason =
                JoinReason::Returned { times: rhythm.returns, period_s: rhythm.period_s().unwrap_or_default() };
            return (id, reason, State::Open);
        }
        let id = arrival.identity ^ (now.0 as u64).rotate_left(17);
        let situation = Situation::new(arrival, severity, now);
        self.since.get_or_insert(now);
        self.seen = self.seen.saturating_add(1);
        self.opened[severity as usize] += 1;
        if self.lately.len() >= LATELY {
            self.lately.pop_front();
        }
        self.lately.push_back(arrival.shaped_names());
        if self.open.len() >= OPEN
            && let Some(oldest) = self.open.iter().min_by_key(|(_, open)| open.heard).map(|(id, _)| *id)
        {
            self.forget(oldest);
        }
        self.open.insert(id, situation);
        (id, JoinReason::First, State::Open)
    }

    /// Takes up a situation that has ended not long ago, if the incident was part of it.
    fn revive(&mut self, arrival: &Arrival<'_>, now: Timestamp) -> Option<u64> {
        let reopen_s = self.options.reopen.seconds();
        let at = self.resting.iter().rposition(|(_, ended, situation)| {
            now.seconds_since(*ended) <= reopen_s && situation.identities.contains(&arrival.identity)
        })?;
        let (id, _, mut situation) = self.resting.remove(at)?;
        situation.rhythm.come_back(situation.heard, now);
        situation.members.clear();
        self.ties.add(id, &situation.ties);
        self.open.insert(id, situation);
        Some(id)
    }

    /// An incident whose end was held back opens again: it goes on.
    fn come_back(&mut self, finding: &mut Finding, held: u64, id: u64, now: Timestamp) -> bool {
        let Some(mut member) = self.members.remove(&held) else { return true };
        if let Some((until, end)) = member.end.take() {
            self.due.remove(&(until, held));
            member.count = end.count;
        }
        member.returns += 1;
        if let Some(situation) = self.open.get_mut(&member.situation) {
            situation.members.remove(&held);
            let is_quiet = |id: &u64| self.members.get(id).is_some_and(|member| member.end.is_some());
            if situation.members.iter().all(is_quiet) {
                situation.rhythm.come_back(situation.heard, now);
            }
            situation.heard = situation.heard.max(now);
            situation.members.insert(id);
            let period_s = now.seconds_since(member.opened_at).max(0.0) / f64::from(member.returns);
            member.reason = JoinReason::Returned { times: member.returns, period_s };
        }
        let is_told = member.returns.is_power_of_two();
        self.rewrite(finding, &member);
        finding.state = State::Ongoing;
        finding.situation = self.told(&member, State::Ongoing);
        self.members.insert(id, member);
        is_told
    }

    fn go_on(&mut self, finding: &mut Finding, now: Timestamp) {
        let Some(id) = id_of(finding) else { return };
        let Some(member) = self.members.get_mut(&id) else { return };
        if let Some(situation) = self.open.get_mut(&member.situation) {
            situation.heard = situation.heard.max(now);
            if finding.severity > situation.severity || !may_fold(finding) {
                member.severity = member.severity.max(finding.severity);
            }
            situation.severity = situation.severity.max(member.severity);
        }
        let member = &self.members[&id];
        self.rewrite(finding, member);
        finding.situation = self.told(member, State::Ongoing);
    }

    /// Holds an end back, or tells it.
    fn end(&mut self, finding: &mut Finding, now: Timestamp) -> bool {
        let Some(id) = id_of(finding) else { return true };
        let Some(member) = self.members.get(&id) else { return true };
        self.rewrite(finding, member);
        let heard = finding.duration_s.map_or(now, |lasted| finding.opened_at.saturating_add_seconds(lasted)).min(now);
        let identity = member.identity;
        let until = match self.open.get_mut(&member.situation) {
            Some(situation) => {
                situation.heard = situation.heard.max(heard);
                situation.heard.saturating_add_seconds(situation.rhythm.quiet_s(heard))
            }
            // It was forgotten for lack of room.
            None => now,
        };
        if until <= now || !is_held_back(finding) {
            self.finish(finding, id, now);
            return true;
        }
        self.due.insert((until, id));
        self.held.insert(identity, id);
        if let Some(member) = self.members.get_mut(&id) {
            member.end = Some((until, Box::new(finding.clone())));
        }
        false
    }

    /// Tells an end that was held back.
    fn release(&mut self, id: u64, now: Timestamp, findings: &mut Vec<Finding>) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some((_, mut finding)) = member.end.take() else { return };
        if self.held.get(&member.identity) == Some(&id) {
            self.held.remove(&member.identity);
        }
        finding.said_at = now;
        self.finish(&mut finding, id, now);
        findings.push(*finding);
    }

    /// Takes an incident that has ended out of its situation, and ends that with its last one.
    fn finish(&mut self, finding: &mut Finding, id: u64, now: Timestamp) {
        let Some(member) = self.members.remove(&id) else { return };
        let Some(situation) = self.open.get_mut(&member.situation) else { return };
        situation.members.remove(&id);
        let is_over = situation.members.is_empty();
        finding.situation = self.told(&member, if is_over { State::Resolved } else { State::Ongoing });
        if is_over && let Some(situation) = self.open.remove(&member.situation) {
            self.ties.remove(member.situation, &situation.ties);
            if self.resting.len() >= RESTING {
                self.resting.pop_front();
            }
            self.resting.push_back((member.situation, now, situation));
        }
    }

    /// Forgets a situation for lack of room. Its incidents are told without one from then on.
    fn forget(&mut self, id: u64) {
        if let Some(situation) = self.open.remove(&id) {
            self.ties.remove(id, &situation.ties);
        }
    }

    /// Gives a finding the id, the beginning, the count and the severity that its incident is told
    /// with.
    fn rewrite(&self, finding: &mut Finding, member: &SituationMember) {
        if id_of(finding) != Some(member.told_id) {
            finding.id = format!("{:016x}", member.told_id);
            if let Some(lasted) = &mut finding.duration_s {
                *lasted += finding.opened_at.seconds_since(member.opened_at).max(0.0);
                finding.summary.ending = Some(narrate::ending(finding.language, *lasted));
            }
        }
        finding.opened_at = member.opened_at;
        finding.count = finding.count.saturating_add(member.count);
        finding.severity = member.severity;
    }

    /// What a finding says of its situation.
    fn told(&self, member: &SituationMember, state: State) -> Option<InSituation> {
        let situation = self.open.get(&member.situation)?;
        let blame = situation.blame();
        let mut told = InSituation {
            id: format!("{:016x}", member.situation),
            state,
            title: narrate::situation_title(self.language, &blame.story()),
            opened_at: situation.opened_at,
            severity: situation.severity,
            cause: blame.cause(),
            role: blame.role_of(&member.places, &member.reason),
            incidents: situation.incidents,
            places: blame.places(),
            reason: narrate::situation_reason(self.language, &member.reason),
        };
        told.fit();
        Some(told)
    }

    /// Seconds since the first situation.
    fn running_s(&self, now: Timestamp) -> f64 {
        self.since.map_or(0.0, |since| now.seconds_since(since).max(0.0))
    }
}

/// The id by which the detector of a finding knows its incident.
fn id_of(finding: &Finding) -> Option<u64> {
    IncidentId::of(finding).map(|id| id.0)
}

/// True of an incident that may come back within moments, because a test of what happens at its key
/// has ended it. What speaks again after a silence does so for good, and a rule ends what its
/// author says.
fn is_held_back(finding: &Finding) -> bool {
    let properties = finding.detector.properties();
    properties.tests > 0 && properties.explainable
}

/// True of findings whose severity follows the situation. A rule's follows its author.
fn may_fold(finding: &Finding) -> bool {
    finding.detector != DetectorName::Rule
}

/// True of an incident that need not be told beside its situation. One that is tied by the moment
/// alone may be another fault, and a FATAL elsewhere is another process that has ended.
fn folds(finding: &Finding, reason: &JoinReason, is_fatal: bool) -> bool {
    let is_at_same_place = matches!(reason, JoinReason::SamePlace { .. });
    may_fold(finding) && !matches!(reason, JoinReason::SameMoment { .. }) && (!is_fatal || is_at_same_place)
}

#[cfg(test)]
mod tests;
