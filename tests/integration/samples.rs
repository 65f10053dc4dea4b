//! Checks that real logs of sixteen systems (loghub, 2,000 lines each) pass completely.
//!
//! The samples are not part of the crate. They are in `../shared/data/loghub`, or below
//! `$SEISMOLOG_SHARED_DIR`. These tests fail without the samples; `make test` then skips them with
//! a message, unless `SEISMOLOG_SHARED=required`.

use crate::support::{root, run, shown};
use serde_json::Value;
use std::path::PathBuf;

/// Name and content of each sample.
fn samples() -> Vec<(String, Vec<u8>)> {
    let shared = std::env::var_os("SEISMOLOG_SHARED_DIR").map_or_else(|| root().join("../shared"), PathBuf::from);
    let folder = shared.join("data/loghub");
    assert!(folder.is_dir(), "the samples are not in {}; -E 'not test(samples::)' leaves this out", folder.display());
    let mut samples: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let content = std::fs::read(path.join(format!("{name}_2k.log"))).ok()?;
            Some((name, content))
        })
        .collect();
    samples.sort();
    assert_eq!(
        samples.len(),
        16,
        "there are sixteen samples, not {:?}",
        samples.iter().map(|s| &s.0).collect::<Vec<_>>()
    );
    samples
}

#[test]
fn raw_text_leaves_as_it_came() {
    for (name, log) in samples() {
        let ended = run(&["--text", "raw", "--log", "none"], &log);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{name}");
        if let Some(at) = (0..log.len().max(ended.stdout.len())).find(|&i| log.get(i) != ended.stdout.get(i)) {
            panic!("{name}: byte {at} differs ({} came, {} left)", log.len(), ended.stdout.len());
        }
    }
}

#[test]
fn text_becomes_one_object_a_line_in_order() {
    for (name, log) in samples() {
        let ended = run(&["--log", "none"], &log);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{name}");
        let mut came = log.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        for left in ended.stdout.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            let event: Option<Value> = serde_json::from_slice(left).ok();
            if event.as_ref().is_some_and(|event| event["source"] == "seismolog" && event.get("anomalies").is_some()) {
                continue;
            }
            let line = came.next().unwrap_or_else(|| panic!("{name}: a line more than came: {}", shown(left)));
            let Ok(text) = std::str::from_utf8(line) else {
                assert_eq!(shown(left), shown(line), "{name}: invalid UTF-8 passes untouched");
                continue;
            };
            let event = event.unwrap_or_else(|| panic!("{name}: no JSON: {}", shown(left)));
            let message = event["message"].as_str().unwrap_or_else(|| panic!("{name}: no message: {}", shown(left)));
            assert!(text.contains(message.trim_end()), "{name}: {message:?} is not of {text:?}");
        }
        assert_eq!(came.next().map(shown), None, "{name}: lines are missing");
    }
}
