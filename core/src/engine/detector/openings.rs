//! How many incidents a detector opens in a time: what is so much at once is one trouble.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most openings in that time.
const MOST: usize = 5;

/// When the last incidents were opened, in running time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Openings(VecDeque<f64>);

impl Openings {
    /// True when as many were opened in the last `within_s` seconds as may be.
    pub(super) fn is_full(&mut self, running: f64, within_s: f64) -> bool {
        while self.0.front().is_some_and(|&opened| running - opened > within_s) {
            self.0.pop_front();
        }
        self.0.len() >= MOST
    }

    pub(super) fn add(&mut self, running: f64) {
        self.0.push_back(running);
    }
}
