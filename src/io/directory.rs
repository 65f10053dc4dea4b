//! A directory with files of this program, in which others may be able to write.
//!
//! The directory is opened once, and every name is resolved relative to that descriptor and never
//! through a symbolic link. If somebody puts a link, a pipe or a second name of another file in the
//! place of ours, nothing of it is overwritten, read or waited for. Only their owner can read the
//! files.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The flags that every file is opened with. Without `NONBLOCK`, opening a pipe in place of a file
/// would wait.
const FLAGS: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NOCTTY).union(OFlags::NONBLOCK);
/// The mode of a new file: its owner can read and write.
const OURS: Mode = Mode::RUSR.union(Mode::WUSR);

/// The kind of entry that stands under the name of one of our files.
#[derive(Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// No regular file: a link, a pipe, a directory or a device.
    NoFile,
    /// The file is longer than the limit.
    TooLong,
}

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    handle: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens the directory, and makes it if it is not there, so that nobody else can write in it.
    ///
    /// # Errors
    /// As the system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { handle: openat(CWD, path, flags, Mode::empty())?, path: path.to_owned() })
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who else could replace our files, in words; none where nobody could.
    #[must_use]
    pub fn shared_with(&self) -> Option<String> {
        let about = fstat(&self.handle).ok()?;
        let (owner, us) = (about.st_uid, geteuid().as_raw());
        if Mode::from_raw_mode(about.st_mode).contains(Mode::WOTH) {
            return Some("every user of this machine may write it".to_owned());
        }
        (owner != us && owner != 0).then(|| format!("it belongs to user {owner}"))
    }

    /// The content of a file of at most `most` bytes; none where there is no file of this name.
    ///
    /// # Errors
    /// As the system says.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Option<Content>> {
        let file = match openat(&self.handle, name, OFlags::RDONLY | FLAGS, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            // A link, and a socket.
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO) => return Ok(Some(Content::NoFile)),
            Err(error) => return Err(error.into()),
        };
        if !is_file(&file)? {
            return Ok(Some(Content::NoFile));
        }
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes)?;
        Ok(Some(if bytes.len() as u64 > most { Content::TooLong } else { Content::Bytes(bytes) }))
    }

    /// Replaces the file by `parts`, one after the other. They are written beside it under the name
    /// `fresh`, synced to the disk, then renamed, so that at any time the old file or the new one
    /// is complete.
    ///
    /// # Errors
    /// When the system refuses; the old file is then still there.
    pub fn replace(&self, name: &str, fresh: &str, parts: &[&[u8]]) -> io::Result<()> {
        // A crash may have left this file, or somebody else has put it there. Removing a link
        // leaves its target.
        match unlinkat(&self.handle, fresh, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | FLAGS;
        let mut file = File::from(openat(&self.handle, fresh, flags, OURS)?);
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        renameat(&self.handle, fresh, &self.handle, name)?;
        // The new name must be synced to the disk as well.
        Ok(rustix::fs::fsync(&self.handle)?)
    }

    /// A file to hold a lock on, made if it is not there; never written to.
    ///
    /// # Errors
    /// As the system says, and when it is no regular file.
    pub fn lock_file(&self, name: &str) -> io::Result<File> {
        let no_file = || io::Error::other(format!("{name} in it is no regular file"));
        match openat(&self.handle, name, OFlags::WRONLY | OFlags::CREATE | FLAGS, OURS) {
            Ok(file) => {
                let file = File::from(file);
                if is_file(&file)? { Ok(file) } else { Err(no_file()) }
            }
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::ISDIR) => Err(no_file()),
            Err(error) => Err(error.into()),
        }
    }

    /// Renames what has this name, even a link or a pipe, to the first of `names` that is free;
    /// returns that name.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn rename(&self, name: &str, mut names: impl Iterator<Item = String>) -> io::Result<PathBuf> {
        let is_free = |name: &String| statat(&self.handle, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_err();
        let free = names.find(is_free).ok_or_else(|| io::Error::other("all names for what is set aside are taken"))?;
        renameat(&self.handle, name, &self.handle, free.as_str())?;
        Ok(self.path.join(free))
    }
}

fn is_file(file: &File) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(fstat(file)?.st_mode).is_file())
}
