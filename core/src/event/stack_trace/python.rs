//! Python: tracebacks, groups of exceptions, chains.

use super::{Begin, Step, TraceLine, TraceState, name, ruby};
use memchr::memmem;

const HEAD: &[u8] = b"Traceback (most recent call last)";

pub(super) fn goes_on(place: TraceState, line: TraceLine<'_>) -> Option<Step> {
    let TraceLine { text, indented } = line;
    if place == TraceState::Python {
        // Frames, source lines, markers, repeats, and what the borders of a group hold.
        if indented {
            let inside = behind_borders(text);
            let frame = inside.starts_with(b"File \"") || ruby::is_frame(inside);
            return Some(if frame { Step::frame(place) } else { Step::on(place) });
        }
        // Before Ruby 3 its tracebacks looked like these, and end with the place.
        return (name::of_python(text).is_some() || ruby::begins(text).is_some())
            .then(|| Step::on(TraceState::PythonEnd));
    }
    let chained = text.starts_with(b"During handling of the above exception")
        || text.starts_with(b"The above exception was the direct cause");
    if chained {
        return Some(Step::on(place));
    }
    if is_head(text) {
        return Some(Step::on(TraceState::Python));
    }
    // A group's further members, and the indented lines of what an exception says.
    indented.then(|| {
        let inside = behind_borders(text);
        if inside.starts_with(b"File \"") { Step::frame(TraceState::Python) } else { Step::on(place) }
    })
}

/// `Traceback (most recent call last):`, `  + Exception Group Traceback (most recent call last):`,
/// `Exception in thread Thread-1:`.
pub(super) fn begins(line: TraceLine<'_>) -> Option<(TraceState, Begin)> {
    let TraceLine { text, indented } = line;
    if is_head(text) && (!indented || text.starts_with(b"+ ")) {
        return Some((TraceState::Python, Begin::Traceback));
    }
    let thread =
        !indented && text.starts_with(b"Exception in thread ") && text.ends_with(b":") && !text.contains(&b'"');
    thread.then_some((TraceState::PythonEnd, Begin::Panic))
}

fn is_head(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"+ ").unwrap_or(text).trim_ascii_start();
    let text = text.strip_prefix(b"| ").unwrap_or(text);
    text.starts_with(HEAD)
        || text.starts_with(b"Exception Group Traceback (")
        || (text.starts_with(b"Traceback (") && memmem::find(text, b"call last):").is_some())
}

/// What stands behind the borders of a group.
fn behind_borders(text: &[u8]) -> &[u8] {
    let borders = text.iter().take_while(|byte| matches!(byte, b'|' | b' ' | b'+' | b'-')).count();
    &text[borders..]
}
