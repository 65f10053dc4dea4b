//! Sinks of this machine: each finding as one line of JSON, to a file or to a descriptor that was
//! inherited.
//!
//! The event stream never waits for a sink: what it does not take is kept, up to a bound, and tried
//! again. A line that was begun is finished before the next, so that a reader never sees half of
//! one followed by another.

use crate::config::{self, SinkFilter};
use crate::engine::finding::Finding;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One finding is at most this long; its context goes first. Sinks take more than events do.
const FINDING_BYTES: usize = 64 << 10;
/// What a sink that takes nothing may hold back.
const PENDING_BYTES: usize = 4 << 20;
/// How soon a sink that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a slow sink is waited for at the end.
const LAST_WAIT_S: i64 = 1;

/// A sink that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file cannot be opened for appending.
    #[error("cannot open the sink {}: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: Errno,
    },
    /// The descriptor is closed, not for writing, or nothing that can be opened again.
    #[error("cannot write to descriptor {descriptor}: {error}")]
    Descriptor {
        /// Which.
        descriptor: u32,
        /// Why.
        error: Errno,
    },
    /// Something that is needed to reach a server is missing.
    #[error("cannot use the sink {sink}: {why}")]
    Remote {
        /// Which.
        sink: String,
        /// Why.
        why: String,
    },
}

impl SinkError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::File { error: Errno::NXIO, .. } => {
                "it is a pipe that nobody reads; start its reader first".to_owned()
            }
            Self::File { .. } => {
                "the path of a sink is a file that can be written, in a directory that exists".to_owned()
            }
            Self::Descriptor { descriptor, error: Errno::NOENT } => {
                format!("it is closed; whoever starts seismolog opens it, in a shell with {descriptor}>findings.ndjson")
            }
            Self::Descriptor { error: Errno::NXIO, .. } => {
                "it is a pipe that nobody reads, or a socket; give a file or a pipe with a reader".to_owned()
            }
            Self::Descriptor { .. } => "give a file or a pipe that is open for writing".to_owned(),
            Self::Remote { .. } => "secrets, certificates and the spool are read at the start".to_owned(),
        }
    }
}

/// What a sink could not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sink}: {why}{}", if *.lost > 0 { format!("; {lost} findings are lost to it") } else { String::new() })]
pub struct SinkFailure {
    /// Which sink.
    pub sink: String,
    /// Why.
    pub why: String,
    /// Findings that had to be given up since the last failure.
    pub lost: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub struct LocalSinks(Vec<Sink>);

#[derive(Debug)]
struct Sink {
    name: String,
    filter: SinkFilter,
    stream: rustix::fd::OwnedFd,
    pending: Vec<u8>,
    lost: u64,
    failed_at: Option<Instant>,
}

impl LocalSinks {
    /// Opens every sink, to append.
    ///
    /// Call it before anything else opens a descriptor: a number that was not inherited is then
    /// found to be closed.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub fn open(sinks: &[config::Sink]) -> Result<Self, SinkError> {
        // All of them first: opening one sink makes a descriptor that the next must not take for an
        // inherited one.
        for sink in sinks {
            if let config::Sink::Descriptor(sink) = sink {
                let descriptor = sink.descriptor;
                rustix::fs::stat(inherited(descriptor)).map_err(|error| SinkError::Descriptor { descriptor, error })?;
            }
        }
        let opened = sinks.iter().filter_map(|sink| {
            let stream = open_sink(sink)?;
            let (name, filter) = (sink.title(), sink.filter());
            Some(stream.map(|stream| Sink { name, filter, stream, pending: Vec::new(), lost: 0, failed_at: None }))
        });
        opened.collect::<Result<_, _>>().map(Self)
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a finding; it leaves at the next flush.
    pub fn take(&mut self, finding: &Finding) {
        self.0.iter_mut().for_each(|sink| sink.take(finding));
    }

    /// Writes what was taken, as far as the sinks take it without being waited for; what went
    /// wrong.
    #[must_use]
    pub fn flush(&mut self) -> Vec<SinkFailure> {
        self.0.iter_mut().filter_map(|sink| sink.flush(Instant::now())).collect()
    }

