//! Sentences for near misses: what almost became an incident.

use super::{counted, lasting, latency};
use crate::engine::finding::{NearMiss, Reason, p_of};
use crate::narrate::quantity::{Noun, number};

pub(crate) fn line(near: &NearMiss) -> String {
    let NearMiss { detector, kind, key, ln_p, threshold, why } = near;
    let (name, p, why) = (detector.name(), p_of(*ln_p), reason(why, key));
    format!("险些告警，{name}/{kind}，{key}：{why}（p = {p:e}，阈值 {threshold:e}）")
}

fn reason(why: &Reason, key: &str) -> String {
    match why {
        Reason::Repeats { lines, repeats, lasted_s } => {
            format!("{lines} 行在 {}内重复 {repeats} 次，未超出本日志流的常态", lasting(*lasted_s))
        }
        Reason::Errors { errors, window_s, expected } => {
            let errors = counted(*errors as f64, Noun::Error);
            format!("{}内 {errors}，平时 {}", lasting(*window_s), number(*expected))
        }
        Reason::Failures { failures, of, window_s, expected, expected_by_rate } => {
            let by_rate = expected_by_rate
                .map_or_else(String::new, |by_rate| format!("；按自身速率为 {}，已足够接近", number(by_rate)));
            let (window, usual) = (lasting(*window_s), number(*expected));
            format!("{window}内 {of} 次失败中的 {failures} 次，平时 {usual}{by_rate}")
        }
        Reason::SlowCalls { shift, medians_ms } => latency::shifted(shift, key, "", *medians_ms),
        Reason::FewEvents { events, limit } => {
            format!("期间有其他日志 {events:.0} 条，超过 {limit:.0} 条才算静默")
        }
        Reason::Spoke { pause, limits } => format!(
            "{}、{:.0} 条其他日志之后又有日志，{}、{:.0} 条才算静默",
            lasting(pause.0),
            pause.1,
            lasting(limits.0),
            limits.1
        ),
        Reason::NotEstablished => "它输出日志的时间还不够长".to_owned(),
        Reason::Restart(patience_s) => {
            format!("其他对象曾在重启后恢复，它有 {}的重启时间", lasting(*patience_s))
        }
        Reason::Replaced => "已有新的对象取代它".to_owned(),
        Reason::ForgottenKeys => "表中已有键被淘汰".to_owned(),
        Reason::NotRare => "在这里出现新内容并不罕见".to_owned(),
        Reason::NotLearned => "学习时间还不够长".to_owned(),
        Reason::ForgottenSights => "表中已有条目被淘汰，首次出现不足为凭".to_owned(),
        Reason::Variant => "与已知模板只差一个词".to_owned(),
        Reason::TooMuchNew => "新内容过多：并入已有告警".to_owned(),
    }
}
