//! Injects faults into a running filter, one after the other, that no stream of events causes.
//! `docs/faults.md` says what is promised for each; `benches/soak.rs` has those that take minutes.

use crate::metrics::{address, get, samples};
use crate::peers::connect;
use crate::support::{Ended, Filter, PIECE, assert_same_stream, command, configured, event, pieces, run, shown, until};
use seismolog::config::Config;
use seismolog::engine::rules::RuleSet;
use seismolog::engine::{Engine, Outcome};
use seismolog::event::lines::Lines;
use seismolog::event::time::TimeContext;
use seismolog::event::{Batch, EventParser, Timestamp};
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// Most memory that the program may use while there are few keys, in KiB.
const MEMORY: u64 = 64 << 10;
/// What incidents may take, in KiB.
const INCIDENTS: u64 = 27 << 10;

fn stream(lines: usize) -> Vec<u8> {
    (0..lines).flat_map(|i| event(i).into_bytes()).collect()
}

/// Asserts that every line of `input` is in `output`, in order, unchanged or with findings as a
/// last member. Returns the number of further lines.
#[track_caller]
fn assert_all_passed(input: &[u8], output: &[u8]) -> usize {
    let mut left = output.split_inclusive(|byte| *byte == b'\n');
    let mut own = 0;
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let kept = line.strip_suffix(b"}\n").unwrap_or(line);
        let is_it =
            |out: &[u8]| out == line || (out.starts_with(kept) && out[kept.len()..].starts_with(b",\"anomalies\""));
        let before = left.position(is_it);
        own += before.unwrap_or_else(|| panic!("lost: {}", shown(line)));
    }
    own + left.count()
}

#[test]
fn a_line_of_a_gibibyte_flows_through_in_flat_memory() {
    let long = || std::iter::once(b"{\"message\":\"".to_vec()).chain(std::iter::repeat_n(vec![b'x'; PIECE], 4096));
    let whole = || long().chain([b"\"}\n{\"message\":\"after\"}\n".to_vec()]);
    let mut filter = Filter::in_pipes(&["--log", "none"]);
    let writer = filter.feed_apart(whole());
    assert_same_stream(filter.stdout.as_mut().unwrap(), whole());
    let highest = filter.memory("VmHWM");
    assert!(highest < MEMORY, "{highest} KiB at its highest");
    drop(writer.join().unwrap());
    assert_eq!(filter.finish().quietly(), b"");
}

#[test]
fn a_full_disk_under_standard_output_ends_it_with_the_loss_said() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    fs::write(&input, stream(20_000)).unwrap();
    let ended =
        on_a_small_disk(folder.path(), r#""$SEISMOLOG" < in > disk/out; code=$?; cp disk/out kept; exit $code"#);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write standard output: No space left on device"), "{}", ended.stderr);
    let (all, kept) = (fs::read(&input).unwrap(), fs::read(folder.path().join("kept")).unwrap());
    assert!(!kept.is_empty() && all.starts_with(&kept), "what is kept is not what came first");
    assert!(ended.stderr.contains(" lines that were read are undelivered"), "{}", ended.stderr);
}

