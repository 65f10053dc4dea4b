//! The values with an open incident by module, so that a failure looks at those and not at every
//! open incident.

use super::CellKey;
use std::collections::BTreeMap;

/// By module and dimension the values with an open incident, in the order of their incident keys.
/// Bounded by the open incidents.
#[derive(Debug, Default)]
pub(super) struct OpenSpots(BTreeMap<u64, Vec<CellKey>>);

impl OpenSpots {
    pub(super) fn insert(&mut self, spot: CellKey) {
        let spots = self.0.entry(spot.side).or_default();
        if let Err(i) = spots.binary_search_by_key(&spot.place, |spot| spot.place) {
            spots.insert(i, spot);
        }
    }

    pub(super) fn remove(&mut self, spot: CellKey) {
        let Some(spots) = self.0.get_mut(&spot.side) else { return };
        if let Ok(i) = spots.binary_search_by_key(&spot.place, |spot| spot.place) {
            spots.remove(i);
        }
        if spots.is_empty() {
            self.0.remove(&spot.side);
        }
    }

    /// The values of one module in one dimension.
    pub(super) fn of(&self, side: u64) -> &[CellKey] {
        self.0.get(&side).map_or(&[], Vec::as_slice)
    }
}

impl FromIterator<CellKey> for OpenSpots {
    fn from_iter<T: IntoIterator<Item = CellKey>>(spots: T) -> Self {
        let mut open = Self::default();
        spots.into_iter().for_each(|spot| open.insert(spot));
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_by_module_in_the_order_of_their_places() {
        let spot = |side, place| CellKey { side, key: side ^ place, place };
        let mut open: OpenSpots = [spot(1, 9), spot(2, 3), spot(1, 4), spot(1, 9)].into_iter().collect();
        assert_eq!(open.of(1), [spot(1, 4), spot(1, 9)]);
        open.remove(spot(1, 4));
        open.remove(spot(2, 3));
        open.remove(spot(5, 3));
        assert_eq!((open.of(1), open.of(2)), (&[spot(1, 9)][..], &[][..]));
    }
}
