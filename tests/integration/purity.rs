//! Checks the architecture's promises against the source: a pure core, a short `main`, short files.
//!
//! Clippy refuses in core what `core/clippy.toml` lists, and `make check` fails then. These tests
//! try that list, and search the source for what clippy cannot refuse.

use crate::support::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Types that make a `static` mutable.
const CELLS: [&str; 11] = [
    "Cell<",
    "RefCell<",
    "OnceCell<",
    "LazyCell<",
    "Mutex<",
    "RwLock<",
    "OnceLock<",
    "LazyLock<",
    "Condvar",
    "Once ",
    "Atomic",
];

/// Code that core must not contain, one case on each line.
const IMPURE: &str = r#"
pub fn a() { let _ = std::fs::read("x"); }
pub fn b() -> std::io::Result<std::fs::File> { Err(std::io::ErrorKind::Other.into()) }
pub fn c() { let _ = std::path::Path::new("x").exists(); }
pub fn d() -> Option<std::net::TcpStream> { None }
pub fn e() { std::thread::spawn(|| {}); }
pub fn f() { use std::{thread as t, time::Duration}; t::sleep(Duration::ZERO); }
pub fn g() { let _ = std::env::var("x"); }
pub fn h() { std::process::exit(0); }
pub fn i() { let _ = std::time::SystemTime::now(); }
pub fn j(_: std::time::Instant) {}
pub fn k() { use std::io::Write; let _ = std::io::stdout().write(b"x"); }
pub fn l() { println!("x"); }
pub fn m() { eprintln ! ("x"); }
pub fn n() { dbg!(1); }
std::thread_local! { static O: u8 = const { 0 }; }
"#;

/// Code that core may contain.
const PURE: &str = r#"
pub fn a() -> std::time::Duration { std::time::Duration::ZERO }
pub fn b(_: std::net::IpAddr) -> Result<(), std::io::Error> { Ok(()) }
pub fn c() -> &'static str { "std::fs::read(); println!()" }
pub struct Print { pub print: u8 }
// std::fs::read("x");
pub fn d() { std::process::ExitCode::SUCCESS; }
"#;

#[test]
fn clippy_refuses_what_core_must_not_do_and_nothing_else() {
    let numbers: BTreeSet<usize> = IMPURE.lines().enumerate().skip(1).map(|(i, _)| i + 1).collect();
    assert_eq!(refused(IMPURE), numbers, "of\n{IMPURE}");
    assert_eq!(refused(PURE), BTreeSet::new(), "of\n{PURE}");
}

/// The lines of a source that clippy refuses with core's configuration.
fn refused(source: &str) -> BTreeSet<usize> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lib.rs"), source).unwrap();
    let groups =
        ["disallowed_types", "disallowed_methods", "disallowed_macros", "print_stdout", "print_stderr", "dbg_macro"];
    let said = Command::new("clippy-driver")
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--error-format=short", "-Aunused", "lib.rs"])
        .args(groups.map(|lint| format!("-Dclippy::{lint}")))
        .current_dir(folder.path())
        .env("CLIPPY_CONF_DIR", root().join("core"))
        .output()
        .expect("clippy is needed here (rustup component add clippy)");
    let said = String::from_utf8(said.stderr).unwrap();
    let errors = said.lines().filter(|line| line.contains(": error"));
    errors.filter_map(|line| line.strip_prefix("lib.rs:")?.split(':').next()?.parse().ok()).collect()
}

#[test]
fn core_has_no_statics_that_change_and_nothing_that_could_touch_the_world() {
    let files = rust_files("core/src");
    assert!(files.len() > 20, "the folders have moved: only {} files are there", files.len());
    for file in files {
        for (i, line) in fs::read_to_string(root().join(&file)).unwrap().lines().enumerate() {
            assert!(!is_static_that_changes(line), "{}:{}: {line}", file.display(), i + 1);
            assert!(!line.contains("clippy::disallowed") || file.ends_with("lib.rs"), "{}: {line}", file.display());
        }
    }
    let manifest: toml::Table = fs::read_to_string(root().join("core/Cargo.toml")).unwrap().parse().unwrap();
    let dependencies = manifest["dependencies"].as_table().unwrap();
    for impure in ["tokio", "mio", "rustix", "libc", "nix", "hyper", "axum", "rand"] {
        assert!(!dependencies.contains_key(impure), "core depends on {impure}");
    }
}

fn is_static_that_changes(line: &str) -> bool {
    let words = line.trim_start();
    let words = words.strip_prefix("pub").map_or(words, |rest| rest.split_once(' ').map_or(rest, |(_, rest)| rest));
    let Some(declared) = words.strip_prefix("static ") else { return false };
    let kind = declared.split(" = ").next().unwrap_or_default();
    declared.starts_with("mut ") || CELLS.iter().any(|cell| format!("{kind} ").contains(cell))
}

#[test]
fn statics_that_change_are_found() {
    for line in [
        "static mut N: u8 = 0;",
        "    static N: std::sync::atomic::AtomicU64 = AtomicU64::new(0);",
        "pub(crate) static N: Wrapper<RefCell<u8>> = f();",
        "pub static ONCE: Once = Once::new();",
    ] {
        assert!(is_static_that_changes(line), "{line}");
    }
    for line in
        ["static N: &[u8] = &[];", "fn f(x: &'static str) -> Cell<u8> {", "pub(super) static T: [Layout; 2] = ["]
    {
        assert!(!is_static_that_changes(line), "{line}");
    }
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

/// Every Rust file below a folder of the crate, with paths relative to the crate.
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

/// Whether the file has unit tests: `tests.rs` and `…_tests.rs` those of the file beside them, a
/// folder `tests` those of its module.
fn is_test_file(file: &Path) -> bool {
    (file.starts_with("src") || file.starts_with("core/src"))
        && (file.iter().any(|part| part == "tests") || has_test_name(file))
}

fn has_test_name(file: &Path) -> bool {
    file.file_stem().unwrap().to_str().is_some_and(|stem| stem == "tests" || stem.ends_with("_tests"))
}

/// Counts lines without the module of unit tests, which rustfmt ends with a brace at the start of a
/// line.
fn lines_of_code(text: &str) -> usize {
    let (mut count, mut lines) = (0, text.lines().peekable());
    while let Some(line) = lines.next() {
        let next = lines.peek().copied().unwrap_or_default();
        if line == "#[cfg(test)]" && next.starts_with("mod ") && next.ends_with('{') {
            lines.by_ref().find(|line| *line == "}");
        } else {
            count += 1;
        }
    }
    count
}

#[test]
fn tests_are_not_counted_as_code() {
    assert_eq!(lines_of_code("a\nb\n\n#[cfg(test)]\nmod tests {\n    c\n}\n"), 3);
    assert_eq!(lines_of_code("a\n// b\n"), 2);
    assert_eq!(lines_of_code("#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod tests {\n}\nb\n"), 3);
}
