//! The data behind a finding: the measurements that every test has ([`Measured`]), and the evidence
//! of each detector ([`Evidence`]).
//!
//! Fields marked "Not in the JSON" serve only the sentence, which needs more precision than the
//! JSON has. In a finding that was read back from JSON they are as the measurements have them.

use crate::engine::state::allocated;
use crate::event::Timestamp;
use std::borrow::Cow;

/// The units of measured values.
pub mod unit {
    /// Lines a second.
    pub const LINES_PER_SECOND: &str = "lines/s";
    /// Lines.
    pub const LINES: &str = "lines";
    /// Events at ERROR and worse.
    pub const ERRORS: &str = "errors";
    /// Warnings, of a rate of warnings.
    pub const WARNINGS: &str = "warnings";
    /// Errors and failing statuses.
    pub const FAILURES: &str = "failures";
    /// Milliseconds.
    pub const MILLISECONDS: &str = "ms";
    /// Seconds.
    pub const SECONDS: &str = "s";
    /// Novelties among events at WARN and worse.
    pub const NEW: &str = "new among events at WARN and worse";
    /// Events.
    pub const EVENTS: &str = "events";
    /// Incidents that were merged into a storm.
    pub const INCIDENTS: &str = "incidents";
}

/// The names of tests.
pub mod test {
    /// Posterior predictive test of a learned rate: Poisson counts with a gamma prior.
    pub const GAMMA_POISSON: &str = "gamma-poisson";
    /// Binomial test of a learned share.
    pub const BINOMIAL: &str = "binomial";
    /// A generalised Pareto tail, fitted to the largest values.
    pub const PEAKS_OVER_THRESHOLD: &str = "peaks over threshold";
    /// Binomial test of how many values exceed a quantile of the baseline.
    pub const BINOMIAL_EXCEEDANCE: &str = "binomial exceedance";
    /// The share of starts without an end, by the rule of succession.
    pub const TIMEOUT: &str = "timeout";
    /// The tail of the gaps between a key's events.
    pub const GAPS: &str = "tail of its own gaps, in seconds and in events of the others";
    /// The tail of the gaps between arrivals.
    pub const PAUSES: &str = "tail of the pauses between arrivals";
    /// The Good–Turing estimate that the next event is new.
    pub const GOOD_TURING: &str = "Good–Turing";
    /// A limit from the configuration.
    pub const LIMIT: &str = "limit";
    /// How far a source's times are from those of the other sources.
    pub const CLOCK: &str = "times against those of the other sources";
    /// Every FATAL is reported.
    pub const EVERY_FATAL: &str = "every FATAL";
    /// A rule decided.
    pub const RULE: &str = "rule";
    /// More open incidents than are reported one by one.
    pub const STORM: &str = "storm";
}

/// Observed and expected value, test, and samples. What does not apply is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The observed value, in `unit`.
    pub observed: f64,
    /// The usual value, in `unit`.
    pub expected: Option<f64>,
    /// The unit of both values.
    pub unit: Cow<'static, str>,
    /// The statistical test, or what decided instead of one.
    pub test: Cow<'static, str>,
    /// The threshold that the test's result was compared with.
    pub threshold: Option<f64>,
    /// The probability of such a value without a fault; none for rules.
    pub p_value: Option<f64>,
    /// The number of values that the test used.
    pub samples: u64,
    /// The length of the observed window, in seconds.
    pub window_s: Option<f64>,
}

/// The evidence of one detector.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// Lines that repeat.
    Loop(LoopEvidence),
    /// A line that repeats more often than a configured limit.
    Guard(GuardEvidence),
    /// Errors above their usual rate.
    Rate(RateEvidence),
    /// Failures that concentrate on one value of a dimension.
    Share(ShareEvidence),
    /// Calls that are slower, or faster, than before.
    Latency(LatencyEvidence),
    /// Work that began but did not end.
    Unfinished(UnfinishedEvidence),
    /// A key without events.
    Silence(SilenceEvidence),
    /// A template or exception seen for the first time.
    Novelty(NoveltyEvidence),
    /// A stalled input.
    Input(InputEvidence),
    /// A source whose clock is off.
    Clock(ClockEvidence),
    /// A match of a rule.
    Rule(RuleEvidence),
    /// More open incidents of a kind than are reported one by one.
    Storm(StormEvidence),
}

