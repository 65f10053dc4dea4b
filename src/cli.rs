//! The command line: clap's structs, and how they are filled.

use crate::config::{SyntheticMode, TextMode};
use crate::engine::finding::Severity;
use crate::io::escaping::safe_stderr;
use crate::narrate::Language;
use crate::plain::{plain, steers};
use crate::terminal::Color;
use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::path::PathBuf;

/// The command line of this process. Where it is none, clap says so and the process ends. Names of
/// files become arguments, and a message repeats them: what would steer a terminal is shown as an
/// escape.
#[must_use]
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let harmless = std::env::args_os().map(|argument| plain(&argument.to_string_lossy()));
        let error = Cli::try_parse_from(harmless).err().unwrap_or(error);
        // A variable can still have done it.
        let message = error.render().to_string();
        if !message.chars().any(|c| c != '\n' && steers(c)) {
            error.exit();
        }
        let _ = safe_stderr().write_all(message.as_bytes());
        std::process::exit(error.exit_code());
    })
}

/// A seismograph for log streams.
///
/// Reads events from standard input, passes every one on to standard output byte for byte, and
/// writes each anomaly it finds onto the event that shows it.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
        tail -F app.log | seismolog                        JSON events or text lines in, JSON events out\n  \
        app | seismolog --text raw --log findings.log      text stays text; findings go to the log\n  \
        seismolog --metrics 127.0.0.1:9464 < events.ndjson Prometheus can scrape it meanwhile\n  \
        seismolog replay app.log db.log.gz                 what happened in these files?\n  \
        seismolog explain findings.ndjson                  what do these findings mean?\n  \
        seismolog templates app.log                        which messages is it made of?\n  \
        seismolog inspect --summary app.log                is it understood, and if not, what to set?\n  \
        seismolog check -c seismolog.toml rules/           is all of it valid?\n  \
        seismolog test rules/                              do the rules do what their tests say?\n  \
        seismolog alert test slack -c seismolog.toml       does a message reach people?\n  \
        seismolog demo --show                              a stream with faults, and what is found in it\n\n\
        Every setting of the configuration file is also a variable: SEISMOLOG_INPUT_TIMEZONE, SEISMOLOG_LIMITS_KEYS,\n\
        SEISMOLOG_DETECTOR_LOOP_THRESHOLD; lists are separated by commas. Flags beat variables, variables beat the file.\n\
        HTTPS_PROXY, HTTP_PROXY and NO_PROXY hold for sinks and http:// outputs.\n\n\
        Exit: 0 done; 1 failed; 2 wrong usage; 3 --fail-on met; 74 the reader of standard output went away;\n\
        78 bad configuration or rules."
)]
pub struct Cli {
    /// What to do; without it, `run`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of `run`.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Filter standard input to standard output (what happens without a command).
    Run(RunArgs),
    /// Put files through the same engine and print a report of what happened in them.
    Replay(ReplayArgs),
    /// Tell findings in plain sentences: what happened, how much more than usual, how sure, what to
    /// look at.
    Explain(ExplainArgs),
    /// Say what is wrong with configuration and rules, and nothing if all is well.
    Check(CheckArgs),
    /// Run the tests that rules carry, and those of configurations (*.test.toml).
    Test(TestArgs),
    /// Show the rules that are loaded: filter, fields, where from, and on a file what each costs.
    Rules(RulesArgs),
    /// Show what each detector watches, from when on it judges, and its settings.
    Detectors(DetectorsArgs),
    /// Print the effective configuration as TOML, or the schema of configuration files.
    Config(ConfigArgs),
    /// Print the JSON Schema of what seismolog writes.
    Schema(SchemaArgs),
    /// Show which templates a log is made of, or the template of each line.
    Templates(TemplatesArgs),
    /// Show what is read of each line: its layout, its roles and where they stand, and what was
    /// tried in vain; with --summary, of a whole file and what to set.
    Inspect(InspectArgs),
    /// Try how people are told: `alert test NAME` sends a test message through a sink.
    Alert(AlertArgs),
    /// Make a realistic labelled stream with known faults.
    Demo(DemoArgs),
}

