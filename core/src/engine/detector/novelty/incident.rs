//! The finding of a first sight.

use crate::engine::finding::{
    DetectorName, Evidence, Key, Measured, NoveltyEvidence, Severity, round, score_of, test, unit,
};
use crate::engine::incident::Opening;
use crate::engine::template::{TemplateId, Templates};
use crate::event::Level;
use crate::event::trace::Stack;

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
}

impl News {
    pub(super) fn exception(name: &[u8]) -> Self {
        Self::Exception(String::from_utf8_lossy(name).into_owned())
    }

    pub(super) fn kind(&self) -> &'static str {
        if matches!(self, Self::Template) { "template" } else { "exception" }
    }
}

/// A first sight.
#[derive(Clone, Debug)]
pub(super) struct Sight<'a> {
    pub(super) news: News,
    /// The chance, before the sight, that it would be of something new.
    pub(super) chance: f64,
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
            News::Template => self.template.map(|template| template.to_string()).unwrap_or_default(),
            News::Exception(name) => name.clone(),
            News::Stack(stack) if stack.exception.is_empty() => "a stack".into(),
            News::Stack(stack) => stack.exception.clone(),
        }
    }

    /// The incident, after `running` seconds of stream and so many `sightings` at WARN and worse.
    pub(super) fn opening(&self, running: f64, threshold: f64, sightings: f64, templates: &Templates) -> Opening {
        let shown = &self.message[..self.message.floor_char_boundary(SHOWN_BYTES)];
        let mut key: Vec<_> = self.module.map(|module| ("module".to_owned(), module.to_owned())).into_iter().collect();
        key.push((self.news.kind().to_owned(), self.name()));
        if let News::Stack(stack) = &self.news {
            key.push(("stack".to_owned(), format!("{:016x}", stack.fingerprint)));
        }
        let measured = Measured {
            observed: 1.0,
            expected: Some(round(self.chance, 5)),
            unit: unit::NEW.into(),
            test: test::GOOD_TURING.into(),
            threshold: Some(threshold),
            p_value: Some(round(self.chance, 6)),
            samples: sightings as u64,
            window_s: Some(round(running, 1)),
        };
        let evidence = NoveltyEvidence {
            template: self.template.map(|template| template.to_string()),
            template_text: self.template.and_then(|template| templates.text(template)).map(str::to_owned),
            example: Some(shown.to_owned()),
            level: Some(self.level),
            running_s: running,
        };
        Opening {
            detector: DetectorName::Novelty,
            kind: self.news.kind().into(),
            rule: None,
            severity: match self.level {
                Level::Fatal => Severity::Critical,
                Level::Error => Severity::Warning,
                _ => Severity::Info,
            },
            key: Key(key),
            count: 1,
            score: score_of(self.chance.ln()),
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
