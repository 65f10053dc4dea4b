//! `key=value` pairs behind prose: `request done path=/x status=503 duration=1.25s`.
//!
//! The pairs stay in the message, which is a person's text; only those whose names fill a role are
//! looked at later. A pair in a sentence is as good as one in a column: nobody writes `status=503`
//! by chance.

use std::ops::Range;

use super::super::level::Level;
use super::{LayoutMatch, LayoutMember, LayoutName, ValueForm, text};

/// How many pairs of a message are taken.
const MOST: usize = 32;
/// How far a message is searched.
const FARTHEST: usize = 8 << 10;

/// Adds the pairs of the message to the members.
pub(super) fn read(line: &[u8], matched: &mut LayoutMatch) {
    if matched.message_form == ValueForm::Quoted || matches!(matched.layout, "logfmt" | "ltsv") {
        return;
    }
    let end = matched.message.end.min(matched.message.start + FARTHEST);
    let message = &line[matched.message.start..end];
    let before = matched.members.len();
    let mut from = 0;
    for equals in memchr::memchr_iter(b'=', message) {
        if equals < from || matched.members.len() - before >= MOST {
            continue;
        }
        let Some(name) = name_before(message, equals) else { continue };
        let Some((value, form)) = value_behind(message, equals + 1) else { continue };
        from = value.end;
        if matched.level.is_none()
            && text::is_level_key(&message[name.clone()])
            && let Some(level) = Level::from_text(&message[value.clone()])
        {
            matched.say(level, 0..0);
        }
        let moved = |range: Range<usize>| range.start + matched.message.start..range.end + matched.message.start;
        let member = LayoutMember { name: LayoutName::Written(moved(name)), value: moved(value), form };
        matched.members.push(member);
    }
}

/// The name that ends at the sign, behind a blank, a comma or an opening bracket.
fn name_before(message: &[u8], equals: usize) -> Option<Range<usize>> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@');
    let start = message[..equals].iter().rposition(|byte| !is_name(byte)).map_or(0, |at| at + 1);
    let lead = start.checked_sub(1).map_or(b' ', |at| message[at]);
    (start < equals && matches!(lead, b' ' | b'\t' | b',' | b';' | b'[' | b'(' | b'{' | b'|')).then_some(start..equals)
}

/// The value behind the sign: a quoted string, or a word without the marks at its end.
fn value_behind(message: &[u8], at: usize) -> Option<(Range<usize>, ValueForm)> {
    if message.get(at) == Some(&b'"') {
        let inside = text::quoted(message, at)?;
        let form = ValueForm::of_quoted(&message[inside.clone()]);
        return Some((inside, form));
    }
    let rest = &message[at..];
    let end =
        rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b',' | b';' | b'|' | b'&')).unwrap_or(rest.len());
    let word = rest[..end].trim_ascii_end();
    let word = word.strip_suffix(b".").unwrap_or(word);
    let closed = |open: u8| !word.contains(&open);
    let word = match word.last() {
        Some(b']') if closed(b'[') => &word[..word.len() - 1],
        Some(b')') if closed(b'(') => &word[..word.len() - 1],
        Some(b'}') if closed(b'{') => &word[..word.len() - 1],
        _ => word,
    };
    (!word.is_empty()).then(|| (at..at + word.len(), ValueForm::of(word)))
}