#[test]
fn a_full_disk_elsewhere_is_never_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let input = crate::support::golden_input("loop_opens_goes_on_resolves");
    fs::write(folder.path().join("in"), &input).unwrap();
    // What the state has seen already is late when it comes again.
    let later = String::from_utf8(input.clone()).unwrap().replace("T08:", "T09:").into_bytes();
    fs::write(folder.path().join("later"), &later).unwrap();
    let config = "[state]\npath = \"disk/state\"\n[[sink]]\ntype = \"file\"\npath = \"disk/findings\"\n";
    fs::write(folder.path().join("s.toml"), config).unwrap();
    // First there is room for a state file, then none at all, then room for everything again.
    let script = r#"
        "$SEISMOLOG" -c s.toml < in > first && cp disk/state/seismolog.state kept || exit 1
        # No page of the findings has room left.
        head -c $((4096 - $(stat -c %s disk/findings) % 4096)) /dev/zero >> disk/findings
        dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null
        "$SEISMOLOG" -c s.toml --log disk/log < in > second || exit 2
        "$SEISMOLOG" -c s.toml < later > third || exit 3
        cmp disk/state/seismolog.state kept || exit 4
        rm disk/fill
        "$SEISMOLOG" -c s.toml < in > fourth
    "#;
    let ended = on_a_small_disk(folder.path(), script);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for (said, times) in
        [("cannot keep state", 1), ("findings could not be written", 1), (" is invalid (", 0), ("panic", 0)]
    {
        assert_eq!(ended.stderr.matches(said).count(), times, "{said}: {}", ended.stderr);
    }
    for (run, input) in [("first", &input), ("second", &input), ("third", &later), ("fourth", &input)] {
        assert_all_passed(input, &fs::read(folder.path().join(run)).unwrap());
    }
}

/// The result of a script in `folder`, where `disk` is a file system of two megabytes.
#[track_caller]
fn on_a_small_disk(folder: &Path, script: &str) -> Ended {
    const CANNOT: i32 = 99;
    let mount = format!("mkdir disk && mount -t tmpfs -o size=2m tmpfs disk || exit {CANNOT}\n{script}");
    // The mount is visible only to this shell, and ends with it.
    let ended = Command::new("unshare")
        .args(["--mount", "--map-root-user", "/bin/sh", "-c", &mount])
        .current_dir(folder)
        .env("SEISMOLOG", env!("CARGO_BIN_EXE_seismolog"))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("unshare (Debian: util-linux) is needed here: {error}"));
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    let is_mounted = ended.status.code() != Some(CANNOT) && !stderr.starts_with("unshare:");
    assert!(is_mounted, "a disk must be mounted here, as root or where users may have namespaces: {stderr}");
    Ended { stdout: ended.stdout, stderr, code: ended.status.code() }
}

#[test]
fn killed_again_and_again_it_finds_its_state_whole() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("s.toml");
    fs::write(&config, "[state]\npath = \"kept\"\ninterval = \"1s\"\n").unwrap();
    let kept = folder.path().join("kept/seismolog.state");
    let written = || fs::metadata(&kept).ok()?.modified().ok();
    for round in 0..4 {
        let mut filter = Filter::in_pipes(&["-c", config.to_str().unwrap()]);
        let begun = SystemTime::now();
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let made = pieces().take_while(move |_| !ended.load(Ordering::SeqCst));
        let mut stdin = filter.stdin.take().unwrap();
        // Writing fails once the filter is killed.
        let writer =
            std::thread::spawn(move || made.map(|piece| stdin.write_all(&piece)).take_while(Result::is_ok).count());
        let mut read = 0;
        until("a snapshot in the middle of the stream", || {
            read += filter.bytes(PIECE).len();
            (written()? > begun).then_some(())
        });
        filter.signal("KILL");
        end.store(true, Ordering::SeqCst);
        let (status, stderr) = filter.wait();
        assert_eq!((status.code(), stderr.as_str()), (None, ""), "round {round}, after {read} bytes");
        drop(filter);
        writer.join().unwrap();
    }
    run(&["-c", config.to_str().unwrap()], event(0).as_bytes()).quietly();
}

/// Times that are hours late, in the future, invalid, or missing.
const TIMES: [&str; 16] = [
    "\"2026-03-01T20:00:00Z\"",
    "\"2026-03-02T23:00:00Z\"",
    "\"1970-01-01T00:00:00Z\"",
    "\"9999-12-31T23:59:59.999999999Z\"",
    "\"0000-00-00T00:00:00Z\"",
    "\"2026-02-30T25:61:61Z\"",
    "0",
    "-1",
    "1e300",
    "-9223372036854775808",
    "99999999999999999999999999",
    "\"tomorrow\"",
    "\"\"",
    "null",
    "[2026]",
    "{\"$date\":\"2026-03-02\"}",
];

