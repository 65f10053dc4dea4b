//! Whose incident is the silence of a key: one that is open, its partner's, or its own?

use super::evaluate::{DueKey, Next};
use super::key::{Key, Parked, Reading};
use super::open_silences::OpenSilence;
use super::options::SilenceSettings;
use super::{GONE_S, Member, Silence, incident, near_miss};
use crate::engine::detector::Report;
use crate::engine::finding::Reason;
use crate::engine::incident::IncidentId;
use crate::event::Timestamp;
use incident::Silent;
use std::collections::BTreeSet;

/// A pause as unlikely as this makes a partner look as if it had stopped.
const SUSPICIOUS_P: f64 = 1e-3;
/// Seconds within which two keys stopped together, whatever their gaps.
const TOGETHER_S: f64 = 5.0;
/// Seconds that the usual gaps of two keys add to that at most.
const FAR_S: f64 = 60.0;
/// Seconds after the last stop in which one more host joins an incident.
const IN_TURN_S: f64 = 300.0;
/// A host that began in this time before a silence, or since, may have replaced the silent one.
const REPLACED_S: f64 = 900.0;
/// Seconds between two looks at a key that joined an incident.
pub(super) const JOINED_S: f64 = 60.0;

impl Silence {
    /// The key is silent: joins an open incident, waits for whoever explains the silence, or opens
    /// an incident. When to look at the key again.
    pub(super) fn attribute(
        &mut self,
        due: DueKey,
        key: &Key,
        settings: &SilenceSettings,
        report: &mut Report<'_>,
    ) -> Next {
        let DueKey { member, hash, now, .. } = due;
        if let Some(open) = self.stopped_with(member, key) {
            return self.join(open, due, report);
        }
        if self.waits_for_partner(member, key, now) {
            return Next::At(now.running + 1.0);
        }
        if self.is_replaced(member, hash, key, now) {
            let name = &self.members[member].name;
            near_miss::tell(name, key, key.pause(now), settings, report, Reason::Replaced);
            return Next::At(now.running + GONE_S);
        }
        if !self.opened.is_full(now.running, self.options.warm_up_s) {
            return self.open(due, key, settings, report);
        }
        match self.open.last() {
            Some(last) => self.join(last, due, report),
            None => Next::At(now.running + self.options.warm_up_s),
        }
    }

    /// The key has an incident of its own.
    fn open(&mut self, due: DueKey, key: &Key, settings: &SilenceSettings, report: &mut Report<'_>) -> Next {
        let DueKey { member, hash, now, time } = due;
        let (pause, limits) = (key.pause(now), key.limits(settings));
        self.opened.add(now.running);
        let opening = incident::opening(&self.members[member].name, key, pause, limits, settings.threshold.value());
        let id = report.incidents.open(opening, time, report.findings);
        let stopped = key.last.running;
        let silence = OpenSilence {
            id,
            member,
            key: hash,
            stopped,
            usual: key.longest_and_usual().1,
            weight: 1,
            latest: stopped,
            also: Vec::new(),
            unlisted: 0,
            joined: BTreeSet::new(),
        };
        self.open.open(silence, report.incidents);
        if let Some(key) = self.key_mut(member, hash) {
            key.silent = Some(id);
        }
        Next::At(now.running + pause.seconds)
    }

    /// The open silence of a key that stopped at about the same time, or of the partner of this
    /// one, or of one of its kind that stopped not long before.
    fn stopped_with(&mut self, member: usize, key: &Key) -> Option<u64> {
        let (stopped, (_, usual)) = (key.last.running, key.longest_and_usual());
        let together =
            |open: &OpenSilence| (open.stopped - stopped).abs() <= TOGETHER_S + usual.max(open.usual).min(FAR_S);
        if let Some(open) = self.open.stopped_near(stopped, TOGETHER_S + FAR_S, together) {
            return Some(open);
        }
        if let Some(id) = partner_of(&mut self.members, member, key).and_then(|partner| partner.silent) {
            return self.open.number_of(id);
        }
        if self.members[member].is_module() {
            return None;
        }
        self.open.latest_near(member, stopped, IN_TURN_S, |open| (stopped - open.latest).abs() <= IN_TURN_S)
    }

