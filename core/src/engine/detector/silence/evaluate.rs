//! Is a key that is due silent, and when is it examined again?

use super::key::{Key, Parked, Pause, Reading};
use super::options::SilenceSettings;
use super::{EVICTION_S, GONE_S, Member, Silence, near_miss};
use crate::engine::detector::Report;
use crate::engine::finding::Reason;
use crate::event::Timestamp;

/// A pause of so many times its limit, without the events that make a silence: the stream is
/// thinner than it was, so more events make the key due, not more seconds.
const THINNER: f64 = 2.0;

/// When a key is examined next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// At this running time.
    At(f64),
    /// Not at any time, for this reason; without the reason, in so many seconds.
    Parked(Parked, f64),
}

/// A key that is due, and the time on all clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct DueKey {
    pub(super) member: usize,
    pub(super) hash: u64,
    pub(super) now: Reading,
    pub(super) time: Timestamp,
}

/// A key with the pause that is judged, and what judges it.
#[derive(Debug)]
struct Examined<'a> {
    member: &'a str,
    key: &'a Key,
    settings: SilenceSettings,
    pause: Pause,
    limits: Pause,
    running: f64,
    warm_up_s: f64,
    /// Whoever asks for near misses is told of each again and again, so keys are not parked then.
    parks: bool,
}

impl Examined<'_> {
    /// The pause is within a limit: when to look again.
    fn within_limits(&self, report: &mut Report<'_>) -> Option<Next> {
        let Self { key, pause, limits, .. } = self;
        let ahead = if limits.seconds.is_finite() { limits.seconds } else { self.warm_up_s };
        if pause.seconds < ahead {
            return Some(Next::At(key.last.running + ahead));
        }
        if limits.seconds.is_infinite() {
            // Only lines give the key a limit.
            return Some(Next::Parked(Parked::Unlimited, ahead));
        }
        if pause.events < limits.events {
            self.near_miss(report, Reason::FewEvents { events: pause.events, limit: limits.events });
            return Some(match self.parks && pause.seconds >= THINNER * limits.seconds {
                true => Next::Parked(Parked::Events, 0.0),
                false => Next::At(self.running + (pause.seconds / 32.0).max(1.0)),
            });
        }
        None
    }

    /// The key is not watched, at least not yet: when to look again. `evicted` is when the table of
    /// its member last forgot a key.
    fn unwatched(&self, evicted: f64, report: &mut Report<'_>) -> Option<Next> {
        let Self { key, settings, limits, running, warm_up_s, parks, .. } = *self;
        let muted = running - evicted < EVICTION_S;
        if muted || !settings.enabled || running < warm_up_s {
            if muted {
                self.near_miss(report, Reason::ForgottenKeys);
            }
            if !settings.enabled {
                return Some(Next::Parked(Parked::Unlimited, warm_up_s));
            }
            // The member stays muted for so many times the warm-up.
            let times = ((evicted + EVICTION_S - running) / warm_up_s).ceil();
            return Some(Next::At(running + warm_up_s * if muted && parks { times.max(1.0) } else { 1.0 }));
        }
        if !key.is_established(limits.seconds, running, warm_up_s) {
            self.near_miss(report, Reason::NotEstablished);
            // The key will not have lived longer before it speaks again.
            let period = limits.seconds.max(warm_up_s);
            return Some(if parks { Next::Parked(Parked::Young, period) } else { Next::At(running + period) });
        }
        (self.pause.seconds > GONE_S).then_some(Next::Parked(Parked::Gone, GONE_S))
    }

    fn near_miss(&self, report: &mut Report<'_>, why: Reason) {
        near_miss::tell(self.member, self.key, self.pause, &self.settings, report, why);
    }
}

impl Silence {
    /// Examines a key whose time `due` has come, and says when it is examined next.
    pub(super) fn examine(&mut self, key: DueKey, due: u32, report: &mut Report<'_>) {
        let DueKey { member, hash, now, .. } = key;
        let Some(known) = self.key_mut(member, hash) else { return };
        if known.due != due || known.parked.is_some() {
            return; // The key was forgotten and came anew: the new one has its own time.
        }
        let next = match known.silent {
            Some(id) => self.examine_silent(key, id, report),
            None => self.judge(key, report),
        };
        let Some(known) = self.members.get_mut(member).and_then(|member| member.keys.get_mut(hash)) else { return };
        let (at, parked) = match next {
            Next::At(at) => (at, None),
            Next::Parked(parked, ahead) => (now.running + ahead, Some(parked)),
        };
        // Never twice in the same second.
        known.due = (at.min(f64::from(u32::MAX)) as u32).max((now.running as u32).saturating_add(1));
        known.parked = parked;
        match parked {
            None => self.schedule.at(known.due, member, hash),
            Some(Parked::Events) => {
                self.schedule.at_event(known.silent_by(self.options.of(known.settings)), member, hash);
            }
            Some(_) => {}
        }
    }

    /// Opens or joins an incident if the key is silent; when to look at it again.
    fn judge(&mut self, key: DueKey, report: &mut Report<'_>) -> Next {
        let DueKey { member, hash, now, .. } = key;
        let (warm_up_s, parks) = (self.options.warm_up_s, !report.wants_near_misses());
        let Member { name, keys, evicted, restarts, .. } = &mut self.members[member];
        let Some(known) = keys.get_mut(hash) else { return Next::At(f64::MAX) };
        let settings = *self.options.of(known.settings);
        let (pause, limits) = (known.pause(now), known.limits(&settings));
        let running = now.running;
        let examined = Examined { member: name, key: known, settings, pause, limits, running, warm_up_s, parks };
        let quiet = examined.within_limits(report);
        if let Some(next) = quiet.or_else(|| examined.unwatched(*evicted, report)) {
            return next;
        }
        let patience = restarts.patience(known.last.running);
        known.awaited = pause.seconds < patience;
        if known.awaited {
            near_miss::tell(name, known, pause, &settings, report, Reason::Restart(patience));
            return Next::At(known.last.running + patience);
        }
        let known = known.clone();
        self.attribute(key, &known, &settings, report)
    }

    pub(super) fn key_mut(&mut self, member: usize, hash: u64) -> Option<&mut Key> {
        self.members.get_mut(member)?.keys.get_mut(hash)
    }
}