#[test]
fn times_that_are_late_or_absurd_move_nothing() {
    let mut input = String::new();
    for i in 0..8_000 {
        input += &event(i);
        if i % 5 == 0 {
            let (time, n) = (TIMES[i / 5 % TIMES.len()], i * 31 % 997);
            writeln!(input, "{{\"timestamp\":{time},\"level\":\"INFO\",\"module\":\"shop\",\"message\":\"odd {n}\"}}")
                .unwrap();
        }
    }
    let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--metrics", "127.0.0.1:0"]);
    let address = address(&filter);
    let writer = filter.feed_apart(std::iter::once(input.clone().into_bytes()));
    let output = filter.bytes(input.len());
    assert!(output == input.as_bytes(), "something was found, or lost");
    let stdin = writer.join().unwrap();
    let late = until("counting", || {
        let samples = samples(&get(&address, "/metrics").1);
        assert_eq!(samples["seismolog_faults_total{kind=\"panic\"}"], 0.0);
        (samples["seismolog_read_bytes_total"] >= input.len() as f64
            && samples["seismolog_events_total{level=\"INFO\"}"] >= 9_600.0)
            .then(|| samples["seismolog_late_events_total"])
    });
    // At most five of the sixteen times are late: hours late, 1970, 0, -1, the least number. Some
    // of them come before the stream's own time is certain.
    assert!((180.0..=500.0).contains(&late), "{late} came late");
    drop(stdin);
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn a_wall_clock_that_jumps_does_no_harm() {
    const NOON: i64 = 1_772_000_000;
    const JUMPS: [i64; 9] = [0, 1, 60, -60, 86_400, -86_400, 315_360_000, -NOON, i64::MAX / 1_000_000_000 - NOON];
    let config = Config::default();
    let mut engine = Engine::new(&config.engine_options(), RuleSet::compile(&[], &[]).unwrap());
    let time = TimeContext::new("UTC", 2026).unwrap();
    let mut parser = EventParser::new(config.names(), config.output.member.clone(), time);
    let mut outcome = Outcome::default();
    for i in 0..20_000_i64 {
        // The events have no time of their own, so they get the time of their arrival.
        let line = format!("{{\"level\":\"INFO\",\"module\":\"shop.{}\",\"message\":\"order {i} left\"}}\n", i % 7);
        let mut batch = Batch { filled: line.len(), bytes: line.into_bytes(), ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        parser.parse(&mut batch);
        let now = NOON + i / 100 + JUMPS[(i / 50 % JUMPS.len() as i64) as usize];
        let now = Timestamp(now.saturating_mul(1_000_000_000));
        engine.process(&batch.fields(0), now, &mut outcome);
        assert!(outcome.findings.is_empty() && outcome.fault.is_none(), "{outcome:?}");
        if i % 100 == 0 {
            engine.tick(now, &mut outcome);
            assert!(outcome.fault.is_none());
        }
        let kept = if i % 5_000 == 0 { engine.snapshot() } else { continue };
        engine = Engine::new(&config.engine_options(), RuleSet::compile(&[], &[]).unwrap());
        engine.restore(&kept).unwrap();
    }
}

/// An event in which every possible key is new.
fn distinct(i: usize) -> String {
    let (second, level) = (i / 100, if i.is_multiple_of(7) { "ERROR" } else { "INFO" });
    format!(
        "{{\"timestamp\":\"2026-03-02T{:02}:{:02}:{:02}Z\",\"level\":\"{level}\",\"module\":\"m{i}\",\"host\":\"h{i}\",\
         \"thread\":\"t{i}\",\"operation\":\"/{i:x}z\",\"duration_ms\":{},\"status\":{},\"error_code\":\"E{i}\",\
         \"trace_id\":\"r{i}\",\"message\":\"thing w{i:x}q failed\"}}\n",
        second / 3600,
        second / 60 % 60,
        second % 60,
        i % 100,
        if i.is_multiple_of(5) { 500 } else { 200 },
    )
}

#[test]
fn memory_does_not_grow_with_the_number_of_keys() {
    let (_folder, config) = configured("[limits]\nkeys = 500\n");
    let mut filter = Filter::in_pipes(&["-c", &config]);
    let mut resident = Vec::new();
    for part in 0..4 {
        let part: Vec<u8> = (part * 6_000..(part + 1) * 6_000).flat_map(|i| distinct(i).into_bytes()).collect();
        let writer = filter.feed_apart(std::iter::once(part.clone()));
        for line in part.split_inclusive(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            let kept = line.trim_end_matches("}\n");
            while !filter.line().starts_with(kept) {}
        }
        filter.stdin = Some(writer.join().unwrap());
        resident.push(filter.memory("VmRSS"));
    }
    assert!(resident[3] < resident[0] + (8 << 10), "{resident:?} KiB");
    assert!(filter.memory("VmHWM") < MEMORY, "{resident:?} KiB");
    assert_eq!(filter.finish().code, Some(0));
}

/// A crash of a new program on each line.
fn crash(i: usize) -> String {
    let second = i / 100;
    format!(
        "{{\"timestamp\":\"2026-03-02T08:{:02}:{:02}Z\",\"level\":\"FATAL\",\"module\":\"module-{i}\",\
         \"message\":\"thread 'main' panicked at src/lib.rs:{i}: {}\"}}\n",
        second / 60 % 60,
        second % 60,
        "index out of bounds ".repeat(12),
    )
}

/// The shipped rule `panics` opens an incident for each crash, with the twenty lines before it.
#[test]
fn memory_does_not_grow_with_the_number_of_incidents_and_a_storm_is_told_as_one() {
    const LINES: usize = 8_000;
    let mut filter = Filter::in_pipes(&[]);
    let lines: Vec<u8> = (0..LINES).flat_map(|i| crash(i).into_bytes()).collect();
    let writer = filter.feed_apart(std::iter::once(lines));
    let (mut events, mut opened, mut storm) = (0, 0, Vec::new());
    while events < LINES {
        let line = filter.line();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        events += usize::from(event["module"] == format!("module-{events}"));
        for finding in event["anomalies"].as_array().into_iter().flatten().filter(|finding| finding["rule"] == "panics")
        {
            match finding["key"]["scope"].as_str() {
                Some("storm") => storm.push(finding["count"].as_u64().unwrap()),
                _ => opened += 1,
            }
        }
    }
    filter.stdin = Some(writer.join().unwrap());
    assert_eq!(opened, 1_000, "as many as limits.open_incidents allows");
    // A storm is reported when it begins and whenever its incidents have doubled.
    assert_eq!(storm, (0..13).map(|i| 1 << i).collect::<Vec<u64>>());
    let highest = filter.memory("VmHWM");
    let idle = idle_memory();
    assert!(highest < idle + INCIDENTS, "{highest} KiB at its highest, {idle} KiB before the first incident");
    assert_eq!(filter.finish().code, Some(0));
}

/// What a filter takes that has seen one event, in KiB: most of it is the program.
fn idle_memory() -> u64 {
    let mut filter = Filter::in_pipes(&[]);
    filter.feed(b"{}\n");
    filter.line();
    let idle = filter.memory("VmHWM");
    assert_eq!(filter.finish().code, Some(0));
    idle
}

/// A rule that counts every event and makes a finding from the third on.
const COUNTING: &str = "const RULE = #{ key: [] };\nfn on_event(e) { let n = count(\"all\", \"1h\"); if n >= 3 { finding(#{ summary: `${n} events` }); } }\n";

#[test]
fn rules_whose_directory_vanishes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("counting.rhai"), COUNTING).unwrap();
    let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--rules", rules.to_str().unwrap()]);
    let through = |filter: &mut Filter, i: usize| {
        filter.feed(event(i).as_bytes());
        filter.line()
    };
    assert_eq!(through(&mut filter, 0), event(0));
    fs::rename(&rules, folder.path().join("elsewhere")).unwrap();
    filter.hear("rules not reloaded, the old ones go on: ");
    assert_eq!(through(&mut filter, 1), event(1));
    assert!(through(&mut filter, 2).contains("3 events"), "the rule has gone with its directory");
    fs::rename(folder.path().join("elsewhere"), &rules).unwrap();
    filter.hear("rules read again: nothing has changed");
    fs::write(rules.join("counting.rhai"), COUNTING.replace("events`", "events again`")).unwrap();
    filter.hear("rules reloaded: ");
    assert!(!through(&mut filter, 3).contains("again") && !through(&mut filter, 4).contains("again"));
    assert!(through(&mut filter, 5).contains("3 events again"), "the rule that came back is not the new one");
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn slow_clients_of_the_metrics_are_never_in_the_way() {
    let mut filter = Filter::in_pipes(&["--metrics", "127.0.0.1:0"]);
    let address = address(&filter);
    // There are more clients than connections: some send half a request, the others request
    // everything and read nothing. The rest waits to be accepted.
    let clients: Vec<TcpStream> = (0..400)
        .map(|i| {
            let mut client = connect(&address);
            let asked =
                if i % 2 == 0 { "GET /metrics HTTP/1.1\r\nHo" } else { "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" };
            let _ = client.write_all(asked.repeat(1 + i % 20).as_bytes());
            client
        })
        .collect();
    let count = 100 * 4;
    let writer = filter.feed_apart(pieces().take(count));
    assert_same_stream(filter.stdout.as_mut().unwrap(), pieces().take(count));
    let highest = filter.memory("VmHWM");
    assert!(highest < MEMORY, "{highest} KiB at its highest");
    drop(clients);
    // The slow clients have been disconnected, and the next client is served.
    assert_eq!(get(&address, "/healthz").0, 200);
    drop(writer.join().unwrap());
    assert_eq!(filter.finish().stdout, b"");
}

#[test]
fn no_secret_is_ever_shown() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("s.toml");
    fs::write(folder.path().join("token"), "T0PSECRET\n").unwrap();
    let webhook = "[[sink]]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/T0PSECRET\"\ntoken_file = \"token\"\n";
    let metrics = "[metrics]\naddress = \"127.0.0.1:0\"\ntoken_env = \"PAGE_TOKEN\"\n";
    for (text, code) in [
        (format!("{webhook}timeout = \"1s\"\n{metrics}"), 0),
        ("[[sink]]\ntype = \"webhook\"\nurl = \"http://u:T0PSECRET@h/\"\n".into(), 78),
        ("[[sink]]\ntype = \"webhook\"\nurl = \"T0PSECRET\"\n".into(), 78),
        ("[[sink]]\ntype = \"webhook\"\nurl = \"https://h/T0PSECRET\n".into(), 78),
        ("[metrics]\ntoken = \"T0PSECRET\"\n".into(), 78),
        ("[input]\nfrom = [\"http://u:T0PSECRET@h/\"]\n".into(), 78),
        ("[input]\nfrom = [\"https://u:T0PSECRET@h/?moed=x\"]\n".into(), 78),
    ] {
        fs::write(&config, &text).unwrap();
        for args in [&["config"][..], &["check"], &["run"]] {
            let mut command = command(&[args, &["-c", config.to_str().unwrap()]].concat());
            command.env("PAGE_TOKEN", "T0PSECRET").stdin(crate::support::open(folder.path().join("token")));
            let mut filter = Filter::start(command.stdout(Stdio::piped()));
            if args == ["run"] && code == 0 {
                // The token's own file is the input here, so its text in the output is no leak.
                filter.stdout = None;
            }
            let Ended { stdout, stderr, code: ended } = filter.finish();
            let said = format!("{}{stderr}", String::from_utf8_lossy(&stdout));
            assert!(!said.contains("T0PSECRET"), "{args:?} of {text}: {said}");
            if args != ["run"] {
                assert_eq!(ended, Some(code), "{said}");
            }
        }
    }
}

