//! Tests the network inputs and outputs against peers that the test implements: what passes, when
//! it is acknowledged, what is refused.

use crate::metrics::{address, get};
use crate::peers::{accept, connect, entry, free_address, listening, pack, packed, post, read_value, rest, shown};
use crate::poison::{Peer, from_pipe};
use crate::servers::read_message;
use crate::support::{Filter, command, configured, event, golden_input, pieces, until, wait_readable};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;

/// Starts the program with empty standard input.
pub(crate) fn filter(args: &[&str]) -> Filter {
    Filter::start(command(args).stdin(Stdio::null()).stdout(Stdio::piped()))
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn lines_of_many_peers_come_through_whole() {
    let mut filter = filter(&["--from", "tcp://127.0.0.1:0", "--no-shipped-rules"]);
    let at = listening(&filter, "tcp");
    let peers: Vec<_> = (0..4)
        .map(|peer| {
            let at = at.clone();
            std::thread::spawn(move || {
                let mut stream = connect(&at);
                for i in 0..5_000 {
                    stream.write_all(event(peer * 5_000 + i).as_bytes()).unwrap();
                }
                // The last line of the last peer has no line end.
                stream.write_all(event(100_000 + peer).trim_end().as_bytes()).unwrap();
            })
        })
        .collect();
    let mut got: Vec<String> = (0..20_004).map(|_| filter.line()).collect();
    peers.into_iter().for_each(|peer| peer.join().unwrap());
    let mut expected: Vec<String> = (0..20_000).chain(100_000..100_004).map(event).collect();
    got.sort();
    expected.sort();
    assert!(got == expected);
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn a_downstream_that_comes_late_and_goes_gets_every_line() {
    let at = free_address();
    let (child_reads, we_write) = std::io::pipe().unwrap();
    let url = format!("tcp://{at}");
    let mut filter = Filter::start(command(&["--to", &url, "--log", "none"]).stdin(child_reads).stdout(Stdio::null()));
    filter.stdin = Some(we_write);
    filter.feed(event(1).as_bytes());
    let listener = TcpListener::bind(&at).unwrap();
    let mut lines = BufReader::new(accept(&listener));
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, event(1));
    drop(lines);
    // The filter notices that the peer is gone, and does not write to the dead connection.
    let mut second = accept(&listener);
    filter.feed(event(2).as_bytes());
    drop(filter.stdin.take());
    assert_eq!(rest(&mut second), event(2).as_bytes());
    assert!(filter.wait().0.success());
}

#[test]
fn unix_sockets_listen_and_connect() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let downstream = UnixListener::bind(&to).unwrap();
    // A socket file that an earlier process left behind is replaced.
    drop(UnixListener::bind(&from).unwrap());
    let urls = [format!("unix://{}", from.display()), format!("unix://{}", to.display())];
    let mut filter = filter(&["--from", &urls[0], "--to", &urls[1]]);
    listening(&filter, "unix");
    let mut up = UnixStream::connect(&from).unwrap();
    up.write_all(event(1).as_bytes()).unwrap();
    up.shutdown(Shutdown::Write).unwrap();
    wait_readable("a connection", &downstream);
    let (down, _) = downstream.accept().unwrap();
    let mut lines = BufReader::new(down);
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, event(1));
    filter.signal("TERM");
    assert_eq!(rest(&mut lines), b"");
    assert!(filter.wait().0.success());
    assert!(!from.exists(), "the socket's file is left behind");
}

