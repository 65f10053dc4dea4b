//! Property tests that everything but the added member stays byte for byte, for any event.
//!
//! Events are generated as JSON *text*, not from values: with duplicate keys, numbers that no float
//! can hold, escapes, lone surrogates, and white space wherever the grammar allows it.

use crate::support::{golden_input, shown};
use proptest::collection::vec;
use proptest::prelude::*;
use seismolog::config::Config;
use seismolog::config::{EncoderOptions, TextMode};
use seismolog::engine::rules::RuleSet;
use seismolog::engine::{Engine, Outcome, finding::Finding};
use seismolog::event::lines::Lines;
use seismolog::event::parsed::Shape;
use seismolog::event::time::TimeContext;
use seismolog::event::{Batch, EventParser, Fault, Timestamp, splice};
use seismolog::io::outputs::Outputs;
use seismolog::output::OutputEncoder;
use seismolog::pipeline::Observer;
use serde::de::IgnoredAny;
use serde_json::{Value, from_slice};
use std::io::{Read, Seek};

const MEMBER: &str = "anomalies";
const FINDINGS: &str = r#"{"id":"f1","score":0.50},{"id":"f2"}"#;

// ---- JSON text

fn space() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just(String::new()), 1 => "[ \t\r]{1,3}"]
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z0-9 _.:{},\\[\\]/-]{0,6}",
        2 => any::<char>().prop_filter("needs an escape", |c| *c >= ' ' && *c != '"' && *c != '\\').prop_map(String::from),
        1 => prop_oneof![
            Just(r#"\""#), Just(r"\\"), Just(r"\/"), Just(r"\b"), Just(r"\f"), Just(r"\n"), Just(r"\r"), Just(r"\t"),
            Just(r"\u0000"), Just(r"\u0041"), Just(r"\u00E9"), Just(r"\ud83d\ude00"), Just(r"\ud800"), Just(r"\uDC00"),
            Just(r"\ud800\u0041"), Just(r"\ud800\ud800"),
        ].prop_map(String::from),
    ];
    vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        Just("-0".to_owned()),
        Just("0.10".to_owned()),
        Just("1e400".to_owned()),
        Just("-1E-4000".to_owned()),
        Just("9223372036854775808".to_owned()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?",
    ]
}

fn key() -> impl Strategy<Value = String> {
    let roles = prop_oneof![
        Just("message"),
        Just("level"),
        Just("timestamp"),
        Just("module"),
        Just("log"),
        Just("status"),
        Just("code"),
        Just("duration_us"),
        Just("host"),
        Just("trace_id"),
        Just("anomalie"),
        Just("anomaliess"),
        Just(r"\u006dessage"),
        Just("kubernetes"),
    ];
    prop_oneof![2 => roles.prop_map(|name| format!("\"{name}\"")), 1 => string()]
}

fn object(members: impl Strategy<Value = Vec<(String, String)>>) -> impl Strategy<Value = String> {
    members.prop_flat_map(|members| {
        let spaces = vec(space(), members.len() * 4 + 1);
        spaces.prop_map(move |spaces| {
            let members: Vec<_> = members
                .iter()
                .zip(spaces[1..].chunks(4))
                .map(|((key, value), s)| format!("{}{key}{}:{}{value}{}", s[0], s[1], s[2], s[3]))
                .collect();
            format!("{{{}{}}}", if members.is_empty() { &spaces[0] } else { "" }, members.join(","))
        })
    })
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => string(),
        3 => number(),
        1 => prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(String::from),
        1 => (1..60_usize).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        1 => (1..60_usize).prop_map(|depth| format!("{}1{}", "{\"k\":".repeat(depth), "}".repeat(depth))),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            vec((key(), inner.clone()), 0..5).prop_flat_map(|members| object(Just(members))),
            vec((space(), inner, space()), 0..5)
                .prop_map(|items| items
                    .into_iter()
                    .map(|(a, item, b)| a + item.as_str() + b.as_str())
                    .collect::<Vec<_>>()
                    .join(","))
                .prop_map(|items| format!("[{items}]")),
        ]
    })
}

