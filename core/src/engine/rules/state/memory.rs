//! The state of one call site for one key, for each function that has state.

use super::distinct::Distinct;
use super::values::{Sample, Sums};
use super::window::Window;
use crate::engine::rules::value::stored::Stored;
use crate::event::Level;
use serde::{Deserialize, Serialize};

/// The state of one key. Large variants are boxed, so that tables of small ones stay small.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Memory {
    /// A new key.
    #[default]
    Nothing,
    /// `count`, `rate`
    Count(Window),
    /// `ratio`
    Share(Box<ShareWindows>),
    /// `spike`
    Spike(Box<Spike>),
    /// `sum`, `avg`
    Sums(Box<Sums>),
    /// `quantile`
    Sample(Box<Sample>),
    /// `distinct`
    Distinct(Box<Distinct>),
    /// `first_seen`
    Seen(bool),
    /// `since`
    At(i64),
    /// `changed`
    Last(Stored),
    /// `set`
    #[serde(rename = "Kept")]
    Note(Box<Note>),
    /// `pair`, `pair_within`
    Began(Box<Began>),
    /// `sequence`: for each number of completed steps, when the latest run that got that far began,
    /// or `i64::MIN` for none.
    Steps(Box<Steps>),
    /// `absent`
    Alive(Box<Alive>),
}

/// Windows of all events, and of those that met the condition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ShareWindows {
    pub(crate) all: Window,
    pub(crate) met: Window,
}

/// A window of double length, whose older half is the baseline, and when the key was first seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spike {
    pub(crate) window: Window,
    pub(crate) since: Option<i64>,
}

/// A value and when it expires.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) value: Stored,
    pub(crate) until: i64,
}

/// The open runs of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Steps {
    pub(crate) begun: Vec<i64>,
    pub(crate) last: i64,
    pub(crate) length: i64,
}

/// The first event of a pair, and the action if the second one does not come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Began {
    pub(crate) at: i64,
    pub(crate) until: i64,
    pub(crate) action: Option<Action>,
}

/// A key that is expected to have events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alive {
    /// The time of its last event; for a key that has had none yet, the time since which one is
    /// expected.
    pub(crate) at: i64,
    pub(crate) length: i64,
    /// The next time to check for silence; none once the silence was reported.
    pub(crate) deadline: Option<i64>,
    pub(crate) action: Action,
}

/// A function of the rule to be called later, with the data of the event that requested it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) function: String,
    /// The captured values of a closure.
    pub(crate) captured: Vec<Stored>,
    pub(crate) origin: Origin,
}

/// What is kept of an event for later findings: the key of the incident and the level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) key: Vec<(String, String)>,
    pub(crate) level: Option<Level>,
}

impl Action {
    fn bytes(&self) -> usize {
        let captured: usize = self.captured.iter().map(|value| 24 + value.bytes()).sum();
        let key: usize = self.origin.key.iter().map(|(name, value)| 48 + name.len() + value.len()).sum();
        self.function.len() + captured + key
    }
}

/// Defines a method that returns the content of a variant, replacing another variant first.
macro_rules! variant {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $kind:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(&mut self) -> &mut $kind {
            if !matches!(self, Self::$variant(_)) {
                *self = Self::$variant(Default::default());
            }
            match self {
                Self::$variant(kept) => kept,
                _ => unreachable!("it was just made"),
            }
        }
    };
}

impl Memory {
    variant!(/// For `count`.
        count, Count, Window);
    variant!(/// For `ratio`.
        share, Share, ShareWindows);
    variant!(/// For `spike`.
        spike, Spike, Spike);
    variant!(/// For `sum` and `avg`.
        sums, Sums, Sums);
    variant!(/// For `quantile`.
        sample, Sample, Sample);
    variant!(/// For `distinct`.
        distinct, Distinct, Distinct);
    variant!(/// For `sequence`.
        steps, Steps, Steps);
    variant!(/// For `absent`.
        alive, Alive, Alive);

    /// Approximate heap size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        const INSTANT: usize = 16;
        match self {
            Self::Nothing | Self::Seen(_) | Self::At(_) => 0,
            Self::Count(window) => INSTANT * window.held(),
            Self::Share(share) => 96 + INSTANT * (share.all.held() + share.met.held()),
            Self::Spike(spike) => 64 + INSTANT * spike.window.held(),
            Self::Sums(sums) => 48 + 24 * sums.held(),
            Self::Sample(sample) => 64 + 24 * sample.held(),
            Self::Distinct(distinct) => 48 + INSTANT * distinct.held(),
            Self::Last(value) => value.bytes(),
            Self::Note(note) => 32 + note.value.bytes(),
            // Includes the key in the timer queue.
            Self::Began(began) => 128 + began.action.as_ref().map_or(0, Action::bytes),
            Self::Alive(alive) => 160 + alive.action.bytes(),
            Self::Steps(steps) => 40 + 8 * steps.begun.len(),
        }
    }

    /// True when the state cannot affect anything any more at `now`.
    pub(crate) fn is_over(&self, now: i64) -> bool {
        match self {
            Self::Nothing => true,
            Self::Count(window) => window.is_over(now),
            Self::Share(share) => share.all.is_over(now),
            Self::Sums(sums) => sums.is_over(now),
            Self::Sample(sample) => sample.is_over(now),
            Self::Distinct(distinct) => distinct.is_over(now),
            Self::Note(note) => now >= note.until,
            Self::Began(began) => began.action.is_none() && now >= began.until,
            Self::Steps(steps) => steps.last.saturating_add(steps.length) <= now,
            // These have no end: that a key was seen, when, and with which value.
            Self::Spike(_) | Self::Seen(_) | Self::At(_) | Self::Last(_) | Self::Alive(_) => false,
        }
    }

    /// True for the state that `finding(#{ reset: true })` clears.
    pub(crate) fn is_window(&self) -> bool {
        matches!(
            self,
            Self::Count(_)
                | Self::Share(_)
                | Self::Spike(_)
                | Self::Sums(_)
                | Self::Sample(_)
                | Self::Distinct(_)
                | Self::Steps(_)
        )
    }

    /// When this state is due without an event.
    pub(crate) fn deadline(&self) -> Option<i64> {
        match self {
            Self::Began(began) => began.action.as_ref().map(|_| began.until),
            Self::Alive(alive) => alive.deadline,
            _ => None,
        }
    }
}
