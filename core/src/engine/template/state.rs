//! Snapshots of templates.

use super::wildcard::WildcardsSnapshot;
use super::{Template, TemplateId, Templates};
use crate::engine::snapshot::{RestoreError, pack, unpack};
use crate::engine::state::TableSnapshot;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct TemplatesState {
    #[serde(alias = "skeletons")]
    masked_messages: TableSnapshot<TemplateId>,
    templates: TableSnapshot<Template>,
    #[serde(alias = "holes")]
    wildcards: WildcardsSnapshot,
    merged: u64,
}

impl Templates {
    /// The snapshot as CBOR.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        pack(&TemplatesState {
            masked_messages: self.masked_messages.snapshot(),
            templates: self.templates.snapshot(),
            wildcards: self.wildcards.snapshot(),
            merged: self.merged,
        })
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// [`RestoreError`] when the bytes have another format. The current state is then unchanged.
    pub fn restore(&mut self, kept: &[u8]) -> Result<(), RestoreError> {
        let kept: TemplatesState = unpack(kept)?;
        self.masked_messages.restore(kept.masked_messages);
        self.templates.restore(kept.templates);
        self.wildcards.restore(kept.wildcards);
        self.merged = kept.merged;
        Ok(())
    }
}
