//! What the architecture promises, held against the source: a pure engine, a short `main`, files of
//! one idea.
//!
//! The source is read as tokens, so that comments, strings and line breaks neither hide a violation
//! nor make one; `use` trees are unfolded into whole paths. Unit tests inside of a file are left
//! out: they may read what they like.

use crate::support::root;
use std::fs;
use std::path::{Path, PathBuf};

/// Paths that the pure parts must not name, as prefixes.
const IMPURE_PATHS: [&str; 10] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "tokio",
    "crate::io",
];
/// Words that they must not contain, wherever they come from.
const IMPURE_WORDS: [&str; 2] = ["Instant", "SystemTime"];
/// Macros that they must not call.
const IMPURE_MACROS: [&str; 6] = ["println", "eprintln", "print", "eprint", "dbg", "thread_local"];
/// Types that let a `static` change.
const CELLS: [&str; 11] = [
    "Cell",
    "RefCell",
    "UnsafeCell",
    "OnceCell",
    "LazyCell",
    "Mutex",
    "RwLock",
    "OnceLock",
    "LazyLock",
    "Once",
    "SyncUnsafeCell",
];

#[test]
fn engine_and_events_are_pure() {
    let files = rust_files("core/src");
    assert!(files.len() > 20, "the folders have moved: only {} files are there", files.len());
    let violations: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let module = module_of(file);
            let text = fs::read_to_string(root().join(file)).unwrap();
            violations(&text, &module).into_iter().map(|what| format!("{}: {what}", file.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn main_is_short() {
    let lines = fs::read_to_string(root().join("src/main.rs")).unwrap().lines().count();
    assert!(lines < 60, "src/main.rs has {lines} lines");
}

#[test]
fn files_hold_one_idea() {
    let too_long: Vec<String> = ["src", "core/src", "tests", "benches"]
        .iter()
        .flat_map(|folder| rust_files(folder))
        .filter_map(|file| {
            let lines = lines_of_code(&fs::read_to_string(root().join(&file)).unwrap());
            (lines > 500).then(|| format!("{}: {lines} lines without its tests, the most is 500", file.display()))
        })
        .collect();
    assert!(too_long.is_empty(), "{}", too_long.join("\n"));
}

/// Every Rust file below a folder of the crate, relative to the crate.
pub(crate) fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.retain(|file| !is_test_file(file));
    files.sort();
    files
}

/// `tests.rs` and `…_tests.rs` hold the unit tests of the file beside them, a folder `tests` those
/// of its module.
fn is_test_file(file: &Path) -> bool {
    (file.starts_with("src") || file.starts_with("core/src"))
        && (file.iter().any(|part| part == "tests") || has_test_name(file))
}

fn has_test_name(file: &Path) -> bool {
    file.file_stem().unwrap().to_str().is_some_and(|stem| stem == "tests" || stem.ends_with("_tests"))
}

/// `core/src/engine/stats/mod.rs` → `["engine", "stats"]`.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.strip_prefix("core/src").unwrap().with_extension("");
    let mut parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

// ---- Rust as tokens

/// Words, numbers and single signs; comments, strings, characters and lifetimes leave nothing but
/// their place.
fn tokens(text: &str) -> Vec<(usize, String)> {
    let bytes: Vec<char> = text.chars().collect();
    let (mut tokens, mut i, mut line) = (Vec::new(), 0, 1);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while i < bytes.len() {
        let start = i;
        match bytes[i] {
            '/' if bytes.get(i + 1) == Some(&'/') => {
                while i < bytes.len() && bytes[i] != '\n' {
                    i += 1;
                }
            }
            '/' if bytes.get(i + 1) == Some(&'*') => {
                let mut depth = 0;
                loop {
                    match (bytes.get(i), bytes.get(i + 1)) {
                        (Some('/'), Some('*')) => (depth, i) = (depth + 1, i + 2),
                        (Some('*'), Some('/')) => (depth, i) = (depth - 1, i + 2),
                        (Some(_), _) => i += 1,
                        (None, _) => break,
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            '"' => i = string_end(&bytes, i),
            '\'' => {
                // 'a' and '\n' are characters; 'a without an end is a lifetime.
                if bytes.get(i + 1) == Some(&'\\') {
                    i += 3;
                    while bytes.get(i).is_some_and(|c| *c != '\'') {
                        i += 1;
                    }
                    i += 1;
                } else if bytes.get(i + 2) == Some(&'\'') {
                    i += 3;
                } else {
                    i += 1;
                    while bytes.get(i).copied().is_some_and(is_word) {
                        i += 1;
                    }
                }
            }
            c if is_word(c) => {
                while bytes.get(i).copied().is_some_and(is_word) {
                    i += 1;
                }
                let word: String = bytes[start..i].iter().collect();
                let hashes = bytes[i..].iter().take_while(|c| **c == '#').count();
                match (word.as_str(), bytes.get(i + hashes)) {
                    ("r" | "br" | "cr", Some('"')) => {
                        let end = format!("\"{}", "#".repeat(hashes));
                        let rest: String = bytes[i + hashes + 1..].iter().collect();
                        let length =
                            rest.find(&end).map_or(rest.chars().count(), |at| rest[..at].chars().count() + end.len());
                        i += hashes + 1 + length;
                    }
                    ("b" | "c", Some('"')) if hashes == 0 => i = string_end(&bytes, i),
                    ("b", Some('\'')) if hashes == 0 => {}
                    // A raw name is the name: r#loop.
                    ("r", Some(c)) if hashes == 1 && is_word(*c) => i += 1,
                    _ => tokens.push((line, word)),
                }
            }
            c if c.is_whitespace() => i += 1,
            c => {
                tokens.push((line, c.to_string()));
                i += 1;
            }
        }
        line += bytes[start..i.min(bytes.len())].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// One past the closing quote of the string whose opening quote is at `at`.
fn string_end(text: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while let Some(c) = text.get(i) {
        match c {
            '"' => return i + 1,
            '\\' => i += 2,
            _ => i += 1,
        }
    }
    text.len()
}

/// The tokens without what is compiled for tests only.
fn without_tests(tokens: &[(usize, String)]) -> Vec<(usize, String)> {
    let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut i) = (Vec::new(), 0);
    while i < tokens.len() {
        if !tokens[i..].iter().map(|(_, token)| token.as_str()).take(marker.len()).eq(marker) {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        i += marker.len();
        // The item ends with the first semicolon, or with the brace that closes the first one
        // opened.
        let mut depth = 0;
        while let Some((_, token)) = tokens.get(i) {
            i += 1;
            match token.as_str() {
                "{" | "[" | "(" => depth += 1,
                "}" | "]" | ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(token.as_str(), "}" | ";") {
                break;
            }
        }
    }
    kept
}

/// Lines without those of items that are compiled for tests only.
fn lines_of_code(text: &str) -> usize {
    let all = tokens(text);
    let kept = without_tests(&all);
    let lines =
        |tokens: &[(usize, String)]| tokens.iter().map(|(line, _)| *line).collect::<std::collections::BTreeSet<_>>();
    let tests: Vec<usize> = lines(&all).difference(&lines(&kept)).copied().collect();
    // Blank lines and comments between two lines of a test are the test's; tests stand last, in one
    // piece.
    let of_tests = tests.first().zip(tests.last()).map_or(0, |(first, last)| last - first + 1);
    let between = kept.iter().any(|(line, _)| tests.first() < Some(line) && Some(line) < tests.last());
    text.lines().count() - if between { tests.len() } else { of_tests }
}

/// All that a file must not contain, each with its line.
fn violations(text: &str, module: &[String]) -> Vec<String> {
    let tokens = without_tests(&tokens(text));
    let mut found = Vec::new();
    for (line, path) in paths(&tokens, module) {
        let inside =
            |prefix: &&&str| path.strip_prefix(**prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        if let Some(prefix) = IMPURE_PATHS.iter().find(inside) {
            found.push(format!("line {line} names {path} ({prefix} is impure)"));
        }
    }
    for (i, (line, token)) in tokens.iter().enumerate() {
        let next = |n: usize| tokens.get(i + n).map_or("", |(_, token)| token.as_str());
        let called = IMPURE_MACROS.contains(&token.as_str()) && next(1) == "!";
        if called || IMPURE_WORDS.contains(&token.as_str()) {
            found.push(format!("line {line} uses {token}"));
        }
        // `'static` left no token behind: this is a declaration.
        if token != "static" {
            continue;
        }
        if next(1) == "mut" {
            found.push(format!("line {line} declares a static mut"));
        }
        let kind = tokens[i..].iter().take_while(|(_, token)| token != "=" && token != ";");
        for (_, part) in kind {
            if CELLS.contains(&part.as_str()) || part.starts_with("Atomic") {
                found.push(format!("line {line} declares a static that can change: {part}"));
            }
        }
    }
    found
}

/// Every path of two or more segments, `use` trees unfolded, `self` and `super` at its head
/// resolved.
fn paths(tokens: &[(usize, String)], module: &[String]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let (line, token) = &tokens[i];
        if token == "use" && (i == 0 || tokens[i - 1].1 != ":") {
            let end = (i..tokens.len()).find(|&j| tokens[j].1 == ";").unwrap_or(tokens.len());
            for (line, path) in unfolded(&tokens[i + 1..end], "") {
                found.push((line, resolved(&path, module)));
            }
            i = end;
            continue;
        }
        if !is_name(token) {
            i += 1;
            continue;
        }
        let mut path = token.clone();
        while i + 3 < tokens.len() && tokens[i + 1].1 == ":" && tokens[i + 2].1 == ":" && is_name(&tokens[i + 3].1) {
            path = format!("{path}::{}", tokens[i + 3].1);
            i += 3;
        }
        if path.contains("::") {
            found.push((*line, resolved(&path, module)));
        }
        i += 1;
    }
    found
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// `a::{b, c::d}` → `a::b`, `a::c::d`.
fn unfolded(tree: &[(usize, String)], prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for i in 0..=tree.len() {
        let token = tree.get(i).map(|(_, token)| token.as_str());
        match token {
            Some("{") => depth += 1,
            Some("}") => depth -= 1,
            Some(",") | None if depth == 0 => {
                let branch = &tree[start..i];
                start = i + 1;
                let open = branch.iter().position(|(_, token)| token == "{");
                let head: Vec<_> = branch[..open.unwrap_or(branch.len())]
                    .iter()
                    .map(|(_, token)| token.as_str())
                    .take_while(|token| *token != "as")
                    .filter(|token| *token != ":")
                    .collect();
                let path = [prefix, &head.join("::")]
                    .iter()
                    .filter(|part| !part.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join("::");
                match (open, branch.first()) {
                    (Some(open), _) => found.extend(unfolded(&branch[open + 1..branch.len() - 1], &path)),
                    (None, Some((line, _))) => found.push((*line, path)),
                    (None, None) => {}
                }
            }
            _ => {}
        }
    }
    found
}

fn resolved(path: &str, module: &[String]) -> String {
    let mut parts = path.split("::").peekable();
    let mut base = module.to_vec();
    match parts.peek() {
        Some(&"self") => drop(parts.next()),
        Some(&"super") => {
            while parts.next_if_eq(&"super").is_some() {
                base.pop();
            }
        }
        _ => return path.replace("core::", "std::").replace("alloc::", "std::").replace("seismolog::", "crate::"),
    }
    ["crate"].into_iter().chain(base.iter().map(String::as_str)).chain(parts).collect::<Vec<_>>().join("::")
}

#[test]
fn violations_are_found_however_they_are_written() {
    let module = ["engine".to_owned(), "stats".to_owned()];
    for text in [
        "use std::fs;",
        "use std::{collections::BTreeMap, net::TcpStream};",
        "use std::{\n    time::{Duration, Instant},\n};",
        "use std::time as t; fn f() { t::SystemTime::now(); }",
        "fn f() { std::thread::spawn(|| {}); }",
        "fn f() { core::fs::read(); }",
        "use tokio::sync::Mutex;",
        "use crate::io::clock;",
        "use crate::{io, event};",
        "use super::super::io::clock;",
        "fn f() { super::super::io::clock::now(); }",
        "use std::io::stdout;",
        "fn f() { println!(\"x\"); }",
        "fn f() { eprintln ! (\"x\"); }",
        "static mut N: u8 = 0;",
        "static N: std::sync::atomic::AtomicU64 = AtomicU64::new(0);",
        "pub(crate) static N: Wrapper<RefCell<u8>> = f();",
        "thread_local! { static N: u8 = 0; }",
        "#[cfg(test)] mod tests {} use std::env;",
        "const S: &str = \"//\"; use std::process;",
        "const C: char = '\"'; use std::process; const D: char = '\"';",
        "const R: &str = r#\"\"#; use std::process;",
        "fn f<'a>(x: &'a str) { std::env::var(x); }",
    ] {
        assert!(!violations(text, &module).is_empty(), "{text}");
    }
    for text in [
        "// use std::fs;",
        "/* use std::fs; /* */ println!() */ use std::fmt;",
        "/// println!(\"x\")\nfn f() {}",
        "const S: &str = \"use std::fs; println!()\";",
        "const S: &str = r#\"\" use std::fs;\"#;",
        "#[cfg(test)] mod tests { use std::fs; fn f() { println!(); } }",
        "#[cfg(test)] use std::fs; use std::fmt;",
        "static N: &[u8] = &[]; fn f(x: &'static str) -> Cell<u8> { x }",
        "use std::io; use std::time::Duration; use super::io_like;",
        "use super::io;",
        "struct Print { print: u8 } fn f(p: Print) { p.print; }",
        "impl std::iofoo::X for Y {}",
    ] {
        assert_eq!(violations(text, &module), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn tests_are_not_counted_as_code() {
    assert_eq!(lines_of_code("a\nb\n\n#[cfg(test)]\nmod tests {\n    c\n}\n"), 3);
    assert_eq!(lines_of_code("a\n// b\n"), 2);
}
