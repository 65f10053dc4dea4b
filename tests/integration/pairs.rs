//! Checks that every output can send whatever any input accepts: records nested deep, many at once,
//! long, or of confusing content.

use crate::peers::{connect, entry, listening, packed, post, read_value};
use crate::poison::{Peer, ended, filter, from_pipe, json, line, numbers};
use crate::support::{Filter, configured};
use serde_json::Value;
use std::io::Write;

/// An object nested `levels` deep.
fn deep(levels: usize) -> String {
    format!("{}1{}\n", "{\"a\":".repeat(levels), "}".repeat(levels))
}

#[test]
fn a_line_nested_a_hundred_levels_passes_two_filters_over_forward() {
    let sink = filter(&["--from", "forward://127.0.0.1:0"]);
    let to = format!("forward://{}", listening(&sink, "forward"));
    let mut source = from_pipe(&["--to", &to]);
    let deep = deep(100);
    let input: String = (0..1_002).map(|n| if n == 500 { deep.clone() } else { line(n) }).collect();
    source.feed(input.as_bytes());
    drop(source.stdin.take());
    assert!(source.wait().0.success());
    let output = String::from_utf8(ended(sink).stdout).unwrap();
    let events: Vec<Value> = output.lines().map(json).collect();
    assert_eq!(events.len(), 1_002);
    assert_eq!(events[500]["message"], deep.trim_end());
    assert!(events.iter().enumerate().all(|(n, event)| n == 500 || event["n"] == n));
}

#[test]
fn a_body_of_short_lines_that_is_longer_as_entries_is_cut_for_the_next_filter() {
    let (_folder, config) = configured("[peers]\nmax_message_bytes = 65536\n");
    for option in ["", "?gzip=true"] {
        let sink = filter(&["-c", &config, "--from", "forward://127.0.0.1:0"]);
        let to = format!("forward://{}{option}", listening(&sink, "forward"));
        let source = filter(&["-c", &config, "--from", "http://127.0.0.1:0/", "--to", &to]);
        let at = listening(&source, "http");
        let body: String = (0..9_000).map(|n| format!("s {n}\n")).collect();
        assert!(body.len() <= 65_536 && body.len() + 9_000 * 20 > 3 * 65_536);
        assert_eq!(post(&at, "/", "", body.as_bytes()).unwrap().0, 200, "{option}");
        // The longest line that a body may have, and a text that cannot be shortened.
        let mut long: String = std::iter::repeat_n("0123456789abcdef", 4_096).collect();
        long.pop();
        assert_eq!(post(&at, "/", "", long.as_bytes()).unwrap().0, 200, "{option}");
        ended(source);
        let output = String::from_utf8(ended(sink).stdout).unwrap();
        let events: Vec<Value> = output.lines().map(json).collect();
        assert!(events.len() == 9_001, "{}", events.len());
        assert!((0..9_000).all(|n| events[n]["message"] == format!("s {n}")));
        assert_eq!(events[9_000]["message"], long);
    }
}

#[test]
fn lines_that_begin_as_arrays_pass_two_filters_over_http() {
    let (_folder, config) = configured("[output]\ntext = \"raw\"\n");
    let sink = filter(&["-c", &config, "--from", "http://127.0.0.1:0/"]);
    let to = format!("http://{}", listening(&sink, "http"));
    let mut source = from_pipe(&["-c", &config, "--to", &to]);
    let input = "[warn] disk is full\n[1,2]\n{\"n\":1}\n{\"n\":\n[{\"n\":2},\n";
    source.feed(input.as_bytes());
    drop(source.stdin.take());
    let (status, said) = source.wait();
    assert!(status.success() && !said.contains("for good"), "{said}");
    assert_eq!(String::from_utf8(ended(sink).stdout).unwrap(), input);
}

/// Events from one scheme leave by the other, including the deepest record that the input accepts.
fn passes(from: &str, to: &str) {
    let folder = tempfile::tempdir().unwrap();
    let url = |scheme: &str, name: &str| match scheme {
        "unix" => format!("unix://{}", folder.path().join(name).display()),
        "stdin" | "stdout" => "-".to_owned(),
        _ => format!("{scheme}://127.0.0.1:0"),
    };
    let sink = (to != "stdout").then(|| filter(&["--from", &url(to, "to")]));
    let out = sink.as_ref().map_or("-".into(), |sink| format!("{to}://{}", listening(sink, to)));
    let input = [line(0), deep(if from == "forward" { 64 } else { 100 }), line(2)];
    let mut middle = if from == "stdin" {
        let mut middle = Filter::in_pipes(&["--no-shipped-rules", "--to", &out]);
        middle.feed(input.concat().as_bytes());
        drop(middle.stdin.take());
        middle
    } else {
        let middle = filter(&["--from", &url(from, "from"), "--to", &out]);
        let at = listening(&middle, from);
        match from {
            "unix" => {
                std::os::unix::net::UnixStream::connect(&at).unwrap().write_all(input.concat().as_bytes()).unwrap()
            }
            "tcp" => connect(&at).write_all(input.concat().as_bytes()).unwrap(),
            "http" => assert_eq!(post(&at, "/", "", input.concat().as_bytes()).unwrap().0, 200),
            _ => {
                let entries: Vec<u8> = input.iter().flat_map(|line| entry(0, line.trim_end())).collect();
                let mut stream = connect(&at);
                stream.write_all(&packed("t", &entries, "c")).unwrap();
                read_value(&mut stream, &mut Vec::new()).unwrap();
            }
        }
        middle
    };
    let mut sink = sink;
    let reader = sink.as_mut().unwrap_or(&mut middle);
    let lines: Vec<String> = (0..3).map(|_| reader.line()).collect();
    let (first, last) = (json(&lines[0]), json(&lines[2]));
    assert_eq!((&first["n"], &last["n"]), (&0.into(), &2.into()), "{from} {to}");
    let nested = input[1].trim_end();
    if from != "forward" && to != "forward" {
        assert_eq!(lines.concat(), input.concat(), "{from} {to}: byte for byte");
    } else if from == "forward" {
        assert!(lines[1].contains(&nested[1..]), "{from} {to}: {}", lines[1]);
    } else {
        assert_eq!(json(&lines[1])["message"], nested, "{from} {to}");
    }
    if from != "stdin" {
        middle.signal("TERM");
    }
    assert!(middle.wait().0.success(), "{from} {to}");
}

#[test]
fn the_deepest_record_passes_every_pair_of_ends() {
    for from in ["stdin", "tcp", "unix", "http", "forward"] {
        for to in ["stdout", "tcp", "unix", "http", "forward"] {
            passes(from, to);
        }
    }
}

#[test]
fn messages_are_short_however_much_comes_at_once() {
    let peer = Peer::wanting("127.0.0.1:0", |_| true);
    let to = format!("forward://{}?gzip=true", peer.address);
    let source = filter(&["--from", "http://127.0.0.1:0/", "--to", &to]);
    let at = listening(&source, "http");
    let body: String = (0..40_000).map(line).collect();
    assert_eq!(post(&at, "/", "", body.as_bytes()).unwrap().0, 200);
    assert_eq!(numbers(&peer.taken()), (0..40_000).collect::<Vec<_>>());
    let messages = peer.messages.lock().unwrap().clone();
    assert!(messages.len() >= 3 && messages.iter().all(|bytes| *bytes < 1 << 20), "{messages:?}");
    ended(source);
}
