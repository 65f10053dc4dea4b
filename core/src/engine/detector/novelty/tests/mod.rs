use super::*;
use crate::engine::Persist as _;
use crate::engine::finding::{Finding, Reason, Severity, State};
use crate::engine::template::TemplateId;
use crate::engine::{EngineOptions, testing};
use crate::event::Timestamp;

mod streams;

struct Stream(testing::Stream, i64);

impl Stream {
    fn new(options: &EngineOptions) -> Self {
        Self(testing::Stream::new(options), 0)
    }

    /// A line, half a second after the last.
    fn put(&mut self, level: &str, module: &str, message: &str) {
        self.1 += 1;
        let time = Timestamp::from_millis(1_767_225_600_000 + self.1 * 500);
        self.0.line(&format!(
            r#"{{"time":"{time}","level":"{level}","module":"{module}","thread":"t{}","message":"{message}"}}"#,
            self.1
        ));
    }

    /// Usual lines, one in ten a known warning, for `seconds`.
    fn usual(&mut self, seconds: i64) {
        for i in 0..seconds * 2 {
            let n = (i * 7_919) % 10_007;
            match i % 10 {
                0 => self.put("WARN", "db", &format!("slow query took {n} ms")),
                5 if i % 50 == 5 => self.put("ERROR", "api", &format!("java.io.IOException: request {n} failed")),
                _ => self.put("INFO", "web", &format!("request {n} served")),
            }
        }
    }

    fn warmed() -> Self {
        let mut stream = Self::new(&EngineOptions::default());
        stream.usual(1_800);
        assert_eq!(stream.of_novelty().len(), 0);
        stream
    }

    fn of_novelty(&self) -> Vec<&Finding> {
        self.0.findings.iter().filter(|finding| finding.detector == DetectorName::Novelty).collect()
    }

    fn opened(&self) -> Vec<&Finding> {
        self.of_novelty().into_iter().filter(|finding| finding.state == State::Open).collect()
    }
}

#[test]
fn a_new_error_is_told_once_with_its_text_and_resolves() {
    let mut stream = Stream::warmed();
    for n in 0..3 {
        stream.put("ERROR", "store", &format!("quorum of bazoku lost at epoch {n}"));
    }
    stream.usual(1_500);
    let found = stream.of_novelty();
    assert_eq!(stream.opened().len(), 1);
    let (first, last) = (found[0], found[found.len() - 1]);
    assert!(
        first.summary.sentence.contains("quorum of bazoku lost at epoch 0") && first.summary.sentence.contains("store")
    );
    assert_eq!((first.kind.as_str(), first.severity), ("template", Severity::Warning));
    assert!(first.measured.p_value.unwrap() < 0.05);
    assert_eq!((last.state, last.count), (State::Resolved, 3));
}

#[test]
fn levels_below_warn_known_templates_and_a_cold_start_are_quiet() {
    let mut stream = Stream::new(&EngineOptions::default());
    stream.put("ERROR", "store", "disk on fire");
    stream.usual(1_800);
    stream.put("INFO", "store", "never seen before");
    stream.put("WARN", "store", "never seen before");
    stream.put("ERROR", "store", "disk on fire");
    assert_eq!(stream.of_novelty(), [] as [&Finding; 0]);
}

#[test]
fn a_new_exception_type_is_told_in_place_of_its_template() {
    let mut stream = Stream::warmed();
    stream.put("ERROR", "api", "java.io.IOException: another request failed");
    stream.put("FATAL", "api", "java.lang.OutOfMemoryError: heap space");
    let opened = stream.opened();
    assert_eq!(opened.iter().map(|found| found.kind.as_str()).collect::<Vec<_>>(), ["template", "exception"]);
    assert_eq!((opened[1].key.0[1].1.as_str(), opened[1].severity), ("java.lang.OutOfMemoryError", Severity::Critical));
}

/// A Java trace of `exception` at one place, below a line of its own.
fn trace(stream: &mut Stream, exception: &str, place: &str) {
    stream.usual(1);
    let time = Timestamp::from_millis(1_767_225_600_000 + stream.1 * 500).to_string();
    let date = time.trim_end_matches('Z').replace('T', " ");
    stream.0.line(&format!("{date} ERROR [main] c.f.Api - a request failed"));
    stream.0.line(exception);
    stream.0.line(&format!("\tat c.f.{place}(X.java:7)"));
}

