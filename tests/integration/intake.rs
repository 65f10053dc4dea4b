//! Tests limits of memory: what a peer sends may decompress to a thousand times as much, and a peer
//! may never read its responses.

use crate::ends::{filter, gzip, refused};
use crate::metrics::address;
use crate::peers::{accept, connect, listening, pack, packed, post, read_value, rest, shown};
use crate::servers::read_message;
use crate::support::{Filter, command, configured, until};
use seismolog::event::msgpack::{put_array, put_binary, put_map, put_text};
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread::JoinHandle;

/// This many records exceed `CAP` if all of them are held at once, in any encoding.
const MANY: usize = 700_000;
/// Most memory that the program may use, in KiB.
const CAP: u64 = 128 << 10;
/// The shortest possible entry: a time and an empty record.
const ENTRY: &[u8] = &[0x92, 0, 0x80];

/// Starts the program with a metrics endpoint. A thread reads the output to its end and counts the
/// lines.
fn counting(args: &[&str]) -> (Filter, JoinHandle<usize>) {
    let mut filter = filter(&[&["--metrics", "127.0.0.1:0"], args].concat());
    let mut output = filter.stdout.take().unwrap();
    let counts = std::thread::spawn(move || {
        let (mut lines, mut buffer) = (0, vec![0; 1 << 16]);
        loop {
            match output.read(&mut buffer).unwrap() {
                0 => return lines,
                count => lines += memchr::memchr_iter(b'\n', &buffer[..count]).count(),
            }
        }
    });
    (filter, counts)
}

#[track_caller]
fn ends_well_with(filter: Filter, counts: JoinHandle<usize>, lines: usize, most_kib: u64) {
    let highest = filter.memory("VmHWM");
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
    assert_eq!(counts.join().unwrap(), lines);
    assert!(highest < most_kib, "{highest} KiB");
}

/// `[tag, content, options]`
fn message(tag: &str, content: &[u8], options: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    put_array(3, &mut out);
    put_text(tag.as_bytes(), &mut out);
    out.extend_from_slice(content);
    put_map(options.len(), &mut out);
    for (key, value) in options {
        put_text(key.as_bytes(), &mut out);
        put_text(value.as_bytes(), &mut out);
    }
    out
}

fn binary(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_binary(content.len(), &mut out);
    out.extend_from_slice(content);
    out
}

/// A zstd frame that decompresses to this many entries, in blocks that repeat one entry many times
/// each.
fn zstd(entries: usize) -> Vec<u8> {
    // The magic number, a header without content size, and a window of 128 KiB.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    let mut block = |kind: u32, last: bool, size: usize, content: &[u8]| {
        let head = (size as u32) << 3 | kind << 1 | u32::from(last);
        out.extend_from_slice(&head.to_le_bytes()[..3]);
        out.extend_from_slice(content);
    };
    let most = (128 << 10) / ENTRY.len();
    let mut left = entries;
    while left > 0 {
        let count = left.min(most);
        block(0, false, count * ENTRY.len(), &ENTRY.repeat(count));
        left -= count;
    }
    block(0, true, 0, &[]);
    out
}

#[test]
fn requests_of_a_few_kilobytes_that_become_hundreds_of_thousands_of_records_take_bounded_memory() {
    let (filter, counts) = counting(&["--from", "http://127.0.0.1:0/"]);
    let at = listening(&filter, "http").trim_end_matches('/').to_owned();
    let (lines, items) = (gzip(&b"1\n".repeat(MANY)), [&b"["[..], &b"1,".repeat(MANY - 1), b"1]"].concat());
    assert!(lines.len() < 16 << 10);
    let answer = format!("{MANY} events\n");
    for (headers, body) in [("Content-Encoding: gzip\r\n", &lines), ("Content-Type: application/json\r\n", &items)] {
        assert_eq!(post(&at, "/", headers, body).unwrap(), (200, answer.clone()));
    }
    ends_well_with(filter, counts, 2 * MANY, CAP);
}

