//! Exemplars: the incident that a counter of findings points to.

use crate::telemetry::exposition::Exemplar;
use prometheus::proto::LabelPair;
use std::collections::BTreeMap;

/// The exemplar of a series of `seismolog_findings_total`.
pub(super) fn exemplar_of(
    exemplars: &BTreeMap<(&'static str, &'static str), Exemplar>,
    name: &str,
    labels: &[LabelPair],
) -> Option<Exemplar> {
    if name != "seismolog_findings_total" {
        return None;
    }
    let value = |name: &str| labels.iter().find(|label| label.name() == name).map(LabelPair::value);
    let (detector, severity) = (value("detector")?, value("severity")?);
    exemplars.iter().find(|(key, _)| **key == (detector, severity)).map(|(_, exemplar)| exemplar.clone())
}
