//! What it takes to add a detector: a module with its options and its type, and one line in a
//! registration. The registration here is the macro of the built-in detectors with one line of its
//! own, and the engine makes and runs the detector from it as it does those.

use super::judged::{Judged, JudgedFrom};
use super::options::{Options, SharedOptions};
use super::{Detector, Event, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::finding::{Evidence, Key, Measured, RuleEvidence, Severity, State};
use crate::engine::incident::Opening;
use crate::engine::rules::RuleSet;
use crate::engine::snapshot::Stateful;
use crate::engine::{Engine, EngineOptions, testing};
use crate::event::{Role, Timestamp};

/// The folder of the toy, which reports a module that has written so many lines.
pub mod counter {
    use super::*;
    use crate::setting::Setting;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    const LEAST: Setting<u64> = Setting::new(3, "from 1 to 10").from(1).to(10);

    /// `[detector.toy]`
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub struct ToyOptions {
        /// The module whose events are counted; none where it is empty.
        pub module: String,
        /// Events that make an incident.
        #[schemars(transform = LEAST.range())]
        pub least: u64,
    }

    impl Default for ToyOptions {
        fn default() -> Self {
            Self { module: String::new(), least: LEAST.default }
        }
    }

    impl Options for ToyOptions {
        fn watches(&self) -> bool {
            !self.module.is_empty()
        }

        fn judged(&self) -> Vec<JudgedFrom> {
            vec![JudgedFrom::values(Judged::Errors, self.least as u32)]
        }
    }

    /// The detector.
    #[derive(Debug)]
    pub struct Toy {
        options: ToyOptions,
        seen: u64,
    }

    impl Registered for Toy {
        type Options = ToyOptions;

        fn new(options: &ToyOptions, _: SharedOptions) -> Self {
            Self { options: options.clone(), seen: 0 }
        }
    }

    impl Stateful for Toy {
        type State = u64;

        fn state(&self) -> u64 {
            self.seen
        }

        fn resume(&mut self, seen: u64) {
            self.seen = seen;
        }
    }

    impl Detector for Toy {
        fn name(&self) -> super::super::DetectorName {
            // The name in findings is one of the built-in registration's.
            super::super::DetectorName::Rule
        }

        fn observe(&mut self, event: &Event<'_>, prior: &Prior, report: &mut Report<'_>) {
            let module = event.fields.text(Role::Module).unwrap_or_default();
            if module != self.options.module.as_str() || prior.suppressed_by.is_some() {
                return;
            }
            self.seen += 1;
            if self.seen == self.options.least {
                let opening = Opening {
                    detector: self.name(),
                    kind: ToyName::Toy.name().into(),
                    rule: None,
                    severity: Severity::Info,
                    key: Key(vec![("module".into(), module.into())]),
                    count: self.seen,
                    score: 0.5,
                    measured: Measured::default(),
                    evidence: Evidence::Rule(RuleEvidence { said: "a toy".into() }),
                    worst: None,
                    cause: None,
                    remedy: None,
                    context: Vec::new(),
                };
                report.incidents.open(opening, event.moment.now, report.findings);
            }
        }

        fn tick(&mut self, _: Moment, _: &mut Report<'_>) {}

        fn tables(&self) -> Vec<TableUse> {
            Vec::new()
        }
    }
}

super::registry::detectors! {
    names ToyName, options ToyDetectors;

    /// A toy.
    Toy = "toy" in counter: statistical;
}

/// An engine whose detectors come from the registration of the toy.
fn engine(detectors: &ToyDetectors) -> Engine {
    let options = EngineOptions::default();
    Engine { detectors: detectors.detectors(options.keys), ..Engine::new(&options, RuleSet::empty()) }
}

#[test]
fn one_line_registers_a_detector() {
    assert_eq!(ToyName::ALL.map(ToyName::name), ["toy", "rule"]);
    assert_eq!((ToyName::ORDER, ToyName::KINDS_OF_TESTS), ([0], 1));
    // Its table has its range and its hint in the schema.
    let schema = schemars::schema_for!(ToyDetectors).to_value();
    assert!(schema.to_string().contains("from 1 to 10"), "{schema}");
    assert!(engine(&ToyDetectors::default()).detectors.is_empty(), "it has nothing to watch");
    let read: Result<ToyDetectors, _> = toml::from_str("[toy]\nmodule = \"a\"\nmost = 3\n");
    assert!(read.unwrap_err().to_string().contains("least"));
}

#[test]
fn what_is_registered_is_run_told_and_kept_by_the_engine() {
    let detectors: ToyDetectors = toml::from_str("[toy]\nmodule = \"a\"\nleast = 2\n").unwrap();
    let line = |module: &str| format!("{{\"module\":\"{module}\",\"message\":\"hello\"}}");
    let mut stream = testing::Stream::new(&EngineOptions::default());
    stream.engine = engine(&detectors);
    ["a", "b"].into_iter().for_each(|module| stream.line(&line(module)));
    assert_eq!(stream.findings, []);
    let kept = stream.engine.snapshot();
    stream.engine = engine(&detectors);
    assert_eq!(stream.engine.restore(&kept), Ok(Vec::new()));
    stream.line(&line("a"));
    let [found] = &stream.findings[..] else { panic!("{:?}", stream.findings) };
    assert_eq!((found.kind.as_str(), found.state, found.count), ("toy", State::Open, 2));
    assert!(found.said_at > Timestamp(i64::MIN));
}
