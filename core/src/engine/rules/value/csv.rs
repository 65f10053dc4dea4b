//! Lines of CSV as RFC 4180 has them: commas, quotes doubled inside of quotes, line breaks there
//! too.

use rhai::Dynamic;

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) text: String,
    quoted: bool,
}

impl Field {
    /// Text, or what an unquoted field says that is no text; `None` for an empty one.
    pub(crate) fn value(&self) -> Option<Dynamic> {
        let text = self.text.as_str();
        if self.quoted {
            return Some(text.into());
        }
        match text {
            "" => None,
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            // A leading zero is a code's, not a number's.
            _ if text.len() > 1 && text.starts_with('0') && !text.starts_with("0.") => Some(text.into()),
            _ if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Some(text.into()),
            _ => Some(
                text.parse::<i64>()
                    .map(Dynamic::from)
                    .or_else(|_| text.parse::<f64>().map(Dynamic::from))
                    .unwrap_or(text.into()),
            ),
        }
    }
}

/// Reads lines, empty ones left out, each with the offset at which it begins.
pub(crate) struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Lines<'_> {
    /// A line, or where and what is wrong.
    type Item = Result<(usize, Vec<Field>), (usize, &'static str)>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(end) = self.text[self.at..].find(|c| c != '\n' && c != '\r').filter(|&end| end > 0) {
            self.at += end;
        }
        let start = self.at;
        if self.text[start..].trim_end_matches(['\n', '\r']).is_empty() {
            return None;
        }
        let mut fields = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let field = if let Some(inside) = rest.strip_prefix('"') {
                let mut text = String::new();
                let mut used = 0;
                loop {
                    let Some(quote) = inside[used..].find('"') else {
                        return Some(Err((self.at, "this quote is never closed")));
                    };
                    text.push_str(&inside[used..used + quote]);
                    used += quote + 1;
                    if !inside[used..].starts_with('"') {
                        break;
                    }
                    text.push('"');
                    used += 1;
                }
                self.at += 1 + used;
                Field { text, quoted: true }
            } else {
                let end = rest.find([',', '\n', '\r']).unwrap_or(rest.len());
                self.at += end;
                Field { text: rest[..end].trim().to_owned(), quoted: false }
            };
            fields.push(field);
            match self.text[self.at..].chars().next() {
                Some(',') => self.at += 1,
                None | Some('\n' | '\r') => return Some(Ok((start, fields))),
                Some(_) => return Some(Err((self.at, "something stands behind a closing quote"))),
            }
        }
    }
}
