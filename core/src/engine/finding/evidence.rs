//! Why something is a finding, as data: what every test measures, and what each detector knows
//! besides.
//!
//! Some fields are not in the JSON: they are what the sentence needs more exactly than the JSON
//! says it. Read back they are empty, and what was read back is not told anew.

use crate::engine::state::allocated;
use crate::event::Timestamp;
use std::borrow::Cow;

/// Units of what is observed.
pub mod unit {
    /// Lines a second.
    pub const LINES_PER_SECOND: &str = "lines/s";
    /// Lines.
    pub const LINES: &str = "lines";
    /// Events at ERROR and worse.
    pub const ERRORS: &str = "errors";
    /// Errors and failing statuses.
    pub const FAILURES: &str = "failures";
    /// Milliseconds.
    pub const MILLISECONDS: &str = "ms";
    /// Seconds.
    pub const SECONDS: &str = "s";
    /// First sights.
    pub const NEW: &str = "new among events at WARN and worse";
    /// Events.
    pub const EVENTS: &str = "events";
    /// Incidents that a storm stands for.
    pub const INCIDENTS: &str = "incidents";
}

/// Names of tests.
pub mod test {
    /// A rate that was learned, as a gamma distribution over Poisson counts.
    pub const GAMMA_POISSON: &str = "gamma-poisson";
    /// A share that was learned.
    pub const BINOMIAL: &str = "binomial";
    /// A tail fitted to the largest values.
    pub const PEAKS_OVER_THRESHOLD: &str = "peaks over threshold";
    /// How many values lie above a quantile of the baseline.
    pub const BINOMIAL_EXCEEDANCE: &str = "binomial exceedance";
    /// The share of starts that have no end, by the rule of succession.
    pub const TIMEOUT: &str = "timeout";
    /// The tail of a key's own pauses.
    pub const GAPS: &str = "tail of its own gaps, in seconds and in events of the others";
    /// The tail of the pauses between arrivals.
    pub const PAUSES: &str = "tail of the pauses between arrivals";
    /// The chance that the next event is new.
    pub const GOOD_TURING: &str = "Good–Turing";
    /// An absolute limit of the configuration.
    pub const LIMIT: &str = "limit";
    /// A rule says so.
    pub const RULE: &str = "rule";
    /// More incidents than are told one by one.
    pub const STORM: &str = "storm";
}

/// What was observed, what was expected, by which test, on how many samples. What a finding does
/// not have is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The quantity seen, in `unit`.
    pub observed: f64,
    /// What it normally is, in `unit`.
    pub expected: Option<f64>,
    /// The unit of both.
    pub unit: Cow<'static, str>,
    /// The statistical test, or what else has decided.
    pub test: Cow<'static, str>,
    /// What the test's result was held against.
    pub threshold: Option<f64>,
    /// The chance of this without a fault; none for rules.
    pub p_value: Option<f64>,
    /// How many values it rests on.
    pub samples: u64,
    /// How long a time it looked at, in seconds.
    pub window_s: Option<f64>,
}

/// What only one detector says.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// Lines that go round.
    Loop(LoopEvidence),
    /// One line more often than is allowed.
    Guard(GuardEvidence),
    /// Errors above their rate.
    Rate(RateEvidence),
    /// Failures that sit on one value.
    Share(ShareEvidence),
    /// Calls that are slower, or faster, than they were.
    Latency(LatencyEvidence),
    /// Work that has no end.
    Unfinished(UnfinishedEvidence),
    /// A key that has stopped.
    Silence(SilenceEvidence),
    /// A first sight.
    Novelty(NoveltyEvidence),
    /// No input.
    Input(InputEvidence),
    /// What a rule said.
    Rule(RuleEvidence),
    /// More incidents of a kind than are told one by one.
    Storm(StormEvidence),
}

/// Of a loop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoopEvidence {
    /// Lines of one round.
    pub period: u64,
    /// Rounds.
    pub repeats: u64,
    /// How many threads go round, where that was counted.
    pub actors: Option<u32>,
    /// Forms that the line has: sets of numbers that take turns.
    pub variants: u64,
    /// From where to where a number in it has counted.
    pub counter: Option<[i64; 2]>,
    /// The lines of one round.
    pub example: Option<Vec<String>>,
    /// Each round has a thread of its own. Not in the JSON.
    pub new_threads: bool,
    /// How long it has gone on, in seconds. Not in the JSON.
    pub lasted_s: f64,
}

