//! Measures events per second through each network input and output on one connection, compared
//! with standard streams. Prints the table of `docs/delivery.md`.
//!
//! `cargo bench --bench ends`
//!
//! An input is measured from the first byte that it is sent until the last event is on standard
//! output. An output is measured from the first byte of a file that it sends until the last one is
//! sent and acknowledged. The program's start is left out. Forward is used as Fluent Bit does, with
//! metadata and acknowledgements; an HTTP request holds a thousand events and is answered before
//! the next is sent.

use seismolog::demo::{Shop, ShopOptions};
use seismolog::event::msgpack::{self, Head, Reader, Scanner};
use seismolog::event::transcode;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
/// The reading and the writing half of a connection.
type Connection = (Box<dyn Read + Send>, Box<dyn Write + Send>);

const EVENTS: usize = 300_000;
/// Events per chunk or request.
const CHUNK: usize = 1_000;
/// The bytes in front of every record: `[EventTime, {}]`.
const LEAD: [u8; 12] = [0x92, 0xd7, 0, 0x65, 0x53, 0xf1, 0, 0, 0, 0, 1, 0x80];

fn main() -> Outcome<()> {
    // The arguments that Cargo passes are ignored.
    let options = ShopOptions { rate: 500.0, duration_s: 3600, faults: Vec::new(), ..ShopOptions::default() };
    let events: Vec<String> = Shop::new(options)?.take(EVENTS).map(|event| event.line + "\n").collect();
    let text = events.concat();
    let requests = events.chunks(CHUNK).map(request).collect();
    let chunks = events.chunks(CHUNK).enumerate().map(|(i, events)| chunk(i, events)).collect::<Outcome<_>>()?;
    let start = standard_streams("")?.cpu;
    let runs = [
        ("standard streams", standard_streams(&text)?),
        ("from `tcp://`", from("tcp", vec![text.clone().into()], say)?),
        ("from `unix://`", from("unix", vec![text.clone().into()], say)?),
        ("from `http://`", from("http", requests, ask)?),
        ("from `forward://`", from("forward", chunks, say_and_hear)?),
        ("to `tcp://`", to("tcp", &text, take_lines)?),
        ("to `unix://`", to("unix", &text, take_lines)?),
        ("to `http://`", to("http", &text, take_requests)?),
        ("to `forward://`", to("forward", &text, take_chunks)?),
    ];
    let mut table = format!("{EVENTS} events of {} bytes\n\n", text.len() / EVENTS);
    table.push_str("| end | events/s | CPU an event |\n| --- | ---: | ---: |\n");
    for (name, Taken { wall, cpu }) in runs {
        let rate = EVENTS as f64 / wall.as_secs_f64();
        let cost_us = cpu.saturating_sub(start).as_secs_f64() * 1e6 / EVENTS as f64;
        writeln!(table, "| {name} | {:.0},000 | {cost_us:.1} µs |", rate / 1e3)?;
    }
    Ok(io::stdout().write_all(table.as_bytes())?)
}

/// The times that one run took.
struct Taken {
    wall: Duration,
    cpu: Duration,
}

/// The running program, killed when this is dropped.
struct Filter(Child);

