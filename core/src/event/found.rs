//! Which member or captured field of one line is which role: the best claim to each.

use super::json::{self, Kind, Lead, Malformed, Member, Members, NextMember, Value};
use super::layout::{self, Laid};
use super::look::{Annotation, Form, Look, Slot};
use super::roles::{Claim, Meaning, Named, Names, Role, Unit};
use super::time::{TimeContext, Timestamp, time_number, time_text};
use super::unescape::unescape_into;
use super::{Level, Span};

/// The roles found so far in one object or line, the best claim to each.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) slots: [Slot; Role::PLACED],
    pub(super) time: Option<Timestamp>,
    pub(super) level: Option<Level>,
    pub(super) unit: Unit,
    pub(super) annotation: Annotation,
    pub(super) ranks: [u8; Role::COUNT],
    pub(super) own: bool,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            slots: [Slot::default(); Role::PLACED],
            time: None,
            level: None,
            unit: Unit::default(),
            annotation: Annotation::Absent,
            ranks: [u8::MAX; Role::COUNT],
            own: false,
        }
    }
}

/// What came behind each member, as it was last: its lead, and what its name is.
#[derive(Debug, Default)]
pub(super) struct Leads(Box<[(Lead, Named)]>);

impl Leads {
    /// At the beginning of an object.
    const START: usize = 0;

    /// For members with these names and any others.
    pub(super) fn new(names: &Names) -> Self {
        Self(vec![(Lead::NONE, Named::NOTHING); names.marks() + 1].into())
    }

    /// Where it is kept what comes behind this member. Names that share a mark only miss each
    /// other's.
    #[inline(always)]
    fn after(named: Named) -> usize {
        named.mark as usize + 1
    }

    #[inline(always)]
    fn behind(&self, last: usize) -> &(Lead, Named) {
        const NOTHING: &(Lead, Named) = &(Lead::NONE, Named::NOTHING);
        self.0.get(last).unwrap_or(NOTHING)
    }

    fn learn(&mut self, last: usize, lead: Option<Lead>, named: Named) {
        if let (Some(lead), Some(learned)) = (lead, self.0.get_mut(last)) {
            *learned = (lead, named);
        }
    }
}

/// Which names of a level have come, by their marks.
#[derive(Debug, Default)]
pub(super) struct Seen([u64; 4]);

impl Seen {
    /// True when this name may have come before: marks beyond the first 256 are shared, which only
    /// costs a second walk.
    #[inline(always)]
    pub(super) fn again(&mut self, named: Named) -> bool {
        let (word, bit) = (&mut self.0[named.mark as usize / 64 % 4], 1 << (named.mark % 64));
        let again = *word & bit != 0;
        *word |= bit;
        again
    }
}

impl Found {
    /// Walks the object at `start`; where its closing brace is.
    #[inline]
    pub(super) fn object(
        &mut self,
        text: &[u8],
        start: usize,
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        self.object_like(text, (start, text.len()), names, &mut Leads::default(), context)
    }

    /// The same for an object of the stream, whose members most often are those of the last ones;
    /// all of it is before `end` in `text`.
    #[inline]
    pub(super) fn object_like(
        &mut self,
        text: &[u8],
        (start, end): (usize, usize),
        names: &Names,
        leads: &mut Leads,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        if text.get(start) != Some(&b'{') {
            return Err(Malformed);
        }
        let mut seen = Seen::default();
        let (mut last, mut at) = (Leads::START, start + 1);
        loop {
            let &(ref lead, mut named) = leads.behind(last);
            let value = match lead.end(text, at) {
                Some(value) => value,
                None => match json::next_name(&text[..end], at, last == Leads::START)? {
                    NextMember::Close(close) => return Ok(close),
                    // It can be one that was there before.
                    NextMember::Name(name) if name.is_escaped => {
                        return self.object_exactly(&text[..end], start, names, context);
                    }
                    NextMember::Name(name) => {
                        named = names.named(&text[name.start..name.end]);
                        leads.learn(last, Lead::of(text, at, &name), named);
                        name.value
                    }
                },
            };
            let value = json::value_within(text, end, value)?;
            (last, at) = (Leads::after(named), value.next());
            let Some(meaning) = names.meaning(named) else { continue };
            if seen.again(named) {
                return self.object_exactly(&text[..end], start, names, context);
            }
            self.member(text, value, meaning, context)?;
        }
    }

