use super::*;
use crate::engine::testing;
use crate::event::msgpack_record;

/// Returns the indexes of lines that are events of their own, and the traces among them: level and
/// exception, or `=`, level and message of an event that was held back.
fn events(text: &str) -> (Vec<usize>, Vec<String>) {
    let batch = testing::parsed_batch(&mut testing::parser(), text);
    let (mut traces, mut own) = (StackTraceAssembler::default(), Vec::new());
    for i in 0..batch.records.len() {
        let fields = batch.fields(i);
        if matches!(fields.parsed().shape, Shape::Text | Shape::Json) && !traces.goes_on(&fields, Timestamp(0)) {
            own.push(i);
        }
    }
    traces.tick(Timestamp(2_000_000_000));
    let told = traces.take_ended().into_iter().map(|trace| {
        let level = |level: Option<Level>| level.map_or("-", Level::name);
        match &trace.event {
            None => format!("{} {}", level(trace.head.level), trace.stack.exception),
            Some(event) => {
                let fields = event.fields();
                format!("={} {}", level(fields.level()), fields.text(Role::Message).unwrap())
            }
        }
    });
    (own, told.collect())
}

/// `lines` after enough lines with a header for the stream to be regular.
fn regular(lines: &str) -> String {
    let usual: String =
        (0..40).map(|i| format!("2026-03-02 08:00:{i:02} INFO [main] c.f.Web - served {i}\n")).collect();
    usual + lines
}

const JAVA: &str = "java.io.IOException: closed\n\tat c.f.Queue.take(Queue.java:42)\n\t... 23 more\n\
                    Caused by: a.BException\n\tat c.D.e(D.java:1)\n";
const PYTHON: &str = "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    g()\nKeyError: 1\n";
const GO: &str = "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\n";
const RUST: &str = "thread 'main' (7) panicked at src/x.rs:1:2:\nno\nnote: run with `RUST_BACKTRACE=1` environment\n";
const NODE: &str = "TypeError: x is not a function\n    at f (/app/x.js:3:11)\n    at g (/app/x.js:9:1)\n";
const DOTNET: &str = "Unhandled exception. System.IO.IOException: no\n   at A.B.C() in C:\\x.cs:line 3\n";
const RUBY: &str = "app.rb:3:in 'run': no stock (RuntimeError)\n\tfrom app.rb:9:in '<main>'\n";

/// A trace without a level is an ERROR of its own, whatever precedes it.
#[test]
fn a_trace_without_a_level_is_an_error() {
    for (trace, said) in [
        (JAVA, "java.io.IOException: closed"),
        (PYTHON, "KeyError: 1"),
        (GO, "panic: boom"),
        (RUST, "thread 'main' (7) panicked at src/x.rs:1:2:"),
        (NODE, "TypeError: x is not a function"),
        (DOTNET, "Unhandled exception. System.IO.IOException: no"),
        (RUBY, "app.rb:3:in 'run': no stock (RuntimeError)"),
    ] {
        let level = if trace == GO { "FATAL" } else { "ERROR" };
        assert_eq!(events(trace), (vec![], vec![format!("={level} {said}")]), "{trace}");
        for level in ["INFO", "DEBUG", "WARN", "ERROR"] {
            let line = format!("2026-03-02 08:00:01 {level} [main] c.f.Web - served\n");
            let (own, told) = events(&format!("{line}{trace}{line}"));
            let uncaught = matches!(trace, GO | RUST | DOTNET | RUBY) || level == "INFO";
            assert_eq!((own.len(), told.len()), (2, 1), "{level} {trace}: {told:?}");
            // Traces that loggers print below a line have the level of that line.
            assert_eq!(told[0].starts_with('='), uncaught, "{level} {trace}: {told:?}");
            assert!(uncaught || told[0].starts_with(level), "{level} {trace}: {told:?}");
        }
    }
}

/// A stack printed for information, or frames directly below a line, belong to that line.
#[test]
fn what_belongs_to_a_line_has_its_level() {
    let line = |level: &str, text: &str| format!("2026-03-02 08:00:01 {level} [main] c.f.Web - {text}\n");
    let frames = "\tat c.f.Queue.take(Queue.java:42)\n";
    for level in ["INFO", "DEBUG", "WARN", "ERROR"] {
        let (own, told) = events(&format!("{}{frames}", line(level, "java.lang.Exception: where am I")));
        assert_eq!((own, told), (vec![0], vec![format!("{level} java.lang.Exception")]), "{level}");
    }
    // Each line has a header of the transport: the program gave no level.
    for (pri, told) in [(14, "- "), (11, "ERROR "), (15, "DEBUG ")] {
        let lines = ["java.io.IOException: closed", "\tat c.f.Queue.take(Queue.java:42)", "\tat c.f.X.y(X.java:1)"];
        let text: String = lines.map(|text| format!("<{pri}>Mar  2 08:00:00 web-1 app[7]: {text}\n")).concat();
        let (own, got) = events(&text);
        assert_eq!((own.len(), got), (1, vec![format!("{told}java.io.IOException")]), "{pri}");
    }
}

