//! Real rsyslog and syslog-ng around the program: 100,000 messages through each way of attaching, none lost, none twice,
//! and a finding in its place. `make tools` installs both.

use crate::peers::free_address;
use crate::support::{root, until};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use std::collections::HashSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MESSAGES: usize = 100_000;
/// How long all of them may take. rsyslog waits for the answer to each before it asks about the next.
const PATIENCE: Duration = Duration::from_secs(600);
/// The same error again and again, at the end: a finding.
const REPEATS: usize = 300;

/// A program that is ended with the test.
struct Neighbour(Child);

impl Drop for Neighbour {
    fn drop(&mut self) {
        // Asked to end, so that it ends what it has started.
        let _ = Command::new("/bin/sh").args(["-c", &format!("kill {}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn start(program: &Path, args: &[&str], library_path: &str, folder: &Path) -> Neighbour {
    assert!(program.exists(), "{} is missing: run `make tools`", program.display());
    let said = fs::File::create(folder.join("said")).unwrap();
    let mut command = Command::new(program);
    command.args(args).env("LD_LIBRARY_PATH", library_path).stdin(Stdio::null());
    command.stdout(said.try_clone().unwrap()).stderr(said);
    Neighbour(command.spawn().unwrap())
}

fn rsyslogd(folder: &Path, config: &str) -> Neighbour {
    let (file, pid) = (folder.join("rsyslog.conf"), folder.join("rsyslog.pid"));
    fs::write(&file, config).unwrap();
    let args = ["-n", "-f", file.to_str().unwrap(), "-i", pid.to_str().unwrap()];
    start(Path::new("/usr/sbin/rsyslogd"), &args, "", folder)
}

fn syslog_ng(folder: &Path, config: &str) -> Neighbour {
    let unpacked = root().join("target/tools/syslog-ng");
    let file = folder.join("syslog-ng.conf");
    fs::write(&file, config).unwrap();
    let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
    let libraries = ["usr/lib/syslog-ng".into(), format!("usr/lib/{triple}"), format!("lib/{triple}")];
    let libraries: Vec<_> = libraries.map(|folder| unpacked.join(folder).display().to_string()).into();
    let modules = format!("--module-path={}", unpacked.join("usr/lib/syslog-ng/3.38").display());
    let at = |name: &str| folder.join(name).display().to_string();
    let (persist, pid, control) = (at("persist"), at("pid"), at("control"));
    let args = ["-F", "-f", file.to_str().unwrap(), "-R", &persist, "-p", &pid, "-c", &control, &modules, "--no-caps"];
    start(&unpacked.join("usr/sbin/syslog-ng"), &args, &libraries.join(":"), folder)
}

/// Message `i` as syslog writes it.
fn message(i: usize) -> String {
    let (second, minute) = (i / 1_000 % 60, i / 60_000);
    format!("<14>Mar  2 08:{minute:02}:{second:02} node1 shop[17]: order {i} of customer {} was packed\n", i * 31 % 997)
}

fn repeated() -> String {
    "<11>Mar  2 08:02:00 node1 billing[18]: connection to the database refused, trying again\n".repeat(REPEATS)
}

/// Sends all messages to a syslog server.
fn send(address: &str) {
    let mut stream = until("a connection to the syslog server", || TcpStream::connect(address).ok());
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let text: String = (0..MESSAGES).map(message).collect();
    stream.write_all(text.as_bytes()).unwrap();
    stream.write_all(repeated().as_bytes()).unwrap();
}

/// Waits until so many lines are in a file of the folder, told of every write by the system.
#[track_caller]
fn lines_of(file: &Path, folder: &Path, count: usize) -> String {
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&watch, folder, inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let (mut text, mut lines) = (Vec::new(), 0);
    loop {
        if let Ok(mut opened) = fs::File::open(file) {
            let before = text.len();
            opened.seek(SeekFrom::Start(before as u64)).unwrap();
            opened.read_to_end(&mut text).unwrap();
            lines += text[before..].iter().filter(|byte| **byte == b'\n').count();
        }
        if lines >= count {
            return String::from_utf8_lossy(&text).into_owned();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{lines} of {count} lines in {}: {}", file.display(), said(folder));
        let wait = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: 0 };
        poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&wait)).unwrap();
        rustix::io::read(&watch, &mut [0; 4096]).unwrap();
    }
}

fn said(folder: &Path) -> String {
    fs::read_to_string(folder.join("said")).unwrap_or_default()
}

/// Every order once, and all the repeats.
#[track_caller]
fn assert_all_once(text: &str) {
    let orders: Vec<usize> =
        text.lines().filter_map(|line| line.split("order ").nth(1)?.split(' ').next()?.parse().ok()).collect();
    let distinct: HashSet<_> = orders.iter().collect();
    assert_eq!((orders.len(), distinct.len()), (MESSAGES, MESSAGES), "lost or doubled");
    assert_eq!(text.lines().filter(|line| line.contains("database refused")).count(), REPEATS);
}

/// What the program said of itself, where it has a log.
fn program() -> &'static str {
    env!("CARGO_BIN_EXE_seismolog")
}

fn port_of(address: &str) -> &str {
    address.rsplit(':').next().unwrap()
}

fn rsyslog_head(folder: &Path, port: &str) -> String {
    format!(
        "global(workDirectory=\"{}\" maxMessageSize=\"64k\")\n\
         module(load=\"imtcp\")\n\
         main_queue(queue.type=\"LinkedList\" queue.size=\"200000\" queue.timeoutEnqueue=\"60000\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n",
        folder.display()
    )
}

#[test]
fn rsyslog_asks_through_mmexternal() {
    let folder = tempfile::tempdir().unwrap();
    let (at, out) = (free_address(), folder.path().join("out"));
    let config = rsyslog_head(folder.path(), port_of(&at))
        + &*format!(
            "module(load=\"mmexternal\")\n\
             template(name=\"out\" type=\"list\") {{ property(name=\"msg\") constant(value=\"\\t\")\n\
             property(name=\"$!anomalies\") constant(value=\"\\n\") }}\n\
             action(type=\"mmexternal\" binary=\"{} --protocol rsyslog-mmexternal --no-shipped-rules\"\n\
             interface.input=\"fulljson\" forceSingleInstance=\"on\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"out\")\n",
            program(),
            out.display()
        );
    let _rsyslog = rsyslogd(folder.path(), &config);
    send(&at);
    let text = lines_of(&out, folder.path(), MESSAGES + REPEATS);
    assert_all_once(&text);
    let found: Vec<_> = text.lines().filter(|line| line.contains("\"detector\"")).collect();
    assert!(!found.is_empty(), "no finding: {}", said(folder.path()));
    assert!(found.iter().any(|line| line.contains("database refused\\") || line.contains("billing")), "{found:?}");
}

#[test]
fn rsyslog_has_every_message_confirmed_through_omprog() {
    let folder = tempfile::tempdir().unwrap();
    let (at, out) = (free_address(), folder.path().join("out"));
    let downstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = downstream.local_addr().unwrap();
    let copier = {
        let out = out.clone();
        std::thread::spawn(move || {
            let mut file = fs::File::create(out).unwrap();
            let (mut stream, _) = downstream.accept().unwrap();
            let _ = std::io::copy(&mut stream, &mut file);
        })
    };
    let config = rsyslog_head(folder.path(), port_of(&at))
        + &*format!(
            "module(load=\"omprog\")\n\
             template(name=\"line\" type=\"list\" option.jsonf=\"on\") {{\n\
             property(outname=\"timestamp\" name=\"timereported\" dateFormat=\"rfc3339\" format=\"jsonf\")\n\
             property(outname=\"host\" name=\"hostname\" format=\"jsonf\")\n\
             property(outname=\"level\" name=\"syslogseverity-text\" format=\"jsonf\")\n\
             property(outname=\"program\" name=\"programname\" format=\"jsonf\")\n\
             property(outname=\"message\" name=\"msg\" format=\"jsonf\") }}\n\
             action(type=\"omprog\" binary=\"{} --protocol rsyslog-omprog --no-shipped-rules --to tcp://{to}\"\n\
             template=\"line\" confirmMessages=\"on\" useTransactions=\"on\" confirmTimeout=\"60000\"\n\
             action.resumeRetryCount=\"-1\")\n",
            program(),
        );
    let rsyslog = rsyslogd(folder.path(), &config);
    send(&at);
    let text = lines_of(&out, folder.path(), MESSAGES + REPEATS);
    assert_all_once(&text);
    assert!(text.lines().any(|line| line.contains("database refused") && line.contains("\"anomalies\"")));
    drop(rsyslog);
    copier.join().unwrap();
}

#[test]
fn syslog_ng_sends_to_a_program_and_takes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (at, back, out) = (free_address(), free_address(), folder.path().join("out"));
    let config = format!(
        "@version: 3.38\n\
         options {{ keep-hostname(yes); log-fifo-size(400000); stats-freq(0); }};\n\
         source s_in {{ network(ip(\"127.0.0.1\") port({}) transport(\"tcp\") log-iw-size(10000)); }};\n\
         destination d_program {{ program(\"exec {} --no-shipped-rules --log none --to tcp://{back}\"\n\
         template(\"$(format-json timestamp=$ISODATE host=$HOST program=$PROGRAM pid=$PID level=$LEVEL message=$MSG)\\n\")); }};\n\
         source s_back {{ network(ip(\"127.0.0.1\") port({}) transport(\"tcp\") flags(no-parse)\n\
         log-msg-size(1048576) log-iw-size(10000)); }};\n\
         destination d_out {{ file(\"{}\" template(\"$MSG\\n\")); }};\n\
         log {{ source(s_in); destination(d_program); flags(flow-control); }};\n\
         log {{ source(s_back); destination(d_out); flags(flow-control); }};\n",
        port_of(&at),
        program(),
        port_of(&back),
        out.display(),
    );
    let _syslog_ng = syslog_ng(folder.path(), &config);
    send(&at);
    let text = lines_of(&out, folder.path(), MESSAGES + REPEATS);
    assert_all_once(&text);
    assert!(text.lines().any(|line| line.contains("database refused") && line.contains("\"anomalies\"")));
}

#[test]
fn syslog_ng_reads_from_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out): (PathBuf, PathBuf) = (folder.path().join("in"), folder.path().join("out"));
    let text: String = (0..MESSAGES).map(|i| format!("INFO order {i} was packed\n")).collect();
    let repeats = "ERROR connection to the database refused, trying again\n".repeat(REPEATS);
    fs::write(&input, text + repeats.as_str()).unwrap();
    let config = format!(
        "@version: 3.38\n\
         options {{ log-fifo-size(400000); stats-freq(0); }};\n\
         source s_program {{ program(\"exec {} --no-shipped-rules --log none --from - --from unix://{} < {}\" flags(no-parse)\n\
         log-msg-size(1048576)); }};\n\
         destination d_out {{ file(\"{}\" template(\"$MSG\\n\")); }};\n\
         log {{ source(s_program); destination(d_out); flags(flow-control); }};\n",
        program(),
        folder.path().join("open").display(),
        input.display(),
        out.display(),
    );
    // The second end stays open: a program that ends is started again, and would read its input again.
    let _syslog_ng = syslog_ng(folder.path(), &config);
    assert_all_once(&lines_of(&out, folder.path(), MESSAGES + REPEATS));
}
