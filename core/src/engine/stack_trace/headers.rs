//! Whether the lines of a stream have headers, learned: a line without one is then no event of its
//! own, but belongs to the line before it (a statement over several lines, a table, a message with
//! line ends).
//!
//! A header is a time or a level. A stream is *regular* once [`LEARNED`] lines with a header have
//! come and runs of lines without are rarer than one in [`RARE`] of those. Indented runs are not
//! counted, for nearly nobody begins an event with a space. A run longer than [`LONG_RUN`] counts
//! with each further line, so that a program which fails without headers is heard after so many.
//!
//! The price: where two programs write one stream, one with headers and one without, lines of the
//! second are lost to the detectors while they are rarer than one run in 20 lines of the first; no
//! line that tells a level, a status, a duration or an operation, none that begins a trace, and
//! none behind a JSON object, which needs no further lines. From that rate on, and before the
//! stream is learned, all of them are events. Memory: six bytes a stream; halved every [`WINDOW`]
//! lines, so that a stream which changes is learned anew.

use serde::{Deserialize, Serialize};

/// Lines with a header until a stream is learned.
const LEARNED: u16 = 32;
/// A stream is regular while runs without a header are rarer than one in so many lines.
const RARE: u16 = 20;
/// Lines of a run that count as one.
const LONG_RUN: u16 = 64;
/// Counts are halved at so many.
const WINDOW: u16 = 1 << 10;

/// The headers of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Headers {
    with: u16,
    without: u16,
    /// Lines without a header since the last one with.
    run: u16,
}

impl Headers {
    /// Takes a line with a header.
    pub(super) fn with_header(&mut self) {
        self.run = 0;
        self.with += 1;
        if self.with >= WINDOW {
            (self.with, self.without) = (self.with / 2, self.without / 2);
        }
    }

    /// Takes a line without one.
    pub(super) fn without_header(&mut self, indented: bool) {
        self.run = self.run.saturating_add(1);
        if (self.run == 1 && !indented) || self.run > LONG_RUN {
            self.without = (self.without + 1).min(WINDOW);
        }
    }

    /// A line without a header belongs to the one before it.
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
            // A program that fails without headers is heard.
            (["H".repeat(40), "b".repeat(80)].concat(), false),
            (("H".repeat(30) + "b").repeat(9), true),
            (("H".repeat(9) + "b").repeat(9), false),
            // Statements over several lines, after each second line.
            ("HHiii".repeat(30), true),
            (["b".repeat(5_000), "H".repeat(300)].concat(), false),
            // What has changed is learned anew.
            (["b".repeat(5_000), "H".repeat(9_000)].concat(), true),
            (String::new(), false),
        ] {
            assert_eq!(stream(lines.chars()).are_regular(), regular, "{lines:.50}");
        }
    }
}
