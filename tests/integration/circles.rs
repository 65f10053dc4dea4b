//! Checks the imports between modules: no cycles where layers are promised.
//!
//! Modules are grouped by folder: `rules/filter` is one module, whatever files it has. The graph
//! consists of `use` and of paths in the code, without tests. Cycles are its strongly connected
//! components of more than one module. To list all cycles, forbidden or not: `cargo nextest run -p
//! seismolog circles --no-capture`.

use crate::imports::{module_in, paths, test_modules};
use crate::purity::rust_files;
use crate::support::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// For each module, the modules that it imports, with a few of the paths that do so.
type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Modules below `scope`, with names of `depth` parts, that may not be in a cycle with each other.
struct Layers {
    folder: &'static str,
    scope: &'static str,
    modules: &'static [&'static str],
}

const LAYERS: [Layers; 5] = [
    Layers {
        folder: "core/src",
        scope: "engine::rules",
        // In the order of their imports, which `layers_of_rules_look_down` checks.
        modules: &["value", "state", "filter", "compile", "runtime"],
    },
    Layers { folder: "core/src", scope: "engine", modules: &["rules", "detector"] },
    Layers { folder: "core/src", scope: "engine", modules: &["template", "detector"] },
    Layers { folder: "core/src", scope: "engine", modules: &["rules", "template", "incident"] },
    Layers { folder: "src", scope: "", modules: &["config", "io", "output", "pipeline", "telemetry"] },
];

#[test]
fn layers_are_in_no_circle() {
    let mut refused = Vec::new();
    for Layers { folder, scope, modules } in &LAYERS {
        let graph = graph(folder, scope);
        for module in *modules {
            assert!(graph.contains_key(*module), "{folder} has no module {scope}::{module}: {:?}", graph.keys());
        }
        for circle in circles(&graph) {
            let shown = format!("{folder} {scope}: {}", shown(&circle, &graph));
            eprintln!("{shown}");
            if modules.iter().filter(|module| circle.contains(**module)).count() > 1 {
                refused.push(shown);
            }
        }
    }
    assert!(refused.is_empty(), "circles of imports:\n{}", refused.join("\n"));
}

/// Each layer of rules may import the layers before it, but not those after it.
#[test]
fn layers_of_rules_look_down() {
    let Layers { folder, scope, modules } = &LAYERS[0];
    let graph = graph(folder, scope);
    for (i, module) in modules.iter().enumerate() {
        let up: Vec<_> = modules[i + 1..].iter().filter_map(|above| graph[*module].get_key_value(*above)).collect();
        assert!(up.is_empty(), "rules::{module} looks up: {up:?}");
    }
}

/// The modules directly below `scope` of the crate in `folder`, and their imports of each other.
fn graph(folder: &str, scope: &str) -> Graph {
    let scope: Vec<&str> = scope.split("::").filter(|name| !name.is_empty()).collect();
    let mut graph = Graph::new();
    let sources: Vec<_> = rust_files(folder)
        .into_iter()
        .map(|file| (module_in(folder, &file), fs::read_to_string(root().join(&file)).unwrap(), file))
        .collect();
    let for_tests: BTreeSet<_> = sources.iter().flat_map(|(module, text, _)| test_modules(text, module)).collect();
    for (module, text, file) in sources {
        let Some(from) = below(&module, &scope).filter(|_| !for_tests.contains(&module)) else { continue };
        let looks_at = graph.entry(from.to_owned()).or_default();
        for path in paths(&text, &module) {
            let names: Vec<String> = path.split("::").skip(1).map(str::to_owned).collect();
            if path.starts_with("crate::")
                && let Some(to) = below(&names, &scope)
                && to != from
            {
                looks_at.entry(to.to_owned()).or_default().insert(format!("{}: {path}", file.display()));
            }
        }
    }
    // Names that are no modules (types that the scope re-exports) are left out.
    let known: BTreeSet<String> = graph.keys().cloned().collect();
    graph.values_mut().for_each(|looks_at| looks_at.retain(|to, _| known.contains(to)));
    graph
}

/// The name that follows `scope` in this path.
fn below<'a>(path: &'a [String], scope: &[&str]) -> Option<&'a str> {
    (path.len() > scope.len() && path.iter().zip(scope).all(|(name, wanted)| name == wanted))
        .then(|| path[scope.len()].as_str())
}

/// The strongly connected components of more than one module.
fn circles(graph: &Graph) -> Vec<BTreeSet<&str>> {
    let reached = |from| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            next.extend(graph[module].keys().map(String::as_str).filter(|to| seen.insert(*to)));
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|from| (from.as_str(), reached(from.as_str()))).collect();
    let mut found = BTreeSet::new();
    for (from, all) in &reached {
        found.insert(all.iter().copied().filter(|to| reached[to].contains(from)).collect::<BTreeSet<&str>>());
    }
    found.into_iter().filter(|circle| circle.len() > 1).collect()
}

/// A cycle with the imports that make it.
fn shown(circle: &BTreeSet<&str>, graph: &Graph) -> String {
    let mut text = format!("{circle:?}");
    for from in circle {
        for (to, paths) in graph[*from].iter().filter(|(to, _)| circle.contains(to.as_str())) {
            let some: Vec<&str> = paths.iter().take(3).map(String::as_str).collect();
            text += &format!("\n  {from} -> {to} ({}): {}", paths.len(), some.join(", "));
        }
    }
    text
}

#[test]
fn circles_are_found_whatever_their_length() {
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d"), ("f", "a")];
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry(to.to_owned()).or_default();
        graph.entry(from.to_owned()).or_default().entry(to.to_owned()).or_default().insert("x.rs".to_owned());
    }
    assert_eq!(circles(&graph), [BTreeSet::from(["a", "b", "c"]), BTreeSet::from(["d", "e"])]);
    assert!(shown(&BTreeSet::from(["d", "e"]), &graph).contains("d -> e (1): x.rs"));
}
