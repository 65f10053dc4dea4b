//! Regression tests for promises that once did not hold.

use crate::support::{Filter, command, configured, open, run};
use serde_json::Value;
use std::io::pipe;
use std::process::Stdio;

/// A warmed-up stream in which `module` begins to loop; `more` are further members of the looping
/// events.
fn looping(module: &str, more: &str) -> String {
    let time = |ms: usize| format!("2026-03-02T08:{:02}:{:02}.{:03}Z", ms / 60_000, ms / 1000 % 60, ms % 1000);
    let calm = (0..400).map(|i| (170 * i, "shop", format!("order {i}"), ""));
    let wild = (0..90).map(|i| (68_000 + 30 * i, module, format!("step {}", i % 3), more));
    calm.chain(wild)
        .map(|(ms, module, message, more)| {
            format!(
                "{{\"timestamp\":\"{}\",\"level\":\"INFO\",\"module\":\"{module}\",\"message\":\"{message}\"{more}}}\n",
                time(ms)
            )
        })
        .collect()
}

fn findings(output: &[u8]) -> Vec<(Value, Value)> {
    let events = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    events
        .map(|line| serde_json::from_slice::<Value>(line).unwrap())
        .flat_map(|event| {
            let found = event["anomalies"].as_array().cloned().unwrap_or_default();
            found.into_iter().map(move |finding| (event.clone(), finding))
        })
        .collect()
}

#[test]
fn a_key_is_whole_and_its_summary_says_it() {
    let module = "m".repeat(5_000);
    let out = run(&["--no-shipped-rules"], looping(&module, "").as_bytes()).stdout;
    let found = findings(&out);
    assert!(!found.is_empty());
    for (_, finding) in found {
        // Twice 5,000 bytes exceed the limit of an annotation, so the key is truncated, and the
        // summary has the truncated form.
        let key = finding["key"]["module"].as_str().unwrap();
        assert!(finding["summary"].as_str().unwrap().contains(key), "the summary lacks its key");
        let kept = key.strip_suffix('…').unwrap();
        assert!(kept.len() > 200 && module.starts_with(kept), "{key}");
    }
}

#[test]
fn an_annotation_is_at_most_8_kib() {
    let odd = "\\u0001".repeat(600);
    let input = looping(&odd, &format!(",\"host\":\"{odd}\",\"thread\":\"{odd}\""));
    let out = String::from_utf8(run(&["--no-shipped-rules"], input.as_bytes()).stdout).unwrap();
    let longest = out.lines().filter_map(|line| Some(line.split_once("\"anomalies\":")?.1.len())).max().unwrap();
    // With the whole key the finding would be longer than this.
    assert!((2 << 10..=8 << 10).contains(&longest), "{longest} bytes");
}

#[test]
fn own_events_keep_to_max_record_bytes_too() {
    // An annotated event would exceed the limit, so the finding leaves as an event of its own. With
    // 16,000 bytes that event fits; with 2,100 it is too long as well, and only the sink gets the
    // finding.
    for (most, length, own_events) in [(16_000, 15_000, true), (2_100, 1_900, false)] {
        let (folder, config) = configured(&format!(
            "[output]\nmax_record_bytes = {most}\n[[sink]]\ntype = \"file\"\npath = \"findings\"\n"
        ));
        let input = looping(&"m".repeat(length), "");
        let out = String::from_utf8(run(&["--no-shipped-rules", "-c", &config], input.as_bytes()).stdout).unwrap();
        let longest = out.lines().map(str::len).max().unwrap();
        assert!(longest <= most, "{longest} bytes of {most}");
        assert_eq!(out.lines().any(|line| line.contains("\"source\":\"seismolog\"")), own_events, "{most}");
        assert!(out.lines().count() >= input.lines().count(), "{most}");
        let told = std::fs::read_to_string(folder.path().join("findings")).unwrap();
        assert!(told.contains("\"detector\":\"loop\""), "{most}: {told}");
    }
}

