//! Checks that no input can control a terminal: every command is run on streams, files, names and
//! arguments full of escape sequences.

use crate::support::{Ended, Filter, command};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Sets the window's title, clears the screen, does so again with single-character controls,
/// reverses the text's direction, and forges a log line.
const HOSTILE: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{9d}0;t\u{9c}\u{202e}\u{2066}\x7f\x08\r\nseismolog: forged";

/// The output of a command, and the escaped form of the hostile text that it must contain.
struct Printed {
    what: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

fn print(folder: &Path, args: &[&OsStr], input: &[u8]) -> Printed {
    fs::write(folder.join("stdin"), input).unwrap();
    let mut command = command(&[]);
    command.args(args).current_dir(folder).stdin(fs::File::open(folder.join("stdin")).unwrap());
    command.stdout(Stdio::piped());
    let Ended { stdout, stderr, .. } = Filter::start(&mut command).finish();
    Printed { what: format!("{args:?}"), stdout, stderr: stderr.into_bytes() }
}

/// Removes the colours that seismolog itself writes.
fn without_colours(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        kept.push_str(before);
        let length = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(after.len());
        if after[length..].starts_with('m') {
            rest = &after[length + 1..];
        } else {
            kept.push_str("\x1b[");
            rest = after;
        }
    }
    kept + rest
}

#[track_caller]
fn assert_harmless(printed: &Printed, colours: bool) {
    for (stream, bytes) in [("standard output", &printed.stdout), ("standard error", &printed.stderr)] {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{} {stream}: {error}", printed.what));
        let text = if colours { without_colours(text) } else { text.to_owned() };
        let wrong = text.char_indices().find(|&(_, c)| {
            (c.is_control() && c != '\n' && c != '\t')
                || ('\u{202a}'..='\u{202e}').contains(&c)
                || ('\u{2066}'..='\u{2069}').contains(&c)
        });
        assert!(wrong.is_none(), "{} {stream} has {wrong:?} in {text:?}", printed.what);
        let forged = text.lines().any(|line| line.starts_with("seismolog: forged"));
        // A value of the configuration may have several lines, and is printed as a multi-line
        // string.
        let is_configuration = stream == "standard output" && printed.what.starts_with("[\"config\"");
        assert!(!forged || is_configuration, "{} {stream} has a line that is not ours: {text:?}", printed.what);
    }
}

/// The text as a JSON string, in which JSON leaves some control characters unescaped.
fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Events in which every role is hostile: a loop, a burst of errors, text lines, broken lines,
/// invalid UTF-8.
fn events() -> Vec<u8> {
    let mut stream = Vec::new();
    for i in 0..400 {
        let (minute, second) = (i / 60, i % 60);
        stream.extend_from_slice(
            format!(
                "{{\"time\":\"2026-03-02T08:{minute:02}:{second:02}Z\",\"level\":{},\"module\":{},\"host\":{},\"thread\":{},\"message\":{},{}:1}}\n",
                json(if i > 200 { "ERROR" } else { "INFO" }),
                json(&format!("m{HOSTILE}")),
                json(&format!("h{HOSTILE}")),
                json(HOSTILE),
                json(&format!("{HOSTILE} {}", if i > 200 { 0 } else { i })),
                json(HOSTILE),
            )
            .as_bytes(),
        );
        let line = HOSTILE.replace(['\n', '\r'], " ");
        stream.extend_from_slice(format!("2026-03-02 08:{minute:02}:{second:02} WARN {line} {i}\n").as_bytes());
    }
    stream.extend_from_slice(b"{\"broken\x1b]0;t\x07\n\xff\xfe\x1b[2J\x9b31m\n\x1b]0;last\x07");
    stream
}

fn forged_findings() -> String {
    let text = json(HOSTILE);
    format!(
        "{{\"id\":{text},\"detector\":\"loop\",\"kind\":{text},\"state\":\"open\",\"severity\":\"critical\",\
         \"respond_within\":{text},\"key\":{{{text}:{text}}},\"opened_at\":\"2026-03-02T08:41:12Z\",\"count\":3,\
         \"summary\":{text},\"evidence\":{{\"observed\":3,\"expected\":1,\"unit\":{text},\"test\":{text},\"p_value\":1e-9,\
         \"samples\":5,\"window_s\":2,\"example\":[{text}]}},\"cause\":{text},\"remedy\":{text},\"context\":[{text}]}}\n\
         {{\"id\":\"r{id}\",\"detector\":\"rule\",\"rule\":{text},\"kind\":{text},\"state\":\"resolved\",\"severity\":\"info\",\
         \"opened_at\":\"2026-03-02T08:41:12Z\",\"summary\":{text}}}\n",
        id = &text[1..text.len() - 1],
    )
}

