//! Checks that SECURITY.md names an existing test for each of its promises, and checks some
//! promises against the source.

use crate::support::root;
use std::fs;
use std::path::Path;

/// All Rust sources of the project with their paths.
fn sources() -> Vec<(String, String)> {
    fn gather(folder: &Path, files: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                files.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    ["src", "core/src", "tests"].iter().for_each(|folder| gather(&root().join(folder), &mut files));
    assert!(files.len() > 200, "the folders have moved: only {} files are there", files.len());
    files
}

/// Names of tests in backticks, with or without their modules.
fn tests_in(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_test = |name: &&str| {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:".contains(&byte))
            && name.contains("::")
    };
    quoted.filter(is_test).collect()
}

#[test]
fn every_promise_names_a_test_and_every_test_is_there() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let (_, promises) = text.split_once("## What holds").unwrap();
    let promises = promises.split("\n## ").next().unwrap();
    let sources = sources();
    let promises: Vec<&str> = promises.split("\n- ").skip(1).collect();
    assert!(promises.len() >= 15, "only {} promises are left", promises.len());
    for promise in promises {
        let tests = tests_in(promise);
        assert!(!tests.is_empty() || promise.contains("`make deny`"), "no test holds: {promise}");
        for test in tests {
            let function = format!("fn {}(", test.rsplit("::").next().unwrap());
            assert!(sources.iter().any(|(_, text)| text.contains(&function)), "there is no {test}");
        }
    }
}

#[test]
fn unsafe_code_is_in_one_file() {
    let word = ["unsafe", " {"].concat();
    let files: Vec<String> =
        sources().into_iter().filter(|(_, text)| text.contains(&word)).map(|(name, _)| name).collect();
    assert_eq!(files, ["core/src/event/json/strings.rs"]);
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"deny\""));
}

#[test]
fn the_page_puts_text_in_as_text_and_loads_nothing_from_elsewhere() {
    let mut scripts = 0;
    for entry in fs::read_dir(root().join("src/telemetry/page")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        scripts += usize::from(path.extension().is_some_and(|extension| extension == "js"));
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "srcdoc",
            "DOMParser",
        ] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
        for address in ["src=\"http", "href=\"http", "url(http", "@import", "import(\"http", "fetch(\"http"] {
            assert!(!text.contains(address), "{} has {address}", path.display());
        }
    }
    assert!(scripts >= 3, "only {scripts} scripts are there");
}
