//! What is reported for crashes and for text that resembles them: whole streams through the engine,
//! each kind of crash with a harmless counterpart.

use crate::engine::finding::{DetectorName, Severity, State};
use crate::engine::testing::Stream;
use crate::engine::{EngineOptions, Outcome};
use crate::event::Timestamp;

/// The state after half an hour of a service whose lines have headers and that sometimes fails in
/// one way.
fn usual() -> Vec<u8> {
    let mut stream = Stream::new(&EngineOptions::default());
    for i in 0..900_i64 {
        let time = date(i * 2);
        if i % 20 == 3 {
            stream.line(&format!("{time} ERROR [main] web - take failed for {i}"));
            stream.line("java.io.IOException: closed");
            stream.line("\tat a.Q.take(Q.java:3)");
        } else {
            stream.line(&format!("{time} INFO [main] web - served {i}"));
        }
    }
    stream.engine.snapshot()
}

fn date(seconds: i64) -> String {
    let time = Timestamp::from_millis(1_772_409_600_000 + seconds * 1_000).to_string();
    time.trim_end_matches('Z').replace('T', " ")
}

/// The novelties that `text` causes after the usual lines; `@` stands for a time.
fn told(kept: &[u8], text: &str) -> Vec<(Severity, String)> {
    let mut stream = Stream::new(&EngineOptions::default());
    stream.engine.restore(kept).unwrap();
    stream.line(&format!("{} INFO [main] web - served 900", date(1_800)));
    for line in text.replace('@', &date(1_801)).lines().filter(|line| !line.is_empty()) {
        stream.line(line);
    }
    let mut outcome = Outcome::default();
    stream.engine.finish(&mut outcome);
    stream.findings.append(&mut outcome.before);
    let opened = stream.findings.iter().filter(|found| found.state == State::Open);
    opened
        .filter(|found| found.detector == DetectorName::Novelty)
        .map(|found| (found.severity, format!("{:?}", found.key)))
        .collect()
}

/// The kind, the lines, and a part of the key of the only finding; `None` where nothing must be
/// found.
const STREAMS: &[(&str, &str, Option<&str>)] = &[
    (
        "java, uncaught",
        "java.lang.NullPointerException: x is null\n\tat a.B.c(B.java:3)",
        Some("java.lang.NullPointerException"),
    ),
    ("java, at the end of the file", "Exception in thread \"main\" a.b.CException: x", Some("a.b.CException")),
    ("kotlin", "kotlin.UninitializedPropertyAccessException: y\n\tat a.B.c(B.kt:3)", Some("kotlin.Uninit")),
    ("node", "TypeError: x is not a function\n    at f (/app/x.js:3:11)", Some("TypeError")),
    (
        "node, with its source",
        "/app/x.js:3\n  f(x);\n  ^\n\nRangeError: deep\n    at f (/app/x.js:3:11)",
        Some("RangeError"),
    ),
    (
        "python",
        "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\nmyapp.errors.Oops: no",
        Some("myapp.errors.Oops"),
    ),
    ("go", "panic: no map\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1", Some("panic")),
    ("rust", "thread 'main' (7) panicked at src/x.rs:1:2:\nno", Some("panic")),
    (".net", "Unhandled exception. System.FormatException: no\n   at A.B.C()", Some("System.FormatException")),
    (
        "php",
        "PHP Fatal error:  Uncaught App\\OopsException: x in /a.php:3\nStack trace:\n#0 {main}",
        Some("OopsException"),
    ),
    ("ruby", "app.rb:3:in 'run': no stock (NoMethodError)\n\tfrom app.rb:9:in '<main>'", Some("NoMethodError")),
    ("c++", "terminate called after throwing an instance of 'std::out_of_range'\n  what():  at", Some("template")),
    ("elixir", "** (KeyError) key :x not found\n    (app 1.0) lib/x.ex:3: M.f/1", Some("KeyError")),
    (
        "an error with a new exception below",
        "@ ERROR [main] web - boom\na.NewException: x\n\tat a.B.c(B.java:3)",
        Some("template"),
    ),
    (
        "a stack in a field, no level",
        r#"{"msg":"it broke","stack":"a.NewError: x\n\tat a.B.c(B.java:3)"}"#,
        Some("a.NewError"),
    ),
    ("the same in the message", r#"{"msg":"a.NewError: x\n\tat a.B.c(B.java:3)"}"#, Some("a.NewError")),
    ("printed at debug", "@ DEBUG [main] web - here\njava.lang.Exception: where\n\tat a.B.c(B.java:3)", None),
    ("a thread dump at info", "@ INFO [main] web - dump\n\tat a.B.c(B.java:3)\n\t- locked <0x1> (a X)", None),
    ("a stack in a field at info", r#"{"level":"info","msg":"x","stack":"a.NewError: x\n\tat a.B.c(B.java:3)"}"#, None),
    ("talk of a panic", "@ INFO [main] docs - viewed: panic: what is a SIGSEGV", None),
    ("talk of an exception", "@ INFO [main] docs - viewed java.lang.OutOfMemoryError", None),
    ("a setting", "panic_on_oom: false", None),
    ("a statement", "@ INFO [main] db - ran\nselect Error: from\n  carts", None),
    ("a name alone", "ValueError", None),
    ("a place alone", "/app/server.js:12", None),
];

#[test]
fn each_crash_is_told_once_and_talk_of_it_is_not() {
    let kept = usual();
    let mut wrong = String::new();
    for (kind, text, want) in STREAMS {
        let told = told(&kept, text);
        let right = match want {
            Some(name) => {
                matches!(&told[..], [(severity, key)] if *severity >= Severity::Warning && key.contains(name))
            }
            None => told.is_empty(),
        };
        if !right {
            wrong += &format!("{kind}: {told:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A handled exception is reported at the level that the program gave it.
#[test]
fn a_handled_exception_is_a_warning() {
    let kept = usual();
    for trace in [
        "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\nsmtplib.Gone: x",
        "a.NewException: x\n\tat a.B.c(B.java:3)",
    ] {
        let told = told(&kept, &format!("@ WARN [main] web - tried again\n{trace}"));
        assert!(matches!(&told[..], [(Severity::Info, _)]), "{told:?}");
    }
}
