//! Tests records that the receiver refuses for good: they are set aside and do not hold up other
//! records.

use crate::metrics::{address, get};
use crate::peers::{free_address, listening, patient, post, read_value};
use crate::servers::read_message;
use crate::support::{Ended, Filter, command, configured, until};
use flate2::read::GzDecoder;
use seismolog::event::msgpack::Reader;
use seismolog::event::transcode;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

/// Records with this text are refused by a fake peer.
const MARKER: &str = "POISON";

/// Starts the program with empty standard input.
pub(crate) fn filter(args: &[&str]) -> Filter {
    Filter::start(command(args).arg("--no-shipped-rules").stdin(Stdio::null()).stdout(Stdio::piped()))
}

/// Starts the program with a pipe as its standard input, and standard output discarded.
pub(crate) fn from_pipe(args: &[&str]) -> Filter {
    let (child_reads, we_write) = std::io::pipe().unwrap();
    let mut filter = Filter::start(command(args).arg("--no-shipped-rules").stdin(child_reads).stdout(Stdio::null()));
    filter.stdin = Some(we_write);
    filter
}

pub(crate) fn ended(filter: Filter) -> Ended {
    filter.signal("TERM");
    let ended = filter.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended
}

pub(crate) fn line(n: usize) -> String {
    format!("{{\"n\":{n},\"message\":\"order {n}\"}}\n")
}

fn poison(n: usize) -> String {
    format!("{{\"n\":{n},\"message\":\"{MARKER} {n}\"}}\n")
}

pub(crate) fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

pub(crate) fn numbers(events: &[Value]) -> Vec<usize> {
    events.iter().map(|event| event["n"].as_u64().unwrap() as usize).collect()
}

/// The events without repetitions. A few events come twice, when the filter tests whether the peer
/// still accepts anything.
#[track_caller]
fn first_times(events: &[Value]) -> Vec<usize> {
    let (mut seen, mut numbers) = (BTreeSet::new(), numbers(events));
    let all = numbers.len();
    numbers.retain(|n| seen.insert(*n));
    assert!(all - numbers.len() <= 7 * 2, "{} came twice", all - numbers.len());
    numbers
}

/// The content of a dead-letter file.
fn letters(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(json).collect()
}

fn counted(metrics: &str, kind: &str) -> u64 {
    let name = format!("seismolog_faults_total{{kind=\"{kind}\"}} ");
    get(metrics, "/metrics").1.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap()
}

/// The records of a message, and its chunk id.
fn read_records(message: &[u8]) -> (Vec<Value>, String) {
    let mut reader = Reader::new(message, 1);
    reader.skip().unwrap();
    let (content, option) = (reader.text().unwrap(), reader.at());
    let mut json = Vec::new();
    transcode::to_json(&mut Reader::new(message, option), 0, &mut json).unwrap();
    let option: Value = serde_json::from_slice(&json).unwrap();
    let mut entries = content.to_vec();
    if option["compressed"] == "gzip" {
        entries.clear();
        GzDecoder::new(content).read_to_end(&mut entries).unwrap();
    }
    let (mut reader, mut records) = (Reader::new(&entries, 0), Vec::new());
    while reader.at() < entries.len() {
        reader.head().unwrap();
        reader.skip().unwrap();
        let mut json = Vec::new();
        transcode::to_json(&mut reader, 0, &mut json).unwrap();
        records.push(serde_json::from_slice(&json).unwrap());
    }
    assert_eq!(option["size"], records.len());
    (records, option["chunk"].as_str().unwrap().to_owned())
}

/// A peer of the Forward protocol that acknowledges messages it accepts, and closes the connection
/// otherwise.
pub(crate) struct Peer {
    pub(crate) address: String,
    taken: Arc<Mutex<Vec<Value>>>,
    /// The length of each message.
    pub(crate) messages: Arc<Mutex<Vec<usize>>>,
}

impl Peer {
    pub(crate) fn wanting(address: &str, mut wants: impl FnMut(&[Value]) -> bool + Send + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (taken, messages) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (takes, counts) = (Arc::clone(&taken), Arc::clone(&messages));
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, mut inbox) = (patient(stream.unwrap()), Vec::new());
                while let Ok(message) = read_value(&mut stream, &mut inbox) {
                    let (records, chunk) = read_records(&message);
                    if !wants(&records) {
                        break;
                    }
                    counts.lock().unwrap().push(message.len());
                    takes.lock().unwrap().extend(records);
                    let answer = [&[0x81, 0xa3][..], b"ack", &[0xd9, chunk.len() as u8], chunk.as_bytes()].concat();
                    if stream.write_all(&answer).is_err() {
                        break;
                    }
                }
            }
        });
        Self { address, taken, messages }
    }

    pub(crate) fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }
}

