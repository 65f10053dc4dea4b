//! Merges several sources into one timeline: a k-way merge by event time that holds one batch of
//! each source.
//!
//! The order within a file never changes. A line is taken when no other file has an earlier line
//! next; a line without a time follows the line before it; of equal times the file named first
//! wins. A single file comes out exactly as it is.

use super::source::LogSource;
use crate::event::{Fields, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A line of the merged timeline.
pub struct Line<'a> {
    /// The index of the source, in the order of the arguments.
    pub source: usize,
    /// The event.
    pub fields: Fields<'a>,
    /// The line's time, or that of the line which it follows; none before the first time of a file.
    pub place: Option<Timestamp>,
}

/// The merged sources.
pub struct Merge {
    sources: Vec<LogSource>,
    /// The index of the next record in each source's batch.
    next: Vec<usize>,
    /// The next time of every source but the current one.
    fronts: BinaryHeap<Reverse<(Timestamp, usize)>>,
    at_hand: Option<usize>,
    /// Whether a batch was finished since the last call of `take_fresh`.
    fresh: bool,
}

impl Merge {
    /// Reads the first batch of each source.
    #[must_use]
    pub fn new(mut sources: Vec<LogSource>) -> Self {
        let mut fronts = BinaryHeap::new();
        for (i, source) in sources.iter_mut().enumerate() {
            if source.advance() {
                fronts.push(Reverse((source.places[0], i)));
            }
        }
        let at_hand = fronts.pop().map(|Reverse((_, i))| i);
        Self { next: vec![0; sources.len()], sources, fronts, at_hand, fresh: true }
    }

    /// The next line of the timeline.
    #[inline]
    pub fn next_line(&mut self) -> Option<Line<'_>> {
        let mut i = self.at_hand?;
        let source = &mut self.sources[i];
        let mut more = true;
        if self.next[i] == source.batch.records.len() {
            self.next[i] = 0;
            self.fresh = true;
            more = source.advance();
        }
        let front = more.then(|| (self.sources[i].places[self.next[i]], i));
        match (front, self.fronts.peek()) {
            (Some(front), Some(Reverse(other))) if *other < front => {
                self.fronts.push(Reverse(front));
                i = self.switch()?;
            }
            (None, _) => i = self.switch()?,
            _ => {}
        }
        let (source, at) = (&self.sources[i], self.next[i]);
        self.next[i] += 1;
        let place = source.places[at];
        let place = (place.0 != i64::MIN).then_some(place);
        Some(Line { source: i, fields: source.batch.fields(at), place })
    }

    /// True once after each batch, when progress should be shown.
    pub fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// The sources, for their counts.
    #[must_use]
    pub fn sources(&self) -> &[LogSource] {
        &self.sources
    }

    fn switch(&mut self) -> Option<usize> {
        self.at_hand = self.fronts.pop().map(|Reverse((_, i))| i);
        self.at_hand
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Opened;
    use super::*;
    use crate::config::Config;
    use crate::event::EventParser;
    use crate::event::lines::Lines;
    use crate::event::time::TimeContext;

    /// The texts' lines, merged.
    fn merged(texts: &[&str], shift: i64) -> Vec<String> {
        merged_in_reads(texts, shift, usize::MAX)
    }

    /// A text of which each read returns at most so many bytes.
    struct Pieces(std::io::Cursor<Vec<u8>>, usize);

    impl std::io::Read for Pieces {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let most = buf.len().min(self.1);
            self.0.read(&mut buf[..most])
        }
    }

    /// As [`merged`], with reads of at most `most` bytes.
    fn merged_in_reads(texts: &[&str], shift: i64, most: usize) -> Vec<String> {
        let parser =
            || EventParser::new(Config::default().names(), "anomalies".into(), TimeContext::new("UTC", 2026).unwrap());
        let source = |(i, text): (usize, &&str)| {
            let input = Box::new(Pieces(std::io::Cursor::new(text.as_bytes().to_vec()), most));
            let opened = Opened { name: i.to_string(), input, length: None };
            LogSource::new(opened, Lines::new(1 << 20), parser(), if i == 0 { 0 } else { shift }).unwrap()
        };
        let mut merge = Merge::new(texts.iter().enumerate().map(source).collect());
        let mut lines = Vec::new();
        while let Some(line) = merge.next_line() {
            let text = String::from_utf8_lossy(line.fields.line());
            lines.push(text.rsplit(' ').next().unwrap().to_owned());
        }
        assert_eq!(merge.sources().iter().map(|source| source.given.lines).sum::<u64>(), lines.len() as u64);
        lines
    }

    const A: &str =
        "header\n2026-03-02 08:00:01 INFO a1\n  at a2\n2026-03-02 08:00:03 INFO a3\n2026-03-02 08:00:05 INFO a5";
    const B: &str = "2026-03-02 08:00:00 INFO b0\n2026-03-02 08:00:03 INFO b3\n2026-03-02 08:00:04 INFO b4\n";

    #[test]
    fn lines_are_merged_by_time_and_stay_behind_their_predecessors() {
        assert_eq!(merged(&[A, B], 0), ["b0", "header", "a1", "a2", "a3", "b3", "b4", "a5"]);
        assert_eq!(merged(&[B, A], 0), ["b0", "header", "a1", "a2", "b3", "a3", "b4", "a5"]);
        assert_eq!(merged(&[A, B], 60_000_000_000), ["header", "a1", "a2", "a3", "a5", "b0", "b3", "b4"]);
        assert_eq!(merged(&[A, "", "no time\n"], 0), ["time", "header", "a1", "a2", "a3", "a5"]);
        assert!(merged(&["", ""], 0).is_empty());
    }

    #[test]
    fn one_file_keeps_its_own_order() {
        let text = "2026-03-02 08:00:09 INFO x\n2026-03-02 08:00:01 INFO y\n2030-01-01 00:00:00 INFO z\nw\n";
        assert_eq!(merged(&[text], 0), ["x", "y", "z", "w"]);
    }

    #[test]
    fn an_absurd_time_does_not_hold_up_its_file() {
        let broken = "2026-03-02 08:00:01 INFO a1\n2099-01-01 00:00:00 INFO broken\n2026-03-02 08:00:02 INFO a2\n";
        for most in [16, 40, 60, usize::MAX] {
            assert_eq!(merged_in_reads(&[broken, B], 0, most), ["b0", "a1", "broken", "a2", "b3", "b4"], "{most}");
        }
    }

    #[test]
    fn many_batches_are_merged_as_few() {
        let text = |name: &str, from: i64, step: i64| -> String {
            (0..20_000)
                .map(|i| format!("{{\"ts\":{},\"msg\":\"{:30}, {name}{}\"}}\n", 1_700_000_000 + from + i * step, "", i))
                .collect()
        };
        let lines = merged(&[&text("a", 0, 2), &text("b", 1, 2)], 0);
        assert_eq!(lines.len(), 40_000);
        for (i, pair) in lines.chunks(2).enumerate() {
            assert_eq!((pair[0].as_str(), pair[1].as_str()), (&*format!("a{i}\"}}"), &*format!("b{i}\"}}")));
        }
    }
}
