//! One memory budget, in bytes, for all tables of an engine.
//!
//! Each table has a cap in keys, but the size of a key varies and grows with what is learned about
//! it, and a stream whose keys are all new fills every table at once. So the sizes of all tables
//! are taken every [`EVENTS`] events. While their sum exceeds the budget, the largest table evicts
//! an eighth of its keys: large tables converge to a similar size and small ones keep everything.
//! The interval counts events, not time, so that results do not depend on how the input was cut.

use super::state::Evict;

/// Events between two checks. Between them a table grows by at most a few bytes a key per event.
const EVENTS: u32 = 4_096;

/// A finding counts as this many events, because an incident can take 12 KiB.
const EVENTS_A_FINDING: u32 = 8;

/// Process memory per counted byte. Growing tables are copied and shrinking ones leave gaps: `cargo
/// bench --bench growth` was within a tenth of this factor.
const SLACK: usize = 2;

/// About the size of a processor's caches. With larger tables, a rarely seen key costs cache
/// misses.
const CACHE: usize = 16 << 20;

/// The memory budget, and the state of the checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemoryBudget {
    bytes: usize,
    events: u32,
    /// The size of all tables at the last check, including [`SLACK`].
    weight: usize,
}

/// Calls the given function with each of several tables.
pub(super) type Visit<'a> = dyn FnMut(&mut dyn FnMut(&mut dyn Evict)) + 'a;

impl MemoryBudget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, events: 0, weight: 0 }
    }

    /// True when the tables no longer fit into a processor's caches.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.weight > CACHE
    }

    /// Counts an event; true when the sizes are to be checked.
    #[inline]
    pub(super) fn is_due(&mut self) -> bool {
        self.events += 1;
        self.events >= EVENTS
    }

    /// Brings the next check nearer by the number of new findings, which take more memory than
    /// events.
    pub(super) fn hurry(&mut self, findings: usize) {
        self.events = self.events.saturating_add(findings as u32 * EVENTS_A_FINDING);
    }

    /// Lets the largest tables evict until all fit the budget or have nothing left to evict.
    pub(super) fn keep(&mut self, tables: &mut Visit<'_>) {
        self.events = 0;
        let mut weights = Vec::new();
        tables(&mut |table| weights.push(SLACK * table.size_bytes()));
        let mut all: usize = weights.iter().sum();
        while all > self.bytes
            && let Some(heaviest) = (0..weights.len()).max_by_key(|place| weights[*place])
            && weights[heaviest] > 0
        {
            let mut place = 0;
            tables(&mut |table| {
                if place == heaviest {
                    // A table that has nothing to evict is not asked again.
                    let less = if table.shrink() { weights[place] / 8 } else { 0 };
                    weights[place] = if less > 0 { weights[place] - less } else { 0 };
                    all -= less;
                }
                place += 1;
            });
        }
        self.weight = all;
    }
}

#[cfg(test)]
mod tests {
    use super::super::EngineOptions;
    use super::super::finding::DetectorName;
    use super::super::rules::{RuleSet, RuleSource};
    use super::super::state::Table;
    use super::super::testing::{Stream, parsed_batch, with_detectors};
    use super::*;

    #[test]
    fn the_heaviest_gives_and_what_is_small_keeps_all() {
        let mut tables: Vec<Table<u64>> = [40_000, 20_000, 500].map(|_| Table::new(100_000)).into();
        for (table, keys) in tables.iter_mut().zip([40_000, 20_000, 500]) {
            (0..keys).for_each(|key| *table.touch(key, || 0) += 1);
        }
        let mut sizes = |bytes: usize| {
            MemoryBudget::new(bytes).keep(&mut |visit| tables.iter_mut().for_each(|table| visit(table)));
            [0, 1, 2].map(|i| tables[i].len())
        };
        assert_eq!(sizes(100 << 20), [40_000, 20_000, 500]);
        let [first, second, third] = sizes(2 << 20);
        assert!((7_000..12_000).contains(&first) && (7_000..12_000).contains(&second), "{first} {second}");
        assert_eq!(third, 500);
        // Every table may keep a minimum: a budget below the sum of these must not loop for ever.
        assert_eq!(sizes(10), [1_000, 1_000, 500]);
    }

