//! Stack traces in a single field of an event.

use crate::event::stack_trace::{self, Stack};
use crate::event::{Fields, Role, Shape, Value};

/// Members that may contain a whole stack trace.
const MEMBERS: [&str; 27] = [
    "stack_trace",
    "stacktrace",
    "stackTrace",
    "stack",
    "exception",
    "Exception",
    "exc_info",
    "exc_text",
    "traceback",
    "backtrace",
    "error.stack_trace",
    "error.stack",
    "err.stack",
    "error.stacktrace",
    "exception.stacktrace",
    "exception.stack_trace",
    "exception.stackTrace",
    "attributes.exception.stacktrace",
    "thrown.extendedStackTrace",
    "@x",
    "errorVerbose",
    "error",
    "err",
    "throwable",
    "full_message",
    "context.exception",
    "details",
];

/// The stack trace in a field of the event, if there is one.
#[inline]
#[must_use]
pub fn in_field(fields: &Fields<'_>) -> Option<Stack> {
    let parsed = fields.parsed();
    if parsed.may_have_trace { read_field(fields, parsed.shape == Shape::Json) } else { None }
}

#[cold]
fn read_field(fields: &Fields<'_>, json: bool) -> Option<Stack> {
    let in_message = fields.text(Role::Message).and_then(|text| stack_trace::stack_in(text.as_bytes()));
    if in_message.is_some() || !json {
        return in_message;
    }
    MEMBERS.into_iter().find_map(|name| match fields.member(name)? {
        Value::Text(text) => stack_trace::stack_in(text.as_bytes()),
        // One frame or more an element.
        Value::Nested(json) if json.starts_with('[') => {
            let lines: Vec<String> = serde_json::from_str(&json).ok()?;
            stack_trace::stack_in(lines.join("\n").as_bytes())
        }
        _ => None,
    })
}