/// Evidence of a loop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoopEvidence {
    /// Lines per round.
    pub period: u64,
    /// Rounds seen.
    pub repeats: u64,
    /// How many threads write the lines, where that was counted.
    pub actors: Option<u32>,
    /// Variants of the line: sets of numbers that alternate in it.
    pub variants: u64,
    /// The first and last value of a counter in the line.
    pub counter: Option<[i64; 2]>,
    /// The lines of one round.
    pub example: Option<Vec<String>>,
    /// Every round comes from a new thread.
    pub new_threads: bool,
    /// How long the loop has lasted, in seconds. Not in the JSON.
    pub lasted_s: f64,
}

/// Evidence of a guard, which is a configured limit on repeats. Its counts are in [`Measured`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuardEvidence {
    /// Lines within the guard's window.
    pub repeats: u64,
    /// The repeated line.
    pub example: Option<Vec<String>>,
    /// The window, in seconds. Not in the JSON.
    pub within_s: f64,
}

/// Evidence of errors above their usual rate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RateEvidence {
    /// The lower end of the 95 % interval of the expected count.
    pub expected_low: Option<f64>,
    /// The upper end.
    pub expected_high: Option<f64>,
    /// The error event that triggered the finding.
    pub example: Option<Vec<String>>,
    /// The requests that the errors are among.
    pub requests: Option<f64>,
    /// The window, in seconds. Not in the JSON.
    pub lasted_s: f64,
}

/// Evidence of failures that concentrate on one value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareEvidence {
    /// The lower end of the 95 % interval of the expected count.
    pub expected_low: Option<f64>,
    /// The upper end.
    pub expected_high: Option<f64>,
    /// Failures of all values of the dimension.
    pub of: f64,
    /// The value's usual share of them.
    pub usual_share: f64,
    /// Failures expected from the value's own usual rate.
    pub expected_by_rate: Option<f64>,
    /// The probability of this many failures at that rate.
    pub p_value_of_rate: Option<f64>,
    /// The number of modules that the failures are from, where more than one.
    pub modules: Option<usize>,
    /// The failure that triggered the finding.
    pub example: Option<Vec<String>>,
    /// The window, in seconds. Not in the JSON.
    pub lasted_s: f64,
}

/// Evidence of calls that take longer, or less long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyEvidence {
    /// Quantiles of the baseline at 1, 50, 75, 90 and 99 %, in milliseconds. The JSON rounds them
    /// to two digits.
    pub quantiles_ms: [f64; 5],
    /// The host of the call. For a shift: only where all its calls are from one host.
    pub host: Option<String>,
    /// The incident began as a single slow call and became a shift.
    pub became_shift: bool,
    /// For a shift: how many calls exceed which quantile.
    pub shift: Option<ShiftEvidence>,
    /// Operations of the module that have become slow together with it.
    pub also: Vec<String>,
    /// What the call that showed it had called, and what is as usual.
    pub as_usual: Vec<String>,
    /// After which service nothing came, in the traces of slow calls.
    pub stopped: Option<StoppedEvidence>,
    /// The observed duration, in milliseconds. Not in the JSON.
    pub observed_ms: f64,
    /// Only one host is affected: the one in `host` or in the key. Not in the JSON.
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

/// How many of an operation's last calls lie beyond a quantile of its baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShiftEvidence {
    /// Calls beyond the quantile.
    pub count: u32,
    /// All of the last calls.
    pub of: usize,
    /// The quantile, as a fraction from 0 to 1.
    pub quantile: f64,
    /// True for calls below the quantile, false for calls above it.
    pub faster: bool,
}

/// Evidence of work that began and did not end within its timeout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnfinishedEvidence {
    /// Starts without an end so far.
    pub unfinished: u64,
    /// Starts with an end.
    pub finished: u64,
    /// The line of the start.
    pub example: Option<Vec<String>>,
    /// The value by which the end would be matched to the start.
    pub shared: String,
}

