//! One file for each command, and what all commands load.

pub mod alert;
pub mod check;
pub mod config;
pub mod demo;
pub mod detectors;
pub mod explain;
pub mod inspect;
pub mod reload;
pub mod replay;
mod restore;
pub mod rules;
pub mod run;
pub mod schema;
pub mod templates;
pub mod test;

use crate::cli::{Cli, Settings};
use crate::config::TextMode;
use crate::config::{Config, JOIN_AND_RAW};
use crate::diagnostic::Diagnostic;
use crate::engine::rules::{Meter, RuleSet, RuleSource, TableSource};
use crate::engine::{Engine, EngineOptions};
use crate::error::Failure;
use crate::event::EventParser;
use crate::event::lines::Lines;
use crate::event::roles::Names;
use crate::event::time::TimeContext;
use crate::io::files::RuleFiles;
use crate::io::meter::WallMeter;
use crate::io::{clock, files, random};
use crate::terminal::Paint;
use clap::CommandFactory;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Wall-clock limit of one evaluation of a rule: the emergency stop of a runaway script.
const RULE_EMERGENCY: Duration = Duration::from_millis(50);

/// A valid configuration, and the compiled rules that it names.
#[derive(Debug)]
pub struct Loaded {
    /// The file with variables and flags merged over it.
    pub config: Config,
    /// The shipped rules and the user's.
    pub rules: RuleSet,
    /// Whether detectors report near misses: what was close to an incident.
    pub near_misses: bool,
    /// The table of role names, made on first use and shared by the parsers of all files and
    /// engines.
    names: OnceLock<Arc<Names>>,
}

impl Loaded {
    /// Combines a configuration with its rules.
    #[must_use]
    pub fn new(config: Config, rules: RuleSet) -> Self {
        Self { config, rules, near_misses: false, names: OnceLock::new() }
    }

    /// Makes an engine without any history.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine_with(self.rules.clone())
    }

    /// Makes an engine without any history that runs `rules`.
    #[must_use]
    pub fn engine_with(&self, rules: RuleSet) -> Engine {
        let meter: Arc<dyn Meter> = Arc::new(WallMeter::new(RULE_EMERGENCY));
        let options =
            EngineOptions { meter: Some(meter), near_misses: self.near_misses, ..self.config.engine_options() };
        self.complete(Engine::new(&options, rules))
    }

    /// Makes an engine without a wall clock, so that its output depends on the events alone.
    #[must_use]
    pub fn timeless_engine(&self) -> Engine {
        self.complete(Engine::new(&self.config.engine_options(), self.rules.clone()))
    }

    fn complete(&self, engine: Engine) -> Engine {
        let engine = engine.with_timezone(&self.config.input.timezone);
        match self.parser() {
            Ok(parser) => engine.with_parser(parser),
            Err(_) => engine,
        }
    }

    /// Makes the splitter that cuts input into lines, each of which is an event.
    #[must_use]
    pub fn single_lines(&self) -> Lines {
        Lines::new(self.config.input.max_line_bytes).reading(self.config.input.encoding)
    }

    /// Makes the splitter that cuts input into events, and joins lines where configured.
    #[must_use]
    pub fn lines(&self) -> Lines {
        self.single_lines().joining(self.config.input.join)
    }

    /// Makes the parser of events.
    ///
    /// # Errors
    /// When the time zone is invalid, which validation has already refused.
    pub fn parser(&self) -> Result<EventParser, Failure> {
        let names = Arc::clone(self.names.get_or_init(|| self.config.names().into()));
        let parser = EventParser::new(names, self.config.output.member.clone(), self.time_context()?)
            .with_layouts(&self.config.layouts())
            .with_charset(self.config.input.encoding);
        Ok(parser.with_masks(self.config.template.options().masks).with_secret(random::bytes()))
    }

    /// The zone and year of times that are written without them, at the start of a stream.
    ///
    /// # Errors
    /// As [`Self::parser`].
    pub fn time_context(&self) -> Result<TimeContext, Failure> {
        let (zone, now) = (&self.config.input.timezone, clock::now());
        let context = match self.config.input.year {
            Some(year) => TimeContext::new(zone, year),
            None => TimeContext::new(zone, now.year()).map(|context| context.with_present(now)),
        };
        context
            .map_err(|error| Failure::cannot(error.to_string(), "set input.timezone to an IANA name, UTC or an offset"))
    }
}

