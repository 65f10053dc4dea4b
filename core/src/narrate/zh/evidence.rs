//! Evidence as one line.

use super::latency::duration;
use super::{counted, lasting, usually};
use crate::engine::finding::{
    Evidence, Finding, LatencyEvidence, Measured, NoveltyEvidence, RateEvidence, ShareEvidence, SilenceEvidence,
    UnfinishedEvidence, unit,
};
use crate::narrate::quantity::{Noun, number, thousands};
use crate::narrate::{Language, percent, ratio};

pub(crate) fn numbers(finding: &Finding) -> String {
    let measured = &finding.measured;
    let (observed, window_s) = (measured.observed, measured.window_s.unwrap_or_default());
    let expected = measured.expected.unwrap_or_default();
    let lasted = lasting(window_s);
    match &finding.evidence {
        Evidence::Loop(_) => {
            let (seen, usual) = (Language::Zh.quantity(observed, &measured.unit), usually(expected, 1.0, "行"));
            format!("{lasted}内{seen}，{usual}{}", factor(observed, expected))
        }
        Evidence::Guard(_) => {
            let lines = counted(measured.samples as f64, Noun::Line);
            format!("至今 {lines}；{lasted}内上限 {} 行", number(expected))
        }
        Evidence::Rate(RateEvidence { requests: Some(requests), .. }) => {
            let (share, usual) = (percent(observed / requests), percent(expected / requests));
            format!("{lasted}内失败 {share}%，平时 {usual}%{}", factor(observed, expected))
        }
        Evidence::Rate(_) if window_s <= 0.0 => plainly(measured),
        Evidence::Rate(_) => {
            let noun = if measured.unit == unit::WARNINGS { Noun::Warning } else { Noun::Error };
            let (seen, a_time) = (counted(observed, noun), Language::Zh.rate(observed / window_s.max(1e-3)));
            let usual = usually(expected, window_s, "个");
            format!("{lasted}内 {seen}：{a_time} 个，{usual}{}", factor(observed, expected))
        }
        Evidence::Share(ShareEvidence { of, .. }) if *of < observed => plainly(measured),
        Evidence::Share(ShareEvidence { of, modules, .. }) => {
            let (share, usual) = (percent(observed / of.max(1.0)), percent(expected / of.max(1.0)));
            let modules = modules.map_or_else(String::new, |modules| format!("；涉及 {modules} 个模块的失败"));
            format!("占全部失败的 {share}%，平时 {usual}%{}{modules}", factor(observed, expected))
        }
        Evidence::Latency(evidence) if evidence.quantiles_ms[4] <= 0.0 => plainly(measured),
        Evidence::Latency(evidence) => latency(evidence, measured),
        Evidence::Unfinished(UnfinishedEvidence { unfinished, finished, .. }) => {
            let (waited, done) = (duration(observed), thousands(*finished));
            format!("已等待 {waited}；{} 次未完成，{done} 次已完成", thousands(*unfinished))
        }
        Evidence::Silence(SilenceEvidence { events_of_others, .. }) => {
            let others = counted(*events_of_others, Noun::Event);
            format!("{lasted}没有日志，此前最长间隔 {}；期间其他来源有 {others}", lasting(expected))
        }
        // What is told because it is a FATAL may be nothing rare.
        Evidence::Novelty(NoveltyEvidence { again, .. }) if *again || measured.p_value.is_none() => String::new(),
        Evidence::Novelty(_) => {
            let seen = thousands(measured.samples);
            format!("在 {seen} 条警告和错误中首次出现，历时 {lasted}")
        }
        Evidence::Input(_) => format!("{lasted}没有输入，此前最长间隔 {}", lasting(expected)),
        Evidence::Clock(_) => String::new(),
        Evidence::Storm(_) => format!("{lasted}内 {}", counted(observed, Noun::Incident)),
        Evidence::Rule(_) if window_s > 0.0 => {
            format!("{lasted}内 {}", Language::Zh.quantity(observed, &measured.unit))
        }
        Evidence::Rule(_) => String::new(),
    }
}

/// The observed and the usual value, where findings of other versions have no more.
fn plainly(measured: &Measured) -> String {
    let (observed, expected) = (measured.observed, measured.expected.unwrap_or_default());
    let usual = match &*measured.unit {
        unit @ ("ms" | "s") => Language::Zh.quantity(expected, unit),
        _ => number(expected),
    };
    let seen = Language::Zh.quantity(observed, &measured.unit);
    format!("{seen}，平时 {usual}{}", factor(observed, expected))
}

fn latency(evidence: &LatencyEvidence, measured: &Measured) -> String {
    let [_, median, _, nine_in_ten, nearly_all] = evidence.quantiles_ms;
    let (seen, usual) = (measured.observed, measured.expected.unwrap_or_default());
    let of = if evidence.shift.is_some() { "p50" } else { "p99" };
    let factor = match factor(seen, usual) {
        none if none.is_empty() => none,
        factor => factor.replacen("平时", &format!("平时 {of} "), 1),
    };
    let [seen, median, nine_in_ten, nearly_all] = [seen, median, nine_in_ten, nearly_all].map(duration);
    format!("{seen}，平时 p50 {median}、p90 {nine_in_ten}、p99 {nearly_all}{factor}")
}

/// `：为平时的 5.4 倍`, `：比平时高 12%`
fn factor(observed: f64, usual: f64) -> String {
    match ratio(observed, usual) {
        Some(ratio) if ratio >= 1.95 => format!("：为平时的 {} 倍", number(ratio)),
        Some(ratio) if ratio > 1.005 => format!("：比平时高 {}%", number((ratio * 100.0 - 100.0).round())),
        Some(ratio) if ratio < 0.995 => format!("：比平时低 {}%", number((100.0 - ratio * 100.0).round())),
        _ => String::new(),
    }
}
