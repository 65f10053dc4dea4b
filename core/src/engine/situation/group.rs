//! A situation: incidents with one cause, where they are, and what probably causes them.
//!
//! *The cause.* First what the errors of other places name, the most named first; of two that are
//! named as often, the one that names no other: it is deeper. Then the host, or the value of
//! another dimension, on which failures sit; then the place where it began. A name that nothing
//! logs needs two places that name it.
//!
//! Bounds: 32 places, 48 names with 8 places each that name them, about 8 KiB in all.

use super::arrival::{Arrival, SituationPlace};
use super::joining::JoinReason;
use super::names::name_hash;
use super::rhythm::Rhythm;
use super::ties::{self, Tie};
use crate::engine::finding::{Severity, SituationCause, SituationRole};
use crate::event::Timestamp;
use crate::narrate::{CauseOfSituation, SituationStory};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most places of a situation.
const PLACES: usize = 32;
/// Most names in its texts.
const MENTIONS: usize = 48;
/// Most places that are kept for a name.
const NAMERS: usize = 7;

/// A situation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Situation {
    pub(super) opened_at: Timestamp,
    pub(super) severity: Severity,
    /// A FATAL is among it.
    pub(super) is_fatal: bool,
    /// Its incidents that are open, or whose end is not told yet.
    pub(super) members: BTreeSet<u64>,
    /// All incidents so far.
    pub(super) incidents: u64,
    /// Where it is, in the order in which the places came to it.
    locations: Vec<Location>,
    mentions: Vec<Mention>,
    /// Identities of its incidents, by which one that comes back is known.
    pub(super) identities: Vec<u64>,
    pub(super) ties: Vec<(Tie, u64)>,
    pub(super) rhythm: Rhythm,
    /// When anything of it was heard last.
    pub(super) heard: Timestamp,
    /// When its last incident opened, and the host of the event that showed it.
    pub(super) grown_at: Timestamp,
    pub(super) host_hash: u64,
    pub(super) is_shift: bool,
    /// What its first incident says.
    text: String,
    /// All its incidents are about failures.
    is_failure: bool,
}

/// A place of a situation, and what was said there first.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Location {
    place: SituationPlace,
    text: String,
    is_quoted: bool,
    /// Failures of a module sit on it.
    is_spot: bool,
}

/// A name in the texts of a situation's errors.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mention {
    hash: u64,
    /// Its text, where it is written as the names of hosts are; others have that of their place.
    text: String,
    is_shaped: bool,
    /// Hashes of the places whose errors name it: the first, and the others.
    first_by: u64,
    then_by: Vec<u64>,
}

impl Mention {
    fn is_by(&self, place: u64) -> bool {
        self.first_by == place || self.then_by.contains(&place)
    }

    fn by(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.first_by).chain(self.then_by.iter().copied())
    }
}

/// Most identities that are kept.
const IDENTITIES: usize = 64;

impl Situation {
    /// A situation that `arrival` begins, before that is added to it.
    pub(super) fn new(arrival: &Arrival<'_>, severity: Severity, now: Timestamp) -> Self {
        Self {
            opened_at: now,
            severity,
            is_fatal: false,
            members: BTreeSet::new(),
            incidents: 0,
            locations: Vec::new(),
            mentions: Vec::new(),
            identities: Vec::new(),
            ties: Vec::new(),
            rhythm: Rhythm::new(now),
            heard: now,
            grown_at: now,
            host_hash: 0,
            is_shift: false,
            text: if arrival.places.is_empty() { arrival.text.clone() } else { String::new() },
            is_failure: true,
        }
    }

    /// Adds an incident, and returns the ties that come with it.
    pub(super) fn add(&mut self, arrival: &Arrival<'_>, now: Timestamp) -> Vec<(Tie, u64)> {
        self.incidents += 1;
        (self.heard, self.grown_at) = (self.heard.max(now), now);
        (self.host_hash, self.is_shift) = (arrival.host_hash, arrival.is_shift);
        self.is_failure &= arrival.is_failure;
        self.is_fatal |= arrival.is_fatal;
        if !self.identities.contains(&arrival.identity) && self.identities.len() < IDENTITIES {
            self.identities.push(arrival.identity);
        }
        for (i, place) in arrival.places.iter().enumerate() {
            self.add_place(place, arrival, arrival.is_spot && i == 0);
        }
        self.add_mentions(arrival);
        self.tie(arrival)
    }