    /// The same with keys unescaped and, of members with one name, only the last. Rare, so it may
    /// allocate.
    #[cold]
    fn object_exactly(
        &mut self,
        text: &[u8],
        start: usize,
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        *self = Self::default();
        let mut members = Members::new(text, start)?;
        let mut all: Vec<(Vec<u8>, Member)> = Vec::new();
        let mut annotations = 0;
        while let Some(member) = members.advance()? {
            let mut key = Vec::new();
            unescape_into(&text[member.key_start..member.key_end], &mut key);
            let Some(meaning) = names.find(&key) else { continue };
            annotations += usize::from(meaning.annotation);
            all.retain(|(known, _)| *known != key);
            all.push((key, member));
        }
        let close = members.closed_at().ok_or(Malformed)?;
        for (key, member) in &all {
            if let Some(meaning) = names.find(key) {
                self.member(text, member.value(), meaning, context)?;
            }
        }
        if annotations > 1 {
            self.annotation = Annotation::Unfit;
        }
        Ok(close)
    }

    #[inline(always)]
    fn member(
        &mut self,
        text: &[u8],
        value: Value,
        meaning: &Meaning,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        match meaning.sole {
            Some(claim) => self.claim(text, value, claim, context),
            None => self.telling_member(text, value, meaning, context)?,
        }
        Ok(())
    }

    /// The same where there is more to its name than one claim.
    #[inline(never)]
    fn telling_member(
        &mut self,
        text: &[u8],
        value: Value,
        meaning: &Meaning,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        for &claim in &meaning.claims {
            self.claim(text, value, claim, context);
        }
        if let (Some(below), Kind::Object) = (&meaning.nested, value.kind) {
            self.nested(text, value, below, context)?;
        }
        if meaning.annotation {
            self.annotation = match value.kind {
                Kind::Array => {
                    let close = value.end() - 1;
                    let empty = json::skip_space(text, value.start() + 1) == close;
                    Annotation::Array { close: close as u32, empty }
                }
                _ => Annotation::Unfit,
            };
        }
        if meaning.origin && value.of(text) == b"seismolog" {
            self.own = true;
        }
        Ok(())
    }

