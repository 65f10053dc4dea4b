//! Messages to people about findings, independent of how they are sent: the notice of a finding,
//! what each service is sent and how its answer is read, and payload templates. The configuration
//! validates templates and addresses; sinks render them.

pub mod answer;
pub mod chat;
pub mod format;
pub mod mail;
pub mod notice;
pub mod slack;
pub mod template;