/// Members of which none has the name of the member for findings, in any spelling.
fn members() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((key(), value()), 0..7)
}

fn member_name() -> impl Strategy<Value = String> {
    prop_oneof![Just(r#""anomalies""#), Just(r#""anom\u0061lies""#), Just(r#""\u0061nomalies""#)].prop_map(String::from)
}

fn event_without() -> impl Strategy<Value = String> {
    (space(), object(members()), space()).prop_map(|(a, object, b)| a + object.as_str() + b.as_str())
}

/// An event with these values in its member for findings, at any position, and the array's text.
fn event_with(values: impl Strategy<Value = Vec<String>>) -> impl Strategy<Value = String> {
    (members(), values, vec((member_name(), any::<prop::sample::Index>()), 2)).prop_flat_map(
        |(mut members, values, places)| {
            for (value, (name, place)) in values.into_iter().zip(places) {
                members.insert(place.index(members.len() + 1), (name, value));
            }
            object(Just(members))
        },
    )
}

fn array(items: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    (vec((space(), value(), space()), items), space()).prop_map(|(items, empty)| {
        let items: Vec<_> = items.into_iter().map(|(a, item, b)| a + item.as_str() + b.as_str()).collect();
        format!("[{}]", if items.is_empty() { empty } else { items.join(",") })
    })
}

// ---- calls of the library as the program makes them

fn parser() -> EventParser {
    EventParser::new(Config::default().names(), MEMBER.into(), TimeContext::new("UTC", 2026).unwrap())
}

fn looked_at(text: &str) -> Batch {
    let mut batch = Batch { bytes: text.as_bytes().to_vec(), filled: text.len(), ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    parser().parse(&mut batch);
    batch
}

/// The annotated event; none if it cannot be annotated.
fn annotated(batch: &Batch) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    match splice::annotate(&batch.fields(0), &batch.arena, &batch.bytes, MEMBER, FINDINGS.as_bytes(), &mut out) {
        Ok(()) => Some(out.split_off(b"before".len())),
        Err(splice::Unfit) => {
            assert_eq!(out, b"before", "left half an event behind");
            None
        }
    }
}

fn parses(text: &[u8]) -> bool {
    from_slice::<IgnoredAny>(text).is_ok()
}

/// Asserts that `out` is `event` with exactly `added` inserted at one position.
fn assert_added(event: &str, out: &[u8], added: &str) -> Result<(), TestCaseError> {
    let event = event.as_bytes();
    prop_assert_eq!(out.len(), event.len() + added.len(), "{}", shown(out));
    let same = event.iter().zip(out).take_while(|(a, b)| a == b).count();
    let found = (0..=same).any(|at| out[at..].starts_with(added.as_bytes()) && out[at + added.len()..] == event[at..]);
    prop_assert!(found, "not {}\nwith {} in it: {}", shown(event), added, shown(out));
    Ok(())
}

/// Asserts that the member has its old value and the findings, and that all other members are
/// unchanged.
fn assert_means_the_same(event: &str, out: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!(parses(out), "is no JSON: {}", shown(out));
    // `serde_json` cannot parse some valid JSON: 1e400, lone surrogates.
    let Ok(mut before) = serde_json::from_str::<Value>(event) else { return Ok(()) };
    let after: Value = from_slice(out).unwrap();
    let findings: Vec<Value> = serde_json::from_str(&format!("[{FINDINGS}]")).unwrap();
    let members = before.as_object_mut().unwrap();
    members.entry(MEMBER).or_insert_with(|| Value::Array(Vec::new())).as_array_mut().unwrap().extend(findings);
    prop_assert_eq!(before, after);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_member_is_added_and_nothing_else_changes(event in event_without()) {
        prop_assert!(parses(event.as_bytes()), "the generator made no JSON: {}", event);
        let batch = looked_at(&event);
        prop_assert_eq!(batch.parsed[0].shape, Shape::Json, "{}", event);
        // A carriage return at the end belongs to the line end, not to the event.
        let out = annotated(&batch).unwrap();
        let inside = event.trim_matches([' ', '\t', '\r']);
        let comma = if inside[1..inside.len() - 1].trim().is_empty() { "" } else { "," };
        assert_added(&event, &out, &format!("{comma}\"anomalies\":[{FINDINGS}]"))?;
        assert_means_the_same(&event, &out)?;
    }

    #[test]
    fn an_empty_array_is_filled(event in event_with(array(0..1).prop_map(|array| vec![array]))) {
        let batch = looked_at(&event);
        let out = annotated(&batch).unwrap();
        assert_added(&event, &out, FINDINGS)?;
        assert_means_the_same(&event, &out)?;
    }

    #[test]
    fn an_array_is_continued(event in event_with(array(1..5).prop_map(|array| vec![array]))) {
        let batch = looked_at(&event);
        let out = annotated(&batch).unwrap();
        assert_added(&event, &out, &format!(",{FINDINGS}"))?;
        assert_means_the_same(&event, &out)?;
    }

    #[test]
    fn a_member_of_another_kind_is_left_alone(
        event in event_with(value().prop_filter("is an array", |value| !value.starts_with('[')).prop_map(|value| vec![value]))
    ) {
        prop_assert_eq!(annotated(&looked_at(&event)), None, "{}", event);
    }

    #[test]
    fn a_member_that_is_there_twice_is_left_alone(event in event_with((array(0..3), value()).prop_map(|(a, b)| vec![a, b]))) {
        prop_assert_eq!(annotated(&looked_at(&event)), None, "{}", event);
    }

    #[test]
    fn cut_json_is_left_alone(event in event_without(), at in any::<prop::sample::Index>()) {
        let end = event.trim_end().len();
        let mut at = at.index(end);
        while !event.is_char_boundary(at) {
            at -= 1;
        }
        let batch = looked_at(&event[..at]);
        if batch.records.is_empty() || batch.parsed[0].shape == Shape::Blank {
            return Ok(());
        }
        prop_assert_eq!(batch.parsed[0].fault, Some(Fault::Json), "{}", &event[..at]);
        prop_assert_eq!(annotated(&batch), None);
    }

    #[test]
    fn bytes_that_nothing_touches_leave_as_they_came(input in bytes(), steps in steps()) {
        let out = filtered(&input, TextMode::Raw, steps);
        prop_assert_eq!(shown(&out), shown(&input));
    }

    #[test]
    fn output_does_not_depend_on_reads(input in bytes(), steps in steps()) {
        let whole = filtered(&input, TextMode::Json, vec![usize::MAX]);
        prop_assert_eq!(shown(&filtered(&input, TextMode::Json, steps)), shown(&whole));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn findings_do_not_depend_on_reads(steps in vec(1..9_000_usize, 1..20)) {
        let input = golden_input("loop_opens_goes_on_resolves");
        let whole = filtered(&input, TextMode::Json, vec![usize::MAX]);
        prop_assert!(whole.len() > input.len(), "there is no finding to be lost");
        prop_assert_eq!(shown(&filtered(&input, TextMode::Json, steps)), shown(&whole));
    }
}

/// Long runs of untouched events are written from the batch, short ones are copied.
#[test]
fn runs_of_any_length_keep_their_place_between_what_is_made() {
    let mut input = String::new();
    let mut expected = String::new();
    for length in [0, 1, 40, 41, 42, 43, 200, 1, 0, 500] {
        for i in 0..length {
            let event = format!("{{\"n\": {i}, \"of\":{length}, \"message\": \"{}\"}}\n", "x".repeat(60));
            input += &event;
            expected += &event;
        }
        input += "a line of text\n";
        expected += &String::from_utf8(filtered(b"a line of text\n", TextMode::Json, vec![usize::MAX])).unwrap();
    }
    for step in [usize::MAX, 10_000, 700] {
        let out = filtered(input.as_bytes(), TextMode::Json, vec![step]);
        assert!(out == expected.as_bytes(), "read by {step}:\n{}", String::from_utf8_lossy(&out));
    }
}

#[test]
fn nesting_costs_no_stack() {
    let depth = 300_000;
    let event = format!(
        "{{\"a\":{}{},\"b\":{}1{}}}",
        "[".repeat(depth),
        "]".repeat(depth),
        "{\"k\":".repeat(depth),
        "}".repeat(depth)
    );
    let mut batch = Batch { bytes: event.clone().into_bytes(), filled: event.len(), ..Batch::default() };
    Lines::new(16 << 20).split(&mut batch, true);
    parser().parse(&mut batch);
    let out = annotated(&batch).unwrap();
    assert_eq!(out, format!("{},\"anomalies\":[{FINDINGS}]}}", &event[..event.len() - 1]).into_bytes());
}

#[test]
fn what_is_no_strict_json_takes_no_annotation() {
    for event in [
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":+1}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":[1}}"#,
        r#"{"a":{]}"#,
        r#"{"a":"\x"}"#,
        "{\"a\":\"\u{1}\"}",
        r#"{"a":[tru]}"#,
        r#"{"a":"\u12"}"#,
        r#"{"a":[1 2]}"#,
        r#"{"a":{"b"}}"#,
    ] {
        assert_eq!(annotated(&looked_at(event)), None, "{event}");
    }
}

/// Lines of all kinds; JSON and text similar to JSON are frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        3 => event_without().prop_map(String::into_bytes),
        2 => vec(prop_oneof![3 => prop::sample::select(b"{}[]\":, \t\\\r\xC3\xBC\xFF0e-nulltruefalse".to_vec()), 1 => any::<u8>()], 0..40),
        1 => "[a-z ]{0,30}".prop_map(String::into_bytes),
    ];
    let end =
        prop_oneof![4 => Just(&b"\n"[..]), 2 => Just(&b"\r\n"[..]), 1 => Just(&b"\n\n"[..]), 1 => Just(&b"\r\r\n"[..])];
    (vec((line, end), 0..12), any::<bool>()).prop_map(|(lines, ended)| {
        let mut bytes = lines.iter().flat_map(|(line, end)| [line, *end].concat()).collect::<Vec<u8>>();
        if !ended {
            bytes.pop();
        }
        bytes
    })
}

