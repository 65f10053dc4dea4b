//! Restores the engine from its saved state at the start, or starts with an empty one and logs why.

use super::Loaded;
use crate::engine::Engine;
use crate::error::Failure;
use crate::io::log::Log;
use crate::io::state::{StateError, StateFolder, StateWriter};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Restores the engine from the state directory. The engine is empty at the first start, or where
/// the saved state is invalid.
pub(super) fn restore_state(loaded: &Loaded, log: &Log) -> Result<(Engine, Option<StateWriter>), Failure> {
    let Some(path) = &loaded.config.state.path else { return Ok((loaded.engine(), None)) };
    let hint = |error: &StateError| match error {
        StateError::Directory { .. } => "--state takes a directory that can be made and written",
        StateError::Locked(_) => "give each filter a directory of its own",
    };
    let folder = StateFolder::open(path).map_err(|error| Failure::cannot(error.to_string(), hint(&error)))?;
    if let Some(who) = folder.shared_with() {
        log.say(&format!(
            "the directory of the state, {}, is not this filter's alone: {who}; who writes it can put in another state",
            path.display()
        ));
    }
    let engine = restored(loaded, &folder, path, log)?;
    let writer = folder.writer(log.clone()).map_err(|error| cannot("write", path, &error))?;
    Ok((engine, Some(writer)))
}

/// Restores the engine; an invalid state file is moved aside and logged.
fn restored(loaded: &Loaded, folder: &StateFolder, path: &Path, log: &Log) -> Result<Engine, Failure> {
    let mut engine = loaded.engine();
    let why = match folder.load().map_err(|error| cannot("read", path, &error))? {
        None => return Ok(engine),
        Some(Err(damage)) => {
            set_aside(folder, path, &damage.to_string(), log)?;
            return Ok(engine);
        }
        // A checksum detects damage, not forgery: a forged state may hold anything, and must not
        // keep the filter from starting.
        Some(Ok(kept)) => match catch_unwind(AssertUnwindSafe(|| engine.restore(&kept))) {
            Ok(Ok(refused)) => {
                for (detector, error) in refused {
                    log.say(&format!("the {} detector starts with empty state: {error}", detector.name()));
                }
                return Ok(engine);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it cannot be what this program has written".to_owned(),
        },
    };
    set_aside(folder, path, &why, log)?;
    // A new engine, because the failed restore may have filled the first one in part.
    Ok(loaded.engine())
}

fn set_aside(folder: &StateFolder, path: &Path, why: &str, log: &Log) -> Result<(), Failure> {
    let aside = folder.set_aside().map_err(|error| cannot("set aside", path, &error))?;
    log.say(&format!(
        "state file {} is invalid ({why}): moved to {}; starting with empty state",
        path.display(),
        aside.display()
    ));
    Ok(())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::cannot(
        format!("cannot {what} the state in {}: {error}", path.display()),
        "check who may read and write it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Settings;
    use crate::command::load;
    use crate::demo::{FaultKind, Shop, ShopOptions};
    use crate::engine::Outcome;
    use crate::event::{Batch, Timestamp};
    use crate::io::log::Target;
    use crate::io::state::header;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;
    use std::fs;

    /// How many damaged files of each kind are tried.
    const FILES: usize = 1_000;

    /// How many events the restored engine sees.
    const LAST: usize = 4;

    fn loaded(state: &Path) -> Loaded {
        let mut loaded = load(&Settings::default()).unwrap();
        loaded.config.state.path = Some(state.to_owned());
        // Small tables, because the test makes two thousand engines.
        loaded.config.limits.keys = 1_000;
        loaded
    }

    /// The lines of a demo stream as a parsed batch.
    fn stream(loaded: &Loaded) -> Batch {
        let faults = FaultKind::parse_list("all").unwrap();
        let options = ShopOptions { duration_s: 300, rate: 4.0, faults, ..ShopOptions::default() };
        let text: String = Shop::new(options).unwrap().map(|event| event.line + "\n").collect();
        let mut batch = Batch { filled: text.len(), bytes: text.into_bytes(), ..Batch::default() };
        loaded.lines().split(&mut batch, true);
        loaded.parser().unwrap().parse(&mut batch);
        batch
    }

    fn pass(engine: &mut Engine, batch: &Batch, events: std::ops::Range<usize>) {
        let mut outcome = Outcome::default();
        events.for_each(|i| engine.process(&batch.fields(i), Timestamp::default(), &mut outcome));
    }

    /// The log of a filter that starts with this state file. Its engine must then process events
    /// and write a snapshot.
    fn said(loaded: &Loaded, file: &[u8], batch: &Batch) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut loaded = Loaded::new(loaded.config.clone(), loaded.rules.clone());
        loaded.config.state.path = Some(folder.path().join("state"));
        fs::create_dir(folder.path().join("state")).unwrap();
        fs::write(folder.path().join("state/seismolog.state"), file).unwrap();
        let path = folder.path().join("log");
        let log = Log::open(&Target::File(path.clone())).unwrap();
        let (mut engine, writer) = restore_state(&loaded, &log).unwrap();
        let events = batch.records.len();
        pass(&mut engine, batch, events - LAST..events);
        engine.tick(Timestamp::from_seconds(1_900_000_000), &mut Outcome::default());
        drop(engine.snapshot());
        drop(writer);
        fs::read_to_string(path).unwrap()
    }

    /// A state file, and the stream of which its engine has seen most.
    fn kept() -> (Loaded, Batch, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let loaded = loaded(folder.path());
        let batch = stream(&loaded);
        let mut engine = loaded.engine();
        pass(&mut engine, &batch, 0..batch.records.len() - LAST);
        assert!(engine.incidents().still_open().count() > 0, "an incident is part of the state");
        StateFolder::open(folder.path()).unwrap().save(&engine.snapshot()).unwrap();
        let file = fs::read(folder.path().join("seismolog.state")).unwrap();
        assert_eq!(said(&loaded, &file, &batch), "", "the file as it was is taken");
        (loaded, batch, file)
    }

    fn flip(bytes: &mut [u8], chance: &mut Pcg64) {
        for _ in 0..chance.random_range(1..=8) {
            let at = chance.random_range(0..bytes.len());
            bytes[at] ^= 1_u8 << chance.random_range(0..8);
        }
    }

    #[test]
    fn a_state_with_flipped_bits_is_set_aside_and_said() {
        let (loaded, batch, file) = kept();
        let mut chance = Pcg64::seed_from_u64(19);
        for i in 0..FILES {
            let mut flipped = file.clone();
            flip(&mut flipped, &mut chance);
            // An even number of flips can restore the original bytes.
            if flipped != file {
                let said = said(&loaded, &flipped, &batch);
                assert!(said.contains(" is invalid (") && said.contains("starting with empty state"), "{i}: {said:?}");
            }
        }
    }

    #[test]
    fn a_forged_state_whose_checksum_is_right_keeps_no_filter_from_starting() {
        let (loaded, batch, file) = kept();
        let (mut chance, mut taken) = (Pcg64::seed_from_u64(20), 0);
        for _ in 0..FILES {
            let mut snapshot = file[header(b"").len()..].to_vec();
            flip(&mut snapshot, &mut chance);
            let said = said(&loaded, &[&header(&snapshot), snapshot.as_slice()].concat(), &batch);
            taken += usize::from(said.is_empty());
            assert!(said.is_empty() || said.contains("empty state"), "{said:?}");
        }
        assert!(taken > 0 && taken < FILES, "{taken} of {FILES} were taken");
    }
}
