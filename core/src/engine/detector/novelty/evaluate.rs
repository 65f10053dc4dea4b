//! Whether a first sight is told.

use super::incident::{News, Sight};
use super::open::OpenNovelty;
use super::options::NoveltySettings;
use super::{EARLY_S, Novelty, beginning_of};
use crate::engine::clock::Moment;
use crate::engine::detector::Report;
use crate::engine::finding::{DetectorName, NearMiss, Reason};
use crate::engine::template::Templates;
use crate::event::Level;

/// A line of so many seconds ago is no news.
const LATEST_S: f64 = 3_600.0;
/// So many first sights may be compared with all templates at once, and one more with each second.
pub(super) const COMPARISONS: f64 = 64.0;

impl Novelty {
    /// The chance of a first sight, and how many the day to come is expected to bring. The
    /// estimates of exceptions and stacks rest on few sightings, so the larger chance of them and
    /// of the templates counts.
    pub(super) fn expected(&self, news: &News, is_new_text: bool, module: u64, running: f64) -> (f64, f64) {
        let of_texts = self.texts.chance(module, running);
        let rare = match news {
            News::Exception(_) if !is_new_text => &self.exceptions.discoveries,
            News::Stack(_) => &self.stacks.discoveries,
            _ => return (of_texts, self.texts.a_day(module, running)),
        };
        (rare.chance(module, running).max(of_texts), rare.a_day(module, running))
    }

    /// Opens an incident for a first sight, unless something forbids it.
    pub(super) fn judge(
        &mut self,
        sight: &Sight<'_>,
        (settings, patience): (NoveltySettings, f64),
        moment: Moment,
        templates: &Templates,
        report: &mut Report<'_>,
    ) {
        let is_of_now = moment.now.seconds_since(moment.time).abs() <= LATEST_S;
        if !settings.enabled || sight.level < settings.level || !is_of_now {
            return;
        }
        let running = moment.running;
        if let Some(why) = self.held_back(sight, settings, moment, templates, report) {
            report.near_miss(sight.chance.ln(), settings.threshold, |ln_p, threshold| NearMiss {
                detector: DetectorName::Novelty,
                kind: sight.news.kind(),
                key: sight.name(),
                ln_p,
                threshold,
                why,
            });
            return;
        }
        if !sight.is_fatal() {
            self.opened.add(running);
        }
        let opening = sight.opening(running, settings.threshold, self.texts.warnings(), templates);
        let id = report.incidents.open(opening, moment.own(), report.findings);
        let mut open = OpenNovelty::new(id, sight.of(), running, patience);
        open.templates.extend(sight.template);
        self.open.push(open);
        self.latest = Some((beginning_of(sight.message), id));
        let over = if report.incidents.is_open(id) { running + patience - EARLY_S } else { running };
        self.soonest = self.soonest.min(over);
    }

    /// Why a first sight opens no incident. What is new and was expected is learned.
    fn held_back(
        &mut self,
        sight: &Sight<'_>,
        settings: NoveltySettings,
        moment: Moment,
        templates: &Templates,
        report: &mut Report<'_>,
    ) -> Option<Reason> {
        let running = moment.running;
        if matches!(sight.news, News::Template) && !sight.is_fatal() && self.is_variant(sight, running, templates) {
            self.texts.variant(sight.module_hash);
            return Some(Reason::Variant);
        }
        let is_full = match sight.level {
            Level::Fatal => self.fatals.are_usual(running),
            _ => self.opened.is_full(running, self.warm_up_s),
        };
        if let Some(open) = self.open.joined_by(sight.of(), running, self.warm_up_s, is_full) {
            match sight.news {
                News::Again => open.last = running,
                _ => open.add(sight.template.filter(|_| sight.is_new_text), sight.message, running),
            }
            open.level = open.level.max(sight.level);
            report.incidents.raise(open.id, sight.severity());
            report.incidents.join_updated(open.id, 1, Some(sight.level), moment.now, report.findings, |said, _| {
                open.tell(said);
            });
            return Some(Reason::TooMuchNew);
        }
        let forgotten = templates.evictions() + self.exceptions.counts.evictions() + self.stacks.counts.evictions();
        let why = match sight {
            _ if sight.is_fatal() => None,
            Sight { chance, a_day, .. } if *chance >= settings.threshold || *a_day > self.share => {
                Some(Reason::NotRare)
            }
            _ if running < self.warm_up_s => Some(Reason::NotLearned),
            _ if forgotten > 0 => Some(Reason::ForgottenSights),
            _ => None,
        };
        if sight.is_new_text {
            let template = sight.template.unwrap_or_default();
            self.texts.first(template.0, sight.module_hash, running, why.is_none());
        }
        let of = match sight.news {
            News::Exception(_) => &mut self.exceptions.discoveries,
            News::Stack(_) => &mut self.stacks.discoveries,
            News::Template | News::Again => return why,
        };
        of.first(sight.kind, sight.module_hash, running, why.is_none());
        why
    }

    /// True when a template has only another value in place of a word. That is looked up for so
    /// many first sights a second: where there are more, something new is usual.
    fn is_variant(&mut self, sight: &Sight<'_>, running: f64, templates: &Templates) -> bool {
        let (left, counted) = self.comparisons;
        let left = (left + (running - counted).max(0.0)).min(COMPARISONS);
        self.comparisons = (if left >= 1.0 { left - 1.0 } else { left }, running);
        left >= 1.0 && sight.template.is_some_and(|template| templates.is_variant(template, sight.level))
    }
}
