//! Parses a message that is itself a JSON object, logfmt or a laid-out line, as Docker's and
//! Fluent Bit's `log` is.
//!
//! Done where the level is missing outside or taken for granted there, and where the message is an
//! object. The inner level, message and module win; the outer host wins, and the outer time unless
//! it is a coarse one; the other roles are taken from inside where the outside has none.

use super::found::RoleMatches;
use super::json;
use super::layout::TextReader;
use super::parsed::{Form, ParsedEvent, Slot};
use super::roles::{Names, Role, Unit};
use super::time::TimeContext;
use super::unescape::unescape_into;
use super::{Span, clean};
use std::borrow::Cow;

/// Completes `parsed` with what its message says.
pub(super) fn parse_nested(
    (names, context, reader): (&Names, &mut TimeContext, &mut TextReader),
    bytes: &[u8],
    arena: &mut Vec<u8>,
    parsed: &mut ParsedEvent,
    time_is_coarse: bool,
) {
    let outer = parsed.slots[Role::Message as usize];
    let kept = arena.len();
    // What is in the arena already (a number, a line put together from parts) has no escapes.
    let (mut span, mut in_arena) = if outer.form == Form::Escaped && !outer.in_arena {
        unescape_into(outer.span.of(bytes), arena);
        (Span::new(kept, arena.len()), true)
    } else {
        (outer.span, outer.in_arena)
    };
    if let Cow::Owned(plain) = clean::without_colours(span.of(if in_arena { arena } else { bytes })) {
        let start = arena.len();
        arena.extend_from_slice(&plain);
        (span, in_arena) = (Span::new(start, arena.len()), true);
    }
    let buffer: &[u8] = if in_arena { arena } else { bytes };
    // A message that was cut in the middle of a surrogate pair is still text; anything else is left
    // alone.
    let text = trimmed(span, buffer);
    let mut found = RoleMatches::default();
    let first = json::skip_space(text.of(buffer), 0);
    let is_object = text.of(buffer).get(first) == Some(&b'{');
    let understood = if is_object {
        let whole = &buffer[..text.end()];
        found
            .object(whole, text.start as usize + first, names, context)
            .is_ok_and(|close| json::skip_space(whole, close + 1) == whole.len())
    } else {
        let known = reader.read(text.of(buffer), context);
        found.matched(text.of(buffer), text.start as usize, reader.matched(), names, context);
        known
    };
    if !understood {
        arena.truncate(kept);
        return;
    }
    if found.slots[Role::Message as usize].form != Form::Absent {
        parsed.message_is_nested = is_object;
    }
    if found.level.is_some() {
        (parsed.level, parsed.level_is_default) = (found.level, false);
    }
    parsed.time = if time_is_coarse { found.time.or(parsed.time) } else { parsed.time.or(found.time) };
    for &role in &Role::ALL[..Role::PLACED] {
        if matches!(role, Role::Message | Role::Module) || parsed.slots[role as usize].form == Form::Absent {
            take(role, &found, in_arena, parsed);
        }
    }
}

/// Takes a role that was found inside, if it was.
fn take(role: Role, found: &RoleMatches, in_arena: bool, parsed: &mut ParsedEvent) {
    let inner = found.slots[role as usize];
    if inner.form == Form::Absent {
        return;
    }
    parsed.slots[role as usize] = Slot { in_arena, ..inner };
    if role == Role::Duration {
        parsed.unit = found.unit;
    }
}

/// Takes roles from a JSON object behind prose: `no answer {"status": 503, "path": "/pay"}`, as zap
/// and Monolog write it. What the text says of itself stands; the object only adds to it.
pub(super) fn parse_behind_prose(names: &Names, context: &mut TimeContext, buffer: &[u8], parsed: &mut ParsedEvent) {
    const ADDED: [Role; 5] = [Role::Trace, Role::Operation, Role::Duration, Role::Status, Role::ErrorCode];
    let message = parsed.slots[Role::Message as usize];
    let text = message.span.of(buffer);
    if !matches!(text.trim_ascii_end().last(), Some(b'}' | b']')) {
        return;
    }
    // The first of them: there may be objects in it.
    let begins = |at: &usize| matches!(text[at - 1], b' ' | b'\t') && text.get(at + 1) == Some(&b'"');
    let Some(at) = memchr::memchr_iter(b'{', text).filter(|at| *at > 0).find(begins).map(|at| at - 1) else { return };
    let mut found = RoleMatches::default();
    let start = message.span.start as usize + at + 1;
    if found.object(&buffer[..message.span.end()], start, names, context).is_err() {
        return;
    }
    let duration = &found.slots[Role::Duration as usize];
    if found.unit_is_open && text[at] == b'\t' && duration.span.of(buffer).contains(&b'.') {
        // zap writes a fraction of seconds behind a tab.
        found.unit = Unit::Seconds;
    }
    for role in ADDED {
        if parsed.slots[role as usize].form == Form::Absent {
            take(role, &found, message.in_arena, parsed);
        }
    }
}

/// Without the newline that Docker and Fluent Bit leave at the end.
fn trimmed(span: Span, buffer: &[u8]) -> Span {
    let text = span.of(buffer);
    let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |i| i + 1);
    Span::new(span.start as usize, span.start as usize + end)
}
