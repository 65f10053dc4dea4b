//! Statistics that detectors stand on. Each takes time as a parameter and says what it costs.

pub mod count_min;
pub mod gamma_poisson;
