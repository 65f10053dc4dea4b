//! What is remembered of one actor (host, module and thread): its last lines and how long they have
//! been going round.

use super::distinct::Distinct;
use super::shuffled::Shuffled;
use crate::engine::deadlines::after;
use crate::engine::incident::IncidentId;
use crate::engine::overrides::Choice;
use crate::engine::state::{HeapSize, allocated};
use crate::engine::template::example_of;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Longest cycle looked for, in lines.
pub(super) const LAGS: usize = 16;

/// The last fingerprints of an actor, and for each lag the run of lines that equal the one a lag
/// before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Actor {
    /// The newest first. 32 bits of each are enough, because a run needs several equal lines in a
    /// row.
    ring: [u32; LAGS],
    /// None until a line repeats for the first time: most short-lived actors never repeat one.
    runs: Option<Box<Runs>>,
    /// True while some run is not zero.
    pub(super) repeating: bool,
    /// The time of the actor's last line, by the line's own clock.
    pub(super) last: Timestamp,
    /// The longest gap between two lines of the actor since some run began, in seconds. Each line
    /// reduces it by a 64th.
    pub(super) rest: f32,
    /// The open loop.
    pub(super) going: Option<Box<OpenLoop>>,
    /// The last line at WARN or worse and how its numbers step; none for actors without such lines.
    pub(super) counter: Option<Box<super::counter::Counter>>,
    /// The lines by their times, while they come in another order; none for nearly all actors.
    #[serde(default)]
    pub(super) shuffled: Option<Box<Shuffled>>,
    /// The settings of the actor; decided again after a restart.
    #[serde(skip)]
    pub(super) choice: Choice,
}

/// How long lines have been going round.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Runs {
    /// By lag − 1: lines in a row that equal the one a lag before.
    lines: [u32; LAGS],
    /// By lag − 1: the earliest time of that run, the line before it included.
    starts: [Timestamp; LAGS],
    /// By lag − 1: seconds from there to the run's latest time. Lines may be out of order where
    /// chunks overtake each other.
    spans: [f32; LAGS],
    /// By lag − 1: the trace ids of the run's lines.
    #[serde(default)]
    requests: [Distinct; LAGS],
    /// The texts of a suspected cycle.
    texts: Vec<String>,
}

impl Runs {
    /// No run yet, after a line at `last`.
    fn before(last: Timestamp) -> Self {
        Self {
            lines: [0; LAGS],
            starts: [last; LAGS],
            spans: [0.0; LAGS],
            requests: [Distinct::default(); LAGS],
            texts: Vec::new(),
        }
    }
}

impl HeapSize for Actor {
    fn heap_size(&self) -> usize {
        let of = |runs: &Runs| {
            let texts = runs.texts.iter().map(|text| allocated(text.capacity())).sum::<usize>();
            allocated(size_of::<Runs>()) + allocated(size_of::<String>() * runs.texts.capacity()) + texts
        };
        self.runs.as_deref().map_or(0, of)
            + self.going.as_ref().map_or(0, |_| allocated(size_of::<OpenLoop>()))
            + self.counter.as_ref().map_or(0, |counter| counter.heap_size())
            + self.shuffled.as_ref().map_or(0, |shuffled| shuffled.heap_size())
    }

    fn watched_as(&self, _: u64) -> Option<u64> {
        self.going.as_ref().map(|going| going.module)
    }
}

/// An open loop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenLoop {
    pub(super) id: IncidentId,
    /// Lines of one round.
    pub(super) period: usize,
    /// The earliest time of its lines.
    pub(super) began: Timestamp,
    /// Seconds that it had lasted when it opened.
    pub(super) before: f64,
    /// The latest time of its lines.
    pub(super) until: Timestamp,
    /// The stream's time at its last line.
    pub(super) heard: Timestamp,
    /// From where to where the retry counter has counted, if the loop is one.
    pub(super) range: Option<(i64, i64)>,
    /// What the loop was tested by, for updates; none in states of versions that did not keep it.
    #[serde(default)]
    pub(super) tested: Option<super::incident::Tested>,
    /// Smoothed seconds between its lines.
    pub(super) pace: f64,
    /// Lines of the actor outside the loop since the last inside it.
    pub(super) other: u32,
    pub(super) module: u64,
}

