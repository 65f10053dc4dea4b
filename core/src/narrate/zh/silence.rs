//! Sentences for `silence`: keys without events.

use super::words::member;
use super::{Subject, lasting, spaced};
use crate::engine::finding::SilenceEvidence;

pub(super) const MEANING: &str = "以前一直有日志的对象不再输出日志。";

pub(super) fn summary(subject: &Subject<'_>, evidence: &SilenceEvidence) -> String {
    let SilenceEvidence { also, unlisted, silent_s, longest_s, .. } = evidence;
    let (name, value) = subject.key.0.first().map(|(name, value)| (&**name, &**value)).unwrap_or_default();
    let mut said = format!("{} {value} 静默：已 {}没有日志", member(name), lasting(*silent_s));
    if *longest_s > 0.0 {
        said.push_str(&format!("，此前最长间隔 {}", lasting(*longest_s)));
    }
    if !also.is_empty() {
        said.push_str(&format!(
            "；同时静默的有 {}",
            also.iter().map(|name| named(name)).collect::<Vec<_>>().join("、")
        ));
    }
    if *unlisted > 0 {
        said.push_str(&format!("，另有 {unlisted} 个"));
    }
    said
}

/// `host h1`, with the Chinese name of the member.
fn named(also: &str) -> String {
    also.split_once(' ').map_or_else(|| also.to_owned(), |(name, value)| format!("{} {value}", member(name)))
}

pub(super) fn next_step(place: &str) -> String {
    format!("检查{}是否仍在运行，其日志是否还能送达。", spaced(place))
}