fn steps() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![3 => 1..8_usize, 1 => 8..300_usize], 1..12)
}

/// Runs the steps of the pipeline between read and write, and returns the output for `input`. It is
/// read in pieces of these sizes, the last of which repeats.
fn filtered(input: &[u8], text: TextMode, steps: Vec<usize>) -> Vec<u8> {
    let config = Config::default();
    let mut engine = Engine::new(&config.engine_options(), RuleSet::compile(&[], &[]).unwrap());
    let mut encoder = OutputEncoder::new(EncoderOptions { text, ..config.encoder_options() });
    let (mut lines, mut parser) = (Lines::new(config.input.max_line_bytes), parser());
    let mut file = tempfile::tempfile().unwrap();
    let mut outputs = Outputs::new(Some(file.try_clone().unwrap().into()), Vec::new(), Default::default());
    let (mut outcome, mut tail, mut rest) = (Outcome::default(), Vec::new(), input);
    let mut steps = steps.iter().chain(std::iter::repeat(steps.last().unwrap()));
    loop {
        let (read, later) = rest.split_at(rest.len().min(*steps.next().unwrap()));
        rest = later;
        let mut batch = Batch { bytes: [&tail[..], read].concat(), ..Batch::default() };
        batch.filled = batch.bytes.len();
        let end = lines.split(&mut batch, read.is_empty());
        tail = batch.bytes[end..].to_vec();
        batch.filled = end;
        parser.parse(&mut batch);
        for i in 0..batch.records.len() {
            engine.process(&batch.fields(i), Timestamp(1_772_000_000_000_000_000), &mut outcome);
            encoder.put(&batch, i, &outcome, &mut Deaf);
        }
        encoder.send(&mut batch, &mut outputs).unwrap();
        if read.is_empty() {
            break;
        }
    }
    let mut out = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut out).unwrap();
    out
}

struct Deaf;

impl Observer for Deaf {
    fn batch(&mut self, _: &mut Engine, _: usize, _: usize, _: f64) {}
    fn aside(&mut self, _: &Outcome) {}
    fn fault(&mut self, _: Fault) {}
    fn unheard(&mut self, _: &[Finding]) {}
}
