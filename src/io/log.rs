//! Diagnostics: to standard error, to a file, or nowhere. Never to standard output.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A matter that was said is not said again for this long; how often it came up meanwhile is said then.
const QUIET: Duration = Duration::from_secs(60);

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

    /// Says it. A log that cannot be written to is no reason to stop a pipeline.
    pub fn say(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.write(text);
    }

    /// Says it unless the same `matter` was said within the last minute.
    pub fn say_seldom(&self, matter: &str, text: &str) {
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
                inner.said.insert(matter.to_owned(), (now, 0));
                inner.write(&format!("{text} (said at most once a minute; seismolog_faults_total counts all)"));
            }
        }
    }
}

impl Inner {
    fn write(&mut self, text: &str) {
        if let Some(sink) = &mut self.sink {
            let _ = writeln!(sink, "seismolog: {text}");
            let _ = sink.flush();
        }
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log")
    }
}
