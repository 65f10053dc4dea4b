//! What is expected of failures before anything was learned: in the first minutes of a stream, and
//! of a module's first requests.
//!
//! The share of its events that fail is a fifth at most in a healthy service, and often none. The
//! prior is that of fifty events without a failure, Gamma(½, 50), whose share is above a fifth with
//! a chance of 2e-3 and above six tenths with one of 1e-7; counts vary twice as much as Poisson
//! ones, as where nothing is known of their dispersion. Of all lines of a stream, one module's
//! errors are a twentieth at most: Gamma(½, 500). A count must be too many for both.
//!
//! Programs start noisily, so that what a stream said until now says little of the next seconds.
//! With a chance of e^(−age/60 s) a window is still one of these noisy starts, and then only the
//! prior judges it: what is learned of a rate replaces the prior as the stream grows older. Either
//! chance can explain a count, so the larger is taken. No memory.

use crate::engine::stats::gamma_poisson;
use serde::{Deserialize, Serialize};

/// Events without a failure that the prior of a key's own share is worth,
const OWN_EVENTS: f64 = 50.0;
/// and that of its share of the stream.
const STREAM_EVENTS: f64 = 500.0;
/// How much more than Poisson counts failures vary where nothing is known.
const DISPERSION: f64 = 2.0;
/// Seconds in which the chance of a noisy start falls to 1/e.
const SETTLES_S: f64 = 60.0;
/// A stream of this age, in seconds, has no noisy start any more: the chance is e⁻³⁰.
const SETTLED_S: f64 = 30.0 * SETTLES_S;

/// What the prior says of one window.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct FirstMinutes {
    /// ln of the chance that the window is one of a noisy start.
    ln_noisy: f64,
    /// The prior's events and the window's, of the key itself and of the stream.
    events: [(f64, f64); 2],
}

impl Default for FirstMinutes {
    fn default() -> Self {
        Self { ln_noisy: f64::NEG_INFINITY, events: [(0.0, 0.0); 2] }
    }
}

impl FirstMinutes {
    /// True of a stream, `age` seconds old, that may still be one that starts.
    #[inline]
    pub(super) fn last_at(age: f64) -> bool {
        age < SETTLED_S
    }

    /// A window of a stream that is `age` seconds old, with `own` events of a key, failures among
    /// them, and `stream` events of all; none where the key is the stream itself.
    pub(super) fn new(age: f64, own: f64, stream: Option<f64>) -> Self {
        let own = (OWN_EVENTS, own.max(1.0));
        let stream = stream.map_or(own, |stream| (STREAM_EVENTS, stream.max(1.0)));
        Self { ln_noisy: -age / SETTLES_S, events: [own, stream] }
    }

    /// ln of the chance that the window is one of a noisy start and has so many failures. `keep` is
    /// the share of the usual failures that the count is taken from.
    pub(super) fn ln_p(&self, failures: f64, keep: f64) -> f64 {
        if self.ln_noisy == f64::NEG_INFINITY {
            return f64::NEG_INFINITY;
        }
        let tail = |(prior, window): (f64, f64)| {
            // A share: the window is counted in units of the dispersion as the failures are.
            gamma_poisson::ln_tail_dispersed(failures, 0.0, DISPERSION, prior, window * keep / DISPERSION)
        };
        self.ln_noisy + self.events.map(tail).into_iter().fold(f64::NEG_INFINITY, f64::max)
    }

    /// What a past counts for at least that stands before a window of `window`, in the window's
    /// unit: as much as the prior's events take.
    pub(super) fn least_past(&self, window: f64) -> f64 {
        if self.ln_noisy == f64::NEG_INFINITY {
            return 0.0;
        }
        // Rates take the past alone in units of the dispersion.
        let of = |(prior, events): (f64, f64)| window * prior * DISPERSION / events;
        self.events.map(of).into_iter().fold(f64::INFINITY, f64::min)
    }

    /// The same over a window so many times as long.
    pub(super) fn over(self, times: f64) -> Self {
        Self { events: self.events.map(|(prior, window)| (prior, window * times)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first count of `own` events that is told at `threshold`, in seconds `age` of a stream.
    fn told(age: f64, own: f64, stream: Option<f64>, threshold: f64) -> Option<u32> {
        let first = FirstMinutes::new(age, own, stream);
        (1..=own as u32).find(|&failures| first.ln_p(failures.into(), 1.0) <= threshold.ln())
    }

    #[test]
    fn no_healthy_share_is_told_and_one_that_nothing_healthy_has_is() {
        for threshold in [3e-6, 1e-7] {
            // A fifth of any number of events, and a third of a boot's lines.
            for events in [20.0, 100.0, 1_000.0, 100_000.0] {
                let failures = told(0.0, events, None, threshold).unwrap_or(u32::MAX);
                assert!(f64::from(failures) > 0.34 * events, "{failures} of {events} at {threshold}");
            }
            // All of sixty, and six tenths of six hundred.
            assert!(told(0.0, 100.0, None, threshold) <= Some(100));
            assert!(told(0.0, 2_000.0, None, threshold) <= Some(1_300), "{:?}", told(0.0, 2_000.0, None, threshold));
        }
    }

    #[test]
    fn the_prior_fades_and_a_module_must_be_more_than_a_sliver_of_the_stream() {
        let at = |age| told(age, 1_000.0, None, 1e-7).unwrap();
        assert!(
            at(0.0) > at(120.0) && at(120.0) > at(300.0) && at(300.0) < 400 && at(600.0) < 200,
            "{} {}",
            at(120.0),
            at(300.0)
        );
        assert_eq!((FirstMinutes::last_at(600.0), FirstMinutes::last_at(1_800.0)), (true, false));
        assert_eq!(told(0.0, 200.0, Some(20_000.0), 1e-6), None);
        assert!(told(0.0, 200.0, Some(1_000.0), 1e-6).is_some());
    }

    #[test]
    fn where_it_is_over_nothing_is_changed() {
        let over = FirstMinutes::default();
        assert_eq!((over.ln_p(5.0, 1.0), over.least_past(10.0)), (f64::NEG_INFINITY, 0.0));
        assert_eq!(FirstMinutes::new(0.0, 25.0, None).least_past(10.0), 40.0);
        assert_eq!(FirstMinutes::new(0.0, 0.0, Some(f64::NAN)).least_past(0.0), 0.0);
    }
}