#[test]
fn messages_of_every_mode_that_become_hundreds_of_thousands_of_records_take_bounded_memory() {
    let (filter, counts) = counting(&["--from", "forward://127.0.0.1:0"]);
    let at = listening(&filter, "forward");
    // All entries in one message.
    let each = MANY / 2;
    let entries = ENTRY.repeat(each);
    let mut array = Vec::new();
    put_array(each, &mut array);
    array.extend_from_slice(&entries);
    let sent = [
        message("t", &binary(&gzip(&entries)), &[("chunk", "c"), ("compressed", "gzip")]),
        message("t", &binary(&zstd(each)), &[("chunk", "c"), ("compressed", "zstd")]),
        message("t", &array, &[("chunk", "c")]),
        packed("t", &entries, "c"),
    ];
    let peers: Vec<_> = sent
        .into_iter()
        .map(|bytes| {
            let mut peer = connect(&at);
            std::thread::spawn(move || {
                peer.write_all(&bytes).unwrap();
                shown(&read_value(&mut peer, &mut Vec::new()).unwrap())
            })
        })
        .collect();
    for peer in peers {
        assert_eq!(peer.join().unwrap(), "{\"ack\":\"c\"}");
    }
    ends_well_with(filter, counts, 4 * each, CAP);
}

#[test]
fn lines_without_content_take_bounded_memory() {
    let (mut filter, counts) = counting(&["--from", "-", "--from", "tcp://127.0.0.1:0"]);
    let mut peer = connect(&listening(&filter, "tcp"));
    peer.write_all(&b"\n".repeat(MANY)).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut peer), b"");
    filter.signal("TERM");
    assert!(filter.memory("VmHWM") < CAP, "{}", filter.memory("VmHWM"));
    assert!(filter.wait().0.success());
    assert_eq!(counts.join().unwrap(), MANY);

    let (child_reads, we_write) = std::io::pipe().unwrap();
    let mut filter = Filter::start(command(&["--to", "-"]).stdin(child_reads).stdout(Stdio::piped()));
    filter.stdin = Some(we_write);
    let fed = filter.feed_apart((0..MANY / 100_000).map(|_| b"\n".repeat(100_000)));
    assert_eq!(filter.bytes(MANY), b"\n".repeat(MANY));
    assert!(filter.memory("VmHWM") < CAP, "{}", filter.memory("VmHWM"));
    drop(fed.join().unwrap());
    assert!(filter.wait().0.success());
}

/// More entries than two batches hold.
const SEVERAL: usize = 20_000;

#[test]
fn what_is_broken_at_its_end_is_refused_whole_though_it_fills_many_batches() {
    let ends = ["--from", "http://127.0.0.1:0/", "--from", "forward://127.0.0.1:0"];
    let (filter, counts) = counting(&ends);
    let (http, forward) = (listening(&filter, "http"), listening(&filter, "forward"));
    let metrics = address(&filter);
    let http = http.trim_end_matches('/');
    let json = "Content-Type: application/json\r\n";
    let items = [&b"["[..], &b"{},".repeat(SEVERAL)].concat();
    let lines = [&b"{}\n".repeat(SEVERAL)[..], b"{"].concat();
    let mut cut = gzip(&b"{}\n".repeat(SEVERAL));
    cut.truncate(cut.len() - 4);
    for (headers, body) in [(json, &items), (json, &lines), ("Content-Encoding: gzip\r\n", &cut)] {
        assert_eq!(post(http, "/", headers, body).unwrap().0, 400);
    }
    let entries = [&ENTRY.repeat(SEVERAL)[..], &[0x92, 0, 0]].concat();
    let mut array = Vec::new();
    put_array(SEVERAL + 1, &mut array);
    array.extend_from_slice(&entries);
    for bytes in [
        packed("t", &entries, "c"),
        message("t", &array, &[("chunk", "c")]),
        message("t", &binary(&gzip(&entries)), &[("compressed", "gzip")]),
        message("t", &binary(&ENTRY.repeat(SEVERAL)), &[("compressed", "lz4")]),
    ] {
        let mut peer = connect(&forward);
        peer.write_all(&bytes).unwrap();
        assert_eq!(rest(&mut peer), b"");
    }
    assert_eq!(refused(&metrics, "refused_protocol"), 7);
    ends_well_with(filter, counts, 0, CAP);
}

/// The number of lines in the next request.
#[track_caller]
fn lines_of_a_request(stream: &mut BufReader<TcpStream>) -> usize {
    let (_, body) = read_message(stream).expect("another request");
    body.lines().count()
}

