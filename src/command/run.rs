//! `seismolog run`: events from every `--from` through the engine to every `--to`.

use super::reload::{self, LiveRules};
use super::restore::restore_state;
use super::{Loaded, load};
use crate::cli::{Protocol, RunArgs};
use crate::config;
use crate::config::Reply;
use crate::config::ends::{self, BadEnd, Direction, End, Remote};
use crate::error::Failure;
use crate::io::clock;
use crate::io::dead_letter::DeadLetters;
use crate::io::directory::Directory;
use crate::io::edge::{CountFaults, EdgeContext, Edges, ParsedSource};
use crate::io::log::{Log, Target};
use crate::io::omprog::OmprogSource;
use crate::io::outputs::Outputs;
use crate::io::shutdown::{self, Progress};
use crate::io::sink::Sinks;
use crate::io::sink::client::{read_secret, variable_secret};
use crate::io::source::{LineFrontend, LineSource, Source};
use crate::io::stdio::{StandardInput, Undelivered};
use crate::output::OutputEncoder;
use crate::pipeline::{Pipeline, RunError};
use crate::telemetry::http::{BindError, Endpoint, Readiness};
use crate::telemetry::watcher::{Served, Watcher};
use crate::telemetry::{History, Metrics, Silences, Site};
use crate::terminal::Screen;
use rustix::fd::OwnedFd;
use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::Arc;
use tokio::sync::watch;

/// Runs the filter until the input ends.
///
/// # Errors
/// [`Failure`]; `seismolog --help` lists the exit codes.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let mut loaded = Loaded { near_misses: args.log_near_misses, ..load(&args.settings)? };
    let endpoints = resolve_endpoints(args, &mut loaded)?;
    loaded.config.state.path = args.state.clone().or(loaded.config.state.path);
    // Sinks come first, because opening any other descriptor could take the number of one that a
    // sink names and that is closed.
    let sinks = Sinks::open(&loaded.config).map_err(|error| Failure::cannot(error.to_string(), error.hint()))?;
    let log = open_log(args.log.as_deref().unwrap_or(if args.protocol.is_some() { "none" } else { "stderr" }))?;
    let readiness = Readiness::default();
    // A directory that cannot be made is reported when the state is read.
    let kept = loaded.config.state.path.as_ref().and_then(|path| Directory::create(path).ok());
    let silences = Arc::new(kept.map(Silences::kept_in).unwrap_or_default());
    let (served, _endpoint) = serve(&loaded, &readiness, &silences, &log)?;
    let progress = Arc::new(Progress::default());
    let live = LiveRules::new(loaded.rules.clone());
    let metrics = served.as_ref().map(|served| Arc::clone(&served.metrics));
    let reload = reload::watch(loaded.config.clone(), live.clone(), log.clone(), metrics.clone())
        .map_err(|error| Failure::cannot(format!("cannot watch the rules: {error}"), "raise the limit of threads"))?;
    let (stopping, stopped) = (readiness.clone(), watch::Sender::new(false));
    let peers_stop = stopped.subscribe();
    let on_stop = move || {
        stopping.set(false);
        stopped.send_replace(true);
        stopped
    };
    let timeout = loaded.config.output.shutdown_timeout.0;
    let stop = shutdown::watch(timeout, Arc::clone(&progress), log.clone(), on_stop, move || reload.request());
    let stop = stop.map_err(|error| {
        Failure::cannot(format!("cannot watch for signals: {error}"), "raise the limit of open files or threads")
    })?;
    let edges = endpoints.start(&loaded, &log, metrics.clone(), &progress, peers_stop)?;
    let (edges, sources, queues) = edges_and_sources(edges, &endpoints, args.protocol, &loaded, stop)?;

    let is_terminal = endpoints.to_stdout && std::io::stdout().is_terminal();
    let screen = Screen::for_output(args.color, is_terminal, std::env::var_os("NO_COLOR").as_deref());
    log_panics(&log);
    let mut options = loaded.config.encoder_options();
    if args.protocol == Some(Protocol::RsyslogMmexternal) {
        options.reply = Reply::Changes;
    }
    let (engine, state) = restore_state(&loaded, &log)?;
    let still_open: Vec<_> = engine.still_open().collect();
    let engine = RefCell::new(Some(engine));
    let mut pipeline = Pipeline {
        // After a panic the engine starts empty.
        fresh: &|| engine.borrow_mut().take().unwrap_or_else(|| loaded.engine_with(live.current())),
        new_rules: &|| live.take_new(),
        encoder: OutputEncoder::new(options).with_screen(screen),
        observer: Watcher::new(served, log)
            .with_language(loaded.config.output.language)
            .with_sinks(sinks)
            .with_silences(silences)
            .with_still_open(still_open)
            .with_state(state, loaded.config.state.interval.0),
        progress: Arc::clone(&progress),
    };
    let stdout = if endpoints.to_stdout { Some(standard(rustix::stdio::stdout())?) } else { None };
    let mut outputs = Outputs::new(stdout, queues, Arc::clone(&progress));
    readiness.set(true);
    let ended = pipeline.run(sources, &mut outputs);
    readiness.set(false);
    drop(outputs);
    match ended {
        Ok(()) => {
            // Outputs first send what is queued, and peers are told what has been delivered.
            edges.into_iter().for_each(Edges::finish);
            Ok(())
        }
        Err(RunError::Write(undelivered)) if undelivered.reader_is_gone() => {
            Err(Failure::ReaderGone { undelivered: progress.undelivered() })
        }
        Err(RunError::Write(Undelivered { error, .. })) => {
            Err(Failure::Stuck { error, undelivered: progress.undelivered() })
        }
        Err(error) => Err(Failure::Run(error)),
    }
}

