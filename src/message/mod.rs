//! Messages to people about findings, independent of how they are sent: the notice of a finding,
//! and the payload template of a webhook. The configuration validates templates; sinks render them.

pub mod notice;
pub mod template;
