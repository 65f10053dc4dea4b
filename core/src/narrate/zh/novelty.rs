//! Sentences for `novelty`: templates and exceptions seen for the first time.

use super::{Subject, lasting, saying};
use crate::engine::finding::{Finding, NoveltyEvidence};
use crate::event::Level;
use crate::plain::plain;

pub(super) fn summary(subject: &Subject<'_>, evidence: &NoveltyEvidence) -> String {
    let value = |name| subject.key.value(name);
    let name = value("exception").unwrap_or_default();
    let kind = match evidence.level {
        Some(Level::Fatal) => "致命错误",
        Some(Level::Warn) => "警告",
        _ => "错误",
    };
    let what = match (subject.kind, value("stack")) {
        ("template", _) if evidence.again => format!("再次出现{kind}"),
        ("template", _) => format!("出现新{kind}"),
        (_, Some(_)) if name == "a stack" => "出现新的堆栈".to_owned(),
        (_, Some(_)) => format!("在新的位置抛出 {name}"),
        (_, None) => format!("出现新异常 {name}"),
    };
    let place = value("module").map_or_else(String::new, |module| format!("{module} "));
    let none = if evidence.again || evidence.running_s <= 0.0 {
        String::new()
    } else {
        format!("（此前 {}内没有同类）", lasting(evidence.running_s))
    };
    let more = match evidence.kinds {
        0 | 1 => String::new(),
        kinds => format!("，另有 {} 种新错误", kinds - 1),
    };
    format!("{place}{what}{}{none}{more}", saying(subject.evidence))
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "exception" => "日志流中从未出现过这样的异常。",
        _ => "日志流中从未出现过这样的日志。",
    }
}

pub(super) fn next_step(finding: &Finding) -> String {
    let value = |name| finding.key.value(name).map(plain);
    let place = value("module").map_or_else(String::new, |module| format!(" {module} "));
    match value("exception") {
        Some(name) if name != "a stack" => {
            format!("查找{place}中何处抛出 {name}，以及在此之前有何发布或变更。")
        }
        _ => format!("检查{place}在此之前有何发布或变更。"),
    }
}
