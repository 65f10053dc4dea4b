//! `seismolog run`: standard input, through the engine, to standard output.

use super::reload::{self, LiveRules};
use super::{Loaded, load};
use crate::cli::RunArgs;
use crate::config;
use crate::engine::Engine;
use crate::error::Failure;
use crate::io::clock;
use crate::io::log::{Log, Target};
use crate::io::shutdown::{self, Progress};
use crate::io::sink::Sinks;
use crate::io::sink::client::{read_secret, variable_secret};
use crate::io::state::{StateError, StateFolder, StateWriter};
use crate::io::stdio::{Input, Output};
use crate::outbox::Outbox;
use crate::pipeline::{Front, Pipeline, RunError};
use crate::telemetry::http::{BindError, Endpoint, Readiness};
use crate::telemetry::watcher::{Served, Watcher};
use crate::telemetry::{History, Metrics, Silences, Site};
use crate::terminal::Screen;
use rustix::fd::AsFd;
use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::Arc;

/// Runs the filter until the input ends.
///
/// # Errors
/// [`Failure`] with the exit code of design §3.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let mut loaded = Loaded { near_misses: args.log_near_misses, ..load(&args.settings)? };
    loaded.config.state.path = args.state.clone().or(loaded.config.state.path);
    // Before any other descriptor is opened, so that a number that nobody left open is found to be closed.
    let sinks = Sinks::open(&loaded.config.sinks).map_err(|error| Failure::cannot(error.to_string(), error.hint()))?;
    let log = open_log(&args.log)?;
    let readiness = Readiness::default();
    let kept = loaded.config.state.path.as_ref().map(|folder| folder.join("silences.json"));
    let silences = Arc::new(kept.map(Silences::kept_in).unwrap_or_default());
    let (served, _endpoint) = serve(&loaded, &readiness, &silences, &log)?;
    let progress = Arc::new(Progress::default());
    let live = LiveRules::new(loaded.rules.clone());
    let bell = reload::watch(
        loaded.config.clone(),
        live.clone(),
        log.clone(),
        served.as_ref().map(|served| Arc::clone(&served.metrics)),
    )
    .map_err(|error| Failure::cannot(format!("cannot watch the rules: {error}"), "raise the limit of threads"))?;
    let stopping = readiness.clone();
    let stop = shutdown::watch(
        loaded.config.output.shutdown_timeout.0,
        Arc::clone(&progress),
        log.clone(),
        move || stopping.set(false),
        move || bell.ring(),
    )
    .map_err(|error| {
        Failure::cannot(format!("cannot watch for signals: {error}"), "raise the limit of open files or threads")
    })?;
    let stdin = rustix::stdio::stdin().try_clone_to_owned();
    let stdin = stdin.map_err(|error| {
        Failure::cannot(format!("cannot open standard input: {error}"), "raise the limit of open files")
    })?;

    let screen =
        Screen::for_output(args.color, std::io::stdout().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
    log_panics(&log);
    let (engine, state) = go_on(&loaded, &log)?;
    let engine = RefCell::new(Some(engine));
    let join_timeout = loaded.config.input.join_timeout.0;
    let front = Front { lines: loaded.lines(), looker: loaded.looker()?, join_timeout };
    let mut pipeline = Pipeline {
        // After a panic it starts empty.
        fresh: &|| engine.borrow_mut().take().unwrap_or_else(|| loaded.engine_with(live.current())),
        new_rules: &|| live.take_new(),
        outbox: Outbox::new(loaded.config.outbox_options()).with_screen(screen),
        observer: Watcher::new(served, log)
            .with_sinks(sinks)
            .with_silences(silences)
            .with_state(state, loaded.config.state.interval.0),
        progress: Arc::clone(&progress),
    };
    readiness.set(true);
    let ended = pipeline.run(front, Input::new(stdin, stop), &mut Output::new(rustix::stdio::stdout().as_fd()));
    readiness.set(false);
    ended.map_err(|error| match error {
        RunError::Write(undelivered) if undelivered.reader_is_gone() => {
            Failure::ReaderGone { undelivered: progress.undelivered() }
        }
        error => Failure::Run(error),
    })
}

