//! Runs a stream with faults of all kinds for minutes at half the top speed, and checks that no
//! line is lost and memory does not grow.
//!
//! `cargo bench --bench soak -- [MINUTES]`, by default 30.
//!
//! The stream is the demo's day repeated with later dates, so each day should have about as many
//! findings as the one before. Every five-hundredth line is broken in one of several ways.
//! Meanwhile the state is saved every few seconds, rules are changed, the metrics are scraped, some
//! clients never read their responses, and the reader of the output stalls. Each output line is
//! compared with its input line. Linux only, for `/proc`.

#![allow(clippy::print_stdout, reason = "its figures are what it is run for")]

mod common;

use common::{FILTER, Result, Served, is_asked, memory, number_given, serve};
use seismolog::demo::{Shop, ShopOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const EVENTS_A_DAY: f64 = 200_000.0;
/// One line in this many is broken.
const BROKEN: usize = 500;
/// For how long top speed is measured.
const SPRINT: Duration = Duration::from_secs(10);
/// How often the reader stalls, and for how long.
const STALL: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(1));
/// How many KiB the memory may grow after the first third.
const GROWTH_KIB: u64 = 1 << 10;

fn main() -> Result<()> {
    if !is_asked() {
        return Ok(());
    }
    let minutes = number_given().unwrap_or(30.0);
    let day = Arc::new(Day::new()?);
    let top = run(&day, None, SPRINT)?.rate();
    println!("top speed: {top:.0} events/s; now {:.0} events/s for {minutes} minutes", top / 2.0);
    let soaked = run(&day, Some(top / 2.0), Duration::from_secs_f64(minutes * 60.0))?;
    println!("{:.0} events/s, {} lines, none lost", soaked.rate(), soaked.lines);
    let (settled, last) = (soaked.resident[soaked.resident.len() / 3], soaked.resident[soaked.resident.len() - 1]);
    println!("resident: {settled} KiB after a third, {last} KiB at the end");
    // The first and the last day are left out because they are incomplete.
    let days = soaked.findings.get(1..soaked.findings.len().saturating_sub(1)).unwrap_or_default();
    let (least, most) = (days.iter().min().unwrap_or(&0), days.iter().max().unwrap_or(&0));
    println!("findings a day of the stream: {least} to {most}, in {} days", days.len());
    if last > settled + GROWTH_KIB {
        return Err(format!("memory grows: {:?} KiB", soaked.resident).into());
    }
    Ok(())
}

/// The events of one day as lines, each with the offset of its date.
struct Day {
    lines: Vec<(Vec<u8>, Option<usize>)>,
}

impl Day {
    fn new() -> Result<Self> {
        let duration_s = 86_400_u32;
        let rate = EVENTS_A_DAY / f64::from(duration_s);
        let options = ShopOptions { rate, duration_s: duration_s.into(), ..ShopOptions::default() };
        let mut lines = Vec::new();
        for (i, event) in Shop::new(options)?.enumerate() {
            if i % BROKEN == BROKEN - 1 {
                lines.push((broken(i / BROKEN), None));
            }
            let line = event.line + "\n";
            let date = line.find("\"timestamp\":\"").map(|at| at + 13);
            lines.push((line.into_bytes(), date));
        }
        Ok(Self { lines })
    }

    /// Writes line `i` of the whole stream into `line`.
    fn line(&self, i: usize, line: &mut Vec<u8>) {
        let (day, (text, date)) = (i / self.lines.len(), &self.lines[i % self.lines.len()]);
        line.clear();
        line.extend_from_slice(text);
        if let Some(at) = date {
            // Dates only have to ascend by days; every month has 28 days here.
            let date = format!("{:04}-{:02}-{:02}", 2026 + day / 336, 1 + day / 28 % 12, 1 + day % 28);
            line[*at..*at + 10].copy_from_slice(date.as_bytes());
        }
    }
}