/// Evidence of a key without events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SilenceEvidence {
    /// The time of its last event.
    pub last_seen: Timestamp,
    /// Events of all other keys since then.
    pub events_of_others: f64,
    /// Seconds of silence beyond which the key counts as silent.
    pub limit_s: f64,
    /// Events of other keys beyond which it counts as silent.
    pub limit_events: f64,
    /// Names of keys that went silent with it.
    pub also: Vec<String>,
    /// How many more keys did, without names.
    pub unlisted: u32,
    /// How long it has been silent, in seconds. Not in the JSON.
    pub silent_s: f64,
    /// Its longest pause before, in seconds. Not in the JSON.
    pub longest_s: f64,
}

/// Evidence of a first occurrence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NoveltyEvidence {
    /// The event's template; none for a stack trace of several lines.
    pub template: Option<String>,
    /// The text of the template.
    pub template_text: Option<String>,
    /// The message.
    pub example: Option<String>,
    /// The level of the event.
    pub level: Option<crate::event::Level>,
    /// Running time of the stream before the first occurrence, in seconds. Not in the JSON.
    pub running_s: f64,
    /// It is not the first.
    pub again: bool,
    /// How many kinds were new together.
    pub kinds: u64,
    /// Messages of some of the others.
    pub also: Vec<String>,
}

/// Evidence of a stalled input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputEvidence {
    /// Seconds without input beyond which it counts as stalled.
    pub limit_s: f64,
    /// Seconds without input. Not in the JSON.
    pub idle_s: f64,
    /// The longest pause before, in seconds. Not in the JSON.
    pub longest_s: f64,
}

/// Evidence of a source whose clock is off.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClockEvidence {
    /// Seconds by which it is ahead of the other sources; negative is behind.
    pub ahead_s: f64,
}

/// Evidence of a rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleEvidence {
    /// The rule's summary. Not in the evidence of the JSON, where it is the member `summary`.
    pub said: String,
}

/// Evidence of a storm. The number of incidents is in [`Measured`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StormEvidence {
    /// The summary of the last incident that joined. Not in the JSON.
    pub latest: String,
}

impl Default for Evidence {
    fn default() -> Self {
        Self::Rule(RuleEvidence::default())
    }
}

impl Evidence {
    /// The quoted example lines.
    #[must_use]
    pub fn examples(&self) -> &[String] {
        self.lines().map_or(&[], Vec::as_slice)
    }

    /// The line that a sentence quotes: the message of what is new, or the first example.
    #[must_use]
    pub fn quote(&self) -> Option<&str> {
        match self {
            Self::Novelty(novelty) => novelty.example.as_deref(),
            evidence => evidence.examples().first().map(String::as_str),
        }
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

    /// Removes the quoted examples.
    pub fn drop_examples(&mut self) {
        if let Self::Novelty(novelty) = self {
            novelty.example = None;
            novelty.also.clear();
        }
        self.lines_mut().into_iter().for_each(|lines| *lines = None);
    }

    /// Removes all that quotes the event which carries the finding, and so the examples as well.
    pub(in crate::engine) fn drop_quotes(&mut self) {
        self.drop_examples();
        match self {
            Self::Novelty(novelty) => novelty.template_text = None,
            Self::Storm(storm) => storm.latest.clear(),
            _ => {}
        }
    }

    /// Calls `visit` with every text that is in the JSON; it may change the text.
    pub fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.lines_mut().into_iter().flatten().flatten().for_each(&mut *visit);
        match self {
            Self::Latency(LatencyEvidence { host, also, as_usual, stopped, .. }) => {
                let after = stopped.as_mut().map(|stopped| &mut stopped.after);
                host.iter_mut().chain(also).chain(as_usual).chain(after).for_each(visit);
            }
            Self::Silence(silence) => silence.also.iter_mut().for_each(visit),
            Self::Unfinished(unfinished) => visit(&mut unfinished.shared),
            Self::Novelty(NoveltyEvidence { template, template_text, example, also, .. }) => {
                template.iter_mut().chain(template_text).chain(example).chain(also).for_each(visit);
            }
            _ => {}
        }
    }

    /// Approximate heap size of its texts in bytes.
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
                Self::Novelty(NoveltyEvidence { template, template_text, example, also, .. }) => {
                    [template, template_text, example].into_iter().flatten().chain(also).map(text).sum()
                }
                Self::Unfinished(unfinished) => text(&unfinished.shared),
                Self::Rule(RuleEvidence { said: own }) | Self::Storm(StormEvidence { latest: own }) => text(own),
                _ => 0,
            }
    }
}