/// A file name with every kind of byte that a name can have.
fn hostile_name(ending: &str) -> OsString {
    let mut name = HOSTILE.replace('/', "").into_bytes();
    name.extend_from_slice(b"\xff");
    name.extend_from_slice(ending.as_bytes());
    OsStr::from_bytes(&name).to_owned()
}

/// Valid rules with hostile text wherever text can be, and tests that fail.
fn valid_rule() -> String {
    let line = HOSTILE.replace(['\n', '\r'], " ");
    let text = "\\x1b]0;t\\x07\\u009b\\u202e\\nseismolog: forged";
    format!(
        "//! Says {line}\nconst RULE = #{{ severity: \"warning\", key: [\"module\"], select: #{{ message: #{{ contains: \"seismolog: forged\" }} }} }};\n\
         fn on_event(e) {{ print(\"{text}\"); if e.n == 1 {{ throw \"{text}\"; }} finding(#{{ summary: \"{text}\", cause: \"{text}\" }}); }}\n\
         const TESTS = [#{{ name: \"{text}\", given: [#{{ message: \"{line} x\" }}], expect: [#{{ rule: \"{text}\" }}] }}];\n"
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    #[track_caller]
    fn try_out(&self, args: &[&OsStr], input: &[u8]) -> Printed {
        let printed = print(self.0.path(), args, input);
        assert_harmless(&printed, false);
        printed
    }
}

fn args<'a>(words: &'a [&'a str]) -> Vec<&'a OsStr> {
    words.iter().map(OsStr::new).collect()
}

fn folder() -> Folder {
    Folder(tempfile::tempdir().unwrap())
}

#[test]
fn streams_and_forged_findings_steer_no_terminal() {
    let folder = folder();
    let log = folder.write(hostile_name(".log"), events());
    let log = log.file_name().unwrap();
    for words in [
        &["replay", "--limit", "500"][..],
        &["replay", "--json"],
        &["templates"],
        &["templates", "--json"],
        &["templates", "--lines"],
        &["inspect"],
        &["inspect", "--summary"],
        &["inspect", "--summary", "--json"],
    ] {
        let mut all = args(words);
        all.push(log);
        let printed = folder.try_out(&all, b"");
        assert!(printed.stdout.len() > 100, "{words:?} says nothing");
        if words.contains(&"--json") {
            serde_json::from_slice::<serde_json::Value>(&printed.stdout).unwrap();
        }
    }
    let findings = folder.write(hostile_name(".json"), forged_findings());
    let printed = folder.try_out(&[OsStr::new("explain"), findings.file_name().unwrap()], b"");
    let told = String::from_utf8(printed.stdout).unwrap();
    assert!(told.contains("Incident \\u{1b}]0;owned\\u{7}"), "{told}");
    let by_id = [OsStr::new("explain"), findings.file_name().unwrap(), OsStr::new("--id"), OsStr::new(HOSTILE)];
    let printed = folder.try_out(&by_id, b"");
    assert!(printed.stdout.len() + printed.stderr.len() > 20, "nothing is said of the id");
    // Colours are forced, as on a terminal; only seismolog's own are allowed.
    let printed = print(folder.0.path(), &args(&["--color", "always"]), &events());
    assert!(printed.stdout.len() > 10_000);
    assert_harmless(&printed, true);
    let printed = folder.try_out(&args(&["demo", "--show", "--minutes", "3", "--faults", "all"]), b"");
    assert!(printed.stdout.len() > 100, "the demo shows nothing");
}

#[test]
fn rules_and_tables_steer_no_terminal() {
    let folder = folder();
    folder.write(Path::new("good").join(hostile_name(".rhai")), valid_rule());
    for command in [
        &["rules", "good"][..],
        &["rules", "--json", "good"],
        &["check", "good"],
        &["test", "good"],
        &["rules", "good", "--profile", "events"],
    ] {
        folder.write("events", events());
        let printed = folder.try_out(&args(command), b"");
        assert!(!printed.stdout.is_empty() || !printed.stderr.is_empty() || command[0] == "check", "{command:?}");
    }
    // The log of a filter has what rules print and how they fail.
    let mut running = print(folder.0.path(), &args(&["--rules", "good", "--log-near-misses"]), &events());
    running.stdout.clear();
    assert!(running.stderr.len() > 1_000, "neither prints nor failures of the rules are in the log");
    assert_harmless(&running, false);
    let junit = args(&["test", "good", "--junit", "junit.xml"]);
    folder.try_out(&junit, b"");
    let xml = fs::read_to_string(folder.0.path().join("junit.xml")).unwrap();
    assert!(xml.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()) && !xml.contains('\u{202e}'), "{xml}");
    let line = HOSTILE.replace(['\n', '\r'], " ");
    for (ending, text) in [
        (".rhai", valid_rule().replace("on_event", &format!("\"{line}"))),
        (
            ".rhai",
            format!("const RULE = #{{ \"{line}\": 1, severity: \"{line}\" }};\nfn on_event(e) {{ {line}(1); }}\n"),
        ),
        (
            ".rhai",
            format!("const RULE = #{{}};\nconst X = [\"{line}\"][7];\nfn on_event(e) {{ lookup(\"{line}\", 1); }}\n"),
        ),
        (".toml", format!("[\"{}\"]\na = [1]\n\"{line}\" = 1\n", "\\u001b]0;t\\u0007")),
        (".toml", format!("{line} = \"\n")),
        (".csv", format!("a,b\n\"{line}\nx\n")),
        (".csv", String::from("\x1b]0;t\x07,b\n\x1b]0;t\x07\n")),
    ] {
        let path = folder.write(Path::new("bad").join(hostile_name(ending)), text);
        for command in ["check", "rules", "test"] {
            let printed = folder.try_out(&args(&[command, "bad"]), b"");
            assert!(
                !printed.stderr.is_empty(),
                "{command} finds nothing wrong in {}",
                fs::read_to_string(&path).unwrap()
            );
        }
        let ended = folder.try_out(&args(&["--rules", "bad"]), b"");
        assert!(!ended.stderr.is_empty());
        fs::remove_file(path).unwrap();
    }
    let case = format!(
        "[[test]]\nname = {0}\ngiven = [{{ line = {0} }}]\nexpect = [{{ rule = {0} }}]\n",
        "\"\\u001b]0;t\\u0007\\u009b\\nseismolog: forged\""
    );
    for text in [
        case.clone(),
        format!("config = \"\\u001b]0;t\\u0007\"\n{case}"),
        format!("\"\\u001b]0;t\" = 1\n{case}"),
        format!("{line}\n{case}"),
    ] {
        folder.write(Path::new("tests").join(hostile_name(".test.toml")), text);
        for command in ["check", "test"] {
            let printed = folder.try_out(&args(&[command, "tests"]), b"");
            assert!(!printed.stderr.is_empty() || command == "check");
        }
    }
}

#[test]
fn configurations_names_and_arguments_steer_no_terminal() {
    let folder = folder();
    let escaped = "\\u001b]0;t\\u0007\\u009b\\u202e\\nseismolog: forged";
    let line = HOSTILE.replace(['\n', '\r'], " ");
    let name = hostile_name(".toml");
    for text in [
        format!("[output]\nmember = \"{escaped}\"\n"),
        "[output]\nmember = \"a\u{9b}\u{202e}b\"\n[state]\npath = 'a\u{9b}b'\n".to_owned(),
        format!("[input]\ntimezone = \"{escaped}\"\n"),
        format!("[input]\nfrom = [\"{escaped}\"]\n"),
        format!("[rules]\npaths = [\"{escaped}\"]\nenable = [\"{escaped}\"]\n"),
        format!("[metrics]\naddress = \"{escaped}\"\ntoken_env = \"={escaped}\"\n"),
        format!("[[sink]]\ntype = \"{escaped}\"\n"),
        format!("[[sink]]\ntype = \"file\"\npath = \"nowhere/{escaped}\"\n"),
        format!("[[sink]]\ntype = \"webhook\"\nurl = \"{escaped}\"\ntemplate = \"{{{{ {escaped} }}}}\"\n"),
        format!("[\"{escaped}\"]\n"),
        format!("{line} = 1\n"),
        format!("x = \"{line}\n"),
    ] {
        folder.write(&name, text);
        for words in [&["config", "-c"][..], &["check", "-c"], &["check"], &["-c"], &["rules", "-c"]] {
            let mut all = args(words);
            all.push(&name);
            let printed = folder.try_out(&all, b"{\"message\":\"x\"}\n");
            let says = printed.stdout.len() + printed.stderr.len() > 0;
            // The second text is valid, so `check` prints nothing for it.
            assert!(says || words[0] == "check", "{words:?} says nothing");
        }
    }
    let missing = hostile_name(".nowhere");
    for words in [
        &["replay"][..],
        &["templates"],
        &["explain"],
        &["check"],
        &["test"],
        &["rules"],
        &["config", "-c"],
        &["rules", "--profile"],
        &["--rules"],
        &["-c"],
        &["--log"],
        &["--state"],
        &["--metrics"],
        &["--to"],
        &["--from"],
        &["--color"],
        &["replay", "stdin", "--findings"],
        &["demo", "--minutes", "1", "--faults"],
        &["demo", "--minutes"],
    ] {
        let mut path = OsString::from("stdin/");
        path.push(&missing);
        let mut all = args(words);
        all.push(&path);
        let printed = folder.try_out(&all, b"{\"message\":\"x\"}\n");
        assert!(!printed.stderr.is_empty(), "{words:?} says nothing");
    }
    let mut flag = OsString::from("--");
    flag.push(&missing);
    assert!(!folder.try_out(&[&flag], b"").stderr.is_empty());
    assert!(!folder.try_out(&[&missing], b"").stderr.is_empty());
}
