//! Checks that every path in ARCHITECTURE.md exists.

use crate::purity::rust_files;
use crate::support::root;
use std::fs;

#[test]
fn the_map_has_no_dead_paths() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is needed");
    let paths = paths_in(&map);
    assert!(paths.len() >= 10, "a map that names only {paths:?}");
    let dead: Vec<_> = paths.iter().filter(|path| !exists(path)).collect();
    assert!(dead.is_empty(), "ARCHITECTURE.md names what is not there: {dead:?}");
}

/// Each section below `How to add a …` must list the files that such a change touches.
#[test]
fn what_is_added_has_its_files_listed() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = map.split("\n## ").find(|section| section.starts_with("How to add a")).expect("the section");
    let changes: Vec<&str> = section.split("\n### ").skip(1).collect();
    assert!(changes.len() >= 4, "only {} changes are described", changes.len());
    for change in changes {
        let paths = paths_in(change);
        assert!(paths.len() >= 2 && paths.iter().all(|path| exists(path)), "{paths:?} of {change}");
    }
}

/// All words of a Markdown text that look like paths of this repository.
fn paths_in(text: &str) -> Vec<String> {
    let is_path = |c: char| c.is_alphanumeric() || "_-./{},*#".contains(c);
    let mut paths: Vec<String> = text
        .split(|c| !is_path(c))
        .flat_map(braces)
        .map(|word| {
            word.split('#').next().unwrap().trim_matches([',', '.', '{', '}']).trim_start_matches("./").to_owned()
        })
        .filter(|word| {
            let folder = [
                "src",
                "core",
                "tests",
                "rules",
                "benches",
                "dashboards",
                "docs",
                "fuzz",
                "examples",
                "eval",
                "packaging",
            ]
            .iter()
            .any(|folder| word.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
            let file = [".rs", ".md", ".toml", ".rhai", ".json", ".yml", ".yaml"]
                .iter()
                .any(|end| word.ends_with(end) && word.len() > end.len());
            folder || file
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// `a/{b,c}.rs` → `a/b.rs`, `a/c.rs`.
fn braces(word: &str) -> Vec<String> {
    match (word.find('{'), word.find('}')) {
        (Some(open), Some(close)) if open < close => word[open + 1..close]
            .split(',')
            .flat_map(|part| braces(&format!("{}{part}{}", &word[..open], &word[close + 1..])))
            .collect(),
        _ => word.split(',').map(str::to_owned).collect(),
    }
}

/// Whether a path exists: from the root or, for a file name or the end of a path, anywhere in the
/// source. `*` matches anything.
fn exists(path: &str) -> bool {
    let solid = path.split('*').next().unwrap();
    let solid = if solid.len() < path.len() { solid.rsplit_once('/').map_or("", |(folder, _)| folder) } else { solid };
    root().join(solid).exists()
        || ["src", "core/src", "tests"].iter().flat_map(|folder| rust_files(folder)).any(|file| file.ends_with(solid))
}

#[test]
fn paths_are_found_in_prose() {
    let text = "See [the flow](src/pipeline.rs#L1), `core/src/event/{parser,lines}.rs`, `src/io/`, application/json, `src/a/*.rs`.\n";
    assert_eq!(
        paths_in(text),
        ["core/src/event/lines.rs", "core/src/event/parser.rs", "src/a/*.rs", "src/io/", "src/pipeline.rs"]
    );
    assert!(exists("src/io/") && exists("pipeline.rs") && exists("core/src/event/*.rs") && !exists("src/nothing.rs"));
}
