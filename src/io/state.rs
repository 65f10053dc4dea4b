//! The state of a filter in a file, so that a restart goes on where it was.
//!
//! The file `seismolog.state` in a directory: 16 bytes that name it, a version, the length and the
//! xxh3-64 of what follows. A new file is written beside the old one, synced to the disk and
//! renamed over it, on a thread of its own; a snapshot that comes while another is written is left
//! out. A file that is damaged or not ours is moved to another name, and so is a link, a pipe or a
//! directory in its place. A lock keeps a second process out.

use super::directory::{Content, Directory};
use super::log::Log;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use xxhash_rust::xxh3::xxh3_64;

const FILE: &str = "seismolog.state";
const MAGIC: &[u8; 16] = b"seismolog state\n";
/// The version of the format. It changes when an older program cannot read the state of a newer
/// one, or a newer the state of an older.
const VERSION: u32 = 3;
/// Name, version, length, hash.
const HEADER: usize = 16 + 4 + 8 + 8;
/// Most bytes of a state that is read.
const MOST_BYTES: u64 = 4 << 30;

/// Why the state cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory cannot be made or used.
    #[error("cannot keep state in {}: {error}", .path.display())]
    Directory {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Another process keeps its state there.
    #[error("another process keeps its state in {}", .0.display())]
    Locked(PathBuf),
}

/// Why a file is not a valid state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file does not begin like a state.
    #[error("it is no state of seismolog")]
    Foreign,
    /// The state has another version.
    #[error("it is of version {0} of the format, and this program reads version {VERSION}")]
    Version(u32),
    /// The length is not the stored one.
    #[error("it is cut off")]
    Length,
    /// The content has changed since it was written.
    #[error("its checksum does not match")]
    Checksum,
    /// No regular file: a link, a pipe, a directory or a device.
    #[error("it is no regular file")]
    NoFile,
    /// The file is longer than any state.
    #[error("it is longer than {} GiB", MOST_BYTES >> 30)]
    TooLong,
}

/// A directory in which one process keeps its state.
#[derive(Debug)]
pub struct StateFolder {
    directory: Directory,
    /// The lock, held while the process lives.
    _lock: File,
}

impl StateFolder {
    /// Makes the directory if it is not there, and locks it.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let cannot = |error| StateError::Directory { path: path.to_owned(), error };
        let directory = Directory::create(path).map_err(cannot)?;
        let lock = directory.lock_file("lock").map_err(cannot)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { directory, _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StateError::Locked(path.to_owned())),
            Err(error) => Err(cannot(error.into())),
        }
    }

    /// Who else could replace the state, in words; none where nobody could.
    #[must_use]
    pub fn shared_with(&self) -> Option<String> {
        self.directory.shared_with()
    }

    /// The snapshot that was kept; none at the first start. The inner `Err` says why the file is
    /// not valid.
    ///
    /// # Errors
    /// The outer error is the system's.
    pub fn load(&self) -> io::Result<Option<Result<Vec<u8>, Damage>>> {
        Ok(self.directory.read(FILE, MOST_BYTES)?.map(|content| match content {
            Content::Bytes(bytes) => opened(bytes),
            Content::NoFile => Err(Damage::NoFile),
            Content::TooLong => Err(Damage::TooLong),
        }))
    }

    /// Renames the file so that it is not read again; returns its new name.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        let names = (0..1_000).map(|i| match i {
            0 => format!("{FILE}.damaged"),
            i => format!("{FILE}.{i}.damaged"),
        });
        self.directory.rename(FILE, names.chain(["damaged".to_owned()]))
    }

    /// Replaces the last snapshot, so that at any time one of the two is there whole.
    ///
    /// # Errors
    /// When the system refuses; the last snapshot is then still there.
    pub fn save(&self, snapshot: &[u8]) -> io::Result<()> {
        self.directory.replace(FILE, &format!("{FILE}.new"), &[&header(snapshot), snapshot])
    }

    /// A thread that saves what it is given.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn writer(self, log: Log) -> io::Result<StateWriter> {
        let (sender, snapshots) = sync_channel::<Vec<u8>>(1);
        let thread = std::thread::Builder::new().name("state".into()).spawn(move || {
            for snapshot in snapshots {
                if let Err(error) = self.save(&snapshot) {
                    log.say_seldom(
                        "state",
                        &format!("cannot keep state in {}: {error}", self.directory.path().display()),
                    );
                }
            }
        })?;
        Ok(StateWriter { sender: Some(sender), thread: Some(thread) })
    }
}

/// Saves snapshots on a thread of its own. Dropping it waits until the last is saved.
#[derive(Debug)]
pub struct StateWriter {
    sender: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl StateWriter {
    /// Saves a snapshot soon; not if the one before the last still waits.
    pub fn save(&self, snapshot: Vec<u8>) {
        if let Some(sender) = &self.sender {
            // A disk this slow gets fewer snapshots.
            let _ = sender.try_send(snapshot);
        }
    }

    /// Saves the last snapshot, and waits until that is done.
    pub fn save_last(&mut self, snapshot: Vec<u8>) {
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(snapshot);
        }
        self.wait();
    }

