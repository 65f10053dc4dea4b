//! The tag of a syslog message: who wrote it.

use std::ops::Range;

use super::super::level::Level;
use super::syslog::is_host;
use super::{LayoutMatch, text};

/// The longest tag that is believed to be one.
const LONGEST_TAG: usize = 128;

/// How many words a tag with spaces in its name has behind the first.
const MOST_WORDS: usize = 3;

/// Who wrote a message: `tag[pid]:`, `tag:`, `/path/tag[pid]:`, `tag(part)[pid]:`, `tag version:`,
/// `tag : `, and behind a pid also `(context):` and `<Level>:`.
pub(super) struct Tag {
    pub(super) name: Range<usize>,
    version: Range<usize>,
    pub(super) pid: Range<usize>,
    context: Range<usize>,
    level: Option<(Level, Range<usize>)>,
    pub(super) end: usize,
}

impl Tag {
    /// A tag of one word, the only kind that is certain where a host could stand.
    pub(super) fn in_one_word(line: &[u8], at: usize) -> Option<Tag> {
        let mut tag = Tag { name: at..at, version: 0..0, pid: 0..0, context: 0..0, level: None, end: at };
        let word = text::word(line, at);
        // `error:` is the label of a message.
        let label = text::level_word(line, at).is_some_and(|(_, said)| said.end + 1 >= word.end);
        (word.len() <= LONGEST_TAG && !label && tag.take(line, word)).then(|| tag.finish(line))
    }

    pub(super) fn find(line: &[u8], at: usize) -> Option<Tag> {
        if let Some(tag) = Tag::in_one_word(line, at) {
            return Some(tag);
        }
        let mut tag = Tag { name: at..at, version: 0..0, pid: 0..0, context: 0..0, level: None, end: at };
        let word = text::word(line, at);
        // More words: the mark alone, a version, or a name with spaces in it, which only a pid
        // makes certain.
        if !is_host(&line[word.clone()]) {
            return None;
        }
        let mut last = text::word(line, word.end + 1);
        if line[last.clone()] == *b":" {
            (tag.name, tag.end) = (word, last.end);
            return Some(tag.finish(line));
        }
        if line.get(last.start).is_some_and(u8::is_ascii_digit) && tag.take(line, last.clone()) {
            tag.version = tag.name.clone();
            tag.name = word;
            return Some(tag.finish(line));
        }
        for _ in 0..MOST_WORDS {
            if last.is_empty() || last.end - word.start > LONGEST_TAG {
                break;
            }
            if tag.take(line, last.clone()) {
                let numbered = !tag.pid.is_empty() && text::digits(line, tag.pid.start) == tag.pid.end;
                if !numbered || line[tag.end - 1] != b':' {
                    break;
                }
                tag.name = word.start..tag.name.end;
                return Some(tag.finish(line));
            }
            last = text::word(line, last.end + 1);
        }
        None
    }

    /// Takes `name[pid]:`, `name[pid]` or `name:`, to the end of the word or to the colon behind
    /// the bracket.
    fn take(&mut self, line: &[u8], word: Range<usize>) -> bool {
        let written = &line[word.clone()];
        if let Some(open) = memchr::memchr(b'[', written).filter(|open| *open > 0) {
            let Some(pid) = text::inside(line, word.start + open).filter(|pid| pid.end < word.end) else {
                return false;
            };
            let end = pid.end + 1;
            let colon = line.get(end) == Some(&b':');
            if pid.is_empty() || !(colon || end == word.end) {
                return false;
            }
            self.name = word.start..word.start + open;
            self.end = end + usize::from(colon);
            self.pid = pid;
            return true;
        }
        if written.len() > 1 && written.ends_with(b":") && !written[..written.len() - 1].contains(&b'{') {
            self.name = word.start..word.end - 1;
            self.end = word.end;
            return true;
        }
        // An object right behind the colon.
        match memchr::memmem::find(written, b":{\"") {
            Some(colon) if colon > 0 => {
                self.name = word.start..word.start + colon;
                self.end = word.start + colon + 1;
                true
            }
            _ => false,
        }
    }

    /// What can follow a pid without a colon, and the space before the message.
    fn finish(mut self, line: &[u8]) -> Tag {
        if !self.pid.is_empty() && line[self.end - 1] == b']' {
            let open = self.end + 1;
            if let Some(inside) = text::inside(line, open).filter(|inside| line.get(inside.end + 1) == Some(&b':')) {
                match (line[open], text::level_word(line, inside.start)) {
                    (b'<', Some((level, said))) if said == inside => self.level = Some((level, said)),
                    (b'(', _) => self.context = inside.clone(),
                    _ => return self.behind_space(line),
                }
                self.end = inside.end + 2;
            }
        }
        self.behind_space(line)
    }

    fn behind_space(mut self, line: &[u8]) -> Tag {
        // One space is the mark; more are the message's own indent.
        self.end += usize::from(line.get(self.end) == Some(&b' '));
        self
    }

    pub(super) fn put(&self, line: &[u8], matched: &mut LayoutMatch) {
        // A number in the place of a tag is a counter of its sender.
        let counter = text::digits(line, self.name.start) == self.name.end;
        matched.member(line, if counter { "sequence" } else { "module" }, self.name.clone());
        matched.member(line, "version", self.version.clone());
        let number = text::digits(line, self.pid.start) == self.pid.end;
        matched.member(line, if number { "pid" } else { "instance" }, self.pid.clone());
        matched.member(line, "context", self.context.clone());
        if let Some((level, said)) = &self.level {
            matched.say(*level, said.clone());
        }
    }
}
