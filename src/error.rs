//! The errors that stop the program, each with a hint and an exit code.

use crate::diagnostic::Diagnostic;
use crate::engine::finding::Severity;
use crate::pipeline::RunError;
use crate::plain::plain;

/// Why the program ends with an exit code other than 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Configuration or rules are not valid.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Invalid(Vec<Diagnostic>),
    /// Something that the user asked for cannot be done.
    #[error("seismolog: {}\n  hint: {}", plain(.message), plain(.hint))]
    Cannot {
        /// What cannot be done.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// An option has an invalid value.
    #[error("seismolog: {}\n  hint: {}", plain(.message), plain(.hint))]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The reader of standard output has closed it.
    #[error("seismolog: the reader of standard output went away; {undelivered} lines that were read are undelivered")]
    ReaderGone {
        /// How many lines were read but not delivered.
        undelivered: u64,
    },
    /// Standard output cannot be written, most often because the disk is full.
    #[error("seismolog: cannot write standard output: {error}; {undelivered} lines that were read are undelivered")]
    Stuck {
        /// The error of the system.
        error: std::io::Error,
        /// How many lines were read but not delivered.
        undelivered: u64,
    },
    /// An incident reached the severity of `--fail-on`.
    #[error("seismolog: {} {} of severity {} or worse opened (--fail-on {})", .opened, if *.opened == 1 { "incident" } else { "incidents" }, .severity.name(), .severity.name())]
    Found {
        /// The severity of `--fail-on`.
        severity: Severity,
        /// How many incidents of that severity or worse opened.
        opened: u64,
    },
    /// Tests failed; their report has been printed.
    #[error("seismolog: {failed} of {all} tests failed")]
    Tests {
        /// How many failed.
        failed: usize,
        /// How many ran.
        all: usize,
    },
    /// The run ended with an error.
    #[error("seismolog: {0}")]
    Run(RunError),
}

impl Failure {
    /// The exit code of the process; `seismolog --help` lists them.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid(_) => 78,
            Self::Cannot { .. } | Self::Tests { .. } | Self::Stuck { .. } | Self::Run(_) => 1,
            Self::Usage { .. } => 2,
            Self::Found { .. } => 3,
            Self::ReaderGone { .. } => 74,
        }
    }

    /// A failure to do what the user asked for.
    pub fn cannot(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Cannot { message: message.into(), hint: hint.into() }
    }
}
