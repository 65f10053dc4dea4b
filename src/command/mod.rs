//! One file a command; and what all of them load.

pub mod check;
pub mod config;
pub mod demo;
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

/// One evaluation of a rule ends here, whatever it is doing.
const RULE_EMERGENCY: Duration = Duration::from_millis(50);

/// A valid configuration and the rules that it names, compiled.
#[derive(Debug)]
pub struct Loaded {
    /// File, variables and flags, merged.
    pub config: Config,
    /// Shipped and own rules.
    pub rules: RuleSet,
    /// Whether detectors tell what was close to an incident and none.
    pub near_misses: bool,
    /// The table of names, once it was asked for: each file and each engine has a parser.
    names: OnceLock<Arc<Names>>,
}

impl Loaded {
    /// A configuration and its rules.
    #[must_use]
    pub fn new(config: Config, rules: RuleSet) -> Self {
        Self { config, rules, near_misses: false, names: OnceLock::new() }
    }

    /// An engine that has seen nothing.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine_with(self.rules.clone())
    }

    /// The same with other rules.
    #[must_use]
    pub fn engine_with(&self, rules: RuleSet) -> Engine {
        let meter: Arc<dyn Meter> = Arc::new(WallMeter::new(RULE_EMERGENCY));
        let options =
            EngineOptions { meter: Some(meter), near_misses: self.near_misses, ..self.config.engine_options() };
        self.complete(Engine::new(&options, rules))
    }

    /// The same without a wall clock, so that what it does depends on the events alone.
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

    /// What cuts input into lines, each an event.
    #[must_use]
    pub fn single_lines(&self) -> Lines {
        Lines::new(self.config.input.max_line_bytes).reading(self.config.input.encoding)
    }

    /// What cuts input into events.
    #[must_use]
    pub fn lines(&self) -> Lines {
        self.single_lines().joining(self.config.input.join)
    }

    /// The pure stage.
    ///
    /// # Errors
    /// When the time zone is none, which validation has found before.
    pub fn parser(&self) -> Result<EventParser, Failure> {
        let names = Arc::clone(self.names.get_or_init(|| self.config.names().into()));
        let parser = EventParser::new(names, self.config.output.member.clone(), self.time_context()?)
            .with_layouts(&self.config.layouts())
            .with_charset(self.config.input.encoding);
        Ok(parser.with_masks(self.config.template.options().masks).with_secret(random::bytes()))
    }

    /// What written times leave out, as the first line of a stream has it.
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

/// That a file of the command line cannot be read.
fn not_read(path: &Path, error: &io::Error) -> Failure {
    let hint = "check the name and that it is a file that may be read; - is standard input";
    Failure::cannot(format!("cannot read {}: {error}", path.display()), hint)
}

/// That a file of the command line could be read only in part.
fn read_in_part(name: &str, lines: u64, damage: &str) -> String {
    format!("{name} could be read only up to line {lines}: {damage}")
}

/// That standard output takes no more.
fn not_written(error: &io::Error) -> Failure {
    Failure::cannot(format!("cannot write standard output: {error}"), "is its reader still there?")
}

/// How standard output shows a report: its colours, and its width if it is a terminal that says so.
fn paint_and_width() -> (Paint, Option<usize>) {
    let stdout = io::stdout();
    let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let size = rustix::termios::tcgetwinsize(&stdout).ok().filter(|_| stdout.is_terminal());
    (Paint { colour }, size.map(|size| usize::from(size.ws_col)))
}

/// Reads, merges and validates everything that `settings` name.
///
/// # Errors
/// [`Failure::Invalid`] with all problems that could be found.
pub fn load(settings: &Settings) -> Result<Loaded, Failure> {
    let config = load_config(settings).map_err(Failure::Invalid)?;
    let rules = load_rules(&config, &[]).map_err(Failure::Invalid)?;
    Ok(Loaded::new(config, rules))
}

/// The configuration file, with this process's variables and `settings` over it.
fn load_config(settings: &Settings) -> Result<Config, Vec<Diagnostic>> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    merge(settings, variables.filter(|(name, _)| is_setting(name)).collect())
}

/// Ours by its name, but for those that tell this project's own tests where real logs are.
fn is_setting(name: &str) -> bool {
    name.starts_with("SEISMOLOG_") && !name.starts_with("SEISMOLOG_SHARED")
}

/// The configuration file, with `variables` over it and the flags of `settings` over those.
fn merge(settings: &Settings, mut variables: BTreeMap<String, String>) -> Result<Config, Vec<Diagnostic>> {
    // What the command line reads itself is no setting of the file.
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
    // Each alone is valid where it stands; together they come from two places.
    if config.input.join && config.output.text == TextMode::Raw {
        let (message, hint) = JOIN_AND_RAW;
        return Err(vec![Diagnostic::of_file("--text", message).with_hint(hint)]);
    }
    Ok(config)
}

/// The variables of flags, of all commands.
fn flag_variables(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|flag| Some(flag.get_env()?.to_string_lossy().into_owned()));
    own.chain(command.get_subcommands().flat_map(flag_variables)).collect()
}

/// The shipped rules, those that the configuration names, and `more`; later ones replace earlier
/// ones of their name.
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

/// Rules and tables as they are written, later ones over earlier ones of their name.
#[derive(Clone, Debug, Default)]
struct Sources {
    rules: Vec<RuleSource>,
    tables: Vec<TableSource>,
    /// Paths of rules of which nothing is to be shown, should they be none.
    unquoted: Vec<String>,
}

impl Sources {
    fn compile(&self) -> Result<RuleSet, Vec<Diagnostic>> {
        RuleSet::compile(&self.rules, &self.tables).map_err(|problems| self.without_content(problems))
    }

    /// Instead of all that is wrong in what a link leads to, that it is no rule: a message repeats
    /// words of its file.
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

    /// Only the rules of these names, with all tables.
    fn only(&self, names: &[&str]) -> Self {
        let rules = self.rules.iter().filter(|rule| names.contains(&rule.name.as_str())).cloned().collect();
        Self { rules, ..self.clone() }
    }
}

/// All that can be read of the shipped rules, those that the configuration names and `more`; and
/// what cannot.
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
