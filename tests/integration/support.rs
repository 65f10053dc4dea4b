//! Shared by the tests: the program between pipes with a watchdog, its memory, and generated
//! streams.
//!
//! Nothing here sleeps for a fixed time: reads block, and a watchdog kills the program if a test
//! takes too long, which ends every blocking read and fails the test with the reason. What no read
//! can wait for is polled by `until`, with pauses and a deadline.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long one run of the program may take before it is killed and its test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// A pipe that accepts nothing for this long is full.
const STUCK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The folder of the crate.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program with these arguments and an empty environment.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seismolog"));
    command.args(args).env_clear();
    command
}

/// The output and exit code of a run.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Ended {
    /// The standard output, after asserting that the run succeeded and printed no errors.
    #[track_caller]
    pub(crate) fn quietly(self) -> Vec<u8> {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }
}

/// Runs the program with a regular file of this content as its standard input.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Ended {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    Filter::start(command(args).stdin(file).stdout(Stdio::piped())).finish()
}

/// The running program.
pub(crate) struct Filter {
    child: Child,
    pub(crate) stdin: Option<PipeWriter>,
    pub(crate) stdout: Option<BufReader<PipeReader>>,
    stderr: Arc<Heard>,
    listener: Option<JoinHandle<()>>,
    watchdog: Watchdog,
}

/// The text of standard error so far.
#[derive(Default)]
struct Heard {
    text: Mutex<(String, bool)>,
    changed: Condvar,
}

impl Filter {
    /// Starts the program between two pipes.
    pub(crate) fn in_pipes(args: &[&str]) -> Self {
        let (child_reads, we_write) = std::io::pipe().unwrap();
        let (we_read, child_writes) = std::io::pipe().unwrap();
        Self::between(args, child_reads, we_write, we_read, child_writes)
    }

    /// Starts the program between pipes that the caller has made.
    pub(crate) fn between(
        args: &[&str],
        child_reads: PipeReader,
        we_write: PipeWriter,
        we_read: PipeReader,
        child_writes: PipeWriter,
    ) -> Self {
        let mut command = command(args);
        command.stdin(child_reads).stdout(child_writes);
        let mut filter = Self::start(&mut command);
        filter.stdin = Some(we_write);
        filter.stdout = Some(BufReader::with_capacity(1 << 16, we_read));
        filter
    }

