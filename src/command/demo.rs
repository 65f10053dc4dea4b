//! `seismolog demo`: writes a labelled stream with known faults; on a terminal, shows what the
//! filter finds in it.

use super::{Loaded, load, paint_and_width};
use crate::cli::{DemoArgs, Settings};
use crate::demo::{DemoEvent, FaultKind, Labels, Shop, ShopOptions};
use crate::engine::Outcome;
use crate::engine::finding::{DetectorName, Finding, State};
use crate::error::Failure;
use crate::event::lines::Lines;
use crate::event::{Batch, Timestamp};
use crate::io::escaping::safe_stderr;
use crate::terminal::Screen;
use crate::terminal::describe;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Events that go through the engine at a time when the view is not live.
const CHUNK: usize = 1_024;
/// A finding counts as a hit until this many seconds after the fault has ended.
const GRACE_S: f64 = 60.0;

/// Writes the stream, or shows what the filter finds in it.
///
/// # Errors
/// [`Failure::Usage`] for invalid options; [`Failure::Cannot`] when something cannot be written.
pub fn demo(args: &DemoArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut shop = open_shop(args)?;
    for kind in shop.unplaced() {
        let note =
            format!("seismolog: {} does not fit into {} minutes; more --minutes make room", kind.name(), args.minutes);
        let _ = writeln!(safe_stderr(), "{note}");
    }
    let live = !args.emit && !args.show && io::stdout().is_terminal();
    let written = match (live, args.show) {
        (true, _) => show(&mut shop, Filter::new(&load(&Settings::default())?)?, Some(Pace::new(args.speed)?), out),
        (false, true) => show(&mut shop, Filter::new(&load(&Settings::default())?)?, None, out),
        (false, false) => emit(&mut shop, out),
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => {
            return Err(Failure::cannot(format!("cannot write the stream: {error}"), "check standard output"));
        }
        Ok(()) => {}
    }
    let Some(path) = &args.labels else { return Ok(()) };
    let labels = serde_json::to_string_pretty(&shop.labels()).unwrap_or_default();
    fs::write(path, labels + "\n").map_err(|error| {
        Failure::cannot(
            format!("cannot write {}: {error}", path.display()),
            "--labels takes a file that can be written",
        )
    })
}

fn open_shop(args: &DemoArgs) -> Result<Shop, Failure> {
    let usage = |message: String| Failure::Usage { message, hint: "seismolog demo --help shows every option".into() };
    let faults = FaultKind::parse_list(&args.faults).map_err(|error| usage(error.to_string()))?;
    if !(args.minutes.is_finite() && args.minutes > 0.0) {
        return Err(usage(format!("--minutes {} is no length of time", args.minutes)));
    }
    let options = ShopOptions {
        seed: args.seed,
        rate: args.rate,
        duration_s: (args.minutes * 60.0).round() as u64,
        faults,
        ..ShopOptions::default()
    };
    Shop::new(options).map_err(|error| usage(error.to_string()))
}

