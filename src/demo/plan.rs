//! The schedule of a stream: every fault and every confuser, fixed before the first line.
//!
//! Faults and confusers are separated by clean time, so that a finding can be attributed to one of
//! them. A confuser looks like a fault but is none, and must not be reported.

use serde::Serialize;

use super::catalog::{ROUTES, SHOP_HOSTS, WORKERS};
use super::faults::{self, Novel, Repeat, Shapes};
use super::options::{FaultKind, OptionError, ShopOptions};
use super::rng::Rng;
use super::schedule::SECOND;
use super::text::Placeholders;

/// The share of the stream that comes before the first fault or confuser.
const CLEAN_SHARE: f64 = 0.2;
/// Clean seconds after a fault, because its effects may be found for two minutes.
const GAP_S: f64 = 180.0;
/// Clean seconds after a confuser, which has no aftereffects. They are more in a stream of
/// confusers only, where confusers are to stay rare.
const CONFUSER_GAP_S: f64 = 90.0;
const LONELY_CONFUSER_GAP_S: f64 = 600.0;
/// Least seconds between the end of the last fault and the end of the stream.
const TAIL_S: f64 = 60.0;
const SURGE_S: f64 = 90.0;
/// The factor by which a surge raises traffic.
pub(super) const SURGE_FACTOR: f64 = 3.0;
/// Lines of the batch job, and the nanoseconds between two of them.
pub(super) const BATCH_LINES: u32 = 240;
pub(super) const BATCH_STEP: i64 = SECOND / 25;
/// Nanoseconds between two lines of a novelty.
pub(super) const NOVEL_STEP: i64 = 2 * SECOND;
/// The least average rate, in lines per second, of a module whose silence counts as a fault.
const AUDIBLE: f64 = 0.2;

/// The least weight of a route whose requests are frequent enough for one slow minute to be
/// noticed.
const BUSY_WEIGHT: u32 = 9;

/// A known fault in the stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    /// The name of the kind; see [`FaultKind::name`].
    pub kind: &'static str,
    /// When the fault begins, in seconds since the Unix epoch.
    pub start: f64,
    /// When the fault ends, in seconds since the Unix epoch.
    pub end: f64,
    /// What a correct finding must name: a module, a route, a host, a word.
    pub hint: String,
}

/// A part of the stream in which something happens, in nanoseconds since the Unix epoch; `end` is
/// exclusive.
#[derive(Clone, Debug)]
pub(super) struct FaultSlot {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) act: Act,
}

/// What happens in a slot.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// A confuser: more of all traffic.
    Surge,
    /// A confuser: a busy job that makes progress.
    Batch,
    Repeat {
        repeat: Repeat,
        count: u32,
        step: i64,
    },
    /// Errors of one module, `rate` per second.
    Errors {
        module: &'static str,
        rate: f64,
    },
    Slow {
        route: usize,
        factor: f64,
    },
    SlowRequest {
        route: usize,
        factor: f64,
    },
    BadNode {
        host: &'static str,
    },
    Silence {
        module: &'static str,
    },
    Novel(Novel),
}

/// All slots in order of time; they do not overlap.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) slots: Vec<FaultSlot>,
    pub(super) labels: Vec<Label>,
    /// The wanted kinds that did not fit.
    pub(super) unplaced: Vec<FaultKind>,
}

#[derive(Clone, Copy)]
enum Item {
    Fault(FaultKind),
    Surge,
    Batch,
}

impl Item {
    /// The order in which items are placed when not all fit: short faults first, and of these the
    /// ones that need the shortest baseline. Confusers get the remaining room.
    fn rank(self) -> u8 {
        match self {
            Item::Fault(FaultKind::LoopExact | FaultKind::LoopCounter | FaultKind::LoopCycle) => 0,
            Item::Fault(FaultKind::Burst | FaultKind::LatencySpike) => 1,
            Item::Fault(FaultKind::LatencyOutlier | FaultKind::Novelty) => 2,
            Item::Fault(FaultKind::BadNode) => 3,
            Item::Fault(FaultKind::SlowBurn | FaultKind::Silence | FaultKind::LatencyShift) => 4,
            Item::Surge | Item::Batch => 5,
        }
    }
}

