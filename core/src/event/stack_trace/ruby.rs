//! Ruby: frames like `app.rb:3:in 'run'`.

use super::{Begin, Step, TraceLine, TraceState, digits_at_end, digits_at_start};
use memchr::memmem;

pub(super) fn goes_on(line: TraceLine<'_>) -> Option<Step> {
    if is_frame(line.text) {
        return Some(Step::frame(TraceState::Ruby));
    }
    let elided = line.text.starts_with(b"... ") && line.text.ends_with(b" levels...");
    elided.then(|| Step::on(TraceState::Ruby))
}

/// `\tfrom app.rb:3:in 'run'`; behind the name of an exception also without `from`.
pub(super) fn frame(line: TraceLine<'_>, named: bool) -> Option<Step> {
    let from = line.text.starts_with(b"from ") || named || line.indented;
    (from && is_frame(line.text) && !line.text.ends_with(b")")).then(|| Step::frame(TraceState::Ruby))
}

/// `app.rb:3:in 'run': what it says (RuntimeError)`.
pub(super) fn begins(text: &[u8]) -> Option<(TraceState, Begin)> {
    let named = text.ends_with(b")") && is_frame(text) && super::exception(text).is_some();
    named.then_some((TraceState::Ruby, Begin::Uncaught))
}

/// A file, its line, and in what: `:3:in 'run'`, or with a grave accent before 3.4.
pub(super) fn is_frame(text: &[u8]) -> bool {
    let Some(at) = memmem::find(text, b":in ") else { return false };
    let digits = digits_at_end(&text[..at]);
    let quoted = matches!(text.get(at + 4), Some(b'\'' | b'`'));
    digits > 0 && at > digits && text[at - digits - 1] == b':' && quoted && !starts_with_digits_only(&text[..at])
}

fn starts_with_digits_only(text: &[u8]) -> bool {
    let digits = digits_at_start(text);
    digits > 0 && text[digits..].starts_with(b":") && digits + 1 + digits_at_start(&text[digits + 1..]) == text.len()
}
