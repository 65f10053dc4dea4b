//! Snapshots of templates.

use super::hole::HolesSnapshot;
use super::{Template, TemplateId, Templates};
use crate::engine::snapshot::{RestoreError, pack, unpack};
use crate::engine::state::TableSnapshot;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct TemplatesState {
    skeletons: TableSnapshot<TemplateId>,
    templates: TableSnapshot<Template>,
    holes: HolesSnapshot,
    merged: u64,
}

impl Templates {
    /// The snapshot as CBOR.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        pack(&TemplatesState {
            skeletons: self.skeletons.snapshot(),
            templates: self.templates.snapshot(),
            holes: self.holes.snapshot(),
            merged: self.merged,
        })
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// [`RestoreError`] when the bytes have another format. The current state is then unchanged.
    pub fn restore(&mut self, kept: &[u8]) -> Result<(), RestoreError> {
        let kept: TemplatesState = unpack(kept)?;
        self.skeletons.restore(kept.skeletons);
        self.templates.restore(kept.templates);
        self.holes.restore(kept.holes);
        self.merged = kept.merged;
        Ok(())
    }
}