fn emit(shop: &mut Shop, out: &mut dyn Write) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    for event in shop {
        out.write_all(event.line.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// The speed of a live view: pauses between events are divided by `speed`; 0 does not pause.
struct Pace {
    speed: f64,
    began: Instant,
    first: Option<Timestamp>,
}

impl Pace {
    fn new(speed: f64) -> Result<Self, Failure> {
        if speed.is_finite() && speed >= 0.0 {
            return Ok(Self { speed, began: Instant::now(), first: None });
        }
        let message = format!("--speed {speed} is no speed");
        Err(Failure::Usage { message, hint: "60 shows a minute in a second; 0 does not wait at all".into() })
    }

    fn wait_for(&mut self, time: Timestamp) {
        let first = *self.first.get_or_insert(time);
        if self.speed > 0.0 {
            let due = Duration::from_secs_f64(time.seconds_since(first).max(0.0) / self.speed);
            std::thread::sleep(due.saturating_sub(self.began.elapsed()));
        }
    }
}

/// Sends the stream through the engine and prints the score. A live view shows every event, with
/// its findings below it; otherwise only opened and resolved incidents are shown.
fn show(shop: &mut Shop, mut filter: Filter, mut live: Option<Pace>, out: &mut dyn Write) -> io::Result<()> {
    let (paint, _) = paint_and_width();
    let screen = Screen { colour: paint.colour };
    let chunk = if live.is_some() { 1 } else { CHUNK };
    let mut opened = Vec::new();
    let mut events = 0_u64;
    loop {
        let made: Vec<DemoEvent> = shop.by_ref().take(chunk).collect();
        let Some(next) = made.first() else { break };
        let time = next.time;
        events += made.len() as u64;
        let lines: Vec<String> = made.into_iter().map(|event| event.line).collect();
        let findings = filter.pass(&lines);
        let said = findings.iter().filter(|finding| finding.state != State::Ongoing);
        match &mut live {
            Some(pace) => {
                pace.wait_for(time);
                let mut text = Vec::new();
                screen.event(&filter.batch.fields(0), &mut text);
                said.for_each(|finding| screen.finding(finding, &mut text));
                out.write_all(&text)?;
                out.flush()?;
            }
            None => {
                for finding in said {
                    writeln!(out, "{}", describe(finding, paint))?;
                }
            }
        }
        opened.extend(findings.into_iter().filter(|finding| finding.state == State::Open));
    }
    write!(out, "{}", score(&shop.labels(), &opened, events))
}

/// The steps of the pipeline on one thread: lines in, findings out.
struct Filter {
    parser: crate::event::EventParser,
    engine: crate::engine::Engine,
    lines: Lines,
    batch: Batch,
    outcome: Outcome,
}

impl Filter {
    fn new(loaded: &Loaded) -> Result<Self, Failure> {
        Ok(Self {
            parser: loaded.parser()?,
            engine: loaded.engine(),
            lines: loaded.lines(),
            batch: Batch::default(),
            outcome: Outcome::default(),
        })
    }

    fn pass(&mut self, lines: &[String]) -> Vec<Finding> {
        self.batch.clear();
        self.batch.bytes = (lines.join("\n") + "\n").into_bytes();
        self.batch.filled = self.batch.bytes.len();
        self.lines.split(&mut self.batch, true);
        self.parser.parse(&mut self.batch);
        let mut findings = Vec::new();
        for i in 0..self.batch.records.len() {
            self.engine.process(&self.batch.fields(i), Timestamp::default(), &mut self.outcome);
            findings.append(&mut self.outcome.before);
            findings.append(&mut self.outcome.findings);
        }
        findings
    }
}

/// Whether `detector` is meant to find faults of this kind.
fn is_right(detector: DetectorName, kind: &str) -> bool {
    kind.parse::<FaultKind>().is_ok_and(|kind| kind.detectors().contains(&detector))
}

/// Lists the injected faults, and which of them were found.
fn score(labels: &Labels, opened: &[Finding], events: u64) -> String {
    let mut text =
        format!("\n{events} events with {} faults. Injected, and when each was found:\n", labels.labels.len());
    let mut found = 0;
    for label in &labels.labels {
        let start = Timestamp::from_millis((label.start * 1e3).round() as i64);
        let hit = opened.iter().find(|finding| {
            let after = finding.said_at.seconds_since(start);
            let names = finding.key.0.iter().any(|(_, value)| *value == label.hint)
                || finding.summary.sentence.contains(&label.hint);
            (-1.0..=label.end - label.start + GRACE_S).contains(&after)
                && names
                && is_right(finding.detector, label.kind)
        });
        let result = match hit {
            Some(finding) => {
                found += 1;
                format!("found after {:.1} s", finding.said_at.seconds_since(start).max(0.0))
            }
            None => "not found".to_owned(),
        };
        let _ = writeln!(text, "  {start}  {:16} on {:24} {result}", label.kind, label.hint);
    }
    let spans = |finding: &Finding| {
        let said = finding.said_at.0 as f64 / 1e9;
        labels.labels.iter().any(|label| said >= label.start - 1.0 && said <= label.end + 2.0 * GRACE_S)
    };
    // Findings of rules are no false alarms: rules name error codes, which occur all along.
    let alarms = opened.iter().filter(|finding| finding.rule.is_none() && !spans(finding)).count();
    let _ = writeln!(text, "found {found} of {}; false alarms: {alarms}", labels.labels.len());
    text
}