/// A line that is broken in one of eight ways.
fn broken(i: usize) -> Vec<u8> {
    match i % 8 {
        0 => b"{\"level\":\"INFO\",\"message\":\"cut off".to_vec(),
        1 => b"{\"level\":\"INFO\",\"message\":\"\xff\xfe\"}".to_vec(),
        2 => b"{\"timestamp\":\"9999-12-31T23:59:59Z\",\"message\":\"far\"}".to_vec(),
        3 => b"{\"timestamp\":\"1970-01-01T00:00:00Z\",\"message\":\"late\"}".to_vec(),
        4 => format!("{{\"module\":\"m{i}\",\"host\":\"h{i}\",\"thread\":\"t{i}\",\"message\":\"one of a kind\"}}")
            .into(),
        5 => [&b"{\"message\":\""[..], &vec![b'x'; 2 << 20], b"\"}"].concat(),
        6 => vec![0; 4096],
        _ => b"[\"no object\"]".to_vec(),
    }
    .into_iter()
    .chain(*b"\n")
    .collect()
}

struct Run {
    lines: usize,
    seconds: f64,
    /// Resident memory in KiB, once a second.
    resident: Vec<u64>,
    /// New incidents for each day of the stream.
    findings: Vec<usize>,
}

impl Run {
    fn rate(&self) -> f64 {
        self.lines as f64 / self.seconds
    }
}

/// Feeds a filter at `rate`, or as fast as it reads, and checks its output.
fn run(day: &Arc<Day>, rate: Option<f64>, duration: Duration) -> Result<Run> {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("rules"))?;
    let config = "[metrics]\naddress = \"127.0.0.1:0\"\n[state]\npath = \"kept\"\ninterval = \"5s\"\n[rules]\npaths = [\"rules\"]\n";
    std::fs::write(folder.path().join("s.toml"), config)?;
    let mut command = Command::new(FILTER);
    command.arg("-c").arg(folder.path().join("s.toml")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Served { mut filter, address, log } = serve(&mut command)?;
    let (end, fed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let feeder = {
        let (day, fed, stdin) = (Arc::clone(day), Arc::clone(&fed), filter.stdin.take().ok_or("no input")?);
        std::thread::spawn(move || feed(&day, stdin, rate, duration, &fed))
    };
    let checker = {
        let (day, stdout) = (Arc::clone(day), filter.stdout.take().ok_or("no output")?);
        std::thread::spawn(move || check(&day, stdout, rate.is_some()))
    };
    let mut nuisances: Vec<JoinHandle<()>> = Vec::new();
    if rate.is_some() {
        let (path, ended) = (folder.path().join("rules/changing.rhai"), Arc::clone(&end));
        nuisances.push(std::thread::spawn(move || change_rules(&path, &ended)));
        let ended = Arc::clone(&end);
        nuisances.push(std::thread::spawn(move || scrape(&address, &ended)));
    }
    let (begin, mut resident) = (Instant::now(), Vec::new());
    while !feeder.is_finished() {
        std::thread::sleep(Duration::from_secs(1));
        resident.extend(memory(&filter, "VmRSS"));
        if resident.len() % 60 == 0 && rate.is_some() {
            println!(
                "{:>4} min {:>8} KiB {:>12} lines",
                resident.len() / 60,
                resident[resident.len() - 1],
                fed.load(Ordering::Relaxed)
            );
        }
    }
    let lines = feeder.join().map_err(|_| "the feeder panicked")??;
    let seconds = begin.elapsed().as_secs_f64();
    let (passed, findings) = checker.join().map_err(|_| "the checker panicked")??;
    end.store(true, Ordering::Relaxed);
    for nuisance in nuisances {
        nuisance.join().map_err(|_| "a nuisance panicked")?;
    }
    let is_well = filter.wait()?.success();
    let panics = log.join().map_err(|_| "the log's reader panicked")?;
    if passed != lines || !is_well || panics > 0 {
        return Err(format!("{lines} lines in, {passed} out, well: {is_well}, panics: {panics}").into());
    }
    Ok(Run { lines, seconds, resident, findings })
}

/// Writes the stream and returns the number of lines.
fn feed(day: &Day, mut stdin: ChildStdin, rate: Option<f64>, duration: Duration, fed: &AtomicU64) -> Result<usize> {
    const PIECE: usize = 64 << 10;
    let (begin, mut piece, mut line, mut lines) = (Instant::now(), Vec::with_capacity(PIECE), Vec::new(), 0);
    while begin.elapsed() < duration {
        piece.clear();
        while piece.len() < PIECE {
            day.line(lines, &mut line);
            piece.extend_from_slice(&line);
            lines += 1;
        }
        stdin.write_all(&piece)?;
        fed.store(lines as u64, Ordering::Relaxed);
        let due = rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(lines as f64 / rate));
        std::thread::sleep(due.saturating_sub(begin.elapsed()));
    }
    Ok(lines)
}

