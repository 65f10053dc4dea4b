//! Cuts what was read into records, one a line; or, where that is asked for, one a line with its
//! stack trace.

use super::charset::utf16::Width;
use super::stack_trace::{self, TraceState};
use super::{Batch, Charset, Encoding, Record, Source, Span};

/// A line tells its time within so many bytes.
const TIME_BYTES: usize = 48;

/// Finds lines in successive batches. Knows only whether it stands inside an over-long line.
#[derive(Clone, Debug)]
pub struct Lines {
    max_line_bytes: usize,
    inside_long_line: bool,
    source: Source,
    /// Long lines are waited for: pieces of one must not mix with another source's lines.
    whole: bool,
    joins: bool,
    charset: Charset,
    width: Width,
    waiting: Option<Waiting>,
    /// Most records of one batch.
    most_records: usize,
    full: bool,
}

/// Whole lines that [`Lines::split`] has left in front of the rest: one record so far, which is not
/// cut again.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    bytes: usize,
    line_end: u8,
    place: TraceState,
    timed: bool,
}

impl Lines {
    /// Lines of at most `max_line_bytes`; a longer one flows through in pieces.
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Self {
        Self {
            max_line_bytes,
            inside_long_line: false,
            source: Source::default(),
            whole: false,
            joins: false,
            charset: Charset::Auto,
            width: Width::Unknown,
            waiting: None,
            most_records: usize::MAX,
            full: false,
        }
    }

    /// The same as the lines of `source`.
    #[must_use]
    pub fn of(self, source: Source) -> Self {
        Self { source, ..self }
    }

    /// The same for one source among others: its lines are never cut, and a longer one passes
    /// whole, unanalysed. They are not UTF-16.
    #[must_use]
    pub fn whole_of(max_line_bytes: usize, source: Source) -> Self {
        Self { source, whole: true, width: Width::One, ..Self::new(max_line_bytes) }.bounded()
    }

