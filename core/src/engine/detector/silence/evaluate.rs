//! Is it silent, whose incident is it, and when is it over?

use super::key::{Key, Parked, Pause, Reading};
use super::*;
use crate::engine::finding::{NearMiss, Reason};
use incident::Silent;

/// A pause as unlikely as this makes one look as if it had stopped.
const SUSPICIOUS_P: f64 = 1e-3;
/// Seconds within which two keys stopped together, whatever their gaps.
const TOGETHER_S: f64 = 5.0;
/// …and however long those are.
const FAR_S: f64 = 60.0;
/// Seconds after the last stop in which one more host joins an incident.
const IN_TURN_S: f64 = 300.0;
/// Seconds between two looks at a key that joined an incident.
pub(super) const JOINED_S: f64 = 60.0;
/// A pause of so many times its limit, without the events that make a silence: the stream is
/// thinner than it was, and it is for events to come, not for seconds to pass.
const THINNER: f64 = 2.0;
/// Names that a finding lists of those that stopped with its key.
const LISTED: usize = 8;

/// When a key is looked at next.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// At this running time.
    At(f64),
    /// Not for a reason; were it not for that, in so many seconds.
    Parked(Parked, f64),
}

impl Silence {
    /// A key is due.
    pub(super) fn look_at(
        &mut self,
        member: usize,
        hash: u64,
        due: u32,
        now: Reading,
        time: Timestamp,
        report: &mut Report<'_>,
    ) {
        let Some(key) = self.members.get_mut(member).and_then(|member| member.keys.get_mut(hash)) else { return };
        if key.due != due || key.parked.is_some() {
            return; // Forgotten and seen anew: the new one has its own time.
        }
        let next = match key.silent {
            Some(id) => self.look_at_silent(member, hash, id, now, time, report),
            None => self.judge(member, hash, now, time, report),
        };
        let Some(key) = self.members.get_mut(member).and_then(|member| member.keys.get_mut(hash)) else { return };
        let (at, parked) = match next {
            Next::At(at) => (at, None),
            Next::Parked(parked, ahead) => (now.running + ahead, Some(parked)),
        };
        // Never twice in the same second.
        key.due = (at.min(f64::from(u32::MAX)) as u32).max((now.running as u32).saturating_add(1));
        key.parked = parked;
        match parked {
            None => self.schedule.at(key.due, member, hash),
            Some(Parked::Events) => {
                self.schedule.at_event(key.silent_by(self.options.of(key.settings)), member, hash);
            }
            Some(_) => {}
        }
    }

