//! What a person reads in lines as programs write them, held against what is read.
//!
//! The lines are data of the project's own making: each stands for a kind, and most kinds have
//! several programs. `text.txt` has them by what the reader does, `programs.txt` by programs.

use super::lines::Lines;
use super::roles::Names;
use super::time::TimeContext;
use super::{Batch, EventParser, Fields, Role, Timestamp};

/// What one line of the data says is right of a role, and what was read.
fn is_right(role: Role, fields: &Fields<'_>, right: &str) -> Result<(), String> {
    let read = match role {
        Role::Duration => fields.told_duration_ms().map(|duration| duration.to_string()),
        Role::Status => fields.status().map(|status| status.to_string()),
        _ => fields.text(role).map(|text| text.into_owned()),
    };
    let same = match (&read, right) {
        (None, "-") => true,
        (None, _) | (Some(_), "-") => false,
        (Some(read), _) if role == Role::Duration => {
            let (read, right): (f64, f64) = (read.parse().unwrap(), right.parse().unwrap());
            (read - right).abs() <= 1e-6 * right.max(1.0)
        }
        (Some(_), _) if role == Role::Timestamp => fields.time() == right.parse::<jiff::Timestamp>().ok().map(instant),
        (Some(read), _) => read == right,
    };
    if same { Ok(()) } else { Err(format!("{} is read as {read:?}, right is {right:?}", role.name())) }
}

fn instant(time: jiff::Timestamp) -> Timestamp {
    Timestamp(i64::try_from(time.as_nanosecond()).unwrap())
}

/// The lines that are read wrong, each with what is wrong of it; and how many lines there are.
fn wrong(data: &str) -> (Vec<String>, usize) {
    let (mut wrong, mut lines, mut line) = (Vec::new(), 0, String::new());
    let names = Names::defaults("anomalies");
    for text in data.lines() {
        let Some(right) = text.strip_prefix("    ") else {
            if !(text.is_empty() || text.starts_with("# ") || text.starts_with("## ")) {
                line = text.replace("\\e", "\u{1b}");
            }
            continue;
        };
        lines += 1;
        let mut batch = Batch { filled: line.len(), bytes: line.clone().into_bytes(), ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        EventParser::new(names.clone(), "anomalies".into(), TimeContext::new("UTC", 2026).unwrap()).parse(&mut batch);
        for pair in right.split(" | ") {
            let (role, right) = pair.split_once(' ').unwrap();
            let role = Role::from_name(role).unwrap();
            if let Err(what) = is_right(role, &batch.fields(0), right) {
                wrong.push(format!("{line}\n    {what}"));
            }
        }
    }
    (wrong, lines)
}

#[test]
fn lines_of_text_are_read_as_people_read_them() {
    for (data, fewest) in [(include_str!("text.txt"), 150), (include_str!("programs.txt"), 500)] {
        let (wrong, lines) = wrong(data);
        assert!(lines > fewest, "{lines}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
