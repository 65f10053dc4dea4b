//! Tests rules of a running filter: reloads, the same findings live and in a replay, and the tests
//! of rules.

use crate::metrics::{address, get, samples};
use crate::support::{Filter, root, run, until};
use seismolog::engine::rules::reference;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;

/// A rule that counts every event and makes a finding from the third on.
const COUNTING: &str = "const RULE = #{ key: [] };\nfn on_event(e) { let n = count(\"all\", \"1h\"); if n >= 3 { finding(#{ summary: `${n} events` }); } }\n";

fn silent(version: u32) -> String {
    format!("// version {version}\nconst RULE = #{{ select: #{{ nothing: \"here\" }} }};\nfn on_event(e) {{ }}\n")
}

/// Starts a filter with only the rules of `folder`, and a metrics endpoint.
fn with_rules(folder: &Path) -> Filter {
    let rules = folder.to_str().unwrap();
    Filter::in_pipes(&["--no-shipped-rules", "--rules", rules, "--log", "stderr", "--metrics", "127.0.0.1:0"])
}

/// Feeds one event and returns the output line.
#[track_caller]
fn through(filter: &mut Filter, second: u32) -> String {
    filter.feed(format!("{{\"timestamp\":\"2026-03-02T08:00:{second:02}Z\",\"message\":\"m\"}}\n").as_bytes());
    filter.line()
}

#[test]
fn a_changed_folder_is_reloaded_and_what_is_the_same_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("counting.rhai"), COUNTING).unwrap();
    fs::write(folder.path().join("silent.rhai"), silent(1)).unwrap();
    let mut filter = with_rules(folder.path());
    for second in 0..2 {
        assert!(!through(&mut filter, second).contains("anomalies"));
    }
    fs::write(folder.path().join("silent.rhai"), silent(2)).unwrap();
    fs::write(folder.path().join("third.rhai"), silent(3)).unwrap();
    assert_eq!(filter.hear("rules reloaded: "), "1 added, 1 changed, 0 removed, 1 unchanged");
    assert!(through(&mut filter, 2).contains("3 events"), "the count went on over the reload");
    filter.finish();
}

#[test]
fn rules_that_are_wrong_leave_the_old_ones_running() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("counting.rhai"), COUNTING).unwrap();
    let mut filter = with_rules(folder.path());
    let address = address(&filter);
    let reloads = |result: &str| {
        samples(&get(&address, "/metrics").1)[&format!("seismolog_rule_reloads_total{{result=\"{result}\"}}")]
    };
    assert_eq!((reloads("changed"), reloads("unchanged"), reloads("failed")), (0.0, 0.0, 0.0));
    through(&mut filter, 0);
    fs::write(folder.path().join("wrong.rhai"), "const RULE = #{ severty: 1 };\nfn on_event(e) { }\n").unwrap();
    assert_eq!(filter.hear("rules not reloaded, the old ones go on: "), "1 problem");
    assert_eq!(filter.hear("wrong.rhai:1:17: "), "unknown member of RULE `severty`");
    through(&mut filter, 1);
    assert!(through(&mut filter, 2).contains("3 events"));
    fs::remove_file(folder.path().join("wrong.rhai")).unwrap();
    until("the failed reload being counted", || (reloads("failed") >= 1.0).then_some(()));
    // SIGHUP reloads even if nothing has changed.
    filter.signal("HUP");
    filter.hear("rules read again: nothing has changed");
    until("the other being counted", || (reloads("unchanged") >= 1.0).then_some(()));
    assert_eq!(reloads("changed"), 0.0);
    filter.finish();
}

/// A stream in which the rules of the golden case make several kinds of findings.
fn eventful() -> Vec<u8> {
    let mut stream = String::new();
    for i in 0..4_000_u32 {
        let (minute, second, upstream) = (i / 60 % 60, i % 60, i * 7 % 5);
        let status = if i / 400 % 3 == 1 && i % 3 == 0 { 504 } else { 200 };
        let message = match i % 97 {
            0 => "login password=secret ok",
            1 => "noise",
            2 => "again",
            _ => "served",
        };
        stream += &format!(
            "{{\"timestamp\":\"2026-03-02T{:02}:{minute:02}:{second:02}Z\",\"status\":{status},\"upstream\":\"u{upstream}\",\"msg\":\"{message}\",\"n\":{i}}}\n",
            8 + i / 3600,
        );
    }
    stream.into_bytes()
}

/// The findings in these events, reduced to the members that distinguish them.
fn findings(output: &[u8]) -> Vec<String> {
    let events = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let events = events.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    let found = events.flat_map(|event| event["anomalies"].as_array().cloned().unwrap_or_default());
    found.map(|finding| told(&finding)).collect()
}

fn told(finding: &Value) -> String {
    ["id", "detector", "rule", "state", "count", "summary"].map(|member| finding[member].to_string()).join(" ")
}

