//! All that a line holds under a name: members of a JSON object at any depth, columns and pairs of
//! a text line, and what stands inside of its message.

use super::super::json::{self, Kind, Members};
use super::super::layout::{LayoutMatch, LayoutName, TextReader, ValueForm};
use super::super::time::{TimeContext, time_prefix};
use super::super::unescape::{unescape, unescape_into};
use super::super::{Role, clean};
use std::ops::Range;

/// More members of a line are not looked at.
const MOST: usize = 2_000;
/// Objects nested deeper are not looked into.
const DEEPEST: usize = 16;
/// How many messages inside of messages are looked into.
const INNERMOST: usize = 4;
/// How far the begin of a text line is searched for its time, in bytes.
const HEADER: usize = 512;

/// A value that a line holds, and what it is called there.
#[derive(Clone, Debug, PartialEq)]
pub struct LineMember {
    /// Names from the outside to the inside, with dots between them; an element of an array by its
    /// number in brackets, or by the name in its member `key`. Empty for what has no name.
    pub path: String,
    /// The path of the text in which it stands, if that is a value itself.
    pub inside: Option<String>,
    /// The value without escapes.
    pub text: String,
    /// How it is written.
    pub kind: Kind,
    /// Where it stands in the line; none where the text around it had escapes.
    pub bytes: Option<Range<usize>>,
    /// What it is by its place in a text line.
    pub role: Option<Role>,
    /// Whether it is a column or pair of text, not a member of an object.
    pub is_laid: bool,
}

/// Where the bytes of a text stand in the line.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// All of them from this one on.
    At(usize),
    /// Piece by piece: where each begins in the text, and where in the line.
    Pieces(Vec<(usize, usize)>),
    /// They are a copy.
    Nowhere,
}

impl Origin {
    /// Where these bytes of the text stand.
    pub(super) fn range(&self, range: Range<usize>) -> Option<Range<usize>> {
        match self {
            Self::At(base) => Some(range.start + base..range.end + base),
            Self::Nowhere => None,
            Self::Pieces(pieces) => {
                let moved = |at: usize| {
                    let piece = pieces.partition_point(|(begin, _)| *begin <= at).checked_sub(1)?;
                    Some(pieces[piece].1 + at - pieces[piece].0)
                };
                let start = moved(range.start)?;
                // An end is one past its last byte: what colours behind that is no part of it.
                let end = if range.is_empty() { start } else { moved(range.end - 1)? + 1 };
                Some(start..end)
            }
        }
    }

    /// The same for a text that begins at `start` of this one.
    fn within(&self, start: usize) -> Self {
        match self {
            Self::At(base) => Self::At(base + start),
            Self::Nowhere => Self::Nowhere,
            Self::Pieces(pieces) => {
                let moved = |(begin, at): &(usize, usize)| match begin.checked_sub(start) {
                    Some(begin) => (begin, *at),
                    None => (0, at + start - begin),
                };
                // Of pieces that begin before it only the last one counts.
                let first = pieces.partition_point(|(begin, _)| *begin <= start).saturating_sub(1);
                Self::Pieces(pieces[first..].iter().map(moved).collect())
            }
        }
    }
}

