//! Never seen before: a template or an exception type at WARN or worse.
//!
//! A first sight is told when something new is unlikely: when the chance of it, by Good and Turing's estimate over the
//! events at WARN and worse (`chance.rs`), is below `threshold`. Where new texts are usual, or a deploy has made all of
//! them new, it is not told. Of more than five in a warm-up time the rest join the last. A template that has been seen at
//! any level is known. Its later events in the warm-up time join its incident, which ends when none came for that long.
//!
//! An exception type that was never named before is told where its template is known, or in place of its template.
//!
//! Quiet once a table of templates or exceptions has had to forget: a first sight means nothing then. Memory: the templates'
//! own table, 16 bytes for each exception type (capped), five incidents. Cold start: silent for `warm_up_s` of stream;
//! programs write in runs, and what they say seldom takes longer to come by than an estimate for independent lines knows.

mod chance;

use super::{Detector, Event, NearMiss, Report, RestoreError, TableUse, pack, unpack};
use crate::engine::clock::Moment;
use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{IncidentId, Opening, round, score_of};
use crate::engine::overrides::{Choice, KeyPattern, Overrides};
use crate::engine::state::{Table, TableSnapshot};
use crate::engine::template::{Merge, TemplateId};
use crate::event::exception::ExceptionTypes;
use crate::event::{Level, Role};
use chance::Chance;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64;

/// Most openings in a warm-up time.
const OPENINGS: usize = 5;
/// Bytes of a message that a summary shows.
const SHOWN_BYTES: usize = 300;

/// What some modules can have other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoveltySettings {
    /// Off means that their news is none.
    pub enabled: bool,
    /// The chance of something new below which a first sight is told.
    pub threshold: f64,
    /// The least level.
    pub level: Level,
}

/// What a user can set.
#[derive(Clone, Debug, PartialEq)]
pub struct NoveltyOptions {
    /// The usual settings.
    pub usual: NoveltySettings,
    /// Seconds of stream before it judges.
    pub warm_up_s: f64,
    /// Most exception types held.
    pub keys: usize,
    /// Other settings for some events; the first that matches counts.
    pub overrides: Vec<(KeyPattern, NoveltySettings)>,
}

impl Default for NoveltyOptions {
    fn default() -> Self {
        Self {
            usual: NoveltySettings { enabled: true, threshold: 0.05, level: Level::Warn },
            warm_up_s: 900.0,
            keys: 100_000,
            overrides: Vec::new(),
        }
    }
}

impl NoveltyOptions {
    /// True when there is news that it watches for.
    #[must_use]
    pub fn watches(&self) -> bool {
        self.usual.enabled || self.overrides.iter().any(|(_, settings)| settings.enabled)
    }
}

/// An open incident.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Open {
    id: IncidentId,
    template: TemplateId,
    /// Seconds of running time at its last event.
    last: f64,
}

/// The detector.
#[derive(Debug)]
pub struct Novelty {
    overrides: Overrides<NoveltySettings>,
    /// The least level that any settings name.
    least: Level,
    warm_up_s: f64,
    templates: Chance,
    exceptions: Chance,
    /// How often each exception type was named.
    named: Table<u64>,
    types: ExceptionTypes,
    open: Vec<Open>,
    /// When the last incidents were opened.
    opened: VecDeque<f64>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    templates: Chance,
    exceptions: Chance,
    named: TableSnapshot<u64>,
    open: Vec<Open>,
    opened: VecDeque<f64>,
}

impl Novelty {
    /// A detector that has seen nothing.
    #[must_use]
    pub fn new(options: NoveltyOptions) -> Self {
        let others = options.overrides.iter().map(|(_, settings)| settings);
        let levels = others.chain([&options.usual]).map(|settings| settings.level);
        Self {
            least: levels.min().unwrap_or(Level::Warn),
            overrides: Overrides::new(options.usual, options.overrides),
            warm_up_s: options.warm_up_s,
            templates: Chance::default(),
            exceptions: Chance::default(),
            named: Table::new(options.keys),
            types: ExceptionTypes::default(),
            open: Vec::new(),
            opened: VecDeque::new(),
        }
    }

    fn look_at(&mut self, event: &Event<'_>, level: Level, report: &mut Report<'_>) {
        let running = event.moment.running;
        let template = event.template;
        let chance = self.templates.see(template.count);
        let exception =
            event.fields.raw(Role::Message).and_then(|message| self.types.first(message)).and_then(|name| {
                let count = self.named.touch(xxh3_64(name), || 0);
                *count += 1;
                let count = *count;
                let chance = self.exceptions.see(count);
                (count == 1).then(|| (String::from_utf8_lossy(name).into_owned(), chance))
            });
        if template.count > 1 && exception.is_none() {
            if let Some(open) = self.open.iter_mut().find(|open| open.template == template.id) {
                open.last = running;
                let (id, now) = (open.id, event.moment.now);
                report.incidents.join(id, 1, Some(level), now, report.findings, |_, _, _| {});
            }
            return;
        }
        let settings = *self.overrides.of(&mut Choice::default(), &event.fields);
        if !settings.enabled || level < settings.level || event.moment.outside {
            return;
        }
        // The estimate of exceptions rests on few sightings; that of the templates vouches for it.
        let (exception, chance) = match exception {
            Some((name, of_type)) if template.count > 1 => (Some(name), of_type.max(chance)),
            Some((name, _)) => (Some(name), chance),
            None => (None, chance),
        };
        let held_back = if chance >= settings.threshold {
            Some("what is new is not rare enough here")
        } else if running < self.warm_up_s {
            Some("it has not learned for long enough")
        } else if event.templates.evictions() + self.named.evictions() > 0 {
            Some("a table has had to forget, so that a first sight means nothing")
        } else {
            None
        };
        if let Some(why) = held_back {
            near_miss(event, exception, chance, settings.threshold, why, report);
            return;
        }
        while self.opened.front().is_some_and(|&opened| running - opened > self.warm_up_s) {
            self.opened.pop_front();
        }
        if self.opened.len() >= OPENINGS {
            near_miss(event, exception, chance, settings.threshold, "too much is new: it joins what is open", report);
            if let Some(open) = self.open.last_mut() {
                open.last = running;
                report.incidents.join(open.id, 1, Some(level), event.moment.now, report.findings, |_, _, _| {});
            }
            return;
        }
        self.opened.push_back(running);
        let opening = self.opening(event, level, exception, chance, settings.threshold);
        let id = report.incidents.open(opening, event.moment.now, report.findings);
        self.open.push(Open { id, template: template.id, last: running });
    }