    fn add_place(&mut self, place: &SituationPlace, arrival: &Arrival<'_>, is_spot: bool) {
        let (text, is_quoted) = (arrival.text.clone(), arrival.is_quoted);
        let is_full = self.locations.len() >= PLACES;
        match self.locations.iter_mut().find(|known| known.place == *place) {
            // What an error says tells more than what was counted.
            Some(known) if is_quoted && !known.is_quoted => (known.text, known.is_quoted) = (text, true),
            Some(_) => {}
            None if is_full => {}
            None => self.locations.push(Location { place: place.clone(), text, is_quoted, is_spot }),
        }
    }

    fn add_mentions(&mut self, arrival: &Arrival<'_>) {
        let by = arrival.places.first().map_or(0, SituationPlace::hash);
        for name in &arrival.names {
            let is_full = self.mentions.len() >= MENTIONS;
            match self.mentions.iter_mut().find(|known| known.hash == name.hash) {
                Some(known) if known.is_by(by) || known.then_by.len() >= NAMERS => {}
                Some(known) => known.then_by.push(by),
                None if is_full => {}
                None => self.mentions.push(Mention {
                    hash: name.hash,
                    text: if name.is_shaped { name.text.to_owned() } else { String::new() },
                    is_shaped: name.is_shaped,
                    first_by: by,
                    then_by: Vec::new(),
                }),
            }
        }
    }

    /// Notes what ties other incidents to it, and returns what is new of that.
    fn tie(&mut self, arrival: &Arrival<'_>) -> Vec<(Tie, u64)> {
        let places = arrival.places.iter().chain(&arrival.seen_at).map(|place| (Tie::Place, place.hash()));
        let values = arrival.value_hashes().map(|(hash, _)| (Tie::Value, hash));
        let names = arrival.names.iter().map(|name| (Tie::Mention, name.hash));
        let template = arrival.template.map(|template| (Tie::Template, template));
        let module = Some((Tie::Module, arrival.module_hash)).filter(|(_, module)| *module != 0);
        let all = places.chain(values).chain(module).chain(template).chain(names);
        let room = ties::MOST.saturating_sub(self.ties.len());
        let new: Vec<_> = all.filter(|tie| !self.ties.contains(tie)).take(room).collect();
        self.ties.extend(&new);
        new
    }

    /// What is taken for its cause.
    pub(super) fn blame(&self) -> Blame<'_> {
        let named = self.named();
        let location = match named {
            Some((name, _)) => self.locations.iter().find(|location| location.place.value == name),
            // The place on which failures sit, or else where it began.
            None => self.locations.iter().find(|location| location.is_spot).or_else(|| self.locations.first()),
        };
        Blame { situation: self, named, location }
    }

    /// The name that the errors of other places name most, and who names it.
    fn named(&self) -> Option<(&str, &Mention)> {
        let candidates = self.mentions.iter().filter_map(|mention| {
            let location = self.locations.iter().find(|location| name_hash(&location.place.value) == mention.hash);
            let own = location.map(|location| location.place.hash());
            let namers = mention.by().filter(|by| own != Some(*by)).count();
            let needed = if location.is_some() { 1 } else { 2 };
            let text = location.map_or(mention.text.as_str(), |location| &location.place.value);
            (namers >= needed && !text.is_empty()).then_some((mention, text, own, namers))
        });
        let candidates: Vec<_> = candidates.collect();
        let names_another = |own: Option<u64>| {
            own.is_some_and(|own| candidates.iter().any(|(other, _, its, _)| *its != Some(own) && other.is_by(own)))
        };
        // `max_by_key` takes the last of equals; the first was named first.
        let ranked = candidates.iter().rev().max_by_key(|(_, _, own, namers)| (!names_another(*own), *namers));
        ranked.map(|(mention, text, ..)| (*text, *mention))
    }
}

