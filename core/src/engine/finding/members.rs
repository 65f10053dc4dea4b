//! The members of a finding's evidence that only some detectors write.

use super::evidence::{Evidence, Measured, test};
use super::rfc3339::{optional_as_rfc3339, optional_from_rfc3339};
use super::rounding::significant;
use super::{
    ClockEvidence, DetectorName, GuardEvidence, InputEvidence, LatencyEvidence, LoopEvidence, NoveltyEvidence,
    RateEvidence, RuleEvidence, ShareEvidence, ShiftEvidence, SilenceEvidence, StoppedEvidence, StormEvidence,
    UnfinishedEvidence,
};
use crate::event::{Level, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// What only some detectors say. In the order of their names.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct OwnJson {
    /// `loop`: how many threads go round, where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actors: Option<u32>,
    /// `novelty`: it is a known FATAL, after a rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<bool>,
    /// `input/clock`: seconds by which the source is ahead of the others; negative is behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ahead_s: Option<f64>,
    /// `silence`: what stopped with the key; `novelty`: some of what was new with it; `latency`:
    /// operations of the module that have become slow together with it, and calls inside of it that
    /// were logged after it, the innermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) also: Vec<String>,
    /// `latency`: what was called inside of the slow call, by its trace, and took as long as usual.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) as_usual: Vec<String>,
    /// `loop`: from where to where a number in the line has counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) counter: Option<[i64; 2]>,
    /// When the incident has ended: how long it lasted, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_s: Option<f64>,
    /// `silence`: events of the others since the key spoke last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) events_of_others: Option<f64>,
    /// Lines that show it; of `novelty` the one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<Example>,
    /// `spread`: failures that the value's own rate lets expect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_by_rate: Option<f64>,
    /// `burst`, `spread`: with `expected_low`, where `expected` lies with a chance of 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_high: Option<f64>,
    /// See `expected_high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_low: Option<f64>,
    /// The rule that knows what this comes of, and what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explained_by: Option<String>,
    /// `latency`: of the last `of` calls, those faster than `quantile` used to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fast: Option<u32>,
    /// `latency/unfinished`: starts that have an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished: Option<u64>,
    /// `latency`: the host of the call, where the key does not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<String>,
    /// `latency`: in which milliseconds 98 of 100 calls lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interval: Option<[f64; 2]>,
    /// `novelty`: how many kinds were new together, where several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kinds: Option<u64>,
    /// `silence`: when the key spoke last, RFC 3339.
    #[serde(serialize_with = "optional_as_rfc3339", deserialize_with = "optional_from_rfc3339")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(super) last_seen: Option<Timestamp>,
    /// `novelty`: the level of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(super) level: Option<Level>,
    /// `silence`: events of the others beyond which the key is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit_events: Option<f64>,
    /// `silence`, `input`: seconds beyond which it is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit_s: Option<f64>,
    /// `spread`: of how many modules the failures are, where several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) modules: Option<usize>,
    /// `loop`: every round comes from a new thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new_threads: Option<bool>,
    /// `spread`: failures of all values; `latency`: the calls that `slow` or `fast` are among.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<Number>,
    /// `latency`: half of the calls used to take longer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p50: Option<f64>,
    /// `latency`: a quarter did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p75: Option<f64>,
    /// `latency`: one in ten did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p90: Option<f64>,
    /// `latency`: one in a hundred did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p99: Option<f64>,
    /// `spread`: the chance of so many failures at the value's own rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p_value_of_rate: Option<f64>,
    /// `loop`: lines of one round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) period: Option<u64>,
    /// `latency`: which quantile `slow` calls lie above, `fast` ones below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quantile: Option<f64>,
    /// `loop`: rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repeats: Option<u64>,
    /// `burst/share`: the requests that the errors are among.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requests: Option<f64>,
    /// `latency/unfinished`: what the end would share with the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shared: Option<String>,
    /// `latency/outlier`: it has become a shift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shift: Option<bool>,
    /// `latency`: of the last `of` calls, those slower than `quantile` used to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slow: Option<u32>,
    /// `latency`: in how many slow calls nothing came after the module, and of how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stopped: Option<[u32; 2]>,
    /// `latency`: the module after whose line nothing came in the traces of slow calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stopped_after: Option<String>,
    /// `novelty`: the event's template, 16 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<String>,
    /// `novelty`: its text, `<*>` for what varies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) template_text: Option<String>,
    /// `latency/unfinished`: starts that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unfinished: Option<u64>,
    /// `silence`: how many more keys stopped with it than `also` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unlisted: Option<u32>,
    /// `spread`: the share of the failures that the value usually has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usual_share: Option<f64>,
    /// `loop`: forms that the line has, sets of numbers that take turns, where several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variants: Option<u64>,
}