/// Flags that every command with a configuration has.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    /// Read this configuration file. None is read without it.
    #[arg(short, long, value_name = "FILE", env = "SEISMOLOG_CONFIG")]
    pub config: Option<PathBuf>,
    /// Load the rules (*.rhai) and tables (*.toml) of this directory or file, beside those of the
    /// configuration.
    #[arg(long, value_name = "DIR", env = "SEISMOLOG_RULES", value_delimiter = ':')]
    pub rules: Vec<PathBuf>,
    /// Do not load the rules that are in the binary [env: SEISMOLOG_NO_SHIPPED_RULES].
    #[arg(long)]
    pub no_shipped_rules: bool,
    /// Serve Prometheus metrics at this address: 127.0.0.1:9464; `:9464` is loopback too.
    #[arg(long, value_name = "ADDR", env = "SEISMOLOG_METRICS")]
    pub metrics: Option<String>,
    /// How a line of text leaves: as a JSON object that holds what its layout says, or as it came
    /// [env: SEISMOLOG_TEXT].
    #[arg(long, value_enum)]
    pub text: Option<TextMode>,
    /// Where findings go that no event carries: into the stream, or only to sinks, and to the log
    /// where there is no sink [env: SEISMOLOG_SYNTHETIC].
    #[arg(long, value_enum)]
    pub synthetic: Option<SyntheticMode>,
}

/// Flags of `run`.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Keep what was learned, open incidents and the state of rules in this directory: a restart
    /// goes on where it was.
    #[arg(long, value_name = "DIR", env = "SEISMOLOG_STATE")]
    pub state: Option<PathBuf>,
    /// Take events from here: `-` is standard input (the default); tcp://HOST:PORT, unix:///PATH,
    /// http://HOST:PORT/PATH, forward://HOST:PORT and forward+unix:///PATH listen. Repeatable [env:
    /// SEISMOLOG_INPUT_FROM].
    #[arg(long, value_name = "URL")]
    pub from: Vec<String>,
    /// Pass events on to here: `-` is standard output (the default); the others connect, http:// by
    /// the proxy that HTTP_PROXY and NO_PROXY name. Repeatable; every end gets every event [env:
    /// SEISMOLOG_OUTPUT_TO].
    #[arg(long, value_name = "URL")]
    pub to: Vec<String>,
    /// Speak to the program that has started this one as it wants.
    #[arg(long, value_enum, value_name = "NAME")]
    pub protocol: Option<Protocol>,
    /// Where diagnostics go: stderr, none, or a file. By default stderr, but none with --protocol,
    /// where both streams are one pipe.
    #[arg(long, value_name = "stderr|none|FILE", env = "SEISMOLOG_LOG")]
    pub log: Option<String>,
    /// Also log what was close to an incident and why it is none, to see why a detector did not
    /// fire; each matter at most once a minute.
    #[arg(long, env = "SEISMOLOG_LOG_NEAR_MISSES", value_parser = FalseyValueParser::new())]
    pub log_near_misses: bool,
    /// On a terminal events are shown readably, with findings below them; this says whether in
    /// colour. Into a pipe events leave as they are, unless `always` asks for the readable form
    /// there too.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: Color,
}

/// How a program that starts this one wants to be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// rsyslog's mmexternal: for each message one line with the properties that change.
    RsyslogMmexternal,
    /// rsyslog's omprog with confirmMessages: each message is confirmed once it has left by --to.
    RsyslogOmprog,
}

/// Flags of `replay`. What concerns only a running filter (`--metrics`, `--text`, `--synthetic`)
/// changes nothing here.
#[derive(Args, Clone, Debug, Default)]
pub struct ReplayArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Files, plain or packed with gzip or zstd, merged into one timeline; - is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Write every finding to this file, as one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub findings: Option<PathBuf>,
    /// Write the report to this file, as one HTML page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print the report as one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Exit with 3 when an incident of at least this severity opened.
    #[arg(long, value_name = "SEVERITY", value_parser = severities())]
    pub fail_on: Option<Severity>,
    /// List at most this many incidents, the worst first.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Correct the clocks of files that shared trace ids show to disagree with the first. Reads
    /// every file twice.
    #[arg(long)]
    pub align: bool,
}

/// Flags of `templates`.
#[derive(Args, Clone, Debug, Default)]
pub struct TemplatesArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Files, plain or packed with gzip or zstd; standard input without any, or for -.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON object for each line instead: line, template_id, template, as they are at its
    /// arrival.
    #[arg(long, conflicts_with = "json")]
    pub lines: bool,
    /// Print all templates as one JSON array.
    #[arg(long)]
    pub json: bool,
    /// List at most this many templates, the most frequent first.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

/// Flags of `inspect`.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "Examples:\n  \
    tail -n 5 app.log | seismolog inspect     what is read of these lines?\n  \
    seismolog inspect --summary app.log.gz    how much of the file is understood, and what to set\n  \
    seismolog inspect --json app.log          one JSON object for each line")]
