//! Messages for Slack, in blocks: a head, a section for each finding, and where it comes from.
//!
//! Slack refuses a message that has more than 50 blocks, a head of more than 150 characters, or a
//! section of more than 3,000. What `&`, `<` and `>` would do is prevented by escapes, so that a
//! log line calls nobody and links nowhere.

use super::notice::Notice;
use super::template::{Digest, more, word};
use crate::engine::finding::{Severity, State};
use crate::terminal::layout::{clip, without_control};
use serde_json::{Value, json};

const HEAD: usize = 150;
const SECTION: usize = 3_000;
/// Most characters of one fact, so that a section has room for all of them.
const FACT: usize = 400;
/// Most lines of the log in a section.
const LINES: usize = 5;

/// The message.
#[must_use]
pub fn message(digest: &Digest<'_>) -> Value {
    let head = format!("{} {}", sign(digest.severity, digest.opened == 0), digest.title);
    let mut blocks = vec![json!({ "type": "header", "text": { "type": "plain_text", "text": clip(&head, HEAD) } })];
    // A title that was cut is told whole.
    let is_told = digest.count == 1 && head.chars().count() <= HEAD;
    blocks.extend(digest.findings.iter().map(|notice| section(&finding(notice, is_told))));
    if digest.more > 0 {
        blocks.push(section(&more(digest.language(), digest.more)));
    }
    let mut from: Vec<String> = digest.origin.parts().iter().map(|part| escaped(part)).collect();
    from.extend(digest.link().map(|page| format!("<{}|open the page>", escaped(&page).replace('|', "%7C"))));
    blocks.push(
        json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": clip(&from.join(" · "), SECTION) }] }),
    );
    json!({ "text": escaped(&clip(&digest.title, SECTION)), "blocks": blocks })
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

fn finding(notice: &Notice, is_told: bool) -> String {
    let mut text = String::new();
    if !is_told {
        let sign = sign(notice.severity, notice.state == State::Resolved);
        // A summary of what is over says so itself.
        text.push_str(&match notice.state {
            State::Resolved => format!("{sign} {}\n", short(&notice.summary)),
            _ => format!("{sign} *{}* {}\n", word(notice), short(&notice.summary)),
        });
    }
    // Each reader sees the time in their own zone; the text is for those who see none.
    let seconds = notice.opened_ns.div_euclid(1_000_000_000);
    for (name, fact) in notice.facts() {
        text.push_str(&match name {
            Some(name) if name == notice.language.words().since_name => {
                format!("*{name}* <!date^{seconds}^{{date_num}} {{time_secs}}|{fact}>\n")
            }
            Some(name) => format!("*{name}* {}\n", short(&fact)),
            None => format!("{}\n", short(&fact)),
        });
    }
    if notice.state != State::Resolved && !notice.lines.is_empty() {
        let mut lines = String::new();
        for line in notice.lines.iter().take(LINES) {
            let line = escaped(line).replace("```", "'''");
            // Three backticks on each side, and the line's end.
            if text.chars().count() + lines.chars().count() + line.chars().count() + 8 < SECTION {
                lines.push_str(&line);
                lines.push('\n');
            }
        }
        text.push_str(&format!("```{lines}```"));
    }
    text.trim_end().to_owned()
}

/// A text of a finding, escaped and cut, so that no escape is cut in two.
fn short(text: &str) -> String {
    let mut room = FACT;
    let whole = escaped(text);
    if whole.chars().count() <= FACT {
        return whole;
    }
    let mut shown = String::new();
    for c in without_control(text).chars() {
        let escaped = escaped(&c.to_string());
        if escaped.len() + 1 > room {
            break;
        }
        room -= escaped.chars().count();
        shown.push_str(&escaped);
    }
    shown + "…"
}

fn escaped(text: &str) -> String {
    without_control(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const fn sign(severity: Severity, is_over: bool) -> &'static str {
    match severity {
        _ if is_over => ":white_check_mark:",
        Severity::Critical => ":red_circle:",
        Severity::Warning => ":large_orange_circle:",
        Severity::Info => ":large_blue_circle:",
    }
}

#[cfg(test)]
mod tests {
    use super::super::notice::tests::notice;
    use super::super::template::MessageOrigin;
    use super::*;

    fn origin() -> MessageOrigin {
        MessageOrigin {
            host: "node-1".into(),
            environment: Some("shop <1>".into()),
            page: Some("https://page/".into()),
        }
    }

    #[test]
    fn a_message_says_what_where_since_when_and_what_to_do() {
        let mut one = notice(1, State::Open, Severity::Critical);
        one.remedy = Some("restart <pool> & wait".into());
        let origin = origin();
        let findings = [one];
        let message = message(&Digest::of(&findings, 1, 0, Severity::Critical, &origin));
        assert_eq!(message["text"], "critical: 12 errors of shop.1");
        let blocks = message["blocks"].as_array().unwrap();
        assert_eq!(blocks[0]["text"]["text"], ":red_circle: critical: 12 errors of shop.1");
        assert_eq!(
            blocks[1]["text"]["text"],
            "*since* <!date^1700000001^{date_num} {time_secs}|2023-11-14 22:13:21 UTC>\n*respond within* 1h\n\
             *cause* the \"pool\" is empty\n*remedy* restart &lt;pool&gt; &amp; wait\n12 errors in 10 s: 1.2 a second, usually 36 an hour\n\
             ```connection refused\n```"
        );
        assert_eq!(
            blocks[2]["elements"][0]["text"],
            "seismolog on node-1 · shop &lt;1&gt; · <https://page/#0000000000000001|open the page>"
        );
    }

    #[test]
    fn the_longest_message_is_within_the_limits() {
        let mut long = notice(1, State::Open, Severity::Warning);
        long.summary = "<".repeat(5_000);
        long.cause = Some("&".repeat(5_000));
        long.remedy = Some("错".repeat(5_000));
        long.evidence = ">".repeat(5_000);
        long.lines = vec!["<!channel> ".repeat(27); 10];
        let origin = origin();
        for count in [1, 10] {
            let findings = vec![long.clone(); count];
            let message = message(&Digest::of(&findings, 4_000, 0, Severity::Warning, &origin));
            let blocks = message["blocks"].as_array().unwrap();
            assert!(blocks.len() <= 50);
            assert!(blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= HEAD);
            for block in &blocks[1..] {
                let text = block.pointer("/text/text").or_else(|| block.pointer("/elements/0/text")).unwrap();
                let text = text.as_str().unwrap();
                assert!(!text.is_empty() && text.chars().count() <= SECTION, "{}", text.chars().count());
                assert!(!text.contains("<!channel>"), "{text}");
            }
            assert!(message.to_string().contains(&more(crate::narrate::Language::En, 4_000 - count as u64)));
        }
    }
}