    fn opening(
        &self,
        event: &Event<'_>,
        level: Level,
        exception: Option<String>,
        chance: f64,
        threshold: f64,
    ) -> Opening {
        let message = event.fields.text(Role::Message).unwrap_or_default();
        let shown = &message[..message.floor_char_boundary(SHOWN_BYTES)];
        let hours = event.moment.running / 3_600.0;
        let module = event.fields.text(Role::Module).map(std::borrow::Cow::into_owned);
        let on = module.as_ref().map_or(String::new(), |module| format!(" on {module}"));
        let level_name = level.name();
        let template = event.template.id.to_string();
        let (kind, name, summary) = match exception {
            Some(name) => {
                let summary = format!("the first {name}{on} in {hours:.1} h: {shown}");
                ("exception", name, summary)
            }
            None => {
                let summary = format!("the first {level_name} of template {template}{on} in {hours:.1} h: {shown}");
                ("template", template, summary)
            }
        };
        let mut key: Vec<(String, String)> = module.map(|module| ("module".to_owned(), module)).into_iter().collect();
        key.push((kind.to_owned(), name));
        let mut evidence = Evidence {
            observed: 1.0,
            expected: round(chance, 5),
            unit: "new among events at WARN and worse".into(),
            test: "Good–Turing".into(),
            threshold,
            p_value: Some(round(chance, 6)),
            samples: self.templates.sightings() as u64,
            window_s: round(event.moment.running, 1),
            more: serde_json::Map::new(),
        };
        evidence.more.insert("template".into(), event.template.id.to_string().into());
        if let Some(text) = event.templates.text(event.template.id) {
            evidence.more.insert("template_text".into(), text.into());
        }
        evidence.more.insert("example".into(), shown.into());
        Opening {
            detector: DetectorName::Novelty,
            kind: kind.into(),
            rule: None,
            severity: match level {
                Level::Fatal => Severity::Critical,
                Level::Error => Severity::Warning,
                _ => Severity::Info,
            },
            key: Key(key),
            count: 1,
            score: score_of(chance.ln()),
            summary,
            evidence,
            worst: Some(level),
            cause: None,
            remedy: None,
            context: Vec::new(),
        }
    }
}

/// A first sight is not told, and why.
fn near_miss(
    event: &Event<'_>,
    exception: Option<String>,
    chance: f64,
    threshold: f64,
    why: &str,
    report: &mut Report<'_>,
) {
    report.near_miss(chance.ln(), threshold, |ln_p, threshold| NearMiss {
        detector: DetectorName::Novelty,
        kind: if exception.is_some() { "exception" } else { "template" },
        key: exception.unwrap_or_else(|| event.template.id.to_string()),
        ln_p,
        threshold,
        why: why.to_owned(),
    });
}

impl Detector for Novelty {
    fn name(&self) -> DetectorName {
        DetectorName::Novelty
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, report: &mut Report<'_>) {
        if let Some(level) = event.fields.look().level
            && level >= self.least
            && event.template.count > 0
        {
            self.look_at(event, level, report);
        }
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        self.open.retain(|open| {
            let going = moment.running - open.last <= self.warm_up_s;
            if !going {
                report.incidents.resolve(open.id, moment.now, report.findings);
            }
            going && report.incidents.is_open(open.id)
        });
    }

    fn merge(&mut self, merge: Merge) {
        for open in self.open.iter_mut().filter(|open| open.template == merge.from) {
            open.template = merge.into;
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        pack(&Kept {
            templates: self.templates,
            exceptions: self.exceptions,
            named: self.named.snapshot(),
            open: self.open.clone(),
            opened: self.opened.clone(),
        })
    }

    fn restore(&mut self, kept: &[u8]) -> Result<(), RestoreError> {
        let kept: Kept = unpack(kept)?;
        (self.templates, self.exceptions) = (kept.templates, kept.exceptions);
        self.named.restore(kept.named);
        (self.open, self.opened) = (kept.open, kept.opened);
        Ok(())
    }

    fn tables(&self) -> Vec<TableUse> {
        let (keys, evictions) = (self.named.len() as u64, self.named.evictions());
        vec![TableUse { table: "novelty_exceptions", keys, evictions }]
    }
}

#[cfg(test)]
mod tests;