pub struct InspectArgs {
    /// Read this configuration file: `[input]` and `[roles]`, for a summary also `[template]` and
    /// `limits.keys`. None is read without it.
    #[arg(short, long, value_name = "FILE", env = "SEISMOLOG_CONFIG")]
    pub config: Option<PathBuf>,
    /// Files, plain or packed with gzip or zstd; standard input without any, or for -.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON object for each line, or one for the summary.
    #[arg(long)]
    pub json: bool,
    /// Print how much of all is understood, the commonest shapes of what is not, and lines for the
    /// configuration file where members look like what is missing.
    #[arg(long)]
    pub summary: bool,
}

/// The names of severities, for which the engine knows nothing of clap.
fn severities() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::name))
        .try_map(|name| Severity::ALL.into_iter().find(|severity| severity.name() == name).ok_or("no severity"))
}

/// Flags of `explain`.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "Examples:\n  \
    seismolog explain findings.ndjson --id 9f2c     one incident of a sink, by the begin of its id\n  \
    seismolog < app.log | seismolog explain -       every incident of an annotated stream\n  \
    seismolog explain finding.json                  one finding, an array of them, or an annotated event")]
pub struct ExplainArgs {
    /// Findings as JSON: one, an array, annotated events, or one of these a line; - is standard
    /// input.
    #[arg(value_name = "FINDING.json")]
    pub file: PathBuf,
    /// Only the incident whose id begins with this.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// The language of the sentences; by default that of SEISMOLOG_OUTPUT_LANGUAGE, or of each
    /// finding.
    #[arg(long, value_name = "LANGUAGE", value_parser = languages())]
    pub language: Option<Language>,
}

/// The names of languages.
fn languages() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::ALL.map(Language::name))
        .try_map(|name| Language::ALL.into_iter().find(|language| language.name() == name).ok_or("no language"))
}

/// Flags of `check`.
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Configuration files (*.toml), rules (*.rhai), or directories of rules and their tables.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Flags of `test`.
#[derive(Args, Clone, Debug, Default)]
pub struct TestArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Rules (*.rhai), tests of configurations (*.test.toml), or directories of both; without any,
    /// the tests of all rules that are loaded.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Run only tests whose file or name contains this.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Write how they went to this file, as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// Flags of `rules`.
#[derive(Args, Clone, Debug, Default)]
pub struct RulesArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// More rules (*.rhai) or directories of rules and their tables.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print them as one JSON array.
    #[arg(long)]
    pub json: bool,
    /// Replay this file and show how often each rule was evaluated, how often it failed and how
    /// long it took.
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
}

/// Flags of `detectors`.
#[derive(Args, Clone, Debug, Default)]
pub struct DetectorsArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Print them as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `config`.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Print the JSON Schema of configuration files instead: every setting, what it means, its
    /// default and its range.
    #[arg(long)]
    pub schema: bool,
}

/// Flags of `schema`.
#[derive(Args, Clone, Debug)]
pub struct SchemaArgs {
    /// What the schema is of.
    #[arg(value_enum, value_name = "WHAT")]
    pub of: SchemaOf,
}

/// What has a schema, beside configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaOf {
    /// A finding: an element of the member `anomalies`, a line of a sink.
    Finding,
}

/// Flags of `alert`.
#[derive(Args, Clone, Debug)]
pub struct AlertArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AlertCommand,
}

/// What to do about alerts.
#[derive(Clone, Debug, Subcommand)]
pub enum AlertCommand {
    /// Send a test message through a sink, at once; print what was sent and what the server
    /// answered.
    Test(AlertTestArgs),
}

/// Flags of `alert test`.
#[derive(Args, Clone, Debug)]
pub struct AlertTestArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// The name of the sink: its `name`, or its type, from the second of a type on with a number.
    #[arg(value_name = "NAME")]
    pub sink: String,
    /// How bad the message says it is.
    #[arg(long, value_name = "SEVERITY", value_parser = severities(), default_value = "info")]
    pub severity: Severity,
}

/// Flags of `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Same seed, same stream.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Events a second of the stream's own time.
    #[arg(long, default_value_t = 20.0)]
    pub rate: f64,
    /// How long a time the stream covers, in minutes.
    #[arg(long, default_value_t = 30.0)]
    pub minutes: f64,
    /// Which faults: `all`, `loops`, or kinds separated by commas.
    #[arg(long, default_value = "loops")]
    pub faults: String,
    /// Write the stream to standard output, as happens when that is no terminal; on one, the stream
    /// is filtered and shown live, with findings called out.
    #[arg(long, conflicts_with = "show")]
    pub emit: bool,
    /// Filter the stream and show what is found, without the events.
    #[arg(long)]
    pub show: bool,
    /// On a terminal: how many times faster than real time the live view goes; 0 does not wait at
    /// all.
    #[arg(long, default_value_t = 60.0)]
    pub speed: f64,
    /// Write the faults' true times and places to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
}