    /// The partner has said more, and looks as if it had stopped: it is judged first. A module goes
    /// before its host.
    fn waits_for_partner(&mut self, member: usize, key: &Key, now: Reading) -> bool {
        let warm_up = self.options.warm_up_s;
        let lines = key.lines() + u32::from(self.members[member].is_module());
        let Some(partner) = partner_of(&mut self.members, member, key) else { return false };
        if partner.awaited {
            return true;
        }
        let settings = *self.options.of(partner.settings);
        let limits = partner.limits(&settings);
        let pause = partner.pause(now);
        // A partner about which the decision has been made is not waited for.
        partner.lines() >= lines
            && pause.seconds < limits.seconds + 2.0
            && settings.enabled
            && partner.ln_p(pause) < SUSPICIOUS_P.ln()
            && partner.is_established(limits.seconds, now.running, warm_up)
    }

    /// A newcomer replaces the key: a host that began not long before this one stopped, or since,
    /// and speaks. Each newcomer replaces one key.
    fn is_replaced(&mut self, member: usize, hash: u64, key: &Key, now: Reading) -> bool {
        let warm_up = self.options.warm_up_s;
        let member = &mut self.members[member];
        if member.is_module() {
            return false;
        }
        while member.newcomers.front().is_some_and(|(began, _)| now.running - began > GONE_S) {
            member.newcomers.pop_front();
        }
        let rate = f64::from(key.lines()) / key.life().max(1.0);
        let newcomer = (0..member.newcomers.len()).find(|&i| {
            let (began, newcomer) = member.newcomers[i];
            // Keys that were there from the beginning are no newcomers.
            if newcomer == hash || began < (key.last.running - REPLACED_S).max(key.first + warm_up) {
                return false;
            }
            let Some(newcomer) = member.keys.get_mut(newcomer) else { return false };
            let speaks = f64::from(newcomer.lines()) / (now.running - began).max(1.0);
            newcomer.silent.is_none() && newcomer.lines() >= 5 && speaks > rate / 4.0
        });
        newcomer.is_some_and(|i| member.newcomers.remove(i).is_some())
    }

    /// The key belongs to an incident that is open; when to look at the key again.
    fn join(&mut self, number: u64, due: DueKey, report: &mut Report<'_>) -> Next {
        let next = Next::At(due.now.running + JOINED_S);
        let (Some(open), Some(member)) = (self.open.get(number), self.members.get_mut(due.member)) else {
            return next;
        };
        let Some(key) = member.keys.get_mut(due.hash) else { return next };
        key.silent = Some(open.id);
        self.open.join(number, key.last.running, || format!("{} {}", member.name, key.name));
        self.update(number, 1, due.now, due.time, report);
        next
    }

    /// Adds `events` to an open incident, with what is true of it now.
    fn update(&mut self, number: u64, events: u64, now: Reading, time: Timestamp, report: &mut Report<'_>) {
        let Some(open) = self.open.get(number) else { return };
        let key = self.members.get_mut(open.member).and_then(|member| member.keys.get_mut(open.key));
        let Some(silent) = key.map(|key| Silent::of(key, key.pause(now))) else { return };
        report.incidents.join_updated(open.id, events, None, time, report.findings, |known, _| {
            silent.go_on(known, &open.also, open.unlisted);
        });
    }

    /// Examines a silent key: its own incident is updated when the silence has lasted twice as
    /// long.
    pub(super) fn examine_silent(&mut self, due: DueKey, id: IncidentId, report: &mut Report<'_>) -> Next {
        let DueKey { member, hash, now, time } = due;
        let Some(number) = self.open.number_of(id) else {
            // The incident that the key joined is over, and the key still has not spoken: it gets
            // the time to.
            let (usual, warm_up_s) = (self.options.usual, self.options.warm_up_s);
            let Some(key) = self.key_mut(member, hash) else { return Next::At(now.running + usual.least_s) };
            key.silent = None;
            return Next::At(now.running + key.limits(&usual).seconds.min(warm_up_s).max(usual.least_s));
        };
        let Some(open) = self.open.get_mut(number) else { return Next::At(now.running + JOINED_S) };
        if !open.is_of(member, hash) {
            open.joined.insert((member as u8, hash));
            return Next::Parked(Parked::Joined, JOINED_S);
        }
        open.weight *= 2;
        let (weight, stopped) = (open.weight, open.stopped);
        self.update(number, weight, now, time, report);
        Next::At(now.running + (now.running - stopped))
    }
}

/// The host of a module's last line, the module of a host's.
fn partner_of<'a>(members: &'a mut [Member], member: usize, key: &Key) -> Option<&'a mut Key> {
    let other = members.get(member)?.partner?;
    members.get_mut(other)?.keys.get_mut(key.partner)
}
