//! stub
#![allow(missing_docs)]
use super::finding::RuleFinding;
use crate::event::{Fields, Timestamp};
#[derive(Clone, Debug, Default)]
pub struct RuleSet;
impl RuleSet {
    pub fn empty() -> Self {
        Self
    }
    pub fn shipped_sources() -> (Vec<RuleSource>, Vec<TableSource>) {
        Default::default()
    }
    pub fn compile(_: &[RuleSource], _: &[TableSource]) -> Result<RuleSet, Vec<crate::diagnostic::Diagnostic>> {
        Ok(Self)
    }
}
pub struct RuleTally {
    pub evaluations: u64,
    pub failures: u64,
    pub enabled: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Budget;
#[derive(Debug, Default)]
pub struct RuleFailure {
    pub rule: String,
    pub message: String,
}
#[derive(Debug, Default)]
pub struct RuleOutcome {
    pub findings: Vec<RuleFinding>,
    pub failures: Vec<RuleFailure>,
    pub printed: Vec<String>,
}
impl RuleOutcome {
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }
}
#[derive(Debug)]
pub struct Rules;
impl Rules {
    pub fn new(_: RuleSet, _: Budget) -> Self {
        Self
    }
    pub fn on_event(&mut self, _: &Fields<'_>, _: Timestamp, _: &mut RuleOutcome) {}
    pub fn tallies(&self) -> impl Iterator<Item = (&str, RuleTally)> {
        std::iter::empty()
    }
    pub fn table_keys(&self) -> u64 {
        0
    }
    pub fn evictions(&self) -> u64 {
        0
    }
    pub fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }
    pub fn restore(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}
pub struct RuleSource {
    pub name: String,
    pub path: String,
    pub text: String,
}
pub struct TableSource {
    pub name: String,
    pub path: String,
    pub text: String,
}