/// The failure for a file of the command line that cannot be read.
fn not_read(path: &Path, error: &io::Error) -> Failure {
    let hint = "check the name and that it is a file that may be read; - is standard input";
    Failure::cannot(format!("cannot read {}: {error}", path.display()), hint)
}

/// Says that a file of the command line could be read only in part.
fn read_in_part(name: &str, lines: u64, damage: &str) -> String {
    format!("{name} could be read only up to line {lines}: {damage}")
}

/// The failure for a standard output that cannot be written.
fn not_written(error: &io::Error) -> Failure {
    Failure::cannot(format!("cannot write standard output: {error}"), "is its reader still there?")
}

/// The colours for a report on standard output, and the terminal's width in columns if it is known.
fn paint_and_width() -> (Paint, Option<usize>) {
    let stdout = io::stdout();
    let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let size = rustix::termios::tcgetwinsize(&stdout).ok().filter(|_| stdout.is_terminal());
    (Paint { colour }, size.map(|size| usize::from(size.ws_col)))
}

/// Reads, merges and validates everything that `settings` names.
///
/// # Errors
/// [`Failure::Invalid`] with every problem that was found.
pub fn load(settings: &Settings) -> Result<Loaded, Failure> {
    let config = load_config(settings).map_err(Failure::Invalid)?;
    let rules = load_rules(&config, &[]).map_err(Failure::Invalid)?;
    Ok(Loaded::new(config, rules))
}

/// Loads the configuration file, with this process's environment variables and `settings` over it.
fn load_config(settings: &Settings) -> Result<Config, Vec<Diagnostic>> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    merge(settings, variables.filter(|(name, _)| is_setting(name)).collect())
}

/// Whether the variable is a setting. `SEISMOLOG_SHARED…` is not: it tells this project's tests
/// where real logs are.
fn is_setting(name: &str) -> bool {
    name.starts_with("SEISMOLOG_") && !name.starts_with("SEISMOLOG_SHARED")
}

/// Reads the configuration file; `variables` override it, and the flags of `settings` override
/// both.
fn merge(settings: &Settings, mut variables: BTreeMap<String, String>) -> Result<Config, Vec<Diagnostic>> {
    // Variables that the command line reads itself are no settings of the file.
    for name in flag_variables(&Cli::command()) {
        variables.remove(&name);
    }
    let mut config = match &settings.config {
        Some(path) => {
            let text = files::read(path).map_err(|problem| vec![problem])?;
            let mut config = Config::parse(&path.display().to_string(), &text)?;
            let folder = path.parent().map(PathBuf::from).unwrap_or_default();
            // Paths in a file are relative to the file, not to wherever the pipeline was started.
            config.rules.paths.iter_mut().for_each(|path| *path = folder.join(&*path));
            config.sinks.iter_mut().for_each(|sink| sink.resolve(&folder));
            config.metrics.token_file.iter_mut().for_each(|path| *path = folder.join(&*path));
            config.state.path = config.state.path.map(|path| folder.join(path));
            config.output.dead_letter_file.iter_mut().for_each(|path| *path = folder.join(&*path));
            config
        }
        None => Config::default(),
    };
    config = config.with_variables(&variables)?;
    config.rules.paths.extend(settings.rules.iter().cloned());
    config.rules.shipped &= !settings.no_shipped_rules;
    config.metrics.address = settings.metrics.clone().or(config.metrics.address);
    config.output.text = settings.text.unwrap_or(config.output.text);
    config.output.synthetic = settings.synthetic.unwrap_or(config.output.synthetic);
    // Each of these settings can be valid where it is written; they conflict when a flag and the
    // file are merged.
    if config.input.join && config.output.text == TextMode::Raw {
        let (message, hint) = JOIN_AND_RAW;
        return Err(vec![Diagnostic::of_file("--text", message).with_hint(hint)]);
    }
    Ok(config)
}