    /// Starts a command whose standard input and output are set; the test reads a piped standard
    /// output.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        // Closes the child's ends of the pipes in this process, because otherwise no pipe would
        // ever end.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let heard = Arc::new(Heard::default());
        let (mut stream, hears) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&heard));
        let listener = std::thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                let ended = stream.read_until(b'\n', &mut line).unwrap_or(0) == 0;
                let mut text = hears.text.lock().unwrap();
                text.0.push_str(&String::from_utf8_lossy(&line));
                text.1 = ended;
                hears.changed.notify_all();
                if ended {
                    return;
                }
            }
        });
        let stdout = child
            .stdout
            .take()
            .map(|stdout| BufReader::with_capacity(1 << 16, PipeReader::from(rustix::fd::OwnedFd::from(stdout))));
        let watchdog = Watchdog::over(child.id());
        Self { child, stdin: None, stdout, stderr: heard, listener: Some(listener), watchdog }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes all bytes, blocking.
    #[track_caller]
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Writes these pieces from another thread, which returns the input, still open.
    pub(crate) fn feed_apart(
        &mut self,
        pieces: impl IntoIterator<Item = Vec<u8>> + Send + 'static,
    ) -> JoinHandle<PipeWriter> {
        let mut stdin = self.stdin.take().unwrap();
        std::thread::spawn(move || {
            for piece in pieces {
                stdin.write_all(&piece).unwrap();
            }
            stdin
        })
    }

    /// Writes pieces until a program that has begun to read accepts nothing for a second. Returns
    /// how many bytes were accepted, and the pieces that were not.
    pub(crate) fn feed_until_stuck(&mut self, pieces: &mut impl Iterator<Item = Vec<u8>>) -> (usize, Vec<u8>) {
        let stdin = self.stdin.as_ref().unwrap();
        set_blocking(stdin, false);
        let (mut fed, mut rest) = (0, Vec::new());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if rest.is_empty() {
                rest = pieces.next().unwrap_or_else(|| panic!("all {fed} bytes were taken although nobody reads"));
            }
            match rustix::io::write(stdin, &rest) {
                Ok(count) => {
                    fed += count;
                    rest.drain(..count);
                }
                Err(Errno::AGAIN) => {
                    let is_full = poll(&mut [PollFd::new(stdin, PollFlags::OUT)], Some(&STUCK)).unwrap() == 0;
                    let unread = rustix::io::ioctl_fionread(stdin).unwrap() as usize;
                    assert!(unread < fed || Instant::now() < deadline, "it never began to read\n{}", self.heard());
                    if is_full && unread < fed {
                        set_blocking(stdin, true);
                        return (fed, rest);
                    }
                }
                Err(error) => panic!("the program stopped reading after {fed} bytes: {error}\n{}", self.heard()),
            }
        }
    }

    /// Reads the next line of output with its end, blocking.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.stdout.as_mut().unwrap().read_until(b'\n', &mut line).unwrap();
        self.watchdog.check();
        assert!(!line.is_empty(), "standard output has ended:\n{}", self.heard());
        String::from_utf8(line).unwrap()
    }

    /// Reads the next `count` bytes of output, blocking.
    #[track_caller]
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.stdout.as_mut().unwrap().read_exact(&mut bytes);
        self.watchdog.check();
        read.unwrap();
        bytes
    }

    /// The text of standard error so far.
    pub(crate) fn heard(&self) -> String {
        self.stderr.text.lock().unwrap().0.clone()
    }

    /// Waits for a line on standard error that contains `part`, and returns what follows it in the
    /// line.
    #[track_caller]
    pub(crate) fn hear(&self, part: &str) -> String {
        let text = self.stderr.text.lock().unwrap();
        let find = |text: &str| {
            let line = text.lines().find(|line| line.contains(part))?;
            Some(line.split_once(part)?.1.to_owned())
        };
        let (text, _) = self
            .stderr
            .changed
            .wait_timeout_while(text, PATIENCE, |(text, ended)| find(text).is_none() && !*ended)
            .unwrap();
        find(&text.0).unwrap_or_else(|| panic!("standard error never said {part:?}:\n{}", text.0))
    }

    /// Sends a signal by name, using the shell's own `kill`, because the crate does not otherwise
    /// need signals.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// The program's memory in KiB: `VmRSS` is the current value, `VmHWM` the highest.
    #[track_caller]
    pub(crate) fn memory(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
        line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
            .unwrap_or_else(|| panic!("no {what} in {status}"))
    }

    /// Closes the input, reads the output to its end and waits for the program.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ended {
        drop(self.stdin.take());
        let mut stdout = Vec::new();
        if let Some(mut stream) = self.stdout.take() {
            stream.read_to_end(&mut stdout).unwrap();
        }
        let (code, stderr) = self.wait();
        Ended { stdout, stderr, code: code.code() }
    }

    /// Waits for the program; its input and output stay open.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        self.listener.take().unwrap().join().unwrap();
        let status = self.child.wait().unwrap();
        self.watchdog.check();
        (status, self.heard())
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(process: u32, name: &str) {
    let status = Command::new("/bin/sh").args(["-c", &format!("kill -{name} {process}")]).status().unwrap();
    assert!(status.success(), "cannot send {name}");
}

/// Kills a program that takes too long.
struct Watchdog {
    bitten: Arc<AtomicBool>,
    _leash: Sender<()>,
}

