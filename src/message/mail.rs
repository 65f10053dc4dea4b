//! Mails about findings: their addresses, their subject, and the text of both of their forms.

use super::template::{Digest, PayloadTemplate, headline, more};
use crate::engine::finding::State;
use crate::terminal::layout::{clip, without_control};
use std::fmt::Write as _;
use std::str::FromStr;

/// Most characters of a subject.
const SUBJECT: usize = 200;

/// Who sends or gets a mail: `ops@example.org`, or `Operations <ops@example.org>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress {
    /// The name in front of it.
    pub name: Option<String>,
    /// What is in front of the `@`.
    pub user: String,
    /// What is behind it.
    pub domain: String,
}

impl FromStr for MailAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(rest) => rest.rsplit_once('<').ok_or("has a > without a <")?,
            None => ("", text),
        };
        let (user, domain) = address.rsplit_once('@').ok_or("is no address: it has no @")?;
        // What is read from the configuration goes into commands of SMTP as it is.
        let is_of_user = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
        let is_of_domain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        if user.is_empty() || !user.chars().all(is_of_user) {
            return Err("is no address: what is in front of the @ is no name of a mailbox");
        }
        let is_literal = domain
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|inside| inside.trim_start_matches("IPv6:").parse::<std::net::IpAddr>().is_ok());
        let is_domain =
            !domain.is_empty() && domain.split('.').all(|part| !part.is_empty()) && domain.chars().all(is_of_domain);
        if !is_literal && !is_domain {
            return Err("is no address: what is behind the @ is no domain; other scripts are written as xn--…");
        }
        let name = name.trim().trim_matches('"').trim();
        if name.chars().any(char::is_control) {
            return Err("has a name with control characters");
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { name, user: user.to_owned(), domain: domain.to_owned() })
    }
}

/// A mail as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailText {
    /// The subject, in one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl MailText {
    /// The mail of a digest; its subject is what the template makes of it.
    #[must_use]
    pub fn of(digest: &Digest<'_>, subject: &PayloadTemplate) -> Self {
        // The template was tried at the start; what it cannot do with these findings must not hide
        // them.
        let subject = subject.render(digest).unwrap_or_else(|_| digest.title.clone());
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { subject: clip(&subject, SUBJECT), text: text(digest), html: html(digest) }
    }
}

fn text(digest: &Digest<'_>) -> String {
    let mut text = without_control(&digest.title);
    for notice in digest.findings {
        if digest.count > 1 {
            let _ = write!(text, "\n\n{}", without_control(&headline(notice)));
        }
        for (name, fact) in notice.facts() {
            let fact = without_control(&fact);
            let _ = match name {
                Some(name) => write!(text, "\n{name}: {fact}"),
                None => write!(text, "\n{fact}"),
            };
        }
        if notice.state != State::Resolved {
            for line in &notice.lines {
                let _ = write!(text, "\n| {}", without_control(line));
            }
        }
        if let Some(page) = digest.link_of(notice).filter(|_| digest.count > 1) {
            let _ = write!(text, "\n{page}");
        }
    }
    if digest.more > 0 {
        let _ = write!(text, "\n\n{}", more(digest.language(), digest.more));
    }
    let _ = write!(text, "\n\n-- \n{}", digest.origin.parts().join(", "));
    if let Some(page) = digest.link() {
        let _ = write!(text, "\n{page}");
    }
    text.push('\n');
    text
}

fn html(digest: &Digest<'_>) -> String {
    let mut html = format!("<!DOCTYPE html>\n<html><body>\n<h3>{}</h3>\n", escaped(&digest.title));
    for notice in digest.findings {
        html.push_str("<p>");
        if digest.count > 1 {
            let _ = writeln!(html, "<b>{}</b><br>", escaped(&headline(notice)));
        }
        for (name, fact) in notice.facts() {
            let name = name.map_or(String::new(), |name| format!("<b>{name}</b>: "));
            let _ = writeln!(html, "{name}{}<br>", escaped(&fact));
        }
        if let Some(page) = digest.link_of(notice) {
            let _ = write!(html, "<a href=\"{}\">open the page</a>", escaped(&page));
        }
        html.push_str("</p>\n");
        if notice.state != State::Resolved && !notice.lines.is_empty() {
            let lines: Vec<String> = notice.lines.iter().map(|line| escaped(line)).collect();
            let _ = writeln!(html, "<pre>{}</pre>", lines.join("\n"));
        }
    }
    if digest.more > 0 {
        let _ = writeln!(html, "<p>{}</p>", more(digest.language(), digest.more));
    }
    let _ = write!(html, "<p><small>{}</small></p>\n</body></html>\n", escaped(&digest.origin.parts().join(", ")));
    html
}

fn escaped(text: &str) -> String {
    without_control(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::notice::tests::notice;
    use super::super::template::MessageOrigin;
    use super::*;
    use crate::engine::finding::Severity;

    #[test]
    fn addresses_are_read_and_nothing_else_is() {
        for (text, name, user, domain) in [
            ("ops@example.org", None, "ops", "example.org"),
            (" Operations <ops+log@example.org> ", Some("Operations"), "ops+log", "example.org"),
            ("\"Ops, the\" <o@localhost>", Some("Ops, the"), "o", "localhost"),
            ("值班 <o@[127.0.0.1]>", Some("值班"), "o", "[127.0.0.1]"),
        ] {
            let address: MailAddress = text.parse().unwrap();
            assert_eq!((address.name.as_deref(), address.user.as_str(), address.domain.as_str()), (name, user, domain));
        }
        for wrong in [
            "",
            "ops",
            "@example.org",
            "ops@",
            "a b@c",
            "a@b> RCPT TO:<c@d",
            "a@b\r\nDATA",
            "x <a@b\n>",
            "a@b..c",
            "ops@例子.cn",
            "ops@[127.0.0]",
            "a@b>",
        ] {
            assert!(wrong.parse::<MailAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mail_has_the_facts_in_both_forms_and_a_subject_of_one_line() {
        let mut one = notice(1, State::Open, Severity::Critical);
        one.lines = vec!["<script>\x1b[31m\nSubject: x".into()];
        let origin = MessageOrigin {
            host: "node-1".into(),
            environment: Some("shop".into()),
            page: Some("https://page/".into()),
        };
        let findings = [one];
        let digest = Digest::of(&findings, 1, 0, Severity::Critical, &origin);
        let subject = PayloadTemplate::new(Some("[{{ environment }}]\n{{ title }}\r\nBcc: x@y")).unwrap();
        let mail = MailText::of(&digest, &subject);
        assert_eq!(mail.subject, "[shop] critical: 12 errors of shop.1 Bcc: x@y");
        assert_eq!(
            mail.text,
            "critical: 12 errors of shop.1\nsince: 2023-11-14 22:13:21 UTC\nrespond within: 1h\n\
             cause: the \"pool\" is empty\n12 errors in 10 s: 1.2 a second, usually 36 an hour\n| <script> Subject: x\n\n\
             -- \nseismolog on node-1, shop\nhttps://page/#0000000000000001\n"
        );
        assert!(mail.html.contains("&lt;script&gt;") && !mail.html.contains("<script>"), "{}", mail.html);
        assert!(mail.html.contains("href=\"https://page/#0000000000000001\""), "{}", mail.html);
    }
}