/// Lines that may begin a trace but do not are events, reported late.
#[test]
fn what_turns_out_to_be_no_trace_is_an_event() {
    for line in ["ValueError: bad", "goroutine 7 [idle]:", "/app/server.js:12", "panic: false"] {
        let said = if line.starts_with("panic") { "=FATAL panic: false".to_owned() } else { format!("=- {line}") };
        assert_eq!(events(&format!("{line}\n")), (vec![], vec![said.clone()]), "{line}");
        let (own, told) = events(&format!("{line}\nplain words\n"));
        let taken = line.starts_with('/');
        assert_eq!((own.len(), told), (usize::from(!taken), vec![said]), "{line}");
    }
    for line in [
        "Error: no such file",
        "Warning: low",
        "config: panic: off",
        "articles about SIGSEGV",
        "an Exception is thrown",
        "Tracebacks: 0",
        "thread 'x' ok",
    ] {
        assert_eq!(events(&format!("{line}\n")), (vec![0], vec![]), "{line}");
    }
}

/// Headers with a time and no level, and with a level and no time.
#[test]
fn loggers_of_few_words_head_traces() {
    let served = "2026/03/02 09:15:00 http: panic serving 10.0.0.1:5: boom\ngoroutine 34 [running]:\n\
                  net/http.(*conn).serve.func1()\n\t/usr/local/go/src/net/http/server.go:1868 +0xb0\n";
    let (own, told) = events(&format!("{served}2026/03/02 09:15:01 listening\n"));
    assert_eq!((own, told.len()), (vec![4], 1), "{told:?}");
    assert!(told[0].starts_with("=ERROR") && told[0].ends_with("panic serving 10.0.0.1:5: boom"), "{told:?}");
    for (label, level) in [("fail", "ERROR"), ("warn", "WARN")] {
        let console = format!(
            "{label}: Shop.Api.Carts[13]\n      Cannot add.\n      System.InvalidOperationException: no\n\
             {0}at Shop.Db.Ask() in /src/Db.cs:line 3\n      --- End of stack trace from previous location ---\n\
             {0}at Shop.Api.Get()\ninfo: Shop.Api.Carts[14]\n",
            "         "
        );
        assert_eq!(events(&console).1, [format!("{level} System.InvalidOperationException")], "{console}");
    }
}

#[test]
fn traces_in_envelopes_are_those_without() {
    for (trace, said) in
        [(JAVA, "java.io.IOException: closed"), (GO, "panic: boom"), (NODE, "TypeError: x is not a function")]
    {
        let lines = || trace.lines().filter(|line| !line.is_empty());
        let cri: String = lines().map(|line| format!("2026-03-02T08:00:00.1Z stderr F {line}\n")).collect();
        let docker: String = lines()
            .map(|line| {
                let log = serde_json::Value::String(format!("{line}\n"));
                format!("{{\"log\":{log},\"stream\":\"stderr\",\"time\":\"2026-03-02T08:00:00.1Z\"}}\n")
            })
            .collect();
        for text in [cri, docker] {
            let (own, told) = events(&text);
            assert_eq!((own.len(), told.len()), (0, 1), "{text}: {told:?}");
            let level = if trace == GO { "FATAL" } else { "ERROR" };
            assert_eq!(told[0].trim_end(), format!("={level} {said}"), "{text}");
        }
        // Below a line of the program at WARN the exception is handled.
        let head = "2026-03-02 08:00:00 WARN [main] c.f.Web - tried again";
        let cri: String =
            [head].into_iter().chain(lines()).map(|line| format!("2026-03-02T08:00:00.1Z stdout F {line}\n")).collect();
        let (own, told) = events(&cri);
        assert_eq!((own.len(), told[0].starts_with("WARN")), (1, trace != GO), "{told:?}");
    }
}