    /// The same, with at most [`Batch::MOST_RECORDS`] records of one batch: a record takes more
    /// than a hundred times what a line of two bytes does. Callers ask [`Lines::is_full`] and split
    /// what is left before they read on.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.most_records = Batch::MOST_RECORDS;
        self
    }

    /// True when the batch had no room for all whole lines: the next ones are in what
    /// [`Lines::split`] has left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The same; with `joins`, a text line and the lines that go on with its stack trace are one
    /// record, as long as they are together no longer than a line may be.
    #[must_use]
    pub fn joining(mut self, joins: bool) -> Self {
        self.joins = joins;
        self
    }

    /// The same for a stream in this encoding.
    #[must_use]
    pub fn reading(mut self, charset: Charset) -> Self {
        self.charset = charset;
        self
    }

    /// True when whole lines wait in what [`Lines::split`] has left for lines that go on with them.
    /// They are cut off by [`Lines::split_idle`] when none have come for a while.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// What must have come of an unfinished line, with what waits in front of it, and a byte more,
    /// to pass it on as a piece: a line's most, or nothing once it is longer than that.
    #[must_use]
    pub fn least_piece(&self) -> usize {
        let waiting = self.waiting.map_or(0, |waiting| waiting.bytes);
        if self.inside_long_line { 0 } else { waiting.saturating_add(self.max_line_bytes) }
    }

    /// Makes records of the whole lines in `batch` and returns where the rest begins, which belongs
    /// in front of the next read. At the end of input there is no rest. The outcome does not depend
    /// on where reads cut the stream, but for where an over-long line is cut into pieces.
    pub fn split(&mut self, batch: &mut Batch, at_end: bool) -> usize {
        let first = batch.records.len();
        let rest = self.cut(batch, at_end);
        if self.joins { self.join(batch, first, rest, !at_end) } else { rest }
    }

    /// The same for input that is idle: whole lines wait no longer.
    pub fn split_idle(&mut self, batch: &mut Batch) -> usize {
        let first = batch.records.len();
        let rest = self.cut(batch, false);
        self.join(batch, first, rest, false)
    }

    /// Makes one record of each text line with the trace behind it; with `more` to come, the last
    /// waits for it. Where the rest begins then.
    fn join(&mut self, batch: &mut Batch, first: usize, rest: usize, more: bool) -> usize {
        let Batch { bytes, records, .. } = batch;
        let (mut place, mut joined, mut open) = (TraceState::Outside, first, false);
        // The last line tells the time of day, so that one without belongs to it.
        let mut timed = false;
        if let Some(waiting) = self.waiting.take() {
            (place, joined, open, timed) = (waiting.place, first + 1, true, waiting.timed);
        }
        let unjoined = joined;
        for i in unjoined..records.len() {
            let record = records[i];
            let line = record.span.of(bytes);
            let text = record.encoding == Encoding::Line && !line.trim_ascii_start().starts_with(b"{");
            let step = stack_trace::step(place, line);
            let start = if joined > first { records[joined - 1].span.start as usize } else { 0 };
            let goes_on = step.continues || (timed && step.begins.is_below_its_line());
            if text && open && goes_on && record.span.end() - start <= self.max_line_bytes {
                let head = &mut records[joined - 1];
                (head.span, head.line_end) = (Span::new(start, record.span.end()), record.line_end);
            } else {
                records[joined] = record;
                joined += 1;
                open = text && !line.is_empty();
                // What stands below INFO was not caught, and is a record of its own.
                timed = open && tells_time(line) && !tells_info(line);
            }
            place = if open { step.place } else { TraceState::Outside };
        }
        records.truncate(joined);
        if joined - first > self.most_records {
            records.truncate(first + self.most_records);
            // The next line is cut again, so what stood behind it has not been seen.
            (self.full, self.inside_long_line) = (true, false);
            return records.last().map_or(rest, Record::end);
        }
        match records.last() {
            Some(last) if more && open && joined > first && last.line_end > 0 => {
                let (start, line_end) = (last.span.start as usize, last.line_end);
                if rest - start > self.max_line_bytes {
                    return rest;
                }
                self.waiting = Some(Waiting { bytes: rest - start, line_end, place, timed });
                records.pop();
                start
            }
            _ => rest,
        }
    }

    fn cut(&mut self, batch: &mut Batch, at_end: bool) -> usize {
        let Batch { bytes, records, filled, .. } = batch;
        let data = &bytes[..*filled];
        if self.width == Width::Unknown {
            self.width = Width::of(self.charset, data, at_end);
        }
        match self.width {
            Width::Unknown => 0,
            Width::One => self.cut_units::<1, _>(data, records, at_end, |data| memchr::memchr_iter(b'\n', data)),
            Width::Two(order) => self.cut_units::<2, _>(data, records, at_end, move |data| order.line_ends(data)),
        }
    }

    /// Cuts text whose units are `UNIT` bytes wide, at the places that `newlines` tells.
    #[inline]
    fn cut_units<'a, const UNIT: usize, I: Iterator<Item = usize>>(
        &mut self,
        data: &'a [u8],
        records: &mut Vec<Record>,
        at_end: bool,
        newlines: impl FnOnce(&'a [u8]) -> I,
    ) -> usize {
        let mut start = 0;
        // Which lines are one record is known once all are cut.
        let most = if self.joins { usize::MAX } else { records.len().saturating_add(self.most_records) };
        self.full = false;
        if let Some(Waiting { bytes, line_end, .. }) = self.waiting {
            let span = Span::new(0, bytes - usize::from(line_end));
            let encoding = self.encoding(0);
            records.push(Record { span, line_end, encoding, source: self.source, ..Record::default() });
            start = bytes;
        }
        let from = start;
        for newline in newlines(&data[from..]).map(|newline| from + newline) {
            let end = newline - self.carriage_return::<UNIT>(&data[start..newline]);
            records.push(Record {
                span: Span::new(start, end),
                line_end: (newline + UNIT - end) as u8,
                encoding: self.encoding(end - start),
                source: self.source,
                ..Record::default()
            });
            self.inside_long_line = false;
            start = newline + UNIT;
            if records.len() == most && start < data.len() {
                self.full = true;
                return start;
            }
        }
        // Half of a unit waits for the other.
        let whole = if at_end { data.len() } else { data.len() - (data.len() - start) % UNIT };
        let rest = whole - start;
        // A last carriage return may be half of the line's end.
        let length = rest - self.carriage_return::<UNIT>(&data[start..whole]);
        let too_long = (length > self.max_line_bytes || self.inside_long_line) && !self.whole;
        if rest == 0 || !(at_end || too_long) {
            return start;
        }
        let encoding = self.encoding(length);
        self.inside_long_line = !at_end;
        let (span, source) = (Span::new(start, whole), self.source);
        records.push(Record { span, encoding, source, ..Record::default() });
        whole
    }

    /// How many bytes of carriage return `line` ends with.
    #[inline]
    fn carriage_return<const UNIT: usize>(&self, line: &[u8]) -> usize {
        let ends = match self.width {
            Width::Two(order) => line.ends_with(&order.unit(b'\r')),
            _ => line.last() == Some(&b'\r'),
        };
        if ends { UNIT } else { 0 }
    }

    fn encoding(&self, length: usize) -> Encoding {
        match self.width {
            _ if self.inside_long_line => Encoding::Rest,
            _ if length > self.max_line_bytes => Encoding::Piece,
            Width::Two(order) => Encoding::Utf16(order),
            _ => Encoding::Line,
        }
    }
}