fn is_marked(records: &[Value]) -> bool {
    records.iter().any(|record| record.to_string().contains(MARKER))
}

#[test]
fn the_one_record_that_a_forward_peer_does_not_want_is_found_and_kept_and_all_others_arrive_in_order() {
    for at in [0, 333, 1_001] {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join("dead");
        let peer = Peer::wanting("127.0.0.1:0", |records| !is_marked(records));
        let toml = format!("[output]\ndead_letter_file = {:?}\n", dead.display().to_string());
        let (_folder, config) = configured(&toml);
        let to = format!("forward://{}?gzip={}", peer.address, at == 333);
        let mut source = from_pipe(&["-c", &config, "--to", &to, "--metrics", "127.0.0.1:0"]);
        let metrics = address(&source);
        for kind in ["refused_downstream", "oversized", "dead_letter"] {
            assert_eq!(counted(&metrics, kind), 0, "known before the first");
        }
        let input: String = (0..1_002).map(|n| if n == at { poison(n) } else { line(n) }).collect();
        source.feed(input.as_bytes());
        until("the refusal to be counted", || (counted(&metrics, "refused_downstream") == 1).then_some(()));
        drop(source.stdin.take());
        let (status, said) = source.wait();
        assert!(status.success() && said.contains("refuses an event for good"), "{said}");
        let expected: Vec<usize> = (0..1_002).filter(|n| *n != at).collect();
        let taken = peer.taken();
        assert!(first_times(&taken) == expected, "poison at {at}: {} arrived", taken.len());
        assert!(at == 1_001 || taken.len() == 1_001, "poison at {at}: {} arrived", taken.len());
        let kept = letters(&dead);
        assert_eq!(kept.len(), 1);
        assert_eq!(json(kept[0]["record"].as_str().unwrap())["n"], at, "{}", kept[0]);
        assert!(kept[0]["entry_base64"].is_string() && kept[0]["to"].as_str().unwrap().starts_with("forward://"));
    }
}

#[test]
fn whoever_sends_one_event_at_a_time_gets_its_answer_for_poison_too() {
    let peer = Peer::wanting("127.0.0.1:0", |records| !is_marked(records));
    let to = format!("forward://{}", peer.address);
    let source = filter(&["--from", "http://127.0.0.1:0/", "--to", &to]);
    let at = listening(&source, "http");
    for body in [line(0), poison(1), line(2), [line(3), poison(4), line(5)].concat()] {
        assert_eq!(post(&at, "/", "", body.as_bytes()).unwrap().0, 200, "{body}");
    }
    assert!(ended(source).stderr.contains("it was dropped"));
    assert_eq!(first_times(&peer.taken()), [0, 2, 3, 5]);
}

#[test]
fn a_peer_that_is_down_or_closes_every_connection_for_a_while_loses_nothing() {
    for closes in [2, 5, 18] {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join("dead");
        let toml = format!("[output]\ndead_letter_file = {:?}\n", dead.display().to_string());
        let (_folder, config) = configured(&toml);
        let at = free_address();
        let mut source = from_pipe(&["-c", &config, "--to", &format!("forward://{at}")]);
        source.feed((0..2_000).map(line).collect::<String>().as_bytes());
        source.hear("cannot send to");
        let mut left = closes;
        let peer = Peer::wanting(&at, move |_| {
            left -= i32::from(left > 0);
            left == 0
        });
        drop(source.stdin.take());
        assert!(source.wait().0.success());
        let mut got = numbers(&peer.taken());
        got.sort_unstable();
        assert_eq!(got, (0..2_000).collect::<Vec<_>>(), "after {closes} closed connections");
        assert_eq!(letters(&dead), Vec::<Value>::new());
    }
}