/// Of a guard against loops: the counts are among what was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuardEvidence {
    /// Lines within the guard's window.
    pub repeats: u64,
    /// The line.
    pub example: Option<Vec<String>>,
    /// The window, in seconds. Not in the JSON.
    pub within_s: f64,
}

/// Of errors above their rate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RateEvidence {
    /// Between which numbers the expected one lies, as far as is known.
    pub expected_low: Option<f64>,
    /// See `expected_low`.
    pub expected_high: Option<f64>,
    /// The error that showed it.
    pub example: Option<Vec<String>>,
    /// Requests that the errors are among. Not in the JSON.
    pub requests: Option<f64>,
    /// The window, in seconds. Not in the JSON.
    pub lasted_s: f64,
}

/// Of failures that sit on one value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareEvidence {
    /// Between which numbers the expected one lies, as far as is known.
    pub expected_low: Option<f64>,
    /// See `expected_low`.
    pub expected_high: Option<f64>,
    /// Failures of all values.
    pub of: f64,
    /// The share of them that this value usually has.
    pub usual_share: f64,
    /// Failures that the value's own rate lets expect.
    pub expected_by_rate: Option<f64>,
    /// The chance of so many at that rate.
    pub p_value_of_rate: Option<f64>,
    /// How many modules' failures these are, where several.
    pub modules: Option<usize>,
    /// The failure that showed it.
    pub example: Option<Vec<String>>,
    /// The window, in seconds. Not in the JSON.
    pub lasted_s: f64,
}

/// Of calls that take longer, or shorter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyEvidence {
    /// The baseline's quantiles at 1, 50, 75, 90 and 99 %, in milliseconds. In the JSON to two
    /// digits.
    pub quantiles_ms: [f64; 5],
    /// The host of the call; of a shift only where that is of one host.
    pub host: Option<String>,
    /// It began as a single slow call and has become a shift.
    pub became_shift: bool,
    /// The calls of a shift.
    pub shift: Option<ShiftEvidence>,
    /// Operations of the module that have become slow together with it.
    pub also: Vec<String>,
    /// What the call that showed it had called, and what is as usual.
    pub as_usual: Vec<String>,
    /// After which service nothing came, in the traces of slow calls.
    pub stopped: Option<StoppedEvidence>,
    /// What was observed, in milliseconds. Not in the JSON.
    pub observed_ms: f64,
    /// It is of one host alone: that in `host` or in the key. Not in the JSON.
    pub of_one_host: bool,
}

/// Slow calls in whose traces nothing came after a line of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoppedEvidence {
    /// The service.
    pub after: String,
    /// Such calls.
    pub count: u32,
    /// Slow calls in all.
    pub of: u32,
}

/// Of the last calls of an operation, those beyond one of its quantiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShiftEvidence {
    /// Such calls.
    pub count: u32,
    /// Calls in all.
    pub of: usize,
    /// The quantile.
    pub quantile: f64,
    /// They lie below it.
    pub faster: bool,
}

/// Of work that began and did not end in its time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnfinishedEvidence {
    /// Starts without an end so far.
    pub unfinished: u64,
    /// Starts with one.
    pub finished: u64,
    /// The start.
    pub example: Option<Vec<String>>,
    /// What start and end would share. Not in the JSON.
    pub shared: String,
}

/// Of a key that has stopped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SilenceEvidence {
    /// When it spoke last.
    pub last_seen: Timestamp,
    /// Events of the others since then.
    pub events_of_others: f64,
    /// Seconds beyond which it is silent, and events.
    pub limit_s: f64,
    /// See `limit_s`.
    pub limit_events: f64,
    /// Names of those that stopped with it.
    pub also: Vec<String>,
    /// How many more did. Not in the JSON.
    pub unlisted: u32,
    /// How long it has been silent, and its longest pause before, in seconds. Not in the JSON.
    pub silent_s: f64,
    /// See `silent_s`.
    pub longest_s: f64,
}

