//! A directory of rules, in which others may be able to write.
//!
//! This program may read files that they may not. So a name in the directory is read only where its
//! target is in the directory as well: a link to `/etc/shadow` is refused, and the links of a
//! Kubernetes ConfigMap (`a.rhai` → `..data/a.rhai`, `..data` → `..2026_03_02`) are followed. A
//! path is resolved first, and then opened from the directory's own descriptor, component by
//! component and through no link, so that nothing can change between the check and the reading.

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fstat, openat};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

/// A longer file is neither a rule nor a table.
pub const MOST_BYTES: u64 = 8 << 20;
/// How often a path is resolved again when it changes meanwhile, as when a ConfigMap is swapped.
const ATTEMPTS: usize = 5;
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOCTTY).union(OFlags::NONBLOCK);

/// Why a file in a directory is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The system refuses.
    #[error("cannot read this file: {0}")]
    System(#[from] io::Error),
    /// The link leads out of the directory.
    #[error("this is a link that leaves its directory")]
    Outside,
    /// Longer than [`MOST_BYTES`].
    #[error("this file is longer than {} MiB, which is the most that is read", MOST_BYTES >> 20)]
    TooLong,
    /// The content is not UTF-8.
    #[error("cannot read this file: it is not UTF-8 text")]
    NoText,
}

impl Unread {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Outside => {
                "put the file itself there, or set follow_links = true in [rules] to trust who writes there"
            }
            Self::TooLong => "what is so large belongs in a database",
            Self::System(_) | Self::NoText => "check the name and that it may be read; it must be UTF-8 text",
        }
    }
}

/// A file of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text of the file.
    pub text: String,
    /// True when the file's own name, behind all links, has the extension of the name that was
    /// asked for, so that it is of that kind.
    pub is_own: bool,
}

/// The names in this directory, sorted.
///
/// # Errors
/// The system's error.
pub fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::new(openat(CWD, directory, FLAGS | OFlags::DIRECTORY, Mode::empty())?)? {
        names.push(OsString::from_vec(entry?.file_name().to_bytes().to_vec()));
    }
    names.retain(|name| name != "." && name != "..");
    names.sort();
    Ok(names)
}

