//! The dead-letter file: events that the peer downstream refuses for good, one JSON object a line.
//!
//! | member | what |
//! | --- | --- |
//! | `time`, `to`, `reason` | when it was set aside, by which end, why |
//! | `tag` | its tag, if it has one |
//! | `record` | the event as a line, as text: unescaped it is the line's own bytes without its line end |
//! | `record_base64` | the same in base64, in place of `record`, of a line that is no UTF-8 |
//! | `entry_base64` | of the Forward protocol: the very `[time, record]` in MessagePack, in base64 |
//!
//! The file is opened for each event, because events are few: a file that was renamed for rotation
//! gets no more events, and a file that was removed is made again. Only its owner can read it, and
//! a link in its place is not followed.

use super::clock;
use crate::config::{OnPoison, Output};
use crate::event::transcode::base64_into;
use crate::event::unescape::escape_into;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};

/// An event that is set aside.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The end that refused the event.
    pub to: &'a str,
    /// The reason.
    pub reason: &'a str,
    /// The tag of the event; empty without one.
    pub tag: &'a [u8],
    /// The event as a line, without its line end.
    pub line: &'a [u8],
    /// The event as an entry of the Forward protocol, for ends that send entries.
    pub entry: Option<&'a [u8]>,
}

/// Where refused events go: to a file, or nowhere.
#[derive(Clone, Debug)]
pub struct DeadLetters(Option<DeadLetterFile>);

#[derive(Clone, Debug)]
struct DeadLetterFile {
    path: PathBuf,
    most_bytes: u64,
}

/// The dead-letter file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the dead-letter file {}: {error}", .path.display())]
pub struct DeadLetterError {
    path: PathBuf,
    error: io::Error,
}

impl DeadLetterError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::LOOP) => "it is a symbolic link, which is not followed; name the file itself",
            _ => "output.dead_letter_file is a regular file that can be written, in a directory that exists",
        }
    }
}

impl DeadLetters {
    /// The dead letters of this configuration. The file is made, so that problems with it show at
    /// the start.
    ///
    /// # Errors
    /// [`DeadLetterError`] when it cannot be opened.
    pub fn open(output: &Output) -> Result<Self, DeadLetterError> {
        let file = output.dead_letter_file.as_ref().filter(|_| output.on_poison() == OnPoison::File);
        let Some(path) = file else { return Ok(Self(None)) };
        open(path).map_err(|error| DeadLetterError { path: path.clone(), error })?;
        Ok(Self(Some(DeadLetterFile { path: path.clone(), most_bytes: output.dead_letter_max_bytes })))
    }

    /// The file's path, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(|file| file.path.as_path())
    }

    /// Writes the event to the file, where there is one.
    ///
    /// # Errors
    /// When the event cannot be written whole; the file is then as it was.
    pub fn keep(&self, letter: &Letter<'_>) -> io::Result<()> {
        let Some(DeadLetterFile { path, most_bytes }) = &self.0 else { return Ok(()) };
        let file = open(path)?;
        let before = rustix::fs::fstat(&file)?.st_size;
        let mut line = Vec::new();
        letter.write(&mut line);
        if before as u64 + line.len() as u64 > *most_bytes {
            return Err(io::Error::other("it would be longer than output.dead_letter_max_bytes"));
        }
        write_whole(&file, &line).inspect_err(|_| {
            let _ = rustix::fs::ftruncate(&file, before as u64);
        })
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    // Not blocking, so that a pipe without a reader in place of the file is an error at once.
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::from_raw_mode(0o600))?;
    match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
        FileType::RegularFile => Ok(file),
        _ => Err(io::Error::other("it is no regular file")),
    }
}

fn write_whole(file: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl Letter<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        clock::now().write_rfc3339(out);
        out.push(b'"');
        put_text("to", self.to.as_bytes(), out);
        put_text("reason", self.reason.as_bytes(), out);
        if !self.tag.is_empty() {
            put_text("tag", String::from_utf8_lossy(self.tag).as_bytes(), out);
        }
        if std::str::from_utf8(self.line).is_ok() {
            put_text("record", self.line, out);
        } else {
            put_base64("record_base64", self.line, out);
        }
        if let Some(entry) = self.entry {
            put_base64("entry_base64", entry, out);
        }
        out.extend_from_slice(b"}\n");
    }
}

fn put_text(name: &str, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!(",\"{name}\":\"").as_bytes());
    escape_into(text, out);
    out.push(b'"');
}

fn put_base64(name: &str, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!(",\"{name}\":\"").as_bytes());
    base64_into(bytes, out);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn letters(path: &Path, most_bytes: u64) -> DeadLetters {
        let output =
            Output { dead_letter_file: Some(path.to_owned()), dead_letter_max_bytes: most_bytes, ..Output::default() };
        DeadLetters::open(&output).unwrap()
    }

    fn letter(line: &[u8]) -> Letter<'_> {
        Letter { to: "http://h/", reason: "400", tag: b"app", line, entry: Some(&[0x92, 0, 0x80]) }
    }

    #[test]
    fn what_is_kept_can_be_told_to_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead");
        let letters = letters(&path, 1 << 20);
        let text = "{\"a\": \"\\u00fc\u{1}ü\"}\t\r";
        letters.keep(&letter(text.as_bytes())).unwrap();
        // Renamed, it is left alone.
        std::fs::rename(&path, folder.path().join("old")).unwrap();
        letters.keep(&letter(b"\xff\xfe\xfd")).unwrap();
        let read = |name: &str| -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(folder.path().join(name)).unwrap()).unwrap()
        };
        let (old, new) = (read("old"), read("dead"));
        assert_eq!((&old["record"], &old["tag"], &old["entry_base64"]), (&text.into(), &"app".into(), &"kgCA".into()));
        assert_eq!((&new["record_base64"], &new["record"]), (&"//79".into(), &serde_json::Value::Null));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn it_does_not_grow_without_end_and_stays_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead");
        let letters = letters(&path, 4_096);
        let kept = (0..100).filter(|_| letters.keep(&letter(b"{\"a\":1}")).is_ok()).count();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(kept > 10 && kept < 50 && text.len() <= 4_096 && text.lines().count() == kept, "{kept}");
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(letters.keep(&letter(b"x")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn links_and_pipes_are_refused_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let open = |path: &Path| {
            let output = Output { dead_letter_file: Some(path.to_owned()), ..Output::default() };
            DeadLetters::open(&output).unwrap_err()
        };
        assert!(open(&link).hint().contains("symbolic link"), "{}", open(&link));
        assert!(open(Path::new("/dev/null")).to_string().contains("no regular file"));
        assert!(open(folder.path()).hint().contains("regular file"));
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    }
}
