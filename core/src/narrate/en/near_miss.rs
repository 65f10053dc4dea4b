//! Sentences for near misses: what almost became an incident.

use super::{counted, latency};
use crate::engine::finding::{NearMiss, Reason, p_of};

pub(crate) fn line(near: &NearMiss) -> String {
    let NearMiss { detector, kind, key, ln_p, threshold, why } = near;
    let (name, p, why) = (detector.name(), p_of(*ln_p), reason(why, key));
    format!("near miss, {name}/{kind} on {key}: p = {p:e}, threshold {threshold:e}: {why}")
}

fn reason(why: &Reason, key: &str) -> String {
    match why {
        Reason::Repeats { lines, repeats, lasted_s } => {
            format!("{lines} lines {repeats} times in {lasted_s:.1} s are no more than this stream is used to")
        }
        Reason::Errors { errors, window_s, expected } => {
            format!("{} in {window_s:.0} s, {expected:.2} expected", counted(*errors as f64, "error"))
        }
        Reason::Failures { failures, of, window_s, expected, expected_by_rate } => {
            let by_rate = expected_by_rate
                .map_or_else(String::new, |by_rate| format!("; by its own rate {by_rate:.2}, which is near enough"));
            format!("{failures} of {of} failures in {window_s:.0} s, {expected:.2} expected{by_rate}")
        }
        Reason::SlowCalls { shift, medians_ms } => latency::shifted(shift, key, *medians_ms),
        Reason::FewEvents { events, limit } => {
            format!("{events:.0} events of others passed, {limit:.0} would be too many")
        }
        Reason::Spoke { pause, limits } => format!(
            "it spoke after {:.1} s and {:.0} events, {:.1} s and {:.0} events would be a silence",
            pause.0, pause.1, limits.0, limits.1
        ),
        Reason::NotEstablished => "it has not spoken for long enough".to_owned(),
        Reason::Restart(patience_s) => {
            format!("others have come back from restarts, and it has {patience_s:.0} s for one")
        }
        Reason::Replaced => "a newcomer speaks in its place".to_owned(),
        Reason::ForgottenKeys => "the table has had to forget keys".to_owned(),
        Reason::NotRare => "what is new is not rare enough here".to_owned(),
        Reason::NotLearned => "it has not learned for long enough".to_owned(),
        Reason::ForgottenSights => "a table has had to forget, so that a first sight means nothing".to_owned(),
        Reason::Variant => "what is known says the same but for a word".to_owned(),
        Reason::TooMuchNew => "too much is new: it joins what is open".to_owned(),
    }
}