#[test]
fn a_new_stack_of_several_lines_is_told_once_it_is_whole() {
    let mut stream = Stream::warmed();
    for _ in 0..40 {
        trace(&mut stream, "java.io.IOException: closed", "Queue.take");
    }
    // Sooner it would be more of the same news.
    stream.usual(1_000);
    let before = stream.opened().len();
    trace(&mut stream, "java.io.IOException: closed", "Pool.lend");
    stream.usual(1_000);
    trace(&mut stream, "java.lang.IllegalStateException: no", "Queue.take");
    (0..3).for_each(|_| trace(&mut stream, "java.io.IOException: closed", "Pool.lend"));
    stream.usual(10);
    let opened = &stream.opened()[before..];
    assert_eq!(
        opened.iter().map(|found| found.key.0[1].1.as_str()).collect::<Vec<_>>(),
        ["java.io.IOException", "java.lang.IllegalStateException"],
        "{opened:?}"
    );
    assert_eq!((opened[0].key.0[0].1.as_str(), opened[0].key.0[2].0.as_str()), ("c.f.Api", "stack"));
    assert!(opened.iter().all(|found| found.kind == "exception" && found.severity == Severity::Warning));
}

#[test]
fn a_deploy_that_changes_every_text_is_one_finding() {
    let mut stream = Stream::warmed();
    for i in 0..200_u32 {
        let word: String = (0..4).map(|place| char::from(b'a' + (i >> (2 * place)) as u8 % 4)).collect();
        stream.put("WARN", "api", &format!("{word} is a new text of {word}{word}"));
    }
    assert_eq!(stream.opened().len(), 1);
}

#[test]
fn texts_that_are_always_new_are_no_news() {
    let mut stream = Stream::new(&EngineOptions::default());
    for i in 0..6_000_u32 {
        let word: String = (0..7).map(|place| char::from(b'a' + (i >> (2 * place)) as u8 % 4)).collect();
        stream.put("WARN", "api", &format!("user {word} unknown"));
    }
    assert_eq!(stream.opened().len(), 0);
}

#[test]
fn other_settings_for_some_modules() {
    let module = Some("batch.*".into());
    let off = NoveltyOverride { module, enabled: Some(false), ..NoveltyOverride::default() };
    let mut stream = Stream::new(&testing::with_detectors(|detector| detector.novelty.overrides = vec![off]));
    stream.usual(1_800);
    stream.put("ERROR", "batch.import", "a thing never seen");
    assert_eq!(stream.opened().len(), 0);
    stream.put("ERROR", "import", "rows of the ledger are torn");
    assert_eq!(stream.opened().len(), 1);
}

#[test]
fn after_evictions_a_first_sight_means_nothing() {
    let mut stream = Stream::new(&EngineOptions { keys: 100, ..EngineOptions::default() });
    for i in 0..500_u32 {
        let word: String = (0..5).map(|place| char::from(b'a' + (i >> (2 * place)) as u8 % 4)).collect();
        let turned: String = word.chars().rev().collect();
        stream.put("INFO", "api", &format!("{word} {turned} x{word}y came {turned}z"));
    }
    stream.usual(1_800);
    stream.put("ERROR", "store", "quorum of bazoku lost");
    assert_eq!(stream.opened().len(), 0);
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let mut novelty = Novelty::new(&NoveltyOptions::default(), SharedOptions::default());
    (0..100).for_each(|i| novelty.texts.hear(i % 3, i % 7 == 0));
    novelty.texts.first(5, 1, 50.0, true);
    novelty.texts.first(6, 1, 60.0, false);
    novelty.exceptions.counts.touch(7, || 3);
    novelty.fatals.add(1, TemplateId(2), 3.0, 900.0);
    novelty.open.push(open::OpenNovelty::new(IncidentId(1), (1, Level::Error, false), 3.0, 900.0));
    let mut again = Novelty::new(&NoveltyOptions::default(), SharedOptions::default());
    again.restore(&novelty.snapshot()).unwrap();
    let seen = |novelty: &Novelty| (novelty.texts.chance(1, 99.0), novelty.texts.a_day(2, 99.0), novelty.open.len());
    assert_eq!(seen(&again), seen(&novelty));
    assert_eq!(again.snapshot(), novelty.snapshot());
    assert!(again.restore(b"nonsense").is_err());
}

#[test]
fn what_was_nearly_news_is_told_to_who_asks() {
    let options = EngineOptions { near_misses: true, ..EngineOptions::default() };
    let mut stream = Stream::new(&options);
    stream.usual(600);
    stream.put("ERROR", "store", "quorum of bazoku lost at once");
    let near = stream.0.near_misses.iter().rfind(|near| near.detector == DetectorName::Novelty).unwrap();
    assert_eq!((near.kind, &near.why), ("template", &Reason::NotLearned));
    let mut stream = Stream::new(&options);
    stream.usual(1_800);
    stream.0.near_misses.clear();
    let new = ["apple", "birch", "cedar", "daisy", "elder", "fern", "grape"];
    for word in new {
        stream.put("ERROR", "store", &format!("{word} {word} {word} broke"));
        stream.usual(60);
    }
    // Seven kinds within seven minutes are one thing.
    assert_eq!(stream.opened().len(), 1);
    assert!(stream.0.near_misses.iter().any(|near| near.why == Reason::TooMuchNew));
}
