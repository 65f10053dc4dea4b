//! `seismolog replay`: sends files through the engine and prints a report.

use super::{Loaded, load, not_read, paint_and_width, read_in_part};
use crate::cli::ReplayArgs;
use crate::engine::finding::Finding;
use crate::error::Failure;
use crate::event::Source;
use crate::event::time::DisplayZone;
use crate::inspect::evidence::Evidence;
use crate::io::files;
use crate::plain::plain_document;
use crate::replay::document::{Audience, Report};
use crate::replay::html;
use crate::replay::judged::JudgedTimes;
use crate::replay::merge::Merge;
use crate::replay::offset::Comparison;
use crate::replay::report::{Style, render};
use crate::replay::source::{BytesRead, LogSource, open};
use crate::replay::summary::{ReportOptions, Summary};
use crate::replay::unread::UnreadRoles;
use crate::replay::{Observer, compare_clocks, run, source_names};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Longest finding, in bytes; a longer one loses its context first.
const FINDING_BYTES: usize = 64 << 10;
/// The report's width, in characters, where standard output is no terminal.
const WIDTH: usize = 80;

/// Replays the files and prints the report.
///
/// # Errors
/// [`Failure::Cannot`] when a file cannot be opened or not be read to its end; [`Failure::Found`]
/// when `--fail-on` is met.
pub fn replay(args: &ReplayArgs, out: &mut dyn Write) -> Result<(), Failure> {
    check_streams(args)?;
    let loaded = load(&args.settings)?;
    let mut watcher = Watcher::new(args)?;
    let started = Instant::now();
    let clocks =
        if args.align { Some(compare_clocks(sources(args, &loaded, &[], &mut watcher)?, &mut watcher)) } else { None };
    let corrections = corrections(clocks.as_deref().unwrap_or_default(), args.files.len());
    let mut merge = Merge::new(sources(args, &loaded, &corrections, &mut watcher)?);
    let unread =
        UnreadRoles::new(args.files.len()).explained(loaded.inspector()?, Evidence::new(loaded.time_context()?));
    let judged = JudgedTimes::new(&loaded.config.detector);
    let mut summary = Summary::new(args.files.len()).with_unread(unread).with_judged(judged);
    let tally = run(&|| loaded.engine(), &mut merge, &mut summary, &mut watcher).and_then(|tally| {
        watcher.findings.iter_mut().try_for_each(Write::flush)?;
        Ok(tally)
    });
    let tally = tally.map_err(|error| {
        let file = args.findings.as_deref().unwrap_or(Path::new("")).display();
        Failure::cannot(format!("cannot write {file}: {error}"), "--findings takes a file that can be written")
    })?;
    watcher.bar.finish_and_clear();
    let style = style();
    let opened = args.fail_on.map(|severity| (severity, summary.opened_at_least(severity)));
    let clocks = clocks.unwrap_or_else(|| summary.clocks());
    let elapsed_s = started.elapsed().as_secs_f64();
    let options = ReportOptions { columns: style.columns(), limit: args.limit, elapsed_s };
    let mut report = summary.report(merge.sources(), &tally, &clocks, &corrections, options);
    report.reader =
        Audience { language: loaded.config.output.language, zone: DisplayZone::new(&loaded.config.input.timezone) };
    if let Some(path) = &args.report {
        files::write(path, &html::render(&report)).map_err(|error| {
            let hint = "--report takes a file that can be written";
            Failure::cannot(format!("cannot write {}: {error}", path.display()), hint)
        })?;
    }
    print(&report, args.json, style, out)?;
    if let Some(file) = report.files.iter().find(|file| file.damage.is_some()) {
        let damage = file.damage.as_deref().unwrap_or_default();
        return Err(Failure::cannot(
            read_in_part(&file.name, file.lines, damage),
            "the report is of what was read; get a whole copy of the file",
        ));
    }
    match opened {
        Some((severity, opened @ 1..)) => Err(Failure::Found { severity, opened }),
        _ => Ok(()),
    }
}

