//! The fixed Chinese words: labels, and the names of severities, roles and tests.

use crate::engine::finding::{Severity, test};
pub(in crate::narrate) use crate::narrate::words::ZH as WORDS;

pub(in crate::narrate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "提示",
        Severity::Warning => "警告",
        Severity::Critical => "严重",
    }
}

/// The name of a member of a key; a member that is no role keeps its own.
pub(in crate::narrate) fn member(name: &str) -> &str {
    match name {
        "module" => "模块",
        "host" => "主机",
        "thread" => "线程",
        "operation" => "接口",
        "error_code" => "错误码",
        "status" => "状态码",
        "exception" => "异常类型",
        "template" => "模板",
        "stack" => "堆栈",
        "scope" => "范围",
        "input" => "输入",
        name => name,
    }
}

/// The name of a statistical test.
pub(in crate::narrate) fn test_name(name: &str) -> &str {
    match name {
        test::GAMMA_POISSON => "Gamma-Poisson 检验",
        test::BINOMIAL => "二项检验",
        test::PEAKS_OVER_THRESHOLD => "极值尾部拟合（POT）",
        test::BINOMIAL_EXCEEDANCE => "超分位数的二项检验",
        test::TIMEOUT => "超时",
        test::GAPS => "自身间隔的尾部，按秒和其他日志条数",
        test::PAUSES => "输入间隔的尾部",
        test::GOOD_TURING => "Good–Turing 估计",
        test::LIMIT => "配置的上限",
        test::CLOCK => "与其他来源的时间比较",
        test::EVERY_FATAL => "每条 FATAL 都报告",
        test::RULE => "规则",
        test::STORM => "告警风暴",
        name => name,
    }
}

/// The name of an observation that only some detectors make; others keep the name that they have
/// in the JSON.
pub(in crate::narrate) fn observation(name: &str) -> &str {
    match name {
        "actors" => "线程数",
        "ahead_s" => "时钟偏差（秒）",
        "also" => "同时出现",
        "as_usual" => "与平时一致",
        "counter" => "计数范围",
        "duration_s" => "持续（秒）",
        "events_of_others" => "期间其他日志",
        "expected_by_rate" => "按自身速率的平时值",
        "expected_high" => "平时上限",
        "expected_low" => "平时下限",
        "explained_by" => "解释规则",
        "fast" => "偏快的调用",
        "finished" => "已完成",
        "host" => "主机",
        "interval" => "平时范围（ms）",
        "kinds" => "新种类数",
        "last_seen" => "最后一条时间",
        "limit_events" => "静默上限（条）",
        "limit_s" => "上限（秒）",
        "modules" => "模块数",
        "of" => "总数",
        "p_value_of_rate" => "按自身速率的 p 值",
        "period" => "每轮行数",
        "quantile" => "分位数",
        "repeats" => "重复次数",
        "shift" => "已转为持续变慢",
        "slow" => "偏慢的调用",
        "stopped" => "中断的调用",
        "stopped_after" => "中断于",
        "template" => "模板",
        "template_text" => "模板文本",
        "unfinished" => "未完成",
        "usual_share" => "平时占比",
        "variants" => "变体数",
        name => name,
    }
}
