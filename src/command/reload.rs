//! Reloads rules of a running filter: they are read, checked and compiled on another thread, and
//! replace the old ones between two batches.

use super::{load_rules, test};
use crate::config::Config;
use crate::engine::rules::RuleSet;
use crate::io::log::Log;
use crate::io::watch::Watch;
use crate::telemetry::metrics::Metrics;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the files are checked for changes.
const PERIOD: Duration = Duration::from_secs(1);

/// The current rules, shared between the thread that reads them and the one that runs them.
#[derive(Clone, Debug)]
pub struct LiveRules(Arc<SharedRules>);

#[derive(Debug)]
struct SharedRules {
    rules: Mutex<RuleSet>,
    is_new: AtomicBool,
}

impl LiveRules {
    /// Starts with `rules`.
    #[must_use]
    pub fn new(rules: RuleSet) -> Self {
        Self(Arc::new(SharedRules { rules: Mutex::new(rules), is_new: AtomicBool::new(false) }))
    }

    /// The current rules.
    #[must_use]
    pub fn current(&self) -> RuleSet {
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The current rules if they have changed since the last call.
    #[must_use]
    pub fn take_new(&self) -> Option<RuleSet> {
        (self.0.is_new.load(Ordering::Relaxed) && self.0.is_new.swap(false, Ordering::AcqRel)).then(|| self.current())
    }

    fn put(&self, rules: RuleSet) {
        *self.0.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules;
        self.0.is_new.store(true, Ordering::Release);
    }
}

/// Requests a reload. When the last handle is dropped, the watching thread ends.
#[derive(Clone, Debug)]
pub struct ReloadHandle(Sender<()>);

impl ReloadHandle {
    /// Requests a reload, whether or not a file seems to have changed.
    pub fn request(&self) {
        // A failed send means that the watching thread has ended, so there is nothing to reload
        // for.
        let _ = self.0.send(());
    }
}

/// Watches the files of the rules on a thread of its own, and puts changed rules into `live` if all
/// of them are valid.
///
/// # Errors
/// When the thread cannot be started.
pub fn watch(config: Config, live: LiveRules, log: Log, metrics: Option<Arc<Metrics>>) -> io::Result<ReloadHandle> {
    let (bell, rung) = channel();
    let reader = Reader { watch: Watch::new(config.rules.paths.clone()), config, live, log, metrics };
    std::thread::Builder::new().name("rules".into()).spawn(move || reader.run(&rung))?;
    Ok(ReloadHandle(bell))
}

struct Reader {
    watch: Watch,
    config: Config,
    live: LiveRules,
    log: Log,
    metrics: Option<Arc<Metrics>>,
}

impl Reader {
    fn run(mut self, rung: &Receiver<()>) {
        loop {
            let asked = match rung.recv_timeout(PERIOD) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if asked || self.watch.has_changed() {
                let result = self.reload();
                if let Some(metrics) = &self.metrics {
                    metrics.add_rule_reloads(result, 1);
                }
            }
        }
    }

    /// Replaces the rules only if all rules and their tests are valid.
    fn reload(&self) -> &'static str {
        let loaded = load_rules(&self.config, &[]).and_then(|rules| {
            let problems = test::check_tests(&rules);
            if problems.is_empty() { Ok(rules) } else { Err(problems) }
        });
        match loaded {
            Ok(rules) => {
                let change = rules.change_from(&self.live.current());
                if change.is_none() {
                    self.log.say("rules read again: nothing has changed");
                    return "unchanged";
                }
                self.live.put(rules);
                self.log.say(&format!("rules reloaded: {change}"));
                "changed"
            }
            Err(problems) => {
                let (count, problems): (usize, Vec<String>) =
                    (problems.len(), problems.iter().map(ToString::to_string).collect());
                let what = if count == 1 { "1 problem" } else { &format!("{count} problems") };
                self.log.say(&format!("rules not reloaded, the old ones go on: {what}\n{}", problems.join("\n")));
                "failed"
            }
        }
    }
}
