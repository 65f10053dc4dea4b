//! Is what repeats a loop? It is tested against the explanations that need no fault.

use super::actor::{LoopOwner, OpenLoop};
use super::excursions::{Excursion, Who};
use super::incident::{self, Tested};
use super::learned::{RateVerdict, Repeated};
use super::lifecycle::join;
use super::options::LoopSettings;
use super::run::{Run, Signal, grain, near_miss};
use super::start::Start;
use super::{Habits, Loop};
use crate::engine::detector::{Event, Report};

/// A timer that starts a thread for each round, and each of several actors that only say the same
/// now and then, rest so many timer periods.
const LONG_REST: f64 = 10.0;

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
    /// Whether several actors write the line in its excursion.
    pub(super) is_shared: bool,
    pub(super) habits: Habits,
    pub(super) settings: LoopSettings,
}

impl Loop {
    /// Joins the event to the open loop of its line, or else tests its run and its excursion.
    #[inline]
    pub(super) fn evaluate(&mut self, event: &Event<'_>, repeats: Repeats, guarded: bool, report: &mut Report<'_>) {
        let Repeats { line, seen, template_seen, run, spell, is_shared, habits, settings } = repeats;
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
            self.test(event, &run, is_shared, habits, settings.threshold.value(), report);
        }
        // The excursion of an actor that writes nothing else is tested too: its run began with the
        // line, and only an excursion shows that the line comes more often.
        if let Some(spell) = spell
            && spell.count >= 2 * settings.min_repeats
            && let Some(who) = spell.who()
        {
            let run = Run::of_spell(&spell, line, who, seen);
            self.test(event, &run, is_shared, habits, settings.threshold.value(), report);
        }
    }

    /// Tests a run that may be a loop: at every repeat at first, then at doubling counts.
    fn test(
        &mut self,
        event: &Event<'_>,
        run: &Run,
        is_shared: bool,
        habits: Habits,
        threshold: f64,
        report: &mut Report<'_>,
    ) {
        let parsed = event.fields.parsed();
        let repeats = run.repeats();
        if self.open.contains(parsed.module_hash) || (repeats > 32 && !repeats.is_power_of_two()) {
            return;
        }
        let grain = grain(event.moment.time, run.began);
        let lasted = run.lasted + grain;
        let start = Start::of(&event.fields);
        if self.is_excused(run, start, is_shared, self.rest(run, lasted, grain)) {
            return;
        }
        self.tests.add(1, event.moment.now);
        let verdict = self.learned.test(&Repeated {
            seen: run.seen,
            // The first line of each actor of an excursion is no repeat.
            repeats: f64::from(repeats) - if run.signal == Signal::Cycle { 0.0 } else { f64::from(run.actors() - 1) },
            lines: f64::from(repeats) * run.period as f64,
            lasted,
            habit: if matches!(run.signal, Signal::Excursion(_)) { habits.spells } else { habits.runs },
            run: run.length,
            signal: run.signal,
            start,
            module_lines: run.is_of_requests().then(|| habits.lines()),
        });
        if verdict.ln_p >= threshold.ln() {
            report.near_miss(verdict.ln_p, threshold, |ln_p, threshold| near_miss(event, run, lasted, ln_p, threshold));
            return;
        }
        self.open(event, run, start, &verdict, (lasted, threshold), report);
    }

    /// True where a run that rests so many seconds in each round needs no fault.
    fn is_excused(&self, run: &Run, start: Start, is_shared: bool, rest: f64) -> bool {
        let harmless = start == Start::Harmless;
        match run.who {
            // Failures in many threads are left to burst.
            Who::NewThreads => !harmless || rest >= LONG_REST * self.timer_period_s,
            _ if harmless => rest >= self.timer_period_s || run.is_a_request_a_round(),
            // Actors that each say the same now and then share what fails, and do not go round.
            Who::Actors(_) => is_shared && rest >= LONG_REST * self.timer_period_s,
        }
    }

    fn open(
        &mut self,
        event: &Event<'_>,
        run: &Run,
        start: Start,
        verdict: &RateVerdict,
        (lasted, threshold): (f64, f64),
        report: &mut Report<'_>,
    ) {
        let (parsed, now) = (event.fields.parsed(), event.moment.now);
        let Some(actor) = self.actors.get_mut(parsed.actor_hash) else { return };
        let (texts, range) = (actor.take_texts(run.by_time, run.period), run.range(actor));
        let opening = incident::opening(&event.fields, threshold, run, verdict, lasted, texts, range);
        let id = report.incidents.open(opening, event.moment.own(), report.findings);
        report.suppress();
        let pace = (lasted / f64::from(run.repeats() * run.period as u32)).max(1e-3);
        let &Run { period, began, lasted, .. } = run;
        let tested = Some(Tested::of(run, start));
        let (until, module) = (began.saturating_add_seconds(lasted), parsed.module_hash);
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
