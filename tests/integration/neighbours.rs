//! Runs the configurations in `examples/`, unchanged except for ports and paths, with the programs
//! that they are for: 100,000 messages pass through each integration, none is lost, none comes
//! twice, and a finding is in its place. `make tools` installs those programs. Fluent Bit and
//! Vector are in no package; `examples/README.md` says what is known of them.

use crate::peers::free_address;
use crate::support::{command, root, run, until, until_within};
use std::collections::HashSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MESSAGES: usize = 100_000;
/// Time limit for all messages. rsyslog waits for the reply to each before it sends the next.
const PATIENCE: Duration = Duration::from_secs(600);
/// A program that writes nothing for this long is considered stuck.
const STUCK: Duration = Duration::from_secs(120);
/// How long a program may take to end.
const GRACE: Duration = Duration::from_secs(20);
/// How often the same error is repeated at the end, which makes a finding.
const REPEATS: usize = 300;

/// A program that is ended with the test.
struct Neighbour(Child);

impl Drop for Neighbour {
    fn drop(&mut self) {
        // It is asked with SIGTERM first, so that it ends its own children.
        let _ = Command::new("/bin/sh").args(["-c", &format!("kill {}", self.0.id())]).status();
        let asked = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) && asked.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
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

/// Waits until a file of the folder has `count` lines, and returns its text.
#[track_caller]
fn lines_of(file: &Path, folder: &Path, count: usize) -> String {
    let (mut text, mut lines, mut quiet_since) = (Vec::new(), 0, Instant::now());
    until_within(PATIENCE, &format!("{count} lines in {}", file.display()), || {
        let before = text.len();
        if let Ok(mut opened) = fs::File::open(file) {
            opened.seek(SeekFrom::Start(before as u64)).unwrap();
            opened.read_to_end(&mut text).unwrap();
            lines += text[before..].iter().filter(|byte| **byte == b'\n').count();
        }
        if text.len() > before {
            quiet_since = Instant::now();
        }
        let is_stuck = quiet_since.elapsed() > STUCK;
        assert!(lines >= count || !is_stuck, "{lines} of {count} lines in {}: {}", file.display(), said(folder));
        (lines >= count).then_some(())
    });
    String::from_utf8_lossy(&text).into_owned()
}

fn said(folder: &Path) -> String {
    fs::read_to_string(folder.join("said")).unwrap_or_default()
}

/// Asserts that every order occurs once, and that all repeats are there.
#[track_caller]
fn assert_all_once(text: &str) {
    let orders: Vec<usize> =
        text.lines().filter_map(|line| line.split("order ").nth(1)?.split(' ').next()?.parse().ok()).collect();
    let distinct: HashSet<_> = orders.iter().collect();
    assert_eq!((orders.len(), distinct.len()), (MESSAGES, MESSAGES), "lost or doubled");
    assert_eq!(text.lines().filter(|line| line.contains("database refused")).count(), REPEATS);
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_seismolog")
}

/// A file of `examples/` with the given texts replaced, each of which must occur in it.
#[track_caller]
fn example(name: &str, places: &[(&str, &str)]) -> String {
    let path = root().join("examples").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    places.iter().fold(text, |text, (there, here)| {
        assert!(text.contains(there), "{name} does not name {there}");
        text.replace(there, here)
    })
}

fn path_of(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
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
    let (at, out, anomalies) = (free_address(), folder.path().join("messages"), folder.path().join("anomalies.log"));
    let places = [
        ("/usr/bin/seismolog", program()),
        ("/var/log/messages", &path_of(folder.path(), "messages")),
        ("/var/log/anomalies.log", &path_of(folder.path(), "anomalies.log")),
    ];
    let config = rsyslog_head(folder.path(), port_of(&at)) + example("rsyslog/mmexternal.conf", &places).as_str();
    let _rsyslog = rsyslogd(folder.path(), &config);
    send(&at);
    let text = lines_of(&out, folder.path(), MESSAGES + REPEATS);
    assert_all_once(&text);
    let found: Vec<_> = text.lines().filter(|line| line.contains("\"detector\"")).collect();
    assert!(found.iter().any(|line| line.contains("billing")), "{found:?} {}", said(folder.path()));
    let apart = lines_of(&anomalies, folder.path(), found.len());
    assert_eq!(apart.lines().collect::<Vec<_>>(), found);
}

/// A rule that withholds the events of module `audit`.
const WITHHOLDING: &str = "const RULE = #{ select: #{ module: \"audit\" } };\nfn on_event(e) { drop(); }\n";

#[test]
fn rsyslog_has_every_message_confirmed_through_omprog_and_what_a_rule_withholds_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (at, out, rules) = (free_address(), folder.path().join("out"), folder.path().join("rules"));
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("audit.rhai"), WITHHOLDING).unwrap();
    let (to, kept) = (free_address(), fs::File::create(&out).unwrap());
    let mut downstream = command(&["--from", &format!("forward://{to}"), "--no-shipped-rules", "--log", "none"]);
    let downstream = Neighbour(downstream.stdin(Stdio::null()).stdout(kept).spawn().unwrap());
    let with_rules = format!("seismolog --rules {} ", rules.display());
    let places =
        [("127.0.0.1:24224", to.as_str()), ("seismolog --", &(with_rules + "--")), ("/usr/bin/seismolog", program())];
    let config = rsyslog_head(folder.path(), port_of(&at)) + example("rsyslog/omprog.conf", &places).as_str();
    let rsyslog = rsyslogd(folder.path(), &config);
    let mut stream = until("a connection to the syslog server", || TcpStream::connect(&at).ok());
    let audit: String =
        (0..REPEATS).map(|i| format!("<14>Mar  2 08:00:00 node1 audit[3]: user {i} came in\n")).collect();
    stream.write_all(audit.as_bytes()).unwrap();
    drop(stream);
    send(&at);
    let text = lines_of(&out, folder.path(), MESSAGES + REPEATS);
    assert_all_once(&text);
    assert!(text.lines().any(|line| line.contains("database refused") && line.contains("\"anomalies\"")));
    assert!(!text.contains("came in"), "what a rule withholds has left");
    drop((rsyslog, downstream));
    let text = fs::read_to_string(&out).unwrap();
    assert_all_once(&text);
    assert!(!text.contains("came in"), "what a rule withholds has left");
}

