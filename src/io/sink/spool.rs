//! The file for what could not be delivered: one notice a line, appended while the server is away,
//! emptied once all of it has been delivered. What a crash cut off is skipped.

use crate::message::notice::Notice;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Most bytes of a spool.
const MOST_BYTES: u64 = 16 << 20;

/// A spool. Without a file it takes nothing.
#[derive(Debug, Default)]
pub struct Spool {
    file: Option<(File, PathBuf)>,
    bytes: u64,
}

impl Spool {
    /// Opens a spool, and makes its file if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened for reading and writing.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file: Some((file, path.to_owned())), bytes })
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.file.is_some()
    }

    /// What waits in it, in the order in which it came.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> io::Result<Vec<Notice>> {
        let Some((_, path)) = &self.file else { return Ok(Vec::new()) };
        let mut notices = Vec::new();
        for line in BufReader::new(File::open(path)?).split(b'\n') {
            notices.extend(serde_json::from_slice::<Notice>(&line?));
        }
        Ok(notices)
    }

    /// Appends notices; how many are safely in it. It takes none that would make it too long.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn append<'a>(&mut self, notices: impl IntoIterator<Item = &'a Notice>) -> io::Result<u64> {
        let Some((file, _)) = &mut self.file else { return Ok(0) };
        let (mut text, mut taken) = (Vec::new(), 0);
        // A line that a crash cut off must not swallow the next.
        if self.bytes > 0 {
            text.push(b'\n');
        }
        for notice in notices {
            let length = text.len();
            serde_json::to_writer(&mut text, notice)?;
            text.push(b'\n');
            if self.bytes + text.len() as u64 > MOST_BYTES {
                text.truncate(length);
                break;
            }
            taken += 1;
        }
        file.write_all(&text)?;
        file.sync_data()?;
        self.bytes += text.len() as u64;
        Ok(taken)
    }

    /// Empties it: all has been delivered.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn clear(&mut self) -> io::Result<()> {
        if let Some((file, _)) = &self.file
            && self.bytes > 0
        {
            file.set_len(0)?;
            self.bytes = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::{Severity, State};
    use crate::message::notice::tests::notice;

    #[test]
    fn notices_wait_in_order_across_restarts_and_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let all: Vec<_> = (0..5).map(|id| notice(id, State::Open, Severity::Info)).collect();
        let mut spool = Spool::open(Some(&path)).unwrap();
        assert_eq!(spool.append(&all[..3]).unwrap(), 3);
        drop(spool);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"id\":\"cut off").unwrap();
        let mut spool = Spool::open(Some(&path)).unwrap();
        assert_eq!(spool.append(&all[3..]).unwrap(), 2);
        assert_eq!(spool.read().unwrap(), all);
        spool.clear().unwrap();
        assert_eq!((spool.read().unwrap().len(), std::fs::metadata(&path).unwrap().len()), (0, 0));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(Some(&folder.path().join("spool"))).unwrap();
        let mut long = notice(1, State::Open, Severity::Info);
        long.lines = vec!["x".repeat(1 << 20)];
        let taken: u64 = (0..30).map(|_| spool.append([&long]).unwrap()).sum();
        assert_eq!(taken, 15);
        assert!(Spool::default().append([&long]).unwrap() == 0 && !Spool::default().is_there());
    }
}