    fn wait(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for StateWriter {
    fn drop(&mut self) {
        self.wait();
    }
}

/// The header of a file with this snapshot.
pub(crate) fn header(snapshot: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..16].copy_from_slice(MAGIC);
    header[16..20].copy_from_slice(&VERSION.to_le_bytes());
    header[20..28].copy_from_slice(&(snapshot.len() as u64).to_le_bytes());
    header[28..].copy_from_slice(&xxh3_64(snapshot).to_le_bytes());
    header
}

/// The snapshot in a file's bytes.
fn opened(mut bytes: Vec<u8>) -> Result<Vec<u8>, Damage> {
    let number = |place: std::ops::Range<usize>| {
        bytes.get(place).map(|bytes| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    };
    if !bytes.starts_with(MAGIC) {
        return Err(if MAGIC.starts_with(&bytes) { Damage::Length } else { Damage::Foreign });
    }
    let version = number(16..20).ok_or(Damage::Length)? as u32;
    if version != VERSION {
        return Err(Damage::Version(version));
    }
    let (length, hash) = (number(20..28).ok_or(Damage::Length)?, number(28..HEADER).ok_or(Damage::Length)?);
    if length != (bytes.len() - HEADER) as u64 {
        return Err(Damage::Length);
    }
    let snapshot = bytes.split_off(HEADER);
    if xxh3_64(&snapshot) == hash { Ok(snapshot) } else { Err(Damage::Checksum) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn what_is_saved_is_loaded_and_what_is_damaged_is_set_aside() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("a/b");
        let folder = StateFolder::open(&path).unwrap();
        assert!(folder.load().unwrap().is_none());
        folder.save(b"one").unwrap();
        folder.save(b"two").unwrap();
        assert_eq!(folder.load().unwrap(), Some(Ok(b"two".to_vec())));
        assert!(matches!(StateFolder::open(&path), Err(StateError::Locked(_))));
        fs::write(path.join(FILE), b"something else").unwrap();
        assert_eq!(folder.load().unwrap(), Some(Err(Damage::Foreign)));
        let aside = [folder.set_aside().unwrap(), {
            folder.save(b"x").unwrap();
            folder.set_aside().unwrap()
        }];
        let names = aside.map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
        assert_eq!(names, ["seismolog.state.damaged", "seismolog.state.1.damaged"]);
        assert!(folder.load().unwrap().is_none());
        drop(folder);
        let mut writer = StateFolder::open(&path).unwrap().writer(Log::open(&super::super::log::Target::None).unwrap());
        writer.as_mut().unwrap().save_last(b"last".to_vec());
        drop(writer);
        assert_eq!(StateFolder::open(&path).unwrap().load().unwrap(), Some(Ok(b"last".to_vec())));
    }

    #[test]
    fn links_are_neither_written_through_nor_read() {
        let temporary = tempfile::tempdir().unwrap();
        let (path, victim) = (temporary.path().join("state"), temporary.path().join("victim"));
        fs::write(&victim, header(b"forged").into_iter().chain(*b"forged").collect::<Vec<u8>>()).unwrap();
        let before = fs::read(&victim).unwrap();
        let folder = StateFolder::open(&path).unwrap();
        let fresh = path.join(format!("{FILE}.new"));
        for hard in [false, true] {
            if hard { fs::hard_link(&victim, &fresh) } else { symlink(&victim, &fresh) }.unwrap();
            folder.save(b"ours").unwrap();
            assert_eq!(folder.load().unwrap(), Some(Ok(b"ours".to_vec())));
            assert_eq!(fs::read(&victim).unwrap(), before);
        }
        let about = fs::symlink_metadata(path.join(FILE)).unwrap();
        assert!(about.is_file() && about.mode() & 0o777 == 0o600);
        // A directory there cannot be removed by mistake: the save fails, and the last state is
        // still there.
        fs::create_dir(&fresh).unwrap();
        assert!(folder.save(b"later").is_err());
        assert_eq!(folder.load().unwrap(), Some(Ok(b"ours".to_vec())));
        fs::remove_file(path.join(FILE)).unwrap();
        symlink(&victim, path.join(FILE)).unwrap();
        assert_eq!(folder.load().unwrap(), Some(Err(Damage::NoFile)));
        let aside = folder.set_aside().unwrap();
        assert!(fs::symlink_metadata(aside).unwrap().is_symlink() && fs::read(&victim).unwrap() == before);
        fs::create_dir(path.join(FILE)).unwrap();
        assert_eq!(folder.load().unwrap(), Some(Err(Damage::NoFile)));
    }

    #[test]
    fn a_lock_that_is_a_link_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        symlink(temporary.path().join("elsewhere"), temporary.path().join("lock")).unwrap();
        let error = StateFolder::open(temporary.path()).unwrap_err().to_string();
        assert!(error.contains("lock in it is no regular file"), "{error}");
        assert!(!temporary.path().join("elsewhere").exists());
    }

    #[test]
    fn an_empty_file_and_another_version_are_told_apart() {
        assert_eq!(opened(Vec::new()), Err(Damage::Length));
        let mut newer = header(b"").to_vec();
        newer[16] = 9;
        assert_eq!(opened(newer), Err(Damage::Version(9)));
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_and_no_cut_goes_unseen(snapshot in proptest::collection::vec(any::<u8>(), 0..200), at in any::<usize>(), bit in 0_u8..8) {
            let mut bytes = header(&snapshot).to_vec();
            bytes.extend_from_slice(&snapshot);
            prop_assert_eq!(opened(bytes.clone()), Ok(snapshot));
            let at = at % bytes.len();
            prop_assert!(opened(bytes[..at].to_vec()).is_err());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(opened(bytes).is_err());
        }
    }
}
