//! Sentences for near misses: what almost became an incident.

use super::{counted, lasting, latency};
use crate::engine::finding::{NearMiss, Reason, p_of};
use crate::narrate::quantity::{Noun, number};

pub(crate) fn line(near: &NearMiss) -> String {
    let NearMiss { detector, kind, key, ln_p, threshold, why } = near;
    let (name, p, why) = (detector.name(), p_of(*ln_p), reason(why, key));
    format!("near miss, {name}/{kind} on {key}: {why} (p = {p:e}, threshold {threshold:e})")
}

fn reason(why: &Reason, key: &str) -> String {
    match why {
        Reason::Repeats { lines, repeats, lasted_s } => {
            let (times, lasted) = (lines, lasting(*lasted_s));
            format!("{times} lines {repeats} times in {lasted} are no more than this stream is used to")
        }
        Reason::Errors { errors, window_s, expected } => {
            let (errors, usual) = (counted(*errors as f64, Noun::Error), number(*expected));
            format!("{errors} in {}, usually {usual}", lasting(*window_s))
        }
        Reason::Failures { failures, of, window_s, expected, expected_by_rate } => {
            let by_rate = expected_by_rate.map_or_else(String::new, |by_rate| {
                format!("; by its own rate {}, which is near enough", number(by_rate))
            });
            let (window, usual) = (lasting(*window_s), number(*expected));
            format!("{failures} of {of} failures in {window}, usually {usual}{by_rate}")
        }
        Reason::SlowCalls { shift, medians_ms } => latency::shifted(shift, key, "", *medians_ms),
        Reason::FewEvents { events, limit } => {
            format!("{events:.0} events of others passed, {limit:.0} would be too many")
        }
        Reason::Spoke { pause, limits } => format!(
            "it wrote again after {} and {:.0} events, {} and {:.0} events would be a silence",
            lasting(pause.0),
            pause.1,
            lasting(limits.0),
            limits.1
        ),
        Reason::NotEstablished => "it has not written for long enough".to_owned(),
        Reason::Restart(patience_s) => {
            format!("others have come back from restarts, and it has {} for one", lasting(*patience_s))
        }
        Reason::Replaced => "a newcomer writes in its place".to_owned(),
        Reason::ForgottenKeys => "the table has evicted keys".to_owned(),
        Reason::NotRare => "what is new is not rare enough here".to_owned(),
        Reason::NotLearned => "it has not learned for long enough".to_owned(),
        Reason::ForgottenSights => "a table has evicted entries, so a first occurrence proves nothing".to_owned(),
        Reason::Variant => "a known template says the same but for a word".to_owned(),
        Reason::TooMuchNew => "too much is new: it joins an open incident".to_owned(),
    }
}