    /// Opens or joins an incident if the key is silent; when to look at it again.
    fn judge(&mut self, member: usize, hash: u64, now: Reading, time: Timestamp, report: &mut Report<'_>) -> Next {
        // Whoever wants to know what is nearly a silence is told of it again and again.
        let parks = !report.wants_near_misses();
        let warm_up = self.options.warm_up_s;
        let place = &mut self.members[member];
        let muted = now.running - place.evicted < EVICTION_S;
        let Some(key) = place.keys.get_mut(hash) else { return Next::At(f64::MAX) };
        let settings = *self.options.of(key.settings);
        let limits = key.limits(&settings);
        let pause = key.pause(now);
        let ahead = if limits.seconds.is_finite() { limits.seconds } else { warm_up };
        if pause.seconds < ahead {
            return Next::At(key.last.running + ahead);
        }
        if limits.seconds.is_infinite() {
            // Only lines give it a limit.
            return Next::Parked(Parked::Unlimited, ahead);
        }
        if pause.events < limits.events {
            let few = Reason::FewEvents { events: pause.events, limit: limits.events };
            near_miss(&place.name, key, pause, &settings, report, few);
            return match parks && pause.seconds >= THINNER * limits.seconds {
                true => Next::Parked(Parked::Events, 0.0),
                false => Next::At(now.running + (pause.seconds / 32.0).max(1.0)),
            };
        }
        if muted || !settings.enabled || now.running < warm_up {
            if muted {
                near_miss(&place.name, key, pause, &settings, report, Reason::ForgottenKeys);
            }
            if !settings.enabled {
                return Next::Parked(Parked::Unlimited, warm_up);
            }
            // It stays muted for so many times the warm-up.
            let times = ((place.evicted + EVICTION_S - now.running) / warm_up).ceil();
            return Next::At(now.running + warm_up * if muted && parks { times.max(1.0) } else { 1.0 });
        }
        if !key.is_established(limits.seconds, now.running, warm_up) {
            near_miss(&place.name, key, pause, &settings, report, Reason::NotEstablished);
            // It will not have lived longer before it speaks again.
            let period = limits.seconds.max(warm_up);
            return if parks { Next::Parked(Parked::Young, period) } else { Next::At(now.running + period) };
        }
        if pause.seconds > GONE_S {
            return Next::Parked(Parked::Gone, GONE_S);
        }
        let patience = place.restarts.patience(key.last.running);
        key.awaited = pause.seconds < patience;
        if key.awaited {
            near_miss(&place.name, key, pause, &settings, report, Reason::Restart(patience));
            return Next::At(key.last.running + patience);
        }
        let key = key.clone();
        if let Some(open) = self.stopped_with(member, &key) {
            return self.join(open, member, hash, now, time, report);
        }
        if self.waits_for_partner(member, &key, now) {
            return Next::At(now.running + 1.0);
        }
        if self.is_replaced(member, hash, &key, now) {
            let name = &self.members[member].name;
            near_miss(name, &key, pause, &settings, report, Reason::Replaced);
            return Next::At(now.running + GONE_S);
        }
        while self.opened.front().is_some_and(|&opened| now.running - opened > self.options.warm_up_s) {
            self.opened.pop_front();
        }
        if self.opened.len() >= OPENINGS {
            return match self.open.len().checked_sub(1) {
                Some(last) => self.join(last, member, hash, now, time, report),
                None => Next::At(now.running + warm_up),
            };
        }
        self.opened.push_back(now.running);
        let opening = incident::opening(&self.members[member].name, &key, pause, limits, settings.threshold.value());
        let id = report.incidents.open(opening, time, report.findings);
        let (stopped, (_, usual)) = (key.last.running, key.longest_and_usual());
        let (latest, also, unlisted, joined) = (stopped, Vec::new(), 0, BTreeSet::new());
        self.open.push(OpenSilence {
            id,
            member,
            key: hash,
            stopped,
            usual,
            weight: 1,
            latest,
            also,
            unlisted,
            joined,
        });
        self.set_gone(report);
        if let Some(key) = self.members[member].keys.get_mut(hash) {
            key.silent = Some(id);
        }
        Next::At(now.running + pause.seconds)
    }

    /// The open silence of a key that stopped at about the same time, or of the partner of this
    /// one, or of one of its kind that stopped not long before.
    fn stopped_with(&mut self, member: usize, key: &Key) -> Option<usize> {
        let (_, usual) = key.longest_and_usual();
        let together = |open: &OpenSilence| {
            (open.stopped - key.last.running).abs() <= TOGETHER_S + usual.max(open.usual).min(FAR_S)
        };
        if let Some(i) = self.open.iter().position(together) {
            return Some(i);
        }
        if let Some(id) = partner_of(&mut self.members, member, key).and_then(|partner| partner.silent) {
            return self.open.iter().position(|open| open.id == id);
        }
        let in_turn = |open: &OpenSilence| open.member == member && (key.last.running - open.latest).abs() <= IN_TURN_S;
        self.open.iter().position(in_turn).filter(|_| !self.members[member].is_module())
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
        // A decision that has been made is not waited for.
        partner.lines() >= lines
            && pause.seconds < limits.seconds + 2.0
            && settings.enabled
            && partner.ln_p(pause) < SUSPICIOUS_P.ln()
            && partner.is_established(limits.seconds, now.running, warm_up)
    }

