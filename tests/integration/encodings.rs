//! Tests lines in encodings other than UTF-8, and JSON that is not strict: they leave unchanged,
//! and are parsed.

use crate::support::{configured, run};
use serde_json::{Value, from_slice, from_str, json};

/// `2026-03-02 12:45:28 ERROR [loader] 模型加载失败`, in GB 18030.
const TEXT: &[u8] = b"2026-03-02 12:45:28 ERROR [loader] \xc4\xa3\xd0\xcd\xbc\xd3\xd4\xd8\xca\xa7\xb0\xdc\n";
/// `{"level":"error","msg":"连接超时","module":"网关"}`, in GB 18030.
const JSON: &[u8] =
    b"{\"level\":\"error\",\"msg\":\"\xc1\xac\xbd\xd3\xb3\xac\xca\xb1\",\"module\":\"\xcd\xf8\xb9\xd8\"}\n";

fn utf16(text: &str, little: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// A rule that makes a finding of every error.
fn rules() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let finds = "const RULE = #{ severity: \"warning\", select: #{ level: \"ERROR\" } };\n\
                 fn on_event(e) { finding(#{ summary: `${e.message} 已发生` }); }\n";
    std::fs::write(folder.path().join("finds.rhai"), finds).unwrap();
    folder
}

#[test]
fn raw_bytes_pass_whatever_they_are() {
    let text = "2026-03-02 12:45:28 ERROR 模型加载失败\r\n{\"msg\":\"连接超时\"}\n\nplain\u{a0a}\n";
    let streams = [
        [TEXT, JSON].concat(),
        utf16(&format!("\u{feff}{text}"), true),
        utf16(text, false),
        b"caf\xe9\n\xff\n".to_vec(),
    ];
    for input in streams {
        for encoding in ["auto", "gb18030", "latin-1", "utf-8", "utf-16"] {
            let (_folder, config) = configured(&format!("[input]\nencoding = \"{encoding}\"\n"));
            let ended = run(&["-c", &config, "--no-shipped-rules", "--text", "raw"], &input);
            assert_eq!((ended.code, ended.stdout == input), (Some(0), true), "{encoding}: {}", ended.stderr);
        }
    }
}

#[test]
fn what_is_decoded_leaves_as_json_and_json_as_it_came() {
    let input = [TEXT, JSON].concat();
    let out = run(&["--no-shipped-rules"], &input).quietly();
    let (text, json) = out.split_at(out.len() - JSON.len());
    assert_eq!(json, JSON);
    let text: Value = from_slice(text).unwrap();
    assert_eq!((&text["level"], &text["message"]), (&json!("ERROR"), &json!("模型加载失败")));

    // Encodings cannot be mixed in one stream, so everything leaves as UTF-8.
    let text = "12:00:01 plain 错误\r\n\n{\"msg\":\"连接超时\"}\n";
    for little in [true, false] {
        let out = run(&["--no-shipped-rules"], &utf16(&format!("\u{feff}{text}"), little)).quietly();
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<_> = out.lines().collect();
        assert!(from_str::<Value>(lines[0]).unwrap()["message"].as_str().unwrap().ends_with("plain 错误"), "{out}");
        assert_eq!(lines[1..], ["", "{\"msg\":\"连接超时\"}"]);
    }
}

#[test]
fn a_finding_on_an_event_of_another_encoding_is_ascii() {
    let rules = rules();
    let rules = rules.path().to_str().unwrap();
    let out = run(&["--no-shipped-rules", "--rules", rules], JSON).quietly();
    assert!(out.is_ascii());
    let event: Value = from_slice(&out).unwrap();
    assert_eq!((&event["msg"], &event["module"]), (&json!("连接超时"), &json!("网关")));
    assert_eq!(event["anomalies"][0]["summary"], "连接超时 已发生");

    let little = utf16("\u{feff}{\"level\":\"error\",\"msg\":\"连接超时\"}\n", true);
    let out = run(&["--no-shipped-rules", "--rules", rules, "--text", "raw"], &little).quietly();
    let (units, rest) = out.as_chunks::<2>();
    let text = String::from_utf16(&units.iter().map(|unit| u16::from_le_bytes(*unit)).collect::<Vec<_>>()).unwrap();
    assert!(rest.is_empty() && from_str::<Value>(&text).unwrap()["anomalies"][0]["state"] == "open", "{text}");
}

#[test]
fn json_that_is_not_strict_is_read_and_never_spliced() {
    let rules = rules();
    let rules = rules.path().to_str().unwrap();
    let line = "{\"level\":\"error\",\"msg\":\"loss\tdiverged\",\"loss\": NaN,}\n";
    let ended = run(&["--no-shipped-rules", "--rules", rules], line.as_bytes());
    let out = String::from_utf8(ended.stdout).unwrap();
    let (finding, event) = out.split_once('\n').unwrap();
    assert_eq!(event, line, "as it came");
    assert_eq!(from_str::<Value>(finding).unwrap()["anomalies"][0]["summary"], "loss\tdiverged 已发生");
    assert!(ended.stderr.contains("no strict JSON"), "{}", ended.stderr);
    // The output must be valid JSON once a rule adds a member, so the event leaves as the strict
    // JSON that was parsed.
    let adds = tempfile::tempdir().unwrap();
    let rule = "const RULE = #{ select: #{ level: \"error\" } };\nfn on_event(e) { annotate(\"seen\", true); }\n";
    std::fs::write(adds.path().join("adds.rhai"), rule).unwrap();
    let out = run(&["--no-shipped-rules", "--rules", adds.path().to_str().unwrap()], line.as_bytes()).stdout;
    let out: Value = from_str(std::str::from_utf8(&out).unwrap()).unwrap();
    assert_eq!(out, json!({ "level": "error", "msg": "loss\tdiverged", "loss": null, "seen": true }));
    // A secret that a mask finds in such an event does not leave.
    let secret = "{\"msg\":\"password=hunter2, so\",\"loss\": NaN}\n";
    let (_folder, config) = configured("[rules]\nenable = [\"mask_secrets\"]\n");
    let out = String::from_utf8(run(&["-c", &config], secret.as_bytes()).stdout).unwrap();
    assert_eq!(from_str::<Value>(&out).unwrap(), json!({ "msg": "password=***, so", "loss": null }));
}

/// `inspect` reads a file in the encoding that is configured for the input.
#[test]
fn inspect_reads_the_encoding_of_the_input() {
    let (folder, config) = configured("[input]\nencoding = \"utf-16\"\n");
    let file = folder.path().join("utf16.log");
    std::fs::write(&file, utf16("\u{feff}2026-03-02 12:45:28 ERROR [loader] 模型加载失败\r\n", true)).unwrap();
    let out = run(&["inspect", "-c", &config, "--json", file.to_str().unwrap()], b"").quietly();
    let line: Value = from_slice(&out).unwrap();
    let value = |role: &str| line["roles"][role]["value"].clone();
    assert_eq!(
        (value("level"), value("message"), value("module")),
        (json!("ERROR"), json!("模型加载失败"), json!("loader"))
    );
}
