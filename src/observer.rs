//! The interface through which the pipeline reports what happens. Metrics and log implement it, so
//! that the pipeline does not depend on them.

use crate::engine::finding::Finding;
use crate::engine::{Engine, Outcome};
use crate::event::{Fault, Fields};

/// Is told what happens, so that metrics and log can show it.
pub trait Observer {
    /// A batch has been written: `read` bytes came in, `written` went out, in `seconds`.
    fn batch(&mut self, engine: &mut Engine, read: usize, written: usize, seconds: f64);
    /// An event had a fault, a near miss, or a line that a rule printed.
    fn aside(&mut self, outcome: &Outcome);
    /// An event could not be annotated; its findings left as events of their own.
    fn fault(&mut self, fault: Fault);
    /// The run is over, because the input ended or the output failed.
    fn ended(&mut self, _engine: &Engine) {}
    /// All findings, in the order of the stream, including those that annotate an event; `event` is
    /// the event that shows them.
    fn findings(&mut self, _findings: &[Finding], _event: Option<&Fields<'_>>) {}
    /// Findings that the output stream cannot carry. Sinks get them; without sinks, the log does.
    fn unheard(&mut self, findings: &[Finding]);
}
