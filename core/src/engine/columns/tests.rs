use super::*;
use crate::engine::testing::{parsed_batch, parser};
use crate::event::EventParser;

/// Numbers that look drawn, the same each time.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn word(&mut self, letters: &str, length: usize) -> String {
        (0..length).map(|_| char::from(letters.as_bytes()[self.below(letters.len() as u64) as usize])).collect()
    }
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// What the learned columns make of lines.
struct Reader {
    parser: EventParser,
    columns: LearnedColumns,
}

impl Reader {
    fn new() -> Self {
        Self { parser: parser(), columns: LearnedColumns::default() }
    }

    /// The module and the level of a line.
    fn read(&mut self, line: &str) -> (Option<String>, Option<Level>) {
        let batch = parsed_batch(&mut self.parser, line);
        let fields = batch.fields(0);
        let learned = self.columns.read(&fields);
        let fields = learned.as_ref().map_or(fields, |learned| fields.with_parsed(learned));
        let module = fields.text(Role::Module).map(|name| name.into_owned());
        assert_eq!(fields.hash(Role::Module).is_some(), module.is_some(), "{line}");
        (module, fields.level())
    }
}

fn time(i: u64) -> String {
    format!("2026-03-02 {:02}:{:02}:{:02}", 8 + i / 3_600 % 12, i / 60 % 60, i % 60)
}

/// Streams of 2,000 lines with something else in the place of the module in each line, or in each
/// few lines: none of the last 500 has a module.
#[test]
fn what_is_new_in_each_line_is_no_module() {
    type Write = fn(u64, &mut Drawn) -> String;
    let streams: [(&str, Write); 7] = [
        ("two words", |i, drawn| {
            format!("{} INFO [{}-{}] started", time(i), drawn.word(LETTERS, 5), drawn.word(LETTERS, 4))
        }),
        ("one word", |i, drawn| format!("{} [{}] WARN retry of the upload", time(i), drawn.word(LETTERS, 9))),
        ("base32", |i, drawn| {
            format!("{} ERROR u{}: no seat left", time(i), drawn.word("abcdefghijklmnopqrstuvwxyz234567", 8))
        }),
        ("behind a dash", |i, drawn| format!("{} INFO sess_{} - opened", time(i), drawn.word(LETTERS, 7))),
        ("without a time", |_, drawn| format!("INFO [{}] cart put", drawn.word("bcdfghjkmnpqrstvwxz", 6))),
        ("capitals", |i, drawn| {
            format!("[{}] [INFO] [{}] message taken", time(i), drawn.word("ABCDEFGHJKMNPQRSTVWXYZ", 7))
        }),
        // The lines of one request share its name.
        ("four lines each", |i, _| format!("{} INFO [{}] step done", time(i), Drawn(i / 4).word(LETTERS, 8))),
    ];
    for (name, write) in streams {
        let (mut reader, mut drawn) = (Reader::new(), Drawn(7));
        let modules: Vec<_> = (0..2_000).map(|i| reader.read(&write(i, &mut drawn)).0).collect();
        let early = modules[..200].iter().flatten().count();
        assert!(early >= 190, "{name} is no stream of modules: {early}");
        let late = modules[1_500..].iter().flatten().count();
        assert_eq!(late, 0, "{name}: {:?}", modules[1_999]);
    }
}

/// As many lines whose modules vary, also widely, keep them all.
#[test]
fn modules_that_vary_remain_modules() {
    let named = |number: u64| {
        format!("{}{}", Drawn(number * 31 + 5).word("bdglmvz", 9), ["-svc", "_job", "", ""][number as usize % 4])
    };
    type Choose = fn(u64, &mut Drawn) -> u64;
    let streams: [(&str, Choose); 6] = [
        ("200 modules", |_, drawn| drawn.below(200)),
        ("600 modules", |_, drawn| drawn.below(600)),
        ("1,000 modules", |_, drawn| drawn.below(1_000)),
        ("a long tail", |_, drawn| 3_000 / (1 + drawn.below(3_000))),
        ("three in turn", |i, _| i % 3),
        ("each for a while", |i, _| i / 50),
    ];
    for (name, choose) in streams {
        let (mut reader, mut drawn) = (Reader::new(), Drawn(11));
        for i in 0..10_000 {
            let module = named(choose(i, &mut drawn));
            let line = format!("{} INFO [{module}] request done", time(i));
            assert_eq!(reader.read(&line).0, Some(module), "{name}, line {i}");
        }
    }
}

