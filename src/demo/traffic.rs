//! The traffic of the shop: requests, workers, periodic lines, and the faults of the plan.
//!
//! Every source is woken at a time, writes the lines that begin then, and schedules its next
//! wake-up. Requests and workers are Poisson processes; their rate follows one day compressed into
//! the stream, and its surges. Periodic lines (a heartbeat, a poll, a maintenance list) come at
//! exact times.

use std::sync::Arc;

use super::catalog::{FAILURES, FailureText, JOB_HOSTS, MAINTENANCE, ROUTES, SHOP_HOSTS, WORKERS};
use super::options::ShopOptions;
use super::plan::{Act, BATCH_LINES, BATCH_STEP, NOVEL_STEP, Plan, SURGE_FACTOR};
use super::rng::{Deck, Rng};
use super::schedule::{Access, Journal, LogEntry, SECOND};
use super::text::{Placeholders, render};
use crate::event::level::Level;

/// The share of all lines that workers log.
pub(super) const WORKER_SHARE: f64 = 0.27;
/// The share of requests that fail.
const FAILING: f64 = 0.018;
/// The share of requests that fail while a failure of the route's services has not occurred yet. It
/// is high because errors that a shop usually has must be known before the first fault.
const FAILING_FIRST: f64 = 0.15;
/// The share of requests that fail on a bad node.
const FAILING_ON_BAD_NODE: f64 = 0.35;
/// The share of requests that a pause of some process slows down, and the factor. It gives a
/// heavier tail than log-normal, as real latencies have.
const PAUSED: f64 = 0.005;
const PAUSE_FACTOR: f64 = 2.5;
/// The shares of workers' lines that are warnings, and that are errors.
const WARNING: f64 = 0.04;
const ERROR: f64 = 0.022;
/// How far the rate of the day rises and falls around its mean, as a share.
const DAY_SWING: f64 = 0.35;
const POLL: i64 = 20 * SECOND;
const MAINTENANCE_STEP: i64 = SECOND * 2 / 5;

/// A source to wake. The numbers of `Act` are the index of the plan's slot and of the line in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum TrafficSource {
    Request,
    Worker,
    Heartbeat,
    Poll,
    Maintenance,
    Act(usize, u32),
}

/// All sources of lines.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) plan: Arc<Plan>,
    pub(super) journal: Journal<TrafficSource>,
    start: i64,
    length: i64,
    requests: Rng,
    work: Rng,
    acts: Rng,
    /// Requests per second, and lines of workers per second, on average.
    request_rate: f64,
    work_rate: f64,
    heartbeat: i64,
    maintenance: i64,
    /// How often each failure has occurred. The rarest occurs next, so that each is known early.
    failures: [u32; FAILURES.len()],
    warnings: Deck,
    errors: Deck,
    message: String,
}

impl Traffic {
    pub(super) fn new(options: &ShopOptions, plan: Plan) -> Traffic {
        let seconds = options.duration_s as f64;
        let start = options.start * SECOND;
        let length = (seconds as i64) * SECOND;
        // The heartbeat makes at most about a twentieth of the lines, however thin the stream is.
        let heartbeat = SECOND * (20.0 / options.rate).ceil().max(1.0) as i64;
        let maintenance = (length / 5).clamp(120 * SECOND, 600 * SECOND);
        let per_second = |period: i64| 1e9 / period as f64;
        let clockwork = per_second(heartbeat) + per_second(POLL) + per_second(maintenance) * MAINTENANCE.len() as f64;
        // The rate that periodic lines and the plan leave, reduced so that surges are part of the
        // average.
        let left = (options.rate - clockwork - plan.lines() / seconds).max(options.rate * 0.3);
        let rest = left / (1.0 + plan.surge_s() * (SURGE_FACTOR - 1.0) / seconds);
        let work_rate = WORKER_SHARE * rest;

        let mut traffic = Traffic {
            journal: Journal::new(start + length),
            start,
            length,
            requests: Rng::new(options.seed, "requests"),
            work: Rng::new(options.seed, "work"),
            acts: Rng::new(options.seed, "acts"),
            request_rate: (rest - work_rate) / lines_per_request(),
            work_rate,
            heartbeat,
            maintenance,
            failures: [0; FAILURES.len()],
            warnings: Deck::new(WORKERS.len()),
            errors: Deck::new(WORKERS.len()),
            message: String::new(),
            plan: Arc::new(plan),
        };
        traffic.wake_all();
        traffic
    }

