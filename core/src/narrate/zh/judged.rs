//! What is judged from when on.

use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::narrate::Language;

pub(in crate::narrate) fn what(judged: Judged) -> &'static str {
    match judged {
        Judged::LoopsOfFailures => "错误和警告的循环",
        Judged::HarmlessLoops => "其他日志的循环",
        Judged::Errors => "错误激增",
        Judged::Warnings => "警告激增",
        Judged::SlowerCalls => "变慢的接口",
        Judged::SlowCalls => "单次慢调用",
        Judged::BadValues => "单节点异常",
        Judged::Silences => "静默",
        Judged::Fatals => "每条 FATAL",
        Judged::NewLines => "新日志",
        Judged::Stalls => "实时输入中断",
        Judged::Clocks => "时钟偏差",
    }
}

/// `警告激增：日志流运行 10 分钟后开始判断`
pub(in crate::narrate) fn begins(judged: &JudgedFrom) -> String {
    let JudgedFrom { after, values, .. } = judged;
    let when = match (after.seconds() > 0.0, values) {
        (true, _) => format!("日志流运行 {}后开始判断", Language::Zh.duration(after.seconds())),
        (false, 0) => "从第一条日志起判断".to_owned(),
        (false, values) => format!("有 {values} 个值后开始判断"),
    };
    format!("{}：{when}", what(judged.what))
}

/// `警告激增自 09:10:00 起判断；……`
pub(in crate::narrate) fn judged_from(parts: &[(Judged, Option<String>)]) -> String {
    let mut said: Vec<String> = Vec::new();
    for (judged, from) in parts {
        if let Some(from) = from {
            said.push(format!("{}自 {from} 起判断", what(*judged)));
        }
    }
    let never: Vec<&str> = parts.iter().filter(|(_, from)| from.is_none()).map(|(judged, _)| what(*judged)).collect();
    if !never.is_empty() {
        said.push(format!("时间太短，未能判断{}", never.join("、")));
    }
    if !said.is_empty() {
        said.push("其余从第一行起判断".to_owned());
    }
    said.join("；")
}
