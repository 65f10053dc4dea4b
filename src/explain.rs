//! Explains a finding on a terminal, in the words of `narrate`.

use crate::engine::finding::Finding;
use crate::narrate::explanation;
use crate::terminal::layout::wrap;
use std::fmt::Write as _;

/// The whole explanation in the language of the finding, in lines of at most `width` columns.
#[must_use]
pub fn explain(finding: &Finding, width: usize) -> String {
    let told = explanation(finding.language, finding);
    let mut text = String::new();
    for paragraph in &told.paragraphs {
        let _ = writeln!(text, "{}\n", wrap(paragraph, width).join("\n"));
    }
    for (heading, lines) in &told.quotes {
        let _ = writeln!(text, "{heading}");
        for line in lines {
            let _ = writeln!(text, "  | {line}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}", told.reference);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(text: &str) -> Finding {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_loop_is_told_in_sentences() {
        let told = explain(
            &finding(
                r#"{"id":"9f2c000000000000","detector":"loop","kind":"cycle","rule":null,"state":"open","severity":"critical",
                "respond_within":"5m","key":{"module":"retry.c41","thread":"loop-3"},"opened_at":"2026-03-02T08:41:12.204Z",
                "count":75,"score":0.83,"summary":"the same 3 lines 25 times in 4.1 s on retry.c41 (thread loop-3)",
                "evidence":{"observed":18.3,"expected":0.02,"unit":"lines/s","test":"gamma-poisson","threshold":1e-10,
                "p_value":1e-30,"samples":75,"window_s":4.1,"period":3,"repeats":25,"example":["a","b\u001b[31m"]},
                "cause":"the lease is held","remedy":null,"context":["before"]}"#,
            ),
            100,
        );
        let flowing = told.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "Critical (loop/cycle): the same 3 lines 25 times in 4.1 s on retry.c41 (thread loop-3). 18.3 lines a second over \
             4.1 s, usually 1.2 a minute: 920 times the usual. Found at 2026-03-02 08:41:12 UTC, on 75 events by then.",
            "The same few lines go round and round in one place, faster than they ever did. Check what module retry.c41, \
             thread loop-3 waits for or retries, and why it does not get it. Somebody should look within 5m.",
            "less than once in a billion billion tests (p = 1e-30, threshold 1e-10, gamma-poisson, 75 samples in 4.1 s).",
            "Cause: the lease is held.",
            "Lines that led up to it: | before",
            "| a | b\\u{1b}[31m Incident 9f2c000000000000",
        ] {
            assert!(flowing.contains(part), "{part:?} is not in\n{told}");
        }
        assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
    }

    #[test]
    fn what_is_over_and_what_a_rule_found_are_told_as_such() {
        let over = explain(
            &finding(
                r#"{"id":"1","detector":"latency","kind":"shift","state":"resolved","severity":"warning","key":{"operation":"/a"},
                "opened_at":"2026-03-02T08:41:12Z","count":9,"summary":"resolved after 1 min 1 s: /a is slower",
                "evidence":{"observed":250,"expected":40,"unit":"ms","test":"binomial exceedance","threshold":1e-9,
                "p_value":1e-12,"samples":2000,"window_s":4,"duration_s":61.0}}"#,
            ),
            200,
        );
        assert!(over.contains("Warning (latency/shift): /a is slower."), "{over}");
        assert!(
            over.contains("It began at 2026-03-02 08:41:12 UTC and ended after 1 min 1 s, with 9 events.")
                && over.contains(": 6.3 times the usual"),
            "{over}"
        );
        let rule = explain(
            &finding(
                r#"{"id":"2","detector":"rule","kind":"oom","rule":"oom","state":"open","severity":"info","key":{},
                "opened_at":"2026-03-02T08:41:12Z","count":1,"summary":"out of memory"}"#,
            ),
            200,
        );
        assert!(rule.contains("Info (rule oom): out of memory.") && rule.contains("there are no odds"), "{rule}");
    }

    #[test]
    fn findings_are_told_in_the_language_that_is_asked_for() {
        let text = r#"{"id":"1","detector":"burst","kind":"surge","state":"resolved","severity":"critical","key":{"module":"shop.pay"},
            "opened_at":"2026-03-02T08:41:12Z","count":62,"summary":"resolved after 1 min 1 s: 62 errors in shop.pay",
            "evidence":{"observed":62,"expected":0.29,"unit":"errors","test":"gamma-poisson","threshold":1e-9,"p_value":1e-12,
            "samples":2000,"window_s":20,"duration_s":61.0,"example":["connection refused by db-1"]}}"#;
        let told = explain(&finding(text).in_language(crate::narrate::Language::Zh), 60);
        let flowing: String = told.split_whitespace().collect();
        for part in
            ["严重（burst/surge）：shop.pay错误激增：20秒内62个错误", "“connectionrefusedbydb-1”", "1分1秒后恢复"]
        {
            assert!(flowing.contains(part), "{part:?} is not in\n{told}");
        }
        assert!(told.lines().all(|line| crate::terminal::layout::columns(line) <= 60), "{told}");
    }

    #[test]
    fn news_are_told_by_how_seldom_they_are_and_one_event_is_one() {
        let of = |detector: &str, evidence: &str| {
            let text = format!(
                r#"{{"id":"1","detector":"{detector}","kind":"x","state":"open","severity":"info","key":{{"module":"m"}},
                "opened_at":"2026-03-02T08:41:12Z","count":1,"summary":"s","evidence":{evidence}}}"#
            );
            explain(&finding(&text), 300)
        };
        let new = of(
            "novelty",
            r#"{"observed":1,"expected":0.0008,"unit":"new among events at WARN and worse","p_value":0.0008,"samples":1250,
            "window_s":3600}"#,
        );
        assert!(new.contains("First of its kind among 1,250 warnings and errors in 1 h."), "{new}");
        assert!(new.contains("1,250 samples in 1 h)") && new.contains("on 1 event by then"), "{new}");
        let rule = of("rule", r#"{"observed":1,"unit":"events","window_s":60}"#);
        assert!(rule.contains("1 event in 1 min."), "{rule}");
        let spread = of("spread", r#"{"observed":7,"expected":1,"unit":"failures","p_value":1e-9,"samples":90}"#);
        assert!(spread.contains("7 failures, usually 1: 7 times the usual."), "{spread}");
        let burst = of("burst", r#"{"observed":1,"expected":0.5,"unit":"errors","p_value":1e-9,"samples":90}"#);
        assert!(burst.contains("1 error, usually 0.5: 2 times the usual."), "{burst}");
    }
}
