//! Cuts what was read into records, one a line.

use super::{Batch, Encoding, Record, Source, Span};

/// Finds lines in successive batches. Knows only whether it stands inside an over-long line.
#[derive(Clone, Debug)]
pub struct Lines {
    max_line_bytes: usize,
    inside_long_line: bool,
    source: Source,
    /// Long lines are waited for: pieces of one must not mix with another source's lines.
    whole: bool,
}

impl Lines {
    /// Lines of at most `max_line_bytes`; a longer one flows through in pieces.
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes, inside_long_line: false, source: Source::default(), whole: false }
    }

    /// The same for one source among others: its lines are never cut, and a longer one passes whole, unanalysed.
    #[must_use]
    pub fn whole_of(max_line_bytes: usize, source: Source) -> Self {
        Self { source, whole: true, ..Self::new(max_line_bytes) }
    }

    /// What a line may hold without flowing through in pieces.
    #[must_use]
    pub fn max_line_bytes(&self) -> usize {
        self.max_line_bytes
    }

    /// Makes records of the whole lines in `batch` and returns where the rest begins, which belongs in front of the
    /// next read. At the end of input there is no rest. The outcome does not depend on where reads cut the stream,
    /// but for where an over-long line is cut into pieces.
    pub fn split(&mut self, batch: &mut Batch, at_end: bool) -> usize {
        let mut start = 0;
        let data = &batch.bytes[..batch.filled];
        for newline in memchr::memchr_iter(b'\n', data) {
            let carriage = newline > start && data[newline - 1] == b'\r';
            let end = newline - usize::from(carriage);
            let encoding = self.encoding(end - start);
            batch.records.push(Record {
                span: Span::new(start, end),
                line_end: 1 + u8::from(carriage),
                encoding,
                source: self.source,
                ..Record::default()
            });
            self.inside_long_line = false;
            start = newline + 1;
        }
        let rest = data.len() - start;
        // A last carriage return may be half of the line's end.
        let length = rest - usize::from(data.ends_with(b"\r") && rest > 0);
        let too_long = (length > self.max_line_bytes || self.inside_long_line) && !self.whole;
        if rest == 0 || !(at_end || too_long) {
            return start;
        }
        let encoding = self.encoding(length);
        self.inside_long_line = !at_end;
        let (span, source) = (Span::new(start, data.len()), self.source);
        batch.records.push(Record { span, encoding, source, ..Record::default() });
        data.len()
    }

    fn encoding(&self, length: usize) -> Encoding {
        if self.inside_long_line {
            Encoding::Rest
        } else if length > self.max_line_bytes {
            Encoding::Piece
        } else {
            Encoding::Line
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
