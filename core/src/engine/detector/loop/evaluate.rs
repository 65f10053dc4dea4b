//! Is what repeats a loop? It is tested against the explanations that need no fault.

use super::actor::{LoopOwner, OpenLoop};
use super::excursions::{Excursion, Who};
use super::incident::{self, Tested};
use super::learned::Habit;
use super::lifecycle::join;
use super::options::LoopSettings;
use super::run::{Run, Signal, grain, near_miss};
use super::{Habits, Loop};
use crate::engine::detector::failure::is_failure;
use crate::engine::detector::{Event, Report};
use crate::event::Level;

/// A timer that starts a thread for each round rests so many timer periods.
const NEW_THREADS_REST: f64 = 10.0;

/// What the event at hand repeats.
#[derive(Debug)]
pub(super) struct Repeats {
    pub(super) line: u64,
    /// How often the line, and its template, came before.
    pub(super) seen: u32,
    pub(super) template_seen: u32,
    /// A run of its actor that is no loop yet.
    pub(super) run: Option<Run>,
    /// The excursion of the line, where its actor has no open loop.
    pub(super) spell: Option<Excursion>,
    pub(super) habits: Habits,
    pub(super) settings: LoopSettings,
}

impl Loop {
    /// Joins the event to the open loop of its line, or else tests its run and its excursion.
    #[inline]
    pub(super) fn evaluate(&mut self, event: &Event<'_>, repeats: Repeats, guarded: bool, report: &mut Report<'_>) {
        let Repeats { line, seen, template_seen, run, spell, habits, settings } = repeats;
        if !self.open.is_empty()
            && let Some(LoopOwner::Line(open, going)) = self.open.get_mut(event.fields.parsed().module_hash)
            && *open == line
        {
            report.suppress();
            going.tested.iter_mut().for_each(|tested| tested.see(seen, template_seen));
            join(going, event, &self.learned, habits, report);
            let (module, deadline) = (going.module, going.deadline());
            self.open.go_on(module, deadline);
            return;
        }
        if guarded {
            return;
        }
        if let Some(run) = run {
            self.test(event, run, habits.runs, settings.threshold.value(), report);
        }
        // The excursion of an actor that writes nothing else is tested too: its run began with the
        // line, and only an excursion shows that the line comes more often.
        if let Some(spell) = spell
            && spell.count >= 2 * settings.min_repeats
            && let Some(who) = spell.who()
        {
            let run = Run::of_spell(&spell, line, who, seen);
            self.test(event, run, habits.spells, settings.threshold.value(), report);
        }
    }

    /// Tests a run that may be a loop: at every repeat at first, then at doubling counts.
    fn test(&mut self, event: &Event<'_>, run: Run, habit: Habit, threshold: f64, report: &mut Report<'_>) {
        let parsed = event.fields.parsed();
        let now = event.moment.now;
        let repeats = run.repeats();
        if self.open.contains(parsed.module_hash) || (repeats > 32 && !repeats.is_power_of_two()) {
            return;
        }
        let time = event.moment.time;
        let grain = grain(time, run.began);
        let lasted = run.lasted + grain;
        let harmless = !is_failure(&event.fields, Level::Warn);
        let rest = self.rest(&run, lasted, grain);
        let excused = match run.who {
            Who::Actors(_) => harmless && rest >= self.timer_period_s,
            // Failures in many threads are left to burst.
            Who::NewThreads => !harmless || rest >= NEW_THREADS_REST * self.timer_period_s,
        };
        if excused {
            return;
        }
        // The first line of each actor of an excursion is no repeat.
        let again = f64::from(repeats) - if run.signal == Signal::Cycle { 0.0 } else { f64::from(run.actors() - 1) };
        self.tests.add(1, now);
        let verdict = self.learned.test(run.seen, again, lasted, habit, run.length, run.signal);
        if verdict.ln_p >= threshold.ln() {
            report
                .near_miss(verdict.ln_p, threshold, |ln_p, threshold| near_miss(event, &run, lasted, ln_p, threshold));
            return;
        }
        let Some(actor) = self.actors.get_mut(parsed.actor_hash) else { return };
        let opening = incident::opening(&event.fields, threshold, &run, &verdict, lasted, actor);
        let id = report.incidents.open(opening, now, report.findings);
        let pace = (lasted / f64::from(repeats * run.period as u32)).max(1e-3);
        let range = run.range(actor);
        let (Run { period, began, lasted, .. }, tested) = (run, Some(Tested::of(&run)));
        let (until, module) = (began.saturating_add_nanos((lasted * 1e9) as i64), parsed.module_hash);
        let before = lasted;
        let going = OpenLoop { id, period, began, before, until, heard: now, range, tested, pace, other: 0, module };
        let deadline = going.deadline();
        let open = if let Signal::Excursion(line) = run.signal {
            LoopOwner::Line(line, Box::new(going))
        } else {
            actor.going = Some(Box::new(going));
            LoopOwner::Actor(parsed.actor_hash)
        };
        self.open.open(module, id, open, deadline, report.incidents);
    }

    /// Seconds that a run rests in each round. Where times are coarse, this is no more than the
    /// mean gap of its lines.
    fn rest(&self, run: &Run, lasted: f64, grain: f64) -> f64 {
        let mean = lasted * f64::from(run.actors()) / f64::from(run.length.max(1));
        if run.period == 1 { mean } else { mean.max(run.rest - grain) }
    }
}
