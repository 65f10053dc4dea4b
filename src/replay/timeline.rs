//! Counts events, warnings and errors over time, in bins whose width adapts to the stream.
//!
//! Memory: at most 4,096 bins that hold events. Bins start at a width of one millisecond, and the
//! width doubles whenever there are more bins. Each bin knows its first and last time, so silences
//! between bins are exact.

use crate::event::{Level, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// Most bins that hold events.
const BINS: usize = 4_096;
const MILLISECOND: i64 = 1_000_000;
/// An event is left out of the timeline if it is farther from the middle 99 % of events than this
/// many times their length.
const OUTSIDE: i64 = 3;

/// The counts of one bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// Events.
    pub events: u64,
    /// How many of them are WARN.
    pub warnings: u64,
    /// How many of them are ERROR or FATAL.
    pub errors: u64,
    #[serde(skip)]
    first: Timestamp,
    #[serde(skip)]
    last: Timestamp,
}

impl Bin {
    const EMPTY: Self =
        Self { events: 0, warnings: 0, errors: 0, first: Timestamp(i64::MAX), last: Timestamp(i64::MIN) };

    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.warnings += other.warnings;
        self.errors += other.errors;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// A time without any event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// The time of the event before it.
    pub from: Timestamp,
    /// The time of the event after it.
    pub to: Timestamp,
}

impl Gap {
    /// The length in seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.to.seconds_since(self.from)
    }
}

/// Columns of equal width, for drawing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// The start of the first column: a multiple of `width`.
    pub start: Timestamp,
    /// The width of a column in nanoseconds; a round duration, see [`lengths`].
    pub width: i64,
    /// The counts of each column.
    pub bins: Vec<Bin>,
}

impl Columns {
    /// The index of the column that holds a time, if there is one.
    #[must_use]
    pub fn index(&self, time: Timestamp) -> Option<usize> {
        if time < self.start || self.width == 0 {
            return None;
        }
        usize::try_from(time.0.saturating_sub(self.start.0) / self.width).ok().filter(|i| *i < self.bins.len())
    }
}

/// Counts of events over time.
#[derive(Clone, Debug)]
pub struct Timeline {
    bins: BTreeMap<i64, Bin>,
    width: i64,
    /// The bin of the last event, kept outside of `bins` because streams are nearly in order.
    at_hand: (i64, Bin),
}

impl Default for Timeline {
    fn default() -> Self {
        Self { bins: BTreeMap::new(), width: MILLISECOND, at_hand: (0, Bin::EMPTY) }
    }
}

impl Timeline {
    /// Counts an event.
    #[inline]
    pub fn event(&mut self, time: Timestamp, level: Option<Level>) {
        let index = time.0.div_euclid(self.width);
        if index != self.at_hand.0 {
            self.put_away();
            self.at_hand.0 = time.0.div_euclid(self.width);
        }
        let bin = &mut self.at_hand.1;
        bin.events += 1;
        bin.warnings += u64::from(level == Some(Level::Warn));
        bin.errors += u64::from(level >= Some(Level::Error));
        bin.first = bin.first.min(time);
        bin.last = bin.last.max(time);
    }

    fn put_away(&mut self) {
        let (index, bin) = std::mem::replace(&mut self.at_hand, (0, Bin::EMPTY));
        if bin.events == 0 {
            return;
        }
        self.bins.entry(index).or_insert(Bin::EMPTY).add(bin);
        while self.bins.len() > BINS {
            self.width *= 2;
            for (index, bin) in std::mem::take(&mut self.bins) {
                self.bins.entry(index.div_euclid(2)).or_insert(Bin::EMPTY).add(bin);
            }
        }
    }

    /// Ends the counting. Bins whose times are far outside of all others are left out.
    #[must_use]
    pub fn finish(mut self) -> TimeColumns {
        self.put_away();
        let bins: Vec<Bin> = self.bins.into_values().collect();
        let all: u64 = bins.iter().map(|bin| bin.events).sum();
        let at_share = |share: f64| {
            let mut before = 0;
            bins.iter().find(|bin| {
                before += bin.events;
                before as f64 > share * all as f64
            })
        };
        let (Some(low), Some(high)) = (at_share(0.005), at_share(0.995).or(bins.last())) else {
            return TimeColumns::default();
        };
        let room = high.last.0.saturating_sub(low.first.0).max(MILLISECOND).saturating_mul(OUTSIDE);
        let from = low.first.saturating_add_nanos(-room);
        let to = high.last.saturating_add_nanos(room);
        let is_inside = |bin: &Bin| bin.first >= from && bin.last <= to;
        let inside: Vec<Bin> = bins.iter().copied().filter(is_inside).collect();
        let outside = all - inside.iter().map(|bin| bin.events).sum::<u64>();
        TimeColumns { bins: inside, outside }
    }
}

/// A finished timeline.
#[derive(Clone, Debug, Default)]
pub struct TimeColumns {
    bins: Vec<Bin>,
    /// How many events were left out because their times are far outside of all others.
    pub outside: u64,
}

