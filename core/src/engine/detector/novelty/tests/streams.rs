//! Whole streams, each kind with its quiet twin.

use super::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const T0: i64 = 1_767_225_600_000;

/// A stream whose lines say when they come, in seconds.
struct Timed(testing::Stream);

impl Timed {
    fn new() -> Self {
        Self(testing::Stream::new(&EngineOptions::default()))
    }

    fn put(&mut self, at: f64, level: &str, module: &str, message: &str) {
        let time = Timestamp::from_millis(T0 + (at * 1_000.0) as i64);
        self.0.line(&format!(r#"{{"time":"{time}","level":"{level}","module":"{module}","message":"{message}"}}"#));
    }

    /// Lines of INFO, one every `gap` seconds.
    fn info(&mut self, from: f64, until: f64, gap: f64, modules: u64) {
        let mut at = from;
        for i in 0.. {
            if at >= until {
                break;
            }
            self.put(at, "INFO", &format!("svc{}", i % modules), &format!("served {i}"));
            at += gap;
        }
    }

    fn opened(&self) -> Vec<&Finding> {
        let is_open = |found: &&Finding| found.detector == DetectorName::Novelty && found.state == State::Open;
        self.0.findings.iter().filter(is_open).collect()
    }
}

/// A word that nobody has written.
fn word(random: &mut Pcg64) -> String {
    (0..4)
        .flat_map(|_| [b"bdfgklmnprst"[random.random_range(0..12)], b"aeiou"[random.random_range(0..5)]])
        .map(char::from)
        .collect()
}

fn sentence(random: &mut Pcg64) -> String {
    (0..5).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

/// The kind, its FATALs by time, module and text among an INFO line a second, and how many are
/// told.
#[test]
fn every_fatal_is_told_and_one_that_goes_on_once() {
    type Fatals = Vec<(f64, String, String)>;
    let one = |at: f64| vec![(at, "main".to_owned(), "process ends".to_owned())];
    let many = |n: usize, gap: f64| -> Fatals {
        (1..=n).map(|i| (i as f64 * gap, "main".into(), "process ends".into())).collect()
    };
    let kinds: Fatals = (0..3_000)
        .map(|i| {
            (
                i as f64 * 0.6,
                format!("svc{}", i % 7),
                format!("unit {} is dead of {}", ["a", "b", "c", "d"][i % 4], ["heat", "cold", "age"][i % 3]),
            )
        })
        .collect();
    let apart: Fatals = (1..=5).map(|i| (f64::from(i) * 300.0, format!("svc{i}"), "process ends".into())).collect();
    for (kind, fatals, until, told) in [
        ("the first line", one(0.0), 60.0, 1..=1),
        ("in the third minute", one(180.3), 400.0, 1..=1),
        ("after an hour", one(3_600.3), 3_700.0, 1..=1),
        ("twice, with a rest", [one(180.3), one(1_680.3)].concat(), 1_700.0, 2..=2),
        ("every twenty minutes", many(20, 1_200.3), 24_100.0, 1..=2),
        ("every ten seconds", many(100, 10.3), 1_100.0, 1..=1),
        ("one text in five modules", apart, 1_600.0, 5..=5),
        ("always and everywhere", kinds, 1_900.0, 1..=2),
    ] {
        let mut stream = Timed::new();
        let mut fatals = fatals.into_iter().peekable();
        for second in 0..until as i64 {
            while let Some((at, module, text)) = fatals.next_if(|fatal| fatal.0 <= second as f64) {
                stream.put(at, "FATAL", &module, &text);
            }
            stream.put(second as f64, "INFO", "web", &format!("served {second}"));
        }
        let opened = stream.opened();
        assert!(told.contains(&opened.len()), "{kind}: {opened:?}");
        assert!(opened.iter().all(|found| found.severity == Severity::Critical), "{kind}");
    }
}

/// A line is judged as of its own time, unless it is of long ago.
#[test]
fn what_comes_late_is_told_and_what_is_of_yesterday_is_not() {
    for (late_s, told) in [(0.0, 1), (30.0, 1), (600.0, 1), (7_200.0, 0), (86_400.0, 0)] {
        for level in ["ERROR", "FATAL"] {
            let mut stream = Timed::new();
            stream.info(0.0, 9_000.0, 1.0, 3);
            stream.put(9_000.0 - late_s, level, "svc1", "quorum of bazoku lost");
            stream.info(9_000.0, 9_010.0, 1.0, 3);
            assert_eq!(stream.opened().len(), told, "{late_s} {level}");
        }
    }
}

#[test]
fn the_first_error_of_a_stream_that_knew_none_is_told_and_one_of_many_is_not() {
    let mut random = Pcg64::seed_from_u64(5);
    for (seconds, gap, modules) in
        [(300_000.0, 20.0, 1), (7_200.0, 0.5, 3), (400_000.0, 60.0, 2), (9_000.0, 1.0, 1), (20_000.0, 2.0, 12)]
    {
        let mut stream = Timed::new();
        stream.info(0.0, seconds, gap, modules);
        stream.put(seconds, "ERROR", "svc0", "cannot open ledger");
        assert_eq!(stream.opened().len(), 1, "{seconds} {gap} {modules}");
        // New errors come all the time.
        let mut stream = Timed::new();
        for part in 0..20 {
            let from = seconds / 20.0 * f64::from(part);
            stream.info(from, from + seconds / 20.0, gap, modules);
            stream.put(from + seconds / 20.0, "ERROR", "svc0", &sentence(&mut random));
        }
        assert_eq!(stream.opened().len(), 0, "{seconds} {gap} {modules}");
    }
}

/// A known line and its level, a new one at ERROR, and whether it is news.
const VALUES: &[(&str, &str, &str, bool)] = &[
    ("ERROR", "could not reach billing.svc: connection reset", "could not reach ledger.svc: connection reset", false),
    ("ERROR", "disk sda failed", "disk sdb failed", false),
    ("ERROR", "user mara is locked out", "user ilse is locked out", false),
    ("FATAL", "page deadbeef is torn", "page cafebabe is torn", false),
    ("ERROR", "mara has lost the token", "ilse has lost the token", false),
    ("ERROR", "accepted voucher tunade was refused by rule 3", "notified voucher milene was refused by rule 5", false),
    ("INFO", "link to the peer accepted", "link to the peer refused", true),
    ("WARN", "link to the peer accepted", "link to the peer refused", true),
    ("ERROR", "index rebuilt", "index broken", true),
    ("ERROR", "the index was rebuilt twice", "pages of a relation are torn", true),
    ("ERROR", "user mara is locked out", "user mara is locked out for good", true),
];

#[test]
fn another_value_in_a_known_text_is_no_news() {
    let kept = Stream::warmed().0.engine.snapshot();
    for (level, known, new, told) in VALUES {
        let mut stream = Stream::new(&EngineOptions::default());
        stream.0.engine.restore(&kept).unwrap();
        stream.1 = 3_600;
        (0..2).for_each(|_| stream.put(level, "store", known));
        stream.usual(2_000);
        let before = stream.opened().len();
        stream.put("ERROR", "store", new);
        assert_eq!(stream.opened().len() - before, usize::from(*told), "{new}");
    }
}

/// Kinds, modules, seconds between them, and levels.
#[test]
fn a_deploy_is_one_finding_and_none_where_it_brings_no_warning() {
    let kept = Stream::warmed().0.engine.snapshot();
    let mut random = Pcg64::seed_from_u64(3);
    for (kinds, modules, gap, levels, told) in [
        (20, 1, 10, ["WARN", "ERROR"], 1),
        (20, 6, 12, ["WARN", "ERROR"], 1),
        (40, 12, 3, ["ERROR", "ERROR"], 1),
        (8, 2, 50, ["WARN", "WARN"], 1),
        (30, 1, 25, ["ERROR", "WARN"], 1),
        (60, 12, 2, ["INFO", "DEBUG"], 0),
    ] {
        let mut stream = Stream::new(&EngineOptions::default());
        stream.0.engine.restore(&kept).unwrap();
        stream.1 = 3_600;
        for kind in 0..kinds {
            stream.usual(gap);
            stream.put(levels[kind % 2], &format!("svc{}", kind % modules), &sentence(&mut random));
        }
        stream.usual(2_000);
        assert_eq!(stream.opened().len(), told, "{kinds} {modules} {gap}");
        if told > 0 {
            let last = stream.of_novelty().last().map(|found| found.summary.sentence.clone()).unwrap_or_default();
            assert!(last.contains(&format!("{} more new kinds", kinds - 1)), "{last}");
        }
    }
}

/// A shop that always has two hundred kinds of error, some of them rare, and what is really new.
#[test]
fn a_shop_with_a_long_tail_of_errors_is_quiet_and_a_new_one_elsewhere_is_told() {
    for seed in 1..=5 {
        let mut random = Pcg64::seed_from_u64(seed);
        let kinds: Vec<String> = (0..200).map(|_| sentence(&mut random)).collect();
        let own: Vec<String> = (0..24).map(|_| sentence(&mut random)).collect();
        let mut stream = Timed::new();
        for i in 0..14_400_u32 {
            let at = f64::from(i) / 2.0;
            match i % 20 {
                // By Zipf's law.
                0..4 => {
                    let kind = (200.0_f64.powf(random.random::<f64>()) as usize).min(kinds.len() - 1);
                    stream.put(at, "ERROR", "catalog", &kinds[kind]);
                }
                7 => {
                    let which = random.random_range(0..own.len());
                    stream.put(at, "ERROR", &format!("svc{}", which % 6), &own[which]);
                }
                n => stream.put(at, "INFO", &format!("svc{}", n % 6), &format!("served {i}")),
            }
        }
        let usual = stream.opened().len();
        assert!(usual <= 1, "{seed}: {:?}", stream.opened());
        stream.put(7_200.0, "ERROR", "svc3", "invalid page in block 3 of relation 7");
        assert_eq!(stream.opened().len(), usual + 1, "{seed}");
    }
}

/// The usual errors of a healthy system that begins at night, with a batch that warns: three days
/// in all, in each of which one false alarm is allowed.
#[test]
fn the_first_hours_of_a_slow_stream_are_quiet() {
    let mut told = 0;
    for seed in 1..=6 {
        let mut random = Pcg64::seed_from_u64(seed);
        let kinds: Vec<String> = (0..6).map(|_| sentence(&mut random)).collect();
        let (mut stream, mut at) = (Timed::new(), 0.0);
        while at < 12.0 * 3_600.0 {
            let is_batch = (7_200.0..10_800.0).contains(&at);
            let rate = if at < 21_600.0 { 0.06 } else { 0.3 } + if is_batch { 1.0 } else { 0.0 };
            at -= (1.0 - random.random::<f64>()).ln() / rate;
            let module = format!("svc{}", random.random_range(0..8));
            if is_batch && random.random::<f64>() < 0.9 {
                let bad = random.random::<f64>() < 0.04;
                let (level, text) =
                    if bad { ("WARN", "account skipped, it has open items") } else { ("INFO", "account closed") };
                stream.put(at, level, "batch", text);
            } else if random.random::<f64>() < 0.012 {
                let kind = random.random_range(0..kinds.len());
                stream.put(at, "ERROR", &module, &kinds[kind]);
            } else {
                stream.put(at, "INFO", &module, "served");
            }
        }
        told += stream.opened().len();
    }
    assert!(told <= 1, "{told}");
}
