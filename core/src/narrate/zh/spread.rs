//! Sentences for `spread`: failures concentrated on one value of a dimension.

use super::words::member;
use super::{Subject, counted, lasting, saying, spaced};
use crate::engine::finding::ShareEvidence;
use crate::narrate::percent;
use crate::narrate::quantity::{Noun, number};

pub(super) const MEANING: &str = "失败集中在这一个值上，其他值很少或没有失败。";

pub(super) fn summary(subject: &Subject<'_>, evidence: &ShareEvidence) -> String {
    let (count, of) = (number(subject.measured.observed.round()), counted(evidence.of, Noun::Failure));
    // By name: a key that was read back has its members in another order.
    let Some((dimension, value)) = subject.key.0.iter().find(|(name, _)| name != "module") else {
        return String::new();
    };
    let module = subject.key.value("module").map_or_else(String::new, |module| format!("{module} 的 "));
    let usual = percent(subject.measured.expected.unwrap_or_default() / evidence.of.max(1.0));
    let (lasted, text) = (lasting(evidence.lasted_s), saying(subject.evidence));
    let what = if dimension == "host" { "单节点异常" } else { "失败集中" };
    let dimension = member(dimension);
    format!("{dimension} {value} {what}：{lasted}内 {module}{of}中有 {count} 次在此（平时 {usual}%）{text}")
}

pub(super) fn next_step(place: &str) -> String {
    format!("先检查{}，可以的话先将其摘除。", spaced(place).trim_end())
}
