use super::samples::findings;
use super::*;
use crate::engine::finding::{Reason, ShiftEvidence, State, schema};
use std::collections::BTreeSet;

/// The numbers in a text, sorted; and what is between quotation marks.
fn values(text: &str) -> (Vec<String>, Vec<String>) {
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = &rest[start..];
        let end = number.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).unwrap_or(number.len());
        numbers.push(number[..end].trim_end_matches(['.', ',']).to_owned());
        rest = &number[end..];
    }
    numbers.sort_unstable();
    let quoted = text.split('“').skip(1).filter_map(|part| part.split('”').next()).map(str::to_owned).collect();
    (numbers, quoted)
}

/// All that is said of a finding, with a name for each text.
fn told(language: Language, finding: &Finding) -> Vec<(&'static str, String)> {
    let explanation = explanation(language, finding);
    let short = in_short(language, finding);
    let details = details(language, finding);
    // What only says how sure it is has no numbers in words in Chinese.
    let paragraphs = &explanation.paragraphs[..explanation.paragraphs.len() - 1];
    vec![
        ("summary", finding.summary.to_string()),
        ("title", finding.summary.title()),
        ("numbers", numbers(language, finding)),
        ("next step", next_step(language, finding).unwrap_or_default()),
        ("meaning", short.meaning),
        ("explanation", paragraphs.join("\n")),
        ("quotes", explanation.quotes.into_iter().flat_map(|(_, lines)| lines).collect::<Vec<_>>().join("\n")),
        ("details", details.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("\n")),
        ("reference", explanation.reference),
    ]
}

#[test]
fn both_languages_say_the_same_values_of_every_finding() {
    let [english, chinese] = [Language::En, Language::Zh].map(findings);
    assert_eq!(english.len(), chinese.len());
    for (en, zh) in english.iter().zip(&chinese) {
        let name = format!("{}/{} {:?}", en.detector.name(), en.kind, en.state);
        for ((what, in_english), (_, in_chinese)) in told(Language::En, en).into_iter().zip(told(Language::Zh, zh)) {
            assert_eq!(values(&in_english), values(&in_chinese), "{name}, {what}:\n{in_english}\n{in_chinese}");
            assert_eq!(in_english.is_empty(), in_chinese.is_empty(), "{name}, {what}");
        }
        for (finding, language) in [(en, Language::En), (zh, Language::Zh)] {
            let said = finding.summary.to_string();
            for (_, value) in &finding.key.0 {
                assert!(said.contains(value.as_str()), "{name}: {value:?} is not in {said:?}");
            }
            assert_eq!(finding.language, language);
        }
        // Only a rule speaks for itself.
        let is_chinese = zh.summary.sentence.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert_eq!(is_chinese, zh.rule.is_none(), "{name}: {}", zh.summary);
        assert!(en.summary.to_string().replace(['“', '”', '…', '±'], "").is_ascii(), "{name}: {}", en.summary);
    }
}

#[test]
fn every_kind_that_the_schema_names_is_in_the_table() {
    let text = schema()["properties"]["kind"]["description"].as_str().unwrap_or_default().replace('\n', " ");
    let table: BTreeSet<String> =
        findings(Language::En).iter().map(|finding| format!("{} {}", finding.detector.name(), finding.kind)).collect();
    let mut named = 0;
    for part in text.split("f `").skip(1) {
        let mut words = part.split('`').step_by(2);
        let detector = words.next().unwrap_or_default();
        let kinds = words.filter(|kind| !kind.trim().is_empty());
        for kind in kinds.filter(|_| detector != "rule") {
            named += 1;
            assert!(table.contains(&format!("{detector} {kind}")), "there is no sample of {detector}/{kind}");
        }
    }
    assert!(named >= 14, "{named} kinds in {text}");
    let detectors: BTreeSet<_> = findings(Language::En).iter().map(|finding| finding.detector.name()).collect();
    assert_eq!(detectors.len(), DetectorName::ALL.len(), "{detectors:?}");
}

/// Words of statistics are below the fold.
#[test]
fn titles_and_numbers_are_plain() {
    for language in Language::ALL {
        for finding in findings(language) {
            for text in [finding.summary.title(), numbers(language, &finding)] {
                let jargon = ["expected", "p =", "gamma", "quantile", "sample", "样本", "检验", "分位"];
                assert!(!jargon.iter().any(|word| text.contains(word)), "{text}");
                assert!(!text.contains("9105273b544ef040") && !text.contains("00c1d2e3f4051627"), "{text}");
            }
        }
    }
}