/// The example reads the machine's own log; the test uses a socket instead.
const SOURCES: (&str, &str) =
    ("@include \"scl.conf\"", "options { keep-hostname(yes); log-fifo-size(400000); stats-freq(0); };");

#[test]
fn syslog_ng_sends_to_a_program_and_takes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (at, back, out) = (free_address(), free_address(), folder.path().join("seen.ndjson"));
    let input = format!("network(ip(\"127.0.0.1\") port({}) transport(\"tcp\") log-iw-size(10000));", port_of(&at));
    let places = [
        SOURCES,
        ("system(); internal();", &input),
        ("/usr/bin/seismolog", program()),
        ("127.0.0.1:5171", &back),
        ("port(5171)", &format!("port({})", port_of(&back))),
        ("/var/log/seismolog.log", &path_of(folder.path(), "seismolog.log")),
        ("/var/log/seen.ndjson", &path_of(folder.path(), "seen.ndjson")),
    ];
    let _syslog_ng = syslog_ng(folder.path(), &example("syslog-ng/syslog-ng.conf", &places));
    send(&at);
    let text = lines_of(&out, folder.path(), MESSAGES + REPEATS);
    assert_all_once(&text);
    assert!(text.lines().any(|line| line.contains("database refused") && line.contains("\"anomalies\"")));
}

