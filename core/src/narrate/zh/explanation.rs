//! The full explanation of a finding: what happened and where, the numbers and since when, what to
//! check, and last how sure this is.

use super::words::{severity, test_name};
use super::{counted, lasting, meaning, next_step};
use crate::engine::finding::{DetectorName, Finding, State};
use crate::narrate::quantity::Noun;
use crate::narrate::{Explanation, InShort, Language, numbers, quotes, sentence};
use crate::plain::plain;
use std::fmt::Write as _;

pub(crate) fn whole(finding: &Finding) -> Explanation {
    let paragraphs: [&[Option<String>]; 6] = [
        &[Some(headline(finding))],
        &[how_much(finding), Some(standing(finding))],
        &[Some(meaning(finding).to_owned()), next_step(finding), urgency(finding)],
        &[finding.cause.as_ref().map(|cause| format!("原因：{}", sentence(cause, '。')))],
        &[finding.remedy.as_ref().map(|remedy| format!("处置建议：{}", sentence(remedy, '。')))],
        &[Some(how_sure(finding))],
    ];
    let joined = |sentences: &[Option<String>]| {
        let sentences: Vec<&str> = sentences.iter().flatten().map(String::as_str).collect();
        (!sentences.is_empty()).then(|| sentences.concat())
    };
    Explanation {
        paragraphs: paragraphs.into_iter().filter_map(joined).collect(),
        quotes: quotes(finding, "之前的日志：", "日志示例："),
        reference: format!("告警 {}", plain(&finding.id)),
    }
}

pub(crate) fn in_short(finding: &Finding) -> InShort {
    let how_much = how_much(finding);
    if finding.detector == DetectorName::Rule {
        return InShort { meaning: how_much.unwrap_or_default(), ..InShort::default() };
    }
    let sentences: Vec<String> = [how_much, Some(meaning(finding).to_owned())].into_iter().flatten().collect();
    let odds = finding.measured.p_value.is_some().then(|| how_sure(finding));
    InShort { meaning: sentences.concat(), next_step: next_step(finding), odds }
}

fn headline(finding: &Finding) -> String {
    let what = match &finding.rule {
        Some(rule) => format!("规则 {rule}"),
        None => format!("{}/{}", finding.detector.name(), finding.kind),
    };
    // The ending is left out: `standing` reports it.
    format!("{}（{what}）：{}", severity(finding.severity), sentence(&finding.summary.sentence, '。'))
}

/// When it began, how long it lasted and how many events it had.
fn standing(finding: &Finding) -> String {
    let since = crate::narrate::utc(finding.opened_at);
    let events = counted(finding.count as f64, Noun::Event);
    match finding.state {
        State::Open => format!("发现于 {since}，当时涉及 {events}。"),
        State::Ongoing => format!("自 {since} 起仍在持续，至今涉及 {events}。"),
        State::Resolved => match finding.duration_s {
            Some(seconds) if seconds > 0.0 => {
                format!("始于 {since}，{}后恢复，共涉及 {events}。", lasting(seconds))
            }
            _ => format!("发现于 {since}，已恢复，共涉及 {events}。"),
        },
    }
}

/// The numbers as a sentence.
fn how_much(finding: &Finding) -> Option<String> {
    let numbers = numbers(Language::Zh, finding);
    (!numbers.is_empty()).then(|| sentence(&numbers, '。'))
}

/// How rare the observation is by chance, the threshold, and the samples behind it.
fn how_sure(finding: &Finding) -> String {
    let measured = &finding.measured;
    let Some(p) = measured.p_value else {
        return match finding.detector {
            DetectorName::Rule => "由规则判定，不涉及概率。".to_owned(),
            _ => "未经统计检验，不涉及概率。".to_owned(),
        };
    };
    let mut text = format!("若没有故障，偶然出现这种情况的概率为 p = {p:e}");
    if let Some(threshold) = measured.threshold.filter(|threshold| *threshold > 0.0 && *threshold < 1.0) {
        let _ = write!(text, "，低于阈值 {threshold:e} 才会告警");
    }
    let _ = write!(text, "（{}，{}", test_name(&measured.test), counted(measured.samples as f64, Noun::Sample));
    if let Some(window_s) = measured.window_s.filter(|seconds| *seconds > 0.0) {
        let _ = write!(text, "，窗口 {}", lasting(window_s));
    }
    text.push_str("）。");
    text
}

fn urgency(finding: &Finding) -> Option<String> {
    let within = finding.respond_within.as_ref()?;
    (finding.state != State::Resolved).then(|| format!("请在 {within} 内响应。"))
}