/// Where events come from and where they go.
struct Endpoints {
    from_stdin: bool,
    from: Vec<Remote>,
    to_stdout: bool,
    to: Vec<Remote>,
}

impl Endpoints {
    /// Starts the network inputs and outputs, if there are any.
    fn start(
        &self,
        loaded: &Loaded,
        log: &Log,
        metrics: Option<Arc<Metrics>>,
        progress: &Arc<Progress>,
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Edges>, Failure> {
        if self.from.is_empty() && self.to.is_empty() {
            return Ok(None);
        }
        let dead_letters = DeadLetters::open(&loaded.config.output)
            .map_err(|error| Failure::cannot(error.to_string(), error.hint()))?;
        let context = EdgeContext {
            peers: loaded.config.peers.clone(),
            max_line_bytes: loaded.config.input.max_line_bytes,
            log: log.clone(),
            metrics: metrics.map(|metrics| metrics as Arc<dyn CountFaults>),
            progress: Arc::clone(progress),
            dead_letters,
            stop,
        };
        let edges = Edges::start(&self.from, &self.to, context);
        edges.map(Some).map_err(|error| Failure::cannot(error.to_string(), error.hint()))
    }
}

/// Resolves the inputs and outputs: those of flags replace those of the configuration.
fn resolve_endpoints(args: &RunArgs, loaded: &mut Loaded) -> Result<Endpoints, Failure> {
    if !args.from.is_empty() {
        loaded.config.input.from.clone_from(&args.from);
    }
    if !args.to.is_empty() {
        loaded.config.output.to.clone_from(&args.to);
    }
    let usage = |wrong: Vec<BadEnd>| match wrong.into_iter().next() {
        Some(BadEnd { message, hint }) => Failure::Usage { message, hint },
        None => Failure::cannot("no end", "report this as a bug"),
    };
    let from = ends::parse_all(&loaded.config.input.from, Direction::From).map_err(usage)?;
    let to = ends::parse_all(&loaded.config.output.to, Direction::To).map_err(usage)?;
    let (from_stdin, from) = split_stdio(from);
    let (mut to_stdout, to) = split_stdio(to);
    let wrong = |message: &str, hint: &str| Err(Failure::Usage { message: message.into(), hint: hint.into() });
    match args.protocol {
        Some(_) if !from_stdin || !from.is_empty() => {
            return wrong("--protocol speaks on the standard streams, and --from takes others", "leave --from out");
        }
        Some(Protocol::RsyslogMmexternal) if !to_stdout || !to.is_empty() => {
            return wrong("rsyslog-mmexternal replies on standard output, and --to names another", "leave --to out");
        }
        // Standard output carries the replies. Without --to events are dropped, and findings go to
        // sinks.
        Some(Protocol::RsyslogOmprog) if to_stdout && !loaded.config.output.to.is_empty() => {
            return wrong("rsyslog-omprog replies on standard output, to which --to sends events", "leave --to - out");
        }
        Some(Protocol::RsyslogOmprog) => to_stdout = false,
        _ => {}
    }
    Ok(Endpoints { from_stdin, from, to_stdout, to })
}

fn split_stdio(ends: Vec<End>) -> (bool, Vec<Remote>) {
    let standard = ends.contains(&End::Standard);
    let remotes = ends.into_iter().filter_map(|end| match end {
        End::Standard => None,
        End::Remote(remote) => Some(remote),
    });
    (standard, remotes.collect())
}

type Started = (Option<Edges>, Vec<Box<dyn Source>>, Vec<crate::io::outputs::Queue>);

/// All sources, each with its parser.
fn edges_and_sources(
    mut edges: Option<Edges>,
    endpoints: &Endpoints,
    protocol: Option<Protocol>,
    loaded: &Loaded,
    stop: OwnedFd,
) -> Result<Started, Failure> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    let mut queues = Vec::new();
    if let Some(edges) = &mut edges {
        queues = std::mem::take(&mut edges.queues);
        if let Some(intake) = edges.source.take() {
            sources.push(Box::new(ParsedSource { intake, parser: loaded.parser()? }));
        }
    }
    if endpoints.from_stdin {
        let join_timeout = loaded.config.input.join_timeout.0;
        // The protocol expects one answer to each line, so lines are not joined.
        let lines = if protocol.is_some() { loaded.single_lines() } else { loaded.lines() };
        let front = LineFrontend { lines, parser: loaded.parser()?, join_timeout };
        let input = StandardInput::new(standard(rustix::stdio::stdin())?, stop);
        if protocol == Some(Protocol::RsyslogOmprog) {
            sources.push(Box::new(OmprogSource::new(input, front, standard(rustix::stdio::stdout())?)));
        } else {
            sources.push(Box::new(LineSource { input, front }));
        }
    }
    Ok((edges, sources, queues))
}