/// `23:59` near the beginning.
fn tells_time(line: &[u8]) -> bool {
    line[..line.len().min(TIME_BYTES)]
        .windows(5)
        .any(|clock| clock[2] == b':' && [0, 1, 3, 4].iter().all(|&digit| clock[digit].is_ascii_digit()))
}

/// `INFO` near the beginning.
fn tells_info(line: &[u8]) -> bool {
    let beginning = &line[..line.len().min(2 * TIME_BYTES)];
    let mut words = beginning.split(|byte| !byte.is_ascii_alphanumeric());
    words.any(|word| word.eq_ignore_ascii_case(b"info") || word == b"Information")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_logger_prints_below_its_line_belongs_to_it() {
        let dated = "2026-01-02 03:04:05 ERROR cannot take\n";
        for (trace, records) in [
            ("java.io.IOException: closed\n\tat a.B.c(B.java:1)\n", 1),
            ("Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    g()\nValueError: bad\n", 1),
            ("a line of its own\n", 2),
        ] {
            let quiet = "2026-01-02 03:04:05 INFO [main] served\n";
            for (head, more) in
                [(dated, 0), (quiet, usize::from(records == 1)), ("undated\n", usize::from(records == 1))]
            {
                let text = format!("{head}{trace}");
                let mut batch = Batch { filled: text.len(), bytes: text.into_bytes(), ..Batch::default() };
                Lines::new(1 << 10).joining(true).split(&mut batch, true);
                assert_eq!(batch.records.len(), records + more, "{head}{trace}");
            }
        }
    }

    #[test]
    fn a_stack_trace_is_one_record_whatever_the_reads() {
        let input = b"{\"a\":1}\nboom\n\tat a.B.c(B.java:1)\r\n\tat a.B.d(B.java:2)\nCaused by: x\nplain\n{\"a\":2}\n\tat a.B.c(B.java:1)\nlast\n";
        for step in 1..input.len() {
            let mut lines = Lines::new(1 << 10).joining(true);
            let (mut tail, mut out) = (Vec::new(), Vec::new());
            for read in input.chunks(step).chain([&b""[..]]) {
                let mut batch = Batch { bytes: [&tail[..], read].concat(), ..Batch::default() };
                batch.filled = batch.bytes.len();
                let rest = lines.split(&mut batch, read.is_empty());
                tail = batch.bytes[rest..].to_vec();
                out.extend(
                    batch.records.iter().map(|record| batch.bytes[record.span.start as usize..record.end()].to_vec()),
                );
            }
            assert_eq!(out.concat(), input);
            let sizes: Vec<_> = out.iter().map(|record| record.iter().filter(|byte| **byte == b'\n').count()).collect();
            assert_eq!(sizes, [1, 4, 1, 1, 1, 1], "step {step}");
        }
    }

    #[test]
    fn an_idle_input_lets_whole_lines_go_and_a_long_trace_is_parted() {
        let mut lines = Lines::new(40).joining(true);
        let batch_of = |text: &str| Batch { filled: text.len(), bytes: text.as_bytes().to_vec(), ..Batch::default() };
        let mut batch = batch_of("boom\n\tat a.B.c(B.java:1)\nha");
        assert_eq!((lines.split(&mut batch, false), lines.waits(), batch.records.len()), (0, true, 0));
        assert_eq!((lines.split_idle(&mut batch), lines.waits(), batch.records.len()), (25, false, 1));
        let mut batch = batch_of("boom\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:1)\n");
        lines.split(&mut batch, true);
        assert_eq!(batch.records.len(), 2);
    }

    #[test]
    fn a_bounded_batch_takes_so_many_lines_and_leaves_the_others() {
        let most = Batch::MOST_RECORDS;
        for joins in [false, true] {
            let mut lines = Lines::new(100).joining(joins).bounded();
            let mut rest = b"\n".repeat(2 * most + 5);
            let mut counts = Vec::new();
            loop {
                let mut batch = Batch { filled: rest.len(), bytes: rest, ..Batch::default() };
                let left = lines.split(&mut batch, true);
                counts.push(batch.records.len());
                rest = batch.bytes[left..].to_vec();
                if !lines.is_full() {
                    break;
                }
            }
            assert_eq!((counts, rest.len()), (vec![most, most, 5], 0), "{joins}");
        }
    }

    /// Feeds `input` in reads of `step` bytes; the records' bytes with ends, and their encodings.
    fn records(input: &[u8], step: usize, max: usize) -> Vec<(Vec<u8>, Encoding)> {
        let mut lines = Lines::new(max);
        let (mut tail, mut out) = (Vec::new(), Vec::new());
        let mut reads: Vec<&[u8]> = input.chunks(step).collect();
        reads.push(b"");
        for read in reads {
            let mut batch = Batch { bytes: [&tail[..], read].concat(), ..Batch::default() };
            batch.filled = batch.bytes.len();
            let rest = lines.split(&mut batch, read.is_empty());
            tail = batch.bytes[rest..].to_vec();
            out.extend(
                batch
                    .records
                    .iter()
                    .map(|record| (batch.bytes[record.span.start as usize..record.end()].to_vec(), record.encoding)),
            );
        }
        assert!(tail.is_empty());
        out
    }

    #[test]
    fn nothing_is_lost_whatever_the_reads() {
        let input = b"a\r\n\n{\"b\":1}\n\r\nlong line that is too long\nlast";
        for step in 1..50 {
            let got = records(input, step, 10);
            assert_eq!(got.iter().flat_map(|(bytes, _)| bytes.clone()).collect::<Vec<_>>(), input);
            let lines: Vec<_> =
                got.iter().filter(|(_, encoding)| *encoding == Encoding::Line).map(|(bytes, _)| &bytes[..]).collect();
            assert_eq!(lines, [&b"a\r\n"[..], b"\n", b"{\"b\":1}\n", b"\r\n", b"last"]);
            assert_eq!(got.iter().filter(|(_, encoding)| *encoding == Encoding::Piece).count(), 1);
        }
    }
}
