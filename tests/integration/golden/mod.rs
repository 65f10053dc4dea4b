//! Golden tests: `golden/NAME/` holds the input of a case and its expected output.
//!
//! | file | content |
//! | --- | --- |
//! | `args` | one argument a line; none without it |
//! | `input` | standard input, as a regular file; empty without it |
//! | `stdout` | standard output, byte for byte; empty without it |
//! | `stderr` | standard error; empty without it |
//! | `log` | what the program wrote to `{dir}/log.txt`; nothing without it |
//! | `code` | the exit code; 0 without it |
//!
//! The folder is copied to a temporary one for the run; `{dir}` in `args` and in expected output
//! stands for that copy. The environment is empty. To record the current output: `UPDATE_GOLDEN=1
//! cargo test --test integration golden`, then read the difference in git before committing it.

use crate::support::{Filter, command, root, shown};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;

#[test]
fn every_case_does_as_recorded() {
    let mut cases: Vec<_> = fs::read_dir(root().join("tests/integration/golden"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() > 30, "cases are missing: only {} are there", cases.len());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let failures: Vec<String> = cases.iter().filter_map(|case| run_case(case, update).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases differ\n\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn run_case(case: &Path, update: bool) -> Result<(), String> {
    let copy = tempfile::tempdir().unwrap();
    let dir = copy.path().to_str().unwrap();
    copy_folder(case, copy.path());
    let args = String::from_utf8(content(&case.join("args"))).unwrap().replace("{dir}", dir);
    let args: Vec<&str> = args.lines().collect();
    let input = copy.path().join("input");
    let stdin = if input.exists() { Stdio::from(fs::File::open(input).unwrap()) } else { Stdio::null() };
    let ended = Filter::start(command(&args).stdin(stdin).stdout(Stdio::piped())).finish();

    let got = [
        ("stdout", replaced(&ended.stdout, dir, "{dir}")),
        ("stderr", ended.stderr.replace(dir, "{dir}").into_bytes()),
        ("log", replaced(&content(&copy.path().join("log.txt")), dir, "{dir}")),
        ("code", ended.code.filter(|code| *code != 0).map(|code| format!("{code}\n")).unwrap_or_default().into_bytes()),
    ];
    let mut differences = String::new();
    for (name, got) in got {
        let path = case.join(name);
        let expected = content(&path);
        if got == expected {
            continue;
        }
        if update {
            if got.is_empty() {
                fs::remove_file(&path).unwrap()
            } else {
                fs::write(&path, &got).unwrap()
            }
            continue;
        }
        differences.push_str(&format!("  {name}:\n{}", difference(&expected, &got)));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!("{} ({})\n{differences}", case.file_name().unwrap().display(), args.join(" ")))
}

/// The lines in which two texts differ, without a common beginning and end.
fn difference(expected: &[u8], got: &[u8]) -> String {
    let (expected, got): (Vec<_>, Vec<_>) = (lines(expected), lines(got));
    let same = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let rest = expected.len().min(got.len()) - same;
    let tail = expected.iter().rev().zip(got.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut text = format!("    @@ line {}\n", same + 1);
    for (sign, side) in [('-', &expected), ('+', &got)] {
        let changed = &side[same..side.len() - tail];
        for line in changed.iter().take(10) {
            text.push_str(&format!("    {sign} {}\n", shown(line)));
        }
        if changed.len() > 10 {
            text.push_str(&format!("    {sign} … and {} lines more\n", changed.len() - 10));
        }
    }
    text
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The file's content; empty if it does not exist.
fn content(path: &Path) -> Vec<u8> {
    match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn replaced(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from.as_bytes()) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to.as_bytes());
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn differences_show_only_what_differs() {
    assert_eq!(difference(b"a\nb\nc\n", b"a\nx\xFF\r\nc\n"), "    @@ line 2\n    - b\\n\n    + x\\xff\\r\\n\n");
    assert_eq!(difference(b"a\n", b"a\na\n"), "    @@ line 2\n    + a\\n\n");
}