    /// A malformed nested object makes the whole event malformed.
    fn nested(&mut self, text: &[u8], value: Value, names: &Names, context: &mut TimeContext) -> Result<(), Malformed> {
        let mut nested = Self::default();
        nested.object(&text[..value.end()], value.start(), names, context)?;
        self.take_better(&nested);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn claim(&mut self, text: &[u8], value: Value, claim: Claim, context: &mut TimeContext) {
        if claim.rank >= self.ranks[claim.role as usize]
            || !claim.role.takes(value.kind)
            || value.start() == value.end()
        {
            return;
        }
        // Most roles can be any text: no call for those, nor for what takes less than a call.
        let fits = match claim.role {
            role if role.is_free() => true,
            Role::Status => is_status(value.of(text)),
            Role::Duration if value.kind == Kind::Number => {
                self.unit = claim.unit;
                true
            }
            _ => self.fits(text, value, claim, context),
        };
        if fits {
            self.take(value, claim);
        }
    }

    #[inline(always)]
    fn take(&mut self, value: Value, claim: Claim) {
        self.ranks[claim.role as usize] = claim.rank;
        if let Some(slot) = self.slots.get_mut(claim.role as usize) {
            let span = Span::new(value.start(), value.end());
            *slot = Slot { span, form: form(value.kind), in_arena: false };
        }
    }

    /// Whether this value, which is not empty, is what the claim's role wants, where that takes
    /// some reading; of time, level and unit it is what they are from now on. A call of its own, so
    /// that the walk around it stays in registers.
    #[inline(never)]
    fn fits(&mut self, text: &[u8], value: Value, claim: Claim, context: &mut TimeContext) -> bool {
        let (value, kind) = (value.of(text), value.kind);
        match claim.role {
            Role::Timestamp => {
                let time = if kind == Kind::Number { time_number(value) } else { time_text(value, context) };
                self.time = time.or(self.time);
                time.is_some()
            }
            Role::Level => {
                let level = if kind == Kind::Escaped { None } else { Level::from_text(value) };
                self.level = level.or(self.level);
                level.is_some()
            }
            Role::ErrorCode => !(claim.or_status && is_status(value)),
            Role::Duration => {
                let fits = super::numbers::in_text(value).is_some();
                if fits {
                    self.unit = claim.unit;
                }
                fits
            }
            _ => true,
        }
    }

    /// Takes from `other`, found one level down, what outranks what is here.
    pub(super) fn take_better(&mut self, other: &Self) {
        for role in Role::ALL {
            let i = role as usize;
            if other.ranks[i] >= self.ranks[i] {
                continue;
            }
            self.ranks[i] = other.ranks[i];
            match role {
                Role::Timestamp => self.time = other.time,
                Role::Level => self.level = other.level,
                _ => self.slots[i] = other.slots[i],
            }
            if role == Role::Duration {
                self.unit = other.unit;
            }
        }
    }

    /// What a layout captured of `line`, which begins at `base` in its buffer.
    pub(super) fn laid(&mut self, line: &[u8], base: usize, laid: &Laid, names: &Names, context: &mut TimeContext) {
        for (i, captured) in laid.members.iter().enumerate() {
            let key = match &captured.name {
                layout::LayoutName::Known(name) => name.as_bytes(),
                layout::LayoutName::Written(range) => &line[range.clone()],
            };
            let Some(meaning) = names.find(key) else { continue };
            let kind = match captured.form {
                layout::ValueForm::Number => Kind::Number,
                layout::ValueForm::Text => Kind::Text,
                layout::ValueForm::Quoted => Kind::Escaped,
            };
            let value = Value::new(kind, captured.value.start, captured.value.end);
            for &claim in &meaning.claims {
                let can_be_inside = matches!(
                    claim.role,
                    Role::Status | Role::Duration | Role::Operation | Role::Trace | Role::ErrorCode
                );
                if (i < laid.outside || can_be_inside)
                    && !matches!(claim.role, Role::Timestamp | Role::Level | Role::Message)
                {
                    self.claim_written(line, base, value, claim, context);
                }
            }
        }
        self.time = laid.time;
        self.level = laid.level;
        self.slots[Role::Message as usize] = Slot {
            span: Span::new(base + laid.message.start, base + laid.message.end),
            form: if laid.message_form == layout::ValueForm::Quoted { Form::Escaped } else { Form::Text },
            in_arena: false,
        };
    }

    /// As [`Self::claim`], for a text line's member: offsets are moved to the buffer's, and a
    /// written number is text where the role wants text (a module called `404`).
    fn claim_written(&mut self, line: &[u8], base: usize, value: Value, claim: Claim, context: &mut TimeContext) {
        let kind = if claim.role.takes(value.kind) { value.kind } else { Kind::Text };
        let before = self.ranks[claim.role as usize];
        self.claim(line, Value { kind, ..value }, claim, context);
        if self.ranks[claim.role as usize] != before
            && let Some(slot) = self.slots.get_mut(claim.role as usize)
        {
            slot.span.start += base as u32;
        }
    }

    pub(super) fn give(&self, look: &mut Look) {
        look.slots = self.slots;
        look.time = self.time;
        look.level = self.level;
        look.unit = self.unit;
    }
}

/// How a role's value of this kind is written.
#[inline]
fn form(kind: Kind) -> Form {
    match kind {
        Kind::Number => Form::Number,
        Kind::Escaped => Form::Escaped,
        _ => Form::Text,
    }
}

/// An integer from 100 to 599.
#[inline]
fn is_status(value: &[u8]) -> bool {
    matches!(value, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'])
}

#[cfg(test)]
mod tests {
    use super::super::lines::Lines;
    use super::super::{Batch, Looker};
    use super::*;
    use proptest::prelude::*;

    fn looker() -> Looker {
        let names = Names::new(Role::ALL.map(|role| (role, role.default_names().to_vec())), "anomalies");
        Looker::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap())
    }

    fn seen_by(looker: &mut Looker, line: &str) -> String {
        let mut batch = Batch { filled: line.len(), bytes: line.as_bytes().to_vec(), ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        looker.look(&mut batch);
        format!("{:?}", batch.looks)
    }

    /// What is seen of the first bytes of a buffer that goes on behind them.
    fn seen_of_first(text: &str, end: usize, behind: bool) -> String {
        let bytes = if behind { text.as_bytes().to_vec() } else { text.as_bytes()[..end].to_vec() };
        let mut batch = Batch { filled: bytes.len(), bytes, ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        batch.records.truncate(1);
        batch.records[0].span = super::super::Span::new(0, end);
        // The same object before it, so that what leads to its members is known.
        let mut looker = looker();
        seen_by(&mut looker, text);
        looker.look(&mut batch);
        format!("{:?}", batch.looks)
    }

    #[test]
    fn an_event_ends_where_it_ends_whatever_follows_in_memory() {
        for text in [
            r#"{"level":"ERROR","a":12.5e3,"msg":"it \\ failed","status":503,"b":true,"c":[1,{"d":null}]} {"level":"INFO","x":1}"#,
            r#"{ "host" : "a name of more than thirty-two bytes, so that it takes steps" , "took_us" : 12345678901234567890 }"#,
        ] {
            for end in 1..text.len() {
                assert_eq!(seen_of_first(text, end, true), seen_of_first(text, end, false), "{}", &text[..end]);
            }
        }
    }

    #[test]
    fn two_names_of_one_pattern_are_two_names() {
        let (one, both) = (r#"{"msg":"m","io_us":7}"#, r#"{"msg":"m","io_us":7,"db_us":8}"#);
        let first = |line: &str| {
            let mut found = Found::default();
            let names = Names::new(Role::ALL.map(|role| (role, role.default_names().to_vec())), "anomalies");
            let mut context = TimeContext::new("UTC", 2026).unwrap();
            found.object(line.as_bytes(), 0, &names, &mut context).unwrap();
            found.slots[Role::Duration as usize].span
        };
        assert_eq!(first(one), first(both), "the first counts");
    }

    proptest! {
        #[test]
        fn what_was_seen_before_changes_nothing(lines in proptest::collection::vec(proptest::collection::vec((
            r#"(level|msg|a|status|took_us|http|log|anomalies|a name that is longer than any other one|l\\u0065vel)"#,
            " {0,2}:[ \t]{0,2}",
            r#"("[a-z ]{0,40}"|"ERROR"|5[0-9]{2}|\{"status": ?5[0-9]{2}\}|\[1\]|null|"\\n")"#,
            "(,|,|, |, | , |,,)",
        ), 0..6), 0..12)) {
            let mut used = looker();
            for members in lines {
                let members: String =
                    members.iter().map(|(name, colon, value, end)| format!("\"{name}\"{colon}{value}{end}")).collect();
                let members = members.trim_end_matches([',', ' ']);
                for line in [format!("{{{members}}}"), format!("{{ {},\"msg\":\"m\"}} ", members.replace(' ', ""))] {
                    prop_assert_eq!(seen_by(&mut used, &line), seen_by(&mut looker(), &line), "{}", line);
                }
            }
        }
    }
}
