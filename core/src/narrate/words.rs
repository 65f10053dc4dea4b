//! The fixed words of reports and messages, in all languages side by side. `{}` stands for a value.

/// Fills the places of a text with values, in their order.
#[must_use]
pub fn fill(text: &str, values: &[&dyn std::fmt::Display]) -> String {
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (value, part) in values.iter().zip(parts) {
        filled.push_str(&value.to_string());
        filled.push_str(part);
    }
    filled
}

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        /// The words of one language.
        #[derive(Debug)]
        pub struct Words {
            $(#[doc = $en] pub $name: &'static str,)*
        }

        /// The English words.
        pub(super) const EN: Words = Words { $($name: $en,)* };
        /// The Chinese words.
        pub(super) const ZH: Words = Words { $($name: $zh,)* };

        /// Names and texts of all words, in English and in Chinese.
        #[cfg(test)]
        pub(super) const ALL: &[[&str; 3]] = &[$([stringify!($name), $en, $zh],)*];
    };
}

words! {
    // The parts of a message, and of a row of the report.
    rule: "rule {}", "规则 {}";
    since: "since {}", "开始于 {}";
    since_name: "since", "开始于";
    until_name: "until", "结束于";
    respond_name: "respond within", "响应时限";
    left_out: "{}: left out here", "{}，此处省略";
    respond_within: "respond within {}", "请在 {} 内响应";
    cause: "cause", "原因";
    remedy: "remedy", "处置建议";
    next_step: "next step", "下一步";
    numbers: "numbers", "数据";
    state_open: "open", "发生";
    state_ongoing: "ongoing", "持续";
    resolved: "resolved", "已恢复";
    worst: "{}, the worst {}", "{}，最高级别：{}";
    count_resolved: "{} resolved", "{} 条已恢复";
    and_more: "and {} more", "另有 {} 项";
    colon: "{}: {}", "{}：{}";
    comma: ", ", "，";
    semicolon: "; ", "；";

    // The evidence as a list.
    observed: "observed", "观测值";
    expected: "expected", "平时值";
    test: "test", "检验方法";
    p_value: "p value", "p 值";
    threshold: "threshold", "阈值";
    samples: "samples", "样本数";
    window: "window", "窗口";
    score: "score", "分数";

    // The head of the report.
    file: "file", "文件";
    files: "files", "文件";
    clocks: "clocks", "时钟";
    time: "time", "时间";
    events: "events", "日志";
    levels: "levels", "级别";
    faults: "faults", "读取问题";
    unread: "unread", "未识别";
    incidents: "incidents", "告警";
    judged: "judged", "判断";
    in_situations: "{}, in {}", "{}，属于{}";
    over_after: "{}, over after {}", "{}，历时 {}";
    replayed: "replayed", "回放";
    files_agree: "{} with another file by shared trace ids", "{}与另一文件的时钟一致（依据共同的 trace id）";
    agrees: "{} agrees", "{}";
    agree: "{} agree", "{}";
    no_time: "no event tells one", "没有日志带时间";
    from_to: "{} to {}", "{} 至 {}";
    with_zone: "{} {}", "{}（{}）";
    with_length: "{} ({})", "{}，共 {}";
    without_level: "{} without one", "{} 条无级别";
    outside: "{} with times far away from all others', left out of the timeline",
        "{}的时间与其他日志相差过远，未计入时间线";
    untimed: "{} without a time of their own", "{}没有自己的时间";
    replayed_in: "in {}, {} lines/s", "用时 {}，每秒 {} 行";
    read_up_to: "{} could be read only up to line {} ({}): {}", "{} 只读到第 {} 行（{}）：{}";
    none: "none", "无";

    // Clocks.
    clock_agrees: "{} agrees with {} (by {} shared trace ids, ± {} s)", "{} 与 {} 一致（依据 {} 个共同的 trace id，± {} 秒）";
    clock_ahead: "{} is about {} ahead of {} (by {} shared trace ids, ± {} s)",
        "{} 约快 {}，相对于 {}（依据 {} 个共同的 trace id，± {} 秒）";
    clock_behind: "{} is about {} behind {} (by {} shared trace ids, ± {} s)",
        "{} 约慢 {}，相对于 {}（依据 {} 个共同的 trace id，± {} 秒）";
    clock_zone: "; that is a difference of time zones", "；这是时区差异";
    clock_corrected: "; corrected by --align", "；已由 --align 校正";
    clock_correctable: "; --align corrects it", "；可用 --align 校正";
    clock_unknown: "whether {} and {} agree is unknown ({}); {}", "{} 与 {} 的时钟是否一致未知（{}）；{}";
    clock_apart: "their times do not overlap", "两者时间没有重叠";
    clock_overlap: "their times overlap for {}", "两者时间重叠 {}";
    clock_no_ids: "no shared trace ids", "没有共同的 trace id";
    clock_few_ids: "only {} shared trace ids", "只有 {} 个共同的 trace id";
    clock_vague_ids: "{} shared trace ids say nothing clear", "{} 个共同的 trace id 不足以判断";

    // Faults.
    fault_json: "lines that begin as JSON objects and are none (truncated?)", "以 JSON 对象开头但不完整的行（被截断？）";
    fault_not_an_object: "lines that are JSON but no objects", "是 JSON 但不是对象的行";
    fault_utf8: "lines that are not UTF-8", "不是 UTF-8 的行";
    fault_line_too_long: "lines longer than input.max_line_bytes, not analysed", "超过 input.max_line_bytes 而未分析的行";
    fault_rule: "failures of rules, the first of them below", "规则运行失败，首个错误见下";
    fault_panic: "internal errors, please report them", "内部错误，请反馈给我们";
    fault_other: "other faults", "其他问题";

    // Roles that were not read.
    role_time: "a time", "时间";
    role_level: "a level", "级别";
    role_message: "a message", "消息";
    role_module: "a module", "模块";
    role_host: "a host", "主机";
    role_thread: "a thread", "线程";
    role_trace: "a trace id", "trace id";
    role_operation: "an operation", "接口";
    role_duration: "a duration", "耗时";
    role_status: "a status", "状态码";
    role_error_code: "an error code", "错误码";
    role_other: "a role", "某个角色";
    events_have: "{} of {} events have {}", "{} / {} 条日志识别出{}";
    looks_like: "{}: `{}` looks like one", "{}：`{}` 看起来是";
    unread_advice: "seismolog inspect --summary {} says what was read and what to set",
        "运行 seismolog inspect --summary {} 查看识别情况和应设置的选项";

    // The timeline.
    timeline: "Timeline", "时间线";
    column_is: "one column is {}; {}", "每列 {}；{}";
    warnings: "warnings", "警告";
    errors: "errors", "错误";
    opened: "opened", "告警";
    most: "most {}", "最多 {}";
    opened_legend: "opened: ▲ critical  △ warning  · info", "告警：▲ 严重  △ 警告  · 提示";

    // Incidents.
    incidents_title: "Incidents", "告警";
    incidents_order: "the worst first, then by time", "先按级别，再按时间";
    more_incident: "{} more incident; --limit shows more, --findings FILE keeps all",
        "另有 {} 条告警；--limit 可显示更多，--findings FILE 可保存全部";
    more_incidents: "{} more incidents; --limit shows more, --findings FILE keeps all",
        "还有 {} 条告警；--limit 可显示更多，--findings FILE 可保存全部";
    still_open: "{}, still open", "{}，尚未恢复";
    open_for: "{}, open for {}", "{}，持续 {}";

    // Tables.
    modules_title: "Modules", "模块";
    failures_title: "Most frequent errors and warnings", "最多的错误和警告";
    messages_title: "Most frequent messages", "最多的消息";
    varies: "<*> stands for what varies", "<*> 表示可变部分";
    module: "module", "模块";
    message: "message", "消息";
    silences_title: "Silences", "静默时段";
    silences_order: "of the whole stream, the longest first", "整个日志流，最长的在前";

    // The HTML report.
    nothing: "Nothing stood out", "没有发现异常";
    opened_one: "{} incident", "告警：{}";
    opened_some: "{} incidents", "告警：{}";
    opened_many: "{} and {} incidents", "告警：{}、{}";
    opened_part: "{} {}", "{} 条{}";
    list_comma: ", ", "、";
    in_files: "in {}", "来自 {}";
    tile_events: "Events", "日志";
    tile_time: "Time", "时间跨度";
    tile_rate: "Rate", "速率";
    tile_errors: "Errors", "错误";
    tile_warnings: "Warnings", "警告";
    over_time: "Events over time", "日志量";
    incidents_opened: "incidents opened:", "告警：";
    not_on_it: "{} without a time, or far outside of all others, are not on it.", "{}没有时间或时间相差过远，未画出。";
    no_incidents: "None: everything that came was as it usually is in these files.", "无：这些文件中的一切都与平时一致。";
    more_by_limit: "{} more; --limit shows them.", "还有 {} 条；用 --limit 显示。";
    open_at_end: "still open at the end", "结束时尚未恢复";
    lasted: "lasted {}", "持续 {}";
    title_cause: "Cause", "原因";
    title_remedy: "Remedy", "处置建议";
    what_it_means: "What it means", "含义";
    title_next_step: "Next step", "下一步";
    led_up: "Lines that led up to it", "之前的日志";
    lines: "Lines", "日志示例";
    in_numbers: "Evidence in numbers", "统计依据";
    title_files: "Files", "文件";
    title_file: "File", "文件";
    title_lines: "Lines", "行数";
    title_size: "Size", "大小";
    title_from: "From", "开始";
    title_to: "To", "结束";
    title_length: "Length", "时长";
    of_total: "of {}", "共 {}";
    cut_off: "cut off: {}", "不完整：{}";
    faults_are: "Faults: {}", "读取问题：{}";
    made_by: "made by seismolog {} in {}, {} lines/s; times are in {}", "由 seismolog {} 生成，用时 {}，每秒 {} 行；时间为 {}";
    events_and_incidents: "{} and {} over time", "{}和{}随时间的变化";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_both_languages_with_as_many_values() {
        for [name, en, zh] in ALL {
            assert_eq!(en.matches("{}").count(), zh.matches("{}").count(), "{name}");
            assert!(
                !zh.is_empty() && (en != zh || !en.contains(|c: char| c.is_ascii_alphabetic()) || *en == "{}"),
                "{name}"
            );
        }
    }

    #[test]
    fn values_stand_in_their_order() {
        assert_eq!(fill("{} of {}.", &[&1, &"two"]), "1 of two.");
        assert_eq!(fill("none", &[&1]), "none");
    }
}
