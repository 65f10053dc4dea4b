//! Sentences for `spread`: failures concentrated on one value of a dimension.

use super::{NextStep, Subject, counted, look_at};
use crate::engine::finding::ShareEvidence;

pub(super) const MEANING: &str = "Failures sit on this one value; the others have few or none.";

pub(super) fn summary(subject: &Subject<'_>, evidence: &ShareEvidence) -> String {
    let (count, of) = (subject.measured.observed, counted(evidence.of, "failure"));
    let are = if count > 1.0 { "are" } else { "is" };
    let [(dimension, value), of_module @ ..] = subject.key.0.as_slice() else { return String::new() };
    let module = of_module.first().map_or_else(String::new, |(_, module)| format!(" of {module}"));
    let expected = subject.measured.expected.unwrap_or_default();
    let lasted = evidence.lasted_s;
    format!("{count:.0} of {of}{module} in {lasted:.0} s {are} on {dimension} {value}, {expected} expected")
}

pub(super) fn next_step(place: &str) -> NextStep {
    look_at(&format!("{place} first, and take it out of rotation if you can."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::{DetectorName, Evidence, Key, Measured};

    #[test]
    fn names_that_read_like_the_sentence_around_them_stay_whole() {
        for (value, module) in
            [("DC in Berlin", "web"), ("rack 7, 3 expected", "the failure in billing"), ("a is on b are on c", "")]
        {
            let mut key = vec![("host".to_owned(), value.to_owned())];
            key.extend((!module.is_empty()).then(|| ("module".to_owned(), module.to_owned())));
            let measured = Measured { observed: 20.0, expected: Some(2.5), ..Measured::default() };
            let share = ShareEvidence { of: 25.0, lasted_s: 60.0, ..ShareEvidence::default() };
            let (detector, key, evidence) = (DetectorName::Spread, &Key(key), &Evidence::Share(share.clone()));
            let said = summary(&Subject { detector, kind: "value", key, measured: &measured, evidence }, &share);
            let of_module = if module.is_empty() { String::new() } else { format!(" of {module}") };
            let whole = format!("20 of 25 failures{of_module} in 60 s are on host {value}, 2.5 expected");
            assert_eq!(said, whole);
        }
    }
}
