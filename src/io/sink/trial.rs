//! A test message through one sink, at once and by the way that findings take, with what the server
//! answers.

use super::transport::{Message, Undelivered};
use super::{Link, Machine, SinkError, link, local};
use crate::config::Config;
use crate::engine::finding::Severity;
use crate::io::clock;
use crate::message::notice::Notice;
use std::time::Instant;

/// How a trial went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// The server took the message.
    Taken {
        /// What was sent.
        sent: Message,
        /// What the server answered.
        answer: String,
        /// What went wrong all the same.
        but: Option<String>,
    },
    /// It did not.
    NotTaken {
        /// What was sent.
        sent: Message,
        /// Why.
        why: String,
        /// Whether a finding would be sent again.
        is_tried_again: bool,
    },
    /// The sink is a file or a descriptor, whose readers expect findings only: it was opened, and
    /// nothing was written.
    Opened,
}

/// Sends a test message through the sink with this index, which is told as `name`. Filters do not
/// hold it back.
///
/// # Errors
/// When the sink cannot be opened.
pub fn send(config: &Config, index: usize, name: &str, severity: Severity) -> Result<Trial, SinkError> {
    let sink = &config.sinks[index];
    if let Some(opened) = local::open_sink(sink) {
        return opened.map(|_| Trial::Opened);
    }
    let unusable = |why: String| SinkError::Remote { sink: sink.title(), why };
    let Link { transport, mut messages } = match link(sink, &Machine::new(config)) {
        Some(link) => link.map_err(unusable)?,
        None => return Ok(Trial::Opened),
    };
    let (now, wall) = (Instant::now(), clock::now());
    messages.take(Notice::test(name, severity, wall), now, false);
    let sent = messages.message(now, wall).ok_or_else(|| unusable("it has nothing to say".to_owned()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| unusable(error.to_string()))?;
    let brought = runtime.block_on(transport.send(sent.clone()));
    // A server that does not answer is left alone.
    runtime.shutdown_background();
    Ok(match brought {
        Ok(delivered) => Trial::Taken { sent, answer: delivered.answer, but: delivered.but },
        Err(Undelivered::Later { why, .. }) => Trial::NotTaken { sent, why, is_tried_again: true },
        Err(Undelivered::Refused(why)) => Trial::NotTaken { sent, why, is_tried_again: false },
    })
}