#[test]
fn requests_are_answered_with_what_became_of_them() {
    let (_folder, config) = configured("[peers]\nmax_message_bytes = 65536\nmessage_timeout = \"1s\"\n");
    let mut filter = filter(&["-c", &config, "--from", "http://127.0.0.1:0/in"]);
    let at = listening(&filter, "http").trim_end_matches("/in").to_owned();
    let ask = |headers: &str, body: &[u8]| post(&at, "/in", headers, body).unwrap();
    let json = "Content-Type: application/json\r\n";
    assert_eq!(ask(json, b"[{\"a\":1},\n{\"b\":\n2}]"), (200, "2 events\n".to_owned()));
    assert_eq!((filter.line(), filter.line()), ("{\"a\":1}\n".into(), "{\"b\": 2}\n".into()));
    assert_eq!(ask("Content-Encoding: gzip\r\n", &gzip(b"{\"c\":1}\n{\"d\":2}")).0, 200);
    assert_eq!((filter.line(), filter.line()), ("{\"c\":1}\n".into(), "{\"d\":2}\n".into()));
    assert_eq!(ask(json, b"{\"e\":1}").0, 200);
    assert_eq!(filter.line(), "{\"e\":1}\n");
    for (headers, body, status, reason) in [
        (json, &b"[{\"a\":1},"[..], 400, "JSON array"),
        (json, b"no json", 400, "no JSON object"),
        ("Content-Encoding: gzip\r\n", b"no gzip", 400, "no gzip"),
        ("Content-Encoding: gzip\r\n", &gzip(&vec![b'x'; 1 << 20]), 413, "max_message_bytes"),
        ("Content-Encoding: br\r\n", b"", 415, "gzip"),
        ("", &vec![b'x'; 100_000], 413, "max_message_bytes"),
    ] {
        let (got, said) = ask(headers, body);
        assert!(got == status && said.contains(reason), "{got} {said}");
    }
    assert_eq!(post(&at, "/elsewhere", "", b"").unwrap().0, 404);
    let mut slow = connect(&at);
    slow.write_all(b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").unwrap();
    assert!(rest(&mut slow).starts_with(b"HTTP/1.1 408"));
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn a_request_is_answered_only_once_its_events_have_left_and_429_tells_that_there_is_no_room() {
    let downstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}/", downstream.local_addr().unwrap());
    let (_folder, config) = configured("[peers]\nmax_pending_bytes = 65536\n");
    let filter = filter(&["-c", &config, "--from", "http://127.0.0.1:0/", "--to", &to]);
    let at = listening(&filter, "http");
    let body = [event(1).as_bytes(), &vec![b' '; 40_000]].concat();
    let first = {
        let (at, body) = (at.clone(), body.clone());
        std::thread::spawn(move || post(&at, "/", "", &body).unwrap().0)
    };
    let mut down = BufReader::new(accept(&downstream));
    let (_, came) = read_message(&mut down).unwrap();
    assert!(came.starts_with(event(1).trim_end()), "{came}");
    assert!(!first.is_finished(), "answered before downstream has taken it");
    assert_eq!(post(&at, "/", "", &body).unwrap().0, 429);
    down.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert_eq!(first.join().unwrap(), 200);
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn forward_keeps_every_byte_and_acknowledges_what_downstream_has() {
    let downstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("forward://{}?tag_prefix=seen.", downstream.local_addr().unwrap());
    let filter = filter(&["--from", "forward://127.0.0.1:0", "--to", &to, "--no-shipped-rules"]);
    let (mut up, mut inbox) = (connect(&listening(&filter, "forward")), Vec::new());
    let entries = [entry(1, "{\"log\":\"one\\n\",\"n\":1}"), entry(2, "{\"log\":\"two\\n\",\"n\":2.5}")].concat();
    up.write_all(&packed("app", &entries, "c1")).unwrap();
    let (mut down, mut taken) = (accept(&downstream), Vec::new());
    let message = read_value(&mut down, &mut taken).unwrap();
    let mut reader = seismolog::event::msgpack::Reader::new(&message, 1);
    assert_eq!(reader.text().unwrap(), b"seen.app");
    assert_eq!(reader.text().unwrap(), entries, "tag, time, nanoseconds, metadata and record are as they came");
    // The receiver dies before it acknowledges: it gets the events again, and only then is the
    // sender acknowledged.
    drop(down);
    let (mut down, mut taken) = (accept(&downstream), Vec::new());
    let again = read_value(&mut down, &mut taken).unwrap();
    let chunk = serde_json::from_str::<serde_json::Value>(&shown(&again)).unwrap()[2]["chunk"].clone();
    up.set_nonblocking(true).unwrap();
    assert_eq!(up.read(&mut [0; 10]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "acknowledged too early");
    up.set_nonblocking(false).unwrap();
    down.write_all(&pack(&format!("{{\"ack\":{chunk}}}"))).unwrap();
    assert_eq!(shown(&read_value(&mut up, &mut inbox).unwrap()), "{\"ack\":\"c1\"}");
    filter.signal("TERM");
    assert_eq!(rest(&mut down), b"");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn both_sides_of_a_handshake_are_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("shared_key_file={}", path.display())
    };
    let (right, wrong) = (key("right", "s3cret\n"), key("wrong", "guess\n"));
    let mut sink = filter(&["--from", &format!("forward://127.0.0.1:0?{right}"), "--metrics", "127.0.0.1:0"]);
    let (at, metrics) = (listening(&sink, "forward"), address(&sink));
    let send = |key: &str| {
        let (child_reads, we_write) = std::io::pipe().unwrap();
        let url = format!("forward://{at}?{key}&gzip=true");
        let mut filter = Filter::start(command(&["--to", &url]).stdin(child_reads).stdout(Stdio::null()));
        filter.stdin = Some(we_write);
        filter.feed(b"{\"timestamp\":\"2026-03-02T08:00:00.5Z\",\"a\":[1,2.5,null],\"b\":{\"c\":\"\\u00fc\"}}\n");
        drop(filter.stdin.take());
        filter
    };
    let mut stranger = send(&wrong);
    stranger.hear("refused_key");
    stranger.signal("KILL");
    let _ = stranger.wait();
    assert!(!get(&metrics, "/metrics").1.contains("seismolog_faults_total{kind=\"refused_key\"} 0"));
    let mut friend = send(&right);
    assert!(friend.wait().0.success());
    let line = sink.line();
    assert_eq!(
        line,
        "{\"tag\":\"seismolog\",\"timestamp\":\"2026-03-02T08:00:00.5Z\",\"a\":[1,2.5,null],\"b\":{\"c\":\"ü\"}}\n"
    );
    sink.signal("TERM");
    assert_eq!(sink.finish().code, Some(0));
}

/// Fluent Bit refuses a PING that holds anything but text.
#[test]
fn all_of_a_ping_is_text() {
    use seismolog::event::msgpack::{Head, Reader};
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "s3cret").unwrap();
    let downstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("forward://{}?shared_key_file={}", downstream.local_addr().unwrap(), key.display());
    let _filter = filter(&["--to", &to]);
    let mut down = accept(&downstream);
    down.write_all(&pack("[\"HELO\",{\"nonce\":\"0123456789abcdef\",\"auth\":\"\"}]")).unwrap();
    let ping = read_value(&mut down, &mut Vec::new()).unwrap();
    let mut reader = Reader::new(&ping, 0);
    assert_eq!(reader.head().unwrap(), Head::Array(6));
    for part in 0..6 {
        let Head::Text(length) = reader.head().unwrap() else { panic!("part {part} is no text") };
        assert!(std::str::from_utf8(reader.take(length).unwrap()).is_ok());
    }
}

#[test]
fn findings_are_the_same_over_forward_as_over_lines() {
    let input = golden_input("loop_opens_goes_on_resolves");
    let lines = crate::support::run(&["--no-shipped-rules"], &input).quietly();
    let findings = |text: &str, member: &dyn Fn(&serde_json::Value) -> serde_json::Value| {
        text.lines().map(|line| member(&serde_json::from_str(line).unwrap())).collect::<Vec<_>>()
    };
    let direct = findings(&String::from_utf8(lines).unwrap(), &|event| event["anomalies"].clone());
    assert!(direct.iter().any(|found| !found.is_null()));
    let sink = filter(&["--from", "forward://127.0.0.1:0", "--no-shipped-rules"]);
    let to = format!("forward://{}", listening(&sink, "forward"));
    let middle = filter(&["--from", "forward://127.0.0.1:0", "--to", &to, "--no-shipped-rules"]);
    let (mut up, mut inbox) = (connect(&listening(&middle, "forward")), Vec::new());
    let text = String::from_utf8(input).unwrap();
    let entries: Vec<u8> = text.lines().flat_map(|line| entry(0, line)).collect();
    up.write_all(&packed("app", &entries, "c")).unwrap();
    read_value(&mut up, &mut inbox).unwrap();
    middle.signal("TERM");
    assert_eq!(middle.finish().code, Some(0));
    sink.signal("TERM");
    let over = findings(&String::from_utf8(sink.finish().stdout).unwrap(), &|event| event["anomalies"].clone());
    // The last filter analyses the events again; its own findings are the same and come after the
    // others.
    let first = |found: &serde_json::Value| found.get(0).map(|finding| finding["summary"].clone());
    let (direct, over): (Vec<_>, Vec<_>) =
        (direct.iter().filter_map(first).collect(), over.iter().filter_map(first).collect());
    assert!(!direct.is_empty() && direct.iter().all(|summary| over.contains(summary)), "{direct:?} {over:?}");
}

/// How often something was refused, by the metrics.
pub(crate) fn refused(metrics: &str, kind: &str) -> u64 {
    let (_, text) = get(metrics, "/metrics");
    let name = format!("seismolog_faults_total{{kind=\"{kind}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap()
}

#[test]
fn long_messages_that_are_not_whole_wait_for_room_and_hold_nobody_else_up() {
    let limits = "[peers]\nmax_message_bytes = 1048576\nmax_pending_bytes = 1048576\nmessage_timeout = \"1s\"\n";
    let (_folder, config) = configured(limits);
    let filter = filter(&["-c", &config, "--from", "forward://127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
    let (at, metrics) = (listening(&filter, "forward"), address(&filter));
    let unfinished = [&[0x93, 0xa1, b't', 0xc6, 0, 0x0e, 0, 0][..], &[0; 800_000]].concat();
    let stalled: Vec<_> = (0..2)
        .map(|_| {
            let mut peer = connect(&at);
            // The filter reads all of it only once there is room; then the peer sends no more.
            let bytes = unfinished.clone();
            std::thread::spawn(move || (peer.write_all(&bytes), rest(&mut peer)))
        })
        .collect();
    until("one that waits", || (refused(&metrics, "refused_number") > 0).then_some(()));
    let acknowledged = |record: &str, chunk: &str| {
        let mut peer = connect(&at);
        peer.write_all(&packed("t", &entry(0, record), chunk)).unwrap();
        shown(&read_value(&mut peer, &mut Vec::new()).unwrap())
    };
    assert_eq!(acknowledged("{\"a\":1}", "small"), "{\"ack\":\"small\"}");
    assert_eq!(acknowledged(&format!("{{\"a\":\"{}\"}}", "x".repeat(700_000)), "long"), "{\"ack\":\"long\"}");
    stalled.into_iter().for_each(|peer| drop(peer.join().unwrap()));
    assert_eq!(refused(&metrics, "refused_time"), 2);
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn a_client_that_is_only_idle_is_let_go_and_not_blamed() {
    let (_folder, config) = configured("[peers]\nmessage_timeout = \"300ms\"\n");
    let filter = filter(&["-c", &config, "--from", "http://127.0.0.1:0/", "--metrics", "127.0.0.1:0"]);
    let (at, metrics) = (listening(&filter, "http"), address(&filter));
    let mut client = connect(&at);
    client.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n{\"a\":1}\n").unwrap();
    let answer = String::from_utf8(rest(&mut client)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("1 event\n"), "{answer}");
    assert_eq!(refused(&metrics, "refused_time"), 0);
    let mut client = connect(&at);
    client.write_all(b"POST / HTTP/1.1\r\nHost").unwrap();
    rest(&mut client);
    until("the slow one counted", || (refused(&metrics, "refused_time") == 1).then_some(()));
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn silent_peers_are_let_go_where_that_is_asked_for() {
    let (_folder, config) = configured("[peers]\nidle_timeout = \"300ms\"\nmax_connections = 1\n");
    let ends = ["--from", "tcp://127.0.0.1:0", "--from", "forward://127.0.0.1:0"];
    let filter = filter(&[&["-c", &config, "--metrics", "127.0.0.1:0"][..], &ends].concat());
    for scheme in ["tcp", "forward"] {
        let at = listening(&filter, scheme);
        let (mut silent, mut next) = (connect(&at), connect(&at));
        assert_eq!((rest(&mut silent), rest(&mut next)), (vec![], vec![]), "{scheme}: the next has its place then");
    }
    assert_eq!(refused(&address(&filter), "refused_time"), 4);
    filter.signal("TERM");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn hostile_peers_are_refused_and_counted() {
    let (_folder, config) = configured("[peers]\nmessage_timeout = \"300ms\"\nmax_message_bytes = 65536\n");
    let ends = ["--from", "forward://127.0.0.1:0", "--from", "tcp://127.0.0.1:0", "--from", "http://127.0.0.1:0/"];
    let filter = filter(&[&["-c", &config, "--metrics", "127.0.0.1:0"][..], &ends].concat());
    let (forward, tcp) = (listening(&filter, "forward"), listening(&filter, "tcp"));
    let (http, metrics) = (listening(&filter, "http"), address(&filter));
    let bomb = {
        let mut out = vec![0x93, 0xa1, b't'];
        let packed = gzip(&vec![0; 1 << 20]);
        seismolog::event::msgpack::put_binary(packed.len(), &mut out);
        out.extend_from_slice(&packed);
        out.extend_from_slice(&pack("{\"compressed\":\"gzip\"}"));
        out
    };
    let mut expected = std::collections::BTreeMap::new();
    for (at, bytes, kind) in [
        (&forward, &[0xdd, 0xff, 0xff, 0xff, 0xff][..], "refused_size"),
        (&forward, &[0xdf, 0xff, 0xff, 0xff, 0xff], "refused_size"),
        (&forward, &[0x91; 100], "refused_depth"),
        (&forward, &[0xc1], "refused_protocol"),
        (&forward, b"GET / HTTP/1.1\r\n\r\n", "refused_protocol"),
        (&forward, &bomb, "refused_size"),
        (&forward, &[0x92], "refused_time"),
        (&tcp, &[b'x'; 100_000], "refused_size"),
        (&tcp, b"unfinished", "refused_time"),
        (&http, b"POST / HT", "refused_time"),
        (&http, b"nonsense\r\n\r\n", "refused_protocol"),
    ] {
        let mut stream = connect(at);
        let _ = stream.write_all(bytes);
        rest(&mut stream);
        *expected.entry(kind).or_insert(0) += 1;
        let counted = format!("seismolog_faults_total{{kind=\"{kind}\"}} {}\n", expected[kind]);
        let what = format!("{} for {:?}", counted.trim(), String::from_utf8_lossy(bytes));
        until(&what, || get(&metrics, "/metrics").1.contains(&counted).then_some(()));
    }
    filter.signal("TERM");
    let ended = filter.finish();
    assert_eq!(ended.code, Some(0));
    // Only the unfinished text line has passed.
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "{\"message\":\"unfinished\"}\n");
}

#[test]
fn a_dead_downstream_holds_upstream_up_in_bounded_memory_and_gets_all_of_it_once_it_lives() {
    let at = free_address();
    let mut filter = from_pipe(&["--to", &format!("forward://{at}"), "--log", "none"]);
    let (mut made, mut lines) = (pieces().take(200), 0);
    let mut counted = made.by_ref().inspect(|piece| lines += piece.iter().filter(|byte| **byte == b'\n').count());
    let (fed, rest) = filter.feed_until_stuck(&mut counted);
    let highest = filter.memory("VmHWM");
    assert!(highest < 100 << 10, "{highest} KiB, {fed} bytes read");
    let peer = Peer::wanting(&at, |_| true);
    let writer = filter.feed_apart(std::iter::once(rest));
    drop(writer.join().unwrap());
    assert!(filter.wait().0.success());
    let taken = peer.taken();
    assert_eq!(taken.len(), lines);
    for (i, event) in taken.iter().enumerate() {
        assert!(event["message"].as_str().unwrap().starts_with(&format!("order {i} ")), "{event} in the place of {i}");
    }
}

/// The folder of rules that mask, add, withhold and emit events.
fn changing_rules() -> String {
    crate::support::root().join("tests/integration/golden/rules_change_events/rules").display().to_string()
}

#[test]
fn what_rules_mask_or_withhold_leaves_by_no_end_and_is_acknowledged() {
    let sink = filter(&["--from", "forward://127.0.0.1:0", "--no-shipped-rules"]);
    let (to, rules) = (format!("forward://{}", listening(&sink, "forward")), changing_rules());
    let middle =
        filter(&["--from", "forward://127.0.0.1:0", "--to", "-", "--to", &to, "--no-shipped-rules", "--rules", &rules]);
    let (mut up, mut inbox) = (connect(&listening(&middle, "forward")), Vec::new());
    let gone = entry(1, r#"{"level":"DEBUG","msg":"gone"}"#);
    up.write_all(&packed("app", &gone, "c1")).unwrap();
    assert_eq!(shown(&read_value(&mut up, &mut inbox).unwrap()), "{\"ack\":\"c1\"}");
    let entries = [
        entry(2, r#"{"module":"a","msg":"key sk-abc","login":{"Password":{"x":1}}}"#),
        entry(3, r#"{"module":"b","msg":"sk-ghi"}"#),
    ];
    up.write_all(&packed("app", &entries.concat(), "c2")).unwrap();
    assert_eq!(shown(&read_value(&mut up, &mut inbox).unwrap()), "{\"ack\":\"c2\"}");
    middle.signal("TERM");
    let lines = middle.finish();
    sink.signal("TERM");
    for finished in [lines, sink.finish()] {
        assert_eq!(finished.code, Some(0));
        let text = String::from_utf8(finished.stdout).unwrap();
        assert!(!text.contains("sk-") && !text.contains("gone") && !text.contains("\"x\":1"), "{text}");
        let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let said: Vec<_> = events.iter().map(|event| event["message"].as_str().or(event["msg"].as_str())).collect();
        assert_eq!(said, [Some("about key ***"), Some("key ***"), Some("***")], "{text}");
        assert_eq!((&events[1]["team"], &events[1]["login"]["Password"]), (&"x".into(), &"***".into()), "{text}");
        assert_eq!(events[2]["anomalies"][0]["summary"], "seen *** (b)", "{text}");
    }
}

#[test]
fn mmexternal_is_told_what_rules_mask_and_gets_an_answer_to_what_they_withhold() {
    let input = concat!(
        r#"{"msg":"gone","syslogseverity":"7"}"#,
        "\n",
        r#"{"msg":"key sk-abc","rawmsg":"<1> key sk-abc","app-name":"a","$!":{"token":"sk-x","n":1.50}}"#,
        "\n",
        r#"{"msg":"fine"}"#,
        "\nplain sk-def\n",
    );
    let args = ["--protocol", "rsyslog-mmexternal", "--no-shipped-rules", "--rules", &changing_rules()];
    let answers = String::from_utf8(crate::support::run(&args, input.as_bytes()).quietly()).unwrap();
    let expected = concat!(
        "{}\n",
        r#"{"msg":"key ***","rawmsg":"<1> key ***","$!":{"token":"***","n":1.50,"team":"x"}}"#,
        "\n{}\n",
        r#"{"msg":"plain ***","rawmsg":"plain ***"}"#,
        "\n",
    );
    assert_eq!(answers, expected);
}
