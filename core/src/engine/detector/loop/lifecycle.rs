//! An open loop goes on with each of its lines, and is over when none has come for long.

use super::actor::{Actor, LoopOwner, OpenLoop};
use super::learned::Learned;
use super::run::Said;
use super::{Habits, Loop, incident};
use crate::engine::detector::tracker::IncidentTracker;
use crate::engine::detector::{Event, Report};
use crate::event::Timestamp;

/// Lines outside the cycle after which an actor's loop has ended.
const OTHER_LINES: u32 = 16;

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

/// The actor of an open loop has said a line: the line joins the loop, or the loop may be over.
#[cold]
pub(super) fn go_on_or_end(
    actor: &mut Actor,
    said: &Said<'_>,
    open: &mut IncidentTracker<LoopOwner>,
    learned: &Learned,
    habits: Habits,
    report: &mut Report<'_>,
) {
    let Some(going) = &mut actor.going else { return };
    if said.goes_round() {
        report.suppress();
        if going.range.is_some() {
            going.range = actor.counter.as_ref().and_then(|counter| counter.range()).or(going.range);
        }
        going.tested.iter_mut().for_each(|tested| tested.see(said.seen, said.retries.template_seen));
        join(going, said.event, learned, habits, report);
        open.go_on(going.module, going.deadline());
        return;
    }
    going.other += 1;
    if going.other > OTHER_LINES
        && let Some(going) = actor.end()
    {
        open.end(going.module);
        resolve(&going, said.event.moment.now, learned, habits, report);
    }
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
