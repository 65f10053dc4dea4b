//! Sends `kill -9` in the middle of 100,000 events: to the receiver, to seismolog, or to the
//! sender, three times each. No event is lost, and only events of an unacknowledged chunk come
//! twice.
//!
//! All three are processes. The sender is this test, started again as a shipper: it stores in a
//! file what was acknowledged, and continues from there when it is restarted.

use crate::peers::{entry, free_address, packed, patient, read_value};
use crate::support::{Filter, command, until};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const EVENTS: usize = 100_000;
/// Events in one chunk or request, the unit that a peer sends again.
const CHUNK: usize = 1_000;
const CHUNKS: usize = EVENTS / CHUNK;
/// A process is killed after this many acknowledged chunks.
const KILLS: [usize; 3] = [CHUNKS / 4, CHUNKS / 2, CHUNKS * 3 / 4];
/// The environment variable that makes a process of this test the shipper and names its folder.
const FOLDER: &str = "SEISMOLOG_TEST_SHIPPER";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Downstream,
    Seismolog,
    Upstream,
}

/// Where a shipper waits to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// After it has sent half of a chunk.
    Half,
    /// After it has sent a chunk, before it reads the acknowledgement.
    Unheard,
    /// It does not wait and is killed wherever it is.
    Anywhere,
}

/// Where each shipper but the last is killed.
const STOPS: [Stop; 3] = [Stop::Half, Stop::Unheard, Stop::Anywhere];

fn record(i: usize) -> String {
    format!("{{\"level\":\"INFO\",\"module\":\"shop\",\"n\":{i},\"message\":\"order {i} was packed\"}}")
}

/// Files through which the shipper and the test communicate.
struct Ledger(PathBuf);

impl Ledger {
    /// The number of acknowledged chunks.
    fn acknowledged(&self) -> usize {
        std::fs::read_to_string(self.0.join("acknowledged")).map_or(0, |text| text.parse().unwrap())
    }

    /// The file is replaced atomically, so that a kill leaves either the old or the new number.
    fn acknowledge(&self, chunks: usize) {
        let new = self.0.join("new");
        std::fs::write(&new, chunks.to_string()).unwrap();
        std::fs::rename(new, self.0.join("acknowledged")).unwrap();
    }

    fn stopped(&self, stop: Stop) -> PathBuf {
        self.0.join(format!("{stop:?}"))
    }

    /// Waits here until the shipper is killed.
    fn stand(&self, stop: Stop) -> ! {
        File::create(self.stopped(stop)).unwrap();
        loop {
            std::thread::park();
        }
    }
}

/// The shipper's process, configured by its environment: sends chunk after chunk, each until it is
/// acknowledged.
fn ship(over: &str, folder: PathBuf) {
    let asked = |name: &str| std::env::var(format!("{FOLDER}_{name}")).unwrap();
    let (at, stop) = (asked("AT"), STOPS.into_iter().find(|stop| format!("{stop:?}") == asked("STOP")));
    let stop_at = KILLS[stop.and_then(|stop| STOPS.iter().position(|other| *other == stop)).unwrap_or(0)];
    let ledger = Ledger(folder);
    let mut connection = None;
    for chunk in ledger.acknowledged()..CHUNKS {
        let message = message(over, chunk);
        let stop = stop.filter(|stop| chunk == stop_at && *stop != Stop::Anywhere);
        until("an acknowledgement", || {
            let acknowledged = send(&mut connection, over, &at, &message, stop.map(|stop| (stop, &ledger)));
            if acknowledged.is_none() {
                connection = None;
            }
            acknowledged
        });
        ledger.acknowledge(chunk + 1);
    }
}

/// One chunk as it is sent.
fn message(over: &str, chunk: usize) -> Vec<u8> {
    let events = chunk * CHUNK..(chunk + 1) * CHUNK;
    if over == "forward" {
        let entries: Vec<u8> = events.flat_map(|i| entry(i as u32, &record(i))).collect();
        return packed("shop", &entries, &format!("c{chunk}"));
    }
    let body: String = events.map(|i| record(i) + "\n").collect();
    format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Sends a chunk and waits for its acknowledgement; none if there is none.
fn send(
    connection: &mut Option<(TcpStream, Vec<u8>)>,
    over: &str,
    at: &str,
    message: &[u8],
    stop: Option<(Stop, &Ledger)>,
) -> Option<()> {
    if connection.is_none() {
        *connection = Some((patient(TcpStream::connect(at).ok()?), Vec::new()));
    }
    let (stream, inbox) = connection.as_mut()?;
    if let Some((stop, ledger)) = stop {
        let sent = if stop == Stop::Half { message.len() / 2 } else { message.len() };
        stream.write_all(&message[..sent]).ok()?;
        ledger.stand(stop);
    }
    stream.write_all(message).ok()?;
    if over == "forward" { read_value(stream, inbox).ok().map(drop) } else { answered_200(stream) }
}

/// Reads a short response whose body is a line.
fn answered_200(stream: &mut TcpStream) -> Option<()> {
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut bytes).ok().filter(|count| *count > 0)?;
        answer.extend_from_slice(&bytes[..count]);
        let end = answer.windows(4).position(|end| end == b"\r\n\r\n");
        if end.is_some_and(|end| answer.len() > end + 4 && answer.ends_with(b"\n")) {
            return answer.starts_with(b"HTTP/1.1 200 ").then_some(());
        }
    }
}

