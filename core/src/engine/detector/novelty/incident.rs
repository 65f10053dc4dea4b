//! The finding of a first sight.

use super::open::NewsOf;
use crate::engine::finding::{
    DetectorName, Evidence, Key, Measured, NoveltyEvidence, Severity, round, score_of, test, unit,
};
use crate::engine::incident::Opening;
use crate::engine::template::{TemplateId, Templates};
use crate::event::Level;
use crate::event::stack_trace::Stack;

/// Bytes of a message that a finding shows.
const SHOWN_BYTES: usize = 300;

/// What is new.
#[derive(Clone, Debug)]
pub(super) enum News {
    Template,
    /// An exception type.
    Exception(String),
    /// A known type, with frames that were never seen.
    Stack(Stack),
    /// A known FATAL, after a rest.
    Again,
}

impl News {
    pub(super) fn exception(name: &[u8]) -> Self {
        Self::Exception(String::from_utf8_lossy(name).into_owned())
    }

    pub(super) fn kind(&self) -> &'static str {
        if matches!(self, Self::Template | Self::Again) { "template" } else { "exception" }
    }
}

/// A first sight.
#[derive(Clone, Debug)]
pub(super) struct Sight<'a> {
    pub(super) news: News,
    /// A hash of the exception type or the stack.
    pub(super) kind: u64,
    /// Its text is new too.
    pub(super) is_new_text: bool,
    /// The chance, before the sight, that it would be of something new.
    pub(super) chance: f64,
    /// How many such sights that are no fault the day to come is expected to bring.
    pub(super) a_day: f64,
    pub(super) module_hash: u64,
    pub(super) level: Level,
    pub(super) module: Option<&'a str>,
    /// None for a stack trace of several lines.
    pub(super) template: Option<TemplateId>,
    pub(super) message: &'a str,
}

impl Sight<'_> {
    /// The name of what is seen for the first time.
    pub(super) fn name(&self) -> String {
        match &self.news {
            News::Template | News::Again => self.template.map(|template| template.to_string()).unwrap_or_default(),
            News::Exception(name) => name.clone(),
            News::Stack(stack) if stack.exception.is_empty() => "a stack".into(),
            News::Stack(stack) => stack.exception.clone(),
        }
    }

    /// True when nothing keeps it from being told.
    pub(super) fn is_fatal(&self) -> bool {
        self.level == Level::Fatal && self.template.is_some()
    }

    /// Of which module, at which level, and whether it is an exception or a stack.
    pub(super) fn of(&self) -> NewsOf {
        (self.module_hash, self.level, matches!(self.news, News::Exception(_) | News::Stack(_)))
    }

    /// How severe it is, by its level.
    pub(super) fn severity(&self) -> Severity {
        match self.level {
            Level::Fatal => Severity::Critical,
            Level::Error => Severity::Warning,
            _ => Severity::Info,
        }
    }

    /// The incident, after `running` seconds of stream and so many `sightings` at WARN and worse.
    pub(super) fn opening(&self, running: f64, threshold: f64, sightings: u64, templates: &Templates) -> Opening {
        let shown = &self.message[..self.message.floor_char_boundary(SHOWN_BYTES)];
        let mut key: Vec<_> = self.module.map(|module| ("module".to_owned(), module.to_owned())).into_iter().collect();
        key.push((self.news.kind().to_owned(), self.name()));
        if let News::Stack(stack) = &self.news {
            key.push(("stack".to_owned(), format!("{:016x}", stack.fingerprint)));
        }
        // What is told because it is a FATAL may be nothing rare.
        let is_rare = self.chance < threshold;
        let measured = Measured {
            observed: 1.0,
            expected: is_rare.then_some(round(self.chance, 5)),
            unit: unit::NEW.into(),
            test: if is_rare { test::GOOD_TURING } else { test::EVERY_FATAL }.into(),
            threshold: is_rare.then_some(threshold),
            p_value: is_rare.then_some(round(self.chance, 6)),
            samples: sightings,
            window_s: Some(round(running, 1)),
        };
        let evidence = NoveltyEvidence {
            template: self.template.map(|template| template.to_string()),
            template_text: self.template.and_then(|template| templates.text(template)).map(str::to_owned),
            example: Some(shown.to_owned()),
            level: Some(self.level),
            running_s: running,
            again: matches!(self.news, News::Again),
            kinds: 1,
            also: Vec::new(),
        };
        Opening {
            detector: DetectorName::Novelty,
            kind: self.news.kind().into(),
            rule: None,
            severity: self.severity(),
            key: Key(key),
            count: 1,
            score: score_of(self.chance.min(threshold).ln()),
            measured,
            evidence: Evidence::Novelty(evidence),
            worst: Some(self.level),
            cause: None,
            remedy: None,
            context: Vec::new(),
        }
    }
}

/// What the trace below an event says, added to what is known of that.
pub(super) fn add_stack(known: &mut Opening, stack: &Stack) {
    if stack.exception.is_empty() {
        return;
    }
    if let Evidence::Novelty(evidence) = &mut known.evidence {
        let said = evidence.example.get_or_insert_default();
        if !said.contains(&stack.exception) {
            said.truncate(said.floor_char_boundary(SHOWN_BYTES));
            said.push_str(": ");
            said.push_str(&stack.exception);
        }
    }
}
