//! Makes metric families, and registers them.

use prometheus::core::Collector;
use prometheus::{Error, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

/// Makes families and registers them.
pub(super) struct Families<'a> {
    registry: &'a Registry,
}

impl<'a> Families<'a> {
    pub(super) fn of(registry: &'a Registry) -> Self {
        Self { registry }
    }

    pub(super) fn register<C: Collector + Clone + 'static>(&self, family: C) -> Result<C, Error> {
        self.registry.register(Box::new(family.clone()))?;
        Ok(family)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.register(IntCounter::with_opts(opts(name, help))?)
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.register(IntCounterVec::new(opts(name, help), labels)?)
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.register(IntGaugeVec::new(opts(name, help), labels)?)
    }
}

/// Options with the full name of a family, prefixed with the namespace, and its help.
pub(super) fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("seismolog")
}

pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