    /// A newcomer speaks in its place: a host that began not long before this one stopped, or
    /// since, and speaks. Each newcomer takes one place.
    fn is_replaced(&mut self, member: usize, hash: u64, key: &Key, now: Reading) -> bool {
        let warm_up = self.options.warm_up_s;
        let place = &mut self.members[member];
        if place.is_module() {
            return false;
        }
        while place.newcomers.front().is_some_and(|(began, _)| now.running - began > GONE_S) {
            place.newcomers.pop_front();
        }
        let rate = f64::from(key.lines()) / key.life().max(1.0);
        let newcomer = (0..place.newcomers.len()).find(|&i| {
            let (began, newcomer) = place.newcomers[i];
            // Those that were there from the beginning are none.
            if newcomer == hash || began < (key.last.running - REPLACED_S).max(key.first + warm_up) {
                return false;
            }
            let Some(newcomer) = place.keys.get_mut(newcomer) else { return false };
            let speaks = f64::from(newcomer.lines()) / (now.running - began).max(1.0);
            newcomer.silent.is_none() && newcomer.lines() >= 5 && speaks > rate / 4.0
        });
        newcomer.is_some_and(|i| place.newcomers.remove(i).is_some())
    }

    /// The key belongs to an incident that is open; when to look at it again.
    fn join(
        &mut self,
        open: usize,
        member: usize,
        hash: u64,
        now: Reading,
        time: Timestamp,
        report: &mut Report<'_>,
    ) -> Next {
        let (Some(open), Some(place)) = (self.open.get_mut(open), self.members.get_mut(member)) else {
            return Next::At(now.running + JOINED_S);
        };
        let Some(key) = place.keys.get_mut(hash) else { return Next::At(now.running + JOINED_S) };
        key.silent = Some(open.id);
        open.weight += 1;
        open.latest = open.latest.max(key.last.running);
        if open.also.len() < LISTED {
            open.also.push(format!("{} {}", place.name, key.name));
        } else {
            open.unlisted += 1;
        }
        let open = open.clone();
        self.say_again(&open, 1, now, time, report);
        Next::At(now.running + JOINED_S)
    }

    /// Adds `events` to an open incident, with what is true of it now.
    fn say_again(&mut self, open: &OpenSilence, events: u64, now: Reading, time: Timestamp, report: &mut Report<'_>) {
        let key = self.members.get_mut(open.member).and_then(|member| member.keys.get_mut(open.key));
        let Some(silent) = key.map(|key| Silent::of(key, key.pause(now))) else { return };
        report.incidents.join_updated(open.id, events, None, time, report.findings, |known, _| {
            silent.go_on(known, &open.also, open.unlisted);
        });
    }

    /// A silent key is looked at again: its own incident is said once more when it has lasted twice
    /// as long.
    fn look_at_silent(
        &mut self,
        member: usize,
        hash: u64,
        id: IncidentId,
        now: Reading,
        time: Timestamp,
        report: &mut Report<'_>,
    ) -> Next {
        let Some(open) = self.open.iter_mut().find(|open| open.id == id) else {
            // The incident that it joined is over, and this one still has not spoken: it gets the
            // time to.
            let least = self.options.usual.least_s;
            if let Some(key) = self.members[member].keys.get_mut(hash) {
                key.silent = None;
                let limit = key.limits(&self.options.usual).seconds.min(self.options.warm_up_s);
                return Next::At(now.running + limit.max(least));
            }
            return Next::At(now.running + least);
        };
        if (open.member, open.key) != (member, hash) {
            open.joined.insert((member as u8, hash));
            return Next::Parked(Parked::Joined, JOINED_S);
        }
        open.weight *= 2;
        let open = open.clone();
        self.say_again(&open, open.weight, now, time, report);
        Next::At(now.running + (now.running - open.stopped))
    }

