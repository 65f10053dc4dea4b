//! Learns whether the lines of a stream have headers. If they do, a line without one is no event of
//! its own but belongs to the line before it (a statement over several lines, a table, a message
//! with line breaks).
//!
//! A header is a time or a level. A stream is *regular* once [`LEARNED`] lines with a header have
//! come and runs of lines without one are rarer than one in [`RARE`] of those. Runs that begin with
//! an indented line are not counted, because events hardly ever begin with a space. In a run longer
//! than [`LONG_RUN`] each further line counts, so that a program that fails with many lines without
//! headers is noticed.
//!
//! The cost: where two programs write to one stream, one with headers and one without, lines of the
//! second are lost to the detectors while there are fewer of its runs than one per 20 lines of the
//! first. Never lost are lines with a level, a status, a duration or an operation, lines that begin
//! a stack trace, and lines after a JSON object, which has no continuation lines. Above that rate,
//! and before the stream is learned, all lines are events. Memory: six bytes a stream. The counts
//! are halved every [`WINDOW`] lines, so that a stream that changes is learned again.

use serde::{Deserialize, Serialize};

/// Lines with a header after which a stream is learned.
const LEARNED: u16 = 32;
/// A stream is regular while there is less than one run without a header per this many lines.
const RARE: u16 = 20;
/// Lines of a run that together count as one.
const LONG_RUN: u16 = 64;
/// The count of lines at which both counts are halved.
const WINDOW: u16 = 1 << 10;

/// The header statistics of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Headers {
    with: u16,
    without: u16,
    /// Lines without a header since the last line with one.
    run: u16,
}

impl Headers {
    /// Counts a line with a header.
    pub(super) fn with_header(&mut self) {
        self.run = 0;
        self.with += 1;
        if self.with >= WINDOW {
            (self.with, self.without) = (self.with / 2, self.without / 2);
        }
    }

    /// Counts a line without a header.
    pub(super) fn without_header(&mut self, indented: bool) {
        self.run = self.run.saturating_add(1);
        if (self.run == 1 && !indented) || self.run > LONG_RUN {
            self.without = (self.without + 1).min(WINDOW);
        }
    }

    /// True if a line without a header belongs to the line before it.
    pub(super) fn are_regular(self) -> bool {
        self.with >= LEARNED && u32::from(self.without) * u32::from(RARE) <= u32::from(self.with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(lines: impl IntoIterator<Item = char>) -> Headers {
        let mut headers = Headers::default();
        for line in lines {
            match line {
                'H' => headers.with_header(),
                indented => headers.without_header(indented == 'i'),
            }
        }
        headers
    }

    #[test]
    fn a_stream_is_regular_while_runs_without_headers_are_rare() {
        for (lines, regular) in [
            ("H".repeat(31), false),
            ("H".repeat(32), true),
            (["H".repeat(40), "b".repeat(64)].concat(), true),
            // A program that fails without headers is noticed.
            (["H".repeat(40), "b".repeat(80)].concat(), false),
            (("H".repeat(30) + "b").repeat(9), true),
            (("H".repeat(9) + "b").repeat(9), false),
            // A statement over several lines after every second line.
            ("HHiii".repeat(30), true),
            (["b".repeat(5_000), "H".repeat(300)].concat(), false),
            // A stream that has changed is learned again.
            (["b".repeat(5_000), "H".repeat(9_000)].concat(), true),
            (String::new(), false),
        ] {
            assert_eq!(stream(lines.chars()).are_regular(), regular, "{lines:.50}");
        }
    }
}
