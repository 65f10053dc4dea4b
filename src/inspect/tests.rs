use super::evidence::{Evidence, Suggestion};
use super::layout_evidence::LayoutEvidence;
use super::summary::{InspectSummary, SummaryDocument};
use super::*;
use crate::command::{Loaded, load};
use crate::config::Config;
use crate::engine::rules::RuleSet;
use crate::engine::template::Templates;
use crate::event::Batch;
use crate::event::lines::Lines;

fn loaded(toml: &str) -> Loaded {
    Loaded::new(Config::parse("s.toml", toml).unwrap(), RuleSet::empty())
}

/// Parses the lines and returns the summary with its suggestions.
fn summary(toml: &str, lines: &[String]) -> SummaryDocument {
    let loaded = loaded(toml);
    let text = lines.join("\n");
    let mut batch = Batch { bytes: text.clone().into_bytes(), filled: text.len(), ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    loaded.parser().unwrap().parse(&mut batch);
    let (mut inspector, evidence) = (loaded.inspector().unwrap(), Evidence::new(loaded.time_context().unwrap()));
    let layout = LayoutEvidence::new(loaded.time_context().unwrap());
    let mut summary = InspectSummary::new(evidence, layout, Templates::new(1_000, &Default::default()));
    summary.file("test.log");
    for i in 0..batch.records.len() {
        let fields = batch.fields(i);
        let reading = inspector.read(&fields);
        summary.line(&fields, fields.time().unwrap_or_default(), &reading);
    }
    summary.finish()
}

fn suggested(lines: &[String]) -> Vec<String> {
    summary("", lines).suggestions.into_iter().map(|of| format!("{} {}", of.role.name(), of.member)).collect()
}

fn repeat(count: usize, line: impl Fn(usize) -> String) -> Vec<String> {
    (0..count).map(line).collect()
}

#[test]
fn members_are_suggested_by_their_values() {
    for (lines, expected) in [
        // A proxy that writes its time under a name of its own, and one that writes nothing but the
        // time.
        (
            repeat(30, |i| {
                format!(r#"{{"stampOfRequest":"2026-03-02T09:00:{i:02}Z","message":"served {i}","level":"info"}}"#)
            }),
            vec!["timestamp stampOfRequest"],
        ),
        (
            repeat(30, |i| format!(r#"{{"zeit":"2026-03-02 09:00:{i:02}","message":"x {i}","level":"info"}}"#)),
            vec!["timestamp zeit"],
        ),
        (
            repeat(30, |i| format!(r#"{{"epoch_s":{},"message":"x {i}","level":"info"}}"#, 1_772_442_000 + i)),
            vec!["timestamp epoch_s"],
        ),
        // Levels under an unusual name.
        (
            repeat(30, |i| {
                let level = ["INFO", "WARN", "ERROR"][i % 3];
                format!(r#"{{"time":"2026-03-02T09:00:{i:02}Z","message":"x {i}","gravity":"{level}"}}"#)
            }),
            vec!["level gravity"],
        ),
        // A status, a duration and a message under unusual names.
        (
            repeat(30, |i| {
                format!(
                    r#"{{"time":"2026-03-02T09:00:{i:02}Z","level":"info","answer_code":{},"took_in_all":{i},"wording_text":"request {i} done"}}"#,
                    [200, 404][i % 2]
                )
            }),
            vec!["message wording_text", "duration took_in_all", "status answer_code"],
        ),
    ] {
        let found = suggested(&lines);
        assert!(expected.iter().all(|wanted| found.contains(&(*wanted).to_owned())), "{found:?} of {}", lines[0]);
        assert_eq!(found.len(), expected.len(), "{found:?} of {}", lines[0]);
    }
}

/// Each of these members looks like a role but is none.
#[test]
fn what_only_looks_like_a_role_is_not_suggested() {
    for lines in [
        // Expiry dates, in no order.
        repeat(30, |i| format!(r#"{{"not_on_or_after":"20{:02}-03-02T09:00:00Z","message":"x"}}"#, 10 + i * 7 % 50)),
        repeat(30, |i| format!(r#"{{"released":"20{:02}-03-02","message":"x"}}"#, 10 + i * 7 % 50)),
        // Numbers that look like epoch times by chance.
        repeat(30, |i| format!(r#"{{"order":{},"message":"x"}}"#, 1_772_442_000 + i)),
        // A word that can be a level but means something else.
        repeat(30, |_| r#"{"result":"failure","message":"x"}"#.to_owned()),
        repeat(30, |i| format!(r#"{{"grade":"{}","message":"x"}}"#, ["A", "C", "D"][i % 3])),
        // A limit, and an exit code.
        repeat(30, |i| format!(r#"{{"timeout_millis":{},"message":"x"}}"#, 100 + i)),
        repeat(30, |i| format!(r#"{{"exit_code":{},"message":"x"}}"#, i % 3)),
    ] {
        assert_eq!(suggested(&lines), Vec::<String>::new(), "{}", lines[0]);
    }
}

#[test]
fn what_is_suggested_can_be_pasted_and_helps() {
    let lines = repeat(40, |i| {
        format!(
            r#"{{"stamp.of \"x\"":"2026-03-02T09:00:{i:02}Z","sev":{{"label":"{}"}},"text":"item {i} is gone"}}"#,
            ["warning", "error"][i % 2]
        )
    });
    let before = summary("", &lines);
    assert_eq!(before.roles["timestamp"].events, 0);
    let toml = before.toml.unwrap();
    let after = summary(&toml, &lines);
    for role in ["timestamp", "level", "message"] {
        assert_eq!(after.roles[role].events, 40, "{role} by\n{toml}");
    }
    assert!(after.suggestions.is_empty() && after.toml.is_none() && after.unread_shapes.is_empty());
}

#[test]
fn a_layout_is_suggested_where_all_lines_agree() {
    let level = |i: usize| ["INFO", "ERROR", "WARN"][i % 3];
    for (lines, expected) in [
        (
            repeat(40, |i| format!("#{}##2026-03-02 09:00:{i:02}## order {i} taken", level(i))),
            Some("#{level}##{time}## {message}"),
        ),
        (
            repeat(40, |i| format!("=> at 2026-03-02 09:00:{i:02} =>> {} =>> order {i}", level(i))),
            Some("=> at {time} =>> {level} =>> {message}"),
        ),
        // Lines of which some do not fit the pattern, lines with the level in the message, and
        // lines that have only one level.
        (
            repeat(40, |i| {
                if i % 4 == 0 { format!("order {i}") } else { format!("#{}#2026-03-02 09:00:{i:02}# x", level(i)) }
            }),
            None,
        ),
        (repeat(40, |i| format!("# order {i} at 2026-03-02 09:00:00 ended with {} there", level(i))), None),
        (repeat(40, |i| format!("# 2026-03-02 09:00:{i:02} # ERROR # order {i}")), None),
        (repeat(5, |i| format!("#{}##2026-03-02 09:00:{i:02}## order", level(i))), None),
    ] {
        assert_eq!(summary("", &lines).layout_pattern.as_deref(), expected, "{}", lines[1]);
    }
}

#[test]
fn lines_of_traces_are_no_events_and_shapes_are_counted_together() {
    let mut lines = vec![
        "2026-03-02 09:00:00 ERROR a.b.C: failed".to_owned(),
        "java.io.IOException: broken pipe".to_owned(),
        "\tat a.b.C.write(C.java:17)".to_owned(),
        "\tat a.b.C.run(C.java:9)".to_owned(),
        String::new(),
    ];
    lines.extend(repeat(5, |i| format!("unit {i} came up")));
    let found = summary("", &lines);
    assert_eq!((found.lines, found.blank_lines, found.trace_lines, found.events), (10, 1, 3, 6));
    assert_eq!(found.unread_shapes.len(), 1);
    let shape = &found.unread_shapes[0];
    assert_eq!(
        (shape.shape.as_str(), shape.events, shape.without.as_slice()),
        ("unit <*> came up", 5, &["timestamp", "level"][..])
    );
    assert_eq!(found.layouts.iter().map(|of| of.events).sum::<u64>(), found.events);
}

#[test]
fn there_is_no_evidence_without_lines() {
    let loaded = load(&Default::default()).unwrap();
    let evidence = Evidence::new(loaded.time_context().unwrap());
    assert_eq!(evidence.best(Role::Timestamp), None::<Suggestion>);
    assert_eq!(evidence.best(Role::Thread), None);
}

#[test]
fn names_of_files_can_be_pasted() {
    for (name, expected) in [
        ("app.log", "app.log"),
        ("/a b/c.log", "'/a b/c.log'"),
        ("it's", r"'it'\''s'"),
        ("", "''"),
        ("日志.log", "日志.log"),
    ] {
        assert_eq!(pasted(name), expected);
    }
}
