//! Reads CSV as in RFC 4180: fields separated by commas; quoted fields may have line breaks and
//! doubled quotes.

use rhai::Dynamic;

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) text: String,
    quoted: bool,
}

impl Field {
    /// The value: text, or a number or truth value if unquoted; `None` for an empty unquoted field.
    pub(crate) fn value(&self) -> Option<Dynamic> {
        let text = self.text.as_str();
        if self.quoted {
            return Some(text.into());
        }
        match text {
            "" => None,
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            // A leading zero marks a code, which stays text.
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

/// An iterator over the non-empty lines, each with its byte offset.
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
    /// The offset and fields of a line, or the offset and description of an error.
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
