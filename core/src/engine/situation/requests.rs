//! The last failing requests, by trace: which modules have failed in one request.
//!
//! A ring of 512 entries of 24 bytes; it is written at failing events with a trace, and read when
//! an incident opens.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Failing events that are remembered.
const REMEMBERED: usize = 512;

/// The last failing events with a trace.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct FailedRequests(VecDeque<(u64, u64)>);

impl FailedRequests {
    /// An event of `module` has failed in the request `trace`.
    pub(super) fn saw(&mut self, trace: u64, module: u64) {
        if self.0.back() == Some(&(trace, module)) {
            return;
        }
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((trace, module));
    }

    /// The modules that have failed in requests in which `module` has failed too, each with the
    /// number of these requests, most first.
    pub(super) fn shared_with(&self, module: u64) -> Vec<(u64, u32)> {
        let mut own: Vec<u64> = self.0.iter().filter(|(_, of)| *of == module).map(|(trace, _)| *trace).collect();
        own.sort_unstable();
        own.dedup();
        let mut shared: Vec<(u64, u64)> = self
            .0
            .iter()
            .filter(|(trace, of)| *of != module && own.binary_search(trace).is_ok())
            .map(|(trace, of)| (*of, *trace))
            .collect();
        shared.sort_unstable();
        shared.dedup();
        let mut modules: Vec<(u64, u32)> = Vec::new();
        for (of, _) in shared {
            match modules.last_mut() {
                Some((last, count)) if *last == of => *count += 1,
                _ => modules.push((of, 1)),
            }
        }
        modules.sort_by_key(|(of, count)| (std::cmp::Reverse(*count), *of));
        modules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_that_fail_in_the_same_requests_are_found() {
        let mut requests = FailedRequests::default();
        for trace in 0..10 {
            requests.saw(trace, 1);
            if trace % 2 == 0 {
                requests.saw(trace, 2);
                requests.saw(trace, 2);
            }
            requests.saw(100 + trace, 3);
        }
        assert_eq!(requests.shared_with(1), [(2, 5)]);
        assert_eq!(requests.shared_with(2), [(1, 5)]);
        assert_eq!(requests.shared_with(3), []);
    }

    #[test]
    fn old_requests_are_forgotten() {
        let mut requests = FailedRequests::default();
        (0..10_000).for_each(|trace| requests.saw(trace, 1));
        assert_eq!(requests.0.len(), REMEMBERED);
        requests.saw(0, 2);
        assert_eq!(requests.shared_with(2), []);
    }
}