/// Refuses to read standard input twice.
fn check_streams(args: &ReplayArgs) -> Result<(), Failure> {
    let streams = args.files.iter().filter(|file| file.as_os_str() == "-").count();
    let usage = |message: &str, hint: &str| Err(Failure::Usage { message: message.into(), hint: hint.into() });
    if streams > 1 {
        return usage("standard input (-) is named more than once", "name it once");
    }
    if streams == 1 && args.align {
        return usage("--align reads every file twice, and standard input can be read once", "save it to a file first");
    }
    Ok(())
}

/// Opens every file before any is read, so that a wrong name is reported at once.
fn sources(
    args: &ReplayArgs,
    loaded: &Loaded,
    corrections: &[i64],
    watcher: &mut Watcher,
) -> Result<Vec<LogSource>, Failure> {
    let mut sources = Vec::new();
    let hosts = source_names(args.files.iter().map(PathBuf::as_path));
    for ((i, path), host) in args.files.iter().enumerate().zip(hosts) {
        let cannot = |error: io::Error| not_read(path, &error);
        let opened = open(path, &watcher.read).map_err(cannot)?;
        match opened.length {
            Some(length) => watcher.bar.inc_length(length),
            None => watcher.bar.set_style(bar_style("{decimal_bytes} read, {decimal_bytes_per_sec}")),
        }
        // Each file is a source of its own, because lines without a header belong to the line
        // before them in the same file.
        let lines = loaded.lines().of(Source(u16::try_from(i).unwrap_or(u16::MAX)));
        let shift = corrections.get(i).copied().unwrap_or(0);
        let source = LogSource::new(opened, lines, loaded.parser()?, shift).map_err(cannot)?;
        sources.push(source.with_default_host(host));
    }
    Ok(sources)
}

/// The correction of each file's clock, which is added to its times.
fn corrections(clocks: &[Comparison], files: usize) -> Vec<i64> {
    let mut corrections = vec![0; files];
    for clock in clocks {
        corrections[clock.file] = clock.correction.unwrap_or(0);
    }
    corrections
}

fn style() -> Style {
    let (paint, width) = paint_and_width();
    Style::new(width.unwrap_or(WIDTH), paint)
}

fn print(report: &Report, json: bool, style: Style, out: &mut dyn Write) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string_pretty(report).map(|text| plain_document(&text) + "\n").map_err(io::Error::from)
    } else {
        Ok(render(report, style))
    };
    match text.and_then(|text| out.write_all(text.as_bytes())).and_then(|()| out.flush()) {
        // The reader of the report has closed the pipe, as `head` does: that is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => {
            other.map_err(|error| Failure::cannot(format!("cannot write the report: {error}"), "check standard output"))
        }
    }
}

/// Writes findings to a file and shows progress.
struct Watcher {
    findings: Option<BufWriter<File>>,
    line: Vec<u8>,
    read: BytesRead,
    bar: ProgressBar,
}

impl Watcher {
    fn new(args: &ReplayArgs) -> Result<Self, Failure> {
        let create = |path: &Path| {
            File::create(path).map(BufWriter::new).map_err(|error| {
                Failure::cannot(
                    format!("cannot write {}: {error}", path.display()),
                    "--findings takes a file that can be written",
                )
            })
        };
        let findings = args.findings.as_deref().map(create).transpose()?;
        Ok(Self { findings, line: Vec::new(), read: BytesRead::default(), bar: progress_bar() })
    }
}

/// A progress bar on standard error; hidden where that is no terminal.
fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    ProgressBar::new(0)
        .with_style(bar_style("{bar:40} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left"))
}

fn bar_style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

impl Observer for Watcher {
    fn batch(&mut self) {
        self.bar.set_position(self.read.load(Ordering::Relaxed));
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let Some(file) = &mut self.findings else { return Ok(()) };
        self.line.clear();
        finding.write_line(FINDING_BYTES, &mut self.line);
        file.write_all(&self.line)
    }
}