/// Of a first sight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NoveltyEvidence {
    /// The event's template; none of a stack trace of several lines.
    pub template: Option<String>,
    /// Its text.
    pub template_text: Option<String>,
    /// The message.
    pub example: Option<String>,
    /// The event's level. Not in the JSON.
    pub level: Option<crate::event::Level>,
    /// Seconds of stream that it is the first in. Not in the JSON.
    pub running_s: f64,
}

/// Of an input that has stalled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputEvidence {
    /// Seconds beyond which it is stalled.
    pub limit_s: f64,
    /// How long nothing has come, and the longest pause before, in seconds. Not in the JSON.
    pub idle_s: f64,
    /// See `idle_s`.
    pub longest_s: f64,
}

/// Of a rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleEvidence {
    /// What the rule said. Not in the JSON, whose summary it is.
    pub said: String,
}

/// Of a storm: how many incidents is among what was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StormEvidence {
    /// What would have been said of the last incident that joined. Not in the JSON.
    pub latest: String,
}

impl Default for Evidence {
    fn default() -> Self {
        Self::Rule(RuleEvidence::default())
    }
}

impl Evidence {
    /// The lines that show it.
    #[must_use]
    pub fn examples(&self) -> &[String] {
        self.lines().map_or(&[], Vec::as_slice)
    }

    pub(super) fn lines(&self) -> Option<&Vec<String>> {
        match self {
            Self::Loop(LoopEvidence { example, .. })
            | Self::Guard(GuardEvidence { example, .. })
            | Self::Rate(RateEvidence { example, .. })
            | Self::Share(ShareEvidence { example, .. })
            | Self::Unfinished(UnfinishedEvidence { example, .. }) => example.as_ref(),
            _ => None,
        }
    }

    fn lines_mut(&mut self) -> Option<&mut Option<Vec<String>>> {
        match self {
            Self::Loop(LoopEvidence { example, .. })
            | Self::Guard(GuardEvidence { example, .. })
            | Self::Rate(RateEvidence { example, .. })
            | Self::Share(ShareEvidence { example, .. })
            | Self::Unfinished(UnfinishedEvidence { example, .. }) => Some(example),
            _ => None,
        }
    }

    /// Leaves out what it quotes of the stream as an example.
    pub fn drop_examples(&mut self) {
        if let Self::Novelty(novelty) = self {
            novelty.example = None;
        }
        self.lines_mut().into_iter().for_each(|lines| *lines = None);
    }

    /// Shows every text of the JSON to `visit`, which may change it.
    pub fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.lines_mut().into_iter().flatten().flatten().for_each(&mut *visit);
        match self {
            Self::Latency(LatencyEvidence { host, also, as_usual, stopped, .. }) => {
                let after = stopped.as_mut().map(|stopped| &mut stopped.after);
                host.iter_mut().chain(also).chain(as_usual).chain(after).for_each(visit);
            }
            Self::Silence(silence) => silence.also.iter_mut().for_each(visit),
            Self::Novelty(NoveltyEvidence { template, template_text, example, .. }) => {
                template.iter_mut().chain(template_text).chain(example).for_each(visit);
            }
            _ => {}
        }
    }

    /// About how many bytes its texts take.
    pub(in crate::engine) fn heap_size(&self) -> usize {
        let text = |text: &String| size_of::<String>() + allocated(text.capacity());
        let lines: usize = self.examples().iter().map(text).sum();
        lines
            + match self {
                Self::Latency(LatencyEvidence { host, also, as_usual, stopped, .. }) => {
                    let after = stopped.as_ref().map(|stopped| &stopped.after);
                    host.iter().chain(also).chain(as_usual).chain(after).map(text).sum()
                }
                Self::Silence(silence) => silence.also.iter().map(text).sum(),
                Self::Novelty(NoveltyEvidence { template, template_text, example, .. }) => {
                    [template, template_text, example].into_iter().flatten().map(text).sum()
                }
                Self::Unfinished(unfinished) => text(&unfinished.shared),
                Self::Rule(RuleEvidence { said: own }) | Self::Storm(StormEvidence { latest: own }) => text(own),
                _ => 0,
            }
    }
}
