//! Sentences for `input`: a stalled input, or a source whose clock is off.

use super::words::member;
use super::{Language, Subject, lasting, spaced};
use crate::engine::finding::{ClockEvidence, Finding, InputEvidence};

/// What is said of one kind.
struct KindTexts {
    meaning: &'static str,
    remedy: &'static str,
}

const STALLED: KindTexts = KindTexts {
    meaning: "不再有任何日志到达：静默的是整个输入，而不是某一个服务。",
    remedy: "检查为本管道供数的环节：采集器、其来源、磁盘、网络",
};
const CLOCK: KindTexts = KindTexts {
    meaning: "某个来源的时间与其他来源不一致。检测时已将其对齐，日志行内的时间保持原样。",
    remedy: "用 NTP 校准该来源的时钟，或配置其时区；若日志晚到，请检查其采集器",
};

fn words(kind: &str) -> KindTexts {
    if kind == "clock" { CLOCK } else { STALLED }
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    words(&finding.kind).meaning
}

pub(super) fn remedy(kind: &str) -> &'static str {
    words(kind).remedy
}

pub(super) fn summary(evidence: &InputEvidence) -> String {
    let InputEvidence { idle_s, longest_s, .. } = evidence;
    format!("所有输入中断：已 {}没有数据，此前最长间隔 {}", lasting(*idle_s), lasting(*longest_s))
}

pub(super) fn clock_summary(subject: &Subject<'_>, evidence: &ClockEvidence) -> String {
    let (name, value) = subject.key.0.first().map(|(name, value)| (&**name, &**value)).unwrap_or_default();
    let (name, by) = (member(name), Language::Zh.duration(evidence.ahead_s.abs()));
    if evidence.ahead_s > 0.0 {
        return format!("{name} {value} 的时钟比其他来源快 {by}");
    }
    format!("{name} {value} 的时钟比其他来源慢 {by}，或其日志晚到")
}

pub(super) fn next_step(finding: &Finding, place: &str) -> String {
    if finding.kind == "clock" {
        return format!("检查{}的时钟和时区。", spaced(place));
    }
    "检查向 seismolog 写入的一方：采集器、其文件、其连接。".to_owned()
}