/// Gathers members. Holds the reader of text lines.
pub(super) struct Gathering<'a> {
    pub(super) context: &'a mut TimeContext,
    pub(super) reader: &'a mut TextReader,
    /// Whether a member of this path is a message.
    pub(super) is_message: &'a dyn Fn(&str) -> bool,
    pub(super) members: Vec<LineMember>,
    /// The layouts met, outermost first, and the text in which each was: empty for the line itself.
    pub(super) layouts: Vec<(&'static str, String)>,
    inside: Option<String>,
    depth: usize,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(
        context: &'a mut TimeContext,
        reader: &'a mut TextReader,
        is_message: &'a dyn Fn(&str) -> bool,
    ) -> Self {
        Self { context, reader, is_message, members: Vec::new(), layouts: Vec::new(), inside: None, depth: 0 }
    }

    /// The members of the object at `start` of `text`.
    pub(super) fn object(&mut self, text: &[u8], start: usize, origin: &Origin) {
        self.layouts.push(("json", self.inside.clone().unwrap_or_default()));
        let first = self.members.len();
        self.walk(text, start, origin, "", 0);
        self.look_into_messages(first);
    }

    fn walk(&mut self, text: &[u8], start: usize, origin: &Origin, prefix: &str, depth: usize) {
        let Ok(mut members) = Members::new(text, start) else { return };
        while let Ok(Some(member)) = members.advance() {
            let key = unescape(&text[member.key_start..member.key_end], member.key_escaped);
            let path = if prefix.is_empty() { key.into_owned() } else { format!("{prefix}.{key}") };
            self.value(text, (member.kind, member.start..member.end), origin, path, depth);
        }
    }

    fn value(&mut self, text: &[u8], value: (Kind, Range<usize>), origin: &Origin, path: String, depth: usize) {
        let (kind, range) = value;
        if self.members.len() >= MOST {
            return;
        }
        match kind {
            Kind::Object if depth < DEEPEST => self.walk(text, range.start, origin, &path, depth + 1),
            Kind::Array if depth < DEEPEST => self.elements(text, range, origin, &path, depth + 1),
            Kind::Object | Kind::Array | Kind::Null => {}
            _ => {
                let value = unescape(&text[range.clone()], kind == Kind::Escaped).into_owned();
                self.push(path, value, kind, origin.range(range), None, false);
            }
        }
    }

    /// Elements of an array; one that is a pair of `key` and `value` has the name that it gives.
    fn elements(&mut self, text: &[u8], range: Range<usize>, origin: &Origin, path: &str, depth: usize) {
        let mut at = json::skip_space(text, range.start + 1);
        for i in 0.. {
            let Ok(value) = json::value(text, at) else { return };
            let element = (value.kind, value.start()..value.end());
            match pair_of(text, &element) {
                Some((key, value)) => self.value(text, value, origin, format!("{path}.{key}"), depth),
                None => self.value(text, element, origin, format!("{path}[{i}]"), depth),
            }
            at = json::skip_space(text, value.next());
            if text.get(at) != Some(&b',') || self.members.len() >= MOST {
                return;
            }
            at = json::skip_space(text, at + 1);
        }
    }

    /// The columns and pairs of a line of text, and its time, level and message. False for a line
    /// without any layout.
    pub(super) fn text(&mut self, text: &[u8], origin: &Origin) -> bool {
        let understood = self.reader.read(text, self.context);
        let matched = self.reader.matched().clone();
        let inside = self.inside.clone().unwrap_or_default();
        let layouts = std::iter::once(matched.layout).chain(matched.inside).filter(|layout| !layout.is_empty());
        self.layouts.extend(layouts.map(|layout| (layout, inside.clone())));
        self.time_and_level(text, origin, &matched);
        for member in &matched.members {
            let path = match &member.name {
                LayoutName::Known(name) => (*name).to_owned(),
                LayoutName::Written(range) => unescape(&text[range.clone()], false).into_owned(),
            };
            self.matched(path, text, &member.value, member.form, origin, None);
        }
        let first = self.members.len();
        self.matched("message".into(), text, &matched.message, matched.message_form, origin, Some(Role::Message));
        let message = &text[matched.message.clone()];
        if matched.message_form != ValueForm::Quoted && message.trim_ascii_start().starts_with(b"{") {
            let start = matched.message.start + message.len() - message.trim_ascii_start().len();
            self.go_inside("message", |this| this.object(&text[start..], 0, &origin.within(start)));
        } else if matched.message_form == ValueForm::Quoted {
            self.look_into_messages(first);
        }
        understood
    }

    fn matched(
        &mut self,
        path: String,
        text: &[u8],
        value: &Range<usize>,
        form: ValueForm,
        origin: &Origin,
        role: Option<Role>,
    ) {
        let kind = match form {
            ValueForm::Text => Kind::Text,
            ValueForm::Number => Kind::Number,
            ValueForm::Quoted => Kind::Escaped,
        };
        let said = unescape(&text[value.clone()], kind == Kind::Escaped).into_owned();
        self.push(path, said, kind, origin.range(value.clone()), role, true);
    }

    fn time_and_level(&mut self, text: &[u8], origin: &Origin, matched: &LayoutMatch) {
        if let Some(time) = matched.time {
            let starts = (0..text.len().min(HEADER)).filter(|&at| may_begin_time(text, at));
            let context = &*self.context;
            let found = starts.into_iter().find_map(|at| {
                let (found, length) = time_prefix(&text[at..], &mut context.clone())?;
                (found == time).then_some(at..at + length)
            });
            let said = found.clone().map(|range| unescape(&text[range], false).into_owned());
            let said = said.unwrap_or_else(|| time.to_string());
            let bytes = found.and_then(|range| origin.range(range));
            self.push(String::new(), said, Kind::Text, bytes, Some(Role::Timestamp), true);
        }
        if let Some(level) = matched.level {
            let priority = || {
                let end = text.strip_prefix(b"<").and_then(|rest| memchr::memchr(b'>', rest));
                Some(0..end? + 2)
            };
            let range = if matched.level_text.is_empty() { priority() } else { Some(matched.level_text.clone()) };
            let said = range
                .clone()
                .map_or_else(|| level.name().to_owned(), |range| unescape(&text[range], false).into_owned());
            let bytes = range.and_then(|range| origin.range(range));
            self.push(String::new(), said, Kind::Text, bytes, Some(Role::Level), true);
        }
    }

    /// Looks into the messages among the members from `first` on.
    fn look_into_messages(&mut self, first: usize) {
        if self.depth >= INNERMOST {
            return;
        }
        for i in first..self.members.len() {
            let member = &self.members[i];
            if !matches!(member.kind, Kind::Text | Kind::Escaped) || !(self.is_message)(&member.path) {
                continue;
            }
            let (text, path) = (member.text.clone(), member.path.clone());
            let origin = match &member.bytes {
                Some(bytes) if member.kind == Kind::Text => Origin::At(bytes.start),
                _ => Origin::Nowhere,
            };
            let (text, origin) = without_colours(text.trim_end_matches(['\n', '\r']).as_bytes(), origin);
            let start = json::skip_space(&text, 0);
            let layouts = self.layouts.len();
            let members = self.members.len();
            self.go_inside(&path, |this| {
                let understood = match text.get(start) {
                    Some(b'{') => {
                        this.object(&text[start..], 0, &origin.within(start));
                        true
                    }
                    _ => this.text(&text, &origin),
                };
                if !understood {
                    this.layouts.truncate(layouts);
                    this.members.truncate(members);
                }
            });
        }
    }

    fn go_inside(&mut self, path: &str, read: impl FnOnce(&mut Self)) {
        let outer = match &self.inside {
            Some(outer) => format!("{outer} > {path}"),
            None => path.to_owned(),
        };
        let outer = self.inside.replace(outer);
        self.depth += 1;
        read(self);
        self.depth -= 1;
        self.inside = outer;
    }

    fn push(
        &mut self,
        path: String,
        text: String,
        kind: Kind,
        bytes: Option<Range<usize>>,
        role: Option<Role>,
        is_laid: bool,
    ) {
        if self.members.len() < MOST {
            self.members.push(LineMember { path, inside: self.inside.clone(), text, kind, bytes, role, is_laid });
        }
    }
}