#[test]
fn an_answer_comes_only_once_the_last_of_many_batches_has_left() {
    let downstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}/", downstream.local_addr().unwrap());
    let ends = ["--from", "http://127.0.0.1:0/", "--from", "forward://127.0.0.1:0", "--to", &to, "--no-shipped-rules"];
    let filter = filter(&ends);
    let http = listening(&filter, "http").trim_end_matches('/').to_owned();
    let mut up = connect(&listening(&filter, "forward"));
    let first = std::thread::spawn(move || post(&http, "/", "", &b"{}\n".repeat(SEVERAL)).unwrap());
    let mut down = BufReader::new(accept(&downstream));
    let mut taken = 0;
    let mut take_all = |is_told: &mut dyn FnMut() -> bool| {
        taken = 0;
        while taken < SEVERAL {
            taken += lines_of_a_request(&mut down);
            assert!(!is_told(), "told before downstream has taken the last batch: {taken} of {SEVERAL}");
            down.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        }
    };
    take_all(&mut || first.is_finished());
    assert_eq!(first.join().unwrap(), (200, format!("{SEVERAL} events\n")));
    up.write_all(&packed("t", &ENTRY.repeat(SEVERAL), "c")).unwrap();
    up.set_nonblocking(true).unwrap();
    take_all(&mut || up.read(&mut [0; 10]).is_ok());
    up.set_nonblocking(false).unwrap();
    assert_eq!(shown(&read_value(&mut up, &mut Vec::new()).unwrap()), "{\"ack\":\"c\"}");
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn a_client_that_goes_away_in_the_middle_of_its_request_keeps_none_of_it_back() {
    // More lines than the queues hold.
    const LINES: usize = 250_000;
    let downstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}/", downstream.local_addr().unwrap());
    let filter = filter(&["--from", "http://127.0.0.1:0/", "--to", &to, "--no-shipped-rules"]);
    let mut client = connect(listening(&filter, "http").trim_end_matches('/'));
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 3 * LINES);
    client.write_all(&[head.as_bytes(), &b"{}\n".repeat(LINES)].concat()).unwrap();
    let mut down = BufReader::new(accept(&downstream));
    let mut client = Some(client);
    let mut taken = 0;
    while taken < LINES {
        taken += lines_of_a_request(&mut down);
        drop(client.take());
        down.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    }
    assert_eq!(taken, LINES);
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn a_peer_that_reads_no_acknowledgements_is_let_go_and_counted() {
    let (_folder, config) = configured("[peers]\nmessage_timeout = \"1s\"\n");
    let (filter, counts) = counting(&["-c", &config, "--from", "forward://127.0.0.1:0"]);
    let (at, metrics) = (listening(&filter, "forward"), address(&filter));
    let asking = message("t", &[0x90], &[("chunk", &"x".repeat(500))]).repeat(1_000);
    let mut peer = connect(&at);
    // The peer reads nothing: its acknowledgements fill the sockets, the filter waits for it, and
    // then disconnects it.
    let mut sent = 0;
    while peer.write_all(&asking).is_ok() {
        sent += asking.len();
        assert!(sent < 1 << 30, "all is taken of a peer that reads nothing");
    }
    until("the peer counted", || (refused(&metrics, "refused_time") == 1).then_some(()));
    ends_well_with(filter, counts, 0, 64 << 10);
}

#[test]
fn a_client_that_reads_no_answers_is_let_go_and_counted() {
    let (_folder, config) = configured("[peers]\nmessage_timeout = \"1s\"\n");
    let (filter, counts) = counting(&["-c", &config, "--from", "http://127.0.0.1:0/"]);
    let (at, metrics) = (listening(&filter, "http"), address(&filter));
    let asking = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    let mut client = connect(at.trim_end_matches('/'));
    let mut sent = 0;
    while client.write_all(&asking).is_ok() {
        sent += asking.len();
        assert!(sent < 1 << 30, "all is taken of a client that reads nothing");
    }
    until("the client counted", || (refused(&metrics, "refused_time") == 1).then_some(()));
    ends_well_with(filter, counts, 0, 64 << 10);
}

