//! Sentences for `latency`: slower or faster calls, and work that began and did not end.

use super::{NextStep, Subject, look, look_at};
use crate::engine::finding::Evidence;
use crate::engine::finding::{Finding, Key, LatencyEvidence, ShiftEvidence, StoppedEvidence, UnfinishedEvidence};
use crate::narrate::quantity::milliseconds;
use crate::plain::plain;

pub(super) fn summary(subject: &Subject<'_>, evidence: &LatencyEvidence) -> String {
    let operation = subject.key.value("operation").unwrap_or_default();
    let module = subject.key.value("module").map(|module| format!(" in {module}")).unwrap_or_default();
    let [_, median, three_quarters, _, nearly_all] = evidence.quantiles_ms;
    let hops = format!("{}{}", as_usual(&evidence.as_usual), stopped(evidence.stopped.as_ref()));
    let also = match evidence.also.len() {
        0 => String::new(),
        1 => format!("; so is {}", evidence.also[0]),
        others => format!("; so are {others} others, such as {}", evidence.also[0]),
    };
    let Some(shift) = &evidence.shift else {
        return format!(
            "{} on {operation}{module}, usually {} at 75 %, {} at 99 %{hops}{also}",
            milliseconds(evidence.observed_ms),
            milliseconds(three_quarters),
            milliseconds(nearly_all)
        );
    };
    let host = evidence.host.as_deref().or(subject.key.value("host")).filter(|_| evidence.of_one_host);
    let host = host.map(|host| format!(" on {host}")).unwrap_or_default();
    let shifted = shifted(shift, &format!("{operation}{module}{host}"), [evidence.observed_ms, median]);
    format!("{shifted}{hops}{also}")
}

/// `; in 11 of 12 slow ones nothing came after orders`
fn stopped(stopped: Option<&StoppedEvidence>) -> String {
    stopped.map_or_else(String::new, |StoppedEvidence { after, count, of }| {
        format!("; in {count} of {of} slow ones nothing came after {after}")
    })
}

/// `; chat-service is as usual`
fn as_usual(hops: &[String]) -> String {
    match hops {
        [] => String::new(),
        [one] => format!("; {one} is as usual"),
        [first, .., last] if hops.len() == 2 => format!("; {first} and {last} are as usual"),
        [first, ..] => format!("; {first} and {} others are as usual", hops.len() - 1),
    }
}

/// `8 of the last 8 calls of /orders slower than 90 % used to be: median 98 ms, usually 18 ms`
pub(super) fn shifted(shift: &ShiftEvidence, place: &str, medians_ms: [f64; 2]) -> String {
    let how = if shift.faster { "faster" } else { "slower" };
    let (count, of, than) = (shift.count, shift.of, shift.quantile * 100.0);
    let [now, usual] = medians_ms.map(milliseconds);
    format!(
        "{count} of the last {of} calls of {place} {how} than {than:.0} % used to be: median {now}, usually {usual}"
    )
}

pub(super) fn unfinished_summary(subject: &Subject<'_>, evidence: &UnfinishedEvidence) -> String {
    let UnfinishedEvidence { unfinished, finished, shared, .. } = evidence;
    let operation = subject.key.value("operation").unwrap_or_default();
    let timeout = milliseconds(subject.measured.threshold.unwrap_or_default());
    let all = unfinished + finished;
    format!("{operation} began and did not end within {timeout} ({shared}); {unfinished} of {all} did not")
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match (finding.kind.as_str(), &finding.evidence) {
        ("outlier", _) => "One call took far longer than calls of this operation do, slow ones included.",
        ("unfinished", _) => "Work began and nothing said that it ended.",
        (_, Evidence::Latency(LatencyEvidence { shift: Some(ShiftEvidence { faster: true, .. }), .. })) => {
            "Calls of this operation have become faster: a relief, or a sign that they do less than they should."
        }
        _ if finding.key.value("host").is_some() => {
            "Calls of this operation have become slower on this host alone; on the others they are as they were."
        }
        _ => "Calls of this operation have become slower than they used to be.",
    }
}

pub(super) fn next_step(finding: &Finding, place: &str) -> Option<NextStep> {
    let of = |key: &Key, name| key.value(name).map(plain);
    Some(match finding.kind.as_str() {
        "unfinished" => {
            look(format!("Look for the end of one such piece of work by what it shares with its start, on {place}."))
        }
        "outlier" => look_at(&format!("this one call: what it waited for, and whether {place} was paused or retried.")),
        _ => match (of(&finding.key, "host"), of(&finding.key, "operation")) {
            (Some(host), _) => {
                look_at(&format!("the host {host}: its load, its disk, its way to what the operation calls."))
            }
            (None, Some(operation)) => {
                look_at(&format!("what {operation} calls, and at what was deployed or loaded then."))
            }
            _ => return None,
        },
    })
}