impl OpenLoop {
    /// Seconds from the earliest line to the latest, in whatever order they came.
    pub(super) fn lasted(&self) -> f64 {
        self.until.seconds_since(self.began).max(0.0)
    }

    /// Seconds without a line after which the loop has ended: several rounds, and at least as long
    /// as clocks and shippers may delay a line.
    pub(super) fn patience(&self) -> f64 {
        (self.pace * (5 * self.period).max(20) as f64).max(5.0)
    }

    /// When the loop has ended if no line of it comes before.
    pub(super) fn deadline(&self) -> Timestamp {
        after(self.heard, self.patience())
    }
}

/// Who goes round in an open loop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum LoopOwner {
    /// This actor, whose entry holds the loop.
    Actor(u64),
    /// This line, whichever actor writes it.
    Line(u64, Box<OpenLoop>),
}

/// What a line did to its actor's runs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Pushed {
    /// The shortest lag whose run is long enough to test, 0 for none.
    pub(super) lag: usize,
    /// The shortest lag whose lines are worth gathering, 0 for none.
    pub(super) suspect: usize,
    /// The longest run that is at least one round long.
    pub(super) longest: u32,
}

impl Actor {
    /// Reads the memory that [`Self::push`] will need while nothing repeats.
    pub(super) fn prefetch(&self) -> u64 {
        u64::from(self.ring[0] ^ self.ring[LAGS - 1])
            ^ u64::from(self.repeating)
            ^ self.last.0 as u64
            ^ u64::from(self.rest.to_bits())
            ^ u64::from(self.choice.number())
    }

    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            ring: [0; LAGS],
            runs: None,
            repeating: false,
            last: now,
            rest: 0.0,
            going: None,
            counter: None,
            shuffled: None,
            choice: Choice::default(),
        }
    }

    /// Takes a line. Nearly all lines equal none of the last sixteen: one vector comparison, and no
    /// run to update. `request` is the line's trace id.
    #[inline]
    pub(super) fn push(
        &mut self,
        line: u32,
        min_repeats: u32,
        time: Timestamp,
        request: impl FnOnce() -> Distinct,
    ) -> Pushed {
        let equal = Equal::new(self.ring, line);
        self.ring.copy_within(..LAGS - 1, 1);
        self.ring[0] = line;
        if equal.lags == 0 && !self.repeating {
            return Pushed::default();
        }
        let gap = time.seconds_since(self.last).max(0.0) as f32;
        self.rest = if self.repeating { gap.max(self.rest * (63.0 / 64.0)) } else { gap };
        let request = if equal.lags == 0 { Distinct::default() } else { request() };
        self.update_runs(equal, min_repeats, time, request)
    }

    fn update_runs(&mut self, equal: Equal, min_repeats: u32, time: Timestamp, request: Distinct) -> Pushed {
        let mut pushed = Pushed::default();
        let last = self.last;
        let Runs { lines, starts, spans, requests, .. } =
            &mut **self.runs.get_or_insert_with(|| Box::new(Runs::before(last)));
        self.repeating = equal.lags != 0;
        for (run, mask) in lines.iter_mut().zip(equal.masks) {
            *run &= mask;
        }
        let mut left = equal.lags;
        while left != 0 {
            let i = left.trailing_zeros() as usize;
            left &= left - 1;
            let (lag, run) = (i as u32 + 1, &mut lines[i]);
            if *run == 0 {
                (starts[i], spans[i], requests[i]) = (last, 0.0, Distinct::default());
            }
            requests[i].add(request);
            let after = time.seconds_since(starts[i]) as f32;
            if after < 0.0 {
                starts[i] = time;
                spans[i] -= after;
            } else {
                spans[i] = spans[i].max(after);
            }
            *run = run.saturating_add(1);
            if *run >= lag.max(2) {
                pushed.longest = pushed.longest.max(*run);
            }
            if pushed.suspect == 0 && *run >= (2 * lag).max(min_repeats / 2) {
                pushed.suspect = lag as usize;
            }
            if pushed.lag == 0 && *run >= (3 * lag).max(min_repeats) {
                pushed.lag = lag as usize;
            }
        }
        pushed
    }

    /// The run at `lag`: its lines, its earliest time, the seconds to its latest, and the
    /// requests that its lines belong to.
    pub(super) fn run(&self, lag: usize) -> (u32, Timestamp, f64, Distinct) {
        let Some(runs) = self.runs.as_deref() else { return (0, self.last, 0.0, Distinct::default()) };
        let i = lag - 1;
        (runs.lines[i], runs.starts[i], runs.spans[i].into(), runs.requests[i])
    }

    /// Keeps the texts of a suspected cycle, so that the incident can show them when it opens.
    #[inline]
    pub(super) fn gather<'a>(&mut self, pushed: Pushed, text: impl FnOnce() -> Option<Cow<'a, str>>) {
        let Some(runs) = self.runs.as_deref_mut() else { return };
        if runs.texts.len() < pushed.suspect
            && let Some(text) = text()
        {
            runs.texts.push(example_of(&text).to_owned());
        } else if !self.repeating && !runs.texts.is_empty() {
            runs.texts.clear();
        }
    }

    /// Keeps a text that the lines by their times may go round with. They wait, so that the text
    /// at hand is of a later line: each text is kept once.
    pub(super) fn keep_text(&mut self, repeats: bool, text: Option<Cow<'_, str>>) {
        let Some(runs) = self.runs.as_deref_mut() else { return };
        if !repeats {
            runs.texts.clear();
        } else if runs.texts.len() < LAGS
            && let Some(text) = text
            && !runs.texts.iter().any(|kept| *kept == example_of(&text))
        {
            runs.texts.push(example_of(&text).to_owned());
        }
    }

    /// The texts that were gathered of a cycle of so many lines, by the times of its lines or by
    /// arrival.
    pub(super) fn take_texts(&mut self, by_time: bool, period: usize) -> Vec<String> {
        let mut texts = match &mut self.shuffled {
            Some(shuffled) if by_time => shuffled.sorted().texts(),
            _ => self.texts(),
        };
        texts.truncate(period);
        texts
    }

    fn texts(&mut self) -> Vec<String> {
        self.runs.as_deref_mut().map(|runs| std::mem::take(&mut runs.texts)).unwrap_or_default()
    }

    /// From where to where its retry counter has counted.
    pub(super) fn range(&self) -> Option<(i64, i64)> {
        self.counter.as_ref()?.range()
    }

    /// Ends the loop, and clears the runs: what was repeated is no evidence for the next loop.
    pub(super) fn end(&mut self) -> Option<Box<OpenLoop>> {
        if let Some(runs) = &mut self.runs {
            runs.lines = [0; LAGS];
        }
        self.shuffled = None;
        self.counter = None;
        self.going.take()
    }
}

/// The lags at which a line equals an earlier one. Written so that compilers vectorize it.
#[derive(Clone, Copy)]
struct Equal {
    /// By lag − 1: all bits where the lines are equal, else none.
    masks: [u32; LAGS],
    /// A bit for each lag, the shortest lag's lowest.
    lags: u32,
}

impl Equal {
    #[inline(always)]
    fn new(ring: [u32; LAGS], line: u32) -> Self {
        let mut equal = Self { masks: [0; LAGS], lags: 0 };
        for (i, (mask, earlier)) in equal.masks.iter_mut().zip(ring).enumerate() {
            *mask = if earlier == line { u32::MAX } else { 0 };
            equal.lags |= *mask & 1 << i;
        }
        equal
    }
}
