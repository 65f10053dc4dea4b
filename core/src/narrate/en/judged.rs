//! What is judged from when on.

use crate::engine::detector::judged::{Judged, JudgedFrom};

pub(in crate::narrate) fn what(judged: Judged) -> &'static str {
    match judged {
        Judged::LoopsOfFailures => "loops of errors and warnings",
        Judged::HarmlessLoops => "loops of other lines",
        Judged::Errors => "bursts of errors",
        Judged::Warnings => "bursts of warnings",
        Judged::SlowerCalls => "calls that became slower",
        Judged::SlowCalls => "single slow calls",
        Judged::BadValues => "bad hosts",
        Judged::Silences => "silences",
        Judged::Fatals => "every FATAL",
        Judged::NewLines => "new lines",
        Judged::Stalls => "stalls of a live input",
        Judged::Clocks => "clocks that are off",
    }
}

/// `bursts of warnings, once the stream has run for 10m`
pub(in crate::narrate) fn begins(judged: &JudgedFrom) -> String {
    let JudgedFrom { after, values, .. } = judged;
    let when = match (after.seconds() > 0.0, values) {
        (true, _) => format!("once the stream has run for {after}"),
        (false, 0) => "from the first event on".to_owned(),
        (false, values) => format!("once {values} values have come"),
    };
    format!("{}, {when}", what(judged.what))
}

/// `bursts of warnings judged from 09:10:00 on, silences judged from …`; what is without a time was
/// not judged.
pub(in crate::narrate) fn judged_from(parts: &[(Judged, Option<String>)]) -> String {
    let mut text = String::new();
    for (judged, from) in parts.iter().filter(|(_, from)| from.is_some()) {
        let from = from.as_deref().unwrap_or_default();
        add(&mut text, ", ", &format!("{} judged from {from} on", what(*judged)));
    }
    let never: Vec<&str> = parts.iter().filter(|(_, from)| from.is_none()).map(|(judged, _)| what(*judged)).collect();
    if !never.is_empty() {
        add(&mut text, "; ", &format!("too short to judge {}", never.join(", ")));
    }
    if !text.is_empty() {
        add(&mut text, "; ", "all else from the first line on");
    }
    text
}

fn add(text: &mut String, between: &str, part: &str) {
    if !text.is_empty() {
        text.push_str(between);
    }
    text.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::human_duration::HumanDuration;

    #[test]
    fn what_is_judged_begins_after_a_time_or_values() {
        let minute = HumanDuration::from_secs(60);
        for (judged, text) in [
            (JudgedFrom::after(Judged::Silences, minute), "silences, once the stream has run for 1m"),
            (
                JudgedFrom::after(Judged::Errors, HumanDuration::from_secs(0)),
                "bursts of errors, from the first event on",
            ),
            (JudgedFrom::values(Judged::SlowCalls, 9), "single slow calls, once 9 values have come"),
        ] {
            assert_eq!(begins(&judged), text);
        }
    }

    #[test]
    fn what_could_not_be_judged_is_said() {
        let at = |time: &str| Some(time.to_owned());
        let told = judged_from(&[
            (Judged::Warnings, at("09:10:00")),
            (Judged::Silences, at("09:10:02")),
            (Judged::NewLines, None),
        ]);
        assert_eq!(
            told,
            "bursts of warnings judged from 09:10:00 on, silences judged from 09:10:02 on; too short to judge new lines; \
             all else from the first line on"
        );
        assert_eq!(judged_from(&[]), "");
        assert!(judged_from(&[(Judged::Errors, None)]).starts_with("too short to judge bursts of errors; "));
    }
}