impl Plan {
    /// Places the wanted kinds and the confusers in random order, over and over while there is
    /// room.
    pub(super) fn new(options: &ShopOptions) -> Result<Plan, OptionError> {
        let mut kinds = options.faults.clone();
        kinds.sort_unstable();
        kinds.dedup();
        let mut planner = Planner::new(options);
        let mut items: Vec<Item> = kinds.iter().copied().map(Item::Fault).collect();
        items.extend([Item::Surge, Item::Batch]);
        let wanted_s: f64 = kinds.iter().map(|kind| kind.typical_s() + GAP_S).sum();
        let mut crowded = wanted_s > options.duration_s as f64 * (1.0 - CLEAN_SHARE) - TAIL_S;
        loop {
            planner.rng.shuffle(&mut items);
            if crowded {
                items.sort_by_key(|item| item.rank());
                crowded = false;
            }
            let placed = planner.slots.len();
            for item in &items {
                planner.place(*item);
            }
            if planner.slots.len() == placed {
                break;
            }
        }
        let Planner { slots, labels, .. } = planner;
        let has_room = |kind: &FaultKind| labels.iter().any(|label| label.kind == kind.name());
        let unplaced: Vec<FaultKind> = kinds.iter().copied().filter(|kind| !has_room(kind)).collect();
        if !kinds.is_empty() && unplaced.len() == kinds.len() {
            return Err(OptionError::NoRoom {
                kinds: kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
                duration_s: options.duration_s,
                quiet: kinds.contains(&FaultKind::Silence),
            });
        }
        Ok(Plan { slots, labels, unplaced })
    }

    /// What happens at `time` (in ns), if anything does.
    pub(super) fn at(&self, time: i64) -> Option<&Act> {
        let later = self.slots.partition_point(|slot| slot.start <= time);
        let slot = self.slots.get(later.checked_sub(1)?)?;
        (time < slot.end).then_some(&slot.act)
    }

    /// How many lines the plan adds to the usual traffic.
    pub(super) fn lines(&self) -> f64 {
        let lines = |slot: &FaultSlot| match &slot.act {
            Act::Batch => f64::from(BATCH_LINES),
            Act::Repeat { count, .. } => f64::from(*count),
            Act::Errors { rate, .. } => rate * (slot.end - slot.start) as f64 / 1e9,
            _ => 0.0,
        };
        self.slots.iter().map(lines).sum()
    }

    /// The total seconds of surges.
    pub(super) fn surge_s(&self) -> f64 {
        self.slots.iter().filter(|slot| matches!(slot.act, Act::Surge)).count() as f64 * SURGE_S
    }
}

struct Planner<'a> {
    options: &'a ShopOptions,
    rng: Rng,
    shapes: Shapes,
    /// Where the next item is placed, in seconds since the stream's start.
    now: f64,
    slots: Vec<FaultSlot>,
    labels: Vec<Label>,
}