/// Compares the output with the input. Returns the number of lines and the incidents of each day.
fn check(day: &Day, stdout: ChildStdout, stalls: bool) -> Result<(usize, Vec<usize>)> {
    let mut output = BufReader::with_capacity(1 << 16, stdout);
    let (mut expected, mut line, mut passed) = (Vec::new(), Vec::new(), 0);
    let (mut findings, mut stalled) = (Vec::new(), Instant::now());
    day.line(0, &mut expected);
    loop {
        line.clear();
        if output.read_until(b'\n', &mut line)? == 0 {
            return Ok((passed, findings));
        }
        findings.resize(passed / day.lines.len() + 1, 0);
        let is_as_it_came = line == expected;
        let kept = expected.strip_suffix(b"}\n").unwrap_or(&expected);
        let is_annotated =
            !is_as_it_came && line.starts_with(kept) && line[kept.len()..].starts_with(b",\"anomalies\":[");
        let is_own =
            !is_as_it_came && !is_annotated && memchr::memmem::find(&line, b"\"source\":\"seismolog\"").is_some();
        if is_annotated || is_own {
            let opened = memchr::memmem::find_iter(&line, b"\"state\":\"open\"").count();
            *findings.last_mut().ok_or("no day")? += opened;
        }
        if is_own {
            continue;
        }
        // Broken text lines leave as one JSON object; other broken lines leave unchanged.
        let is_rendered = expected.iter().all(|byte| *byte == 0 || *byte == b'\n');
        if !is_as_it_came && !is_annotated && !is_rendered {
            return Err(format!("line {passed} is lost: {}", String::from_utf8_lossy(&expected)).into());
        }
        passed += 1;
        day.line(passed, &mut expected);
        if stalls && stalled.elapsed() > STALL.0 {
            std::thread::sleep(STALL.1);
            stalled = Instant::now();
        }
    }
}

/// Replaces the rules again and again: valid ones, invalid ones, none.
fn change_rules(path: &std::path::Path, end: &AtomicBool) {
    let texts = [
        "const RULE = #{ select: #{ level: \"ERROR\" } };\nfn on_event(e) { count(e.module, \"1m\"); }\n",
        "const RULE = #{ select: #{ level: \"WARN\" } };\nfn on_event(e) { count(e.module, \"5m\"); }\n",
        "const RULE = #{ wrong: 1 };\n",
    ];
    for text in texts.iter().cycle() {
        // An error here shows in the log that the test reads.
        let _ = std::fs::write(path, text);
        for _ in 0..30 {
            if end.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = std::fs::remove_file(path);
    }
}

/// Scrapes 200 times a second; every tenth client reads nothing and stays connected for half a
/// second.
fn scrape(address: &str, end: &AtomicBool) {
    const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: filter\r\nConnection: close\r\n\r\n";
    let mut slow = std::collections::VecDeque::new();
    let mut answer = Vec::new();
    for i in 0_usize.. {
        if end.load(Ordering::Relaxed) {
            return;
        }
        let asked = TcpStream::connect(address).and_then(|mut client| client.write_all(REQUEST).map(|()| client));
        if let Ok(mut client) = asked {
            if i % 10 == 0 {
                slow.push_back(client);
                slow.drain(..slow.len().saturating_sub(10));
            } else {
                answer.clear();
                let _ = client.set_read_timeout(Some(Duration::from_secs(5)));
                let _ = client.read_to_end(&mut answer);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
