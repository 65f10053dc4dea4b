//! Statistics that detectors use. Each takes time as a parameter and states its cost.

pub mod alarm_budget;
pub mod binomial;
pub mod clumping;
pub mod count_min;
pub mod dispersion;
pub mod exceedance;
pub mod exposure;
pub mod failure_marks;
pub mod gamma_poisson;
pub mod gap_tail;
pub mod log_histogram;
pub mod page;
pub mod peaks_over_threshold;
pub mod slots;
