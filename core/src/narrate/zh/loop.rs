//! Sentences for `loop`: repeated lines, and configured limits on repeats (guards).

use super::{Subject, at, lasting, spaced};
use crate::engine::finding::{Finding, GuardEvidence, LoopEvidence};
use crate::narrate::example;

pub(super) fn summary(subject: &Subject<'_>, evidence: &LoopEvidence) -> String {
    let LoopEvidence { period, repeats, variants, counter, lasted_s, .. } = evidence;
    let text = example(subject.evidence);
    let (what, aside) = match period {
        1 => {
            let what = text.unwrap_or_else(|| "同一行".to_owned());
            (if *variants > 1 { format!("{what}（{variants} 种变体）") } else { what }, String::new())
        }
        period => (format!("同样的 {period} 行"), text.map_or_else(String::new, |first| format!("（{first}等）"))),
    };
    let counting = counter.map_or_else(String::new, |[from, to]| format!("，其中只有一个数字从 {from} 变到 {to}"));
    // With one timestamp for all lines they were written as a batch, or the clock is coarse.
    let within =
        if *lasted_s <= 1e-3 { "在同一时刻".to_owned() } else { format!("在 {}内", lasting(*lasted_s)) };
    let (place, from) = (at(subject.key), from(evidence));
    format!("{place}陷入循环：{what}{within}重复 {repeats} 次{from}{counting}{aside}")
}

/// How many threads write the repeated lines.
fn from(evidence: &LoopEvidence) -> String {
    match evidence.actors {
        _ if evidence.new_threads => "，每次来自新的线程".to_owned(),
        Some(actors) if actors != 1 => format!("，来自 {actors} 个线程"),
        _ => String::new(),
    }
}

pub(super) fn guard_summary(subject: &Subject<'_>, evidence: &GuardEvidence) -> String {
    let (place, total) = (at(subject.key), subject.measured.samples);
    let (count, within) = (evidence.repeats, lasting(evidence.within_s));
    let what = example(subject.evidence).unwrap_or_else(|| "同一行".to_owned());
    let allowed = subject.measured.threshold.unwrap_or_default();
    let total = if total > count { format!("，累计 {total} 次") } else { String::new() };
    format!("{place}重复次数超限：{what}在 {within}内出现 {count} 次，上限 {allowed} 次{total}")
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "cycle" => "同样几行日志在同一处反复循环，快于以往任何时候。",
        "counter" => "同一行日志反复出现，只有其中的计数在变，像是一直不成功的重试。",
        "guard" => "同一行日志的次数超过了配置的上限。",
        _ => "同一行日志在同一处反复出现，快于以往任何时候。",
    }
}

pub(super) fn next_step(place: &str) -> String {
    let who = if place.is_empty() { "它" } else { place };
    format!("检查{}在等待或重试什么，以及为什么一直得不到。", spaced(who))
}
