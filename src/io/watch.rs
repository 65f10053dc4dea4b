//! Files that may change under a running filter.
//!
//! Their names, sizes, times and inodes are read once a second. A notification from the system
//! would be sooner, but never comes from NFS and most other network and overlay file systems, and
//! for a Kubernetes ConfigMap it is about a symbolic link two folders away. A few calls of `stat` a
//! second cost nothing measurable.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Watches files and directories, one level deep, symbolic links followed.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    /// The files when a change was last reported.
    told: u64,
    /// The files at the last check.
    seen: u64,
}

impl Watch {
    /// Watches `paths` for changes from now on.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let now = fingerprint(&paths);
        Self { paths, told: now, seen: now }
    }

    /// True once after a change, when nothing has changed since the check before, so that a
    /// directory that is being written into is left to settle.
    pub fn has_changed(&mut self) -> bool {
        let now = fingerprint(&self.paths);
        let settled = std::mem::replace(&mut self.seen, now) == now;
        settled && std::mem::replace(&mut self.told, now) != now
    }
}

fn fingerprint(paths: &[PathBuf]) -> u64 {
    let mut hash = Xxh3::new();
    for path in paths {
        let mut files = vec![path.clone()];
        files.extend(fs::read_dir(path).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()));
        files.sort();
        files.iter().for_each(|file| add(&mut hash, file, fs::metadata(file).ok()));
    }
    hash.digest()
}

fn add(hash: &mut Xxh3, file: &Path, about: Option<Metadata>) {
    hash.update(file.as_os_str().as_encoded_bytes());
    let about = about.filter(|about| !about.is_dir());
    let numbers = about.map_or([0; 4], |about| {
        [about.size(), about.ino(), about.mtime().cast_unsigned(), about.mtime_nsec().cast_unsigned()]
    });
    numbers.iter().for_each(|number| hash.update(&number.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_change_is_told_once_when_it_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().to_owned();
        let mut watch = Watch::new(vec![rules.clone()]);
        let told = |watch: &mut Watch| (watch.has_changed(), watch.has_changed(), watch.has_changed());
        assert_eq!(told(&mut watch), (false, false, false));
        fs::write(rules.join("a.rhai"), "1").unwrap();
        assert_eq!(told(&mut watch), (false, true, false));
        fs::write(rules.join("a.rhai"), "22").unwrap();
        assert!(!watch.has_changed());
        fs::write(rules.join("b.rhai"), "1").unwrap();
        assert_eq!(told(&mut watch), (false, true, false));
        fs::remove_file(rules.join("a.rhai")).unwrap();
        assert_eq!(told(&mut watch), (false, true, false));
    }

    #[test]
    fn a_link_that_points_elsewhere_is_a_change() {
        // As Kubernetes swaps a ConfigMap: the folder's entries stay, the link behind them moves.
        let folder = tempfile::tempdir().unwrap();
        for version in ["v1", "v2"] {
            fs::create_dir(folder.path().join(version)).unwrap();
            fs::write(folder.path().join(version).join("a.rhai"), version).unwrap();
        }
        symlink("v1", folder.path().join("..data")).unwrap();
        fs::create_dir(folder.path().join("rules")).unwrap();
        symlink("../..data/a.rhai", folder.path().join("rules/a.rhai")).unwrap();
        let mut watch = Watch::new(vec![folder.path().join("rules")]);
        symlink("v2", folder.path().join("..new")).unwrap();
        fs::rename(folder.path().join("..new"), folder.path().join("..data")).unwrap();
        assert_eq!((watch.has_changed(), watch.has_changed(), watch.has_changed()), (false, true, false));
    }
}