/// Lines, or of a first sight its message.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Example {
    Lines(Vec<String>),
    Message(String),
}

impl OwnJson {
    /// The members as JSON values.
    pub(super) fn to_members(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            // Cannot happen: the struct has only names, texts and numbers.
            _ => Map::new(),
        }
    }

    /// Reads the members; all are empty if one has the wrong type.
    pub(super) fn from_members(members: Map<String, Value>) -> Self {
        serde_json::from_value(Value::Object(members)).unwrap_or_default()
    }

    /// The members for the evidence of a detector.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let own = Self { example: Example::of(evidence), ..Self::default() };
        match evidence {
            Evidence::Loop(of) => Self {
                period: Some(of.period),
                repeats: Some(of.repeats),
                actors: of.actors,
                variants: Some(of.variants).filter(|variants| *variants > 1),
                counter: of.counter,
                new_threads: of.new_threads.then_some(true),
                ..own
            },
            Evidence::Guard(of) => Self { period: Some(1), repeats: Some(of.repeats), ..own },
            Evidence::Rate(of) => {
                Self { expected_low: of.expected_low, expected_high: of.expected_high, requests: of.requests, ..own }
            }
            Evidence::Share(of) => Self {
                expected_low: of.expected_low,
                expected_high: of.expected_high,
                of: Number::from_f64(of.of),
                usual_share: Some(of.usual_share),
                expected_by_rate: of.expected_by_rate,
                p_value_of_rate: of.p_value_of_rate,
                modules: of.modules,
                ..own
            },
            Evidence::Latency(of) => own.with_latency(of),
            Evidence::Unfinished(of) => Self {
                unfinished: Some(of.unfinished),
                finished: Some(of.finished),
                shared: Some(of.shared.clone()).filter(|shared| !shared.is_empty()),
                ..own
            },
            Evidence::Silence(of) => Self {
                last_seen: Some(of.last_seen),
                events_of_others: Some(of.events_of_others),
                limit_s: Some(of.limit_s),
                limit_events: Some(of.limit_events),
                also: of.also.clone(),
                unlisted: Some(of.unlisted).filter(|unlisted| *unlisted > 0),
                ..own
            },
            Evidence::Novelty(of) => Self {
                template: of.template.clone(),
                template_text: of.template_text.clone(),
                kinds: Some(of.kinds).filter(|kinds| *kinds > 1),
                also: of.also.clone(),
                level: of.level,
                again: of.again.then_some(true),
                ..own
            },
            Evidence::Clock(of) => Self { ahead_s: Some(of.ahead_s), ..own },
            Evidence::Input(of) => Self { limit_s: Some(of.limit_s), ..own },
            Evidence::Rule(_) | Evidence::Storm(_) => own,
        }
    }

    fn with_latency(self, of: &LatencyEvidence) -> Self {
        let [p1, p50, p75, p90, p99] = of.quantiles_ms.map(milliseconds);
        let own = Self {
            interval: Some([p1, p99]),
            p50: Some(p50),
            p75: Some(p75),
            p90: Some(p90),
            p99: Some(p99),
            host: of.host.clone(),
            shift: of.became_shift.then_some(true),
            also: of.also.clone(),
            as_usual: of.as_usual.clone(),
            stopped: of.stopped.as_ref().map(|stopped| [stopped.count, stopped.of]),
            stopped_after: of.stopped.as_ref().map(|stopped| stopped.after.clone()),
            ..self
        };
        let Some(shift) = &of.shift else { return own };
        let (of, quantile) = (Some(shift.of.into()), Some(shift.quantile));
        let (fast, slow) = if shift.faster { (Some(shift.count), None) } else { (None, Some(shift.count)) };
        Self { fast, slow, of, quantile, ..own }
    }

    /// The evidence that these members were written from.
    pub(super) fn into_evidence(self, detector: DetectorName, kind: &str, measured: &Measured) -> Evidence {
        if measured.test == test::STORM {
            return Evidence::Storm(StormEvidence::default());
        }
        let (latency, silence) = (self.latency(measured), self.silence(measured));
        let (observed, expected) = (measured.observed, measured.expected.unwrap_or_default());
        let window_s = measured.window_s.unwrap_or_default();
        let (example, message) = match self.example {
            Some(Example::Lines(lines)) => (Some(lines), None),
            Some(Example::Message(message)) => (None, Some(message)),
            None => (None, None),
        };
        let (unfinished, finished) = (self.unfinished.unwrap_or_default(), self.finished.unwrap_or_default());
        match detector {
            DetectorName::Loop if measured.test == test::LIMIT => Evidence::Guard(GuardEvidence {
                repeats: self.repeats.unwrap_or_default(),
                example,
                within_s: window_s,
            }),
            DetectorName::Loop => Evidence::Loop(LoopEvidence {
                period: self.period.unwrap_or(1),
                repeats: self.repeats.unwrap_or_default(),
                actors: self.actors,
                variants: self.variants.unwrap_or(1),
                counter: self.counter,
                example,
                new_threads: self.new_threads == Some(true),
                lasted_s: window_s,
            }),
            DetectorName::Burst => Evidence::Rate(RateEvidence {
                expected_low: self.expected_low,
                expected_high: self.expected_high,
                example,
                requests: self.requests,
                lasted_s: window_s,
            }),
            DetectorName::Spread => Evidence::Share(ShareEvidence {
                expected_low: self.expected_low,
                expected_high: self.expected_high,
                of: self.of.and_then(|of| of.as_f64()).unwrap_or_default(),
                usual_share: self.usual_share.unwrap_or_default(),
                expected_by_rate: self.expected_by_rate,
                p_value_of_rate: self.p_value_of_rate,
                modules: self.modules,
                example,
                lasted_s: window_s,
            }),
            DetectorName::Latency if kind == "unfinished" => {
                let shared = self.shared.unwrap_or_default();
                Evidence::Unfinished(UnfinishedEvidence { unfinished, finished, example, shared })
            }
            DetectorName::Latency => Evidence::Latency(latency),
            DetectorName::Silence => Evidence::Silence(silence),
            DetectorName::Novelty => Evidence::Novelty(NoveltyEvidence {
                template: self.template,
                template_text: self.template_text,
                example: message,
                kinds: self.kinds.unwrap_or(1),
                also: self.also,
                level: self.level,
                running_s: window_s,
                again: self.again == Some(true),
            }),
            DetectorName::Input if kind == "clock" => {
                Evidence::Clock(ClockEvidence { ahead_s: self.ahead_s.unwrap_or_default() })
            }
            DetectorName::Input => {
                let limit_s = self.limit_s.unwrap_or_default();
                Evidence::Input(InputEvidence { limit_s, idle_s: observed, longest_s: expected })
            }
            DetectorName::Rule => Evidence::Rule(RuleEvidence::default()),
        }
    }

    fn silence(&self, measured: &Measured) -> SilenceEvidence {
        SilenceEvidence {
            last_seen: self.last_seen.unwrap_or_default(),
            events_of_others: self.events_of_others.unwrap_or_default(),
            limit_s: self.limit_s.unwrap_or_default(),
            limit_events: self.limit_events.unwrap_or_default(),
            also: self.also.clone(),
            unlisted: self.unlisted.unwrap_or_default(),
            silent_s: measured.observed,
            longest_s: measured.expected.unwrap_or_default(),
        }
    }

    fn latency(&self, measured: &Measured) -> LatencyEvidence {
        let interval = self.interval.unwrap_or_default();
        let of = self.of.as_ref().and_then(Number::as_u64).unwrap_or_default() as usize;
        let quantile = self.quantile.unwrap_or_default();
        let shift = |count: u32, faster| ShiftEvidence { count, of, quantile, faster };
        LatencyEvidence {
            quantiles_ms: [
                interval[0],
                self.p50.unwrap_or_default(),
                self.p75.unwrap_or_default(),
                self.p90.unwrap_or_default(),
                self.p99.unwrap_or(interval[1]),
            ],
            host: self.host.clone(),
            became_shift: self.shift == Some(true),
            also: self.also.clone(),
            as_usual: self.as_usual.clone(),
            stopped: self.stopped_after.clone().map(|after| {
                let [count, of] = self.stopped.unwrap_or_default();
                StoppedEvidence { after, count, of }
            }),
            shift: self.slow.map(|slow| shift(slow, false)).or_else(|| self.fast.map(|fast| shift(fast, true))),
            observed_ms: measured.observed,
            // A shift names a host only where all of its calls are from that one.
            of_one_host: self.slow.is_some() || self.fast.is_some(),
        }
    }
}

impl Example {
    fn of(evidence: &Evidence) -> Option<Self> {
        match evidence {
            Evidence::Novelty(novelty) => novelty.example.clone().map(Self::Message),
            evidence => evidence.lines().cloned().map(Self::Lines),
        }
    }
}

/// Milliseconds to two significant digits; larger values to whole milliseconds.
#[must_use]
pub fn milliseconds(value: f64) -> f64 {
    if value >= 99.5 { value.round() } else { significant(value) }
}
