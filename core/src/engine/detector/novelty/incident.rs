//! What is said of a first sight.

use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{Opening, round, score_of};
use crate::engine::template::{TemplateId, Templates};
use crate::event::Level;
use crate::event::trace::Stack;

/// Bytes of a message that a summary shows.
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
    /// The chance, before it, that it would be new.
    pub(super) chance: f64,
    pub(super) level: Level,
    pub(super) module: Option<&'a str>,
    /// None of a trace of several lines.
    pub(super) template: Option<TemplateId>,
    pub(super) message: &'a str,
}

impl Sight<'_> {
    /// What it is a first sight of.
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
        let on = self.module.map_or(String::new(), |module| format!(" on {module}"));
        let (name, hours) = (self.name(), running / 3_600.0);
        let mut key: Vec<_> = self.module.map(|module| ("module".to_owned(), module.to_owned())).into_iter().collect();
        key.push((self.news.kind().to_owned(), name.clone()));
        let first = match &self.news {
            News::Template => format!("the first {} of template {name}", self.level.name()),
            News::Exception(_) => format!("the first {name}"),
            News::Stack(stack) => {
                let fingerprint = format!("{:016x}", stack.fingerprint);
                let first = format!("the first {name} with the frames of {fingerprint}");
                key.push(("stack".to_owned(), fingerprint));
                first
            }
        };
        let mut evidence = Evidence {
            observed: 1.0,
            expected: round(self.chance, 5),
            unit: "new among events at WARN and worse".into(),
            test: "Good–Turing".into(),
            threshold,
            p_value: Some(round(self.chance, 6)),
            samples: sightings as u64,
            window_s: round(running, 1),
            more: serde_json::Map::new(),
        };
        if let Some(template) = self.template {
            evidence.more.insert("template".into(), template.to_string().into());
            if let Some(text) = templates.text(template) {
                evidence.more.insert("template_text".into(), text.into());
            }
        }
        evidence.more.insert("example".into(), shown.into());
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
            summary: format!("{first}{on} in {hours:.1} h: {shown}"),
            evidence,
            worst: Some(self.level),
            cause: None,
            remedy: None,
            context: Vec::new(),
        }
    }
}
