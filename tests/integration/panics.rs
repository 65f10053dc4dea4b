//! Tests a panic on one event: the event passes, the fault is counted, and the engine continues
//! with empty state.

use seismolog::config::Config;
use seismolog::engine::clock::Moment;
use seismolog::engine::detector::{Detector, Event, Prior, Report, TableUse};
use seismolog::engine::finding::{DetectorName, Finding};
use seismolog::engine::rules::RuleSet;
use seismolog::engine::{Engine, Outcome, Stateful};
use seismolog::event::lines::Lines;
use seismolog::event::time::TimeContext;
use seismolog::event::{EventParser, Fault};
use seismolog::io::outputs::Outputs;
use seismolog::io::shutdown::Progress;
use seismolog::io::source::{LineFrontend, LineSource};
use seismolog::io::stdio::StandardInput;
use seismolog::output::OutputEncoder;
use seismolog::pipeline::{Observer, Pipeline};
use std::io::{Read, Write, pipe};
use std::sync::Arc;

/// A detector that panics on a certain line.
struct Fragile;

impl Stateful for Fragile {
    type State = ();
    fn state(&self) {}
    fn resume(&mut self, (): ()) {}
}

impl Detector for Fragile {
    fn name(&self) -> DetectorName {
        DetectorName::Rule
    }
    fn observe(&mut self, event: &Event<'_>, _: &Prior, _: &mut Report<'_>) {
        assert!(!event.fields.line().ends_with(b"boom\"}"), "as asked for");
    }
    fn tick(&mut self, _: Moment, _: &mut Report<'_>) {}
    fn tables(&self) -> Vec<TableUse> {
        Vec::new()
    }
}

/// An observer that adds up its counts.
#[derive(Default)]
struct Counts {
    events: u64,
    panics: u64,
    asides: u64,
}

impl Observer for Counts {
    fn batch(&mut self, engine: &mut Engine, _: usize, _: usize, _: f64) {
        let tally = engine.take_tally();
        self.events += tally.events.iter().sum::<u64>();
        self.panics += tally.faults[Fault::Panic as usize];
    }
    fn aside(&mut self, outcome: &Outcome) {
        self.asides += u64::from(matches!(outcome.fault, Some((Fault::Panic, _))));
    }
    fn fault(&mut self, _: Fault) {}
    fn unheard(&mut self, _: &[Finding]) {}
}

#[test]
fn every_line_passes_and_the_panics_are_counted() {
    let lines: String = (0..1_000)
        .map(|i| format!("{{\"n\":{i},\"message\":\"{}\"}}\n", if i % 100 == 50 { "boom" } else { "fine" }))
        .collect();
    let ((input, mut feed), (mut got, output)) = (pipe().unwrap(), pipe().unwrap());
    let (stop, _bell) = pipe().unwrap();
    let sent = lines.clone();
    let feeder = std::thread::spawn(move || feed.write_all(sent.as_bytes()).unwrap());
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        got.read_to_string(&mut text).unwrap();
        text
    });
    std::panic::set_hook(Box::new(|_| {}));
    let config = Config::default();
    let front = LineFrontend {
        lines: Lines::new(1 << 20),
        parser: EventParser::new(config.names(), config.output.member.clone(), TimeContext::new("UTC", 2026).unwrap()),
        join_timeout: std::time::Duration::ZERO,
    };
    let fresh = || {
        let mut engine = Engine::new(&config.engine_options(), RuleSet::empty());
        engine.add_detector(Box::new(Fragile));
        engine
    };
    let mut pipeline = Pipeline {
        fresh: &fresh,
        new_rules: &|| None,
        encoder: OutputEncoder::new(config.encoder_options()),
        observer: Counts::default(),
        progress: Arc::new(Progress::default()),
    };
    let mut outputs = Outputs::new(Some(output.into()), Vec::new(), Arc::default());
    let source = LineSource { input: StandardInput::new(input, stop.into()), front };
    pipeline.run(vec![Box::new(source)], &mut outputs).unwrap();
    drop(outputs);
    let Counts { events, panics, asides } = pipeline.observer;
    feeder.join().unwrap();
    assert_eq!(reader.join().unwrap(), lines);
    assert_eq!((events, panics, asides), (1_000, 10, 10));
}
