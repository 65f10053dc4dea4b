//! The roles of a line of text, from the members that its layout captured.

use super::super::Span;
use super::super::json::{Kind, Value};
use super::super::layout::{self, LayoutMatch};
use super::super::parsed::{Form, Slot};
use super::super::roles::{Claim, Names, Role, Unit};
use super::super::time::TimeContext;
use super::RoleMatches;

impl RoleMatches {
    /// What a layout captured of `line`, which begins at `base` in its buffer.
    pub(in crate::event) fn matched(
        &mut self,
        line: &[u8],
        base: usize,
        matched: &LayoutMatch,
        names: &Names,
        context: &mut TimeContext,
    ) {
        for (i, captured) in matched.members.iter().enumerate() {
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
            // One pair alone can be what a sentence tells of: `loaded module=crypto`.
            let names_speaker =
                matched.members.len() > matched.outside + 1 && matches!(key, b"module" | b"logger" | b"component");
            for &claim in &meaning.claims {
                let can_be_inside = match claim.role {
                    Role::Status | Role::Duration | Role::Operation | Role::Trace | Role::ErrorCode => true,
                    Role::Module => names_speaker,
                    _ => false,
                };
                if (i < matched.outside || can_be_inside)
                    && !matches!(claim.role, Role::Timestamp | Role::Level | Role::Message)
                {
                    self.claim_written(line, base, value, claim, context);
                }
            }
        }
        if self.unit_is_open && memchr::memmem::find(line, b" devid=").is_some() {
            // Fortinet's devices count seconds.
            self.unit = Unit::Seconds;
        }
        self.time = matched.time;
        self.level = matched.level;
        self.slots[Role::Message as usize] = Slot {
            span: Span::new(base + matched.message.start, base + matched.message.end),
            form: if matched.message_form == layout::ValueForm::Quoted { Form::Escaped } else { Form::Text },
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
}
