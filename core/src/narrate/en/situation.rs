//! Sentences about situations.

use crate::engine::situation::JoinReason;
use crate::narrate::{CauseOfSituation, Language, SituationStory};

/// Places that a title names.
const NAMED: usize = 6;

/// `orders-db: No space left on device; billing, catalog and 3 more fail with it`
pub(in crate::narrate) fn title(story: &SituationStory<'_>) -> String {
    let mut title = match story.place {
        Some(place) if let Some(module) = story.module_of_place => format!("{module} on {place}: {}", story.text),
        Some(place) if !story.text.starts_with(place) => format!("{place}: {}", story.text),
        _ => story.text.to_owned(),
    };
    if !story.others.is_empty() {
        let others = list(&story.others);
        let is_one = story.others.len() == 1;
        let affected = match (story.cause, story.are_failures, is_one) {
            (CauseOfSituation::Named, true, true) => format!("{others} fails with it"),
            (CauseOfSituation::Named, true, false) => format!("{others} fail with it"),
            (CauseOfSituation::Named, false, true) => format!("{others} is affected"),
            (CauseOfSituation::Named, false, false) => format!("{others} are affected"),
            (CauseOfSituation::First, ..) => format!("it began there, then {others}"),
        };
        title = format!("{title}; {affected}");
    }
    match (story.returns, story.period_s) {
        (0, _) => title,
        (1, _) => format!("{title} (it has come back)"),
        (returns, Some(period_s)) => {
            format!("{title} (it has come back {returns} times, every {})", Language::En.duration(period_s))
        }
        (returns, None) => format!("{title} (it has come back {returns} times)"),
    }
}

/// `billing, catalog and 3 more`
fn list(names: &[&str]) -> String {
    let shown = if names.len() > NAMED { NAMED - 1 } else { names.len() };
    match (&names[..shown], names.len() - shown) {
        ([], _) => String::new(),
        ([only], 0) => (*only).to_owned(),
        ([most @ .., last], 0) => format!("{} and {last}", most.join(", ")),
        (listed, more) => format!("{} and {more} more", listed.join(", ")),
    }
}

/// `its error names orders-db`
pub(in crate::narrate) fn reason(reason: &JoinReason) -> String {
    match reason {
        JoinReason::First => "it began the situation".to_owned(),
        JoinReason::SamePlace { name, value } => format!("it is of the same {} {value}", name.replace('_', " ")),
        JoinReason::SameRequests { count: 1 } => "a request that fails here fails there too".to_owned(),
        JoinReason::SameRequests { count } => format!("{count} requests that fail here fail there too"),
        JoinReason::Names { name } => format!("its error names {name}"),
        JoinReason::Named { name } => format!("errors there name {name}"),
        JoinReason::BothName { name } => format!("both name {name}"),
        JoinReason::SameError => "its error is the same".to_owned(),
        JoinReason::SameMoment { seconds } => {
            format!("it began within {} of it, close by", Language::En.duration(*seconds))
        }
        JoinReason::Returned { times: 1, .. } => "it has come back".to_owned(),
        JoinReason::Returned { times, period_s } => {
            format!("it has come back {times} times, every {}", Language::En.duration(*period_s))
        }
    }
}
