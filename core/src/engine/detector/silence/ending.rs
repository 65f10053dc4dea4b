//! When is a silence over? Its key speaks, or is taken for gone after a day.

use super::incident::Silent;
use super::key::Reading;
use super::open_silences::OpenSilence;
use super::{GONE_S, Member, Silence, near_miss};
use crate::engine::detector::Report;
use crate::engine::incident::IncidentId;
use crate::event::Timestamp;

impl Silence {
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
            near_miss::spoke_in_time(name, key, self.options.of(key.settings), now, report);
        }
        key.speak(now);
    }

    /// A silent key speaks, or one that was awaited.
    fn heard(&mut self, member: usize, hash: u64, time: Timestamp, report: &mut Report<'_>) {
        let now = self.now;
        let Some(key) = self.members[member].keys.get_mut(hash) else { return };
        let (id, awaited) = (key.silent.take(), std::mem::take(&mut key.awaited));
        let open = id.and_then(|id| self.open.number_of(id));
        let own = open.filter(|number| self.open.get(*number).is_some_and(|open| open.is_of(member, hash)));
        if own.is_none() && !awaited {
            // The pause belongs to the incident that the key joined; it is not learned.
            key.last = now;
            return;
        }
        let pause = key.pause(now);
        let silent = Silent::of(key, pause);
        key.speak_again(now);
        self.members[member].restarts.add(now.running, pause.seconds);
        let Some(OpenSilence { id, also, unlisted, joined, .. }) = own.and_then(|number| self.open.end(number)) else {
            return;
        };
        self.unpark_all(joined);
        // The silence went on until now.
        report.incidents.join(id, 0, None, time, report.findings);
        report.incidents.resolve_updated(id, 0.0, time, report.findings, |known, _| {
            silent.go_on(known, &also, unlisted);
        });
    }

    /// Ends incidents whose key is forgotten or gone.
    pub(super) fn close_gone(&mut self, now: Reading, time: Timestamp, report: &mut Report<'_>) {
        for member in &mut self.members {
            member.keys.take_lost().into_iter().for_each(|id| self.open.hurry(IncidentId(id)));
        }
        let mut joined = Vec::new();
        for number in self.open.due(now.running, report.incidents) {
            let Some(open) = self.open.get(number) else { continue };
            let gone = match self.members.get(open.member).and_then(|member| member.keys.get(open.key)) {
                Some(key) => key.silent != Some(open.id) || key.pause(now).seconds > GONE_S,
                None => true,
            };
            if gone {
                report.incidents.resolve(open.id, time, report.findings);
            }
            if !gone && report.incidents.is_open(open.id) {
                self.open.go_on(number);
            } else {
                joined.extend(self.open.end(number).map(|over| over.joined).unwrap_or_default());
            }
        }
        self.unpark_all(joined);
    }
}
