//! How long the keys of a member are away when they are restarted one after the other.
//!
//! A key that stops within a quarter of an hour after another of its member has come back is taken
//! for the next of the same round: it may be away twice as long as the longest pause of the round.
//! A single short pause makes a round. A single long pause may have been an outage; two long pauses
//! make a round.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A single pause up to this long is taken for a restart, in seconds.
const ALONE_S: f64 = 300.0;
/// Seconds after the return of one key in which the next of the same round stops.
const ROUND_S: f64 = 900.0;
/// Most restarts that are remembered.
const MOST: usize = 16;

/// A key that has come back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Restart {
    /// When the key came back, in running time.
    returned: f64,
    /// Seconds that the key was away.
    seconds: f64,
}

/// The last restarts of a member's keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Restarts(VecDeque<Restart>);

impl Restarts {
    /// A key came back at `returned`, in running time, after `seconds`.
    pub(super) fn add(&mut self, returned: f64, seconds: f64) {
        self.0.truncate(MOST - 1);
        self.0.push_front(Restart { returned, seconds });
    }

    /// How long a key that spoke last at `stopped` may be away; 0 where nothing was restarted
    /// before.
    pub(super) fn patience(&self, stopped: f64) -> f64 {
        let round = || self.0.iter().filter(|restart| stopped - restart.returned <= ROUND_S);
        let longest = round().map(|restart| restart.seconds).fold(0.0, f64::max);
        if longest <= ALONE_S || round().count() > 1 { 2.0 * longest } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_gives_twice_its_longest_pause() {
        let mut restarts = Restarts::default();
        assert_eq!(restarts.patience(0.0), 0.0);
        restarts.add(1_000.0, 80.0);
        assert_eq!(
            [950.0, 1_000.0, 1_900.0, 1_901.0].map(|stopped| restarts.patience(stopped)),
            [160.0, 160.0, 160.0, 0.0]
        );
        restarts.add(2_000.0, 90.0);
        assert_eq!([1_900.0, 2_000.0].map(|stopped| restarts.patience(stopped)), [180.0, 180.0]);
    }

    #[test]
    fn one_long_pause_is_an_outage_and_two_are_restarts() {
        let mut restarts = Restarts::default();
        restarts.add(1_000.0, 400.0);
        assert_eq!(restarts.patience(1_000.0), 0.0);
        restarts.add(1_400.0, 390.0);
        assert_eq!(restarts.patience(1_400.0), 800.0);
        (0..100).for_each(|_| restarts.add(9_000.0, 1.0));
        assert_eq!((restarts.0.len(), restarts.patience(9_000.0)), (MOST, 2.0));
    }
}
