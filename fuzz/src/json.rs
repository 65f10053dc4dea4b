//! JSON against serde_json, which reads it in another way altogether.

use super::looked_at;
use seismolog::event::json::{Members, validate};
use seismolog::event::parsed::Shape;
use seismolog::event::splice;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

const MEMBER: &str = "anomalies";
const FINDING: &str = r#"{"id":"f1","score":0.50}"#;

/// All members of an object, doubles included, in their order.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// One line: valid exactly where the other reader says so, the same members at the same places, and
/// an annotated event is the event with the finding in it.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // What some editors put in front is no part of the event; the other reader does not know it.
    let text = text.trim_start_matches('\u{feff}');
    // The other reader refuses what is nested deeper.
    let depth = text.bytes().filter(|byte| b"[{".contains(byte)).count();
    if depth > 100 || text.contains(['\n', '\r']) {
        return;
    }
    let is_object = text.trim_start_matches([' ', '\t']).starts_with('{');
    let is_valid = serde_json::from_str::<IgnoredAny>(text).is_ok();
    if is_object {
        assert_eq!(validate(text.as_bytes()), is_valid, "{text}");
    }
    if let (true, Ok(Object(expected))) = (is_object, serde_json::from_str::<Object>(text)) {
        same_members(text, &expected);
    }
    annotated(text, is_object && is_valid);
}

fn same_members(text: &str, expected: &[(String, Value)]) {
    let start = text.find('{').expect("an object begins with a brace");
    let mut members = Members::new(text.as_bytes(), start).expect("an object");
    for (name, value) in expected {
        let member = members.advance().expect("valid JSON").expect("as many members as there are");
        let key: String = serde_json::from_str(&format!("\"{}\"", &text[member.key_start..member.key_end]))
            .expect("the place of a key is a string");
        assert_eq!(&key, name);
        let is_string = text[..member.start].ends_with('"') && text[member.end..].starts_with('"') && value.is_string();
        let place = if is_string { member.start - 1..member.end + 1 } else { member.start..member.end };
        let found: Value = serde_json::from_str(&text[place.clone()])
            .unwrap_or_else(|error| panic!("{error} in the value {:?} of {text}", &text[place]));
        assert_eq!(&found, value);
    }
    assert_eq!(members.advance(), Ok(None), "more members than there are in {text}");
}

fn annotated(text: &str, is_valid: bool) {
    let batch = looked_at(text.as_bytes());
    let Some(parsed) = batch.parsed.first().filter(|parsed| parsed.shape == Shape::Json) else { return };
    let mut out = Vec::new();
    let taken = splice::annotate(&batch.fields(0), &batch.arena, &batch.bytes, MEMBER, FINDING.as_bytes(), &mut out);
    if taken.is_err() {
        assert!(out.is_empty(), "left half an event behind");
        return;
    }
    assert!(is_valid, "annotated what is no JSON: {text}");
    assert_eq!(parsed.fault, None);
    // Values refuse what is legal text all the same: 1e400, lone surrogates.
    let Ok(mut before) = serde_json::from_str::<Value>(text) else {
        assert!(serde_json::from_slice::<IgnoredAny>(&out).is_ok(), "{}", String::from_utf8_lossy(&out));
        return;
    };
    let after: Value = serde_json::from_slice(&out).expect("annotated JSON is JSON");
    let finding: Value = serde_json::from_str(FINDING).expect("a finding is JSON");
    let members = before.as_object_mut().expect("an object");
    let list = members.entry(MEMBER).or_insert_with(|| Value::Array(Vec::new()));
    list.as_array_mut().expect("another kind of member is left alone").push(finding);
    assert_eq!(before, after);
}
