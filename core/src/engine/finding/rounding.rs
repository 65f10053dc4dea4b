//! Rounding of the numbers in findings to the digits that are meaningful.

/// Rounds to two significant digits.
#[must_use]
pub fn significant(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

/// Rounds `value` to `digits` decimals.
#[must_use]
pub fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

/// The score of a finding: 1 − 1/(1 − log10 p / 6), from ln p.
#[must_use]
pub fn score_of(ln_p: f64) -> f64 {
    if ln_p.is_nan() || ln_p >= 0.0 {
        return 0.0;
    }
    1.0 - 1.0 / (1.0 - ln_p / std::f64::consts::LN_10 / 6.0)
}

/// p from ln p, to two digits, and at least 1e-300 so that JSON readers can represent it.
#[must_use]
pub fn p_of(ln_p: f64) -> f64 {
    let log10 = (ln_p / std::f64::consts::LN_10).clamp(-300.0, 0.0);
    let exponent = log10.floor();
    format!("{:.1}e{exponent}", 10_f64.powf(log10 - exponent)).parse().unwrap_or(1e-300)
}
