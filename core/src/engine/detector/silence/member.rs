//! One watched member: how its value is read off an event, and the keys that it has had.

use super::key::Key;
use super::restarts::Restarts;
use crate::engine::state::Table;
use crate::event::{Fields, Role};
use std::borrow::Cow;
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64;

/// How a member is read off an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeySource {
    Role(Role),
    Member(String),
}

impl KeySource {
    /// A role by its name, or a member.
    fn of(name: &str) -> Self {
        match Role::from_name(name) {
            Some(role) if (role as usize) < Role::PLACED => Self::Role(role),
            _ => Self::Member(name.to_owned()),
        }
    }
}

/// The keys of one member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) source: KeySource,
    /// Of modules the hosts, and of hosts the modules, where both are watched.
    pub(super) partner: Option<usize>,
    pub(super) keys: Table<Key>,
    pub(super) evictions: u64,
    /// When the table last forgot a key.
    pub(super) evicted: f64,
    /// Keys and when they began, oldest first.
    pub(super) newcomers: VecDeque<(f64, u64)>,
    pub(super) restarts: Restarts,
}

impl Member {
    /// A member for each name, with at most `cap` keys each.
    pub(super) fn all(names: &[String], cap: usize) -> Vec<Self> {
        let sources: Vec<KeySource> = names.iter().map(|name| KeySource::of(name)).collect();
        let at = |role: Role| sources.iter().position(|source| *source == KeySource::Role(role));
        let members = names.iter().zip(&sources).map(|(name, source)| Self {
            name: name.clone(),
            source: source.clone(),
            partner: match source {
                KeySource::Role(Role::Module) => at(Role::Host),
                KeySource::Role(Role::Host) => at(Role::Module),
                _ => None,
            },
            keys: Table::new(cap),
            evictions: 0,
            evicted: f64::NEG_INFINITY,
            newcomers: VecDeque::new(),
            restarts: Restarts::default(),
        });
        members.collect()
    }

    /// True of modules: no module takes the role of another, where hosts are alike.
    pub(super) fn is_module(&self) -> bool {
        self.source == KeySource::Role(Role::Module)
    }

    /// The key of an event, as a hash; none where the event lacks the member.
    #[inline]
    pub(super) fn hash(&self, fields: &Fields<'_>) -> Option<u64> {
        match &self.source {
            KeySource::Role(role) => fields.hash(*role),
            KeySource::Member(name) => fields.member(name)?.into_scalar().map(|text| xxh3_64(text.as_bytes())),
        }
    }

    pub(super) fn name<'a>(&self, fields: &Fields<'a>) -> Option<Cow<'a, str>> {
        match &self.source {
            KeySource::Role(role) => fields.text(*role),
            KeySource::Member(name) => fields.member(name)?.into_scalar(),
        }
    }
}