/// A rule that should have masked a secret fails, and withholds the event: neither the findings on
/// it, nor their situations, nor what is told of their incidents later may quote it.
#[test]
fn what_fails_closed_is_quoted_nowhere() {
    let rules = tempfile::tempdir().unwrap();
    let rule = "const RULE = #{ select: #{ message: #{ contains: [\"T0PSECRET\"] } }, on_failure: \"drop\" };\n\
                fn on_event(e) { throw \"no\"; }\n";
    fs::write(rules.path().join("failing.rhai"), rule).unwrap();
    let line = |second: f64, level: &str, module: &str, message: &str| {
        let time = 1_772_438_400.0 + second;
        format!("{{\"ts\":{time},\"level\":\"{level}\",\"module\":\"{module}\",\"message\":\"{message}\"}}\n")
    };
    let quiet =
        |from: i32, until: i32| (from..until).map(|i| line(f64::from(i), "INFO", "web", &format!("served {i}")));
    let looping = (0..40).map(|i| line(1_000.0 + f64::from(i) / 4.0, "ERROR", "pay", "login with T0PSECRET failed"));
    let kinds = ["refused", "is old", "was sent twice", "has no row", "cannot be read"];
    // In no order that goes round.
    let failing = (0..40_u32).map(|i| {
        let kind = kinds[(i.wrapping_mul(2_654_435_761) >> 29) as usize % kinds.len()];
        line(1_020.0 + f64::from(i), "ERROR", "cart", &format!("T0PSECRET {kind}"))
    });
    let fatal = std::iter::once(line(1_061.0, "FATAL", "core", "T0PSECRET is wrong, process ends"));
    let input: String = quiet(0, 1_000).chain(looping).chain(failing).chain(fatal).chain(quiet(1_062, 1_600)).collect();
    let out = run(&["--rules", rules.path().to_str().unwrap()], input.as_bytes());
    let text = String::from_utf8(out.stdout).unwrap();
    for detector in ["loop", "burst", "novelty"] {
        assert!(text.contains(&format!("\"detector\":\"{detector}\"")), "{detector}: {}", out.stderr);
    }
    assert!(!text.contains("T0PSECRET") && !out.stderr.contains("T0PSECRET"), "{text}");
}