impl<'a> Planner<'a> {
    fn new(options: &'a ShopOptions) -> Planner<'a> {
        let mut rng = Rng::new(options.seed, "plan");
        let shapes = Shapes::new(&mut rng);
        let now = options.duration_s as f64 * CLEAN_SHARE;
        Planner { options, rng, shapes, now, slots: Vec::new(), labels: Vec::new() }
    }

    fn nanoseconds(&self, seconds: f64) -> i64 {
        self.options.start * SECOND + (seconds * 1e6) as i64 * 1_000
    }

    /// Places an item at `now` if it ends early enough.
    fn place(&mut self, item: Item) {
        let last = self.options.duration_s as f64 - TAIL_S;
        let made = match item {
            Item::Surge => Some((SURGE_S, Act::Surge, None)),
            Item::Batch => Some((f64::from(BATCH_LINES) * BATCH_STEP as f64 / 1e9, Act::Batch, None)),
            // A novelty uses up its text, so the room is checked before the fault is made.
            Item::Fault(FaultKind::Novelty) if self.now + 10.0 > last || self.shapes.left() == 0 => None,
            Item::Fault(kind) => self.fault(kind).map(|(length, act, hint)| (length, act, Some((kind, hint)))),
        };
        let Some((length_s, act, label)) = made else { return };
        if self.now + length_s > last {
            return;
        }
        let (start, end) = (self.nanoseconds(self.now), self.nanoseconds(self.now + length_s));
        self.slots.push(FaultSlot { start, end, act });
        self.now += length_s;
        if let Some((kind, hint)) = label {
            // Labels have whole milliseconds, as in the project's other streams.
            let seconds = |time: i64| (time / 1_000_000) as f64 / 1e3;
            self.labels.push(Label { kind: kind.name(), start: seconds(start), end: seconds(end), hint });
            self.now += GAP_S + self.rng.between(0.0, 40.0);
        } else {
            self.now += if self.options.faults.is_empty() { LONELY_CONFUSER_GAP_S } else { CONFUSER_GAP_S };
        }
    }

    /// Makes a fault of a kind: its length in seconds, what happens, and the label's hint.
    fn fault(&mut self, kind: FaultKind) -> Option<(f64, Act, String)> {
        let subject = Placeholders::new(&mut self.rng, (self.now * 1e9) as i64);
        let rng = &mut self.rng;
        let repeat = |repeat: Repeat, count: u32, step_s: f64| {
            let hint = repeat.module.to_owned();
            let step = (step_s * 1e6) as i64 * 1_000;
            (f64::from(count) * step as f64 / 1e9, Act::Repeat { repeat, count, step }, hint)
        };
        Some(match kind {
            FaultKind::LoopExact => {
                let told = faults::exact(rng, &subject);
                repeat(told, rng.whole(30, 300), rng.between(0.005, 0.2))
            }
            FaultKind::LoopCounter => {
                let told = faults::counter(rng, &subject);
                repeat(told, rng.whole(25, 150), rng.between(0.02, 0.3))
            }
            FaultKind::LoopCycle => {
                let told = faults::cycle(rng, &subject);
                let count = told.lines.len() as u32 * rng.whole(15, 80);
                repeat(told, count, rng.between(0.005, 0.1))
            }
            FaultKind::Burst => {
                let module = faults::failing_module(rng);
                let rate = (self.options.rate * rng.between(0.15, 0.4)).max(0.5);
                (rng.between(30.0, 120.0), Act::Errors { module, rate }, module.to_owned())
            }
            FaultKind::SlowBurn => {
                let module = faults::failing_module(rng);
                let rate = (self.options.rate * 0.05).max(0.2);
                (420.0, Act::Errors { module, rate }, module.to_owned())
            }
            FaultKind::LatencySpike => {
                let route = busy_route(rng);
                let act = Act::Slow { route, factor: rng.between(8.0, 20.0) };
                (rng.between(30.0, 60.0), act, ROUTES[route].route.to_owned())
            }
            FaultKind::LatencyShift => {
                let route = busy_route(rng);
                (540.0, Act::Slow { route, factor: rng.between(2.0, 3.0) }, ROUTES[route].route.to_owned())
            }
            FaultKind::LatencyOutlier => {
                let route = busy_route(rng);
                let act = Act::SlowRequest { route, factor: rng.between(30.0, 80.0) };
                (1.0, act, ROUTES[route].route.to_owned())
            }
            FaultKind::BadNode => {
                let host = *rng.pick(&SHOP_HOSTS);
                (rng.between(90.0, 180.0), Act::BadNode { host }, host.to_owned())
            }
            FaultKind::Silence => {
                let weights: u32 = WORKERS.iter().map(|worker| worker.weight).sum();
                let rate = self.options.rate * super::traffic::WORKER_SHARE / f64::from(weights);
                let audible: Vec<&str> = WORKERS
                    .iter()
                    .filter(|worker| f64::from(worker.weight) * rate >= AUDIBLE)
                    .map(|worker| worker.module)
                    .collect();
                if audible.is_empty() {
                    return None;
                }
                let module = *rng.pick(&audible);
                (rng.between(300.0, 540.0), Act::Silence { module }, module.to_owned())
            }
            FaultKind::Novelty => {
                let novel = faults::novel(rng, &subject, &mut self.shapes)?;
                let word = novel.word.clone();
                (10.0, Act::Novel(novel), word)
            }
        })
    }
}

/// The index of a random route with frequent requests.
fn busy_route(rng: &mut Rng) -> usize {
    rng.weighted(ROUTES.iter().map(|route| u32::from(route.weight >= BUSY_WEIGHT)))
}
