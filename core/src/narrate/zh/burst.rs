//! Sentences for `burst`: more errors, or warnings, than the learned rate.

use super::{Subject, counted, lasting, saying, spaced, usually};
use crate::engine::finding::{Finding, Key, RateEvidence, unit};
use crate::event::Role;
use crate::narrate::percent;
use crate::narrate::quantity::{Noun, number};

pub(super) fn summary(subject: &Subject<'_>, evidence: &RateEvidence) -> String {
    let (observed, expected) = (subject.measured.observed, subject.measured.expected.unwrap_or_default());
    let (place, lasted, text) = (place(subject.key), lasting(evidence.lasted_s), saying(subject.evidence));
    if let Some(requests) = evidence.requests {
        let (of, usual) = (counted(requests, Noun::Request), percent(expected / requests));
        let failed = number(observed.round());
        return format!("{place}失败率升高：{lasted}内 {of}中有 {failed} 个失败（平时 {usual}%）{text}");
    }
    let (noun, what) = match &*subject.measured.unit {
        unit::WARNINGS => (Noun::Warning, "警告激增"),
        _ => (Noun::Error, "错误激增"),
    };
    let (errors, usual) = (counted(observed, noun), usually(expected, evidence.lasted_s, "个"));
    format!("{place}{what}：{lasted}内 {errors}（{usual}）{text}")
}

fn place(key: &Key) -> String {
    match key.0.first() {
        Some((name, code)) if name == Role::ErrorCode.name() => format!("错误码 {code} "),
        Some((name, _)) if name == "scope" => "所有模块".to_owned(),
        Some((_, module)) => format!("{module} "),
        None => "日志流".to_owned(),
    }
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "share" => "这里失败的请求占比高于平时。",
        _ if finding.measured.unit == unit::WARNINGS => "这里的警告多于平时：无论按时间还是按当时的流量计算。",
        _ => "这里的错误多于平时：无论按时间还是按当时的流量计算。",
    }
}

pub(super) fn next_step(finding: &Finding, place: &str) -> String {
    let what = if finding.measured.unit == unit::WARNINGS { "警告" } else { "错误" };
    let of = match finding.key.0.first() {
        Some((name, _)) if name == "scope" => "各模块".to_owned(),
        _ => spaced(place),
    };
    format!("查看{of}最早出现的{what}，以及在此之前有何变更。")
}
