//! Where an error is counted: the cells of its module, its template, its code, and of all.

use super::super::Event;
use super::YOUNG;
use crate::event::Role;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The incident key of the overall cell.
pub(super) const ALL: u32 = u32::MAX;
/// Slots attributed to this key belong to every module and code: those of an incident of the
/// overall cell.
pub(super) const EVERYWHERE: u32 = u32::MAX - 1;
/// Tells keys of cells of different scopes apart.
pub(super) const KEY_DOMAINS: [u64; 6] =
    [0x6D6F_6475_6C65, 0x7465_7874_2D2D, 0x636F_6465_2D2D, 0x616C_6C2D_2D2D, 0x7368_6172_652D, 0x7761_726E_2D2D];
pub(super) const ALL_CELL: CellKey =
    CellKey { scope: Scope::All, cell: KEY_DOMAINS[Scope::All as usize], place: ALL, module: None };

/// What a cell counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Scope {
    Module,
    /// One template of a module.
    Text,
    Code,
    All,
    /// A module's failures among its requests.
    Share,
    /// One template of a module, at WARN.
    Warning,
}

impl Scope {
    /// True of cells whose errors come from several modules, and are grouped by module.
    pub(super) fn is_wide(self) -> bool {
        matches!(self, Self::Code | Self::All)
    }
}

/// Where an error is counted.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct CellKey {
    pub(super) scope: Scope,
    /// The key of the cell.
    pub(super) cell: u64,
    /// The key of the incident that the cell would open.
    pub(super) place: u32,
    /// The module, of cells of one module.
    pub(super) module: Option<u64>,
}

impl CellKey {
    /// The cell of a module.
    pub(super) fn of_module(module: u64) -> Self {
        let cell = module ^ KEY_DOMAINS[Scope::Module as usize];
        Self { scope: Scope::Module, cell, place: fold(module), module: Some(module) }
    }

    /// The cell of a module's template, whose events are errors or warnings.
    pub(super) fn of_template(scope: Scope, module: u64, template: u64) -> Self {
        let cell = text_key(module, template) ^ KEY_DOMAINS[scope as usize];
        // Warnings are an incident of their own.
        let place = if scope == Scope::Warning { fold(cell) } else { fold(module) };
        Self { scope, cell, place, module: Some(module) }
    }

    /// The template and the module of a cell of one template.
    pub(super) fn text(&self) -> Option<(u64, u64)> {
        let module = self.module.filter(|_| matches!(self.scope, Scope::Text | Scope::Warning))?;
        Some((text_key(module, self.cell ^ KEY_DOMAINS[self.scope as usize]), module))
    }

    /// What errors of `module` are told apart by in this cell; `is_young` is true of those of a
    /// young template.
    pub(super) fn group(&self, module: u64, is_young: bool) -> Option<u32> {
        match self.scope {
            Scope::All | Scope::Code => Some(fold(module)),
            Scope::Module if is_young => Some(YOUNG),
            _ => None,
        }
    }
}

/// 32 bits of a hash, for modules and incident keys.
pub(super) fn fold(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

/// The key of a module's template, before its scope's salt.
pub(super) fn text_key(module: u64, template: u64) -> u64 {
    template ^ module.rotate_left(32)
}

/// The cells that an error is counted in, widest first, and the share of failing requests behind
/// them.
pub(super) fn spots(event: &Event<'_>) -> [Option<CellKey>; 5] {
    let module = event.fields.parsed().module_hash;
    let template = event.template.id.0;
    let text = (template != 0).then(|| CellKey::of_template(Scope::Text, module, template));
    let code = event.fields.raw(Role::ErrorCode).map(|code| {
        let cell = xxh3_64(code) ^ KEY_DOMAINS[Scope::Code as usize];
        CellKey { scope: Scope::Code, cell, place: fold(cell), module: None }
    });
    let share = event.fields.raw(Role::Status).map(|_| {
        let cell = module ^ KEY_DOMAINS[Scope::Share as usize];
        CellKey { scope: Scope::Share, cell, place: fold(module), module: Some(module) }
    });
    [Some(ALL_CELL), code, Some(CellKey::of_module(module)), text, share]
}
