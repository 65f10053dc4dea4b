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

/// All records of a message, in as many batches as they take; the first.
fn taken(bytes: Vec<u8>) -> Result<(Batch, Option<Vec<u8>>), Refused> {
    batches(&bytes).map(|(mut batches, chunk)| (batches.swap_remove(0), chunk))
}

fn batches(bytes: &[u8]) -> Result<(Vec<Batch>, Option<Vec<u8>>), Refused> {
    let (mut batch, mut unpacked) = (Batch::default(), Vec::new());
    let taken = read(&mut batch, bytes, &reading())?;
    let mut rest = taken.rest;
    if let Some(packed) = taken.packed {
        let mut unpacker = packed.unpacker(&reading())?;
        while unpacker.step(&mut unpacked)? {}
        rest = packed.read(&mut batch, &unpacked, &reading())?;
    }
    let mut all = vec![batch];
    while let Some(more) = rest {
        let mut next = Batch::default();
        rest = more.go_on(&mut next, &reading()).unwrap();
        all.push(next);
    }
    Ok((all, taken.chunk.map(<[u8]>::to_vec)))
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

#[test]
fn a_long_message_becomes_bounded_batches_with_every_record_once() {
    let entries: Vec<u8> =
        (0..30_000_u32).flat_map(|i| [&[0x92, 0xce][..], &i.to_be_bytes(), &[0x80]].concat()).collect();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&entries).unwrap();
    let array = [&[0xdd, 0, 0, 0x75, 0x30], &entries[..]].concat();
    for bytes in [
        message(&[&array, &option(&[("chunk", "abc")])]),
        message(&[&binary(&entries), &option(&[("chunk", "abc")])]),
        message(&[&binary(&gzip.finish().unwrap()), &option(&[("chunk", "abc"), ("compressed", "gzip")])]),
    ] {
        let (batches, chunk) = batches(&bytes).unwrap();
        assert_eq!((batches.len(), chunk.as_deref()), (4, Some(&b"abc"[..])));
        let mut expected = 0_u32;
        for batch in &batches {
            assert!(batch.records.len() <= Batch::MOST_RECORDS && batch.filled <= Batch::MOST_BYTES);
            for i in 0..batch.records.len() {
                assert_eq!((&batch.lead(i)[1..], batch.tag(i)), (&expected.to_be_bytes()[..], &b"in.app"[..]));
                assert_eq!(batch.records[i].span.of(&batch.bytes), [0x80]);
                expected += 1;
            }
        }
        assert_eq!(expected, 30_000);
    }
}

#[test]
fn a_tag_weighs_as_often_as_lines_repeat_it() {
    let mut long = vec![0x92];
    msgpack::put_text(&[b't'; LONGEST_TAG], &mut long);
    long.extend_from_slice(&binary(&entry_with(&[1]).repeat(1_000)));
    let (batches, _) = batches(&long).unwrap();
    assert!(batches.iter().all(|batch| batch.records.len() * LONGEST_TAG <= Batch::MOST_BYTES), "{}", batches.len());
    assert_eq!(batches.iter().map(|batch| batch.records.len()).sum::<usize>(), 1_000);
}

#[test]
fn what_is_refused_leaves_the_batch_as_it_was() {
    let mut batch = Batch::default();
    read(&mut batch, &message(&[&[0x01], RECORD]), &reading()).unwrap();
    let kept = (batch.bytes.clone(), batch.filled, batch.records.len(), batch.tags.clone(), batch.arena.clone());
    let mut other = vec![0x92, 0xa1, b'x'];
    other.extend_from_slice(&binary(&[&entry_with(&[1]).repeat(9_000)[..], &[0x92, 1, 1]].concat()));
    assert_eq!(read(&mut batch, &other, &reading()).map(drop), Err(Refused::Malformed));
    assert_eq!((batch.bytes, batch.filled, batch.records.len(), batch.tags, batch.arena), kept);
}

#[test]
fn a_chunk_or_tag_is_as_long_as_it_needs_to_be() {
    let chunk = |length| option(&[("chunk", &"x".repeat(length))]);
    assert!(taken(message(&[&[0x90], &chunk(LONGEST_CHUNK)])).is_ok());
    assert_eq!(taken(message(&[&[0x90], &chunk(LONGEST_CHUNK + 1)])).map(drop), Err(Refused::TooLong));
    let mut tagged = vec![0x92];
    msgpack::put_text(&[b't'; LONGEST_TAG + 1], &mut tagged);
    tagged.push(0x90);
    assert_eq!(taken(tagged).map(drop), Err(Refused::TooLong));
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        let _ = taken(bytes.clone());
        let _ = taken(message(&[&binary(&bytes)]));
    }
}
