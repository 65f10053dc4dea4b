//! Which member or captured field of one line is which role: the best claim to each.

use super::json::{self, Kind, Lead, Malformed, Member, Members};
use super::layout::{self, Laid};
use super::look::{Annotation, Form, Look, Slot};
use super::roles::{Claim, Meaning, Names, Role, Unit};
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

/// What begins behind each known member, as it was last: a lead and the place of its name.
#[derive(Debug, Default)]
pub(super) struct Leads(Box<[(Lead, u16)]>);

impl Leads {
    /// At the beginning of an object, and behind a member that means nothing.
    const START: usize = 0;
    const UNKNOWN: usize = 1;

    /// For names of which these are the first.
    pub(super) fn new(names: &Names) -> Self {
        Self(vec![Default::default(); names.places() + 2].into())
    }

    #[inline(always)]
    fn of_place(place: u16) -> usize {
        usize::from(place) + 2
    }

    #[inline(always)]
    fn behind(&self, last: usize) -> &(Lead, u16) {
        const NOTHING: &(Lead, u16) = &(Lead::NONE, 0);
        self.0.get(last).unwrap_or(NOTHING)
    }

    fn learn(&mut self, last: usize, lead: Option<Lead>, place: u16) {
        if let (Some(lead), Some(learned)) = (lead, self.0.get_mut(last).filter(|_| last != Self::UNKNOWN)) {
            *learned = (lead, place);
        }
    }
}

/// Which names of a level have come, by their ordinals.
#[derive(Debug, Default)]
pub(super) struct Seen([u64; 2]);

impl Seen {
    /// True when this one has come before.
    #[inline]
    pub(super) fn again(&mut self, ordinal: u8) -> bool {
        let (half, bit) = (&mut self.0[usize::from(ordinal >> 6 & 1)], 1 << (ordinal & 63));
        let again = *half & bit != 0;
        *half |= bit;
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
        self.object_like(text, start, names, &mut Leads::default(), context)
    }

    /// The same for an object of the stream, whose members most often are those of the last ones.
    #[inline]
    pub(super) fn object_like(
        &mut self,
        text: &[u8],
        start: usize,
        names: &Names,
        leads: &mut Leads,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        let mut members = Members::new(text, start)?;
        let mut seen = Seen::default();
        let mut last = Leads::START;
        loop {
            let &(ref lead, place) = leads.behind(last);
            let Some((member, known)) = members.step(lead)? else { break };
            let key = &text[member.key_start..member.key_end];
            if member.key_escaped {
                // A name can hide behind escapes, and be there a second time.
                return self.object_exactly(text, start, names, context);
            }
            let place = if known { Some(place) } else { names.place(key) };
            let meaning = match place {
                Some(place) => {
                    if !known {
                        leads.learn(last, Lead::of(text, &member), place);
                    }
                    last = Leads::of_place(place);
                    names.at(place)
                }
                None => {
                    last = Leads::UNKNOWN;
                    names.find_suffix(key)
                }
            };
            let Some(meaning) = meaning else { continue };
            if seen.again(meaning.ordinal) {
                return self.object_exactly(text, start, names, context);
            }
            self.member(text, key, &member, meaning, context)?;
        }
        members.closed_at().ok_or(Malformed)
    }

    /// The same with keys unescaped and, of members with one name, only the last. Rare, so it may allocate.
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
                self.member(text, key, member, meaning, context)?;
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
        key: &[u8],
        member: &Member,
        meaning: &Meaning,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        for &claim in &meaning.claims {
            self.claim(text, key, member, claim, context);
        }
        if let (Some(below), Kind::Object) = (&meaning.nested, member.kind) {
            self.nested(text, member, below, context)?;
        }
        if meaning.annotation {
            self.annotation = match member.kind {
                Kind::Array => Annotation::Array {
                    close: (member.end - 1) as u32,
                    empty: json::skip_space(text, member.start + 1) == member.end - 1,
                },
                _ => Annotation::Unfit,
            };
        }
        if meaning.origin && &text[member.start..member.end] == b"seismolog" {
            self.own = true;
        }
        Ok(())
    }

    /// A malformed nested object makes the whole event malformed.
    fn nested(
        &mut self,
        text: &[u8],
        member: &Member,
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        let mut nested = Self::default();
        nested.object(text, member.start, names, context)?;
        self.take_better(&nested);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn claim(&mut self, text: &[u8], key: &[u8], member: &Member, claim: Claim, context: &mut TimeContext) {
        let role = claim.role;
        if claim.rank >= self.ranks[role as usize] || !role.takes(member.kind) {
            return;
        }
        let value = &text[member.start..member.end];
        let form = match member.kind {
            Kind::Number => Form::Number,
            Kind::Escaped => Form::Escaped,
            _ => Form::Text,
        };
        let fits = match role {
            Role::Timestamp => {
                let time = if form == Form::Number { time_number(value) } else { time_text(value, context) };
                self.time = time.or(self.time);
                time.is_some()
            }
            Role::Level => {
                let level = if form == Form::Escaped { None } else { Level::from_text(value) };
                self.level = level.or(self.level);
                level.is_some()
            }
            Role::Status => is_status(value),
            Role::ErrorCode => !(value.is_empty() || key == b"code" && is_status(value)),
            Role::Duration => {
                let fits = form == Form::Number || super::fields::duration_in_text(value).is_some();
                if fits {
                    self.unit = claim.unit;
                }
                fits
            }
            _ => !value.is_empty(),
        };
        if fits {
            self.ranks[role as usize] = claim.rank;
            if let Some(slot) = self.slots.get_mut(role as usize) {
                *slot = Slot { span: Span::new(member.start, member.end), form, in_arena: false };
            }
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
        for captured in &laid.members {
            let key = match &captured.name {
                layout::Name::Known(name) => name.as_bytes(),
                layout::Name::Written(range) => &line[range.clone()],
            };
            let Some(meaning) = names.find(key) else { continue };
            let kind = match captured.form {
                layout::Form::Number => Kind::Number,
                layout::Form::Text => Kind::Text,
                layout::Form::Quoted => Kind::Escaped,
            };
            let member = Member {
                key_start: 0,
                key_end: 0,
                key_escaped: false,
                kind,
                start: captured.value.start,
                end: captured.value.end,
            };
            for &claim in &meaning.claims {
                if !matches!(claim.role, Role::Timestamp | Role::Level | Role::Message) {
                    self.claim_written(line, base, key, &member, claim, context);
                }
            }
        }
        self.time = laid.time;
        self.level = laid.level;
        self.slots[Role::Message as usize] = Slot {
            span: Span::new(base + laid.message.start, base + laid.message.end),
            form: if laid.message_form == layout::Form::Quoted { Form::Escaped } else { Form::Text },
            in_arena: false,
        };
    }

    /// As [`Self::claim`], for a text line's member: offsets are moved to the buffer's, and a written number is text
    /// where the role wants text (a module called `404`).
    fn claim_written(
        &mut self,
        line: &[u8],
        base: usize,
        key: &[u8],
        member: &Member,
        claim: Claim,
        context: &mut TimeContext,
    ) {
        let kind = if claim.role.takes(member.kind) { member.kind } else { Kind::Text };
        let before = self.ranks[claim.role as usize];
        self.claim(line, key, &Member { kind, ..*member }, claim, context);
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
