//! Sentences for `latency`: slower or faster calls, and work that began and did not end.

use super::{Subject, spaced};
use crate::engine::finding::Evidence;
use crate::engine::finding::{Finding, Key, LatencyEvidence, ShiftEvidence, StoppedEvidence, UnfinishedEvidence};
use crate::narrate::quantity::milliseconds;
use crate::plain::plain;

pub(super) fn summary(subject: &Subject<'_>, evidence: &LatencyEvidence) -> String {
    let operation = subject.key.value("operation").unwrap_or_default();
    let module = subject.key.value("module").map(|module| format!("{module} 的 ")).unwrap_or_default();
    let [_, median, _, _, nearly_all] = evidence.quantiles_ms;
    let hops = format!("{}{}", as_usual(&evidence.as_usual), stopped(evidence.stopped.as_ref()));
    let also = match evidence.also.len() {
        0 => String::new(),
        1 => format!("；{} 也是", evidence.also[0]),
        others => format!("；另有 {others} 个接口也是，如 {}", evidence.also[0]),
    };
    let Some(shift) = &evidence.shift else {
        let [seen, median, nearly_all] = [evidence.observed_ms, median, nearly_all].map(duration);
        return format!("{module}{operation} 出现慢调用：{seen}，平时 {median}（p99 {nearly_all}）{hops}{also}");
    };
    let host = evidence.host.as_deref().or(subject.key.value("host")).filter(|_| evidence.of_one_host);
    let host = host.map(|host| format!("在 {host} 上")).unwrap_or_default();
    let shifted = shifted(shift, &format!("{module}{operation}"), &host, [evidence.observed_ms, median]);
    format!("{shifted}{also}{hops}")
}

/// Milliseconds as [`milliseconds`] gives them, with the Chinese units of seconds and minutes.
pub(super) fn duration(value: f64) -> String {
    let text = milliseconds(value);
    match text.rsplit_once(' ') {
        Some((number, "s")) => format!("{number} 秒"),
        Some((number, "min")) => format!("{number} 分钟"),
        _ => text,
    }
}

fn stopped(stopped: Option<&StoppedEvidence>) -> String {
    stopped.map_or_else(String::new, |StoppedEvidence { after, count, of }| {
        format!("；{of} 次慢调用中有 {count} 次在 {after} 之后再无日志")
    })
}

fn as_usual(hops: &[String]) -> String {
    match hops {
        [] => String::new(),
        [one] => format!("；{one} 与平时一致"),
        [first, last] => format!("；{first} 和 {last} 与平时一致"),
        [first, ..] => format!("；{first} 等另外 {} 个与平时一致", hops.len() - 1),
    }
}

/// `web 的 /orders 在 node-3 上变慢：中位数 98 ms，平时 18 ms（最近 8 次调用中有 8 次高于平时的 p90）`
pub(super) fn shifted(shift: &ShiftEvidence, operation: &str, host: &str, medians_ms: [f64; 2]) -> String {
    let (how, beyond) = if shift.faster { ("变快", "低于") } else { ("变慢", "高于") };
    let (count, of, quantile) = (shift.count, shift.of, (shift.quantile * 100.0).round());
    let [now, usual] = medians_ms.map(duration);
    format!(
        "{operation} {host}{how}：中位数 {now}，平时 {usual}（最近 {of} 次调用中有 {count} 次{beyond}平时的 p{quantile}）"
    )
}

pub(super) fn unfinished_summary(subject: &Subject<'_>, evidence: &UnfinishedEvidence) -> String {
    let UnfinishedEvidence { unfinished, finished, shared, .. } = evidence;
    let operation = subject.key.value("operation").unwrap_or_default();
    let timeout = duration(subject.measured.threshold.unwrap_or_default());
    let all = unfinished + finished;
    let shared = if shared.is_empty() { String::new() } else { format!("（{shared}）") };
    format!("{operation} 未在 {timeout}内完成{shared}：{all} 次中有 {unfinished} 次未完成")
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match (finding.kind.as_str(), &finding.evidence) {
        // An outlier can have become a shift.
        ("outlier", Evidence::Latency(LatencyEvidence { shift: None, .. })) => {
            "有一次调用远慢于该接口的其他调用，包括其中较慢的。"
        }
        ("unfinished", _) => "任务已开始，但没有日志表明它已结束。",
        (_, Evidence::Latency(LatencyEvidence { shift: Some(ShiftEvidence { faster: true, .. }), .. })) => {
            "该接口的调用变快了：可能是好转，也可能是少做了该做的事。"
        }
        _ if finding.key.value("host").is_some() => "该接口只在这台主机上变慢，其他主机与平时一致。",
        _ => "该接口的调用比平时慢。",
    }
}

pub(super) fn next_step(finding: &Finding, place: &str) -> Option<String> {
    let of = |key: &Key, name| key.value(name).map(plain);
    if let Evidence::Latency(LatencyEvidence { stopped: Some(StoppedEvidence { after, .. }), .. }) = &finding.evidence {
        return Some(format!("检查 {} 调用了什么：慢调用中在它之后再无日志。", plain(after)));
    }
    let is_one_call = matches!(&finding.evidence, Evidence::Latency(LatencyEvidence { shift: None, .. }));
    Some(match finding.kind.as_str() {
        "unfinished" => format!("根据与开始日志共有的标识，在{}中查找其中一次的结束。", spaced(place)),
        "outlier" if is_one_call => {
            format!("查看这一次调用：它在等什么，{}是否有停顿或重试。", spaced(place).trim_start())
        }
        _ => match (of(&finding.key, "host"), of(&finding.key, "operation")) {
            (Some(host), _) => format!("检查主机 {host}：负载、磁盘，以及到下游的网络。"),
            (None, Some(operation)) => format!("检查 {operation} 的下游调用，以及当时有何发布或负载变化。"),
            _ => return None,
        },
    })
}
