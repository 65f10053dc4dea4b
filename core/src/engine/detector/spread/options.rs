//! What a user can set.

use crate::engine::overrides::KeyPattern;
use crate::engine::stats::alarm_budget::AlarmBudget;
use crate::event::{Fields, Level, Role, Value as Member};
use xxhash_rust::xxh3::xxh3_64;

/// What events are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// A role.
    Role(Role),
    /// A literal member.
    Member(String),
}

impl Dimension {
    /// Its name in a finding's key.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Role(role) => role.name(),
            Self::Member(name) => name,
        }
    }

    pub(super) fn hash_of(&self, fields: &Fields<'_>) -> Option<u64> {
        match self {
            Self::Role(role) => fields.hash(*role),
            Self::Member(_) => self.text_of(fields).map(|text| xxh3_64(text.as_bytes())),
        }
    }

    pub(super) fn text_of(&self, fields: &Fields<'_>) -> Option<String> {
        match self {
            Self::Role(role) => fields.text(*role).map(std::borrow::Cow::into_owned),
            Self::Member(name) => match fields.member(name)? {
                Member::Text(text) => Some(text.into_owned()),
                Member::Number(number) => Some(number.into_owned()),
                Member::Bool(value) => Some(value.to_string()),
                Member::Null | Member::Nested(_) => None,
            },
        }
    }
}

/// What a user can set.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadOptions {
    /// What modules and hosts have that no override matches.
    pub usual: SpreadSettings,
    /// By what events are told apart.
    pub dimensions: Vec<Dimension>,
    /// Lengths of the windows in seconds, ascending.
    pub windows_s: Vec<f64>,
    /// Seconds of stream before it judges.
    pub warm_up_s: f64,
    /// Most modules and values held, each.
    pub keys: usize,
    /// False alarms that the whole filter may have.
    pub budget: AlarmBudget,
    /// Other settings for the modules and hosts that match; the first match wins.
    pub overrides: Vec<(KeyPattern, SpreadSettings)>,
}

/// What can be another for one module and host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpreadSettings {
    /// Off means that its failures are not counted.
    pub enabled: bool,
    /// False-alarm probability of one test, in place of what the budget gives.
    pub threshold: Option<f64>,
    /// Fewest failures of a bad value.
    pub min_failures: u32,
    /// The least level of a failure.
    pub level: Level,
}

impl SpreadOptions {
    /// True when there is anything that it could watch.
    #[must_use]
    pub fn watches(&self) -> bool {
        !self.dimensions.is_empty()
            && (self.usual.enabled || self.overrides.iter().any(|(_, settings)| settings.enabled))
    }
}

impl Default for SpreadOptions {
    fn default() -> Self {
        Self {
            usual: SpreadSettings { enabled: true, threshold: None, min_failures: 5, level: Level::Error },
            dimensions: vec![Dimension::Role(Role::Host)],
            windows_s: vec![10.0, 60.0, 300.0],
            warm_up_s: 600.0,
            keys: 100_000,
            budget: AlarmBudget::default(),
            overrides: Vec::new(),
        }
    }
}
