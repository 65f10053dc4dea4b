//! Malicious and careless rules: each must end soon, be counted, and not affect later events.

use super::*;
use std::sync::Arc;
use std::sync::Mutex;
// These tests take the place of the pipeline, so they may read a clock.
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_millis(50);

/// The emergency stop as the pipeline implements it.
#[derive(Debug)]
struct Clock(Mutex<Instant>);

impl Meter for Clock {
    fn begin(&self) {
        *self.0.lock().unwrap() = Instant::now();
    }

    fn is_overtime(&self) -> bool {
        self.0.lock().unwrap().elapsed() > BOUND
    }

    fn elapsed_ns(&self) -> u64 {
        self.0.lock().unwrap().elapsed().as_nanos() as u64
    }
}

/// CPU time of this thread, so that a busy machine does not matter; wall time where the system does
/// not provide it.
fn spent(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// Runs a script on an event for which it fails and on one for which it does not. Returns the
/// failure, and the shortest of three times.
fn harm(script: &str, clock: bool) -> (String, Duration) {
    let text = format!(
        "{}\nfn again() {{ again() + 1 }}\nfn deep(n) {{ deep(n + 1) }}",
        body(&format!("if e.fine == () {{\n{script}\n}} else {{ print(\"fine\"); }}"))
    );
    let set = compiled(&text).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let mut best = Duration::MAX;
    let mut message = String::new();
    for _ in 0..3 {
        let meter = Arc::new(Clock(Mutex::new(Instant::now())));
        let mut rules = if clock {
            Rules::with_meter(set.clone(), Budget::default(), meter)
        } else {
            Rules::new(set.clone(), Budget::default())
        };
        let batch = stream(&["{}", r#"{"fine":1}"#]);
        let mut outcome = RuleOutcome::default();
        let start = Instant::now();
        let before = spent(start);
        rules.on_event(&batch.fields(0), Timestamp(0), &mut outcome);
        best = best.min(spent(start).saturating_sub(before));
        message = outcome.failures.first().map_or_else(String::new, |failure| failure.message.clone());
        outcome.clear();
        rules.on_event(&batch.fields(1), Timestamp(1), &mut outcome);
        assert_eq!(outcome.printed, ["fine"], "{script}");
        let tally = rules.tallies().next().unwrap().1;
        assert_eq!((tally.evaluations, tally.failures), (2, 1), "{script}");
    }
    (message, best)
}

#[test]
fn counted_operations_end_what_is_endless() {
    let cases = [
        ("loop {}", "stopped after 50000 operations"),
        ("while true { }", "stopped after 50000 operations"),
        ("let x = 0; loop { x += 1; }", "stopped after 50000 operations"),
        ("for i in 0..1000000000 { let x = i; }", "stopped after 50000 operations"),
        ("try { loop {} } catch { print(\"caught\"); }", "stopped after 50000 operations"),
        ("again();", "Stack overflow"),
        ("deep(0);", "Stack overflow"),
        ("let s = \"x\"; loop { s += s; }", "Length of string too large"),
        ("let s = \"x\"; loop { s = s + s; }", "Length of string too large"),
        ("let s = \"x\"; loop { s = `${s}${s}`; }", "Length of string too large"),
        ("let s = \"\"; s.pad(1000000, \"x\");", "Length of string too large"),
        ("let a = []; loop { a.push(1); }", "Size of array/BLOB too large"),
        ("let a = []; loop { a.push(a); }", "Size of array/BLOB too large"),
        ("let a = [1]; loop { a += a; }", "Size of array/BLOB too large"),
        ("let a = []; a.pad(1000000, 1);", "Size of array/BLOB too large"),
        ("let m = #{}; let i = 0; loop { m[`${i}`] = m; i += 1; }", "Size of object map too large"),
        ("let m = #{}; let i = 0; loop { m[`${i}`] = i; i += 1; }", "stopped after 50000 operations"),
        (
            "let a = []; a.pad(1000, 1); a.for_each(|x| { let i = 0; while i < 10000 { i += 1; } });",
            "stopped after 50000 operations",
        ),
        ("loop { count(1, \"1s\"); }", "stopped after 50000 operations"),
        ("loop { print(\"x\"); }", "stopped after 50000 operations"),
    ];
    for (script, expected) in cases {
        let (message, time) = harm(script, false);
        assert!(message.contains(expected), "{script}: {message}");
        assert!(time < BOUND, "{script}: {time:?}");
    }
}

#[test]
fn the_clock_ends_what_is_slow_in_few_operations() {
    let cases = [
        "let s = \"\"; s.pad(65000, \"ab\"); loop { s.to_upper(); }",
        "let s = \"\"; s.pad(65000, \"ab\"); loop { s.replace(\"a\", \"c\"); }",
        "let s = \"\"; s.pad(65000, \"ab\"); loop { `${s}`; }",
        "let s = \"\"; s.pad(65000, \"ab\"); loop { find_in(\"codes\", s); }",
        "let s = \"\"; s.pad(65000, \"ab\"); let i = 0; loop { count(`${s}${i}`, \"1h\"); i += 1; }",
        "let a = []; a.pad(1000, 1); loop { a.sort(); }",
        "let a = []; a.pad(1000, 1); loop { a.index_of(2); }",
        "let a = []; a.pad(1000, 1); loop { let b = a; }",
    ];
    for script in cases {
        let (message, time) = harm(script, true);
        let (counted, _) = harm(script, false);
        assert!(message.contains("stopped"), "{script}: {message}");
        assert!(counted.contains("stopped after 50000 operations"), "{script}: {counted}");
        assert!(time < 2 * BOUND, "{script}: {time:?}");
    }
}

#[test]
fn there_is_no_way_out() {
    let calls = [
        "eval(\"1\")",
        "sleep(1)",
        "exit()",
        "timestamp()",
        "import \"x\" as x",
        "open(\"/etc/passwd\")",
        "parse_json(\"{}\")",
        "Fn(\"sleep\").call(1)",
    ];
    for call in calls {
        match compiled(&body(&format!("{call};"))) {
            Err(_) => {}
            Ok(set) => {
                let outcome = run(&mut Rules::new(set, Budget::default()), &["{}"]);
                assert_eq!(outcome.failures.len(), 1, "{call}");
            }
        }
    }
}

#[test]
fn printing_is_bounded() {
    let outcome = run(&mut rules(&body("let s = \"\"; s.pad(5000, \"é\"); for i in 0..100 { print(s); }")), &["{}"]);
    assert_eq!(outcome.printed.len(), 16);
    assert!(outcome.printed.iter().all(|line| line.len() <= 1024));
}
