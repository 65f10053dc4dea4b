//! Compares findings in the demo stream with its labels: detectors find the faults that they are
//! meant for, and nothing else.

use crate::support::run;

/// The kinds of faults that a detector exists for.
const FAULTS: &str = "loop_exact,loop_counter,loop_cycle,burst,slow_burn,latency_spike,latency_shift,latency_outlier";

/// Parses `found 17 of 18; false alarms: 0`.
fn score(seed: &str, faults: &str) -> (u32, u32, u32) {
    let out = run(&["demo", "--show", "--seed", seed, "--minutes", "120", "--faults", faults], b"");
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    let text = String::from_utf8(out.stdout).unwrap();
    let numbers: Vec<u32> = text
        .lines()
        .last()
        .unwrap()
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let [found, faults, alarms] = numbers[..] else { panic!("{text}") };
    (found, faults, alarms)
}

#[test]
fn nearly_every_fault_is_found_and_nothing_else() {
    let scores: Vec<_> = ["21", "22", "23"].into_iter().map(|seed| score(seed, FAULTS)).collect();
    let (found, faults) = scores.iter().fold((0, 0), |sum, score| (sum.0 + score.0, sum.1 + score.1));
    assert!(faults >= 24 && f64::from(found) >= 0.9 * f64::from(faults), "{scores:?}");
    assert_eq!(scores.iter().map(|score| score.2).sum::<u32>(), 0, "{scores:?}");
}

#[test]
fn a_stream_without_faults_is_quiet() {
    assert_eq!(score("24", "none"), (0, 0, 0));
}
