//! Sentences for `spread`: failures concentrated on one value of a dimension.

use super::{Subject, counted, lasting, saying};
use crate::engine::finding::ShareEvidence;
use crate::narrate::percent;
use crate::narrate::quantity::{Noun, number};

pub(super) const MEANING: &str = "Failures sit on this one value; the others have few or none.";

pub(super) fn summary(subject: &Subject<'_>, evidence: &ShareEvidence) -> String {
    let (count, of) = (number(subject.measured.observed.round()), counted(evidence.of, Noun::Failure));
    // By name: a key that was read back has its members in another order.
    let Some((dimension, value)) = subject.key.0.iter().find(|(name, _)| name != "module") else {
        return String::new();
    };
    let module = subject.key.value("module").map_or_else(String::new, |module| format!(" of {module}"));
    let usual = percent(subject.measured.expected.unwrap_or_default() / evidence.of.max(1.0));
    let (lasted, text) = (lasting(evidence.lasted_s), saying(subject.evidence));
    format!("{dimension} {value} has {count} of {of}{module} in {lasted} (usually {usual} %){text}")
}

pub(super) fn next_step(place: &str) -> String {
    format!("Check {place} first, and take it out of rotation if you can.")
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
            assert_eq!(said, format!("host {value} has 20 of 25 failures{of_module} in 1 min (usually 10 %)"));
        }
    }
}