/// The text without what colours it, and where it stands then.
pub(super) fn without_colours(text: &[u8], origin: Origin) -> (Vec<u8>, Origin) {
    if !clean::is_coloured(text) {
        return (text.to_vec(), origin);
    }
    let (mut plain, mut pieces) = (Vec::with_capacity(text.len()), Vec::new());
    clean::each_plain(text, |at, piece| {
        if !piece.is_empty() {
            pieces.push((plain.len(), at));
            plain.extend_from_slice(piece);
        }
    });
    let origin = match origin {
        Origin::At(base) => Origin::Pieces(pieces.into_iter().map(|(begin, at)| (begin, at + base)).collect()),
        _ => Origin::Nowhere,
    };
    (plain, origin)
}

/// A digit, or the capital of a day or month, that does not stand inside of a word.
fn may_begin_time(text: &[u8], at: usize) -> bool {
    let inside = at > 0 && text[at - 1].is_ascii_alphanumeric();
    !inside
        && (text[at].is_ascii_digit() || text[at].is_ascii_uppercase() || text[at] >= 0x80)
        && std::str::from_utf8(&text[at..(at + 4).min(text.len())]).map_or_else(|bad| bad.valid_up_to() > 0, |_| true)
}

/// The name and the value of an element `{"key": …, "value": …}`; of a value of OTLP, that is an
/// object of one member by its type, what is in it.
fn pair_of(text: &[u8], element: &(Kind, Range<usize>)) -> Option<(String, (Kind, Range<usize>))> {
    if element.0 != Kind::Object {
        return None;
    }
    let (mut key, mut said, mut count) = (None, None, 0);
    let mut members = Members::new(text, element.1.start).ok()?;
    while let Ok(Some(member)) = members.advance() {
        count += 1;
        match &text[member.key_start..member.key_end] {
            b"key" if matches!(member.kind, Kind::Text | Kind::Escaped) => {
                let mut name = Vec::new();
                unescape_into(&text[member.start..member.end], &mut name);
                key = String::from_utf8(name).ok();
            }
            b"value" => said = Some((member.kind, member.start..member.end)),
            _ => {}
        }
    }
    let (key, said) = key.zip(said).filter(|_| count == 2)?;
    if said.0 != Kind::Object {
        return Some((key, said));
    }
    let mut typed = Members::new(text, said.1.start).ok()?;
    let only = typed.advance().ok().flatten()?;
    let is_typed = text[only.key_start..only.key_end].ends_with(b"Value") && typed.advance() == Ok(None);
    Some((key, if is_typed { (only.kind, only.start..only.end) } else { said }))
}
