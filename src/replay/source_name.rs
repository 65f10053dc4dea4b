//! Derives a host from a file's name: the pod, if a container runtime named the file, or the name
//! itself.

use std::ffi::OsStr;
use std::path::Path;

/// Extensions that tell a file's format or compression.
const ENDINGS: [&str; 13] =
    [".gz", ".zst", ".zstd", ".log", ".txt", ".json", ".ndjson", ".jsonl", ".out", ".err", ".csv", ".old", ".bak"];

/// The name for each source; none for standard input. Files of the same name in two directories are
/// distinguished by their directories.
#[must_use]
pub fn names<'a>(paths: impl IntoIterator<Item = &'a Path> + Clone) -> Vec<Option<String>> {
    let own: Vec<_> = paths.clone().into_iter().map(|path| Some((name(path)?, path.parent()))).collect();
    let is_shared = |name: &str, parent: Option<&Path>| {
        own.iter().flatten().any(|(other, directory)| other == name && *directory != parent)
    };
    let told = |named: &Option<(String, Option<&Path>)>| {
        let (name, parent) = named.as_ref()?;
        match parent.and_then(Path::file_name).and_then(OsStr::to_str) {
            Some(parent_name) if is_shared(name, *parent) => Some(format!("{parent_name}/{name}")),
            _ => Some(name.clone()),
        }
    };
    own.iter().map(told).collect()
}

/// The name for one file.
fn name(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    if file == "-" {
        return None;
    }
    let stem = without_endings(file);
    if let Some(pod) = pod_of(stem) {
        return Some(pod.to_owned());
    }
    // A file name of the kubelet: `<namespace>_<pod>_<uid>/<container>/0.log`.
    if is_number(stem)
        && let Some(directory) = path.parent().and_then(Path::parent).and_then(Path::file_name)
        && let [_, pod, _] = directory.to_str()?.split('_').collect::<Vec<_>>()[..]
    {
        return Some(pod.to_owned());
    }
    Some(stem.to_owned())
}

/// The name without extensions of format, compression and rotation: `app.log.2.gz` is `app`.
fn without_endings(file: &str) -> &str {
    let mut stem = file;
    loop {
        let rotated = stem.rsplit_once('.').filter(|(before, mark)| is_rotation(mark) && has_ending(before));
        let shorter = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)).or(rotated.map(|(before, _)| before));
        match shorter.filter(|shorter| !shorter.is_empty()) {
            Some(shorter) => stem = shorter,
            None => return stem,
        }
    }
}

fn has_ending(file: &str) -> bool {
    ENDINGS.iter().any(|ending| file.ends_with(ending))
}

/// Whether the extension is a number or a date that rotation has appended.
fn is_rotation(mark: &str) -> bool {
    !mark.is_empty() && mark.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// The pod of `<pod>_<namespace>_<container>-<id>` and of `<namespace>_<pod>_<restarts>`.
fn pod_of(stem: &str) -> Option<&str> {
    let [first, second, third] = stem.split('_').collect::<Vec<_>>()[..] else { return None };
    let is_id = |id: &str| id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match third.rsplit_once('-') {
        Some((_, id)) if is_id(id) => Some(first),
        _ if is_number(third) => Some(second),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_pods_machines_and_programs() {
        for (path, expected) in [
            ("app.log", Some("app")),
            ("/var/log/app.log.gz", Some("app")),
            ("logs/web-1.ndjson.zst", Some("web-1")),
            ("app.log.1", Some("app")),
            ("app.log.2.gz", Some("app")),
            ("syslog", Some("syslog")),
            (".log", Some(".log")),
            ("my_app_v2.log", Some("my_app_v2")),
            ("10.0.0.7.log", Some("10.0.0.7")),
            ("shop_cart-7c9f-k2x_0.log", Some("cart-7c9f-k2x")),
            ("cart-7c9f-k2x_shop_cart-0123456789abcdef0123456789abcdef.log", Some("cart-7c9f-k2x")),
            ("/var/log/pods/shop_cart-7c9f-k2x_3fe1-aa/cart/0.log", Some("cart-7c9f-k2x")),
            ("/var/log/pods/shop_cart-7c9f-k2x_3fe1-aa/cart/0.log.20260302-080000.gz", Some("cart-7c9f-k2x")),
            ("0.log", Some("0")),
            ("-", None),
        ] {
            assert_eq!(name(Path::new(path)).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn files_of_one_name_are_told_apart_by_their_directories() {
        let of = |paths: &[&'static str]| names(paths.iter().map(Path::new).collect::<Vec<_>>());
        let some = |names: &[&str]| names.iter().map(|name| Some((*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(of(&["a/app.log", "b/app.log", "db.log"]), some(&["a/app", "b/app", "db"]));
        assert_eq!(of(&["app.log", "app.log.1.gz"]), some(&["app", "app"]));
        assert_eq!(of(&["-"]), [None]);
    }
}
