//! `kill -9` in the middle of 100,000 events: of the one downstream, of seismolog, of the one upstream. Nothing is lost.

use crate::peers::{entry, free_address, packed, patient, post, read_value};
use crate::support::{Filter, command};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const EVENTS: usize = 100_000;
/// Events in one chunk or request, which is what a peer sends again.
const CHUNK: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Downstream,
    Seismolog,
    Upstream,
}

fn record(i: usize) -> String {
    format!("{{\"level\":\"INFO\",\"module\":\"shop\",\"n\":{i},\"message\":\"order {i} was packed\"}}")
}

/// Sends chunk after chunk, each again until it is acknowledged; counts those in `acknowledged`. Told to, it dies once
/// after it has sent a chunk and before it has heard of it.
fn upstream(over: &str, at: &str, acknowledged: &AtomicUsize, mut dies: bool) {
    let mut connection: Option<TcpStream> = None;
    let mut inbox = Vec::new();
    for chunk in 0..EVENTS / CHUNK {
        let events = chunk * CHUNK..(chunk + 1) * CHUNK;
        loop {
            let died = dies && chunk == EVENTS / CHUNK / 2;
            let sent = if over == "http" {
                let body: String = events.clone().map(|i| record(i) + "\n").collect();
                if died {
                    let mut stream = patient(TcpStream::connect(at).unwrap());
                    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(head.as_bytes()).unwrap();
                    None
                } else {
                    post(at, "/", "", body.as_bytes()).ok().filter(|(status, _)| *status == 200).map(drop)
                }
            } else {
                (|| {
                    let stream = match &mut connection {
                        Some(stream) => stream,
                        none => {
                            inbox.clear();
                            none.insert(patient(TcpStream::connect(at).ok()?))
                        }
                    };
                    let entries: Vec<u8> = events.clone().flat_map(|i| entry(i as u32, &record(i))).collect();
                    stream.write_all(&packed("shop", &entries, &format!("c{chunk}"))).ok()?;
                    if died {
                        return None;
                    }
                    read_value(stream, &mut inbox).ok().map(drop)
                })()
            };
            if died {
                dies = false;
            }
            match sent {
                Some(()) => break,
                None => {
                    connection = None;
                    std::thread::yield_now();
                }
            }
        }
        acknowledged.fetch_add(CHUNK, Ordering::SeqCst);
    }
}

/// A filter from `from` into a file, which is what the one downstream has kept.
fn downstream(over: &str, from: &str, kept: &Path) -> Filter {
    let url = format!("{over}://{from}");
    let file = File::create(kept).unwrap();
    let filter = Filter::start(command(&["--from", &url, "--no-shipped-rules"]).stdin(Stdio::null()).stdout(file));
    filter.hear("listening at ");
    filter
}

fn middle(over: &str, from: &str, to: &str) -> Filter {
    let (from, to) = (format!("{over}://{from}"), format!("{over}://{to}"));
    let args = ["--from", &from, "--to", &to, "--no-shipped-rules"];
    let filter = Filter::start(command(&args).stdin(Stdio::null()).stdout(Stdio::null()));
    filter.hear("listening at ");
    filter
}

fn kill(mut filter: Filter) {
    filter.signal("KILL");
    let _ = filter.wait();
}

/// How often each event is in the files. A last line that a kill has cut off is none.
fn counted(files: &[PathBuf]) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    for file in files {
        let text = std::fs::read(file).unwrap();
        for line in String::from_utf8_lossy(&text).split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(n) = event["n"].as_u64() {
                *counts.entry(n as usize).or_insert(0) += 1;
            }
        }
    }
    counts
}

#[track_caller]
fn nothing_is_lost(over: &'static str, victim: Victim) {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (free_address(), free_address());
    let mut files = vec![folder.path().join("first")];
    let mut sink = downstream(over, &two, &files[0]);
    let mut filter = middle(over, &one, &two);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let sender = {
        let (at, acknowledged) = (one.clone(), Arc::clone(&acknowledged));
        std::thread::spawn(move || upstream(over, &at, &acknowledged, victim == Victim::Upstream))
    };
    crate::support::until("a third of the events", || (acknowledged.load(Ordering::SeqCst) > EVENTS / 3).then_some(()));
    match victim {
        Victim::Downstream => {
            kill(sink);
            files.push(folder.path().join("second"));
            sink = downstream(over, &two, &files[1]);
        }
        Victim::Seismolog => {
            kill(filter);
            filter = middle(over, &one, &two);
        }
        Victim::Upstream => {}
    }
    sender.join().unwrap();
    for mut process in [filter, sink] {
        process.signal("TERM");
        assert!(process.wait().0.success());
    }
    let counts = counted(&files);
    let lost: Vec<_> = (0..EVENTS).filter(|n| !counts.contains_key(n)).collect();
    assert!(lost.is_empty(), "{} events are lost, the first is {}", lost.len(), lost[0]);
    let doubled = counts.values().sum::<usize>() - EVENTS;
    assert!(doubled <= 2 * CHUNK, "{over}, {victim:?} killed: {doubled} events came twice");
}

#[test]
fn forward_downstream_is_killed() {
    nothing_is_lost("forward", Victim::Downstream);
}

#[test]
fn forward_seismolog_is_killed() {
    nothing_is_lost("forward", Victim::Seismolog);
}

#[test]
fn forward_upstream_is_killed() {
    nothing_is_lost("forward", Victim::Upstream);
}

#[test]
fn http_downstream_is_killed() {
    nothing_is_lost("http", Victim::Downstream);
}

#[test]
fn http_seismolog_is_killed() {
    nothing_is_lost("http", Victim::Seismolog);
}

#[test]
fn http_upstream_is_killed() {
    nothing_is_lost("http", Victim::Upstream);
}
