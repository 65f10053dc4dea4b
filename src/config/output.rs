//! `[output]`: how events leave, and the options of the encoder.

use super::HumanDuration;
use super::poison::{self, OnPoison};
use crate::narrate::Language;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

const MAX_RECORD_BYTES: Setting<usize, Option<usize>> =
    Setting::new(None, "at least 256; leave it out for no limit").from(256);

/// `[output]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// Where events go, as URLs; by default standard output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// The member that findings are written to.
    #[schemars(length(min = 1, max = 128))]
    pub member: String,
    /// `json` or `raw`: how a line of text leaves.
    pub text: TextMode,
    /// `en` or `zh`: the language of findings, the log, reports, alerts and the page.
    pub language: Language,
    /// `inline` or `sink`: where findings go that no event carries.
    pub synthetic: SyntheticMode,
    /// A record that would be longer leaves unannotated. Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = MAX_RECORD_BYTES.range())]
    pub max_record_bytes: Option<usize>,
    /// `file` or `drop`: what becomes of an event that the one downstream refuses for good. By
    /// default it goes to `dead_letter_file` where one is named, and is dropped and counted
    /// otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_poison: Option<OnPoison>,
    /// The file at whose end events are kept that the one downstream refuses for good, one JSON
    /// object a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub dead_letter_file: Option<PathBuf>,
    /// The dead-letter file grows to so many bytes; further events are dropped and counted.
    #[schemars(transform = poison::DEAD_LETTER_BYTES.range())]
    pub dead_letter_max_bytes: u64,
    /// How long a stuck reader is waited for at the end.
    pub shutdown_timeout: HumanDuration,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            to: Vec::new(),
            member: "anomalies".into(),
            text: TextMode::Json,
            language: Language::En,
            synthetic: SyntheticMode::Inline,
            max_record_bytes: MAX_RECORD_BYTES.default,
            on_poison: None,
            dead_letter_file: None,
            dead_letter_max_bytes: poison::DEAD_LETTER_BYTES.default,
            shutdown_timeout: HumanDuration(Duration::from_secs(10)),
        }
    }
}

/// How a line of text leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextMode {
    /// As one JSON object that holds what its layout captured.
    #[default]
    Json,
    /// As it came; findings go to sinks and the log.
    Raw,
}

/// Where findings go that no event carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyntheticMode {
    /// Into the stream, as events of their own.
    #[default]
    Inline,
    /// Only to sinks and the log.
    Sink,
}

/// The options of the encoder.
#[derive(Clone, Debug)]
pub struct EncoderOptions {
    /// The member that findings are written to.
    pub member: String,
    /// How text leaves.
    pub text: TextMode,
    /// Where findings without an event go.
    pub synthetic: SyntheticMode,
    /// A record that would be longer leaves unannotated; none is no limit.
    pub max_record_bytes: Option<usize>,
    /// What an entry of the Forward protocol may be.
    pub entries: EntryLimits,
    /// What is written for each line.
    pub reply: Reply,
}

/// What is written for each line that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// The event.
    #[default]
    Event,
    /// The reply that rsyslog's `mmexternal` expects: always one line, with only the properties
    /// that change.
    Changes,
}

/// The limits of whoever reads an entry, so that every written entry is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryLimits {
    /// Deepest nesting of maps and arrays, the record included.
    pub deepest: usize,
    /// Bytes of one entry.
    pub most_bytes: usize,
}
