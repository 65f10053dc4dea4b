//! `seismolog_module_events_total` and `seismolog_module_errors_total`: the events of modules and
//! the errors among them.

use super::monotonic_totals::{Count, MonotonicTotals};
use crate::engine::detector::ModuleCounts;
use prometheus::Error;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, LabelPair, Metric, MetricFamily, MetricType};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Both families, gathered together.
#[derive(Clone, Debug)]
pub(super) struct ModuleEvents {
    /// Descriptions of the events and of the errors.
    descs: [Desc; 2],
    shown: Arc<Mutex<ShownModules>>,
}

/// The modules with a series, and their totals: `values` counts events, `sum` counts errors.
#[derive(Debug, Default)]
struct ShownModules {
    modules: Vec<String>,
    totals: MonotonicTotals,
}

impl ModuleEvents {
    pub(super) fn new() -> Result<Self, Error> {
        let desc = |name: &str, help: &str| {
            let name = format!("seismolog_module_{name}_total");
            Desc::new(name, help.to_owned(), vec!["module".to_owned()], HashMap::new())
        };
        let descs = [
            desc("events", "Events of a module, late ones aside; the busiest by name, the rest as other.")?,
            desc("errors", "Events of a module at ERROR or worse, or with a failing status.")?,
        ];
        Ok(Self { descs, shown: Arc::default() })
    }

    fn lock(&self) -> MutexGuard<'_, ShownModules> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, modules: &[ModuleCounts]) {
        let counts: Vec<_> =
            modules.iter().map(|of| (&*of.module, Count { values: of.events, sum: of.errors as f64 })).collect();
        let mut shown = self.lock();
        shown.totals.take(&counts);
        shown.modules = modules.iter().map(|of| of.module.clone()).collect();
    }

    /// How many events have no series of their own, by the metric's full name.
    pub(super) fn dropped(&self) -> (String, u64) {
        (self.descs[0].fq_name.clone(), self.lock().totals.other().values)
    }
}

impl Collector for ModuleEvents {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let shown = self.lock();
        let of: [fn(Count) -> f64; 2] = [|count| count.values as f64, |count| count.sum];
        let family = |(desc, of): (&Desc, fn(Count) -> f64)| {
            let mut family = MetricFamily::default();
            family.set_name(desc.fq_name.clone());
            family.set_help(desc.help.clone());
            family.set_field_type(MetricType::COUNTER);
            let metrics = shown.modules.iter().map(|module| counter(module, of(shown.totals.shown(module))));
            family.set_metric(metrics.collect());
            family
        };
        self.descs.iter().zip(of).map(family).filter(|family| !family.get_metric().is_empty()).collect()
    }
}

fn counter(module: &str, value: f64) -> Metric {
    let mut label = LabelPair::default();
    label.set_name("module".to_owned());
    label.set_value(module.to_owned());
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = Metric::default();
    metric.set_label(vec![label]);
    metric.set_counter(counter);
    metric
}