fn standard(stream: rustix::fd::BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    stream.try_clone_to_owned().map_err(|error| {
        Failure::cannot(format!("cannot open a standard stream: {error}"), "raise the limit of open files")
    })
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

/// Starts metrics and the page if an address for them is configured.
fn serve(
    loaded: &Loaded,
    readiness: &Readiness,
    silences: &Arc<Silences>,
    log: &Log,
) -> Result<(Option<Served>, Option<Endpoint>), Failure> {
    let config::Metrics { address, token_file, token_env, .. } = &loaded.config.metrics;
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
    let history = History::new(clock::now(), loaded.config.limits.page_bytes);
    let served = Served { metrics: Arc::new(metrics), history: Arc::new(history) };
    let site = Site {
        metrics: Arc::clone(&served.metrics),
        readiness: readiness.clone(),
        history: Arc::clone(&served.history),
        silences: Arc::clone(silences),
        token: token.map(Arc::from),
        language: loaded.config.output.language,
    };
    let endpoint = Endpoint::bind(address, site).map_err(|error| match error {
        BindError::Address(_) => Failure::Usage { message: error.to_string(), hint: error.hint() },
        _ => Failure::cannot(error.to_string(), error.hint()),
    })?;
    let at = endpoint.local_addr();
    log.say(&format!("page at http://{at}/, metrics at http://{at}/metrics"));
    Ok((Some(served), Some(endpoint)))
}

/// Logs panics. They are caught where they happen, and the stream continues.
fn log_panics(log: &Log) {
    let log = log.clone();
    std::panic::set_hook(Box::new(move |panic| {
        log.say_seldom("panic", &format!("internal error, please report it: {panic}"))
    }));
}
