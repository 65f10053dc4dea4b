//! Draws the timeline as text: rows of block characters, markers, and an axis with labels.

use super::timeline::{Columns, lengths};
use crate::engine::finding::Severity;
use crate::event::Timestamp;
use crate::event::time::DisplayZone;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 1_440 * MINUTE;
const MONTH: i64 = 30 * DAY;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// One character for each value: a space for 0, otherwise a block of one to eight eighths of the
/// height, rounded up, where the largest value has the full height.
#[must_use]
pub fn sparkline(values: impl IntoIterator<Item = u64> + Clone) -> String {
    let most = values.clone().into_iter().max().unwrap_or(0);
    let block = |value: u64| match value {
        0 => ' ',
        _ => BLOCKS[((value - 1) as u128 * 8 / u128::from(most)) as usize],
    };
    values.into_iter().map(block).collect()
}

/// The mark of a severity, distinct without colours as well.
#[must_use]
pub const fn mark(severity: Severity) -> char {
    match severity {
        Severity::Critical => '▲',
        Severity::Warning => '△',
        Severity::Info => '·',
    }
}

/// The worst severity of the incidents that opened in each column.
#[must_use]
pub fn worst(columns: &Columns, opened: impl IntoIterator<Item = (Timestamp, Severity)>) -> Vec<Option<Severity>> {
    let mut worst = vec![None; columns.bins.len()];
    for (time, severity) in opened {
        if let Some(i) = columns.index(time) {
            worst[i] = worst[i].max(Some(severity));
        }
    }
    worst
}

/// Labels below the columns, at times that are round in the zone; as many as fit.
#[must_use]
pub fn axis(columns: &Columns, zone: &DisplayZone) -> String {
    if columns.bins.is_empty() {
        return String::new();
    }
    let count = columns.bins.len() as i64;
    let is_roomy = |step: &i64| step % columns.width == 0 && step / columns.width >= label_width(*step) + 2;
    let step = lengths().find(is_roomy).unwrap_or(columns.width.saturating_mul(10));
    let (offset, start) = (zone.offset(columns.start), zone.local(columns.start).0);
    let first = start.div_euclid(step) + i64::from(start.rem_euclid(step) > 0);
    let mut axis: Vec<char> = Vec::new();
    let mut ticks: Vec<Timestamp> = (0..count)
        .map_while(|i| Some(Timestamp((first + i).checked_mul(step)?.checked_sub(offset)?)))
        .take_while(|tick| columns.index(*tick).is_some())
        .collect();
    if ticks.is_empty() {
        ticks.push(columns.start);
    }
    for tick in ticks {
        let at = columns.index(tick).unwrap_or(0);
        axis.resize(axis.len().max(at), ' ');
        axis.push('╵');
        axis.extend(label(Timestamp(tick.0.saturating_add(offset)), step).chars());
    }
    axis.into_iter().collect()
}

const fn label_width(step: i64) -> i64 {
    if step >= MINUTE {
        6
    } else if step >= MINUTE / 60 {
        8
    } else {
        12
    }
}

fn label(time: Timestamp, step: i64) -> String {
    let text = time.to_string();
    if step >= MONTH {
        return text[..7].to_owned();
    }
    if step >= MINUTE && time.0.rem_euclid(DAY) == 0 {
        return day(time);
    }
    match step {
        MINUTE.. => text[11..16].to_owned(),
        1_000_000_000.. => text[11..19].to_owned(),
        _ => text[11..].trim_end_matches('Z').to_owned(),
    }
}

/// `2 Mar`
fn day(time: Timestamp) -> String {
    let text = time.to_string();
    let month = text[5..7].parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    format!("{} {}", text[8..10].trim_start_matches('0'), month.unwrap_or(&"?"))
}

#[cfg(test)]
mod tests {
    use super::super::timeline::Timeline;
    use super::*;

    #[test]
    fn heights_are_shares_of_the_largest() {
        assert_eq!(sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8]), " ▁▂▃▄▅▆▇█");
        assert_eq!(sparkline([0, 1, 1_000_000, 500_000, 500_001]), " ▁█▄▅");
        assert_eq!(sparkline([3, 3]), "▆▆");
        assert_eq!(sparkline([u64::MAX, 1]), "█▁");
        assert_eq!((sparkline([]), sparkline([0, 0])), (String::new(), "  ".into()));
    }

    fn columns(seconds: i64) -> Columns {
        let mut timeline = Timeline::default();
        for i in 0..=1_000 {
            timeline.event(Timestamp(1_772_438_400_000_000_000 + i * seconds * 1_000_000), None);
        }
        timeline.finish().columns(60)
    }

    #[test]
    fn axes_are_labelled_at_round_times() {
        let utc = DisplayZone::default();
        assert_eq!(axis(&columns(2), &utc), "╵08:00:00           ╵08:00:01           ╵08:00:02");
        assert_eq!(axis(&columns(600), &utc), "╵08:00    ╵08:02    ╵08:04    ╵08:06    ╵08:08    ╵08:10");
        assert_eq!(axis(&columns(86_400), &utc), "╵08:00  ╵12:00  ╵16:00  ╵20:00  ╵3 Mar  ╵04:00  ╵08:00");
        assert_eq!(axis(&Columns::default(), &utc), "");
    }

    #[test]
    fn axes_are_labelled_by_the_clocks_of_their_reader() {
        let [shanghai, kolkata] = ["Asia/Shanghai", "Asia/Kolkata"].map(DisplayZone::new);
        assert_eq!(axis(&columns(600), &shanghai), "╵16:00    ╵16:02    ╵16:04    ╵16:06    ╵16:08    ╵16:10");
        assert!(axis(&columns(86_400), &shanghai).contains("╵3 Mar"));
        assert!(axis(&columns(600), &kolkata).starts_with("╵13:30"));
    }

    #[test]
    fn markers_are_the_worst_of_their_column() {
        let columns = columns(60);
        let start = columns.start;
        let marks = worst(
            &columns,
            [
                (start, Severity::Info),
                (start, Severity::Critical),
                (start, Severity::Warning),
                (Timestamp(0), Severity::Info),
            ],
        );
        assert_eq!(marks[0], Some(Severity::Critical));
        assert!(marks[1..].iter().all(Option::is_none));
    }
}