    fn wake_all(&mut self) {
        self.journal.wake(self.start + SECOND / 50, TrafficSource::Heartbeat);
        self.journal.wake(self.start + SECOND / 3, TrafficSource::Poll);
        self.journal.wake(self.start + self.maintenance / 4, TrafficSource::Maintenance);
        for (index, slot) in self.plan.slots.iter().enumerate() {
            self.journal.wake(slot.start, TrafficSource::Act(index, 0));
        }
        self.next_request(self.start);
        self.next_work(self.start);
    }

    /// Lets a source write its lines, and schedules its next wake-up.
    pub(super) fn act(&mut self, time: i64, source: TrafficSource) {
        match source {
            TrafficSource::Request => {
                self.request(time);
                self.next_request(time);
            }
            TrafficSource::Worker => {
                self.worker(time);
                self.next_work(time);
            }
            TrafficSource::Heartbeat => {
                self.clockwork(time, "heartbeat", "timer", Level::Info, "all services answered the probe");
                self.journal.wake(time + self.heartbeat, TrafficSource::Heartbeat);
            }
            TrafficSource::Poll => {
                self.clockwork(time, "scheduler", "timer", Level::Debug, "no job is due");
                self.journal.wake(time + POLL, TrafficSource::Poll);
            }
            TrafficSource::Maintenance => {
                for (step, what) in (0..).zip(MAINTENANCE) {
                    let message = format!("maintenance step {} of {}: {what}", step + 1, MAINTENANCE.len());
                    self.clockwork(time + step * MAINTENANCE_STEP, "scheduler", "cron", Level::Info, &message);
                }
                self.journal.wake(time + self.maintenance, TrafficSource::Maintenance);
            }
            TrafficSource::Act(slot, line) => self.slot(time, slot, line),
        }
    }

    /// The traffic at a time as a multiple of its mean: low at both ends of the stream, high in the
    /// middle.
    fn bustle(&self, time: i64) -> f64 {
        let day = (time - self.start) as f64 / self.length as f64;
        let surge = if matches!(self.plan.at(time), Some(Act::Surge)) { SURGE_FACTOR } else { 1.0 };
        surge * (1.0 - DAY_SWING * libm::cos(std::f64::consts::TAU * day))
    }

    fn next_request(&mut self, time: i64) {
        let gap = self.requests.gap(self.request_rate * self.bustle(time));
        self.journal.wake(time + nanoseconds(gap), TrafficSource::Request);
    }

    fn next_work(&mut self, time: i64) {
        let gap = self.work.gap(self.work_rate * self.bustle(time));
        self.journal.wake(time + nanoseconds(gap), TrafficSource::Worker);
    }

    /// Writes a line unless its module is silent at that time.
    fn write(&mut self, time: i64, entry: &LogEntry<'_>) {
        if !matches!(self.plan.at(time), Some(Act::Silence { module }) if *module == entry.module) {
            self.journal.write(time, entry);
        }
    }

    /// Renders a text into the message of an entry, and writes the entry. The buffer is kept
    /// between calls.
    fn say(&mut self, time: i64, entry: LogEntry<'_>, text: &str, subject: &Placeholders, rng: &mut Rng) {
        let mut message = std::mem::take(&mut self.message);
        message.clear();
        render(&mut message, text, subject, rng);
        self.write(time, &LogEntry { message: &message, ..entry });
        self.message = message;
    }

    fn clockwork(&mut self, time: i64, module: &str, thread: &str, level: Level, message: &str) {
        self.write(time, &LogEntry { message, ..entry(level, module, JOB_HOSTS[0], (thread, 1)) });
    }