/// In a regular stream, a line without a header is no event of its own.
#[test]
fn lines_without_a_header_belong_to_the_line_before() {
    let statement = "2026-03-02 08:01:00 INFO [main] c.f.Db - ran\nselect *\n  from carts\nwhere id = 3\n";
    assert_eq!(events(&regular(statement)).0.len(), 41);
    assert_eq!(events(statement).0.len(), 4);
    // The text of an exception over several lines, and lines after its frames.
    let text = "2026-03-02 08:01:00 ERROR [main] c.f.Db - no\norg.x.DataException: one\ntwo\n\tat a.B.c(B.java:1)\n\
                and more\nCaused by: a.B: three\n\tat a.B.d(B.java:2)\n";
    let (own, told) = events(&regular(text));
    assert_eq!((own.len(), told), (41, vec!["ERROR org.x.DataException".to_owned()]));
    // A crash does not belong to the line before; nor does a line with a level or with the result
    // of a call.
    let (own, told) = events(&regular(&format!("{GO}ERROR: cannot bind\n")));
    assert_eq!((own.len(), told), (41, vec!["=FATAL panic: boom".to_owned()]));
    // In a stream with many lines without a header, all lines are events.
    let mixed: String =
        (0..60).map(|i| format!("2026-03-02 08:00:{i:02} INFO [main] c.f.Web - served\nworking on {i}\n")).collect();
    assert!(events(&mixed).0.len() > 115, "{}", events(&mixed).0.len());
    // After a JSON object they belong to another writer.
    let json: String = (0..60).map(|i| format!("{{\"level\":\"info\",\"msg\":\"served {i}\"}}\n")).collect();
    assert_eq!(events(&format!("{json}working\n")).0.len(), 61);
}

#[test]
fn headers_are_known_after_a_restart() {
    let batch = testing::parsed_batch(&mut testing::parser(), &regular("select *\nfrom carts\n"));
    let (mut before, mut after) = (StackTraceAssembler::default(), StackTraceAssembler::default());
    for i in 0..40 {
        assert!(!before.goes_on(&batch.fields(i), Timestamp(0)));
    }
    after.restore(before.snapshot());
    // The first line with a header identifies the stream.
    assert!(!after.goes_on(&batch.fields(39), Timestamp(0)));
    assert!(after.goes_on(&batch.fields(40), Timestamp(0)) && after.goes_on(&batch.fields(41), Timestamp(0)));
}

#[test]
fn a_rule_tells_of_a_trace_once() {
    let batch = testing::parsed_batch(&mut testing::parser(), &format!("{GO}plain\n"));
    let mut traces = StackTraceAssembler::default();
    for i in 0..batch.records.len() {
        let fields = batch.fields(i);
        if fields.parsed().shape == Shape::Text {
            traces.goes_on(&fields, Timestamp(0));
            let first = traces.is_first_of("panics");
            assert_eq!(first, i == 0 || i == batch.records.len() - 1, "line {i}");
        }
    }
    assert!(traces.take_ended()[0].told);
}

#[test]
fn physical_lines_are_one_event() {
    let head = "2026-03-02 08:00:01 ERROR [main] c.f.Queue - take failed\n";
    let (own, told) = events(&format!("{head}{JAVA}2026-03-02 08:00:02 INFO [main] c.f.Queue - next\n{head}{JAVA}"));
    assert_eq!(own, [0, 6, 7]);
    assert_eq!(told, ["ERROR java.io.IOException", "ERROR java.io.IOException"]);
}

#[test]
fn interleaved_actors_keep_their_own_traces() {
    let line =
        |thread: &str, text: &str| format!("{{\"thread\":\"{thread}\",\"level\":\"ERROR\",\"log\":\"{text}\"}}\n");
    let text: String =
        [("a", "boom"), ("a", "\\tat x.Y.z(Y.java:1)"), ("b", "work"), ("a", "\\tat x.Y.z(Y.java:2)\\n"), ("a", "on")]
            .map(|(thread, text)| line(thread, text))
            .concat();
    let (own, told) = events(&text);
    assert_eq!((own, told), (vec![0, 2, 4], vec!["ERROR ".to_owned()]));
}