/// The names of the environment variables that flags of any command read.
fn flag_variables(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|flag| Some(flag.get_env()?.to_string_lossy().into_owned()));
    own.chain(command.get_subcommands().flat_map(flag_variables)).collect()
}

/// Compiles the shipped rules, those that the configuration names, and `more`; a later rule
/// replaces an earlier one of the same name.
fn load_rules(config: &Config, more: &[PathBuf]) -> Result<RuleSet, Vec<Diagnostic>> {
    let (sources, mut problems) = read_sources(config, more);
    match sources.compile() {
        Ok(set) if problems.is_empty() => Ok(set),
        Ok(_) => Err(problems),
        Err(found) => {
            problems.extend(found);
            Err(problems)
        }
    }
}

/// The sources of rules and tables; a later one replaces an earlier one of the same name.
#[derive(Clone, Debug, Default)]
struct Sources {
    rules: Vec<RuleSource>,
    tables: Vec<TableSource>,
    /// Paths of rules behind links: errors must not quote their content.
    unquoted: Vec<String>,
}

impl Sources {
    fn compile(&self) -> Result<RuleSet, Vec<Diagnostic>> {
        RuleSet::compile(&self.rules, &self.tables).map_err(|problems| self.without_content(problems))
    }

    /// Replaces the problems of a file behind a link by a single one without details, because
    /// details quote the file.
    fn without_content(&self, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let (hidden, mut shown): (Vec<_>, Vec<_>) =
            problems.into_iter().partition(|problem| self.unquoted.contains(&problem.path));
        let mut paths: Vec<String> = hidden.into_iter().map(|problem| problem.path).collect();
        paths.dedup();
        shown.extend(paths.into_iter().map(|path| {
            Diagnostic::of_file(&path, "this is a link to what is no valid rule; nothing of it is shown")
                .with_hint("put the file itself there to see what is wrong with it")
        }));
        shown
    }

    fn add(&mut self, files: RuleFiles) {
        self.rules.extend(files.rules);
        self.tables.extend(files.tables);
        self.unquoted.extend(files.unquoted);
    }

    /// The rules of these names only, with all tables.
    fn only(&self, names: &[&str]) -> Self {
        let rules = self.rules.iter().filter(|rule| names.contains(&rule.name.as_str())).cloned().collect();
        Self { rules, ..self.clone() }
    }
}

/// Reads the shipped rules, those that the configuration names and `more`; the second value lists
/// what could not be read.
fn read_sources(config: &Config, more: &[PathBuf]) -> (Sources, Vec<Diagnostic>) {
    let (rules, tables) = if config.rules.shipped {
        RuleSet::shipped_sources_with(&config.rules.enable, &config.rules.disable)
    } else {
        Default::default()
    };
    let (mut sources, mut problems) = (Sources { rules, tables, unquoted: Vec::new() }, Vec::new());
    for path in config.rules.paths.iter().chain(more) {
        match files::read_rules(path, config.rules.follow_links) {
            Ok(files) => sources.add(files),
            Err(found) => problems.extend(found),
        }
    }
    (sources, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_beat_variables_beat_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.toml");
        std::fs::write(&file, "[output]\ntext = \"raw\"\nmember = \"file\"\n[limits]\nkeys = 1000\n").unwrap();
        let settings = Settings { config: Some(file), text: Some(TextMode::Raw), ..Settings::default() };
        let variables = [
            ("SEISMOLOG_CONFIG", "elsewhere.toml"),
            ("SEISMOLOG_LOG", "none"),
            ("SEISMOLOG_OUTPUT_MEMBER", "variable"),
            ("SEISMOLOG_OUTPUT_TEXT", "json"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let config = merge(&settings, variables).unwrap();
        assert_eq!((config.limits.keys, config.output.member.as_str()), (1_000, "variable"));
        assert_eq!(config.output.text, TextMode::Raw);
    }
}