#[test]
fn what_is_read_back_is_told_in_either_language() {
    let [english, chinese] = [Language::En, Language::Zh].map(findings);
    for (en, zh) in english.iter().zip(&chinese) {
        for (from, to) in [(en, zh), (zh, en)] {
            let read: Finding = serde_json::from_str(&serde_json::to_string(from).unwrap()).unwrap();
            assert_eq!(read.summary, from.summary);
            // By way of a value the members of the key change their order.
            let value = serde_json::to_value(from).unwrap();
            let sorted = serde_json::from_value::<Finding>(value).unwrap().in_language(to.language);
            assert_eq!(sorted.summary.sentence, read.clone().in_language(to.language).summary.sentence);
            let told = read.in_language(to.language);
            if matches!(from.evidence, Evidence::Storm(_) | Evidence::Rule(_)) {
                continue;
            }
            let name = format!("{}/{} {:?}", en.detector.name(), en.kind, en.state);
            assert_eq!(told.summary, to.summary, "{name}");
            assert_eq!(told.remedy, to.remedy, "{name}");
        }
    }
}

#[test]
fn every_near_miss_has_both_languages_with_the_same_values() {
    let shift = ShiftEvidence { count: 7, of: 8, quantile: 0.9, faster: false };
    let reasons = [
        Reason::Repeats { lines: 3, repeats: 7, lasted_s: 4.1 },
        Reason::Errors { errors: 12, window_s: 60.0, expected: 3.2 },
        Reason::Failures { failures: 6.0, of: 9.0, window_s: 60.0, expected: 2.0, expected_by_rate: Some(5.5) },
        Reason::SlowCalls { shift, medians_ms: [98.0, 18.0] },
        Reason::FewEvents { events: 7.0, limit: 90.0 },
        Reason::Spoke { pause: (12.0, 40.0), limits: (30.0, 900.0) },
        Reason::NotEstablished,
        Reason::Restart(30.0),
        Reason::Replaced,
        Reason::ForgottenKeys,
        Reason::NotRare,
        Reason::NotLearned,
        Reason::ForgottenSights,
        Reason::TooMuchNew,
        Reason::Variant,
    ];
    for why in reasons {
        let (detector, key) = (DetectorName::Burst, "shop.pay".to_owned());
        let near = NearMiss { detector, kind: "surge", key, ln_p: -20.0, threshold: 1e-10, why };
        let [en, zh] = Language::ALL.map(|language| near_miss(language, &near));
        assert_eq!(values(&en), values(&zh), "{en}\n{zh}");
        assert!(en.is_ascii() && !zh.is_ascii() && zh.contains("shop.pay"), "{en}\n{zh}");
    }
}

#[test]
fn quotations_end_between_words() {
    assert_eq!(quoted("  refused\nat x "), Some("“refused”".to_owned()));
    assert_eq!(quoted(" \n"), None);
    let long = "a secret of 0123456789 ".repeat(20);
    let said = quoted(&long).unwrap();
    assert!(said.ends_with(" …”") && said.chars().count() <= QUOTED_CHARACTERS + 4, "{said}");
    assert!(said.split(' ').all(|word| long.contains(word.trim_matches(['“', '”', '…']))), "{said}");
    assert_eq!(quoted(&"0".repeat(500)), None);
    assert!(quoted(&"连接被拒绝".repeat(100)).is_some_and(|said| said.chars().count() > 100));
}

/// What the table reads like; `cargo test -p seismolog-core samples_are_shown -- --nocapture`.
#[test]
#[allow(clippy::print_stdout)]
fn samples_are_shown() {
    let [english, chinese] = [Language::En, Language::Zh].map(findings);
    let open = |finding: &&Finding| finding.state != State::Ongoing;
    for (en, zh) in english.iter().filter(open).zip(chinese.iter().filter(open)) {
        for finding in [en, zh] {
            println!("{}/{} {}", finding.detector.name(), finding.kind, finding.summary.title());
            if finding.state == State::Open {
                println!("    {}", numbers(finding.language, finding));
                println!("    {}", next_step(finding.language, finding).unwrap_or_default());
            }
        }
    }
}