/// The engine as it was when its state was last kept; an empty one at the first start, or where that is of no use.
fn go_on(loaded: &Loaded, log: &Log) -> Result<(Engine, Option<StateWriter>), Failure> {
    let mut engine = loaded.engine();
    let Some(path) = &loaded.config.state.path else { return Ok((engine, None)) };
    let hint = |error: &StateError| match error {
        StateError::Directory { .. } => "--state takes a directory that can be made and written",
        StateError::Locked(_) => "give each filter a directory of its own",
    };
    let folder = StateFolder::open(path).map_err(|error| Failure::cannot(error.to_string(), hint(&error)))?;
    let cannot = |what: &str, error: std::io::Error| {
        Failure::cannot(
            format!("cannot {what} the state in {}: {error}", path.display()),
            "check who may read and write it",
        )
    };
    let unfit = match folder.load().map_err(|error| cannot("read", error))? {
        None => None,
        Some(Ok(kept)) => engine.restore(&kept).err().map(|error| error.to_string()),
        Some(Err(damage)) => Some(damage.to_string()),
    };
    if let Some(why) = unfit {
        let aside = folder.set_aside().map_err(|error| cannot("set aside", error))?;
        log.say(&format!(
            "the state in {} is of no use: {why}; it is now {}, and this filter starts anew",
            path.display(),
            aside.display()
        ));
        engine = loaded.engine();
    }
    let writer = folder.writer(log.clone()).map_err(|error| cannot("write", error))?;
    Ok((engine, Some(writer)))
}

fn open_log(target: &str) -> Result<Log, Failure> {
    let named = target;
    let target = match target {
        "stderr" => Target::Stderr,
        "none" => Target::None,
        path => Target::File(path.into()),
    };
    Log::open(&target).map_err(|error| {
        Failure::cannot(
            format!("cannot open the log {named}: {error}"),
            "--log takes stderr, none, or a file that can be written",
        )
    })
}

/// Metrics and the page exist only when somebody is to see them.
fn serve(
    loaded: &Loaded,
    readiness: &Readiness,
    silences: &Arc<Silences>,
    log: &Log,
) -> Result<(Option<Served>, Option<Endpoint>), Failure> {
    let config::Metrics { address, token_file, token_env } = &loaded.config.metrics;
    let Some(address) = address else { return Ok((None, None)) };
    let token = match (token_file, token_env) {
        (Some(file), _) => Some(read_secret(file)),
        (_, Some(variable)) => Some(variable_secret(variable)),
        _ => None,
    };
    let token = token.transpose().map_err(|why| {
        Failure::cannot(
            format!("no token for silences: {why}"),
            "token_file and token_env of [metrics] say where it is",
        )
    })?;
    let metrics = Metrics::new()
        .map_err(|error| Failure::cannot(format!("cannot make metrics: {error}"), "report this as a bug"))?;
    let served = Served { metrics: Arc::new(metrics), history: Arc::new(History::new(clock::now())) };
    let site = Site {
        metrics: Arc::clone(&served.metrics),
        readiness: readiness.clone(),
        history: Arc::clone(&served.history),
        silences: Arc::clone(silences),
        token: token.map(Arc::from),
    };
    let endpoint = Endpoint::bind(address, site).map_err(|error| match error {
        BindError::Address { .. } => Failure::Usage { message: error.to_string(), hint: error.hint() },
        _ => Failure::cannot(error.to_string(), error.hint()),
    })?;
    log.say(&format!("metrics at http://{}/metrics", endpoint.local_addr()));
    Ok((Some(served), Some(endpoint)))
}

/// A panic is caught where it happens and the stream goes on; what it said belongs in the log.
fn log_panics(log: &Log) {
    let log = log.clone();
    std::panic::set_hook(Box::new(move |panic| {
        log.say_seldom("panic", &format!("internal error, please report it: {panic}"))
    }));
}
