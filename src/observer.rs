//! Who is told what happens to the stream: the flow tells, metrics and log listen, and neither
//! knows the other.

use crate::engine::finding::Finding;
use crate::engine::{Engine, Outcome};
use crate::event::{Fault, Fields};

/// Told what has happened, once a batch; serves metrics and the log.
pub trait Observer {
    /// A batch has left: `read` bytes came, `written` went out, in `seconds`.
    fn batch(&mut self, engine: &mut Engine, read: usize, written: usize, seconds: f64);
    /// An event had something to say that is no event: a fault, or what a rule printed.
    fn aside(&mut self, outcome: &Outcome);
    /// An event could not be annotated; its findings left on their own.
    fn fault(&mut self, fault: Fault);
    /// The run is over, because the input has ended or because what came of it could not leave.
    fn ended(&mut self, _engine: &Engine) {}
    /// Every finding, in the order of the stream, also those that went onto events; `event` is the
    /// one that shows them.
    fn findings(&mut self, _findings: &[Finding], _event: Option<&Fields<'_>>) {}
    /// Findings that no output carries.
    fn unheard(&mut self, findings: &[Finding]);
}
