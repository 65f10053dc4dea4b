//! Colours.

use crate::engine::finding::Severity;

/// Colours where they are wanted, and nothing where they are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    /// Whether there are colours.
    pub colour: bool,
}

impl Paint {
    /// The text in the style of this SGR code.
    #[must_use]
    pub fn style(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A heading.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.style("1", text)
    }

    /// What is there for whoever looks for it.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.style("2", text)
    }

    /// In the colour of a severity.
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
