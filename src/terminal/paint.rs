//! Colours of terminal output.

use crate::engine::finding::Severity;

/// Adds colours if they are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    /// Whether colours are used.
    pub colour: bool,
}

impl Paint {
    /// The text in the style of an SGR code.
    #[must_use]
    pub fn style(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// The text in bold, for headings.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.style("1", text)
    }

    /// The text in a dim colour, for secondary details.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.style("2", text)
    }

    /// The text in the colour of a severity.
    #[must_use]
    pub fn severity(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Critical => "1;31",
            Severity::Warning => "1;33",
            Severity::Info => "1;36",
        };
        self.style(code, text)
    }
}
