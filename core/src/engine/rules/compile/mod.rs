//! A rule's text: what it declares, and all that is wrong with it, said with its place.
//!
//! One file a step: `declaration` and `select` read `const RULE`, `names` and `constants` check
//! what a script names, `describe` reads the tests that a rule carries, `sandbox` is the engine and
//! its limits, `rule` puts the steps together, `set` the rules, `shipped` are those that the binary
//! carries.
//! This layer knows `value`, `state` (for the budget) and `filter`. No event is evaluated here: of
//! the functions that rules call it knows the [`signature::Signature`]s, which it is given.

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
