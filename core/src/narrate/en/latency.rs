//! Sentences for `latency`: slower or faster calls, and work that began and did not end.

use super::Subject;
use crate::engine::finding::Evidence;
use crate::engine::finding::{Finding, Key, LatencyEvidence, ShiftEvidence, StoppedEvidence, UnfinishedEvidence};
use crate::narrate::quantity::milliseconds;
use crate::plain::plain;

pub(super) fn summary(subject: &Subject<'_>, evidence: &LatencyEvidence) -> String {
    let operation = subject.key.value("operation").unwrap_or_default();
    let module = subject.key.value("module").map(|module| format!(" in {module}")).unwrap_or_default();
    let [_, median, _, _, nearly_all] = evidence.quantiles_ms;
    let hops = format!("{}{}", as_usual(&evidence.as_usual), stopped(evidence.stopped.as_ref()));
    let also = match evidence.also.len() {
        0 => String::new(),
        1 => format!("; so is {}", evidence.also[0]),
        others => format!("; so are {others} others, such as {}", evidence.also[0]),
    };
    let Some(shift) = &evidence.shift else {
        let [seen, median, nearly_all] = [evidence.observed_ms, median, nearly_all].map(milliseconds);
        return format!(
            "one slow call of {operation}{module}: {seen}, usually {median} (p99 {nearly_all}){hops}{also}"
        );
    };
    let host = evidence.host.as_deref().or(subject.key.value("host")).filter(|_| evidence.of_one_host);
    let host = host.map(|host| format!(" on {host}")).unwrap_or_default();
    let shifted = shifted(shift, &format!("{operation}{module}"), &host, [evidence.observed_ms, median]);
    format!("{shifted}{also}{hops}")
}

/// `; in 11 of 12 slow ones nothing came after orders`
fn stopped(stopped: Option<&StoppedEvidence>) -> String {
    stopped.map_or_else(String::new, |StoppedEvidence { after, count, of }| {
        format!("; in {count} of {of} slow calls nothing came after {after}")
    })
}

/// `; chat-service is as usual`
fn as_usual(hops: &[String]) -> String {
    match hops {
        [] => String::new(),
        [one] => format!("; {one} is as usual"),
        [first, last] => format!("; {first} and {last} are as usual"),
        [first, ..] => format!("; {first} and {} others are as usual", hops.len() - 1),
    }
}

/// `/orders in web is slower on node-3: median 98 ms, usually 18 ms (8 of the last 8 calls above
/// the usual p90)`
pub(super) fn shifted(shift: &ShiftEvidence, operation: &str, host: &str, medians_ms: [f64; 2]) -> String {
    let (how, beyond) = if shift.faster { ("faster", "below") } else { ("slower", "above") };
    let (count, of, quantile) = (shift.count, shift.of, (shift.quantile * 100.0).round());
    let [now, usual] = medians_ms.map(milliseconds);
    format!(
        "{operation} is {how}{host}: median {now}, usually {usual} \
         ({count} of the last {of} calls {beyond} the usual p{quantile})"
    )
}

pub(super) fn unfinished_summary(subject: &Subject<'_>, evidence: &UnfinishedEvidence) -> String {
    let UnfinishedEvidence { unfinished, finished, shared, .. } = evidence;
    let operation = subject.key.value("operation").unwrap_or_default();
    let timeout = milliseconds(subject.measured.threshold.unwrap_or_default());
    let all = unfinished + finished;
    let shared = if shared.is_empty() { String::new() } else { format!(" ({shared})") };
    format!("{operation} did not finish within {timeout}{shared}: {unfinished} of {all} did not")
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match (finding.kind.as_str(), &finding.evidence) {
        // An outlier can have become a shift.
        ("outlier", Evidence::Latency(LatencyEvidence { shift: None, .. })) => {
            "One call took far longer than calls of this operation do, slow ones included."
        }
        ("unfinished", _) => "Work began, and nothing says that it ended.",
        (_, Evidence::Latency(LatencyEvidence { shift: Some(ShiftEvidence { faster: true, .. }), .. })) => {
            "Calls of this operation have become faster: a relief, or a sign that they do less than they should."
        }
        _ if finding.key.value("host").is_some() => {
            "Calls of this operation have become slower on this host alone; on the others they are as they were."
        }
        _ => "Calls of this operation have become slower than they used to be.",
    }
}

pub(super) fn next_step(finding: &Finding, place: &str) -> Option<String> {
    let of = |key: &Key, name| key.value(name).map(plain);
    if let Evidence::Latency(LatencyEvidence { stopped: Some(StoppedEvidence { after, .. }), .. }) = &finding.evidence {
        return Some(format!("Check what {} calls: in the slow calls nothing comes after it.", plain(after)));
    }
    let is_one_call = matches!(&finding.evidence, Evidence::Latency(LatencyEvidence { shift: None, .. }));
    Some(match finding.kind.as_str() {
        "unfinished" => {
            format!("Look for the end of one of them, by what it shares with its start, in {place}.")
        }
        "outlier" if is_one_call => {
            format!("Look at this one call: what it waited for, and whether {place} was paused or retried.")
        }
        _ => match (of(&finding.key, "host"), of(&finding.key, "operation")) {
            (Some(host), _) => {
                format!("Check host {host}: its load, its disk, its way to what the operation calls.")
            }
            (None, Some(operation)) => {
                format!("Check what {operation} calls, and what was deployed or loaded then.")
            }
            _ => return None,
        },
    })
}