#[test]
fn replay_and_live_give_the_same_findings_however_the_stream_comes() {
    let rules = root().join("tests/integration/golden/test_passes/rules");
    let args = ["--no-shipped-rules", "--rules", rules.to_str().unwrap(), "--log", "none"];
    let stream = eventful();
    let whole = run(&args, &stream).quietly();
    let live = findings(&whole);
    assert!(live.len() > 20, "{}", live.len());
    assert!(String::from_utf8_lossy(&whole).contains("password=***"));

    // Pieces of odd sizes, so that some lines need several reads and some reads have many lines.
    let mut filter = Filter::in_pipes(&args);
    let (mut pieces, mut rest, mut i) = (Vec::new(), &stream[..], 0);
    while !rest.is_empty() {
        let size = [1, 7, 60_013, 3, 211, 9_973][i % 6].min(rest.len());
        pieces.push(rest[..size].to_vec());
        (rest, i) = (&rest[size..], i + 1);
    }
    let mut stdin = filter.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || pieces.iter().for_each(|piece| stdin.write_all(piece).unwrap()));
    let cut = filter.finish().quietly();
    feeding.join().unwrap();
    assert!(cut == whole, "the output depends on how the input is cut");

    // Line by line; each output line is read before the next line is written.
    let some = stream.split_inclusive(|byte| *byte == b'\n').take(700).collect::<Vec<_>>();
    let mut filter = Filter::in_pipes(&args);
    let mut slowly = Vec::new();
    for line in &some {
        filter.feed(line);
        if !line.windows(7).any(|word| word == b"\"noise\"") {
            // Events of seismolog's own come before the event, which is recognized by its number.
            loop {
                let out = filter.line();
                slowly.extend_from_slice(out.as_bytes());
                if out.contains("\"n\":") {
                    break;
                }
            }
        }
    }
    slowly.extend(filter.finish().quietly());
    assert_eq!(findings(&slowly), findings(&run(&args, &some.concat()).quietly()));

    let folder = tempfile::tempdir().unwrap();
    let (log, found) = (folder.path().join("app.log"), folder.path().join("findings"));
    fs::write(&log, &stream).unwrap();
    let replay = ["replay", "--no-shipped-rules", "--rules", rules.to_str().unwrap(), "--findings"];
    run(&[&replay[..], &[found.to_str().unwrap(), log.to_str().unwrap()]].concat(), b"");
    let replayed = fs::read_to_string(found).unwrap();
    let replayed: Vec<String> = replayed.lines().map(|line| told(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(replayed, live);
}

#[test]
fn every_rule_that_we_ship_or_show_passes_its_tests() {
    for paths in [&[][..], &["examples/rules"]] {
        let paths: Vec<String> = paths.iter().map(|path| root().join(path).to_str().unwrap().to_owned()).collect();
        let args: Vec<&str> = std::iter::once("test").chain(paths.iter().map(String::as_str)).collect();
        let ended = run(&args, b"");
        assert_eq!(ended.code, Some(0), "{}{}", String::from_utf8_lossy(&ended.stdout), ended.stderr);
    }
}

#[test]
fn how_tests_went_is_written_for_ci() {
    let folder = tempfile::tempdir().unwrap();
    let junit = folder.path().join("junit.xml");
    let rule = root().join("tests/integration/golden/test_fails/r.rhai");
    let (rule, file) = (rule.to_str().unwrap(), junit.to_str().unwrap());
    let ended = run(&["test", "--junit", file, "--filter", "<&>", rule], b"");
    assert_eq!(ended.code, Some(1));
    let xml = fs::read_to_string(&junit).unwrap();
    // The durations differ from run to run, so they are removed.
    let parts: Vec<&str> =
        xml.split("time=\"").map(|part| part.split_once("\"").map_or(part, |(_, rest)| rest)).collect();
    assert!(xml.starts_with(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"seismolog test\" tests=\"1\" failures=\"1\""
    ));
    assert!(xml.contains("<testcase name=\"what does not come &lt;&amp;&gt;\" classname="), "{xml}");
    assert!(xml.contains("<failure message=") && xml.contains("nothing of this kind came"), "{xml}");
    assert_eq!(parts.len(), 4, "{xml}");
}

#[test]
fn a_profile_says_what_each_rule_costs() {
    let case = root().join("tests/integration/golden/rules_listed");
    let (rules, log) = (case.join("rules"), case.join("app.log"));
    let args = ["rules", "--no-shipped-rules", "--json", "--profile", log.to_str().unwrap(), rules.to_str().unwrap()];
    let shown: Value = serde_json::from_slice(&run(&args, b"").quietly()).unwrap();
    let counts = |i: usize| ["events", "evaluations", "failures"].map(|name| shown[i]["cost"][name].as_u64().unwrap());
    assert_eq!((counts(0), counts(1)), ([3, 1, 0], [3, 3, 1]));
    assert!(shown[1]["cost"]["seconds"].as_f64().unwrap() > 0.0);
}

/// The tables of functions in `docs/rules.md` match those in
/// `core/src/engine/rules/runtime/functions/`. `UPDATE_DOCS=1` updates the document.
#[test]
fn the_guide_lists_the_functions_as_their_tables_say() {
    let path = root().join("docs/rules.md");
    let guide = fs::read_to_string(&path).unwrap();
    let tables = reference();
    assert!(tables.len() >= 7, "only {} tables", tables.len());
    let rendered = tables.iter().fold(guide.clone(), |guide, table| {
        let (title, _) = table.split_once('\n').unwrap();
        let start = guide.find(&format!("\n{title}\n")).unwrap_or_else(|| panic!("docs/rules.md lacks {title}")) + 1;
        let end = start + guide[start..].find("\n\n").unwrap() + 1;
        [&guide[..start], table, &guide[end..]].concat()
    });
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &rendered).unwrap();
    }
    assert!(rendered == guide, "docs/rules.md is behind its tables: run this test with UPDATE_DOCS=1, then again");
}
