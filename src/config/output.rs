//! How events leave: what the encoder is told of the configuration.

use serde::{Deserialize, Serialize};

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

/// What can be set of the output.
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
    /// What rsyslog's `mmexternal` wants: one line, always, that holds only the properties that
    /// change.
    Changes,
}

/// What the one who reads an entry takes of it, so that what is written is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryLimits {
    /// Maps and arrays inside of each other, the record included.
    pub deepest: usize,
    /// Bytes of one entry.
    pub most_bytes: usize,
}