/// An HTTP peer that accepts requests unless `refuses` returns a status.
fn http_peer(mut refuses: impl FnMut(&str) -> Option<u16> + Send + 'static) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let takes = Arc::clone(&taken);
    // The thread ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(patient(stream.unwrap()));
            while let Some((_, body)) = read_message(&mut stream) {
                let status = refuses(&body);
                if status == Some(0) {
                    break;
                }
                if status.is_none() {
                    takes.lock().unwrap().extend(body.lines().map(json));
                }
                // The peer asks for an immediate retry, because the test needs many tries.
                let after = if status == Some(408) { "Retry-After: 0\r\n" } else { "" };
                let status = status.unwrap_or(200);
                let answer = format!("HTTP/1.1 {status} X\r\n{after}Content-Length: 0\r\n\r\n");
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (address, taken)
}

#[test]
fn the_records_that_an_http_server_does_not_want_are_kept_and_all_others_arrive_in_order() {
    // 0 means no response: the peer closes the connection.
    for status in [400, 413, 422, 500, 0] {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join("dead");
        let toml = format!("[output]\non_poison = \"file\"\ndead_letter_file = {:?}\n", dead.display().to_string());
        let (_folder, config) = configured(&toml);
        let (at, taken) = http_peer(move |body| body.contains(MARKER).then_some(status));
        let mut source = from_pipe(&["-c", &config, "--to", &format!("http://{at}/")]);
        let marked = [0, 500, 999];
        let input: Vec<String> = (0..1_002).map(|n| if marked.contains(&n) { poison(n) } else { line(n) }).collect();
        source.feed(input.concat().as_bytes());
        drop(source.stdin.take());
        assert!(source.wait().0.success());
        let expected: Vec<usize> = (0..1_002).filter(|n| !marked.contains(n)).collect();
        let taken = taken.lock().unwrap().clone();
        assert!(first_times(&taken) == expected, "{status}: {} arrived", taken.len());
        assert!(status < 400 || status == 500 || taken.len() == 999, "{status}: {} arrived", taken.len());
        let kept: Vec<String> =
            letters(&dead).iter().map(|letter| letter["record"].as_str().unwrap().to_owned() + "\n").collect();
        assert_eq!(kept, marked.map(|n| input[n].clone()), "{status}: to the byte");
    }
}

#[test]
fn what_is_wrong_with_the_address_or_lasts_a_while_is_no_events_fault() {
    for status in [401, 404, 408, 415, 429, 500, 503] {
        let mut left = 6;
        let (at, taken) = http_peer(move |_| {
            left -= i32::from(left > 0);
            (left > 0).then_some(status)
        });
        let mut source = from_pipe(&["--to", &format!("http://{at}/")]);
        source.feed((0..100).map(line).collect::<String>().as_bytes());
        drop(source.stdin.take());
        let (code, said) = source.wait();
        assert!(code.success() && !said.contains("for good"), "{said}");
        let setup = matches!(status, 401 | 404 | 415);
        assert_eq!(said.contains("its address, its path or who may send there is wrong"), setup, "{said}");
        let mut got = numbers(&taken.lock().unwrap());
        got.sort_unstable();
        assert_eq!(got, (0..100).collect::<Vec<_>>(), "{status}");
    }
}

#[test]
fn what_does_not_come_in_time_goes_in_halves_and_is_never_given_up() {
    let mut tries = 0;
    let (at, taken) = http_peer(move |body| {
        // More tries than those after which a failing event is set aside.
        let is_late = body.contains(MARKER) && {
            tries += 1;
            tries <= 40
        };
        (is_late || body.lines().count() > 30).then_some(408)
    });
    let mut source = from_pipe(&["--to", &format!("http://{at}/")]);
    source.feed((0..500).map(|n| if n == 250 { poison(n) } else { line(n) }).collect::<String>().as_bytes());
    drop(source.stdin.take());
    let (code, said) = source.wait();
    assert!(code.success() && said.contains("it answered 408") && !said.contains("for good"), "{said}");
    assert_eq!(numbers(&taken.lock().unwrap()), (0..500).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_kept_is_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("gone")).unwrap();
    let file = |on_poison: &str| {
        let dead = folder.path().join("gone/dead").display().to_string();
        format!("[output]\n{on_poison}dead_letter_file = {dead:?}\n")
    };
    for (toml, lost) in [(file(""), 2), (file("on_poison = \"drop\"\n"), 0), (String::new(), 0)] {
        std::fs::create_dir_all(folder.path().join("gone")).unwrap();
        let (_folder, config) = configured(&toml);
        let (at, taken) = http_peer(|body| body.contains(MARKER).then_some(400));
        let mut source = from_pipe(&["-c", &config, "--to", &format!("http://{at}/"), "--metrics", "127.0.0.1:0"]);
        let metrics = address(&source);
        source.feed(line(0).as_bytes());
        until("the first to arrive", || (taken.lock().unwrap().len() == 1).then_some(()));
        std::fs::remove_dir_all(folder.path().join("gone")).unwrap();
        source.feed([poison(1), line(2), poison(3)].concat().as_bytes());
        until("both to be counted", || (counted(&metrics, "refused_downstream") == 2).then_some(()));
        assert_eq!(counted(&metrics, "dead_letter"), lost, "{toml}");
        drop(source.stdin.take());
        let (status, said) = source.wait();
        assert!(status.success() && said.contains(if lost > 0 { "it is lost" } else { "it was dropped" }), "{said}");
        assert_eq!(numbers(&taken.lock().unwrap()), [0, 2]);
    }
}

#[test]
fn a_record_longer_than_any_message_is_set_aside_without_asking_and_one_that_only_grows_as_entry_is_not() {
    let peer = Peer::wanting("127.0.0.1:0", |_| true);
    let limits = "[peers]\nmax_message_bytes = 65536\n[input]\nmax_line_bytes = 1000000\n";
    let (_folder, config) = configured(limits);
    let to = format!("forward://{}", peer.address);
    let mut source = from_pipe(&["-c", &config, "--to", &to, "--metrics", "127.0.0.1:0"]);
    let metrics = address(&source);
    let numbers = ["0.1"; 15_000].join(",");
    let input = [
        format!("{{\"n\":0,\"a\":[{numbers}]}}\n"),
        format!("{{\"n\":1,\"a\":\"{}\"}}\n", "x".repeat(200_000)),
        line(2),
    ];
    source.feed(input.concat().as_bytes());
    until("the long one to be counted", || (counted(&metrics, "oversized") == 1).then_some(()));
    drop(source.stdin.take());
    assert!(source.wait().0.success());
    let taken = peer.taken();
    assert_eq!(taken[0]["message"], input[0].trim_end(), "its text is shorter than its numbers");
    assert!(taken.len() == 2 && taken[1]["n"] == 2);
}

#[test]
fn a_line_that_a_tcp_peer_does_not_want_holds_no_other_up() {
    let (_folder, config) = configured("[peers]\nmax_message_bytes = 1048576\n");
    let sink = filter(&["-c", &config, "--from", "tcp://127.0.0.1:0"]);
    let to = format!("tcp://{}", listening(&sink, "tcp"));
    let source = filter(&["--from", "http://127.0.0.1:0/", "--to", &to, "--metrics", "127.0.0.1:0"]);
    let (at, metrics) = (listening(&source, "http"), address(&source));
    // The body is longer than what sockets buffer, so the refusal arrives before all of it is sent.
    let body = [line(0).into_bytes(), vec![b'x'; 15 << 20], b"\n".to_vec(), line(2).into_bytes()].concat();
    let first = std::thread::spawn(move || {
        let sent = [post(&at, "/", "", &body).unwrap().0];
        sent.into_iter().chain((3..12).map(|n| post(&at, "/", "", line(n).as_bytes()).unwrap().0)).collect::<Vec<_>>()
    });
    let mut answers: VecDeque<u16> = first.join().unwrap().into();
    assert_eq!((answers.pop_front(), answers.len()), (Some(200), 9));
    assert!(answers.iter().all(|status| *status == 200));
    assert_eq!(counted(&metrics, "refused_downstream"), 1);
    ended(source);
    drop(sink);
}

#[test]
fn a_dead_letter_file_that_cannot_be_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
    for (path, hint) in [(link, "symbolic link"), (folder.path().join("no/such/dead"), "in a directory that exists")] {
        let (_folder, config) = configured(&format!("[output]\ndead_letter_file = {:?}\n", path.display().to_string()));
        let unheard = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let ended = filter(&["-c", &config, "--to", &format!("tcp://{unheard}")]).finish();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(hint), "{}", ended.stderr);
    }
    assert!(!folder.path().join("elsewhere").exists());
    let (_folder, config) = configured("[output]\non_poison = \"file\"\n");
    let ended = filter(&["check", "-c", &config]).finish();
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("dead_letter_file = "), "{}", ended.stderr);
}