/// 2,000 honest streams of 500 and 1,000 equally busy modules: the share of windows that take them
/// for identifiers is what the head of the file says.
#[test]
fn a_window_errs_as_seldom_as_is_said() {
    let wrong = |modules: u64| {
        let mut drawn = Drawn(modules);
        let mut errs = |_| {
            let mut place = ModulePlace::default();
            while place.pause == 0 {
                place.see(drawn.below(modules) as u32);
            }
            place.is_id
        };
        (0..2_000).filter(|i: &u32| errs(*i)).count()
    };
    assert_eq!((wrong(500), wrong(1_000)), (0, 0));
    // Words of a dictionary, drawn: two windows of three find them.
    let found = wrong(5_000);
    assert!((1_000..1_900).contains(&found), "{found}");
}

/// A word that is always a level's, in a place where one line cannot tell.
#[test]
fn a_word_that_is_always_a_level_is_the_level() {
    type Write = fn(u64, &str) -> String;
    let streams: [(&str, Write); 5] = [
        ("second", |i, level| format!("{} cart {level} connection {} lost", time(i), i * 7)),
        ("third", |i, level| format!("{} web-{} cart {level} sold {i} seats", time(i), i % 3)),
        ("after dashes", |i, level| format!("{} - orders placed - {level} - order {i} taken", time(i))),
        ("in a word", |i, level| format!("{} queue {level}, {i} left", time(i))),
        ("syslog", |i, level| {
            format!("Mar  2 08:{:02}:{:02} web1 shop[7]: job{i} {level} took {i} rows", i / 60 % 60, i % 60)
        }),
    ];
    let levels = ["info", "info", "warn", "info", "error"];
    for (name, write) in streams {
        let mut reader = Reader::new();
        for i in 0..400_u64 {
            let word = levels[i as usize % levels.len()];
            let (_, level) = reader.read(&write(i, word));
            let expected = (i >= 63).then(|| Level::from_text(word.as_bytes()).unwrap());
            assert_eq!(level, expected, "{name}, line {i}: {}", write(i, word));
        }
    }
}

/// Its quiet twins: the word is a level's in many lines, or always the same.
#[test]
fn a_word_of_sentences_is_no_level() {
    type Write = fn(u64) -> String;
    let streams: [(&str, Write); 5] = [
        ("nine in ten", |i| {
            format!(
                "{} disk {} on sda{i}",
                time(i),
                ["error", "warn", "error", "error", "warn", "error", "error", "full", "error", "warn"][i as usize % 10]
            )
        }),
        ("always error", |i| format!("{} db error {i}", time(i))),
        ("one in three", |i| format!("{} job {} {i}", time(i), ["info", "started", "error"][i as usize % 3])),
        ("numbers", |i| format!("{} cart {} lost", time(i), i % 8)),
        ("two templates", |i| {
            format!(
                "{} {}",
                time(i),
                ["read error on disk", "wrote warn mark", "done with all of it", "read info block"][i as usize % 4]
            )
        }),
    ];
    for (name, write) in streams {
        let mut reader = Reader::new();
        for i in 0..2_000 {
            assert_eq!(reader.read(&write(i)).1, None, "{name}: {}", write(i));
        }
    }
}

/// A restart goes on with what was learned, and a stream that changes is learned anew.
#[test]
fn it_survives_a_restart_and_learns_again() {
    let (mut reader, mut drawn) = (Reader::new(), Drawn(3));
    let mut line = |i: u64| format!("{} INFO [{}] started", time(i), drawn.word(LETTERS, 9));
    (0..300).for_each(|i| _ = reader.read(&line(i)));
    let kept = super::super::snapshot::pack(&reader.columns.snapshot());
    let mut again = Reader::new();
    again.columns.restore(super::super::snapshot::unpack(&kept).unwrap());
    assert_eq!(again.read(&line(300)).0, None);
    let modules: Vec<_> =
        (0..8_000).map(|i| again.read(&format!("{} INFO [mod{}x] started", time(i), i * i % 300)).0).collect();
    assert!(modules[..500].iter().all(Option::is_none) && modules[6_000..].iter().all(Option::is_some));
}

/// What lines say for themselves is asked of no table.
#[test]
fn what_a_line_tells_is_not_learned() {
    let mut reader = Reader::new();
    for line in [
        r#"{"message":"m","module":"amber-fox"}"#,
        "2026-03-02 08:00:00 INFO com.shop.Cart - sold",
        "2026-03-02 08:00:00 INFO sold module=amber-fox",
        "plain text",
    ] {
        reader.read(line);
    }
    assert_eq!((reader.columns.modules.len(), reader.columns.levels.len()), (0, 0));
}
