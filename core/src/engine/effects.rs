//! Applies the results of rules: findings, edits of the event, emitted events and masks.

use super::emitted::Emitted;
use super::finding::State;
use super::incident::IncidentId;
use super::recent::text_of;
use super::rules::Known;
use super::situation::Carrier;
use super::{Engine, Outcome, Report};
use crate::event::{Batch, Edit, Encoding, Fault, Fields, Role, Timestamp, mask};

impl Engine {
    /// Completes the findings of an event or, without `fields`, of a tick: says to which situation
    /// each belongs, counts them, and masks quoted text, in findings of detectors too. Findings
    /// that the event must not carry move to `outcome.before`, where each leaves as an event of its
    /// own: those of ended incidents, and all of them when the event is withheld.
    #[cold]
    pub(super) fn settle(&mut self, fields: Option<&Fields<'_>>, now: Timestamp, outcome: &mut Outcome) {
        self.memory.hurry(outcome.before.len() + outcome.findings.len());
        if outcome.edit.withheld {
            // They may quote what was withheld because it could not be masked, and so may what is
            // told of their incidents later.
            for finding in &mut outcome.findings {
                finding.drop_quotes();
                IncidentId::of(finding).into_iter().for_each(|id| self.incidents.drop_quotes(id));
            }
        }
        self.situations.place(&mut outcome.before, None, &self.incidents, now);
        if !outcome.findings.is_empty() {
            let template = outcome.template.id.0;
            let carrier = fields.map(|fields| Carrier::new(fields, template, outcome.edit.withheld));
            self.situations.place(&mut outcome.findings, carrier.as_ref(), &self.incidents, now);
        }
        self.tally.findings(&outcome.before);
        self.tally.findings(&outcome.findings);
        outcome.before.extend(outcome.findings.extract_if(.., |finding| finding.state == State::Resolved));
        if outcome.edit.withheld {
            outcome.before.append(&mut outcome.findings);
        }
        self.rules.mask(&mut outcome.before);
        self.rules.mask(&mut outcome.findings);
    }

    /// Remembers the text of the event, as edited by rules, for the context of later findings.
    #[inline]
    pub(super) fn remember(&mut self, fields: &Fields<'_>, edit: &Edit) {
        let Some(recent) = &mut self.recent else { return };
        if edit.withheld {
            return;
        }
        let masked = !edit.masks.is_empty();
        if self.whole_batches && !masked && fields.record().encoding == Encoding::Line {
            // The batch lives until all of its records have passed, so no copy is needed yet.
            return recent.push(fields);
        }
        match fields.raw(Role::Message) {
            // A MessagePack map without a message has no readable text.
            None if fields.record().encoding == Encoding::MessagePack => {}
            None if masked => {
                recent.push_text(&mask::changed(fields.object(), &edit.changes(fields.object())), fields.batch());
            }
            Some(_) if masked => {
                let text = fields.text(Role::Message).unwrap_or_default();
                recent.push_text(edit.masked(&text).as_deref().unwrap_or(&text).as_bytes(), fields.batch());
            }
            _ if self.whole_batches => recent.push(fields),
            _ => recent.push_text(text_of(fields), fields.batch()),
        }
    }

    /// Runs what is due in rules. Its findings leave before the current event, which is in `batch`.
    pub(super) fn tick_rules(&mut self, now: Timestamp, whole: bool, batch: Option<&Batch>, outcome: &mut Outcome) {
        self.rules.tick(now, whole, &mut self.rule_outcome);
        if self.rule_outcome.is_quiet() {
            return;
        }
        self.take_rule_outcome(now, batch, outcome);
        outcome.before.append(&mut outcome.findings);
    }

    #[cold]
    pub(super) fn take_rule_outcome(&mut self, now: Timestamp, batch: Option<&Batch>, outcome: &mut Outcome) {
        if let (Some(recent), Some(batch)) = (&mut self.recent, batch) {
            recent.copy(batch);
        }
        let made = std::mem::take(&mut self.rule_outcome.emitted);
        self.take_one_outcome(now, outcome);
        for bytes in made {
            let emitted = self.process_emitted(bytes, now, outcome);
            outcome.emitted.push(emitted);
        }
    }

    /// Applies the result of the rules on one event or on one tick.
    fn take_one_outcome(&mut self, now: Timestamp, outcome: &mut Outcome) {
        let mut report = Report::new(&mut self.incidents, &mut outcome.findings);
        let recent = self.recent.get_or_insert_default();
        for found in self.rule_outcome.findings.drain(..) {
            self.rule_incidents.take(found, recent, now, &mut report);
        }
        for failure in self.rule_outcome.failures.drain(..) {
            self.tally.fault(Fault::Rule);
            outcome.fault = Some((Fault::Rule, failure.message));
        }
        outcome.printed.append(&mut self.rule_outcome.printed);
        outcome.edit.withheld |= std::mem::take(&mut self.rule_outcome.edit.withheld);
        outcome.edit.masks.append(&mut self.rule_outcome.edit.masks);
        outcome.edit.members.append(&mut self.rule_outcome.edit.members);
    }

    /// Passes an event that a rule emitted through the rules once. What rules print or fail at then
    /// is reported with the current event.
    fn process_emitted(&mut self, bytes: Vec<u8>, now: Timestamp, outcome: &mut Outcome) -> Emitted {
        let mut emitted = Emitted::new(bytes, self.parser.as_mut());
        let known = Known { emitted: true, ..Known::default() };
        self.rules.on_known_event(&emitted.fields(), now, &known, &mut self.rule_outcome);
        if self.rule_outcome.is_quiet() {
            return emitted;
        }
        let mut own = Outcome::default();
        self.take_one_outcome(now, &mut own);
        self.settle(Some(&emitted.fields()), now, &mut own);
        outcome.before.append(&mut own.before);
        outcome.printed.append(&mut own.printed);
        outcome.fault = own.fault.or(outcome.fault.take());
        (emitted.findings, emitted.edit) = (own.findings, own.edit);
        emitted
    }
}
