//! What one record says of itself, found without any memory of other records.

use super::roles::{Role, Unit};
pub use super::slot::{Form, Slot};
use super::time::Timestamp;
use super::{Fault, Level, Span};

/// The kind of a record's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Passes unanalysed: a piece of a long line, invalid UTF-8, malformed JSON.
    #[default]
    Opaque,
    /// What follows of an over-long line: no event of its own.
    Rest,
    /// An empty line.
    Blank,
    /// An event that a seismolog upstream made itself; passes unanalysed.
    Own,
    /// A JSON object.
    Json,
    /// A line of text.
    Text,
}

/// The member that findings are written to, as the event came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Annotation {
    /// Not there.
    #[default]
    Absent,
    /// An array whose closing bracket is at this offset.
    Array {
        /// Offset of the bracket.
        close: u32,
        /// Nothing is in it.
        empty: bool,
    },
    /// Something else, or there twice: it is left alone.
    Unfit,
}

/// Where a member can be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InsertPoint {
    /// Offset of the object's opening brace, in the same buffer.
    pub open: u32,
    /// Offset of the object's closing brace, in the bytes read or, for text, in the arena.
    pub close: u32,
    /// The object has no member yet.
    pub empty: bool,
    /// The findings' member.
    pub annotation: Annotation,
}

/// What one line says of itself.
#[derive(Clone, Copy, Debug)]
pub struct ParsedEvent {
    /// The kind of the bytes.
    pub shape: Shape,
    /// The fault that was found in them.
    pub fault: Option<Fault>,
    /// How bad the event says it is.
    pub level: Option<Level>,
    /// Nobody may have chosen the level: it is an envelope's, which has one anyway.
    pub level_is_default: bool,
    /// A shipper or collector has wrapped what a program said.
    pub is_envelope: bool,
    /// The unit of the duration's number.
    pub unit: Unit,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// How long it took, in milliseconds; not a number where that is not said.
    pub duration_ms: f64,
    /// How it ended, 100 to 599; 0 when it does not say so.
    pub status: u16,
    /// The message may be a line that goes on with a trace, or that begins one.
    pub may_go_on: bool,
    /// The message is a member of a JSON object inside of the message of the record.
    pub message_is_nested: bool,
    /// There may be a trace in one field: it is at WARN or worse or without level, and has line
    /// ends.
    pub may_have_trace: bool,
    /// The other roles, by `Role as usize`.
    pub slots: [Slot; Role::PLACED],
    /// xxh3-64 of the message as written; 0 without one.
    pub message_hash: u64,
    /// The hash of the masked message ([`super::masked_message`]); 0 without a message.
    pub masked_hash: u64,
    /// xxh3-64 of the module; 0 without one.
    pub module_hash: u64,
    /// Of module and host together, in a way that [`Self::host_hash`] can take apart; 0 without
    /// any.
    pub place_hash: u64,
    /// Of module, host and thread together; 0 without any.
    pub actor_hash: u64,
    /// xxh3-64 of the operation without its query and without numbers and identifiers in its path;
    /// 0 without one.
    pub operation_hash: u64,
    /// The roles whose values no filter of a rule looks for, as bits by `Role as usize`; told for
    /// [`super::Batch::prefilter`] alone.
    pub unmatched_roles: u16,
    /// The kind of place in a text line that the module stands in, where the place could as well
    /// hold an identifier; 0 where it could not, and without a module.
    pub module_place: u32,
    /// Words of a text line without a level.
    pub level_words: LevelWords,
    /// A text line as one JSON object, in the arena.
    pub rendered: Span,
    /// A line of another encoding as UTF-8, in the arena: all places are of this; empty for UTF-8.
    pub decoded: Span,
    /// Where findings go.
    pub insert: InsertPoint,
}

/// Which of the first words of a message would be a level's if they stood alone: four of three bits
/// each, a level and one or 0, and one bit that is set where the line has a time and no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelWords(u16);

impl LevelWords {
    /// How many words are looked at.
    pub const COUNT: usize = 4;
    /// Of a line that has a level, or no time.
    pub const NONE: Self = Self(0);
    const ASKED: u16 = 1 << 15;

    /// Those of a message whose line has a time and no level. Marks around a word are not of it,
    /// and what has no letter is no word.
    pub(super) fn of(message: &[u8]) -> Self {
        let words = message[..message.len().min(256)].split(|byte| matches!(byte, b' ' | b'\t'));
        let is_mark = |byte: &u8| byte.is_ascii_punctuation();
        let words = words.filter(|word| word.iter().any(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80));
        let levels = words.take(Self::COUNT).map(|word| {
            let start = word.iter().position(|byte| !is_mark(byte)).unwrap_or(0);
            let end = word.iter().rposition(|byte| !is_mark(byte)).map_or(word.len(), |last| last + 1);
            let word = &word[start..end];
            if word[0].is_ascii_digit() { None } else { Level::from_text(word) }
        });
        let bits = levels.enumerate().map(|(i, level)| level.map_or(0, |level| (level as u16 + 1) << (3 * i)));
        Self(bits.fold(Self::ASKED, |all, bits| all | bits))
    }

    /// Nothing was looked at.
    #[inline]
    #[must_use]
    pub fn are_none(self) -> bool {
        self.0 == 0
    }

    /// The level of each word, where it is one.
    pub(crate) fn levels(self) -> impl Iterator<Item = Option<Level>> {
        const LEVELS: [Level; 6] = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
        (0..Self::COUNT).map(move |i| LEVELS.get(usize::from(self.0 >> (3 * i) & 7).wrapping_sub(1)).copied())
    }
}

impl Default for ParsedEvent {
    #[inline]
    fn default() -> Self {
        Self::NONE
    }
}

impl ParsedEvent {
    /// An empty result. `const` because it is copied per event.
    pub(super) const NONE: Self = Self {
        shape: Shape::Opaque,
        fault: None,
        level: None,
        level_is_default: false,
        is_envelope: false,
        unit: Unit::Milliseconds,
        time: None,
        duration_ms: f64::NAN,
        status: 0,
        may_go_on: false,
        message_is_nested: false,
        may_have_trace: false,
        slots: [Slot { span: Span { start: 0, len: 0 }, form: Form::Absent, in_arena: false }; Role::PLACED],
        message_hash: 0,
        masked_hash: 0,
        module_hash: 0,
        place_hash: 0,
        actor_hash: 0,
        operation_hash: 0,
        unmatched_roles: 0,
        module_place: 0,
        level_words: LevelWords::NONE,
        rendered: Span { start: 0, len: 0 },
        decoded: Span { start: 0, len: 0 },
        insert: InsertPoint { open: 0, close: 0, empty: false, annotation: Annotation::Absent },
    };

    /// Reads something of each of its cache lines, which another processor has written.
    #[inline]
    pub(crate) fn prefetch(&self) -> u64 {
        let slots = [&self.slots[3], &self.slots[8]].map(|slot| u64::from(slot.span.start));
        self.message_hash ^ self.operation_hash ^ slots[0] ^ slots[1] ^ u64::from(self.unmatched_roles)
    }

    /// Takes the host with this hash, where the event names none.
    pub(crate) fn add_host(&mut self, hash: u64) {
        let hash = hash.rotate_left(21);
        (self.place_hash, self.actor_hash) = (self.place_hash ^ hash, self.actor_hash ^ hash);
    }

    /// xxh3-64 of the host; 0 without one.
    #[inline]
    #[must_use]
    pub fn host_hash(&self) -> u64 {
        (self.place_hash ^ self.module_hash).rotate_right(21)
    }
}
