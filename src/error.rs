//! What stops the program: said once, with a hint, and an exit code.

use crate::diagnostic::Diagnostic;
use crate::engine::finding::Severity;
use crate::pipeline::RunError;
use crate::plain::plain;

/// Why the program ends with another code than 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Configuration or rules are not valid.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Invalid(Vec<Diagnostic>),
    /// Something that was asked for cannot be done.
    #[error("seismolog: {}\n  hint: {}", plain(.message), plain(.hint))]
    Cannot {
        /// What.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// An option has a value that is none.
    #[error("seismolog: {}\n  hint: {}", plain(.message), plain(.hint))]
    Usage {
        /// What.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The reader of standard output went away.
    #[error("seismolog: the reader of standard output went away; {undelivered} lines that were read are undelivered")]
    ReaderGone {
        /// How many lines.
        undelivered: u64,
    },
    /// Standard output takes no more: a full disk, most often.
    #[error("seismolog: cannot write standard output: {error}; {undelivered} lines that were read are undelivered")]
    Stuck {
        /// What the system said.
        error: std::io::Error,
        /// How many lines.
        undelivered: u64,
    },
    /// `--fail-on` is met.
    #[error("seismolog: {} {} of severity {} or worse opened (--fail-on {})", .opened, if *.opened == 1 { "incident" } else { "incidents" }, .severity.name(), .severity.name())]
    Found {
        /// The severity that was asked for.
        severity: Severity,
        /// How many incidents of it or worse opened.
        opened: u64,
    },
    /// Tests failed; how has been said.
    #[error("seismolog: {failed} of {all} tests failed")]
    Tests {
        /// How many failed.
        failed: usize,
        /// How many ran.
        all: usize,
    },
    /// Failed while running.
    #[error("seismolog: {0}")]
    Run(RunError),
}

impl Failure {
    /// The process's exit code, as in `seismolog --help`.
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

    /// Something that cannot be done.
    pub fn cannot(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Cannot { message: message.into(), hint: hint.into() }
    }
}
