//! Measures the latency that the filter adds to an event: from the write into its pipe to the read
//! from its output.
//!
//! `cargo bench --bench latency -- [EVENTS PER SECOND]`, by default 50,000.
//!
//! A generator writes the demo's events one by one, at an even rate, to the filter's standard input
//! and notes when each write began; a reader notes when each read from standard output returned.
//! The latency is also measured from the time at which an event was due. That includes the time
//! which the generator overslept, so it is what a writer sees that never waits for another event.
//! The same is measured with `cat` in place of the filter. Generator, reader and filter share the
//! machine's cores, as they do on a host.

#![allow(clippy::print_stdout, reason = "its figures are what it is run for")]

mod common;

use common::{FILTER, Result, is_asked, number_given};
use hdrhistogram::Histogram;
use seismolog::demo::{Shop, ShopOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SECONDS: u64 = 20;
/// Events of the first seconds are not counted: the filter allocates its tables, and the scheduler
/// places its threads.
const WARM_UP_S: u64 = 2;
/// The limits that the requirements set: quantile and microseconds.
const LIMITS: [(f64, u64); 2] = [(0.50, 200), (0.99, 2_000)];

fn main() -> Result<()> {
    if !is_asked() {
        return Ok(());
    }
    let rate = number_given().unwrap_or(50_000.0);
    let options = ShopOptions { rate, duration_s: SECONDS.max(60), faults: Vec::new(), ..ShopOptions::default() };
    let count = (rate * SECONDS as f64) as usize;
    let lines: Vec<String> = Shop::new(options)?.take(count).map(|event| event.line + "\n").collect();
    println!(
        "{rate:.0} events/s for {SECONDS} s, of {} bytes on average",
        lines.iter().map(String::len).sum::<usize>() / count
    );
    println!("{:<8}{:<22}{:>10}{:>10}{:>10}{:>10}", "", "microseconds", "p50", "p99", "p99.9", "max");
    for (name, command) in [("cat", &mut Command::new("cat")), ("filter", &mut Command::new(FILTER))] {
        let [written, due] = run(command, &lines, rate)?;
        for (from, histogram) in [("from the write", &written), ("from when it was due", &due)] {
            let [p50, p99, rare] = [0.5, 0.99, 0.999].map(|share| histogram.value_at_quantile(share) as f64 / 1e3);
            println!("{name:<8}{from:<22}{p50:>10.0}{p99:>10.0}{rare:>10.0}{:>10.0}", histogram.max() as f64 / 1e3);
        }
        let missed = LIMITS.iter().filter(|(share, most)| written.value_at_quantile(*share) > most * 1_000);
        let missed: Vec<_> = missed.map(|(share, most)| format!("p{} over {most} µs", share * 100.0)).collect();
        if name == "filter" && !missed.is_empty() {
            return Err(missed.join(", ").into());
        }
    }
    Ok(())
}

/// Histograms of the nanoseconds from the write, and from the due time, of each event after the
/// warm-up.
fn run(command: &mut Command, lines: &[String], rate: f64) -> Result<[Histogram<u64>; 2]> {
    let mut filter = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let begin = Instant::now();
    let since = move || begin.elapsed().as_nanos() as u64;
    let written: Arc<Vec<AtomicU64>> = Arc::new(lines.iter().map(|_| AtomicU64::new(0)).collect());
    let reader = {
        let (written, stdout) = (Arc::clone(&written), filter.stdout.take().ok_or("no output")?);
        std::thread::spawn(move || read(stdout, &written, rate, since))
    };
    let mut stdin = filter.stdin.take().ok_or("no input")?;
    for (i, (line, written)) in lines.iter().zip(written.iter()).enumerate() {
        let due = due(i, rate);
        let mut now = since();
        while now < due {
            std::thread::sleep(Duration::from_nanos(due - now));
            now = since();
        }
        written.store(now, Ordering::Release);
        stdin.write_all(line.as_bytes())?;
    }
    drop(stdin);
    let histograms = reader.join().map_err(|_| "the reader panicked")??;
    if !filter.wait()?.success() {
        return Err("the filter failed".into());
    }
    Ok(histograms)
}

/// When event `i` is due, in nanoseconds since the start.
fn due(i: usize, rate: f64) -> u64 {
    (i as f64 / rate * 1e9) as u64
}

fn read(stdout: ChildStdout, written: &[AtomicU64], rate: f64, since: impl Fn() -> u64) -> Result<[Histogram<u64>; 2]> {
    let mut histograms =
        [Histogram::new_with_bounds(100, 60_000_000_000, 3)?, Histogram::new_with_bounds(100, 60_000_000_000, 3)?];
    let mut output = BufReader::with_capacity(1 << 16, stdout);
    let (mut i, mut rest) = (0, Vec::new());
    loop {
        let piece = output.fill_buf()?;
        let now = since();
        if piece.is_empty() {
            break;
        }
        let length = piece.len();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            rest.extend_from_slice(part);
            if !part.ends_with(b"\n") {
                continue;
            }
            // Findings that no event carries are events of their own, and are not counted.
            if memchr::memmem::find(&rest, b"\"source\":\"seismolog\"").is_none() {
                let from =
                    [written.get(i).ok_or("more events than were written")?.load(Ordering::Acquire), due(i, rate)];
                if from[1] > WARM_UP_S * 1_000_000_000 {
                    for (histogram, from) in histograms.iter_mut().zip(from) {
                        histogram.record(now.saturating_sub(from).max(100))?;
                    }
                }
                i += 1;
            }
            rest.clear();
        }
        output.consume(length);
    }
    if i != written.len() {
        return Err(format!("{i} of {} events came out", written.len()).into());
    }
    Ok(histograms)
}