    /// A key speaks that is silent, awaited or parked.
    #[cold]
    pub(super) fn speaks_up(&mut self, member: usize, hash: u64, time: Timestamp, report: &mut Report<'_>) {
        self.unpark(member, hash);
        let now = self.now;
        let Member { name, keys, .. } = &mut self.members[member];
        let Some(key) = keys.get_mut(hash) else { return };
        if key.silent.is_some() || key.awaited {
            return self.heard(member, hash, time, report);
        }
        if report.wants_near_misses() {
            spoke_in_time(name, key, self.options.of(key.settings), now, report);
        }
        key.speak(now);
    }

    /// A silent key speaks, or one that was awaited.
    fn heard(&mut self, member: usize, hash: u64, time: Timestamp, report: &mut Report<'_>) {
        let now = self.now;
        let Some(key) = self.members[member].keys.get_mut(hash) else { return };
        let (id, awaited) = (key.silent.take(), std::mem::take(&mut key.awaited));
        let own = self.open.iter().position(|open| Some(open.id) == id && (open.member, open.key) == (member, hash));
        if own.is_none() && !awaited {
            // Its pause is told with the incident that it joined; it is not learned.
            key.last = now;
            return;
        }
        let pause = key.pause(now);
        let silent = Silent::of(key, pause);
        key.speak_again(now);
        self.members[member].restarts.add(now.running, pause.seconds);
        let Some(i) = own else { return };
        let mut open = self.open.remove(i);
        self.unpark_all(std::mem::take(&mut open.joined));
        // It went on until now.
        report.incidents.join(open.id, 0, None, time, report.findings);
        report.incidents.resolve_updated(open.id, 0.0, time, report.findings, |known, _| {
            silent.go_on(known, &open.also, open.unlisted);
        });
    }

    /// Ends incidents whose key is forgotten or gone.
    pub(super) fn close_gone(&mut self, now: Reading, time: Timestamp, report: &mut Report<'_>) {
        let members = &mut self.members;
        let mut joined = Vec::new();
        self.open.retain_mut(|open| {
            let gone = match members.get_mut(open.member).and_then(|member| member.keys.get_mut(open.key)) {
                Some(key) => key.silent != Some(open.id) || key.pause(now).seconds > GONE_S,
                None => true,
            };
            if gone {
                report.incidents.resolve(open.id, time, report.findings);
            }
            let stays = !gone && report.incidents.is_open(open.id);
            if !stays {
                joined.extend(std::mem::take(&mut open.joined));
            }
            stays
        });
        self.unpark_all(joined);
        self.set_gone(report);
    }
}

/// The key speaks, in time: told where its pause was nearly a silence.
#[cold]
pub(super) fn spoke_in_time(
    member: &str,
    key: &Key,
    settings: &SilenceSettings,
    now: Reading,
    report: &mut Report<'_>,
) {
    let (pause, limits) = (key.pause(now), key.limits(settings));
    if pause.seconds >= limits.seconds / 2.0 {
        let [pair, limits] = [pause, limits].map(|pause| (pause.seconds, pause.events));
        near_miss(member, key, pause, settings, report, Reason::Spoke { pause: pair, limits });
    }
}

/// The host of a module's last line, the module of a host's.
fn partner_of<'a>(members: &'a mut [Member], member: usize, key: &Key) -> Option<&'a mut Key> {
    let other = members.get(member)?.partner?;
    members.get_mut(other)?.keys.get_mut(key.partner)
}

/// The pause of `key` is no silence: `why` says for what reason, where somebody wants to know.
fn near_miss(member: &str, key: &Key, pause: Pause, settings: &SilenceSettings, report: &mut Report<'_>, why: Reason) {
    if report.wants_near_misses() {
        report.near_miss(key.ln_p(pause), settings.threshold.value(), |ln_p, threshold| NearMiss {
            detector: DetectorName::Silence,
            kind: "key",
            key: format!("{member} {}", key.name),
            ln_p,
            threshold,
            why,
        });
    }
}
