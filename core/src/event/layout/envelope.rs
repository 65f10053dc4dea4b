//! Envelopes: what a daemon, a container runtime or a shipper has put in front of a program's line.
//!
//! The line is peeled: as long as what was read is an envelope, its message is read as a line
//! again. What the program says of itself (level, message, module, its own time) beats what the
//! envelope takes for granted; the platform's names (host, container, process) stay the envelope's.

use std::ops::Range;

use super::super::time::TimeContext;
use super::{LayoutMatch, LayoutMember, LayoutName, Opening, OwnLayout, label, text};

/// How many envelopes a line is in at most.
pub(super) const DEEPEST: usize = 4;

/// Reads what is in the envelope that `matched` was read as, and what is in that. True when
/// something was found.
pub(super) fn peel(
    line: &[u8],
    context: &mut TimeContext,
    matched: &mut LayoutMatch,
    inner: &mut LayoutMatch,
    own: &[OwnLayout],
) -> bool {
    let mut found = false;
    for depth in 0..DEEPEST {
        let start = matched.message.start + blanks(&line[matched.message.clone()]);
        if !matched.is_envelope || matched.message.end != line.len() || start >= line.len() {
            break;
        }
        matched.is_envelope = false;
        let message = &line[start..];
        inner.clear(message.len());
        // A time or a bracket alone is a text's own, unless nothing outside says the time.
        let says = own.iter().any(|own| own.read(message, context, inner))
            || super::read(message, context, inner)
                && (inner.level.is_some()
                    || (inner.time.is_some() && matched.layout != "syslog")
                    || inner.has("status")
                    || inner.layout == "logfmt");
        if !says {
            break;
        }
        // What a text puts in brackets stays in it; only the level among it counts.
        if message[0] == b'[' && inner.layout == "header" && inner.time.is_none() && !inner.has("time_of_day") {
            inner.keep_level(message.len());
        }
        matched.inside[depth] = inner.layout;
        take(line, matched, inner, start);
        found = true;
    }
    found
}

/// How many blanks in front of a message are no indent: daemons put one or two there.
fn blanks(message: &[u8]) -> usize {
    let blanks = message.iter().take_while(|byte| **byte == b' ').count();
    if blanks <= 2 { blanks } else { 0 }
}

/// Takes what `inner` says of the line's bytes from `start` on.
fn take(line: &[u8], matched: &mut LayoutMatch, inner: &mut LayoutMatch, start: usize) {
    let moved = |range: &Range<usize>| range.start + start..range.end + start;
    let header = matched.message.start;
    if let Some(level) = inner.level
        && (matched.level.is_none() || !inner.level_is_default)
    {
        matched.say(level, moved(&inner.level_text));
        matched.level_is_default = inner.level_is_default;
    }
    // The header is kept where a member of it would be lost.
    let mut is_lost = false;
    if inner.time.is_some() {
        is_lost = matched.time.is_some();
        if matched.time.is_none() || matched.time_is_coarse {
            (matched.time, matched.time_is_coarse) = (inner.time, inner.time_is_coarse);
            matched.time_text = moved(&inner.time_text);
        }
    }
    for member in inner.members.drain(..) {
        let value = moved(&member.value);
        let name = match member.name {
            LayoutName::Written(name) => LayoutName::Written(moved(&name)),
            known => known,
        };
        let outer = matched.members.iter().position(|outer| outer.name == name);
        if let (Some(outer), LayoutName::Known(known)) = (outer, &name) {
            match *known {
                _ if line[matched.members[outer].value.clone()] == line[value.clone()] => continue,
                // Who the program is stays known beside the part of it that speaks.
                "module" if !matched.has("program") => matched.members[outer].name = LayoutName::Known("program"),
                "thread" | "status" | "request_id" => {
                    matched.members.remove(outer);
                    is_lost = true;
                }
                _ => {
                    is_lost = true;
                    continue;
                }
            }
        }
        matched.members.push(LayoutMember { name, value, form: member.form });
    }
    if is_lost || !inner.header.is_empty() {
        matched.header = 0..inner.message.start + start;
    } else if matched.header.end == header && !matched.header.is_empty() {
        matched.header.end = inner.message.start + start;
    }
    matched.facility = matched.facility.or(inner.facility);
    (matched.message, matched.message_form) = (moved(&inner.message), inner.message_form);
    matched.is_envelope = inner.is_envelope;
}

/// Reads what compose, kubectl and their kin put in front of each line: `api-1  | …`,
/// `[pod/api-7c9f/app] …`.
pub(super) fn read_prefix(line: &[u8], context: &TimeContext, matched: &mut LayoutMatch) -> bool {
    let name = text::word(line, 0);
    let bar = text::skip_spaces(line, name.end);
    // A bar that does not stand alone is a text's own.
    if !line[bar..].starts_with(b"| ") {
        return false;
    }
    let written = &line[name.clone()];
    let end = written.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let is_numbered = end > 1 && end < written.len() && matches!(written[end - 1], b'-' | b'_' | b'.');
    // Without a number it may be the row of a table, so that what follows must look like a line.
    let rest = text::skip_spaces(line, bar + 1);
    let is_line = bar > name.end + 1
        && (label::find(line, rest).is_some()
            || Opening::scan(line, rest, context).is_some()
            || line[rest..].starts_with(b"{\""));
    let is_name =
        written.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'@'));
    if !(is_name && (is_numbered || is_line)) {
        return false;
    }
    matched.layout = "compose";
    matched.member(line, "host", name);
    matched.message = bar + 2..line.len();
    matched.is_envelope = true;
    true
}
