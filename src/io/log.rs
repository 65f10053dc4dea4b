//! Diagnostics: to standard error, to a file, or nowhere. Never to standard output.

use crate::plain::plain;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a matter is not logged again; the next entry says how often it came up meanwhile.
const QUIET: Duration = Duration::from_secs(60);
/// Most matters that are remembered; beyond that the oldest is forgotten.
const MATTERS: usize = 1_000;

/// Where diagnostics go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard error.
    Stderr,
    /// Nowhere.
    None,
    /// The end of a file.
    File(PathBuf),
}

/// The log. Cloning it shares it.
#[derive(Clone)]
pub struct Log(Arc<Mutex<Inner>>);

struct Inner {
    sink: Option<Box<dyn Write + Send>>,
    said: BTreeMap<String, (Instant, u64)>,
}

impl Log {
    /// Opens the log.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(target: &Target) -> io::Result<Self> {
        let sink: Option<Box<dyn Write + Send>> = match target {
            Target::Stderr => Some(Box::new(io::stderr())),
            Target::None => None,
            Target::File(path) => Some(Box::new(OpenOptions::new().create(true).append(true).open(path)?)),
        };
        Ok(Self(Arc::new(Mutex::new(Inner { sink, said: BTreeMap::new() }))))
    }

    /// Logs a text. Errors of writing are ignored: a log that cannot be written to must not stop a
    /// pipeline.
    pub fn say(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.write(text);
    }

    /// Logs a text, unless the same `matter` was logged within the last minute.
    pub fn say_seldom(&self, matter: &str, text: &str) {
        self.say_once(matter, text, "said at most once a minute");
    }

    /// Logs a text about an event that metrics count as a fault, unless the same `matter` was
    /// logged within the last minute.
    pub fn say_fault(&self, matter: &str, text: &str) {
        self.say_once(matter, text, "said at most once a minute; seismolog_faults_total counts all");
    }

    fn say_once(&self, matter: &str, text: &str, how_often: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match inner.said.get_mut(matter) {
            Some((last, unsaid)) if now.duration_since(*last) < QUIET => *unsaid += 1,
            Some(said) => {
                let (_, unsaid) = std::mem::replace(said, (now, 0));
                inner.write(&if unsaid > 0 {
                    format!("{text} (and {unsaid} times more in the last minutes)")
                } else {
                    text.to_owned()
                });
            }
            None => {
                inner.make_room();
                inner.said.insert(matter.to_owned(), (now, 0));
                inner.write(&format!("{text} ({how_often})"));
            }
        }
    }
}

impl Inner {
    fn make_room(&mut self) {
        if self.said.len() < MATTERS {
            return;
        }
        let first = self.said.iter().min_by_key(|(_, (last, _))| *last).map(|(matter, _)| matter.clone());
        first.and_then(|matter| self.said.remove(&matter));
    }

    fn write(&mut self, text: &str) {
        if let Some(sink) = &mut self.sink {
            let _ = writeln!(sink, "seismolog: {}", as_one_entry(text));
            let _ = sink.flush();
        }
    }
}

/// The text as an entry of the log. Control characters are escaped, and a line break begins an
/// indented line, so that a writer of events or of file names cannot forge an entry.
fn as_one_entry(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n  ")
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (tempfile::TempDir, PathBuf, Log) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Log::open(&Target::File(path.clone())).unwrap();
        (folder, path, log)
    }

    #[test]
    fn only_of_faults_it_is_said_that_they_are_counted() {
        let (_folder, path, log) = log();
        for _ in 0..3 {
            log.say_seldom("peer", "it is gone");
            log.say_fault("utf8", "no text");
        }
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            text,
            "seismolog: it is gone (said at most once a minute)\n\
             seismolog: no text (said at most once a minute; seismolog_faults_total counts all)\n"
        );
    }

    #[test]
    fn nobody_else_writes_an_entry_or_steers_a_terminal() {
        let (_folder, path, log) = log();
        log.say("cannot read a\nseismolog: all is well\x1b[2J\u{202e}");
        log.say_fault("x", "b\r\x1b]0;t\x07\u{9b}");
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "seismolog: cannot read a\n  seismolog: all is well\\u{1b}[2J\\u{202e}\n\
             seismolog: b\\r\\u{1b}]0;t\\u{7}\\u{9b} (said at most once a minute; seismolog_faults_total counts all)\n"
        );
    }

    #[test]
    fn matters_without_number_are_forgotten_in_the_order_in_which_they_were_said() {
        let (_folder, path, log) = log();
        (0..=MATTERS).for_each(|i| log.say_seldom(&i.to_string(), &format!("matter {i}")));
        assert_eq!(log.0.lock().unwrap().said.len(), MATTERS);
        log.say_seldom("0", "matter 0");
        log.say_seldom("2", "matter 2");
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().filter(|line| line.contains("matter 0 ")).count(), 2);
        assert_eq!(text.lines().filter(|line| line.contains("matter 2 ")).count(), 1);
    }
}
