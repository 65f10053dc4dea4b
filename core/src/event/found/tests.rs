use super::super::lines::Lines;
use super::super::{Batch, EventParser};
use super::*;
use proptest::prelude::*;

fn parser() -> EventParser {
    EventParser::new(super::super::roles::tests::names(), "anomalies".into(), TimeContext::new("UTC", 2026).unwrap())
}

fn seen_by(parser: &mut EventParser, line: &str) -> String {
    let mut batch = Batch { filled: line.len(), bytes: line.as_bytes().to_vec(), ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    parser.parse(&mut batch);
    format!("{:?}", batch.parsed)
}

/// What is seen of the first bytes of a buffer that goes on behind them.
fn seen_of_first(text: &str, end: usize, behind: bool) -> String {
    let bytes = if behind { text.as_bytes().to_vec() } else { text.as_bytes()[..end].to_vec() };
    let mut batch = Batch { filled: bytes.len(), bytes, ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    batch.records.truncate(1);
    batch.records[0].span = super::super::Span::new(0, end);
    // The same object before it, so that what leads to its members is known.
    let mut parser = parser();
    seen_by(&mut parser, text);
    parser.parse(&mut batch);
    format!("{:?}", batch.parsed)
}

#[test]
fn an_event_ends_where_it_ends_whatever_follows_in_memory() {
    for text in [
        r#"{"level":"ERROR","a":12.5e3,"msg":"it \\ failed","status":503,"b":true,"c":[1,{"d":null}]} {"level":"INFO","x":1}"#,
        r#"{ "host" : "a name of more than thirty-two bytes, so that it takes steps" , "took_us" : 12345678901234567890 }"#,
    ] {
        for end in 1..text.len() {
            assert_eq!(seen_of_first(text, end, true), seen_of_first(text, end, false), "{}", &text[..end]);
        }
    }
}

#[test]
fn two_names_of_one_pattern_are_two_names() {
    let (one, both) = (r#"{"msg":"m","io_time_us":7}"#, r#"{"msg":"m","io_time_us":7,"db_time_us":8}"#);
    let first = |line: &str| {
        let mut found = RoleMatches::default();
        let names = Names::defaults("anomalies");
        let mut context = TimeContext::new("UTC", 2026).unwrap();
        found.object(line.as_bytes(), 0, &names, &mut context).unwrap();
        found.slots[Role::Duration as usize].span
    };
    assert_eq!(first(one), first(both), "the first counts");
}

proptest! {
    #[test]
    fn what_was_seen_before_changes_nothing(lines in proptest::collection::vec(proptest::collection::vec((
        r#"(level|msg|a|status|took_us|http|log|anomalies|a name that is longer than any other one|l\\u0065vel)"#,
        " {0,2}:[ \t]{0,2}",
        r#"("[a-z ]{0,40}"|"ERROR"|5[0-9]{2}|\{"status": ?5[0-9]{2}\}|\[1\]|null|"\\n")"#,
        "(,|,|, |, | , |,,)",
    ), 0..6), 0..12)) {
        let mut used = parser();
        for members in lines {
            let members: String =
                members.iter().map(|(name, colon, value, end)| format!("\"{name}\"{colon}{value}{end}")).collect();
            let members = members.trim_end_matches([',', ' ']);
            for line in [format!("{{{members}}}"), format!("{{ {},\"msg\":\"m\"}} ", members.replace(' ', ""))] {
                prop_assert_eq!(seen_by(&mut used, &line), seen_by(&mut parser(), &line), "{}", line);
            }
        }
    }
}
