//! Lines that a relay passed on: labels, an epoch, a date, a file or a host stand before the time
//! of the event itself.

use std::ops::Range;

use super::super::time::{TimeContext, TimeKind, Written};
use super::{LayoutMatch, Opening, header, kinds, read_timed, text};

/// How many columns a relay puts in front at most.
const MOST: usize = 8;

/// Reads a line with a relay's columns in front of its own time.
///
/// An epoch among them says the instant, and the inner time only the part of its second: it is
/// seldom in UTC.
pub(super) fn read(line: &[u8], first: Option<Opening>, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let mut epoch = first;
    let mut last = 0..0;
    let mut at = first.map_or(0, |opening| text::skip_spaces(line, opening.end));
    if let Some(first) = first
        && !first.is(TimeKind::Epoch)
        && !(line.get(at).is_some_and(u8::is_ascii_digit) && first.is(TimeKind::Dated))
    {
        return false;
    }
    for _ in 0..MOST {
        let word = text::word(line, at);
        if word.is_empty() {
            break;
        }
        // At the start of the line the caller has looked.
        let time = if at == 0 { None } else { Opening::scan(line, at, context) };
        match time.filter(|opening| opening.written.is_some()) {
            Some(opening) if opening.is(TimeKind::Epoch) => {
                epoch = epoch.or(Some(opening));
                at = text::skip_spaces(line, opening.end);
                continue;
            }
            Some(inner) => return read_inner(line, inner, epoch, last, context, matched),
            None => {}
        }
        if first.is_some_and(|first| first.is(TimeKind::Dated))
            || !(kinds::is_column(&line[word.clone()]) || matches!(&line[word.clone()], b"-" | b"|"))
        {
            break;
        }
        if line[word.start].is_ascii_alphabetic() {
            last = word.clone();
        }
        at = text::skip_spaces(line, word.end);
    }
    // Without an inner time the epoch is the time, if only a label is before it.
    match epoch {
        Some(epoch) if first.is_none() && line[..epoch.at].iter().filter(|byte| **byte == b' ').count() == 1 => {
            header::read(line, epoch, context, matched);
            matched.header = 0..matched.message.start;
            true
        }
        _ => false,
    }
}

/// Reads what a relay passed on, from its inner time on.
fn read_inner(
    line: &[u8],
    mut inner: Opening,
    epoch: Option<Opening>,
    last: Range<usize>,
    context: &mut TimeContext,
    matched: &mut LayoutMatch,
) -> bool {
    inner.written = match (epoch.and_then(|epoch| epoch.written), inner.written) {
        (Some(outer), Some(written)) if outer.kind == TimeKind::Epoch => Some(merge(outer, written)),
        // Only one of the two says its zone.
        (Some(outer), Some(written)) if is_zoned(line, epoch) && !is_zoned(line, Some(inner)) => {
            Some(Written::known(outer.instant, written.kind))
        }
        (_, written) => written,
    };
    let lead = &line[last.clone()];
    if !last.is_empty() && memchr::memmem::find(lead, b".log").is_some() {
        matched.member(line, "file", last);
    } else if !last.is_empty() && !inner.is(TimeKind::Syslog) && last.len() > 2 {
        matched.member(line, "host", last);
    }
    read_timed(line, inner, context, matched);
    matched.header = 0..matched.message.start;
    true
}

/// Whether a time ends with `Z` or an offset.
fn is_zoned(line: &[u8], opening: Option<Opening>) -> bool {
    let Some(opening) = opening else { return false };
    let written = &line[opening.at..opening.end];
    written.ends_with(b"Z")
        || (written.len() > 19 && written[written.len() - 6..].iter().any(|byte| matches!(byte, b'+' | b'-')))
}

/// The instant of the epoch, with the fraction of the written time if both are of the same second
/// of a minute.
fn merge(epoch: Written, written: Written) -> Written {
    const SECOND: i64 = 1_000_000_000;
    let same = epoch.instant.0.div_euclid(SECOND).rem_euclid(60) == written.instant.0.div_euclid(SECOND).rem_euclid(60);
    let fraction = written.instant.0.rem_euclid(SECOND);
    let whole = same && epoch.instant.0.rem_euclid(SECOND) == 0;
    let instant = if whole { epoch.instant.saturating_add_nanos(fraction) } else { epoch.instant };
    Written::known(instant, written.kind)
}
