//! What a finding says of its situation: the incidents that have one cause.

use super::key::cut;
use super::rfc3339::{as_rfc3339, from_rfc3339};
use super::{Severity, State};
use crate::event::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most bytes of a title, of a reason and of a cause's text, as JSON.
const TITLE_BYTES: usize = 400;
/// Most bytes of a name, as JSON.
const NAME_BYTES: usize = 100;
/// Most places that a finding lists.
const LISTED_PLACES: usize = 8;

/// The situation of a finding: incidents with one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InSituation {
    /// One for all findings of the situation: 16 hex digits.
    pub id: String,
    /// `open` in the finding that begins the situation, `resolved` in the one that ends it,
    /// `ongoing` in all others.
    pub state: State,
    /// What is wrong, in one line.
    pub title: String,
    /// When it began: RFC 3339, in UTC.
    #[serde(serialize_with = "as_rfc3339", deserialize_with = "from_rfc3339")]
    #[schemars(with = "String")]
    pub opened_at: Timestamp,
    /// The worst severity of its incidents so far.
    pub severity: Severity,
    /// What probably causes it; null where nothing points to one place more than to another.
    pub cause: Option<SituationCause>,
    /// What the incident is in the situation.
    pub role: SituationRole,
    /// How many incidents the situation has had.
    pub incidents: u64,
    /// Modules, hosts and operations that it is about, at most 8, the cause first.
    pub places: Vec<String>,
    /// Why the incident belongs to the situation.
    pub reason: String,
}

/// What probably causes a situation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SituationCause {
    /// The module.
    pub module: Option<String>,
    /// The host, or what the failing ones name and no event is of: a database, a peer.
    pub host: Option<String>,
    /// The operation.
    pub operation: Option<String>,
    /// What is said there, or of it.
    pub text: Option<String>,
}

/// What an incident is in its situation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SituationRole {
    /// It is where the cause is.
    Cause,
    /// It follows from the cause.
    Effect,
    /// It belongs to it, and nothing says how.
    #[default]
    Part,
}

impl InSituation {
    /// Cuts the texts to the length that a finding can carry.
    pub(in crate::engine) fn fit(&mut self) {
        cut(&mut self.title, TITLE_BYTES);
        cut(&mut self.reason, TITLE_BYTES);
        self.places.truncate(LISTED_PLACES);
        self.places.iter_mut().for_each(|place| cut(place, NAME_BYTES));
        if let Some(SituationCause { module, host, operation, text }) = &mut self.cause {
            [module, host, operation].into_iter().flatten().for_each(|name| cut(name, NAME_BYTES));
            text.iter_mut().for_each(|text| cut(text, TITLE_BYTES));
        }
    }

    /// Calls `visit` with every text that quotes the stream; it may change the text.
    pub(super) fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        visit(&mut self.title);
        visit(&mut self.reason);
        self.places.iter_mut().for_each(&mut *visit);
        if let Some(SituationCause { module, host, operation, text }) = &mut self.cause {
            [module, host, operation, text].into_iter().flatten().for_each(visit);
        }
    }
}
