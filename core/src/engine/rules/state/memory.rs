//! What one call site remembers of one key, whatever the function.

use super::distinct::Distinct;
use super::values::{Sample, Sums};
use super::window::Window;
use crate::engine::rules::value::stored::Stored;
use crate::event::Level;
use serde::{Deserialize, Serialize};

/// The memory of one key. What is large stands in a box, so that a table of small ones stays small.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Memory {
    /// A key that has only just come.
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
    /// `sequence`: for each number of steps done, when the latest run that got so far began;
    /// `i64::MIN` for none.
    Steps(Box<Steps>),
    /// `absent`
    Alive(Box<Alive>),
}

/// All events, and those that met the condition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ShareWindows {
    pub(crate) all: Window,
    pub(crate) met: Window,
}

/// Two windows, one behind the other, and when the key was first seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spike {
    pub(crate) window: Window,
    pub(crate) since: Option<i64>,
}

/// A value and how long it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) value: Stored,
    pub(crate) until: i64,
}

/// Runs of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Steps {
    pub(crate) begun: Vec<i64>,
    pub(crate) last: i64,
    pub(crate) length: i64,
}

/// The first of a pair, and what is done if the second does not come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Began {
    pub(crate) at: i64,
    pub(crate) until: i64,
    pub(crate) action: Option<Action>,
}

/// A key that should go on speaking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alive {
    /// When it spoke last; none for a key that is waited for and has not spoken yet.
    pub(crate) at: i64,
    pub(crate) length: i64,
    /// When that is next looked at; none once its silence has been told.
    pub(crate) deadline: Option<i64>,
    pub(crate) action: Action,
}

/// A function of the rule to be called later, and what it is to know of the event that asked for
/// it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) function: String,
    /// What a closure has captured.
    pub(crate) captured: Vec<Stored>,
    pub(crate) origin: Origin,
}

/// Of an event that has passed: whose incident a finding would be, and how bad.
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

/// The variant of this name, made if the key is new.
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

    /// About how many bytes it takes beyond its own place.
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
            // With the timer's own key.
            Self::Began(began) => 128 + began.action.as_ref().map_or(0, Action::bytes),
            Self::Alive(alive) => 160 + alive.action.bytes(),
            Self::Steps(steps) => 40 + 8 * steps.begun.len(),
        }
    }

    /// True when it can make no difference any more at `now`.
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
            // That a key was seen, when, and with what, counts for ever.
            Self::Spike(_) | Self::Seen(_) | Self::At(_) | Self::Last(_) | Self::Alive(_) => false,
        }
    }

    /// True for what `finding(#{ reset: true })` clears.
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

    /// When it has to be looked at without an event.
    pub(crate) fn deadline(&self) -> Option<i64> {
        match self {
            Self::Began(began) => began.action.as_ref().map(|_| began.until),
            Self::Alive(alive) => alive.deadline,
            _ => None,
        }
    }
}
