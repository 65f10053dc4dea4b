//! What kind of place a module stands in, for what is learned of places over many lines.

use super::{LayoutMatch, LayoutName};

impl LayoutMatch {
    /// The kind of place that the module which begins at `start` of the line stands in, where that
    /// place could hold an identifier as well: what number of member it is, what stands around it,
    /// and whether the level is before it. Of a name with points or colons in it, and of one that
    /// the line calls its module, 0.
    pub(in crate::event) fn module_place(&self, line: &[u8], start: usize) -> u32 {
        let found = self.members.iter().enumerate().find(|(_, member)| member.value.start == start);
        let Some((i, module)) = found.filter(|(_, module)| module.name == LayoutName::Known("module")) else {
            return 0;
        };
        let value = &line[module.value.clone()];
        if i >= self.outside || memchr::memchr3(b'.', b':', b'/', value).is_some() {
            return 0;
        }
        let around = [start.checked_sub(1).map_or(0, |at| line[at]), line.get(module.value.end).copied().unwrap_or(0)];
        let is_behind = !self.level_text.is_empty() && self.level_text.start < start;
        u32::from_le_bytes([around[0], around[1], i.min(63) as u8, 1 << 7 | u8::from(is_behind)])
    }
}
