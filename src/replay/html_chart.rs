//! The report's timeline as a chart: events upwards, warnings and errors downwards on a scale of
//! their own, and opened incidents in the band between them.

use super::document::{Audience, Report};
use super::html::Escaped;
use super::timeline::{Columns, lengths};
use crate::engine::finding::Severity;
use crate::event::Timestamp;
use crate::narrate::fill;
use crate::narrate::quantity::{Noun, rate};
use std::fmt::Write as _;

const WIDTH: f64 = 1120.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 16.0;
/// Heights of the upper half, the band and the lower half, in SVG units.
const UP: f64 = 124.0;
const BAND: f64 = 26.0;
const DOWN: f64 = 50.0;
/// Least distances between two marks and between two time labels, in SVG units; closer marks are
/// merged.
const MARK: f64 = 13.0;
const LABEL: f64 = 96.0;

/// Appends the chart.
pub(super) fn chart(report: &Report, page: &mut String) {
    let columns = &report.fine.0;
    let bins = &columns.bins;
    let step = (WIDTH - LEFT - 6.0) / bins.len().max(1) as f64;
    let seconds = columns.width as f64 / 1e9;
    let most = top_of_axis(bins.iter().map(|bin| bin.events).max().unwrap_or(1), seconds);
    let worst = top_of_axis(bins.iter().map(|bin| bin.errors + bin.warnings).max().unwrap_or(1), seconds);
    let (base, below) = (TOP + UP, TOP + UP + BAND);
    let (reader, words) = (&report.reader, report.reader.language.words());
    let counted = |count: u64, noun| reader.language.counted(count, noun);
    let incidents = counted(report.opened.values().sum(), Noun::Incident);
    let _ = write!(
        page,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"group\" aria-label=\"{}\">",
        fill(words.events_and_incidents, &[&counted(report.events, Noun::Event), &incidents])
    );
    let mut bars = [String::new(), String::new(), String::new()];
    let wide = (step - if step > 4.0 { 1.0 } else { 0.0 }).max(0.6);
    let bar = |i: usize, top: f64, height: f64| {
        let left = LEFT + i as f64 * step;
        if height > 0.0 { format!("M{left:.1} {top:.1}h{wide:.1}v{height:.1}h-{wide:.1}z") } else { String::new() }
    };
    let height =
        |count: u64, most: f64, room: f64| if count == 0 { 0.0 } else { (count as f64 / most * room).max(1.0) };
    for (i, bin) in bins.iter().enumerate() {
        let up = height(bin.events, most, UP);
        let errors = height(bin.errors, worst, DOWN);
        bars[0] += &bar(i, base - up, up);
        bars[1] += &bar(i, below + errors, height(bin.warnings, worst, DOWN));
        bars[2] += &bar(i, below, errors);
    }
    for y in [TOP, TOP + UP / 2.0, below + DOWN] {
        let _ = write!(page, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>");
    }
    for (y, most) in [(TOP + 4.0, most), (TOP + UP / 2.0 + 4.0, most / 2.0), (below + DOWN, worst)] {
        let said = rate(most / seconds);
        let _ = write!(page, "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{said}</text>", LEFT - 7.0);
    }
    for (class, path) in ["ev", "wa", "er"].into_iter().zip(&bars) {
        let _ = write!(page, "<path class=\"{class}\" d=\"{path}\"/>");
    }
    for y in [base, below] {
        let _ = write!(page, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>");
    }
    for (i, bin) in bins.iter().enumerate() {
        let time = reader.local(Timestamp(columns.start.0.saturating_add(columns.width * i as i64)));
        let says = format!(
            "{} {}\n{}, {}, {}",
            &time[..10],
            &time[11..19],
            counted(bin.events, Noun::Event),
            counted(bin.errors, Noun::Error),
            counted(bin.warnings, Noun::Warning)
        );
        let _ = write!(
            page,
            "<rect class=\"col\" x=\"{:.1}\" y=\"{TOP}\" width=\"{step:.1}\" height=\"{}\"><title>{}</title></rect>",
            LEFT + i as f64 * step,
            UP + BAND + DOWN,
            Escaped(&says).to_string().replace("\\n", "\n")
        );
    }
    marks(report, columns, step, base + BAND / 2.0, page);
    times(columns, reader, step, page);
    page.push_str("</svg>");
}

/// The count at the top of an axis: at least `most`, and a round number in the unit in which
/// [`rate`] shows it.
fn top_of_axis(most: u64, seconds: f64) -> f64 {
    let per_second = most.max(1) as f64 / seconds;
    let unit = [1.0, 60.0, 3_600.0].into_iter().find(|unit| per_second * unit >= 1.0).unwrap_or(86_400.0);
    let shown = per_second * unit;
    let power = 10_f64.powf(shown.log10().floor());
    let round = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0].into_iter().map(|digit| digit * power);
    round.into_iter().find(|round| *round >= shown).unwrap_or(10.0 * power) / unit * seconds
}

/// Marks opened incidents. Of marks that are too close together the worst is drawn, with a link to
/// its incident if that is listed.
fn marks(report: &Report, columns: &Columns, step: f64, y: f64, page: &mut String) {
    let mut openings = report.openings.clone();
    openings.sort();
    let mut marks: Vec<(f64, Severity, Timestamp, u64)> = Vec::new();
    for (time, severity) in openings {
        let Some(column) = columns.index(time) else { continue };
        let x = LEFT + (column as f64 + 0.5) * step;
        match marks.last_mut() {
            Some((last, worst, at, count)) if x - *last < MARK => {
                if severity > *worst {
                    (*worst, *at) = (severity, time);
                }
                *count += 1;
            }
            _ => marks.push((x, severity, time, 1)),
        }
    }
    for (x, severity, time, count) in marks {
        let shape = match severity {
            Severity::Critical => "<path class=\"mark-critical\" d=\"M0-6L6.5 6h-13z\"/>",
            Severity::Warning => "<path class=\"mark-warning\" d=\"M0-4.5L5 5H-5z\"/>",
            Severity::Info => "<circle class=\"mark-info\" r=\"4\"/>",
        };
        let listed = report
            .incidents
            .iter()
            .find(|incident| incident.finding.opened_at == time && incident.finding.severity == severity);
        let title = match (count, listed) {
            (1, Some(incident)) => incident.finding.summary.sentence.clone(),
            _ => fill(
                report.reader.language.words().worst,
                &[&report.reader.language.counted(count, Noun::Incident), &report.reader.language.severity(severity)],
            ),
        };
        let mark = format!("<g transform=\"translate({x:.1} {y})\">{shape}<title>{}</title></g>", Escaped(&title));
        let _ = match listed {
            Some(incident) => write!(page, "<a href=\"#i{}\">{mark}</a>", incident.finding.id),
            None => write!(page, "{mark}"),
        };
    }
}

fn times(columns: &Columns, reader: &Audience, step: f64, page: &mut String) {
    let Some(every) = lengths().find(|length| *length as f64 / columns.width as f64 * step >= LABEL) else { return };
    let last = columns.start.0.saturating_add(columns.width.saturating_mul(columns.bins.len() as i64));
    // Labels are at times that are round by the reader's clocks.
    let offset = reader.zone.offset(columns.start);
    let local = columns.start.0.saturating_add(offset);
    let mut time = local.div_euclid(every).saturating_add(1).saturating_mul(every).saturating_sub(offset);
    while time <= last {
        let x = LEFT + (time - columns.start.0) as f64 / columns.width as f64 * step;
        let text = Timestamp(time.saturating_add(offset)).to_string();
        let day = 86_400_000_000_000;
        let shown = if time.saturating_add(offset) % day == 0 {
            &text[5..10]
        } else if every < 60_000_000_000 {
            &text[11..19]
        } else {
            &text[11..16]
        };
        if x > LEFT + 20.0 && x < WIDTH - 26.0 {
            let _ = write!(page, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{shown}</text>", HEIGHT - 4.0);
        }
        time = time.saturating_add(every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_rates() {
        for (most, seconds, top) in
            [(608, 15.0, "50/s"), (142, 15.0, "10/s"), (1, 60.0, "1/min"), (7, 900.0, "30/h"), (0, 86_400.0, "1/d")]
        {
            assert_eq!(rate(top_of_axis(most, seconds) / seconds), top, "{most} in {seconds} s");
            assert!(top_of_axis(most, seconds) >= most as f64 * (1.0 - 1e-9));
        }
    }
}
