//! Traces as programs write them (`kinds.txt`): what goes on, what is an event of its own, which
//! exception it is of and how many frames it has.

use super::{Begin, StackReader, TraceState, stack_in, step};

/// What looks like a trace and is none.
const QUIET: &[&str] = &[
    "at last (finally) we are done",
    "  at noon: 12 orders",
    "  in short (see above)",
    "  bei Fragen (siehe oben)",
    "#1 choice (of many)",
    "#12 merged: at last",
    "  #0 of 3 parts",
    "panicked customers called",
    "goroutine pool [small]: 3",
    "thread 'x' started (12)",
    "Caused by a typo",
    "  Suppressed nothing",
    "from app.rb to app.py",
    "Errors: 3",
    "Error rate 3 %",
    "TypeErrors are counted",
    "Tracebacks are kept for a week",
    "** important **",
    "== end of report ==",
    "terminated by user",
    "note: run with --verbose",
    "  lib/x.ex was changed",
    "/app/server.js was loaded",
    "/var/log/app.log:3",
    "listening on http://0.0.0.0:8080",
    "served /index.js:12 ms",
    "... 5 of 9 done",
    "--- a/file.rs",
    "Stack traces are off",
    "fatality: none",
];

#[test]
fn each_kind_is_one_event() {
    let kinds: Vec<_> = include_str!("kinds.txt").split("\n# ").skip(1).collect();
    assert!(kinds.len() > 50, "only {} kinds", kinds.len());
    let wrong: String = kinds.into_iter().filter_map(wrong_with).collect();
    assert!(wrong.is_empty(), "{wrong}");
}

fn wrong_with(kind: &str) -> Option<String> {
    let (title, text) = kind.trim_end().split_once('\n')?;
    let (mut state, mut reader) = (TraceState::Outside, None::<StackReader>);
    for written in text.lines() {
        let (mark, line) = written.split_at(1);
        let (line, was) = (line.as_bytes(), state);
        let step = step(state, line);
        state = step.place;
        let taken = reader.as_mut().map_or(step.continues, |reader| reader.take(line));
        if step.continues != (mark == ">") || taken != step.continues {
            return Some(format!("{title}: {written:?} at {was:?}\n"));
        }
        reader.get_or_insert_with(|| StackReader::new(line));
    }
    let stack = reader?.stack();
    // The same lines in one field say the same.
    let lines: Vec<_> = text.lines().map(|line| &line[1..]).collect();
    let inside = stack_in(lines[..lines.len() - 1].join("\n").as_bytes());
    let right = title.ends_with(&format!(": {}, {}", stack.exception, stack.frames))
        && inside == (stack.frames > 0).then_some(stack.clone());
    (!right).then(|| format!("{title}: {stack:?}, in a field {inside:?}\n"))
}

#[test]
fn talk_is_no_trace() {
    let mut wrong = String::new();
    for line in QUIET {
        let behind = |place| step(place, line.as_bytes());
        let indented = line.starts_with(' ');
        let states = [TraceState::At, TraceState::PythonEnd, TraceState::Numbered, TraceState::Ruby];
        let begins = behind(TraceState::Outside).begins;
        if begins != Begin::No
            || behind(TraceState::Outside).continues
            || (!indented && states.into_iter().any(|place| behind(place).continues))
        {
            wrong += &format!("{line:?}: {begins:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_an_exception_says_may_have_several_lines() {
    let stack =
        stack_in(b"a.B: x\norg.x.FooException: one\ntwo\nthree\n\tat a.B.c(B.java:4)\nmore\n\tat a.B.d(B.java:5)")
            .unwrap();
    assert_eq!((stack.exception.as_str(), stack.frames), ("org.x.FooException", 2));
}