/// Reads the file of this name, a path relative to `directory`; none where it is no regular file,
/// or is gone.
///
/// # Errors
/// [`Unread`]
pub fn read(directory: &Path, name: &OsStr, follow_links: bool) -> Result<Option<Text>, Unread> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match opened(directory, name, follow_links) {
            Ok(None) => return Ok(None),
            Ok(Some((file, is_own))) => return content(file).map(|text| text.map(|text| Text { text, is_own })),
            Err(Unread::System(error)) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error.into()),
            Err(error) => last = Some(error),
        }
    }
    match last {
        // A dangling link: editors make such links to mark open files.
        Some(Unread::System(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Some(error) => Err(error),
        None => Ok(None),
    }
}

/// The open file, and whether its own name has the extension of the name that was asked for.
fn opened(directory: &Path, name: &OsStr, follow_links: bool) -> Result<Option<(File, bool)>, Unread> {
    let whole = fs::canonicalize(directory.join(name))?;
    let has_same_ending = whole.extension() == Path::new(name).extension();
    let root = fs::canonicalize(directory)?;
    let Ok(inside) = whole.strip_prefix(&root) else {
        if !follow_links {
            return Err(Unread::Outside);
        }
        return Ok(Some((open(CWD, &whole, OFlags::NOFOLLOW)?, false)));
    };
    let mut at: OwnedFd =
        openat(CWD, &root, FLAGS | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(io::Error::from)?;
    let parts: Vec<Component<'_>> = inside.components().collect();
    let Some((last, folders)) = parts.split_last() else { return Ok(None) };
    for folder in folders {
        at = openat(&at, folder.as_os_str(), FLAGS | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
            .map_err(io::Error::from)?;
    }
    Ok(Some((open(&at, Path::new(last), OFlags::NOFOLLOW)?, has_same_ending)))
}

fn open(at: impl rustix::fd::AsFd, path: &Path, more: OFlags) -> io::Result<File> {
    Ok(File::from(openat(at, path, FLAGS | more, Mode::empty())?))
}

/// The text of a regular file; none for anything else.
fn content(file: File) -> Result<Option<String>, Unread> {
    if !FileType::from_raw_mode(fstat(&file).map_err(io::Error::from)?.st_mode).is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Unread::TooLong);
    }
    String::from_utf8(bytes).map(Some).map_err(|_| Unread::NoText)
}

/// The path of a file that another file names relative to itself; inside of `directory`, if one is
/// given.
///
/// # Errors
/// [`Unread`]
pub fn resolve(directory: Option<&Path>, path: PathBuf) -> Result<PathBuf, Unread> {
    let Some(directory) = directory else { return Ok(path) };
    // A missing file leads nowhere; its reader reports that.
    let Ok(whole) = fs::canonicalize(&path) else { return Ok(path) };
    if whole.starts_with(fs::canonicalize(directory)?) { Ok(path) } else { Err(Unread::Outside) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn text(directory: &Path, name: &str, follow: bool) -> Result<Option<String>, Unread> {
        Ok(read(directory, OsStr::new(name), follow)?.map(|text| text.text))
    }

    #[test]
    fn links_are_followed_as_far_as_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let (rules, secret) = (folder.path().join("rules"), folder.path().join("secret"));
        fs::create_dir_all(rules.join("..2026/deep")).unwrap();
        fs::write(&secret, "SECRET").unwrap();
        fs::write(rules.join("..2026/a.rhai"), "a").unwrap();
        fs::write(rules.join("..2026/deep/b"), "b").unwrap();
        for (link, to) in [
            ("..data", "..2026"),
            ("a.rhai", "..data/a.rhai"),
            ("b.rhai", "..data/deep/b"),
            ("up.rhai", "../rules/..data/a.rhai"),
            ("out.rhai", "../secret"),
            ("chain.rhai", "out.rhai"),
            ("root.rhai", "/etc/passwd"),
            ("folder", ".."),
            ("nowhere.rhai", "user@host.123:456"),
            ("ring.rhai", "ring.rhai"),
            ("null.rhai", "/dev/null"),
        ] {
            symlink(to, rules.join(link)).unwrap();
        }
        symlink(rules.join("a.rhai"), rules.join("absolute.rhai")).unwrap();
        for name in ["a.rhai", "up.rhai", "absolute.rhai"] {
            assert_eq!(text(&rules, name, false).unwrap().as_deref(), Some("a"), "{name}");
        }
        assert!(read(&rules, OsStr::new("a.rhai"), false).unwrap().unwrap().is_own);
        assert!(!read(&rules, OsStr::new("b.rhai"), false).unwrap().unwrap().is_own);
        for name in ["out.rhai", "chain.rhai", "root.rhai", "folder/secret", "../secret", "null.rhai"] {
            assert!(matches!(text(&rules, name, false), Err(Unread::Outside)), "{name}");
        }
        assert_eq!(text(&rules, "nowhere.rhai", false).unwrap(), None);
        assert_eq!(text(&rules, "..data", false).unwrap(), None);
        assert!(matches!(text(&rules, "ring.rhai", false), Err(Unread::System(_))));
        assert_eq!(text(&rules, "chain.rhai", true).unwrap().as_deref(), Some("SECRET"));
        assert_eq!(text(&rules, "null.rhai", true).unwrap(), None);
        // The directory itself may be a link, because the operator named it.
        symlink("rules", folder.path().join("current")).unwrap();
        assert_eq!(text(&folder.path().join("current"), "a.rhai", false).unwrap().as_deref(), Some("a"));
        assert_eq!(names(&folder.path().join("current")).unwrap().len(), 13);
    }

    #[test]
    fn what_is_too_long_or_no_text_is_said() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("long.toml")).unwrap().set_len(1 << 40).unwrap();
        fs::write(folder.path().join("bytes.toml"), b"\xff").unwrap();
        rustix::fs::mkfifoat(CWD, folder.path().join("pipe.toml"), Mode::RUSR | Mode::WUSR).unwrap();
        assert!(matches!(text(folder.path(), "long.toml", false), Err(Unread::TooLong)));
        assert!(matches!(text(folder.path(), "bytes.toml", false), Err(Unread::NoText)));
        assert_eq!(text(folder.path(), "pipe.toml", false).unwrap(), None);
    }

    #[test]
    fn while_a_config_map_is_swapped_each_reading_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let swap = move |version: usize| {
            let name = format!("..{version}");
            fs::create_dir(path.join(&name)).unwrap();
            fs::write(path.join(&name).join("a.rhai"), "x".repeat(1_000)).unwrap();
            symlink(&name, path.join("..data_tmp")).unwrap();
            fs::rename(path.join("..data_tmp"), path.join("..data")).unwrap();
            // The kubelet removes the old directory at once.
            if version > 0 {
                fs::remove_dir_all(path.join(format!("..{}", version - 1))).unwrap();
            }
        };
        swap(0);
        symlink("..data/a.rhai", folder.path().join("a.rhai")).unwrap();
        let swapping = std::thread::spawn(move || (1..300).for_each(swap));
        let mut readings = 0;
        while !swapping.is_finished() {
            match text(folder.path(), "a.rhai", false) {
                Ok(Some(text)) => assert_eq!(text.len(), 1_000),
                // The path is swapped more often than it is tried; even then no file from elsewhere
                // is read.
                Ok(None) => {}
                Err(error) => panic!("{error}"),
            }
            readings += 1;
        }
        swapping.join().unwrap();
        assert!(readings > 0 && text(folder.path(), "a.rhai", false).unwrap().is_some());
    }
}
