use super::super::msgpack;
use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

const RECORD: &[u8] = &[0x81, 0xa1, b'k', 0x01];
const EVENT_TIME: &[u8] = &[0xd7, 0, 0, 0, 0, 5, 0, 0, 0, 7];

fn reading() -> Reading {
    Reading { source: Source(1), tag_prefix: "in.".into(), most_bytes: 1 << 20, deepest: 16 }
}

/// `[tag, …]` with these parts behind the tag.
fn message(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_array(parts.len() + 1, &mut out);
    msgpack::put_text(b"app", &mut out);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

fn taken(bytes: Vec<u8>) -> Result<(Batch, Option<Vec<u8>>), Refused> {
    let span = Span::new(0, bytes.len());
    let mut batch = Batch { filled: bytes.len(), bytes, ..Batch::default() };
    let chunk = read(&mut batch, span, &reading())?;
    Ok((batch, chunk))
}

fn option(members: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_map(members.len(), &mut out);
    for (key, value) in members {
        msgpack::put_text(key.as_bytes(), &mut out);
        msgpack::put_text(value.as_bytes(), &mut out);
    }
    out
}

fn entry_with(lead: &[u8]) -> Vec<u8> {
    [&[0x92], lead, RECORD].concat()
}

fn binary(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_binary(content.len(), &mut out);
    out.extend_from_slice(content);
    out
}

#[test]
fn every_mode_gives_the_same_records() {
    let with_metadata = [&[0x92], EVENT_TIME, &[0x81, 0xa1, b'm', 0x02]].concat();
    for lead in [&[0x05][..], EVENT_TIME, &with_metadata] {
        let entries = [entry_with(lead), entry_with(lead)].concat();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&entries).unwrap();
        let packed = gzip.finish().unwrap();
        let chunk = option(&[("chunk", "abc")]);
        let modes = [
            (message(&[lead, RECORD, &chunk]), 1),
            (message(&[&[&[0x92], &entries[..]].concat(), &chunk]), 2),
            (message(&[&binary(&entries), &chunk]), 2),
            (message(&[&binary(&packed), &option(&[("chunk", "abc"), ("compressed", "gzip")])]), 2),
        ];
        for (i, (bytes, count)) in modes.into_iter().enumerate() {
            // Metadata is not in Message mode: its second value would be an array of entries.
            if i == 0 && lead == with_metadata {
                continue;
            }
            let (batch, asked) = taken(bytes).unwrap();
            assert_eq!((batch.records.len(), asked.as_deref()), (count, Some(&b"abc"[..])), "mode {i}");
            for record in 0..count {
                assert_eq!(batch.records[record].span.of(&batch.bytes), RECORD);
                assert_eq!((batch.lead(record), batch.tag(record)), (lead, &b"in.app"[..]));
            }
        }
    }
}

#[test]
fn an_option_may_be_missing_or_nil() {
    assert_eq!(taken(message(&[&[0x01], RECORD])).unwrap().1, None);
    assert_eq!(taken(message(&[&[0x90]])).unwrap().0.records.len(), 0);
    assert_eq!(taken(message(&[&[0x90], &[0xc0]])).unwrap().1, None);
}

#[test]
fn what_is_no_message_is_refused_whole() {
    for bytes in [
        vec![0xc0],
        message(&[]),
        message(&[&[0x01]]),
        message(&[&[0x91, 0x01]]),
        message(&[&[0x91, 0x92, 0x01, 0x02]]),
        message(&[&binary(&[0x92, 0x01])]),
        message(&[&binary(b"no gzip"), &option(&[("compressed", "gzip")])]),
        message(&[&binary(b""), &option(&[("compressed", "lz4")])]),
    ] {
        assert_eq!(taken(bytes.clone()).map(|(batch, _)| batch.records.len()), Err(Refused::Malformed), "{bytes:x?}");
    }
}

#[test]
fn bombs_inside_of_packed_modes_are_refused() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![0; 8 << 20]).unwrap();
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 10_000);
    let bytes = message(&[&binary(&bomb), &option(&[("compressed", "gzip")])]);
    assert_eq!(taken(bytes).map(drop), Err(Refused::TooLong));
    let deep = [&[0x92, 0x01, 0x81, 0xa1, b'k'][..], &[0x91; 500], &[0x01]].concat();
    assert_eq!(taken(message(&[&binary(&deep)])).map(drop), Err(Refused::TooDeep));
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        let _ = taken(bytes.clone());
        let _ = taken(message(&[&binary(&bytes)]));
    }
}