impl TimeColumns {
    /// The first and the last time; none if no event had a time.
    #[must_use]
    pub fn range(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.bins.first()?.first, self.bins.last()?.last))
    }

    /// The range, divided into at most `most` columns.
    #[must_use]
    pub fn columns(&self, most: usize) -> Columns {
        let Some((first, last)) = self.range() else { return Columns::default() };
        let most = most.max(1) as i64;
        let count = |width: i64| last.0.div_euclid(width) - first.0.div_euclid(width) + 1;
        let width = lengths().find(|width| count(*width) <= most).unwrap_or(i64::MAX / 2);
        let start = Timestamp(first.0.div_euclid(width).saturating_mul(width));
        let mut columns = Columns { start, width, bins: vec![Bin::EMPTY; count(width) as usize] };
        for bin in &self.bins {
            let middle = Timestamp(i64::midpoint(bin.first.0, bin.last.0));
            if let Some(i) = columns.index(middle) {
                columns.bins[i].add(*bin);
            }
        }
        columns
    }

    /// The longest silences in descending order: at most `most`, and only those that stand out
    /// against the rate of events.
    #[must_use]
    pub fn gaps(&self, most: usize) -> Vec<Gap> {
        let Some((first, last)) = self.range() else { return Vec::new() };
        let events: u64 = self.bins.iter().map(|bin| bin.events).sum();
        // The expected longest gap between n independent events is ln(n) times the mean gap.
        let usual = last.seconds_since(first) / events.max(1) as f64 * (events.max(2) as f64).ln();
        let mut gaps: Vec<Gap> = self
            .bins
            .windows(2)
            .map(|pair| Gap { from: pair[0].last, to: pair[1].first })
            .filter(|gap| gap.seconds() >= (2.0 * usual).max(1.0))
            .collect();
        gaps.sort_by(|a, b| b.seconds().total_cmp(&a.seconds()));
        gaps.truncate(most);
        gaps
    }
}

/// Round durations in ascending order from a millisecond, in nanoseconds.
pub fn lengths() -> impl Iterator<Item = i64> {
    const SECOND: i64 = 1_000 * MILLISECOND;
    const HOUR: i64 = 3_600 * SECOND;
    let thousand = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500];
    let sixty = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30];
    let hours = [1, 2, 3, 4, 6, 8, 12];
    // Each length divides a later one, so that labels fall on columns.
    let days = [1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 60, 90, 180, 360, 720, 1_440, 3_600, 7_200, 14_400];
    let of = |list: &[i64], unit: i64| list.iter().map(|count| count * unit).collect::<Vec<_>>();
    [of(&thousand, MILLISECOND), of(&sixty, SECOND), of(&sixty, 60 * SECOND), of(&hours, HOUR), of(&days, 24 * HOUR)]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000).saturating_add_nanos((seconds * 1e9) as i64)
    }

    fn span(times: impl IntoIterator<Item = f64>) -> TimeColumns {
        let mut timeline = Timeline::default();
        for time in times {
            timeline.event(at(time), (time as i64 % 10 == 0).then_some(Level::Error));
        }
        assert!(timeline.bins.len() <= BINS);
        timeline.finish()
    }

    #[test]
    fn nothing_and_one_event() {
        assert_eq!(span([]).range(), None);
        assert_eq!(span([]).columns(60), Columns::default());
        let one = span([5.0]);
        assert_eq!(one.range(), Some((at(5.0), at(5.0))));
        assert_eq!((one.columns(60).bins.len(), one.columns(60).bins[0].events, one.gaps(3).len()), (1, 1, 0));
    }

    #[test]
    fn columns_are_as_wide_as_people_count_and_lose_nothing() {
        for (length, width_s) in [(50.0, 1.0), (600.0, 10.0), (3_000.0, 60.0), (86_000.0, 1_800.0)] {
            let columns = span((0..10_000).map(|i| f64::from(i) / 10_000.0 * length)).columns(61);
            assert_eq!(columns.width as f64 / 1e9, width_s);
            assert_eq!(columns.start.0 % columns.width, 0);
            assert!(columns.bins.len() <= 61 && columns.bins.len() > 30);
            assert_eq!(columns.bins.iter().map(|bin| bin.events).sum::<u64>(), 10_000);
        }
    }

    #[test]
    fn a_few_absurd_times_are_left_out_and_counted() {
        let span = span((0..10_000).map(f64::from).chain([-1e9, 4e9]));
        assert_eq!((span.outside, span.range()), (2, Some((at(0.0), at(9_999.0)))));
    }

    #[test]
    fn silences_are_exact() {
        let span = span((0..100_000).map(|i| f64::from(i) / 50.0 + if i >= 60_000 { 300.25 } else { 0.0 }));
        assert_eq!(span.gaps(5), [Gap { from: at(1_199.98), to: at(1_500.25) }]);
    }
}