    #[test]
    fn what_comes_next_is_approached_where_tables_are_large_whatever_it_is() {
        let mut stream = Stream::new(&EngineOptions::default());
        let event = |i: usize| {
            format!(
                r#"{{"time":{},"level":"ERROR","module":"m-{i}","host":"h-{i}","thread":"t-{i}","route":"/{i}x","duration_ms":{},"status":500,"message":"it failed"}}"#,
                1_767_600_000 + i / 10,
                i % 40
            )
        };
        assert!(!stream.engine.memory.is_crowded());
        (0..=EVENTS as usize).for_each(|i| stream.line(&event(i)));
        assert!(stream.engine.memory.is_crowded());
        let seen = event(7);
        let lines =
            [&seen, "{}", "text", "", "[1]", r#"{"duration_ms":3}"#, r#"{"route":"\/a\/1","duration":"3ms"}"#, "{"];
        let batch = parsed_batch(&mut stream.parser, &lines.join("\n"));
        let before = stream.engine.snapshot();
        (0..batch.records.len()).for_each(|i| stream.engine.prefetch(&batch, i));
        assert!(stream.engine.snapshot() == before, "it has changed something");
    }

    /// One rule that counts, one that stores values, one that explains incidents, and the shipped
    /// rules.
    fn rules() -> RuleSet {
        let own = |name: &str, text: &str| RuleSource {
            name: name.into(),
            path: format!("rules/{name}.rhai"),
            text: text.into(),
        };
        let (mut rules, tables) = RuleSet::shipped_sources();
        rules.push(own(
            "keeps",
            "const RULE = #{};\nfn on_event(e) { set(e.thread, e.message, \"1h\"); count(e.host, \"1h\"); metric_inc(\"seen\", #{ module: e.module }); }\n",
        ));
        rules.push(own(
            "waits",
            "const RULE = #{ key: [\"host\"], explains: true };\nfn on_event(e) { finding(#{ summary: \"x\" }); }\n",
        ));
        RuleSet::compile(&rules, &tables).unwrap()
    }

    /// A crash of a new module, with all other roles new as well (two crashes share a host).
    fn crash(i: usize) -> String {
        format!(
            r#"{{"time":{},"level":"FATAL","module":"m-{i}","host":"h-{}","thread":"t-{i}","route":"/{i:x}z","duration_ms":{},"status":500,"error_code":"E{i}","order":{i},"message":"job {i} began: thread 'main' panicked at src/lib.rs:{i}: {}"}}"#,
            1_767_600_000 + i / 100,
            i / 2,
            i % 40,
            "y".repeat(200)
        )
    }

    #[test]
    fn all_that_is_counted_as_a_table_is_weighed() {
        use super::super::detector::latency::LatencyPair;
        use super::super::detector::r#loop::LoopGuard;
        let pair = LatencyPair {
            operation: "job".into(),
            start: "job * began".into(),
            end: "job * ended".into(),
            by: vec!["order".into()],
            timeout: crate::human_duration::HumanDuration::from_secs(3_600),
        };
        let guard = LoopGuard { module: Some("*".into()), max_repeats: 1, ..LoopGuard::default() };
        let options = with_detectors(|detector| {
            detector.latency.pairs = vec![pair];
            detector.r#loop.guards = vec![guard];
        });
        let mut stream = Stream::with_rules(&options, rules());
        (0..600).for_each(|i| stream.line(&crash(i)));
        // A template has the repeated group of a list only once, so the list's own masked message
        // needs an entry in `template_skeletons`.
        stream.line(r#"{"time":1767600006,"module":"m","message":"blk 1, blk 2, blk 3, deleted"}"#);
        let mut weighed = Vec::new();
        stream.engine.bounded(&mut |table| weighed.push((table.keys() as u64, table.size_bytes())));
        // These tables have limits of their own: 1,000 metric series, one state table for each
        // rule, and storms, which are weighed as open incidents.
        let apart = ["rule_metrics", "rule_state", "storms"];
        for table in stream.engine.tables() {
            let is_weighed = weighed.iter().any(|(keys, bytes)| *keys == table.keys && (*keys == 0 || *bytes > 0));
            assert!(is_weighed || apart.contains(&table.table), "{table:?} is not among {weighed:?}");
            let may_be_empty = ["storms", "latency_templates", "novelty_exceptions", "novelty_stacks"];
            assert!(table.keys > 0 || may_be_empty.contains(&table.table), "{table:?}");
        }
        let of_rules: u64 =
            weighed.iter().rev().take(stream.engine.rules().set().names().count()).map(|(keys, _)| keys).sum();
        assert_eq!(of_rules, stream.engine.rules().table_keys() as u64);
    }

    #[test]
    fn open_incidents_and_what_rules_remember_keep_to_the_budget() {
        let options = EngineOptions { table_bytes: 12 << 20, open_incidents: 100_000, ..EngineOptions::default() };
        let mut stream = Stream::with_rules(&options, rules());
        for i in 0..3_000 {
            stream.line(&crash(i));
            stream.findings.clear();
        }
        let mut weight = 0;
        stream.engine.keep_memory();
        stream.engine.bounded(&mut |table| weight += SLACK * table.size_bytes());
        assert!((1 << 20..13 << 20).contains(&weight), "{weight}");
        let tables = stream.engine.tables();
        for name in ["incidents", "rule_incidents", "rule_state"] {
            let table = tables.iter().find(|table| table.table == name).unwrap();
            assert!((1..3_000).contains(&table.keys), "{table:?}");
        }
        assert!(stream.engine.incidents().evictions() > 0);
        // A forgotten incident must no longer be watched.
        let open = stream.engine.incidents().open_by_detector()[DetectorName::Rule as usize];
        assert!((1..=open).contains(&(stream.engine.rule_incidents.own() as u64)));
    }

    #[test]
    fn it_is_due_by_events() {
        let mut budget = MemoryBudget::new(1);
        let due = (0..3 * EVENTS).filter(|_| budget.is_due().then(|| budget.keep(&mut |_| {})).is_some()).count();
        assert_eq!(due, 3);
    }
}
