//! Measures how the cost of an event grows: with ten times the keys, templates, rules or line
//! length, and on one core instead of two. Also measures how soon the program is ready, and the
//! memory for more distinct values than any table holds.
//!
//! `cargo bench --bench growth`
//!
//! Prints the tables of docs/performance.md. Runs of all kinds alternate, and the median run
//! counts. Processor time is that of the filter's threads, without the start. Linux only, for
//! `/proc` and `taskset`.

#![allow(clippy::print_stdout, reason = "its figures are what it is run for")]

mod common;

use common::{FILTER, Result, Served, is_asked, median, memory, metrics, processor_time, serve, sum_of};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

const EVENTS: usize = 500_000;
const TURNS: usize = 5;
const STARTS: usize = 21;
/// The limits that the requirements set.
const START_MS: f64 = 50.0;
const MEMORY_MIB: f64 = 128.0;

/// A kind of load.
#[derive(Clone, Copy)]
struct Work {
    name: &'static str,
    /// Number of hosts, each with a thread and an operation of its own; ten hosts make a module.
    keys: usize,
    templates: usize,
    /// Number of rules besides the shipped ones; none of them selects an event.
    rules: usize,
    /// Approximate length of a line, in bytes.
    length: usize,
    cores: usize,
}

const BASE: Work = Work {
    name: "1,000 keys, 100 templates, shipped rules",
    keys: 1_000,
    templates: 100,
    rules: 0,
    length: 250,
    cores: 2,
};

const WORKS: [Work; 9] = [
    BASE,
    Work { name: "10 × the keys", keys: 10_000, ..BASE },
    Work { name: "100 × the keys", keys: 100_000, ..BASE },
    Work { name: "10 × the templates", templates: 1_000, ..BASE },
    Work { name: "100 × the templates", templates: 10_000, ..BASE },
    Work { name: "10 rules more", rules: 10, ..BASE },
    Work { name: "100 rules more", rules: 100, ..BASE },
    Work { name: "10 × the line length", length: 2_500, ..BASE },
    Work { name: "one core", cores: 1, ..BASE },
];

fn main() -> Result<()> {
    if !is_asked() {
        return Ok(());
    }
    let start = median((0..STARTS).map(|_| start_ms().unwrap_or(f64::INFINITY)));
    println!("start to first event out: {start:.0} ms (median of {STARTS}; at most {START_MS:.0})\n");
    let mut is_well = start <= START_MS;

    println!(
        "| distinct values | events | resident MiB | at its peak | keys forgotten |\n| --- | ---: | ---: | ---: | ---: |"
    );
    for crowd in [Crowd::Returning, Crowd::New] {
        let [resident, peak, forgotten] = crowd.memory()?;
        println!(
            "| {} | {} | {resident:.0} | {peak:.0} | {} |",
            crowd.name(),
            seismolog::narrate::quantity::thousands(crowd.events() as u64),
            seismolog::narrate::quantity::thousands(forgotten as u64)
        );
        is_well &= peak <= MEMORY_MIB;
    }

    let folder = tempfile::tempdir()?;
    let mut turns = vec![Vec::new(); WORKS.len()];
    for _ in 0..TURNS {
        for (work, turns) in WORKS.iter().zip(&mut turns) {
            turns.push(work.turn(folder.path())?);
        }
    }
    println!("\n| work | wall s | CPU µs an event | CPU against the first |\n| --- | ---: | ---: | ---: |");
    let of = |turns: &Vec<(f64, f64)>| {
        (median(turns.iter().map(|turn| turn.0)), median(turns.iter().map(|turn| turn.1)) / EVENTS as f64 * 1e6)
    };
    let (_, base) = of(&turns[0]);
    for (work, turns) in WORKS.iter().zip(&turns) {
        let (wall, cpu) = of(turns);
        println!("| {} | {wall:.2} | {cpu:.2} | {:.2} |", work.name, cpu / base);
    }
    if !is_well {
        return Err(format!("beyond {START_MS:.0} ms of start or {MEMORY_MIB:.0} MiB").into());
    }
    Ok(())
}