    /// Writes the last of it, with a short wait for a slow reader; what could not be delivered.
    #[must_use]
    pub fn finish(&mut self) -> Vec<SinkFailure> {
        self.0.iter_mut().filter_map(Sink::finish).collect()
    }
}

impl Sink {
    fn take(&mut self, finding: &Finding) {
        if !self.filter.passes(finding) {
            return;
        }
        if self.pending.len() > PENDING_BYTES {
            self.lost += 1;
            return;
        }
        finding.write_line(FINDING_BYTES, &mut self.pending);
    }

    fn flush(&mut self, now: Instant) -> Option<SinkFailure> {
        let waits = self.failed_at.is_some_and(|failed_at| now.duration_since(failed_at) < RETRY);
        if self.pending.is_empty() || waits {
            return None;
        }
        let why = match self.write() {
            Ok(()) if self.lost == 0 => return None,
            Ok(()) => "its reader is too slow".to_owned(),
            Err(error) => {
                self.failed_at = Some(now);
                io::Error::from(error).to_string()
            }
        };
        Some(SinkFailure { sink: self.name.clone(), why, lost: std::mem::take(&mut self.lost) })
    }

    fn finish(&mut self) -> Option<SinkFailure> {
        let mut why = "its reader is too slow".to_owned();
        loop {
            if let Err(error) = self.write() {
                why = io::Error::from(error).to_string();
                break;
            }
            let wait = Timespec { tv_sec: LAST_WAIT_S, tv_nsec: 0 };
            if self.pending.is_empty()
                || !matches!(poll(&mut [PollFd::new(&self.stream, PollFlags::OUT)], Some(&wait)), Ok(1..))
            {
                break;
            }
        }
        self.lost += memchr::memchr_iter(b'\n', &self.pending).count() as u64;
        let lost = std::mem::take(&mut self.lost);
        self.pending.clear();
        (lost > 0).then(|| SinkFailure { sink: self.name.clone(), why, lost })
    }

    /// Writes as much as is taken at once. A pipe that is full is no error.
    fn write(&mut self) -> Result<(), Errno> {
        let mut written = 0;
        let mut result = Ok(());
        while written < self.pending.len() {
            match rustix::io::write(&self.stream, &self.pending[written..]) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.pending.drain(..written);
        result
    }
}

/// Opens a sink to append; none for one that is a server.
pub(super) fn open_sink(sink: &config::Sink) -> Option<Result<rustix::fd::OwnedFd, SinkError>> {
    match sink {
        config::Sink::Alertmanager(_) | config::Sink::Webhook(_) | config::Sink::Email(_) => None,
        config::Sink::File(sink) => {
            let path = || sink.path.clone();
            Some(open(&sink.path, OFlags::CREATE).map_err(|error| SinkError::File { path: path(), error }))
        }
        config::Sink::Descriptor(sink) => {
            let descriptor = sink.descriptor;
            let opened = open(&inherited(descriptor), OFlags::empty());
            Some(opened.map_err(|error| SinkError::Descriptor { descriptor, error }))
        }
    }
}

/// The path under which a process finds a descriptor of its own. Opening it makes a second
/// description of the same file or pipe, so that it can be set non-blocking without a word to
/// whoever else holds it.
fn inherited(descriptor: u32) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{descriptor}"))
}

fn open(path: &Path, more: OFlags) -> Result<rustix::fd::OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | more;
    rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::finding::{Evidence, RuleEvidence, Severity};
    use crate::engine::incident::{Incidents, Opening, Policy};
    use crate::event::Timestamp;
    use rustix::fd::AsRawFd;
    use std::io::Read;

    pub(crate) fn findings(severity: Severity, count: usize) -> Vec<Finding> {
        let (mut incidents, mut findings) = (Incidents::new(Policy::default(), 10_000), Vec::new());
        for i in 0..count {
            let opening = Opening {
                detector: crate::engine::finding::DetectorName::Loop,
                kind: "exact".into(),
                rule: None,
                severity,
                key: Default::default(),
                count: 8,
                score: 0.5,
                measured: Default::default(),
                evidence: Evidence::Rule(RuleEvidence { said: format!("finding {i}") }),
                worst: None,
                cause: None,
                remedy: None,
                context: Vec::new(),
            };
            let id = incidents.open(opening, Timestamp(i as i64), &mut findings);
            incidents.resolve(id, Timestamp(i as i64 + 1), &mut findings);
        }
        findings
    }

