//! What of the last objects is known at the next: names that need not be read again.

use super::super::json::Lead;
use super::super::roles::{Named, Names};

/// What came behind each member, as it was last: its lead, and what its name is.
#[derive(Debug, Default)]
pub(in crate::event) struct KeyPrefixCache(Box<[(Lead, Named)]>);

impl KeyPrefixCache {
    /// At the beginning of an object.
    pub(super) const START: usize = 0;

    /// For members with these names and any others.
    pub(in crate::event) fn new(names: &Names) -> Self {
        Self(vec![(Lead::NONE, Named::NOTHING); names.marks() + 1].into())
    }

    /// Where it is kept what comes behind this member. Names that share a mark only miss each
    /// other's.
    #[inline(always)]
    pub(super) fn after(named: Named) -> usize {
        named.mark as usize + 1
    }

    #[inline(always)]
    pub(super) fn behind(&self, last: usize) -> &(Lead, Named) {
        const NOTHING: &(Lead, Named) = &(Lead::NONE, Named::NOTHING);
        self.0.get(last).unwrap_or(NOTHING)
    }

    pub(super) fn learn(&mut self, last: usize, lead: Option<Lead>, named: Named) {
        if let (Some(lead), Some(learned)) = (lead, self.0.get_mut(last)) {
            *learned = (lead, named);
        }
    }
}

/// Which names of a level have come, by their marks.
#[derive(Debug, Default)]
pub(in crate::event) struct Seen([u64; Self::WORDS]);

impl Seen {
    const WORDS: usize = 16;

    /// True when this name may have come before: marks beyond the bits are shared, which only costs
    /// a second walk.
    #[inline(always)]
    pub(in crate::event) fn again(&mut self, mark: u32) -> bool {
        let (word, bit) = (&mut self.0[mark as usize / 64 % Self::WORDS], 1 << (mark % 64));
        let again = *word & bit != 0;
        *word |= bit;
        again
    }
}
