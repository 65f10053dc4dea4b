//! Reads and checks the text of a rule; every problem is reported with its location.
//!
//! One file per step: `declaration` and `select` read `const RULE`, `names` and `constants` check
//! the names that a script uses, `describe` reads a rule's tests, `sandbox` is the Rhai engine with
//! its limits, `rule` combines the steps, `set` is a set of rules, and `shipped` are the rules
//! embedded in the binary.
//!
//! This layer uses `value`, `state` (for the budget) and `filter`. No event is evaluated here: of
//! the functions that rules call it only gets the [`signature::Signature`]s.

pub(crate) mod constants;
pub(crate) mod declaration;
pub(crate) mod describe;
pub(crate) mod explain;
pub(crate) mod location;
pub(crate) mod names;
pub(crate) mod rule;
pub(crate) mod sandbox;
pub(crate) mod select;
pub(crate) mod set;
pub(crate) mod shipped;
pub(crate) mod signature;