/// Appends a distinct word of letters for each number.
fn word(mut number: usize, word: &mut String) {
    const SYLLABLES: [&str; 20] = [
        "ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su", "ta", "ve", "zi", "co", "ru", "la", "me", "ni",
        "po", "tu",
    ];
    for _ in 0..5 {
        word.push_str(SYLLABLES[number % SYLLABLES.len()]);
        number /= SYLLABLES.len();
    }
}

/// A pseudo-random number below `below` for each number.
fn mixed(number: usize, below: usize) -> usize {
    let mixed = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((u128::from(mixed ^ mixed >> 31) * below as u128) >> 64) as usize
}

/// The numbers from which one event is made.
struct Line {
    i: usize,
    /// Milliseconds since the first event.
    ms: usize,
    module: usize,
    host: usize,
    thread: usize,
    operation: usize,
    /// The error code of an error event.
    code: Option<usize>,
    template: usize,
}

impl Line {
    fn write(&self, length: usize, text: &mut String) {
        let begin = text.len();
        let (second, ms) = (self.ms / 1_000, self.ms % 1_000);
        let (day, hour, minute) = (2 + second / 86_400, second / 3_600 % 24, second / 60 % 60);
        let level = if self.i % 50 == 7 { "ERROR" } else { "INFO" };
        let _ = write!(
            text,
            r#"{{"timestamp":"2026-03-{day:02}T{hour:02}:{minute:02}:{:02}.{ms:03}Z","level":"{level}","module":"svc-"#,
            second % 60
        );
        word(self.module, text);
        let _ = write!(text, r#"","host":"node-{}","thread":"worker-{}","route":"/api/"#, self.host, self.thread);
        word(self.operation, text);
        let _ = write!(text, r#"","duration_ms":{},"message":""#, 3 + self.i * 7 % 40);
        // Two distinct words keep the templates apart.
        word(self.template, text);
        text.push(' ');
        word(self.template.wrapping_mul(7_919) + 5, text);
        let _ = write!(text, r#" is done for user {} in {} ms""#, self.i * 31 % 100_003, 3 + self.i * 7 % 40);
        if let Some(code) = self.code.or((self.i % 50 == 7).then_some(self.host % 20)) {
            let _ = write!(text, r#","error_code":"E{code}""#);
        }
        let mut note = 0;
        while text.len() - begin + 40 < length {
            let _ = write!(text, r#","note_{note}":"nothing to see here, move on""#);
            note += 1;
        }
        text.push_str("}\n");
    }
}

impl Work {
    fn stream(&self) -> String {
        let mut text = String::with_capacity(EVENTS * (self.length + 50));
        for i in 0..EVENTS {
            let key = mixed(i, self.keys);
            let line = Line {
                i,
                ms: i,
                module: key / 10,
                host: key,
                thread: key,
                operation: key,
                code: None,
                template: mixed(i + EVENTS, self.templates),
            };
            line.write(self.length, &mut text);
        }
        text
    }

    /// Wall time and processor time of one run, in seconds.
    fn turn(&self, folder: &Path) -> Result<(f64, f64)> {
        let stream = self.stream();
        let rules = folder.join(self.rules.to_string());
        std::fs::create_dir_all(&rules)?;
        for i in 0..self.rules {
            let rule = format!(
                "//! Selects nothing.\nconst RULE = #{{ severity: \"info\", select: #{{ module: \"none-{i}\", level: \"INFO\" }}, key: [\"module\"] }};\n\
                 fn on_event(e) {{ if count(e.module, \"1m\") > 5 {{ finding(#{{ summary: `${{e.module}}: too many` }}); }} }}\n"
            );
            std::fs::write(rules.join(format!("rule_{i}.rhai")), rule)?;
        }
        let mut command = match self.cores {
            1 => Command::new("taskset"),
            _ => Command::new(FILTER),
        };
        if self.cores == 1 {
            command.args(["--cpu-list", "0", FILTER]);
        }
        command.arg("--rules").arg(&rules).args(["--log", "none"]);
        let mut filter = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let begin = Instant::now();
        let mut stdin = filter.stdin.take().ok_or("no input")?;
        // The program has started once it has read the first piece.
        let (first, rest) = stream.as_bytes().split_at(2 << 20);
        stdin.write_all(first)?;
        let started = processor_time(&filter, |_| false)?.1;
        stdin.write_all(rest)?;
        let busy = processor_time(&filter, |_| false)?.1;
        drop(stdin);
        if !filter.wait()?.success() {
            return Err("the filter failed".into());
        }
        let share = rest.len() as f64 / stream.len() as f64;
        Ok((begin.elapsed().as_secs_f64(), (busy - started) / share))
    }
}

/// Milliseconds from the program's start until its first event is output.
fn start_ms() -> Result<f64> {
    let begin = Instant::now();
    let mut filter = Command::new(FILTER).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    filter.stdin.as_mut().ok_or("no input")?.write_all(b"{\"message\":\"first\"}\n")?;
    filter.stdout.as_mut().ok_or("no output")?.read_exact(&mut [0])?;
    let passed = begin.elapsed();
    drop(filter.stdin.take());
    filter.wait()?;
    Ok(passed.as_secs_f64() * 1e3)
}

/// A stream with more distinct values than any table holds.
#[derive(Clone, Copy)]
enum Crowd {
    /// A million values in five key fields and 100,000 templates, all of which recur.
    Returning,
    /// Each event has a new value in each of five key fields, and a new template.
    New,
}

impl Crowd {
    fn name(self) -> &'static str {
        match self {
            Self::Returning => "1,000,000 over five key fields, and 100,000 templates, which come again",
            Self::New => "five new keys and a new template in each event",
        }
    }

    fn events(self) -> usize {
        match self {
            Self::Returning => 4_000_000,
            Self::New => 1_000_000,
        }
    }

    fn feed(self, mut stdin: ChildStdin) -> Result<ChildStdin> {
        let mut text = String::new();
        for i in 0..self.events() {
            let (key, template) = match self {
                Self::Returning => (i % 200_000, i % 100_000),
                Self::New => (i, i),
            };
            let line =
                Line { i, ms: i / 5, module: key, host: key, thread: key, operation: key, code: Some(key), template };
            line.write(250, &mut text);
            if text.len() > 1 << 16 {
                stdin.write_all(text.as_bytes())?;
                text.clear();
            }
        }
        stdin.write_all(text.as_bytes())?;
        Ok(stdin)
    }

    /// Memory in MiB at the end and at the peak, and the number of evicted keys.
    fn memory(self) -> Result<[f64; 3]> {
        let mut command = Command::new(FILTER);
        command.args(["--metrics", "127.0.0.1:0"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let Served { mut filter, address, log } = serve(&mut command)?;
        let stdin = self.feed(filter.stdin.take().ok_or("no input")?)?;
        let read = || metrics(&address);
        let mut told = read()?;
        while sum_of(&told, "seismolog_events_total", "") < self.events() as f64 {
            std::thread::sleep(Duration::from_millis(200));
            told = read()?;
        }
        // The metrics of tables are updated twice a second.
        std::thread::sleep(Duration::from_secs(2));
        let forgotten = sum_of(&read()?, "seismolog_evictions_total", "");
        let [resident, peak] = ["VmRSS", "VmHWM"].map(|what| memory(&filter, what).unwrap_or_default() as f64 / 1024.0);
        drop(stdin);
        if !filter.wait()?.success() || log.join().map_err(|_| "the log's reader panicked")? > 0 {
            return Err("the filter failed".into());
        }
        Ok([resident, peak, forgotten])
    }
}
