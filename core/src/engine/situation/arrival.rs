//! What is known of an incident when it opens: where it is, what its error says, and whom it names.

use super::names::{NameInText, name_hash, names_in};
use crate::engine::finding::{DetectorName, Finding, hash_of_parts};
use crate::event::{Fields, Level, Role};
use serde::{Deserialize, Serialize};

/// Bytes of an error's text that are kept.
const TEXT_BYTES: usize = 200;
/// Members of a key that say what is counted, and not where.
const NO_PLACES: [&str; 5] = ["scope", "thread", "template", "exception", "stack"];

/// The event that carries a finding.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Carrier {
    module: Option<String>,
    module_hash: u64,
    host_hash: u64,
    /// What it says; none where it must not be quoted.
    message: Option<String>,
    template: Option<u64>,
    level: Option<Level>,
}

impl Carrier {
    /// What `fields` says, with its template. The message is left out where it `is_withheld`.
    pub(in crate::engine) fn new(fields: &Fields<'_>, template: u64, is_withheld: bool) -> Self {
        let message = fields.text(Role::Message).filter(|_| !is_withheld);
        Self {
            module: fields.text(Role::Module).map(|module| module.into_owned()),
            module_hash: fields.parsed().module_hash,
            host_hash: fields.parsed().host_hash(),
            message: message.map(|message| message.into_owned()),
            template: Some(template).filter(|template| *template != 0),
            level: fields.level(),
        }
    }
}

/// A place: a module, a host, an operation, or a value of another member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SituationPlace {
    pub(super) name: String,
    pub(super) value: String,
}

impl SituationPlace {
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }

    /// The hash by which the place is known.
    pub(super) fn hash(&self) -> u64 {
        hash_of_parts([self.name.as_str(), &self.value]).digest()
    }
}

/// An incident that opens.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    /// A hash of detector, rule and key: the same for an incident that comes back.
    pub(super) identity: u64,
    /// Where it is, the most telling place first.
    pub(super) places: Vec<SituationPlace>,
    /// Where the event was that showed an incident of all modules together: it ties the incident to
    /// others there, but says nothing of where it is.
    pub(super) seen_at: Option<SituationPlace>,
    /// What the error says, or the finding's sentence where no error is quoted.
    pub(super) text: String,
    /// True when the text is that of an error.
    pub(super) is_quoted: bool,
    pub(super) names: Vec<NameInText<'a>>,
    pub(super) template: Option<u64>,
    pub(super) module_hash: u64,
    pub(super) host_hash: u64,
    pub(super) is_shift: bool,
    /// True when it is about failures, and not about slowness or silence.
    pub(super) is_failure: bool,
    pub(super) is_fatal: bool,
    /// True when its failures sit on its first place.
    pub(super) is_spot: bool,
}

impl<'a> Arrival<'a> {
    pub(super) fn new(finding: &'a Finding, carrier: Option<&'a Carrier>) -> Self {
        let quoted = finding.evidence.quote();
        let message = carrier.and_then(|carrier| carrier.message.as_deref()).filter(|_| is_about_errors(finding));
        let said = quoted.or(message);
        let mut names = said.map(names_in).unwrap_or_default();
        if let (Some(message), Some(_)) = (message, quoted) {
            names.extend(names_in(message));
            names.sort_by_key(|name| name.hash);
            names.dedup_by_key(|name| name.hash);
        }
        let text = said.unwrap_or(&finding.summary.sentence);
        Self {
            identity: identity_of(finding),
            places: places_of(finding, carrier),
            seen_at: finding
                .key
                .value("scope")
                .and_then(|_| Some(SituationPlace::new("module", carrier?.module.as_deref()?))),
            text: first_line(text).to_owned(),
            is_quoted: said.is_some(),
            names,
            template: carrier.and_then(|carrier| carrier.template).filter(|_| is_about_errors(finding)),
            module_hash: carrier.map_or(0, |carrier| carrier.module_hash),
            host_hash: carrier.map_or(0, |carrier| carrier.host_hash),
            is_shift: finding.detector == DetectorName::Latency && finding.kind == "shift",
            is_failure: is_about_errors(finding),
            is_spot: finding.detector == DetectorName::Spread,
            is_fatal: carrier.is_some_and(|carrier| carrier.level == Some(Level::Fatal)) && is_about_errors(finding),
        }
    }

    /// The hashes of the names that are written as hosts are.
    pub(super) fn shaped_names(&self) -> Vec<u64> {
        self.names.iter().filter(|name| name.is_shaped).map(|name| name.hash).collect()
    }

    /// The hashes of its places by their values alone, as texts name them.
    pub(super) fn value_hashes(&self) -> impl Iterator<Item = (u64, &str)> {
        self.places.iter().map(|place| (name_hash(&place.value), place.value.as_str()))
    }
}

/// A hash of detector, rule and key.
fn identity_of(finding: &Finding) -> u64 {
    let rule = finding.rule.as_deref().unwrap_or_default();
    hash_of_parts([finding.detector.name(), rule].into_iter().chain(finding.key.parts())).digest()
}

/// True of findings about what events say, and not about how long something takes or is missing.
fn is_about_errors(finding: &Finding) -> bool {
    !matches!(finding.detector, DetectorName::Latency | DetectorName::Silence | DetectorName::Input)
}

/// Where an incident is: the module, the operation; the host only of an incident of no module, or
/// where failures sit on it, which then comes first; and the module of the event that shows it,
/// where the key has none.
fn places_of(finding: &Finding, carrier: Option<&Carrier>) -> Vec<SituationPlace> {
    let is_spot = finding.detector == DetectorName::Spread;
    let has_module = finding.key.value("module").is_some();
    let is_place = |name: &str| !NO_PLACES.contains(&name) && (is_spot || !(has_module && name == "host"));
    let pairs = finding.key.0.iter().filter(|(name, _)| is_place(name));
    let mut places: Vec<SituationPlace> = pairs.map(|(name, value)| SituationPlace::new(name, value)).collect();
    let is_placed = has_module || finding.key.value("scope").is_some();
    // The module tells more than the operation, and less than the value that failures sit on.
    places.sort_by_key(|place| (place.name == "module") == is_spot);
    if let Some(module) = carrier.and_then(|carrier| carrier.module.as_deref()).filter(|_| !is_placed) {
        places.push(SituationPlace::new("module", module));
    }
    places
}

/// The first line of a text, cut.
fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default().trim();
    &line[..line.floor_char_boundary(TEXT_BYTES)]
}
