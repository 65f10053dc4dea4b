//! What people are told of findings, whoever carries it: a finding as a notice, and the payload
//! template that a webhook's message is written by. The configuration checks such templates, and
//! sinks render them.

pub mod notice;
pub mod template;
