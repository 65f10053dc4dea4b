//! Measures how much 200 Prometheus scrapes a second and ten open pages slow down the event stream.
//!
//! `cargo bench --bench watched`
//!
//! The filter processes the same stream as fast as it can, alternately with and without these
//! watchers. The wall time is compared, and the processor time of the threads that process events,
//! because the wall time also includes what the watchers take of the same machine. Linux only,
//! because `/proc` tells threads apart.

#![allow(clippy::print_stdout, reason = "its figures are what it is run for")]

mod common;

use common::{FILTER, Result, is_asked, median, processor_time, serve};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Runs of each kind; the median counts.
const TURNS: usize = 5;
/// Number of scraping connections, and the interval of each.
const SCRAPERS: usize = 4;
const SCRAPE_EVERY: Duration = Duration::from_millis(20);
const PAGES: usize = 10;
/// The name of the thread that serves scrapers and pages.
const SERVING: &str = "metrics-http";
/// The request that Prometheus sends.
const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nHost: filter\r\nAccept: application/openmetrics-text;version=1.0.0,\
                      text/plain;version=0.0.4;q=0.5\r\nAccept-Encoding: gzip\r\n\r\n";

/// The times of one run, in seconds.
#[derive(Clone, Copy, Default)]
struct Turn {
    wall: f64,
    /// Processor time of the threads that process events.
    events: f64,
    /// Processor time of the thread that serves scrapers and pages.
    serving: f64,
    scrapes: f64,
}

fn main() -> Result<()> {
    if !is_asked() {
        return Ok(());
    }
    let demo = Command::new(FILTER).args(["demo", "--emit", "--minutes", "720"]).output()?;
    let stream: Arc<[u8]> = demo.stdout.into();
    let lines = stream.iter().filter(|byte| **byte == b'\n').count();
    println!("{lines} events, {:.0} MB; {} scrapes/s, {PAGES} pages", stream.len() as f64 / 1e6, 50 * SCRAPERS);
    let (mut alone, mut watched) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        alone.push(turn(&stream, false)?);
        watched.push(turn(&stream, true)?);
    }
    println!("{:<10}{:>10}{:>18}{:>20}{:>12}", "", "wall", "events' threads", "answering thread", "scrapes/s");
    for (name, turns) in [("alone", &alone), ("watched", &watched)] {
        let of = |part: fn(&Turn) -> f64| median(turns.iter().map(part));
        println!(
            "{name:<10}{:>8.2} s{:>16.2} s{:>18.2} s{:>12.0}",
            of(|turn| turn.wall),
            of(|turn| turn.events),
            of(|turn| turn.serving),
            of(|turn| turn.scrapes / turn.wall),
        );
    }
    for (name, part) in [("wall time", (|turn| turn.wall) as fn(&Turn) -> f64), ("events' threads", |turn| turn.events)]
    {
        let [watched, alone] = [&watched, &alone].map(|turns| median(turns.iter().map(part)));
        println!("{name}: {:+.1} %", (watched / alone - 1.0) * 100.0);
    }
    Ok(())
}

/// Feeds the stream to a filter, and returns once the filter has read all of it.
fn turn(stream: &Arc<[u8]>, is_watched: bool) -> Result<Turn> {
    let mut command = Command::new(FILTER);
    command.args(["--metrics", "127.0.0.1:0"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let common::Served { mut filter, address, log } = serve(&mut command)?;
    let (end, scrapes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut watchers: Vec<JoinHandle<Result<()>>> = Vec::new();
    if is_watched {
        for _ in 0..SCRAPERS {
            let (address, end, scrapes) = (address.clone(), Arc::clone(&end), Arc::clone(&scrapes));
            watchers.push(std::thread::spawn(move || scrape(&address, &end, &scrapes)));
        }
        for _ in 0..PAGES {
            let (address, end) = (address.clone(), Arc::clone(&end));
            watchers.push(std::thread::spawn(move || keep_page_open(&address, &end)));
        }
    }
    let begin = Instant::now();
    filter.stdin.as_mut().ok_or("no input")?.write_all(stream)?;
    let wall = begin.elapsed().as_secs_f64();
    let (serving, events) = processor_time(&filter, |thread| thread == SERVING)?;
    end.store(true, Ordering::Relaxed);
    drop(filter.stdin.take());
    if !filter.wait()?.success() {
        return Err("the filter failed".into());
    }
    let _ = log.join();
    for watcher in watchers {
        watcher.join().map_err(|_| "a watcher panicked")??;
    }
    Ok(Turn { wall, events, serving, scrapes: scrapes.load(Ordering::Relaxed) as f64 })
}

/// Scrapes over one connection, as Prometheus does, until the end.
fn scrape(address: &str, end: &AtomicBool, scrapes: &AtomicUsize) -> Result<()> {
    let mut connection = BufReader::new(TcpStream::connect(address)?);
    let mut next = Instant::now();
    while !end.load(Ordering::Relaxed) {
        connection.get_mut().write_all(SCRAPE.as_bytes())?;
        answer(&mut connection)?;
        scrapes.fetch_add(1, Ordering::Relaxed);
        next += SCRAPE_EVERY;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// Reads one response completely.
fn answer(connection: &mut BufReader<TcpStream>) -> Result<()> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err("the connection has ended".into());
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse()?,
            None if line == "\r\n" => break,
            _ => {}
        }
    }
    std::io::copy(&mut connection.take(length), &mut std::io::sink())?;
    Ok(())
}

/// Behaves like an open page: receives news once a second, and requests the templates every five
/// seconds.
fn keep_page_open(address: &str, end: &AtomicBool) -> Result<()> {
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: filter\r\nAccept-Encoding: gzip\r\n\r\n");
    let mut told = TcpStream::connect(address)?;
    told.set_read_timeout(Some(Duration::from_millis(100)))?;
    told.write_all(ask("/api/events").as_bytes())?;
    let mut other = BufReader::new(TcpStream::connect(address)?);
    let (mut asked, mut news) = (Instant::now(), vec![0; 64 << 10]);
    for path in ["/", "/page.css", "/page.js", "/api/status", "/api/chart/0", "/api/incidents?limit=50"] {
        other.get_mut().write_all(ask(path).as_bytes())?;
        answer(&mut other)?;
    }
    while !end.load(Ordering::Relaxed) {
        match told.read(&mut news) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        if asked.elapsed() > Duration::from_secs(5) {
            asked = Instant::now();
            other.get_mut().write_all(ask("/api/templates").as_bytes())?;
            answer(&mut other)?;
        }
    }
    Ok(())
}
