//! What each target claims of any bytes. A claim that fails panics.
//!
//! The targets also run over their corpora as a test of the program
//! (`tests/integration/corpora.rs`), which needs no fuzzer: what one has found stays found.

mod json;
mod select;
mod steps;

pub use json::json;
pub use select::select;
pub use steps::{charset, clean, envelope, header, inspect, lenient, roles, tail};

use seismolog::config::Config;
use seismolog::event::forward::{self, Reading};
use seismolog::event::lines::Lines;
use seismolog::event::msgpack::{Reader, Scanner};
use seismolog::event::parsed::Shape;
use seismolog::event::time::{TimeContext, Timestamp, time_prefix, time_text};
use seismolog::event::{Batch, Encoding, EventParser, Source, transcode};
use std::collections::BTreeMap;

/// The parser of the default configuration.
fn parser() -> EventParser {
    let config = Config::default();
    EventParser::new(config.names(), config.output.member.clone(), context())
}

fn context() -> TimeContext {
    TimeContext::new("UTC", 2026).expect("UTC is a zone")
}

/// These bytes as lines, looked at.
fn looked_at(data: &[u8]) -> Batch {
    let mut batch = Batch { bytes: data.to_vec(), filled: data.len(), ..Batch::default() };
    Lines::new(1 << 20).joining(data.len() % 2 == 1).split(&mut batch, true);
    parser().parse(&mut batch);
    batch
}

/// Lines of text in whatever layout: each has one rendering, which is a JSON object with a message,
/// and what is not text has none. Every record is looked at, and records and the gaps between them
/// are the input.
pub fn layout(data: &[u8]) {
    let batch = looked_at(data);
    assert_eq!(batch.parsed.len(), batch.records.len());
    let mut end = 0;
    for (i, (record, parsed)) in batch.records.iter().zip(&batch.parsed).enumerate() {
        assert!(record.span.start as usize >= end, "records overlap");
        end = record.end();
        let rendered = parsed.rendered.of(&batch.arena);
        if parsed.shape != Shape::Text {
            assert!(rendered.is_empty());
            continue;
        }
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(rendered)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(rendered)));
        assert!(object.contains_key("message") || !object.is_empty(), "nothing is left of the line");
        assert!(std::str::from_utf8(batch.fields(i).line()).is_ok());
    }
    assert!(end <= data.len());
}

/// Written times: no form is read beyond its end, RFC 3339 means what another reader takes it for,
/// and what is written is read again.
pub fn time(data: &[u8]) {
    if let Some((_, end)) = time_prefix(data, &mut context()) {
        assert!((1..=data.len()).contains(&end));
    }
    let told = time_text(data, &mut context());
    if let Some(time) = told {
        let mut written = Vec::new();
        time.write_rfc3339(&mut written);
        let again = time_text(&written, &mut context());
        assert_eq!(again, Some(time), "written as {}", String::from_utf8_lossy(&written));
    }
    let text = std::str::from_utf8(data).unwrap_or_default();
    // Seconds of 60, and years beyond what a timestamp holds, are read differently on purpose.
    let is_plain = text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z') && !text.contains(":60");
    if let (true, Ok(other)) = (is_plain && text.is_ascii(), text.parse::<jiff::Timestamp>())
        && let Ok(nanoseconds) = i64::try_from(other.as_nanosecond())
        && let Some(told) = told
    {
        assert_eq!(told, Timestamp(nanoseconds), "{text}");
    }
}

/// Configuration: what is valid says the same when it is written and read, what is not has a
/// diagnostic with a place in it.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::parse("fuzz.toml", text) {
        Ok(config) => {
            let written = toml::to_string(&config).expect("a configuration can be written");
            // Of an address that may be secret, only the host is written.
            if !written.contains('…') {
                assert_eq!(Config::parse("written.toml", &written).as_ref(), Ok(&config), "{written}");
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = text.lines().count() + 1;
            problems.iter().for_each(|problem| assert!(problem.line <= lines, "{problem}"));
        }
    }
    // Names of variables are upper case; every schema is made anew for each, which takes long.
    if !text.starts_with(|c: char| c.is_ascii_uppercase()) {
        return;
    }
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let variables = BTreeMap::from([(format!("SEISMOLOG_{}", name.trim()), value.trim().to_owned())]);
    if let Err(problems) = Config::default().with_variables(&variables) {
        problems.iter().for_each(|problem| assert!(!problem.to_string().is_empty()));
    }
}

/// The Forward protocol: a value's end does not depend on how its bytes come, a message is taken
/// whole or not at all, and every record that was taken can be told as JSON that means the same
/// again.
pub fn forward(data: &[u8]) {
    const DEEPEST: usize = 16;
    const MOST: usize = 1 << 16;
    let whole = Scanner::default().advance(data, MOST, DEEPEST);
    let mut scanner = Scanner::default();
    let mut in_pieces = Ok(None);
    for end in 0..=data.len() {
        in_pieces = scanner.advance(&data[..end], MOST, DEEPEST);
        if in_pieces != Ok(None) {
            break;
        }
    }
    assert_eq!(in_pieces.is_ok(), whole.is_ok());
    let Ok(Some(end)) = whole else { return };
    assert_eq!(in_pieces, whole);
    let mut batch = Batch::default();
    let reading = Reading { source: Source(1), tag_prefix: "in.".into(), most_bytes: MOST, deepest: DEEPEST };
    if !take(&mut batch, &data[..end], &reading) {
        assert!(batch.records.is_empty() && batch.tags.is_empty() && batch.bytes.is_empty() && batch.arena.is_empty());
        return;
    }
    parser().parse(&mut batch);
    for record in batch.records.iter().filter(|record| record.encoding == Encoding::MessagePack) {
        let value = &batch.bytes[record.span.start as usize..record.end()];
        let mut text = Vec::new();
        if transcode::to_json(&mut Reader::new(value, 0), 0, &mut text).is_err() {
            continue;
        }
        assert!(
            serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok(),
            "no JSON: {}",
            String::from_utf8_lossy(&text)
        );
        let (mut packed, mut again) = (Vec::new(), Vec::new());
        transcode::from_json(&text, &mut packed).expect("our own JSON");
        transcode::to_json(&mut Reader::new(&packed, 0), 0, &mut again).expect("our own MessagePack");
        assert_eq!(String::from_utf8_lossy(&text), String::from_utf8_lossy(&again));
    }
}

/// Takes a message; false when it is refused, which is certain before a second batch begins.
fn take(batch: &mut Batch, message: &[u8], reading: &Reading) -> bool {
    let Ok(taken) = forward::read(batch, message, reading) else { return false };
    let mut unpacked = Vec::new();
    let mut rest = taken.rest;
    if let Some(packed) = taken.packed {
        let Ok(mut unpacker) = packed.unpacker(reading) else { return false };
        loop {
            match unpacker.step(&mut unpacked) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return false,
            }
        }
        match packed.read(batch, &unpacked, reading) {
            Ok(left) => rest = left,
            Err(_) => return false,
        }
    }
    while let Some(more) = rest {
        let mut next = Batch::default();
        rest = more.go_on(&mut next, reading).expect("it was passed over before");
        assert!((1..=Batch::MOST_RECORDS).contains(&next.records.len()));
    }
    true
}
