//! Runs the properties of the fuzz targets without a fuzzer, on their corpora and on small
//! mutations of them.

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub)] // They are another package's.
mod targets;

use crate::support::root;
use proptest::prelude::*;
use proptest::sample::Index;
use std::path::PathBuf;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 14] = [
    ("charset", targets::charset),
    ("clean", targets::clean),
    ("config", targets::config),
    ("envelope", targets::envelope),
    ("forward", targets::forward),
    ("header", targets::header),
    ("inspect", targets::inspect),
    ("json", targets::json),
    ("layout", targets::layout),
    ("lenient", targets::lenient),
    ("roles", targets::roles),
    ("select", targets::select),
    ("tail", targets::tail),
    ("time", targets::time),
];

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| (path.clone(), std::fs::read(path).unwrap());
    paths.into_iter().map(read).collect()
}

#[test]
fn what_a_fuzzer_has_found_stays_found() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "nothing to begin with for {name}");
        for (path, data) in corpus {
            eprintln!("{}", path.display());
            target(&data);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn little_changes_break_no_claim(
        which in any::<Index>(),
        changes in proptest::collection::vec((any::<Index>(), 0..4_u8, any::<u8>()), 1..8),
    ) {
        let (name, target) = TARGETS[which.index(TARGETS.len())];
        let corpus = corpus(name);
        let mut data = corpus[changes[0].0.index(corpus.len())].1.clone();
        for (place, how, byte) in changes {
            let at = place.index(data.len() + 1);
            match how {
                0 => data.insert(at, byte),
                1 => data.truncate(at.max(1)),
                2 if at < data.len() => drop(data.remove(at)),
                _ if at < data.len() => data[at] = byte,
                _ => {}
            }
        }
        target(&data);
    }
}