#[test]
fn a_field_may_hold_a_whole_trace() {
    let stack = |line: &str| {
        let found = in_field(&testing::parsed_batch(&mut testing::parser(), line).fields(0));
        // The same in MessagePack gives the same result.
        assert_eq!(
            in_field(&msgpack_record::tests::parsed_batch(&[], &msgpack_record::tests::pack(line)).fields(0)),
            found,
            "{line}"
        );
        found
    };
    let inside = r#"{"level":"ERROR","message":"x","error":{"stack":"TypeError: y\n    at f (/a.js:1:2)"}}"#;
    assert_eq!(stack(inside).unwrap().exception, "TypeError");
    let message = r#"{"level":"ERROR","message":"a.BError: c\n\tat d.E.f(E.java:9)"}"#;
    assert_eq!(stack(message).unwrap().frames, 1);
    let in_log = serde_json::json!({"log": message, "stream": "stdout"}).to_string();
    assert_eq!(stack(&in_log).unwrap().frames, 1);
    let cri = format!("2026-03-02T08:00:00Z stdout F {message}");
    assert_eq!(in_field(&testing::parsed_batch(&mut testing::parser(), &cri).fields(0)).unwrap().frames, 1);
    assert_eq!(stack(&inside.replace("ERROR", "INFO")), None);
}

/// One frame an element, as NLog and others write stacks.
#[test]
fn a_stack_as_an_array_is_a_stack() {
    for (line, exception, frames) in [
        (
            r#"{"level":"ERROR","message":"no","stack":["TypeError: x is not a function","at f (/app/x.js:3:11)","at g (/app/x.js:9:1)"]}"#,
            "TypeError",
            2,
        ),
        (
            r#"{"level":"ERROR","message":"no","stack_trace": [ "java.io.IOException: closed", "    at a.B.c(B.java:1)" ]}"#,
            "java.io.IOException",
            1,
        ),
        (
            r#"{"message":"no","exception":["a.BException","\tat c.D.e(D.java:1)","\tat c.D.f(D.java:2)"]}"#,
            "a.BException",
            2,
        ),
        (r#"{"level":"ERROR","message":"no","tags":["at home","at work"]}"#, "", 0),
        (r#"{"level":"ERROR","message":"no","stack":[1,"at f (/app/x.js:3:11)"]}"#, "", 0),
        (r#"{"level":"INFO","message":"no","stack":["at f (/app/x.js:3:11)"]}"#, "", 0),
    ] {
        let batch = testing::parsed_batch(&mut testing::parser(), line);
        let stack = in_field(&batch.fields(0)).unwrap_or_default();
        assert_eq!((stack.exception.as_str(), stack.frames as usize), (exception, frames), "{line}");
    }
}

/// Whether a message is of JSON does not depend on what stands before it in its batch, and
/// logfmt's and access logs' quotes are none of JSON.
#[test]
fn a_message_in_quotes_is_no_json_by_its_quotes() {
    for (line, nested) in [
        (r#"{"log":"{\"msg\":\"inner\",\"module\":\"db\"}\n","host":"n2"}"#, true),
        (r#"2026-03-02 08:00:00 INFO {"msg":"inner"}"#, true),
        (r#"{"log":"time=2026-03-02T08:00:00Z msg=\"said so\""}"#, false),
        (r#"level=info msg="said so" port=7"#, false),
        (r#"{"log":"2026-03-02 08:00:00 ERROR db - gone\n"}"#, false),
        (r#"{"message":"plain"}"#, false),
    ] {
        for before in ["", "{\"log\":\"a\\\"\"}\n", "{\"log\":\"\\\"\"}\n"] {
            let batch = testing::parsed_batch(&mut testing::parser(), &format!("{before}{line}"));
            let last = batch.parsed.last().unwrap();
            assert_eq!(last.message_is_nested, nested, "{line} behind {before}");
        }
    }
}

/// A held trace that comes to say something else is masked as the parser masks messages.
#[test]
fn what_a_trace_says_is_masked_as_the_parser_masks() {
    let masks = Masks::new(&["tenant-[a-z]+".to_owned()]).unwrap();
    let mut parser = testing::parser().with_masks(masks.clone());
    let text = "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    g()\nKeyError: tenant-blue\n";
    let batch = testing::parsed_batch(&mut parser, text);
    let mut traces = StackTraceAssembler::new(masks);
    (0..batch.records.len()).for_each(|i| assert!(traces.goes_on(&batch.fields(i), Timestamp(0))));
    traces.finish();
    let [trace] = &traces.take_ended()[..] else { panic!() };
    let told = trace.event.as_ref().unwrap().fields().parsed().masked_hash;
    let said =
        |line: &str, parser: &mut crate::event::EventParser| testing::parsed_batch(parser, line).parsed[0].masked_hash;
    assert_eq!(told, said("KeyError: tenant-blue", &mut parser));
    assert_eq!(told, said("KeyError: tenant-red", &mut parser));
}