/// What is taken for the cause of a situation, and what follows from it for a finding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blame<'a> {
    situation: &'a Situation,
    /// The name that the errors of other places name most.
    named: Option<(&'a str, &'a Mention)>,
    /// Where the cause is; none for a name that nothing logs.
    location: Option<&'a Location>,
}

impl<'a> Blame<'a> {
    /// The name of the cause.
    fn name(self) -> Option<&'a str> {
        let place = self.location.map(|location| location.place.value.as_str());
        self.named.map(|(name, _)| name).or(place)
    }

    /// The place whose text tells of the cause: its own, or the first that names it.
    fn quoted(self) -> Option<&'a Location> {
        let by = |(_, named): (&str, &Mention)| {
            self.situation.locations.iter().find(|location| named.is_by(location.place.hash()))
        };
        self.location.or_else(|| self.named.and_then(by))
    }

    /// Modules and other places, for a finding: the cause first.
    pub(super) fn places(self) -> Vec<String> {
        let others = self.situation.locations.iter().map(|location| location.place.value.as_str());
        let mut places: Vec<&str> = Vec::new();
        for place in self.name().into_iter().chain(others) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.into_iter().map(str::to_owned).collect()
    }

    /// The cause; none where the situation is at one place alone and nothing is known beyond that.
    pub(super) fn cause(self) -> Option<SituationCause> {
        let mut cause = SituationCause::default();
        match (self.named, self.location) {
            (Some((name, _)), None) => {
                cause.host = Some(name.to_owned());
                cause.text = self.quoted().map(|location| location.text.clone());
            }
            (None, Some(first)) if self.situation.incidents <= 1 && !first.is_spot => return None,
            (_, location) => set_place(&mut cause, location?),
        }
        Some(cause)
    }

    /// What an incident at `places`, which joined for `reason`, is in the situation.
    pub(super) fn role_of(self, places: &[u64], reason: &JoinReason) -> SituationRole {
        let is_there = self.location.is_some_and(|location| places.contains(&location.place.hash()));
        let Some((name, named)) = self.named else {
            let is_first = self.situation.incidents > 1 && is_there;
            return if is_first { SituationRole::Cause } else { SituationRole::Part };
        };
        // Of the places that name it only some are kept.
        let has_named =
            matches!(reason, JoinReason::Names { name: other } | JoinReason::BothName { name: other } if other == name);
        match is_there {
            true => SituationRole::Cause,
            false if has_named || named.by().any(|by| places.contains(&by)) => SituationRole::Effect,
            false => SituationRole::Part,
        }
    }

    /// The data of the title.
    pub(super) fn story(self) -> SituationStory<'a> {
        let Self { situation, named, location } = self;
        let value = |location: &'a Location| location.place.value.as_str();
        let is_module = |location: &&Location| location.place.name == "module";
        // A host tells little without the module.
        let on = location.filter(|location| named.is_none() && location.is_spot);
        let module = on.and_then(|_| situation.locations.iter().find(is_module)).map(value);
        // Operations and the like say little beside modules.
        let is_told = |location: &&Location| is_module(location) || location.place.name == "host";
        let others = situation.locations.iter().filter(is_told).map(value);
        SituationStory {
            place: self.name(),
            module_of_place: module,
            text: self.quoted().map_or(situation.text.as_str(), |location| &location.text),
            cause: if named.is_some() { CauseOfSituation::Named } else { CauseOfSituation::First },
            others: others.filter(|value| self.name() != Some(*value) && module != Some(*value)).collect(),
            are_failures: situation.is_failure,
            returns: situation.rhythm.returns,
            period_s: situation.rhythm.period_s(),
        }
    }
}

fn set_place(cause: &mut SituationCause, location: &Location) {
    let value = Some(location.place.value.clone());
    match location.place.name.as_str() {
        "module" => cause.module = value,
        "operation" => cause.operation = value,
        _ => cause.host = value,
    }
    cause.text = Some(location.text.clone());
}