/// A shipper process, started from this test's own binary.
struct Shipper(Child);

impl Shipper {
    fn start(test: &str, at: &str, ledger: &Ledger, stop: Option<Stop>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", &format!("killed::{test}"), "--nocapture", "--test-threads=1"]);
        command.env(FOLDER, &ledger.0).env(format!("{FOLDER}_AT"), at);
        command.env(format!("{FOLDER}_STOP"), stop.map_or_else(String::new, |stop| format!("{stop:?}")));
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    #[track_caller]
    fn kill(mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "the shipper has ended before it was killed");
        self.0.kill().unwrap();
        assert_eq!(self.0.wait().unwrap().signal(), Some(9));
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A filter that receives at `from` and writes to a file, which is what the receiver has kept.
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
    let (status, _) = filter.wait();
    assert_eq!(status.signal(), Some(9));
}

/// How often each event is in the files. A last line that a kill has truncated does not count.
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
fn nothing_is_lost(test: &str, over: &'static str, victim: Victim) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return ship(over, folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let (ledger, one, two) = (Ledger(folder.path().to_owned()), free_address(), free_address());
    let mut files = vec![folder.path().join("kept-0")];
    let mut sink = downstream(over, &two, &files[0]);
    let mut filter = middle(over, &one, &two);
    let stop = |number: usize| STOPS.get(number).copied().filter(|_| victim == Victim::Upstream);
    let mut shipper = Shipper::start(test, &one, &ledger, stop(0));
    for (number, chunks) in KILLS.into_iter().enumerate() {
        until("the chunks before the kill", || (ledger.acknowledged() >= chunks).then_some(()));
        match victim {
            Victim::Downstream => {
                kill(sink);
                files.push(folder.path().join(format!("kept-{}", number + 1)));
                sink = downstream(over, &two, &files[number + 1]);
            }
            Victim::Seismolog => {
                kill(filter);
                filter = middle(over, &one, &two);
            }
            Victim::Upstream => {
                let stop = STOPS[number];
                if stop != Stop::Anywhere {
                    until("the shipper's stop", || ledger.stopped(stop).exists().then_some(()));
                }
                if stop == Stop::Unheard {
                    let last = format!("\"n\":{},", (chunks + 1) * CHUNK - 1);
                    until("the unheard chunk downstream", || {
                        String::from_utf8_lossy(&std::fs::read(&files[0]).unwrap()).contains(&last).then_some(())
                    });
                }
                shipper.kill();
                shipper = Shipper::start(test, &one, &ledger, STOPS.get(number + 1).copied());
            }
        }
    }
    let ended = until("the shipper's end", || shipper.0.try_wait().unwrap());
    assert!(ended.success() && ledger.acknowledged() == CHUNKS, "{ended}: {} chunks", ledger.acknowledged());
    for mut process in [filter, sink] {
        process.signal("TERM");
        assert!(process.wait().0.success());
    }
    let counts = counted(&files);
    let lost: Vec<_> = (0..EVENTS).filter(|n| !counts.contains_key(n)).collect();
    assert!(lost.is_empty(), "{} events are lost, the first is {}", lost.len(), lost[0]);
    // One chunk is sent at a time. Half a chunk does not count, and a chunk without acknowledgement
    // is certainly sent again.
    let (least, most) = match victim {
        Victim::Upstream => (CHUNK, 2 * CHUNK),
        Victim::Downstream | Victim::Seismolog => (0, KILLS.len() * CHUNK),
    };
    let doubled = counts.values().sum::<usize>() - EVENTS;
    assert!((least..=most).contains(&doubled), "{over}, {victim:?} killed: {doubled} events came twice");
    eprintln!("{over}, {victim:?} killed {} times: none lost, {doubled} came twice", KILLS.len());
}

#[test]
fn forward_downstream_is_killed() {
    nothing_is_lost("forward_downstream_is_killed", "forward", Victim::Downstream);
}

#[test]
fn forward_seismolog_is_killed() {
    nothing_is_lost("forward_seismolog_is_killed", "forward", Victim::Seismolog);
}

#[test]
fn forward_upstream_is_killed() {
    nothing_is_lost("forward_upstream_is_killed", "forward", Victim::Upstream);
}

#[test]
fn http_downstream_is_killed() {
    nothing_is_lost("http_downstream_is_killed", "http", Victim::Downstream);
}

#[test]
fn http_seismolog_is_killed() {
    nothing_is_lost("http_seismolog_is_killed", "http", Victim::Seismolog);
}

#[test]
fn http_upstream_is_killed() {
    nothing_is_lost("http_upstream_is_killed", "http", Victim::Upstream);
}