#[test]
fn what_is_longer_than_the_protocol_needs_is_refused_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "s3cret").unwrap();
    let locked = format!("forward+unix://{}/locked?shared_key_file={}", folder.path().display(), key.display());
    let ends = ["--from", "forward://127.0.0.1:0", "--from", &locked, "--from", "http://127.0.0.1:0/"];
    let (filter, counts) = counting(&ends);
    let (forward, http) = (listening(&filter, "forward"), listening(&filter, "http"));
    let metrics = address(&filter);
    let long = "x".repeat(4_097);
    let entries = binary(&ENTRY.repeat(1_000));
    let mut count = 0;
    for bytes in [
        message("t", &entries, &[("chunk", &long[..513])]),
        message("t", &entries, &[("chunk", &"x".repeat(15 << 20))]),
        message(&long, &entries, &[]),
    ] {
        let mut peer = connect(&forward);
        let _ = peer.write_all(&bytes);
        assert_eq!(rest(&mut peer), b"");
        count += 1;
        until("the refusal", || (refused(&metrics, "refused_size") == count).then_some(()));
    }
    // A PING whose name, salt or digest has megabytes; an HTTP request line and headers of that
    // length.
    for part in 0..3 {
        let path = folder.path().join("locked");
        let mut peer = std::os::unix::net::UnixStream::connect(path).unwrap();
        read_value(&mut peer, &mut Vec::new()).unwrap();
        let texts = ["PING", "a", "b", "c", "", ""];
        let mut ping = Vec::new();
        put_array(6, &mut ping);
        for (i, text) in texts.iter().enumerate() {
            put_text(if i == part + 1 { &long.as_bytes()[..1] } else { text.as_bytes() }, &mut ping);
            if i == part + 1 {
                ping.pop();
                ping.pop();
                put_text(&vec![b'x'; 15 << 20], &mut ping);
            }
        }
        let _ = peer.write_all(&ping);
        rest(&mut peer);
        count += 1;
        until("the refusal", || (refused(&metrics, "refused_size") == count).then_some(()));
    }
    let (giant, many) = ("x".repeat(1 << 20), "a: b\r\n".repeat(200));
    let heads = [
        format!("POST /{giant} HTTP/1.1\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nA: {giant}\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{many}\r\n"),
    ];
    for (protocol, head) in (1..).zip(heads) {
        let mut client = connect(http.trim_end_matches('/'));
        let _ = client.write_all(head.as_bytes());
        let answer = String::from_utf8_lossy(&rest(&mut client)).into_owned();
        // The response may be lost along with the data that was still in the sockets.
        assert!(answer.is_empty() || answer.contains(" 431 "), "{answer}");
        until("the refusal", || (refused(&metrics, "refused_protocol") == protocol).then_some(()));
    }
    // The longest allowed texts are accepted.
    let mut peer = connect(&forward);
    peer.write_all(&message(&long[..4_096], &entries, &[("chunk", &long[..512])])).unwrap();
    let answer = shown(&read_value(&mut peer, &mut Vec::new()).unwrap());
    assert_eq!(answer, format!("{{\"ack\":\"{}\"}}", &long[..512]));
    ends_well_with(filter, counts, 1_000, 64 << 10);
}

#[test]
fn empty_messages_giant_options_and_half_closed_connections_take_bounded_memory() {
    let (filter, counts) = counting(&["--from", "forward://127.0.0.1:0", "--from", "http://127.0.0.1:0/"]);
    let (at, http) = (listening(&filter, "forward"), listening(&filter, "http"));
    let acknowledged = |bytes: &[u8]| {
        let mut peer = connect(&at);
        peer.write_all(bytes).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        shown(&read_value(&mut peer, &mut Vec::new()).unwrap())
    };
    let last = packed("t", ENTRY, "last");
    let empty = [&message("t", &[0x90], &[]).repeat(500_000)[..], &last].concat();
    assert_eq!(acknowledged(&empty), "{\"ack\":\"last\"}");
    let mut options = Vec::new();
    put_array(3, &mut options);
    put_text(b"t", &mut options);
    options.extend_from_slice(&[0x91, 0x92, 0, 0x80]);
    put_map(500_001, &mut options);
    options.extend_from_slice(&b"\xa1a\x00".repeat(500_000));
    options.extend_from_slice(&pack("{\"chunk\":\"options\"}")[1..]);
    assert_eq!(acknowledged(&options), "{\"ack\":\"options\"}");
    for _ in 0..300 {
        for at in [&*at, http.trim_end_matches('/')] {
            connect(at).shutdown(Shutdown::Write).unwrap();
        }
    }
    ends_well_with(filter, counts, 2, 64 << 10);
}
