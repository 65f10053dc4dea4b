//! One budget of bytes for all tables of an engine.
//!
//! Each table has a cap in keys, but what a key takes differs and grows with what is learned of it, and a stream whose keys
//! are all new fills every table at once. So every [`EVENTS`] events all tables are weighed, and while they weigh more than
//! the budget together, the heaviest forgets an eighth of its keys: in the end none weighs much more than the others, and what is
//! small keeps all it has. This counts events and no time, so that it does not depend on how the input was cut.

use super::state::Bounded;

/// Events between two weighings. Within these no table can grow by more than a few bytes a key for each.
const EVENTS: u32 = 4_096;

/// Bytes that the process grows by for each that is counted. What grows is copied, what shrinks leaves room between what
/// stays: `cargo bench --bench growth` was within a tenth of this.
const SLACK: usize = 2;

/// What a processor's own caches hold, about: beyond that a key that comes seldom has to be waited for.
const CACHE: usize = 16 << 20;

/// The budget.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemoryBudget {
    bytes: usize,
    events: u32,
    /// What all tables took when they were last weighed, slack included.
    weight: usize,
}

/// Shows each of several tables to what it is given.
pub(super) type Visit<'a> = dyn FnMut(&mut dyn FnMut(&mut dyn Bounded)) + 'a;

impl MemoryBudget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, events: 0, weight: 0 }
    }

    /// Whether the tables have outgrown a processor's own caches.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.weight > CACHE
    }

    /// Counts an event; true when tables are to be weighed.
    #[inline]
    pub(super) fn is_due(&mut self) -> bool {
        self.events += 1;
        self.events >= EVENTS
    }

    /// Makes the heaviest tables give until all together keep to the budget, or have nothing more to give.
    pub(super) fn keep(&mut self, tables: &mut Visit<'_>) {
        self.events = 0;
        let mut weights = Vec::new();
        tables(&mut |table| weights.push(SLACK * table.weigh()));
        let mut all: usize = weights.iter().sum();
        while all > self.bytes
            && let Some(heaviest) = (0..weights.len()).max_by_key(|place| weights[*place])
            && weights[heaviest] > 0
        {
            let mut place = 0;
            tables(&mut |table| {
                if place == heaviest {
                    // One that has nothing to give is not asked again.
                    let less = if table.give() { weights[place] / 8 } else { 0 };
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
    use super::super::state::Table;
    use super::super::testing::{Stream, looked};
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
        // Less than what each may keep is no reason to go on for ever.
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
        let batch = looked(&mut stream.looker, &lines.join("\n"));
        let before = stream.engine.snapshot();
        (0..batch.records.len()).for_each(|i| stream.engine.approach(&batch, i));
        assert!(stream.engine.snapshot() == before, "it has changed something");
    }

    #[test]
    fn it_is_due_by_events() {
        let mut budget = MemoryBudget::new(1);
        let due = (0..3 * EVENTS).filter(|_| budget.is_due().then(|| budget.keep(&mut |_| {})).is_some()).count();
        assert_eq!(due, 3);
    }
}
