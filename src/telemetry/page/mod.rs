//! The page itself: its files, embedded, in the language that is configured.
//!
//! The files are English. `zh.json` has the Chinese text for each English one: in the page's markup
//! they are replaced here, in its script by the function `t`, which looks them up in `WORDS`.

use crate::engine::finding::DetectorName;
use crate::narrate::Language;
use serde_json::{Map, Value};

const PAGE: &str = include_str!("page.html");
/// The placeholder in the page for the list of detectors.
const DETECTORS: &str = "<!-- detectors -->";
pub(super) const STYLE: &str = concat!(include_str!("look.css"), include_str!("page.css"));
const SCRIPT: &str = concat!(
    include_str!("page.js"),
    include_str!("status.js"),
    include_str!("chart.js"),
    include_str!("incidents.js"),
    include_str!("live.js")
);
const ZH: &str = include_str!("zh.json");

/// The texts of a language, which a test has parsed.
const fn texts(language: Language) -> &'static str {
    match language {
        Language::En => "{}",
        Language::Zh => ZH,
    }
}

/// The page with the names of all detectors as options.
pub(super) fn html(language: Language) -> String {
    let option = |detector: DetectorName| {
        let name = detector.name();
        let (first, rest) = name.split_at(1);
        format!(r#"<option value="{name}">{}{rest}</option>"#, first.to_uppercase())
    };
    let page = PAGE.replace(DETECTORS, &DetectorName::ALL.map(option).concat());
    let texts: Map<String, Value> = serde_json::from_str(texts(language)).unwrap_or_default();
    let page = page.replace("<html lang=\"en\">", &format!("<html lang=\"{}\">", language.tag()));
    texts.iter().filter_map(|(english, text)| Some((english, text.as_str()?))).fold(page, |page, (english, text)| {
        page.replace(&format!(">{english}<"), &format!(">{text}<"))
            .replace(&format!("-label=\"{english}\""), &format!("-label=\"{text}\""))
            .replace(&format!("title=\"{english}\""), &format!("title=\"{text}\""))
            .replace(&format!("placeholder=\"{english}\""), &format!("placeholder=\"{text}\""))
            .replace(&format!("valuetext=\"{english}\""), &format!("valuetext=\"{text}\""))
    })
}

/// The script, behind its texts.
pub(super) fn script(language: Language) -> String {
    format!("const WORDS = {};\n{SCRIPT}", texts(language).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn dictionary() -> Map<String, Value> {
        serde_json::from_str(ZH).unwrap()
    }

    /// What stands between `start` and `end`, each time.
    fn between<'a>(text: &'a str, start: &str, end: &str) -> BTreeSet<&'a str> {
        text.split(start).skip(1).filter_map(|part| part.split(end).next()).collect()
    }

    fn has_letters(text: &str) -> bool {
        text.chars().any(|c| c.is_ascii_alphabetic())
    }

    #[test]
    fn every_text_of_the_page_is_in_the_dictionary_with_the_same_places() {
        let texts = dictionary();
        for (english, text) in &texts {
            let text = text.as_str().unwrap();
            for place in ["{0}", "{1}", "{2}"] {
                assert_eq!(english.contains(place), text.contains(place), "{english}: {text}");
            }
        }
        let literal = between(SCRIPT, " t(\"", "\"").into_iter().chain(between(SCRIPT, "(t(\"", "\""));
        let literal = literal.chain(between(SCRIPT, "[t(\"", "\"")).chain(between(SCRIPT, "{t(\"", "\""));
        let counted = between(SCRIPT, "plural(", ")").into_iter().filter_map(|call| call.split('"').nth(1));
        let counted: Vec<String> =
            counted.flat_map(|noun| [format!("{{0}} {noun}"), format!("{{0}} {noun}s")]).collect();
        let mut seen = 0;
        for text in literal.chain(counted.iter().map(String::as_str)) {
            seen += 1;
            assert!(texts.contains_key(text), "{text:?} has no Chinese text");
        }
        assert!(seen > 80, "{seen}");
    }

    #[test]
    fn nothing_in_the_markup_stays_english() {
        assert_eq!(html(Language::En).matches("lang=\"en\"").count(), 1);
        let page = html(Language::Zh);
        assert!(page.contains("lang=\"zh-CN\"") && page.contains("<option value=\"loop\">循环</option>"));
        let body = page.split_once("<body>").unwrap().1;
        let names = ["seismolog", "Enter", "j", "k"];
        for start in [">", "-label=\"", "title=\"", "placeholder=\"", "valuetext=\""] {
            let end = if start == ">" { "<" } else { "\"" };
            for text in between(body, start, end) {
                let text = text.replace("&nbsp;", "");
                let is_name = names.contains(&text.trim());
                let is_chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert!(!has_letters(&text) || is_name || is_chinese, "{start} {text:?}");
            }
        }
    }

    #[test]
    fn the_script_finds_its_texts() {
        assert!(script(Language::En).starts_with("const WORDS = {};\n//"));
        assert!(script(Language::Zh).contains("\"Open now\": \"未恢复\""));
    }
}
