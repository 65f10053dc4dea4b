//! `e`: the event as scripts see it.
//!
//! Rhai's values are owned, so the event is copied, once for all rules that select it. The copy is
//! a batch of one record and is read through [`Fields`] like any other. Members are located when
//! the script reads them.

use crate::engine::finding::{Finding, Key};
use crate::engine::rules::compile::set::RuleSet;
use crate::engine::rules::value::TEXT_LIMIT;
use crate::engine::rules::value::field_path::FieldPath;
use crate::engine::template::{TemplateId, TemplateMatch, Templates};
use crate::event::parsed::Form;
use crate::event::{Batch, Encoding, Fields, Level, ParsedEvent, Role, Shape, Span, Tag, Value};
use rhai::{Array, Dynamic, ImmutableString, Map};
use std::borrow::Cow;
use std::sync::Arc;

/// An owned event. A clone only increments a reference count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event(Arc<Copied>);

#[derive(Debug, Default)]
struct Copied {
    batch: Batch,
    anomalies: Array,
    template: Option<TemplateId>,
    template_text: Option<ImmutableString>,
    params: Vec<String>,
}

/// What the engine knows of an event beyond its content.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Findings of detectors on the event.
    pub anomalies: &'a [Finding],
    /// Its template, and the table of all templates.
    pub template: Option<(TemplateMatch, &'a Templates)>,
    /// A rule emitted the event, so rules emit nothing for it.
    pub emitted: bool,
}

impl Event {
    /// Copies the event of `fields`, with those parts of `known` that rules of `set` read. Reuses
    /// the memory of `spent`, an earlier event, if no script still holds it.
    pub(crate) fn copied(fields: &Fields<'_>, known: &Known<'_>, set: &RuleSet, spent: Option<Self>) -> Self {
        let mut event = spent.filter(|event| Arc::strong_count(&event.0) == 1).unwrap_or_default();
        if let Some(copied) = Arc::get_mut(&mut event.0) {
            copied.fill(fields, known, set);
        }
        event
    }

    /// The property `name` that the engine adds to the event; `None` if `name` is a member like any
    /// other.
    pub(crate) fn known(&self, name: &str) -> Option<Dynamic> {
        let copied = &*self.0;
        match name {
            "anomalies" => {
                // Findings of a seismolog upstream come first.
                let mut all = self.member(name).try_cast::<Array>().unwrap_or_default();
                all.extend(copied.anomalies.iter().cloned());
                Some(all.into())
            }
            "template" => copied.template.map(|id| id.to_string().into()),
            "template_text" => copied.template_text.clone().map(Dynamic::from),
            "params" => {
                let texts = copied.params.iter().map(|text| Dynamic::from(clipped(text)));
                Some(texts.collect::<Array>().into())
            }
            _ => None,
        }
    }

    /// True when the event has a member of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields().member(name).is_some()
    }

    fn fields(&self) -> Fields<'_> {
        self.0.batch.fields(0)
    }

    /// The level of the event.
    pub(crate) fn level(&self) -> Option<Level> {
        self.fields().level()
    }

    /// The value of `e.<role>`: the duration in ms, the status as an integer, other roles as text;
    /// `()` if missing.
    pub(crate) fn role(&self, role: Role) -> Dynamic {
        let fields = self.fields();
        match role {
            Role::Duration => fields.told_duration_ms().map_or(Dynamic::UNIT, Dynamic::from),
            Role::Status => fields.status().map_or(Dynamic::UNIT, |status| i64::from(status).into()),
            _ => fields.text(role).map_or(Dynamic::UNIT, |text| clipped(&text).into()),
        }
    }

    /// The value of `e["name"]`: the literal member or dotted path; `()` if missing.
    pub(crate) fn member(&self, name: &str) -> Dynamic {
        match self.fields().member(name) {
            None | Some(Value::Null) => Dynamic::UNIT,
            Some(Value::Bool(truth)) => truth.into(),
            Some(Value::Number(text)) => number(&text),
            Some(Value::Text(text)) => clipped(&text).into(),
            Some(Value::Nested(text)) => serde_json::from_str(&text).map_or(Dynamic::UNIT, from_json),
        }
    }

    /// The event's locality: the roles that detectors use in keys, under the same names.
    pub(crate) fn locality(&self) -> Key {
        let roles = [Role::Module, Role::Host, Role::Thread, Role::Operation, Role::ErrorCode];
        let part = |role: Role| Some((role.name().to_owned(), self.key_text(&FieldPath::Role(role))?));
        let template = self.0.template.map(|id| ("template".to_owned(), id.to_string()));
        Key(roles.into_iter().filter_map(part).chain(template).collect())
    }

    /// The value as text in a finding's key; `None` if missing or empty.
    pub(crate) fn key_text(&self, source: &FieldPath) -> Option<String> {
        let value = match source {
            FieldPath::Role(Role::Duration) => {
                self.fields().raw(Role::Duration).map(|raw| String::from_utf8_lossy(raw).into_owned())
            }
            FieldPath::Role(role) => self.fields().text(*role).map(Cow::into_owned),
            FieldPath::Member(name) => match self.fields().member(name)? {
                Value::Nested(text) => Some(text.into_owned()),
                value => crate::engine::rules::value::scalar::text_of_member(&value).map(|(text, _)| text.to_owned()),
            },
        };
        value.filter(|text| !text.is_empty())
    }
}