impl Filter {
    fn start(args: &[&str], stdin: Stdio, stdout: Stdio) -> Outcome<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seismolog"));
        Ok(Self(command.args(args).env_clear().stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn()?))
    }

    /// Waits for a line on standard error with `part` and returns what follows it. From then on
    /// standard error is read and discarded.
    fn hear(&mut self, part: &str) -> Outcome<String> {
        let mut said = BufReader::new(self.0.stderr.take().ok_or("standard error is not piped")?);
        let mut line = String::new();
        while said.read_line(&mut line)? > 0 {
            if let Some((_, rest)) = line.split_once(part) {
                let rest = rest.trim_end().to_owned();
                std::thread::spawn(move || io::copy(&mut said, &mut io::sink()));
                return Ok(rest);
            }
            line.clear();
        }
        Err(format!("it never said {part:?}").into())
    }

    fn terminate(&self) -> io::Result<()> {
        Command::new("kill").arg(self.0.id().to_string()).status().map(drop)
    }

    /// Waits for the program's end and returns the processor time since `before`.
    fn cpu_since(mut self, before: Duration) -> Outcome<Duration> {
        let status = self.0.wait()?;
        if !status.success() {
            return Err(format!("it ended with {status}").into());
        }
        Ok(cpu_of_children()? - before)
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processor time of all child processes that have ended. It includes the shell's `kill`, whose
/// time is negligible.
fn cpu_of_children() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(") ").ok_or("no name in /proc/self/stat")?.1;
    let ticks: u64 = after_name.split(' ').skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

fn file_of(text: &str) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Reads to the end and returns the time since the first byte.
fn drain(stream: &mut impl Read) -> io::Result<Duration> {
    let (mut buffer, mut started) = (vec![0; 256 << 10], None);
    loop {
        let count = stream.read(&mut buffer)?;
        let started = *started.get_or_insert_with(Instant::now);
        if count == 0 {
            return Ok(started.elapsed());
        }
    }
}

fn standard_streams(text: &str) -> Outcome<Taken> {
    let before = cpu_of_children()?;
    let mut filter = Filter::start(&[], file_of(text)?.into(), Stdio::piped())?;
    let wall = drain(filter.0.stdout.as_mut().ok_or("standard output is not piped")?)?;
    Ok(Taken { wall, cpu: filter.cpu_since(before)? })
}

/// An address for the scheme: a path for a Unix socket, otherwise a free port.
fn place(scheme: &str, folder: &tempfile::TempDir) -> String {
    if scheme == "unix" { folder.path().join("socket").display().to_string() } else { "127.0.0.1:0".into() }
}

/// Sends `messages` by `send` to an input that listens.
fn from(scheme: &str, messages: Vec<Vec<u8>>, send: fn(Connection, &[Vec<u8>]) -> Outcome<()>) -> Outcome<Taken> {
    let (folder, before) = (tempfile::tempdir()?, cpu_of_children()?);
    let url = format!("{scheme}://{}", place(scheme, &folder));
    let mut filter = Filter::start(&["--from", &url], Stdio::null(), Stdio::piped())?;
    let at = filter.hear(&format!("listening at {scheme}://"))?;
    let connection: Connection = if scheme == "unix" {
        let stream = UnixStream::connect(at)?;
        (Box::new(stream.try_clone()?), Box::new(stream))
    } else {
        let stream = TcpStream::connect(at.trim_end_matches('/'))?;
        (Box::new(stream.try_clone()?), Box::new(stream))
    };
    let started = Instant::now();
    let sender = std::thread::spawn(move || send(connection, &messages));
    let (mut lines, mut buffer) = (0, vec![0; 256 << 10]);
    let output = filter.0.stdout.as_mut().ok_or("standard output is not piped")?;
    while lines < EVENTS {
        let count = output.read(&mut buffer)?;
        if count == 0 {
            return Err(format!("{scheme}: {lines} of {EVENTS} events came").into());
        }
        lines += memchr::memchr_iter(b'\n', &buffer[..count]).count();
    }
    let wall = started.elapsed();
    sender.join().map_err(|_| "the sender panicked")??;
    filter.terminate()?;
    drain(filter.0.stdout.as_mut().ok_or("standard output is not piped")?)?;
    Ok(Taken { wall, cpu: filter.cpu_since(before)? })
}

/// Sends `text` from a file through an output that connects to `take`.
fn to(scheme: &str, text: &str, take: fn(Connection) -> Outcome<Duration>) -> Outcome<Taken> {
    let (folder, before, file) = (tempfile::tempdir()?, cpu_of_children()?, file_of(text)?);
    let filter_to = |at: &str| Filter::start(&["--to", &format!("{scheme}://{at}")], file.into(), Stdio::null());
    let (filter, connection): (Filter, Connection) = if scheme == "unix" {
        let at = place(scheme, &folder);
        let listener = UnixListener::bind(&at)?;
        let filter = filter_to(&at)?;
        let stream = listener.accept()?.0;
        (filter, (Box::new(stream.try_clone()?), Box::new(stream)))
    } else {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let filter = filter_to(&listener.local_addr()?.to_string())?;
        let stream = listener.accept()?.0;
        (filter, (Box::new(stream.try_clone()?), Box::new(stream)))
    };
    let wall = take(connection)?;
    Ok(Taken { wall, cpu: filter.cpu_since(before)? })
}

/// Sends all messages without expecting responses.
fn say((_, mut writes): Connection, messages: &[Vec<u8>]) -> Outcome<()> {
    messages.iter().try_for_each(|message| writes.write_all(message))?;
    Ok(())
}

/// Sends each message after the response to the one before.
fn ask((reads, mut writes): Connection, messages: &[Vec<u8>]) -> Outcome<()> {
    let mut reads = BufReader::new(reads);
    for message in messages {
        writes.write_all(message)?;
        let (first, _) = http_message(&mut reads)?.ok_or("the connection was closed")?;
        if !first.starts_with("HTTP/1.1 200 ") {
            return Err(first.into());
        }
    }
    Ok(())
}

/// Sends all messages, and reads acknowledgements meanwhile.
fn say_and_hear((mut reads, writes): Connection, messages: &[Vec<u8>]) -> Outcome<()> {
    let count = messages.len();
    let hearing = std::thread::spawn(move || -> Outcome<()> {
        let mut inbox = Vec::new();
        (0..count).try_for_each(|_| match value(&mut reads, &mut inbox)? {
            Some(_) => Ok(()),
            None => Err("the connection was closed".into()),
        })
    });
    say((Box::new(io::empty()), writes), messages)?;
    hearing.join().map_err(|_| "the hearing thread panicked")?
}

fn take_lines((mut reads, _): Connection) -> Outcome<Duration> {
    Ok(drain(&mut reads)?)
}

fn take_requests((reads, mut writes): Connection) -> Outcome<Duration> {
    let (mut reads, mut started) = (BufReader::with_capacity(256 << 10, reads), None);
    while http_message(&mut reads)?.is_some() {
        started.get_or_insert_with(Instant::now);
        writes.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
    Ok(started.ok_or("nothing came")?.elapsed())
}

fn take_chunks((mut reads, mut writes): Connection) -> Outcome<Duration> {
    let (mut inbox, mut started) = (Vec::new(), None);
    while let Some(message) = value(&mut reads, &mut inbox)? {
        started.get_or_insert_with(Instant::now);
        let mut answer = Vec::new();
        msgpack::put_map(1, &mut answer);
        msgpack::put_text(b"ack", &mut answer);
        msgpack::put_text(chunk_of(&message).ok_or("a message without a chunk")?, &mut answer);
        writes.write_all(&answer)?;
    }
    Ok(started.ok_or("nothing came")?.elapsed())
}

/// The first line and the body of a request or response; none at the end of the connection.
fn http_message(reads: &mut impl BufRead) -> Outcome<Option<(String, Vec<u8>)>> {
    let (mut first, mut length) = (String::new(), 0);
    if reads.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    loop {
        let mut header = String::new();
        reads.read_line(&mut header)?;
        match header.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reads.read_exact(&mut body)?;
    Ok(Some((first, body)))
}

fn request(events: &[String]) -> Vec<u8> {
    let body = events.concat();
    let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    format!("{head}{body}").into()
}

/// A PackedForward message that requests an acknowledgement.
fn chunk(number: usize, events: &[String]) -> Outcome<Vec<u8>> {
    let mut entries = Vec::new();
    for event in events {
        msgpack::put_array(2, &mut entries);
        entries.extend_from_slice(&LEAD);
        transcode::from_json(event.trim_end().as_bytes(), &mut entries).map_err(|_| "an event that is no object")?;
    }
    let mut message = Vec::new();
    msgpack::put_array(3, &mut message);
    msgpack::put_text(b"shop", &mut message);
    msgpack::put_binary(entries.len(), &mut message);
    message.extend_from_slice(&entries);
    msgpack::put_map(2, &mut message);
    msgpack::put_text(b"size", &mut message);
    msgpack::put_integer(events.len() as i128, &mut message);
    msgpack::put_text(b"chunk", &mut message);
    msgpack::put_text(format!("{number:032x}").as_bytes(), &mut message);
    Ok(message)
}

fn chunk_of(message: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(message, 0);
    let Head::Array(3) = reader.head().ok()? else { return None };
    // Skips tag and entries.
    reader.text().ok()?;
    reader.text().ok()?;
    let Head::Map(length) = reader.head().ok()? else { return None };
    for _ in 0..length {
        if reader.text().ok()? == b"chunk" {
            return reader.text().ok();
        }
        reader.skip().ok()?;
    }
    None
}

/// The next MessagePack value; none at the end of the connection.
fn value(reads: &mut impl Read, inbox: &mut Vec<u8>) -> Outcome<Option<Vec<u8>>> {
    let mut scanner = Scanner::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let end = scanner.advance(inbox, 64 << 20, 64).map_err(|_| "no MessagePack")?;
        if let Some(end) = end {
            return Ok(Some(inbox.drain(..end).collect()));
        }
        let count = reads.read(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        inbox.extend_from_slice(&buffer[..count]);
    }
}
