use super::*;
use crate::engine::finding::{DetectorName, Evidence, Key, Measured};
use crate::engine::finding::{Severity, State};
use crate::event::lines::Lines;
use crate::event::time::TimeContext;
use crate::event::{Batch, EventParser, Timestamp, roles::Names};

fn shown(line: &str, colour: bool) -> String {
    let names = Names::defaults("anomalies");
    let mut batch = Batch { filled: line.len(), bytes: line.as_bytes().to_vec(), ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    EventParser::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap()).parse(&mut batch);
    let mut out = Vec::new();
    Screen { colour }.event(&batch.fields(0), &mut out);
    String::from_utf8(out).unwrap()
}

fn finding(state: State) -> Finding {
    Finding {
        language: crate::narrate::Language::En,
        id: "0".repeat(16),
        said_at: Timestamp::from_seconds(1_700_000_000),
        detector: DetectorName::Loop,
        kind: "exact".into(),
        rule: None,
        state,
        severity: Severity::Critical,
        respond_within: None,
        key: Key::default(),
        opened_at: Timestamp::default(),
        duration_s: None,
        count: 8,
        score: 0.5,
        summary: "the same line \x1b]0;title\x07".into(),
        measured: Measured::default(),
        evidence: Evidence::default(),
        explained_by: None,
        cause: Some("port\nin use".into()),
        remedy: Some("free it".into()),
        context: Vec::new(),
        situation: None,
    }
}

const EVENT: &str =
    r#"{"time":"2026-03-02T08:41:12.204Z","level":"error","module":"web","message":"no \u001b[2J route\n  at main"}"#;

#[test]
fn an_event_is_time_level_module_and_message() {
    assert_eq!(shown(EVENT, false), "08:41:12.204 ERROR web  no \\u{1b}[2J route\n        at main\n");
    assert_eq!(
        shown(EVENT, true),
        "\x1b[2m08:41:12.204\x1b[0m \x1b[31mERROR\x1b[0m \x1b[36mweb\x1b[0m  no \\u{1b}[2J route\n        at main\n"
    );
}

#[test]
fn other_lines_are_as_they_came_without_control_characters() {
    for (line, as_shown) in [
        ("2026-03-02 08:41:12 WARN it\tis \x1b[31mred\n", "2026-03-02 08:41:12 WARN it\tis \\u{1b}[31mred\n"),
        ("plain \u{202e}text", "plain \\u{202e}text\n"),
        ("{\"a\":1}\n", "{\"a\":1}\n"),
        ("{\"a\":\n", "{\"a\":\n"),
        ("\u{9b}31m\r\n", "\\u{9b}31m\n"),
        ("\n", "\n"),
    ] {
        assert_eq!(shown(line, true), as_shown, "{line:?}");
    }
}

#[test]
fn a_finding_is_indented_and_tells_cause_and_remedy() {
    let mut out = Vec::new();
    Screen { colour: false }.finding(&finding(State::Open), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().all(|line| line.starts_with("    ")), "{text}");
    for part in ["critical  loop/exact: the same line \\u{1b}]0;title\\u{7}", "cause: port\\nin use", "remedy: free it"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(
        !text.contains('\x1b')
            && describe(&finding(State::Open), Paint { colour: true }).contains("\x1b[1;31mcritical")
    );
    assert!(describe(&finding(State::Resolved), Paint { colour: true }).contains("\x1b[32mresolved"));
}

#[test]
fn colour_is_for_terminals_unless_asked_otherwise() {
    let no = Some(std::ffi::OsStr::new("1"));
    for (color, is_terminal, no_color, screen) in [
        (Color::Auto, true, None, Some(true)),
        (Color::Auto, true, no, Some(false)),
        (Color::Auto, true, Some(std::ffi::OsStr::new("")), Some(true)),
        (Color::Auto, false, None, None),
        (Color::Never, true, None, Some(false)),
        (Color::Never, false, None, None),
        (Color::Always, false, no, Some(true)),
    ] {
        let made = Screen::for_output(color, is_terminal, no_color).map(|screen| screen.colour);
        assert_eq!(made, screen, "{color:?} {is_terminal}");
    }
}
