//! Sentences about situations.

use crate::engine::situation::JoinReason;
use crate::narrate::{CauseOfSituation, Language, SituationStory};

/// Places that a title names.
const NAMED: usize = 6;

/// `orders-db：No space left on device；billing、catalog 等另外 3 个随之失败`
pub(in crate::narrate) fn title(story: &SituationStory<'_>) -> String {
    let mut title = match story.place {
        Some(place) if let Some(module) = story.module_of_place => format!("{place} 上的 {module}：{}", story.text),
        Some(place) if !story.text.starts_with(place) => format!("{place}：{}", story.text),
        _ => story.text.to_owned(),
    };
    if !story.others.is_empty() {
        let others = list(&story.others);
        let affected = match (story.cause, story.are_failures) {
            (CauseOfSituation::Named, true) => format!("{others}随之失败"),
            (CauseOfSituation::Named, false) => format!("{others}受到影响"),
            (CauseOfSituation::First, _) => format!("由此开始，随后是 {}", others.trim_end()),
        };
        title = format!("{title}；{affected}");
    }
    match (story.returns, story.period_s) {
        (0, _) => title,
        (1, _) => format!("{title}（已再次出现）"),
        (returns, Some(period_s)) => {
            format!("{title}（已反复出现 {returns} 次，约每 {}一次）", Language::Zh.duration(period_s))
        }
        (returns, None) => format!("{title}（已反复出现 {returns} 次）"),
    }
}

/// `billing、catalog 等另外 3 个`
fn list(names: &[&str]) -> String {
    let shown = if names.len() > NAMED { NAMED - 1 } else { names.len() };
    match names.len() - shown {
        0 => format!("{} ", names.join("、")),
        more => format!("{} 等（另有 {more} 个）", names[..shown].join("、")),
    }
}

/// `其错误提到 orders-db`
pub(in crate::narrate) fn reason(reason: &JoinReason) -> String {
    match reason {
        JoinReason::First => "故障由它开始".to_owned(),
        JoinReason::SamePlace { name, value } => format!("同属{} {value}", Language::Zh.member(name)),
        JoinReason::SameRequests { count: 1 } => "这里失败的一个请求在那里也失败".to_owned(),
        JoinReason::SameRequests { count } => format!("这里失败的 {count} 个请求在那里也失败"),
        JoinReason::Names { name } => format!("其错误提到 {name}"),
        JoinReason::Named { name } => format!("那里的错误提到 {name}"),
        JoinReason::BothName { name } => format!("两者都提到 {name}"),
        JoinReason::SameError => "错误相同".to_owned(),
        JoinReason::SameMoment { seconds } => {
            format!("在 {}内相继发生，位置相近", Language::Zh.duration(*seconds))
        }
        JoinReason::Returned { times: 1, .. } => "它再次出现".to_owned(),
        JoinReason::Returned { times, period_s } => {
            format!("它已反复出现 {times} 次，约每 {}一次", Language::Zh.duration(*period_s))
        }
    }
}
