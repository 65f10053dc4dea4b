//! The extended log format of the W3C, and Zeek's: a directive names the columns of the lines that
//! follow it.
//!
//! ```text
//! #Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken
//! 2026-03-14 07:21:09 10.0.0.9 GET /pay 502 250
//! ```
//!
//! Only the columns that have a role become members; the message is the line as a whole, so that
//! nothing is lost. One directive is remembered, and lines that have not its number of columns, or
//! no time where it says one, are read as any other.

use super::super::time::TimeContext;
use super::{LayoutMatch, own, text};

/// Columns that have a role, and its member.
const NAMES: [(&str, &str); 24] = [
    ("date", "date"),
    ("time", "time"),
    ("ts", "time"),
    ("c-ip", "client"),
    ("s-ip", "server"),
    ("id.orig_h", "client"),
    ("id.resp_h", "server"),
    ("cs-method", "method"),
    ("method", "method"),
    ("cs-uri-stem", "operation"),
    ("uri", "operation"),
    ("cs-uri-query", "query"),
    ("sc-status", "status"),
    ("status_code", "status"),
    ("cs-username", "user"),
    ("cs(User-Agent)", "user_agent"),
    ("cs(Referer)", "referrer"),
    ("cs-host", "vhost"),
    ("sc-bytes", "bytes"),
    ("sc-substatus", "substatus"),
    ("x-edge-request-id", "request_id"),
    ("uid", "request_id"),
    ("s-sitename", "site"),
    ("time-taken", "duration_ms"),
];
/// The most columns that a directive can name.
const MOST: usize = 256;

/// What the last directive said.
#[derive(Debug, Default)]
pub(super) struct Fields {
    names: Vec<&'static str>,
    delimiter: u8,
    /// Where the time that a request took stands, whose unit its fraction tells.
    taken: Option<usize>,
}

impl Fields {
    /// Reads a directive, or a line under one.
    pub(super) fn read(&mut self, line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
        if line.first() == Some(&b'#') {
            self.learn(line);
            return false;
        }
        if self.names.is_empty() || !own::read_columns(line, "w3c", self.delimiter, &self.names, context, matched) {
            return false;
        }
        matched.message = 0..line.len();
        if let Some(value) = self.taken.and_then(|taken| super::csv::columns(line, self.delimiter).nth(taken)) {
            // IIS writes milliseconds, CloudFront seconds with a fraction.
            let is_seconds = memchr::memchr(b'.', &line[value.range.clone()]).is_some();
            matched.member(line, if is_seconds { "request_time" } else { "duration_ms" }, value.range);
        }
        true
    }

    #[cold]
    fn learn(&mut self, line: &[u8]) {
        let rest = line.strip_prefix(b"#Fields:").or_else(|| line.strip_prefix(b"#fields"));
        let Some(rest) = rest.filter(|rest| matches!(rest.first(), Some(b' ' | b'\t'))) else { return };
        let start = text::skip_spaces(rest, 0);
        self.delimiter = if memchr::memchr(b'\t', &rest[start..]).is_some() { b'\t' } else { b' ' };
        self.names.clear();
        self.taken = None;
        for name in rest[start..].split(|byte| *byte == self.delimiter).filter(|name| !name.is_empty()).take(MOST) {
            let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name).map_or("-", |(_, member)| member);
            if known == "duration_ms" {
                self.taken = Some(self.names.len());
            }
            self.names.push(if known == "duration_ms" { "-" } else { known });
        }
        // Without a time it could be any line.
        if !self.names.contains(&"time") {
            self.names.clear();
        }
        // CloudFront's lines are between tabs, its directive between blanks.
        if self.names.len() > 20 && line.starts_with(b"#Fields:") && memchr::memmem::find(line, b"x-edge").is_some() {
            self.delimiter = b'\t';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LayoutName, TextReader};
    use super::*;

    #[test]
    fn lines_under_a_directive_are_read_by_it() {
        let mut reader = TextReader::default();
        let mut context = TimeContext::new("UTC", 2026).unwrap();
        let mut read = |line: &str| {
            reader.read(line.as_bytes(), &mut context);
            let matched = reader.matched();
            let member = |name: &'static str| {
                let member = matched.members.iter().find(|member| member.name == LayoutName::Known(name));
                member.map_or("", |member| &line[member.value.clone()]).to_owned()
            };
            (
                matched.layout,
                matched.time.is_some(),
                member("status"),
                member("operation"),
                member("duration_ms"),
                member("request_time"),
            )
        };
        let text = |text: &str| text.to_owned();
        assert_eq!(read("#Software: Microsoft Internet Information Services 10.0").0, "plain");
        read("#Fields: date time s-ip cs-method cs-uri-stem sc-status x-own time-taken");
        let seen = read("2026-03-14 07:21:09 10.0.0.1 GET /pay 502 - 250");
        assert_eq!(seen, ("w3c", true, text("502"), text("/pay"), text("250"), text("")));
        assert_ne!(read("2026-03-14 07:21:09 ERROR no answer").0, "w3c");
        read("#fields\tts\tuid\tid.orig_h\tmethod\turi\tstatus_code");
        let seen = read("1773472869.250\tCx1\t10.0.0.9\tGET\t/pay\t404");
        assert_eq!(seen, ("w3c", true, text("404"), text("/pay"), text(""), text("")));
        read("#Fields: a b c");
        assert_ne!(read("x y z").0, "w3c");
    }
}
