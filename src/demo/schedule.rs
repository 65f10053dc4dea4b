//! What the stream will still log: lines already written, and wake-ups of the sources that write
//! more, in order of time.
//!
//! It holds only the further lines of running requests and one wake-up for each source, so its
//! memory does not grow with the stream.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write;

use crate::event::level::Level;

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;

/// One line before it is formatted as JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogEntry<'a> {
    pub(super) level: Level,
    pub(super) module: &'a str,
    pub(super) host: &'a str,
    /// The name of a thread pool, and the thread's number in it.
    pub(super) thread: (&'a str, u32),
    pub(super) trace: Option<u64>,
    pub(super) message: &'a str,
    pub(super) access: Option<Access>,
    pub(super) code: Option<&'a str>,
}

/// What only an access line has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    pub(super) status: u16,
    pub(super) duration_ms: f64,
}

/// An item of the schedule.
#[derive(Debug)]
pub(super) enum DueItem<W> {
    Line(String),
    Wake(W),
}

#[derive(Debug)]
pub(super) struct Journal<W> {
    /// Ordered by time, then by insertion. It holds indexes because the items themselves have no
    /// order.
    due: BinaryHeap<Reverse<(i64, u64, usize)>>,
    items: Vec<Option<DueItem<W>>>,
    free: Vec<usize>,
    puts: u64,
    end: i64,
    second: i64,
    date: String,
}

impl<W> Journal<W> {
    /// A schedule that ignores everything at or after `end` (in ns).
    pub(super) fn new(end: i64) -> Journal<W> {
        Journal {
            due: BinaryHeap::new(),
            items: Vec::new(),
            free: Vec::new(),
            puts: 0,
            end,
            second: i64::MIN,
            date: String::new(),
        }
    }

    pub(super) fn wake(&mut self, time: i64, who: W) {
        self.put(time, DueItem::Wake(who));
    }

    /// Adds a line for `time`.
    pub(super) fn write(&mut self, time: i64, entry: &LogEntry<'_>) {
        // Rounded down to microseconds, because the event's time is the timestamp that it shows.
        let time = time - time.rem_euclid(1_000);
        if time < self.end {
            let line = self.json(time, entry);
            self.put(time, DueItem::Line(line));
        }
    }

    /// Removes and returns the earliest item.
    pub(super) fn next(&mut self) -> Option<(i64, DueItem<W>)> {
        let Reverse((time, _, place)) = self.due.pop()?;
        self.free.push(place);
        self.items[place].take().map(|item| (time, item))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.due.len()
    }

    fn put(&mut self, time: i64, item: DueItem<W>) {
        if time >= self.end {
            return;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.items.push(None);
            self.items.len() - 1
        });
        self.items[place] = Some(item);
        self.puts += 1;
        self.due.push(Reverse((time, self.puts, place)));
    }

    fn json(&mut self, time: i64, entry: &LogEntry<'_>) -> String {
        let second = time.div_euclid(SECOND);
        if second != self.second {
            self.second = second;
            // Every second within the bounds of the options has a date.
            self.date = jiff::Timestamp::from_second(second).map(|date| date.to_string()).unwrap_or_default();
        }
        let date = self.date.trim_end_matches('Z');
        let micros = time.rem_euclid(SECOND) / 1_000;
        let mut line = String::with_capacity(320);
        // Writing to a string does not fail. Only the message can hold characters that JSON must
        // escape.
        let _ = write!(
            line,
            r#"{{"timestamp":"{date}.{micros:06}Z","level":"{}","module":"{}","host":"{}","thread":"{}-{}""#,
            entry.level.name(),
            entry.module,
            entry.host,
            entry.thread.0,
            entry.thread.1
        );
        if let Some(trace) = entry.trace {
            let _ = write!(line, r#","trace_id":"{trace:016x}""#);
        }
        line.push_str(r#","message":""#);
        escape(&mut line, entry.message);
        line.push('"');
        if let Some(Access { method, route, status, duration_ms }) = entry.access {
            let _ = write!(
                line,
                r#","method":"{method}","route":"{route}","status":{status},"duration_ms":{duration_ms:.3}"#
            );
        }
        if let Some(code) = entry.code {
            let _ = write!(line, r#","error_code":"{code}""#);
        }
        line.push('}');
        line
    }
}

fn escape(out: &mut String, text: &str) {
    for part in text.split_inclusive(['"', '\\']) {
        match part.strip_suffix(['"', '\\']) {
            Some(plain) => {
                out.push_str(plain);
                out.push('\\');
                out.push_str(&part[plain.len()..]);
            }
            None => out.push_str(part),
        }
    }
}