#[test]
fn syslog_ng_reads_from_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("app.log"), folder.path().join("seen.ndjson"));
    let places = [
        ("exec seismolog", &*format!("exec {}", program())),
        ("/var/log/app.log", &path_of(folder.path(), "app.log")),
        ("/var/log/seen.ndjson", &path_of(folder.path(), "seen.ndjson")),
    ];
    let mut app = fs::File::create(&input).unwrap();
    let _syslog_ng = syslog_ng(folder.path(), &example("syslog-ng/file.conf", &places));
    // `tail` begins with lines that are written after it has started.
    until("the first line", || {
        writeln!(app, "INFO is somebody there?").unwrap();
        fs::metadata(&out).is_ok_and(|file| file.len() > 0).then_some(())
    });
    let text: String = (0..MESSAGES).map(|i| format!("INFO order {i} was packed\n")).collect();
    app.write_all(text.as_bytes()).unwrap();
    app.write_all("ERROR connection to the database refused, trying again\n".repeat(REPEATS).as_bytes()).unwrap();
    let asked = fs::read_to_string(&input).unwrap().lines().filter(|line| line.contains("somebody")).count();
    let mut lines = MESSAGES + REPEATS;
    loop {
        // It is unknown how many of the first lines `tail` has read.
        let text = lines_of(&out, folder.path(), lines);
        if text.lines().filter(|line| line.contains("database refused")).count() >= REPEATS {
            assert_all_once(&text);
            assert!(text.lines().any(|line| line.contains("database refused") && line.contains("\"anomalies\"")));
            return;
        }
        assert!(lines < MESSAGES + REPEATS + asked, "{}", said(folder.path()));
        lines = text.lines().count() + 1;
    }
}

/// Copies of a folder of `examples/`, with paths to this machine's programs.
fn examples_here(folder: &str, places: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let here = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for entry in fs::read_dir(root().join("examples").join(folder)).unwrap() {
        let name = entry.unwrap().file_name();
        let text = fs::read_to_string(root().join("examples").join(folder).join(&name)).unwrap();
        let text = places.iter().fold(text, |text, (there, here)| text.replace(there, here));
        paths.push(here.path().join(name));
        fs::write(paths.last().unwrap(), text).unwrap();
    }
    (here, paths)
}

/// Runs a checker that must print nothing.
#[track_caller]
fn check(checker: &mut Command) {
    let name = checker.get_program().to_owned();
    let ended = checker.output().unwrap_or_else(|error| panic!("{}: {error}: run `make tools`", name.display()));
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(ended.status.success() && said.is_empty(), "{}: {said}", name.display());
}

#[test]
fn systemd_takes_the_units_and_what_they_start_reads_the_pipe() {
    let places = [("/usr/bin/seismolog", program()), ("/usr/bin/app", "/bin/true")];
    let (folder, units) = examples_here("systemd", &places);
    check(Command::new("systemd-analyze").arg("verify").args(&units));
    let unit = fs::read_to_string(folder.path().join("seismolog.service")).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let line = line.replace("/var/log/seismolog", &folder.path().display().to_string());
    let config = path_of(folder.path(), "seismolog.toml");
    fs::write(&config, "").unwrap();
    let line = line.replace("/etc/seismolog.toml", &config).replace("127.0.0.1:9464", "127.0.0.1:0");
    let args: Vec<_> = line.split(' ').skip(1).collect();
    let text: String = (0..1_000).map(|i| format!("INFO order {i} was packed\n")).collect();
    let ended = run(&args, text.as_bytes());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout.iter().filter(|byte| **byte == b'\n').count(), 1_000);
}

#[test]
fn kubernetes_takes_the_manifest_and_seismolog_its_configuration() {
    let manifest = root().join("examples/kubernetes/daemonset.yaml");
    let checker = root().join("target/tools/kubernetes/bin/kubernetes-validate");
    check(Command::new(checker).args(["--strict", "--quiet"]).arg(&manifest));
    let text = fs::read_to_string(manifest).unwrap();
    let toml: String = text
        .lines()
        .skip_while(|line| !line.contains("seismolog.toml: |"))
        .skip(1)
        .take_while(|line| line.starts_with("    "))
        .map(|line| line.trim_start().to_owned() + "\n")
        .collect();
    let (_folder, config) = crate::support::configured(&toml);
    let ended = run(&["check", &config], b"");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{toml}");
}
