//! Finds the paths in a module's code: `use` trees are expanded, and `self` and `super` at the
//! start are resolved. Items that are only compiled for tests are left out.

use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree};

/// `core/src/engine/stats/mod.rs` in `core/src` → `["engine", "stats"]`.
pub(crate) fn module_in(folder: &str, file: &Path) -> Vec<String> {
    let path = file.strip_prefix(folder).unwrap().with_extension("");
    let mut parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// Every path of two or more names in the source of `module`.
pub(crate) fn paths(source: &str, module: &[String]) -> Vec<String> {
    let file = syn::parse_file(source).expect("what compiles can be parsed");
    let mut paths = Paths { module: module.to_vec(), found: Vec::new() };
    paths.visit_file(&file);
    paths.found
}

/// The modules of `module` that are in files of their own and only compiled for tests.
pub(crate) fn test_modules(source: &str, module: &[String]) -> Vec<Vec<String>> {
    let items = syn::parse_file(source).expect("what compiles can be parsed").items;
    let inner = items.iter().filter_map(|item| match item {
        Item::Mod(inner) if inner.attrs.iter().any(is_for_tests) => Some([module, &[name_of(&inner.ident)]].concat()),
        _ => None,
    });
    inner.collect()
}

struct Paths {
    module: Vec<String>,
    found: Vec<String>,
}

impl Paths {
    fn add(&mut self, names: &[String]) {
        if names.len() > 1 {
            self.found.push(resolved(names, &self.module));
        }
    }

    fn add_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name_of(name)]].concat();
        match tree {
            UseTree::Path(path) => self.add_tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) => self.add(&with(&name.ident)),
            UseTree::Rename(name) => self.add(&with(&name.ident)),
            UseTree::Glob(_) => self.add(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(tree, before)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, inner: &'ast syn::ItemMod) {
        self.module.push(name_of(&inner.ident));
        visit::visit_item_mod(self, inner);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| name_of(&segment.ident)).collect();
        self.add(&names);
        visit::visit_path(self, path);
    }
}

/// The name without `r#`.
fn name_of(name: &syn::Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether the attribute is `#[cfg(test)]`, alone or among other conditions: `#[cfg(any(test,
/// fuzzing))]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let mut tests = false;
    let mut parsed = |meta: syn::meta::ParseNestedMeta<'_>| {
        tests |= meta.path.is_ident("test");
        if meta.path.is_ident("any") || meta.path.is_ident("all") {
            meta.parse_nested_meta(|inner| {
                tests |= inner.path.is_ident("test");
                Ok(())
            })?;
        }
        Ok(())
    };
    // Errors in parsing other conditions are ignored.
    let _ = attribute.path().is_ident("cfg").then(|| attribute.parse_nested_meta(&mut parsed));
    tests
}

/// The path with `self` and `super` at its start resolved.
fn resolved(names: &[String], module: &[String]) -> String {
    let ups = names.iter().take_while(|name| *name == "super").count();
    let own = |ups: usize| module[..module.len().saturating_sub(ups)].iter().map(String::as_str);
    let path: Vec<&str> = match names[0].as_str() {
        "super" => std::iter::once("crate").chain(own(ups)).chain(names[ups..].iter().map(String::as_str)).collect(),
        "self" => std::iter::once("crate").chain(own(0)).chain(names[1..].iter().map(String::as_str)).collect(),
        _ => names.iter().map(String::as_str).collect(),
    };
    path.join("::")
}

#[test]
fn modules_for_tests_are_found() {
    let found = test_modules("mod a;\n#[cfg(test)]\nmod toy;\n#[cfg(unix)]\nmod b;", &["x".to_owned()]);
    assert_eq!(found, [["x", "toy"]]);
}

#[test]
fn paths_are_found_wherever_they_are_written() {
    let module = ["a".to_owned(), "b".to_owned()];
    let found = |source: &str| paths(source, &module);
    assert_eq!(found("use std::{fs, io::{self, Read as _}};"), ["std::fs", "std::io::self", "std::io::Read"]);
    assert_eq!(found("use super::c::*;\nuse self::d::E;"), ["crate::a::c", "crate::a::b::d::E"]);
    assert_eq!(found("fn f() -> super::super::G { crate::r#loop::h() }"), ["crate::G", "crate::loop::h"]);
    assert_eq!(found("mod m { fn f(_: super::T) {} }"), ["crate::a::b::T"]);
    assert_eq!(found("// std::fs\nconst S: &str = \"std::fs\";\n#[cfg(test)]\nmod tests { use std::fs; }"), [""; 0]);
    assert_eq!(found("#[cfg(any(test, fuzzing))]\nuse std::fs;\n#[cfg(unix)]\nuse std::os::fd;"), ["std::os::fd"]);
}
