//! A directory in which this program keeps files of its own, and into which others may be able to
//! write.
//!
//! It is opened once, and every name is taken relative to that descriptor and never through a
//! symbolic link: who puts a link, a pipe or a second name of another file in the place of ours has
//! nothing of it overwritten, read or waited for. Files are readable by their owner alone.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What every file is opened with. Without `NONBLOCK` a pipe in the place of a file would be waited
/// for.
const FLAGS: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NOCTTY).union(OFlags::NONBLOCK);
/// What a new file is: for its owner to read and to write.
const OURS: Mode = Mode::RUSR.union(Mode::WUSR);

/// What a file is that should be one of ours.
#[derive(Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// It is a link, a pipe, a directory or a device.
    NoFile,
    /// It is longer than was to be read.
    TooLong,
}

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    handle: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens the directory, and makes it if it is not there; it is then nobody else's to write.
    ///
    /// # Errors
    /// As the system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { handle: openat(CWD, path, flags, Mode::empty())?, path: path.to_owned() })
    }

    /// As it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who else could put a file in the place of ours, in words; none where nobody could.
    #[must_use]
    pub fn shared_with(&self) -> Option<String> {
        let about = fstat(&self.handle).ok()?;
        let (owner, us) = (about.st_uid, geteuid().as_raw());
        if Mode::from_raw_mode(about.st_mode).contains(Mode::WOTH) {
            return Some("every user of this machine may write it".to_owned());
        }
        (owner != us && owner != 0).then(|| format!("it belongs to user {owner}"))
    }

    /// The content of a file of at most `most` bytes; none where there is no such name.
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

    /// Puts `parts`, one behind the other, in the place of the file: written beside it under the
    /// name `fresh`, on the disk, then renamed, so that at any time the old file or the new one is
    /// there whole.
    ///
    /// # Errors
    /// When the system does not let it; the old file is then still there.
    pub fn replace(&self, name: &str, fresh: &str, parts: &[&[u8]]) -> io::Result<()> {
        // What a crash has left, or somebody else has put there. Removing a name leaves what a link
        // points to.
        match unlinkat(&self.handle, fresh, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | FLAGS;
        let mut file = File::from(openat(&self.handle, fresh, flags, OURS)?);
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        renameat(&self.handle, fresh, &self.handle, name)?;
        // The name, too, must be on the disk.
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

    /// Gives what has this name, be it a link or a pipe, the first of `names` that is free; that
    /// one.
    ///
    /// # Errors
    /// When the system does not let it.
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
