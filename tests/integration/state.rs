//! Tests that state survives a restart: a stream with a restart in between has the same findings as
//! without.

use crate::support::{Filter, command, golden_input, run, until};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Twenty-five minutes of a service with one line a second, of which one in ten is a known warning;
/// then a new error.
fn stream() -> String {
    let mut text = String::new();
    for i in 0..1_500 {
        let level = if i % 10 == 0 { "WARN" } else { "INFO" };
        let message = match i {
            1_400 => format!("quorum of bazoku lost at epoch {i}"),
            _ if i % 10 == 0 => format!("slow query took {} ms", i * 7_919 % 997),
            _ => format!("request {} served", i * 7_919 % 10_007),
        };
        let level = if i == 1_400 { "ERROR" } else { level };
        let (minute, second) = (i / 60, i % 60);
        writeln!(
            text,
            r#"{{"time":"2026-03-02T08:{minute:02}:{second:02}Z","level":"{level}","module":"shop","thread":"t{}","message":"{message}"}}"#,
            i % 7
        )
        .unwrap();
    }
    text
}

/// The first `lines` lines, and the rest.
fn cut(text: &str, lines: usize) -> (&str, &str) {
    let at = text.match_indices('\n').nth(lines - 1).unwrap().0 + 1;
    text.split_at(at)
}

fn found(output: &[u8]) -> usize {
    let text = String::from_utf8_lossy(output).into_owned();
    text.lines().filter(|line| line.contains(r#""detector":"novelty""#) && line.contains(r#""state":"open""#)).count()
}

fn damaged(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".damaged")).collect()
}

#[test]
fn a_stream_cut_by_a_restart_shows_what_the_whole_shows() {
    let looping = String::from_utf8(golden_input("loop_opens_goes_on_resolves")).unwrap();
    for (text, places) in [(stream(), [700, 1_398, 1_401]), (looping, [100, 510, 560])] {
        let whole = run(&[], text.as_bytes()).quietly();
        assert!(whole.len() > text.len(), "there is no finding to be lost");
        for place in places {
            let folder = tempfile::tempdir().unwrap();
            let args = ["--state", folder.path().to_str().unwrap()];
            let (first, second) = cut(&text, place);
            let mut output = run(&args, first.as_bytes()).quietly();
            output.extend(run(&args, second.as_bytes()).quietly());
            assert!(output == whole, "cut at {place}: {}", String::from_utf8_lossy(&output));
        }
    }
}

#[test]
fn after_a_kill_it_goes_on_from_the_last_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("s.toml");
    fs::write(&config, "[state]\npath = \"kept\"\ninterval = \"1s\"\n").unwrap();
    let args = ["-c", config.to_str().unwrap()];
    let text = stream();
    let (first, second) = cut(&text, 1_390);
    let mut filter = Filter::in_pipes(&args);
    filter.feed(first.as_bytes());
    first.lines().for_each(|_| drop(filter.line()));
    let (kept, delivered) = (folder.path().join("kept/seismolog.state"), SystemTime::now());
    let written = || fs::metadata(&kept).ok()?.modified().ok();
    until("a snapshot of all that was delivered", || (written()? > delivered).then_some(()));
    filter.signal("KILL");
    drop(filter);
    let output = run(&args, second.as_bytes()).quietly();
    assert_eq!(found(&output), 1, "one that has just started knows nothing of what is new");
    assert_eq!(found(&run(&[], second.as_bytes()).quietly()), 0);
}

#[test]
fn a_run_whose_output_fails_keeps_what_it_has_learned() {
    let text = stream();
    let (first, second) = cut(&text, 1_390);
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
    // The reader closes the output. The state includes the line whose write fails, and all before
    // it.
    let gone = path("gone");
    let mut filter = Filter::in_pipes(&["--state", &gone]);
    filter.feed(first.as_bytes());
    first.lines().for_each(|_| drop(filter.line()));
    drop(filter.stdout.take());
    filter.feed(b"{\"message\":\"one more\"}\n");
    let (status, stderr) = filter.wait();
    assert_eq!(status.code(), Some(74), "{stderr}");
    // The output cannot be written at all.
    let full = path("full");
    fs::write(folder.path().join("in"), first).unwrap();
    let mut command = command(&["--state", &full]);
    command.stdin(fs::File::open(folder.path().join("in")).unwrap());
    command.stdout(fs::File::options().write(true).open("/dev/full").unwrap());
    let ended = Filter::start(&mut command).finish();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for state in [gone, full] {
        assert_eq!(found(&run(&["--state", &state], second.as_bytes()).quietly()), 1, "{state}");
    }
}

#[test]
fn a_damaged_or_foreign_state_is_set_aside_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--state", folder.path().to_str().unwrap()];
    let text = stream();
    let (first, second) = cut(&text, 1_390);
    run(&args, first.as_bytes()).quietly();
    let kept = folder.path().join("seismolog.state");
    let mut bytes = fs::read(&kept).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    for (damage, said) in
        [(bytes.clone(), "checksum"), (bytes[..100].to_vec(), "cut off"), (b"#!/bin/sh\n".to_vec(), "no state")]
    {
        fs::write(&kept, damage).unwrap();
        let ended = run(&args, second.as_bytes());
        assert!(ended.stderr.contains(said) && ended.stderr.contains(".damaged"), "{}", ended.stderr);
        assert_eq!((ended.code, found(&ended.stdout)), (Some(0), 0));
    }
    assert_eq!(damaged(folder.path()).len(), 3);
}

#[test]
fn a_detector_whose_settings_changed_starts_anew_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("kept");
    let config = folder.path().join("s.toml");
    let text = stream();
    let (first, second) = cut(&text, 1_390);
    run(&["--state", state.to_str().unwrap()], first.as_bytes()).quietly();
    fs::write(&config, "[detector.burst]\nwindows = [\"30s\"]\n[detector.silence]\nkeys = [\"host\"]\n").unwrap();
    let ended = run(&["--state", state.to_str().unwrap(), "-c", config.to_str().unwrap()], second.as_bytes());
    assert!(
        ended
            .stderr
            .contains("the burst detector starts with empty state: the snapshot does not fit: its windows were others")
            && ended.stderr.contains(
                "the silence detector starts with empty state: the snapshot does not fit: its keys were others"
            ),
        "{}",
        ended.stderr
    );
    // The novelty detector still knows what it learned.
    assert_eq!((ended.code, found(&ended.stdout)), (Some(0), 1));
    assert_eq!(damaged(&state), [] as [String; 0]);
}

#[test]
fn two_processes_do_not_share_a_state() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--state", folder.path().to_str().unwrap()];
    let mut first = Filter::in_pipes(&args);
    first.feed(b"{\"message\":\"x\"}\n");
    first.line();
    let second = run(&args, b"");
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("another process") && second.stderr.contains("hint"), "{}", second.stderr);
    first.finish().quietly();
}
