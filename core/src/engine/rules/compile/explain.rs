//! Readable messages for errors of an evaluation.

use rhai::{EvalAltResult, Position};

/// The position and the cause of an error. `limit` is the operation limit, if known.
pub(crate) fn explain(error: EvalAltResult, limit: Option<u64>) -> (Position, String) {
    let mut error = &error;
    let mut position = error.position();
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
        error = inner;
        position = if error.position().is_none() { position } else { error.position() };
    }
    let message = match error {
        EvalAltResult::ErrorTerminated(token, _) if token.as_bool() == Ok(true) => {
            "stopped: it took too long".to_owned()
        }
        EvalAltResult::ErrorTerminated(..) => limit.map_or_else(
            || "stopped: too many operations".to_owned(),
            |limit| format!("stopped after {limit} operations"),
        ),
        EvalAltResult::ErrorRuntime(message, _) if message.is_string() => message.to_string(),
        other => {
            // Rhai appends the position to the message; here it is shown elsewhere.
            let text = other.to_string();
            let end = text.rfind(" (line ").unwrap_or(text.len());
            text[..end].to_owned()
        }
    };
    (position, message)
}
