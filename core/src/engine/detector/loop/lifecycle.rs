//! An open loop goes on with each of its lines, and is over when none has come for long.

use super::actor::{LoopOwner, OpenLoop};
use super::learned::Learned;
use super::{Habits, Loop, incident};
use crate::engine::detector::{Event, Report};
use crate::event::Timestamp;

/// Resolves a loop that is over, with its totals.
pub(super) fn resolve(going: &OpenLoop, now: Timestamp, learned: &Learned, habits: Habits, report: &mut Report<'_>) {
    let since_opened = going.lasted() - going.before;
    report.incidents.resolve_updated(going.id, since_opened, now, report.findings, |known, count| {
        incident::go_on(known, going, count, learned, habits);
    });
}

/// Joins the current event to an open loop.
pub(super) fn join(
    going: &mut OpenLoop,
    event: &Event<'_>,
    learned: &Learned,
    habits: Habits,
    report: &mut Report<'_>,
) {
    let (time, now) = (event.moment.time, event.moment.now);
    going.pace += 0.1 * (time.seconds_since(going.until).clamp(0.0, 60.0) - going.pace);
    going.other = 0;
    (going.began, going.until, going.heard) = (going.began.min(time), going.until.max(time), now);
    report.incidents.join_updated(going.id, 1, event.fields.level(), now, report.findings, |known, count| {
        incident::go_on(known, going, count, learned, habits);
    });
}

impl Loop {
    /// Examines the open loop of a module, which may be over; true when it is.
    pub(super) fn look_at(&mut self, module: u64, now: Timestamp, report: &mut Report<'_>) -> bool {
        let Some(open) = self.open.get(module) else { return false };
        let going = match open {
            LoopOwner::Line(_, going) => Some(going.as_ref()),
            // The loop of an evicted actor is over for those who watch it.
            LoopOwner::Actor(actor) => self.actors.get(*actor).and_then(|actor| actor.going.as_deref()),
        };
        let Some(going) = going else { return true };
        let is_open = report.incidents.is_open(going.id);
        if is_open && now.seconds_since(going.heard) <= going.patience() {
            let deadline = going.deadline();
            self.open.go_on(module, deadline);
            return false;
        }
        if is_open {
            let habits = self.habits.get(module).copied().unwrap_or_default();
            resolve(going, now, &self.learned, habits, report);
        }
        if let LoopOwner::Actor(actor) = open
            && let Some(actor) = self.actors.get_mut(*actor)
        {
            actor.end();
        }
        true
    }
}
