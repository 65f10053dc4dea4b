//! Shared by the benches that run the whole program: starting it, reading its metrics, memory and
//! processor time.

#![allow(dead_code, reason = "each bench is a program of its own and uses some of it")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The path of the program.
pub(crate) const FILTER: &str = env!("CARGO_BIN_EXE_seismolog");

/// Whether `cargo bench` runs this. `cargo test --benches` only checks that it builds.
pub(crate) fn is_asked() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// The first number among the arguments.
pub(crate) fn number_given() -> Option<f64> {
    std::env::args().find_map(|argument| argument.parse().ok())
}

/// A running filter with its metrics endpoint.
pub(crate) struct Served {
    pub(crate) filter: Child,
    /// The endpoint's address, `127.0.0.1:PORT`.
    pub(crate) address: String,
    /// The thread that reads the log, so that its pipe does not fill, and counts the panics in it.
    pub(crate) log: JoinHandle<usize>,
}

/// Starts `command` and waits for its metrics endpoint. The caller has set standard input and
/// output, and `127.0.0.1:0` as the address of the metrics.
pub(crate) fn serve(command: &mut Command) -> Result<Served> {
    let mut filter = command.stderr(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(filter.stderr.take().ok_or("no log")?).lines();
    let address = loop {
        let line = said.next().ok_or("it has not said where its metrics are")??;
        if let Some((_, rest)) = line.split_once("metrics at http://") {
            break rest.trim_end_matches("/metrics").to_owned();
        }
    };
    let panics = || said.map_while(std::io::Result::ok).filter(|line| line.contains("panic")).count();
    Ok(Served { filter, address, log: std::thread::spawn(panics) })
}

/// The metrics in Prometheus' text format.
pub(crate) fn metrics(address: &str) -> Result<String> {
    let mut client = TcpStream::connect(address)?;
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: filter\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The sum of all series of metric `name` whose lines contain `part`.
pub(crate) fn sum_of(metrics: &str, name: &str, part: &str) -> f64 {
    let of_name = metrics.lines().filter(|line| line.starts_with(name) && line.contains(part));
    of_name.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// The value of `what` in KiB for a process: `VmRSS`, `VmHWM` or the like.
pub(crate) fn memory(process: &Child, what: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Processor seconds of a process's threads: of those whose names `is_apart` accepts, and of the
/// others.
pub(crate) fn processor_time(process: &Child, is_apart: impl Fn(&str) -> bool) -> Result<(f64, f64)> {
    let (mut apart, mut others) = (0.0, 0.0);
    for thread in std::fs::read_dir(format!("/proc/{}/task", process.id()))? {
        let thread = thread?.path();
        let nanoseconds: f64 =
            std::fs::read_to_string(thread.join("schedstat"))?.split(' ').next().unwrap_or("0").parse()?;
        let name = std::fs::read_to_string(thread.join("comm"))?;
        *(if is_apart(name.trim()) { &mut apart } else { &mut others }) += nanoseconds / 1e9;
    }
    Ok((apart, others))
}

/// The median.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