    fn request(&mut self, time: i64) {
        let mut rng = self.requests.split();
        let which = rng.weighted(ROUTES.iter().map(|route| route.weight));
        let route = &ROUTES[which];
        let subject = Placeholders::new(&mut rng, time - self.start);
        let trace = Some(rng.bits());
        let host = *rng.pick(&SHOP_HOSTS);
        let mut duration_ms = rng.log_normal(route.median_ms, route.sigma);
        if rng.happens(PAUSED) {
            duration_ms *= PAUSE_FACTOR;
        }
        let luck = rng.between(0.0, 1.0);
        let act = self.plan.at(time);
        if let Some(Act::Slow { route, factor }) = act
            && *route == which
        {
            duration_ms *= factor;
        }
        let on_bad_node = matches!(act, Some(Act::BadNode { host: bad }) if *bad == host);
        let failing = if on_bad_node { FAILING_ON_BAD_NODE } else { FAILING };
        let failure = self.failure_on(which, luck, failing);

        let mut status = if rng.happens(route.refusal.1) { route.refusal.0 } else { route.status };
        // The lines of the services are spread evenly over the request's duration; a failure is the
        // last of them.
        let parts = (route.steps.len() + 2) as f64;
        let at = |part: f64| time + nanoseconds(duration_ms / 1e3 * part / parts);
        for (step, part) in route.steps.iter().zip(1u32..) {
            let said = rng.happens(step.share);
            let jitter = rng.between(0.0, 0.9);
            let place = (*rng.pick(&SHOP_HOSTS), ("http", rng.whole(1, 8)));
            if said {
                let entry = LogEntry { trace, ..entry(step.level, step.module, place.0, place.1) };
                self.say(at(f64::from(part) + jitter), entry, step.text, &subject, &mut rng);
            }
            if let Some(failure) = failure.filter(|failure| failure.module == step.module) {
                // A bad node's calls fail on the bad node itself.
                let host = if on_bad_node { host } else { place.0 };
                let entry =
                    LogEntry { trace, code: failure.code, ..entry(Level::Error, failure.module, host, place.1) };
                self.say(at(parts - 0.5), entry, failure.text, &subject, &mut rng);
                status = failure.status;
                break;
            }
        }
        let thread = ("http", rng.whole(1, 8));
        self.access(at(parts), which, status, duration_ms, (host, thread, trace), &subject, &mut rng);
    }

