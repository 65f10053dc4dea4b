//! Checks the width of comments: they are read beside code, in windows narrower than the code that
//! rustfmt allows.

use crate::support::root;
use std::fs;
use std::path::PathBuf;

/// Most characters of a comment line. Rows of tables and doc tests are exempt, because they cannot
/// be broken.
const WIDTH: usize = 100;

#[test]
fn comments_fit_their_width() {
    let mut folders: Vec<PathBuf> = ["src", "core/src", "tests", "benches"].map(|folder| root().join(folder)).into();
    let (mut files, mut wide) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                let text = fs::read_to_string(&path).unwrap();
                let lines = text.lines().enumerate().filter(|(_, line)| is_too_wide(line));
                wide.extend(lines.map(|(i, _)| format!("{}:{}", path.display(), i + 1)));
            }
        }
    }
    assert!(files > 100, "only {files} files were found");
    assert!(wide.is_empty(), "comments wider than {WIDTH}:\n{}", wide.join("\n"));
}

fn is_too_wide(line: &str) -> bool {
    let comment = line.trim_start().strip_prefix("//").map(|comment| comment.trim_start_matches(['/', '!', ' ']));
    comment.is_some_and(|comment| {
        line.chars().count() > WIDTH && !comment.starts_with('|') && !comment.starts_with("let ")
    })
}

#[test]
fn what_is_too_wide_is_found() {
    let words = "a ".repeat(60);
    assert!(is_too_wide(&format!("    /// {words}")) && is_too_wide(&format!("//! {words}")));
    assert!(!is_too_wide(&format!("//! | {words} |")) && !is_too_wide(&words) && !is_too_wide("// short"));
}
