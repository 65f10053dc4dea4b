//! Snapshots of situations.

use super::group::Situation;
use super::requests::FailedRequests;
use super::{SituationMember, Situations};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The snapshot of all situations.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SituationsSnapshot {
    open: Vec<(u64, Situation)>,
    resting: VecDeque<(u64, Timestamp, Situation)>,
    members: Vec<(u64, SituationMember)>,
    requests: FailedRequests,
    lately: VecDeque<Vec<u64>>,
    seen: u32,
    since: Option<Timestamp>,
}

impl Situations {
    /// Takes a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> SituationsSnapshot {
        SituationsSnapshot {
            open: self.open.iter().map(|(id, situation)| (*id, situation.clone())).collect(),
            resting: self.resting.clone(),
            members: self.members.iter().map(|(id, member)| (*id, member.clone())).collect(),
            requests: self.requests.clone(),
            lately: self.lately.clone(),
            seen: self.seen,
            since: self.since,
        }
    }

    /// Restores a snapshot. Incidents for which `is_open` is false have been forgotten meanwhile;
    /// unless their end is held back, they are not members any more.
    pub fn restore(&mut self, kept: SituationsSnapshot, is_open: impl Fn(u64) -> bool) {
        *self = Self { language: self.language, ..Self::new(self.options) };
        self.open = kept.open.into_iter().collect();
        self.members = kept.members.into_iter().filter(|(id, member)| member.end.is_some() || is_open(*id)).collect();
        self.open.values_mut().for_each(|situation| situation.members.clear());
        for (id, member) in &self.members {
            if let Some(situation) = self.open.get_mut(&member.situation) {
                situation.members.insert(*id);
            }
            if let Some((until, _)) = &member.end {
                self.due.insert((*until, *id));
                self.held.insert(member.identity, *id);
            }
        }
        self.open.retain(|_, situation| !situation.members.is_empty());
        for (id, situation) in &self.open {
            self.ties.add(*id, &situation.ties);
        }
        (self.resting, self.requests, self.lately) = (kept.resting, kept.requests, kept.lately);
        (self.seen, self.since) = (kept.seen, kept.since);
    }
}