    fn file(path: &Path, min_severity: Option<Severity>) -> config::Sink {
        let path = path.display().to_string();
        let severity = min_severity.map_or(String::new(), |severity| format!("min_severity = {:?}", severity.name()));
        sink(&format!("type = \"file\"\npath = {path:?}\n{severity}"))
    }

    fn descriptor(descriptor: u32) -> config::Sink {
        sink(&format!("type = \"descriptor\"\ndescriptor = {descriptor}"))
    }

    fn sink(text: &str) -> config::Sink {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn files_are_appended_to_in_order_with_every_state_of_enough_severity() {
        let folder = tempfile::tempdir().unwrap();
        let (all, bad) = (folder.path().join("all"), folder.path().join("bad"));
        std::fs::write(&all, "old\n").unwrap();
        let mut sinks = LocalSinks::open(&[file(&all, None), file(&bad, Some(Severity::Critical))]).unwrap();
        findings(Severity::Warning, 1).iter().for_each(|finding| sinks.take(finding));
        findings(Severity::Critical, 1).iter().for_each(|finding| sinks.take(finding));
        assert_eq!(sinks.flush(), []);
        let text = std::fs::read_to_string(&all).unwrap();
        let states: Vec<String> = text
            .lines()
            .skip(1)
            .map(|line| {
                let finding: serde_json::Value = serde_json::from_str(line).unwrap();
                format!("{} {}", finding["severity"].as_str().unwrap(), finding["state"].as_str().unwrap())
            })
            .collect();
        assert!(text.starts_with("old\n"));
        assert_eq!(states, ["warning open", "warning resolved", "critical open", "critical resolved"]);
        assert_eq!(std::fs::read_to_string(&bad).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_stuck_reader_costs_findings_and_never_waits() {
        let (mut reader, writer) = io::pipe().unwrap();
        let descriptor = writer.as_raw_fd() as u32;
        let mut sinks = LocalSinks::open(&[super::tests::descriptor(descriptor)]).unwrap();
        let many = findings(Severity::Info, 5_000);
        let mut lost = 0;
        for _ in 0..4 {
            many.iter().for_each(|finding| sinks.take(finding));
            for failure in sinks.flush() {
                assert!(failure.to_string().contains("too slow"), "{failure}");
                lost += failure.lost;
            }
        }
        assert!(lost > 0 && sinks.0[0].pending.len() < PENDING_BYTES + FINDING_BYTES);
        drop(writer);
        let taken = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        assert_eq!(sinks.finish(), []);
        drop(sinks);
        let text = taken.join().unwrap().unwrap();
        assert_eq!(text.lines().count() as u64 + lost, 40_000);
        assert!(text.lines().all(|line| line.starts_with("{\"at\":\"") && line.ends_with('}')));
    }

    #[test]
    fn a_closed_reader_and_a_full_disk_are_said_once_a_second_and_tried_again() {
        let (reader, writer) = io::pipe().unwrap();
        let descriptor = writer.as_raw_fd() as u32;
        let pipe = super::tests::descriptor(descriptor);
        let mut sinks = LocalSinks::open(&[pipe, file(Path::new("/dev/full"), None)]).unwrap();
        drop(reader);
        findings(Severity::Info, 1).iter().for_each(|finding| sinks.take(finding));
        let failures = sinks.flush();
        assert_eq!(failures.len(), 2);
        assert!(failures[0].to_string().contains("roken pipe"), "{failures:?}");
        assert!(failures[1].to_string().contains("/dev/full: No space left"), "{failures:?}");
        assert_eq!(sinks.flush(), []);
        for sink in &mut sinks.0 {
            assert!(sink.flush(Instant::now() + RETRY).is_some(), "{}", sink.name);
        }
        assert_eq!(sinks.finish().iter().map(|failure| failure.lost).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn what_cannot_be_opened_has_a_hint() {
        let sinks = [descriptor(999_999)];
        let error = LocalSinks::open(&sinks).unwrap_err();
        assert!(error.to_string().contains("descriptor 999999") && error.hint().contains("closed"), "{error}");
        let error = LocalSinks::open(&[file(Path::new("/nowhere/at/all"), None)]).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all") && error.hint().contains("directory"), "{error}");
    }
}