#[test]
fn what_rules_mask_or_withhold_is_on_no_page() {
    let rules = tempfile::tempdir().unwrap();
    let rule = "const RULE = #{ key: [\"n\"] };\nfn on_event(e) { finding(#{ summary: \"seen\" }); if e.n == 1 { mask(\"pw=\\\\w+\"); } else { drop(); } }\n";
    fs::write(rules.path().join("hiding.rhai"), rule).unwrap();
    let args = ["--no-shipped-rules", "--rules", rules.path().to_str().unwrap(), "--metrics", "127.0.0.1:0"];
    let mut filter = Filter::in_pipes(&args);
    let address = address(&filter);
    filter.feed(b"{\"n\":2,\"message\":\"pw=T0PSECRET\"}\n{\"n\":1,\"message\":\"pw=T0PSECRET\"}\n");
    // The finding about the withheld event comes before the other event.
    while !filter.line().contains("***") {}
    let incidents = until("both incidents", || {
        let incidents: serde_json::Value = serde_json::from_str(&get(&address, "/api/incidents").1).unwrap();
        (incidents["incidents"].as_array().unwrap().len() == 2).then(|| incidents["incidents"].clone())
    });
    for incident in incidents.as_array().unwrap() {
        let whole = get(&address, &format!("/api/incidents/{}", incident["id"].as_str().unwrap())).1;
        assert!(whole.contains("seen") && !whole.contains("T0PSECRET"), "{whole}");
    }
    filter.finish();
}