#[test]
fn a_member_that_own_events_have_anyway_is_refused() {
    for member in ["timestamp", "level", "source", "message"] {
        let (_folder, config) = configured(&format!("[output]\nmember = \"{member}\"\n"));
        assert_eq!(run(&["check", "-c", &config], b"").code, Some(78), "{member}");
    }
}

#[test]
fn a_bad_address_in_the_file_is_bad_configuration() {
    let (_folder, config) = configured("[metrics]\naddress = \"nonsense\"\n");
    assert_eq!(run(&["check", "-c", &config], b"").code, Some(78));
    assert_eq!(run(&["-c", &config], b"").code, Some(78));
}

#[test]
fn a_line_in_pieces_is_lost_once() {
    let (folder, config) = configured("[input]\nmax_line_bytes = 1024\n");
    let (path, (we_read, child_writes)) = (folder.path().join("long"), pipe().unwrap());
    drop(we_read);
    std::fs::write(&path, vec![b'x'; 10 << 20]).unwrap();
    let mut command = command(&["--log", "none", "-c", &config]);
    let (status, stderr) = Filter::start(command.stdin(open(path)).stdout(child_writes)).wait();
    assert_eq!(status.code(), Some(74));
    assert!(stderr.contains(" 1 lines that were read are undelivered"), "{stderr}");
}

#[test]
fn json_that_is_no_object_passes_untouched_with_space_behind_it() {
    let input = "42 \n 42\t\n-1 \n";
    assert_eq!(String::from_utf8(run(&["--log", "none"], input.as_bytes()).stdout).unwrap(), input);
}

#[test]
fn a_carriage_return_is_no_part_of_the_line() {
    let (_folder, config) = configured("[input]\nmax_line_bytes = 1024\n");
    let ended = run(&["-c", &config], format!("{}\r\n", "y".repeat(1024)).as_bytes());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.starts_with(b"{\"message\""));
}

#[test]
fn malformed_json_is_counted_wherever_it_is_malformed() {
    for input in ["{\"a\":01}\n", "{\"a\":[1 2]}\n", "{\"a\":{\"b\"}}\n"] {
        assert!(run(&[], input.as_bytes()).stderr.contains("begins as a JSON object but is none"), "{input}");
    }
}

#[test]
fn a_variable_switches_with_1() {
    let mut command = command(&["config"]);
    command.env("SEISMOLOG_NO_SHIPPED_RULES", "1").stdin(Stdio::null()).stdout(Stdio::piped());
    let ended = Filter::start(&mut command).finish();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn what_is_announced_again_is_up_to_date() {
    let out = run(&["--no-shipped-rules"], looping("queue", "").as_bytes()).stdout;
    let mut summaries: Vec<_> = findings(&out).into_iter().map(|(_, finding)| finding["summary"].to_string()).collect();
    let said = summaries.len();
    summaries.dedup();
    assert!(said > 1 && summaries.len() == said, "{summaries:?}");
}

#[test]
fn a_resolution_is_an_event_of_its_own() {
    let out = run(&["--no-shipped-rules"], &crate::support::golden_input("loop_opens_goes_on_resolves")).stdout;
    let resolved: Vec<_> = findings(&out)
        .into_iter()
        .filter(|(_, finding)| finding["state"] == "resolved")
        .map(|(event, _)| event)
        .collect();
    assert!(!resolved.is_empty() && resolved.iter().all(|event| event["source"] == "seismolog"), "{resolved:?}");
}

#[test]
fn own_events_are_written_in_the_order_of_the_contract() {
    let out = run(&["--no-shipped-rules"], looping("queue", ",\"anomalies\":0").as_bytes()).stdout;
    let out = String::from_utf8(out).unwrap();
    let own = out.lines().find(|line| line.contains("\"seismolog\"")).unwrap();
    let places: Vec<_> = ["\"timestamp\"", "\"level\"", "\"source\"", "\"message\"", "\"anomalies\""]
        .map(|name| own.find(name).unwrap())
        .to_vec();
    assert!(places.is_sorted(), "{own}");
}
