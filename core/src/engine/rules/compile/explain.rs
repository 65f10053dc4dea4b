//! An evaluation's failure in a person's words.

use rhai::{EvalAltResult, Position};

/// Where and why an evaluation failed. `limit` is the number of operations that ends one.
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
            // Rhai appends the position, which stands before the message here.
            let text = other.to_string();
            let end = text.rfind(" (line ").unwrap_or(text.len());
            text[..end].to_owned()
        }
    };
    (position, message)
}
