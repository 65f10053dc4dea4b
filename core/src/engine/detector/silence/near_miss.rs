//! Pauses that were nearly a silence, for those who ask why there was none.

use super::key::{Key, Pause, Reading};
use super::options::SilenceSettings;
use crate::engine::detector::Report;
use crate::engine::finding::{DetectorName, NearMiss, Reason};

/// The pause of `key` is no silence: `why` gives the reason, where somebody asks for it.
pub(super) fn tell(
    member: &str,
    key: &Key,
    pause: Pause,
    settings: &SilenceSettings,
    report: &mut Report<'_>,
    why: Reason,
) {
    if report.wants_near_misses() {
        report.near_miss(key.ln_p(pause), settings.threshold.value(), |ln_p, threshold| NearMiss {
            detector: DetectorName::Silence,
            kind: "key",
            key: format!("{member} {}", key.name),
            ln_p,
            threshold,
            why,
        });
    }
}

/// The key speaks in time: told where its pause was nearly a silence.
#[cold]
pub(super) fn spoke_in_time(
    member: &str,
    key: &Key,
    settings: &SilenceSettings,
    now: Reading,
    report: &mut Report<'_>,
) {
    let (pause, limits) = (key.pause(now), key.limits(settings));
    if pause.seconds >= limits.seconds / 2.0 {
        let [pair, limits] = [pause, limits].map(|pause| (pause.seconds, pause.events));
        tell(member, key, pause, settings, report, Reason::Spoke { pause: pair, limits });
    }
}
