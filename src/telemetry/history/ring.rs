//! Counts over the stream's time in columns of equal width; new columns replace the oldest.

use super::Chart;
use crate::engine::Tally;
use crate::event::{Level, Timestamp};

/// The counts that a batch adds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ticks {
    pub(super) events: u64,
    warnings: u64,
    errors: u64,
}

impl Ticks {
    pub(super) fn of(tally: &Tally) -> Self {
        let of = |level| tally.events[Tally::level_index(Some(level))];
        Self {
            events: tally.events.iter().sum(),
            warnings: of(Level::Warn),
            errors: of(Level::Error) + of(Level::Fatal),
        }
    }
}

/// A ring of columns.
#[derive(Debug)]
pub(super) struct Ring {
    column_s: i64,
    columns: Vec<[u64; 6]>,
    /// The number of the last column since the Unix epoch; none before the first event.
    last: Option<i64>,
    /// How many columns are in use.
    used: usize,
}

impl Ring {
    pub(super) fn new(column_s: i64, columns: usize) -> Self {
        Self { column_s, columns: vec![[0; 6]; columns], last: None, used: 0 }
    }

    /// The column of a time; none if the time is before all columns. A time after the last column
    /// adds columns.
    fn column(&mut self, time: Timestamp) -> Option<&mut [u64; 6]> {
        let (length, index) = (self.columns.len() as i64, time.0.div_euclid(self.column_s * 1_000_000_000));
        let last = *self.last.get_or_insert(index);
        if index > last || self.used == 0 {
            for fresh in index.saturating_sub(length - 1).max(last + 1)..=index {
                self.columns[fresh.rem_euclid(length) as usize] = [0; 6];
            }
            self.used = usize::try_from((index - last).saturating_add(self.used.max(1) as i64))
                .unwrap_or(usize::MAX)
                .min(self.columns.len());
            self.last = Some(index);
        }
        let behind = self.last? - index;
        (behind < self.used as i64).then(|| &mut self.columns[index.rem_euclid(length) as usize])
    }

    pub(super) fn add(&mut self, now: Timestamp, ticks: Ticks) {
        if let Some(column) = self.column(now) {
            column[0] += ticks.events;
            column[1] += ticks.warnings;
            column[2] += ticks.errors;
        }
    }

    /// Adds a batch whose events are spread evenly between two times.
    pub(super) fn add_between(&mut self, from: Timestamp, to: Timestamp, ticks: Ticks) {
        let width = self.column_s * 1_000_000_000;
        let oldest = to.0.saturating_sub(width.saturating_mul(self.columns.len() as i64));
        let (from, all) = (from.0.clamp(oldest, to.0), to.0 - from.0.clamp(oldest, to.0));
        if all <= 0 {
            return self.add(to, ticks);
        }
        let up_to = |count: u64, time: i64| (count as f64 * ((time - from) as f64 / all as f64)).round() as u64;
        let mut begin = from;
        while begin < to.0 {
            let end = begin.div_euclid(width).saturating_add(1).saturating_mul(width).min(to.0);
            let share = |count: u64| up_to(count, end) - up_to(count, begin);
            let part =
                Ticks { events: share(ticks.events), warnings: share(ticks.warnings), errors: share(ticks.errors) };
            self.add(Timestamp(end - 1), part);
            begin = end;
        }
    }

    pub(super) fn opened(&mut self, at: Timestamp, severity: usize) {
        if let Some(column) = self.column(at) {
            column[3 + severity] += 1;
        }
    }

    /// The last columns; at most `most`.
    pub(super) fn chart(&self, most: usize) -> Chart {
        let count = self.used.min(most) as i64;
        let last = self.last.unwrap_or_default();
        let first = last - count + 1;
        let length = self.columns.len() as i64;
        Chart {
            column_s: self.column_s,
            from_ms: first * self.column_s * 1_000,
            columns: (first..=last)
                .filter(|_| count > 0)
                .map(|index| self.columns[index.rem_euclid(length) as usize])
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chart: &Chart) -> Vec<u64> {
        chart.columns.iter().map(|column| column[0]).collect()
    }

    #[test]
    fn a_large_batch_is_spread_over_its_time_and_loses_nothing() {
        let mut ring = Ring::new(5, 6);
        let (at, ticks) = (Timestamp::from_seconds, Ticks { events: 100, warnings: 3, errors: 1 });
        ring.add(at(103), Ticks { events: 1, ..Ticks::default() });
        ring.add_between(at(103), at(118), ticks);
        let chart = ring.chart(10);
        assert_eq!(events(&chart), [14, 34, 33, 20]);
        assert_eq!(chart.columns.iter().map(|column| column[1]).sum::<u64>(), 3);
        ring.add_between(at(118), at(118), ticks);
        assert_eq!(events(&ring.chart(1)), [120]);
        ring.add_between(at(118), at(100_000), ticks);
        assert_eq!(events(&ring.chart(10)).iter().sum::<u64>(), 100);
    }

    #[test]
    fn columns_move_on_with_the_streams_time() {
        let mut ring = Ring::new(5, 4);
        assert!(ring.chart(10).columns.is_empty());
        let ticks = |events| Ticks { events, ..Ticks::default() };
        for (second, count) in [(100, 1), (104, 2), (106, 3), (116, 4), (112, 5), (90, 99)] {
            ring.add(Timestamp::from_seconds(second), ticks(count));
        }
        let chart = ring.chart(10);
        assert_eq!((chart.from_ms, events(&chart)), (100_000, vec![3, 3, 5, 4]));
        assert_eq!(events(&ring.chart(2)), [5, 4]);
        ring.add(Timestamp::from_seconds(121), ticks(6));
        assert_eq!(events(&ring.chart(10)), [3, 5, 4, 6]);
        ring.add(Timestamp::from_seconds(10_000), ticks(7));
        assert_eq!(events(&ring.chart(10)), [0, 0, 0, 7]);
        ring.opened(Timestamp::from_seconds(9_996), 2);
        assert_eq!(ring.chart(10).columns[2], [0, 0, 0, 0, 0, 1]);
    }
}