impl Watchdog {
    fn over(process: u32) -> Self {
        let bitten = Arc::new(AtomicBool::new(false));
        let (leash, freed) = channel();
        let bites = Arc::clone(&bitten);
        std::thread::spawn(move || {
            if freed.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                bites.store(true, Ordering::SeqCst);
                signal(process, "KILL");
            }
        });
        Self { bitten, _leash: leash }
    }

    #[track_caller]
    fn check(&self) {
        assert!(!self.bitten.load(Ordering::SeqCst), "killed: it had not ended after {PATIENCE:?}");
    }
}

/// Makes a descriptor blocking or non-blocking.
pub(crate) fn set_blocking(descriptor: impl AsFd, blocking: bool) {
    let mut flags = fcntl_getfl(&descriptor).unwrap();
    flags.set(OFlags::NONBLOCK, !blocking);
    fcntl_setfl(&descriptor, flags).unwrap();
}

/// Polls `ask` until it returns a value, at most for `PATIENCE`.
#[track_caller]
pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask)
}

/// Polls with another time limit. Pauses are short at first, because most answers come at once, and
/// grow, because polling takes time from what is being waited for.
#[track_caller]
pub(crate) fn until_within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within {patience:?}");
        std::thread::sleep(pause);
        pause = (2 * pause).min(Duration::from_millis(20));
    }
}

/// Waits until a descriptor has something to read or a connection to accept.
#[track_caller]
pub(crate) fn wait_readable(what: &str, descriptor: impl AsFd) {
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let ready = poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&patience)).unwrap();
    assert!(ready > 0, "{what} did not come within {PATIENCE:?}");
}

/// Line `i` of a stream without anomalies: INFO events whose messages are all different.
pub(crate) fn event(i: usize) -> String {
    let (seconds, ms) = (i / 100 % 86_400, i % 100 * 10);
    format!(
        "{{\"timestamp\":\"2026-03-02T{:02}:{:02}:{:02}.{ms:03}Z\",\"level\":\"INFO\",\"module\":\"shop.{}\",\
         \"message\":\"order {i} was packed in {}.{} and left by gate {}\",\"count\":{i}.50,\"note\":\"\\u00fc\"}}\n",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        i % 7,
        i * 31 % 997,
        i % 10,
        i * 17 % 41,
    )
}

/// That stream in pieces of whole lines, each slightly longer than `PIECE`.
pub(crate) fn pieces() -> impl Iterator<Item = Vec<u8>> + Send {
    let mut next = 0;
    std::iter::repeat_with(move || {
        let mut piece = Vec::with_capacity(PIECE + 300);
        while piece.len() < PIECE {
            piece.extend_from_slice(event(next).as_bytes());
            next += 1;
        }
        piece
    })
}

/// The least size of a piece, in bytes.
pub(crate) const PIECE: usize = 256 << 10;

/// Reads exactly the expected pieces from the output and compares them.
#[track_caller]
pub(crate) fn assert_same_stream(output: &mut impl Read, expected: impl Iterator<Item = Vec<u8>>) {
    let (mut at, mut got) = (0, Vec::new());
    for piece in expected {
        got.resize(piece.len(), 0);
        output.read_exact(&mut got).unwrap_or_else(|error| panic!("behind byte {at}: {error}"));
        if got != piece {
            let first = (0..piece.len()).find(|&i| piece[i] != got[i]).unwrap();
            let around = first.saturating_sub(80)..(first + 80).min(piece.len());
            let (piece, got) = (shown(&piece[around.clone()]), shown(&got[around]));
            panic!("byte {} differs:\nexpected …{piece}…\ngot      …{got}…", at + first);
        }
        at += piece.len();
    }
}

/// Bytes in a readable form.
pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

/// The recorded input of a golden test.
pub(crate) fn golden_input(case: &str) -> Vec<u8> {
    let path = root().join("tests/integration/golden").join(case).join("input");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A folder with a configuration file, and the path of that file.
pub(crate) fn configured(toml: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seismolog.toml");
    std::fs::write(&path, toml).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

/// Opens a file for reading.
pub(crate) fn open(path: impl AsRef<Path>) -> File {
    File::open(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}
