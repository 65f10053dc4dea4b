//! Writes a finding that no event carries as an event of seismolog's own.

use super::annotate::{ANNOTATION_BYTES, ANNOTATION_FRAME};
use crate::engine::finding::{Finding, Severity, State};
use crate::event::Level;
use crate::event::unescape::escape_into;

/// Writes a finding as an event of its own, with a line end.
pub fn write_event(finding: &Finding, member: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"timestamp\":\"");
    finding.said_at.write_rfc3339(out);
    out.extend_from_slice(b"\",\"level\":\"");
    out.extend_from_slice(level_of(finding).name().as_bytes());
    out.extend_from_slice(b"\",\"source\":\"seismolog\",\"message\":\"");
    escape_into(finding.summary.title().as_bytes(), out);
    out.extend_from_slice(b"\",\"");
    escape_into(member.as_bytes(), out);
    out.extend_from_slice(b"\":[");
    finding.write(ANNOTATION_BYTES - ANNOTATION_FRAME, out);
    out.extend_from_slice(b"]}\n");
}

/// The level of such an event: resolved incidents and findings of severity info are INFO.
fn level_of(finding: &Finding) -> Level {
    match (finding.state, finding.severity) {
        (State::Resolved, _) | (_, Severity::Info) => Level::Info,
        (_, Severity::Warning) => Level::Warn,
        (_, Severity::Critical) => Level::Error,
    }
}