    /// Whether a request fails, and how: with the failure of its route's services that has occurred
    /// least often.
    fn failure_on(&mut self, route: usize, luck: f64, failing: f64) -> Option<&'static FailureText> {
        let meets = |module: &str| ROUTES[route].steps.iter().any(|step| step.module == module);
        let (rarest, failure) = FAILURES
            .iter()
            .enumerate()
            .filter(|(_, failure)| meets(failure.module))
            .min_by_key(|(index, _)| self.failures[*index])?;
        let known = self.failures[rarest] > 0;
        if luck >= if known { failing } else { failing.max(FAILING_FIRST) } {
            return None;
        }
        self.failures[rarest] += 1;
        Some(failure)
    }

    #[expect(clippy::too_many_arguments, reason = "an access line says this much")]
    fn access(
        &mut self,
        time: i64,
        route: usize,
        status: u16,
        duration_ms: f64,
        (host, thread, trace): (&str, (&str, u32), Option<u64>),
        subject: &Placeholders,
        rng: &mut Rng,
    ) {
        let Some(route) = ROUTES.get(route) else { return };
        let level = if status < 500 { Level::Info } else { Level::Error };
        let access = Access { method: route.method, route: route.route, status, duration_ms };
        let text = format!("{} {} -> {status}, {} bytes", route.method, route.path, rng.whole(180, 64_000));
        self.say(
            time,
            LogEntry { trace, access: Some(access), ..entry(level, "gateway", host, thread) },
            &text,
            subject,
            rng,
        );
    }

    fn worker(&mut self, time: i64) {
        let mut rng = self.work.split();
        let luck = rng.between(0.0, 1.0);
        let (worker, level, text) = if luck < ERROR {
            let worker = &WORKERS[self.errors.deal(&mut rng)];
            (worker, Level::Error, worker.error)
        } else if luck < ERROR + WARNING {
            let worker = &WORKERS[self.warnings.deal(&mut rng)];
            (worker, Level::Warn, worker.warning)
        } else {
            let worker = &WORKERS[rng.weighted(WORKERS.iter().map(|worker| worker.weight))];
            let &(level, text) = rng.pick(worker.lines);
            (worker, level, text)
        };
        let subject = Placeholders::new(&mut rng, time - self.start);
        let entry = entry(level, worker.module, rng.pick::<&str>(&JOB_HOSTS), ("worker", rng.whole(1, 3)));
        self.say(time, entry, text, &subject, &mut rng);
    }

    /// Writes the next line of a slot. Slots that only change the traffic have no lines.
    fn slot(&mut self, time: i64, index: usize, line: u32) {
        let plan = Arc::clone(&self.plan);
        let slot = &plan.slots[index];
        let mut rng = self.acts.split();
        let next = match &slot.act {
            Act::Surge | Act::Slow { .. } | Act::BadNode { .. } | Act::Silence { .. } => None,
            Act::Batch => {
                let message =
                    format!("chunk {:04} of {BATCH_LINES} exported, {} orders", line + 1, rng.whole(900, 9_999));
                self.write(
                    time,
                    &LogEntry {
                        message: &message,
                        ..entry(Level::Info, "reports.export", JOB_HOSTS[2], ("export", 1))
                    },
                );
                (line + 1 < BATCH_LINES).then_some(time + BATCH_STEP)
            }
            Act::Repeat { repeat, count, step } => {
                let said = &repeat.lines[line as usize % repeat.lines.len()];
                let message = match &said.tail {
                    Some(tail) => format!("{}{}{tail}", said.head, line + 1),
                    None => said.head.clone(),
                };
                self.write(
                    time,
                    &LogEntry {
                        message: &message,
                        ..entry(said.level, repeat.module, repeat.host, ("worker", repeat.thread))
                    },
                );
                (line + 1 < *count).then_some(time + step)
            }
            Act::Errors { module, rate } => {
                let failures: Vec<_> = FAILURES.iter().filter(|failure| failure.module == *module).collect();
                let failure = *rng.pick(&failures);
                let subject = Placeholders::new(&mut rng, time - self.start);
                let trace = Some(rng.bits());
                let place = (*rng.pick(&SHOP_HOSTS), ("http", rng.whole(1, 8)));
                let entry = LogEntry { trace, code: failure.code, ..entry(Level::Error, module, place.0, place.1) };
                self.say(time, entry, failure.text, &subject, &mut rng);
                Some(time + nanoseconds(rng.gap(*rate))).filter(|next| *next < slot.end)
            }
            Act::SlowRequest { route, factor } => {
                let subject = Placeholders::new(&mut rng, time - self.start);
                let place = (*rng.pick(&SHOP_HOSTS), ("http", rng.whole(1, 8)), Some(rng.bits()));
                let (status, duration_ms) = (ROUTES[*route].status, ROUTES[*route].median_ms * factor);
                self.access(time, *route, status, duration_ms, place, &subject, &mut rng);
                None
            }
            Act::Novel(novel) => {
                if let Some(message) = novel.lines.get(line as usize) {
                    let entry = entry(Level::Error, novel.module, novel.host, ("worker", 1));
                    self.write(time, &LogEntry { message, ..entry });
                }
                (line as usize + 1 < novel.lines.len()).then_some(time + NOVEL_STEP)
            }
        };
        if let Some(next) = next {
            self.journal.wake(next, TrafficSource::Act(index, line + 1));
        }
    }
}

/// An entry with only the members that every line has.
fn entry<'a>(level: Level, module: &'a str, host: &'a str, thread: (&'a str, u32)) -> LogEntry<'a> {
    LogEntry { level, module, host, thread, trace: None, message: "", access: None, code: None }
}

/// How many lines a request logs on average: those of its services and its access line.
fn lines_per_request() -> f64 {
    let weights: u32 = ROUTES.iter().map(|route| route.weight).sum();
    let lines: f64 = ROUTES
        .iter()
        .map(|route| f64::from(route.weight) * (1.0 + route.steps.iter().map(|step| step.share).sum::<f64>()))
        .sum();
    lines / f64::from(weights)
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}
