//! Messages in the Markdown of chat services, within a limit in bytes: as many findings as fit are
//! told in full, and what is left out is said.
//!
//! None of these services has an escape that the others know, and a log line must not become a link
//! or call everybody: what begins a tag or a link is replaced by a character that looks like it.

use super::notice::Notice;
use super::template::{Digest, more, word};
use crate::engine::finding::{Severity, State};
use crate::narrate::fill;
use crate::narrate::quantity::thousands;

/// Most lines of the log in a finding.
const LINES: usize = 3;

/// Whose Markdown it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// WeCom: three colours, no blocks of code.
    WeCom,
    /// DingTalk: a line ends only before an empty one, or where two blanks stand at its end.
    DingTalk,
    /// Feishu: colours by a tag of its own.
    Feishu,
}

/// The digest in at most `limit` bytes.
#[must_use]
pub fn markdown(digest: &Digest<'_>, dialect: Dialect, limit: usize) -> String {
    let foot = foot(digest);
    let mut text = String::new();
    // The head of a Feishu card is the title.
    if dialect != Dialect::Feishu {
        text.push_str(&format!("**{}**", inert(&digest.title)));
        cut(&mut text, limit / 4);
    }
    let is_one = digest.count == 1;
    let mut told = 0;
    for notice in digest.findings {
        let mut block = block(notice, dialect, is_one);
        // What is left out needs room to be said.
        let room = limit.saturating_sub(text.len() + foot.len() + 64);
        if block.len() > room {
            if told > 0 {
                break;
            }
            cut(&mut block, room);
        }
        text.push_str(&block);
        told += 1;
    }
    let left = digest.count.saturating_sub(told);
    if left > 0 {
        let language = digest.language();
        text.push_str(&format!("\n\n{}", fill(language.words().left_out, &[&more(language, left)])));
    }
    text.push_str(&foot);
    let mut text = text.trim_start().to_owned();
    if dialect == Dialect::DingTalk {
        text = text.replace('\n', "  \n");
    }
    cut(&mut text, limit);
    text
}

fn block(notice: &Notice, dialect: Dialect, is_one: bool) -> String {
    let mut text = String::new();
    if !is_one {
        let summary = inert(&notice.summary);
        // A summary of what is over says so itself.
        text.push_str(&match notice.state {
            State::Resolved => format!("\n\n{}", coloured(notice, &summary, dialect)),
            _ => format!("\n\n{} {summary}", coloured(notice, word(notice), dialect)),
        });
    }
    for (name, fact) in notice.facts() {
        text.push_str(&match name {
            Some(name) => format!("\n> {name}: {}", inert(&fact)),
            None => format!("\n> {}", inert(&fact)),
        });
    }
    if notice.state != State::Resolved {
        for line in notice.lines.iter().take(LINES) {
            text.push_str(&format!("\n> `{}`", inert(line).replace('`', "'")));
        }
    }
    text
}

fn coloured(notice: &Notice, word: &str, dialect: Dialect) -> String {
    let is_over = notice.state == State::Resolved;
    match dialect {
        Dialect::WeCom => {
            let colour = if is_over {
                "info"
            } else if notice.severity == Severity::Info {
                "comment"
            } else {
                "warning"
            };
            format!("<font color=\"{colour}\">{word}</font>")
        }
        Dialect::Feishu => {
            let colour = if is_over {
                "green"
            } else if notice.severity == Severity::Info {
                "grey"
            } else {
                "red"
            };
            format!("<font color='{colour}'>{word}</font>")
        }
        Dialect::DingTalk => format!("**{word}**"),
    }
}

/// The colour of a card's head.
#[must_use]
pub fn colour(digest: &Digest<'_>) -> &'static str {
    match digest.severity {
        _ if digest.opened == 0 => "green",
        Severity::Critical => "red",
        Severity::Warning => "orange",
        Severity::Info => "blue",
    }
}

/// Where the message comes from. It holds the word `seismolog`, by which robots know messages that
/// they may pass on.
fn foot(digest: &Digest<'_>) -> String {
    let from: Vec<String> = digest.origin.parts().iter().map(|part| inert(part)).collect();
    let link = digest.link().map_or(String::new(), |page| format!(" · [page]({page})"));
    format!("\n\n{}{link}", from.join(" · "))
}

/// Text of a log without what begins a tag, a link or a mention, on one line.
#[must_use]
pub fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in crate::terminal::layout::without_control(text).chars() {
        match c {
            '<' => shown.push('＜'),
            '>' => shown.push('＞'),
            '[' => shown.push('［'),
            ']' => shown.push('］'),
            // Of a name in Markdown, `snake_case` among them, nothing is to become italic.
            '*' => shown.push('∗'),
            _ => shown.push(c),
        }
    }
    shown
}

/// Cuts the text to at most `limit` bytes, at the begin of a character, and says how much is left
/// out.
pub fn cut(text: &mut String, limit: usize) {
    if text.len() <= limit {
        return;
    }
    let all = text.len();
    let note = |kept: usize| format!("\n… {} bytes left out", thousands((all - kept) as u64));
    // The note of nothing kept is the longest.
    let kept = text.floor_char_boundary(limit.saturating_sub(note(0).len()));
    text.truncate(kept);
    text.push_str(&note(kept));
}

#[cfg(test)]
mod tests {
    use super::super::notice::tests::notice;
    use super::super::template::MessageOrigin;
    use super::*;

    #[test]
    fn nothing_that_a_log_says_is_a_link_or_calls_anybody() {
        let mut evil = notice(1, State::Open, Severity::Critical);
        evil.summary = "<@all> [click](http://evil) <at id=all></at>".into();
        evil.lines = vec!["`code` <font color=\"info\">ok</font>".into()];
        let origin =
            MessageOrigin { page: Some("https://page/".into()), host: "n1".into(), ..MessageOrigin::default() };
        let findings = [evil.clone(), evil];
        let digest = Digest::of(&findings, 2, 0, Severity::Critical, &origin);
        for dialect in [Dialect::WeCom, Dialect::DingTalk, Dialect::Feishu] {
            let text = markdown(&digest, dialect, 4_096);
            assert!(!text.contains("<@") && !text.contains("](http://evil") && !text.contains("<at"), "{text}");
            assert!(text.contains("[page](https://page/)") && text.contains("seismolog on n1"), "{text}");
        }
    }

    #[test]
    fn texts_are_cut_at_characters() {
        for limit in 40..60 {
            let mut text = "数据库".repeat(20);
            cut(&mut text, limit);
            assert!(text.len() <= limit && text.contains("bytes left out"), "{limit} {text}");
        }
        let mut whole = "a".repeat(40);
        cut(&mut whole, 40);
        assert_eq!(whole.len(), 40);
    }
}