impl Copied {
    fn fill(&mut self, fields: &Fields<'_>, known: &Known<'_>, set: &RuleSet) {
        let Batch { bytes, arena, records, parsed: all_parsed, filled, .. } = &mut self.batch;
        let mut parsed: ParsedEvent = *fields.parsed();
        arena.clear();
        if parsed.shape == Shape::Text {
            arena.extend_from_slice(fields.object());
        }
        parsed.rendered = Span::new(0, arena.len());
        // A decoded record (UTF-16, GB 18030) is copied in its decoded form.
        let decoded = std::mem::take(&mut parsed.decoded);
        let start = if decoded.is_empty() { fields.record().span.start } else { decoded.start };
        if parsed.shape == Shape::Json {
            parsed.insert.open -= start;
            parsed.insert.close -= start;
        }
        for role in &Role::ALL[..Role::PLACED] {
            let slot = &mut parsed.slots[*role as usize];
            if slot.form == Form::Absent {
                continue;
            }
            if slot.in_arena {
                let at = arena.len();
                arena.extend_from_slice(fields.raw(*role).unwrap_or_default());
                slot.span = Span::new(at, arena.len());
            } else {
                slot.span.start -= start;
            }
        }
        bytes.clear();
        bytes.extend_from_slice(fields.line());
        let mut record = *fields.record();
        record.span = Span::new(0, bytes.len());
        if let Encoding::Utf16(_) = record.encoding {
            record.encoding = Encoding::Line;
        }
        // The time and the tag precede a MessagePack record; both are already in its parsed event.
        (record.lead, record.tag) = (0, Tag::default());
        *filled = bytes.len();
        records.clear();
        records.push(record);
        all_parsed.clear();
        all_parsed.push(parsed);
        let [wants_anomalies, _, wants_text, wants_params] = set.wants();
        let anomaly = |finding: &Finding| serde_json::to_value(finding).map_or(Dynamic::UNIT, from_json);
        self.anomalies.clear();
        if wants_anomalies {
            self.anomalies.extend(known.anomalies.iter().map(anomaly));
        }
        // An event without a message has no template.
        let template = known.template.filter(|(found, _)| found.count > 0);
        let text = |(found, templates): (TemplateMatch, &Templates)| templates.text(found.id).map(Into::into);
        self.template = template.map(|(found, _)| found.id);
        self.template_text = template.filter(|_| wants_text).and_then(text);
        self.params = template
            .filter(|_| wants_params)
            .map_or_else(Vec::new, |(found, templates)| templates.params(fields, found.id));
    }
}

/// Cuts a text to [`TEXT_LIMIT`] bytes, which is all that scripts see.
fn clipped(text: &str) -> ImmutableString {
    text[..text.floor_char_boundary(TEXT_LIMIT)].into()
}

fn number(text: &str) -> Dynamic {
    text.parse::<i64>().map(Dynamic::from).or_else(|_| text.parse::<f64>().map(Dynamic::from)).unwrap_or(Dynamic::UNIT)
}

fn from_json(value: serde_json::Value) -> Dynamic {
    use serde_json::Value;
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(truth) => truth.into(),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().map_or(Dynamic::UNIT, Dynamic::from), Dynamic::from)
        }
        Value::String(text) => clipped(&text).into(),
        Value::Array(items) => items.into_iter().map(from_json).collect::<Array>().into(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name.into(), from_json(value))).collect::<Map>().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rules::tests::stream;

    #[test]
    fn a_copy_reads_as_the_event_did() {
        let batch = stream(&[
            r#"{"level":"WARN","msg":"a \"b\"","status":"504","duration_ms":"1.5s","code":"E1","n":3,"f":2.5,"big":1e400}"#,
            r#"{"a":{"b":{"c":[1,2.5,null,{"d":"x"}]}},"a.b":{"c":7},"host":"h1"}"#,
            "plain text line",
        ]);
        for i in 0..batch.records.len() {
            let (fields, event) =
                (batch.fields(i), Event::copied(&batch.fields(i), &Known::default(), &RuleSet::empty(), None));
            assert_eq!(fields.object(), event.fields().object());
            for role in Role::ALL {
                assert_eq!(fields.text(role), event.fields().text(role), "{role:?}");
            }
        }
    }

    #[test]
    fn values_have_rhai_types() {
        let batch = stream(&[
            r#"{"level":"WARN","msg":"a \"b\"","status":"504","took":"1.5s","n":3,"f":2.5,"big":99999999999999999999,"t":true,"z":null}"#,
            r#"{"a":{"b":{"c":[1,2.5,null,{"d":"x"}]}},"q.r":7}"#,
        ]);
        let first = Event::copied(&batch.fields(0), &Known::default(), &RuleSet::empty(), None);
        assert_eq!(first.role(Role::Message).into_string().unwrap(), "a \"b\"");
        assert_eq!(first.role(Role::Status).as_int(), Ok(504));
        assert_eq!(first.role(Role::Duration).as_float(), Ok(1500.0));
        assert_eq!(first.role(Role::Level).into_string().unwrap(), "WARN");
        assert!(first.role(Role::Host).is_unit());
        assert_eq!(first.member("n").as_int(), Ok(3));
        assert_eq!(first.member("f").as_float(), Ok(2.5));
        assert_eq!(first.member("big").as_float(), Ok(1e20));
        assert_eq!(first.member("t").as_bool(), Ok(true));
        assert!(first.member("z").is_unit() && first.member("nowhere").is_unit());
        let second = Event::copied(&batch.fields(1), &Known::default(), &RuleSet::empty(), None);
        assert_eq!(second.member("a.b.c").to_string(), r#"[1, 2.5, (), #{"d": "x"}]"#);
        assert_eq!(second.member("q.r").as_int(), Ok(7));
        assert!(second.member("a").is_map());
    }
}
