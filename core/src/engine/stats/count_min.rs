//! How often each of very many keys was seen, in fixed memory, erring only upwards.
//!
//! A count-min sketch with conservative update: G. Cormode, S. Muthukrishnan, *An improved data
//! stream summary: the count-min sketch and its applications*, J. Algorithms 55 (2005); C. Estan,
//! G. Varghese, *New directions in traffic measurement and accounting*, SIGCOMM 2002 (conservative
//! update). With width w and n counted events an estimate exceeds the truth by more than e·n/w with
//! a chance of at most e⁻⁴. A key is never forgotten and never counted too low, so a line that was
//! always there cannot look new: the error is on the side of silence.
//!
//! Memory: 4 rows × 32,768 × 4 bytes = 512 KiB. Cost: four loads and at most four stores.

use serde::{Deserialize, Serialize};

const ROWS: usize = 4;
const WIDTH: usize = 1 << 15;

/// The sketch. Keys are 64-bit hashes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "CountMinState", try_from = "CountMinState")]
pub struct CountMin {
    /// The counters row by row. An array, because its fixed length saves bounds checks.
    cells: Box<[u32; ROWS * WIDTH]>,
}

/// A sketch across restarts.
#[derive(Serialize, Deserialize)]
struct CountMinState {
    cells: Vec<u32>,
}

impl From<CountMin> for CountMinState {
    fn from(sketch: CountMin) -> Self {
        Self { cells: sketch.cells.to_vec() }
    }
}

impl TryFrom<CountMinState> for CountMin {
    type Error = &'static str;

    fn try_from(kept: CountMinState) -> Result<Self, Self::Error> {
        kept.cells.try_into().map(|cells| Self { cells }).map_err(|_| "the sketch of learned lines has another size")
    }
}

impl Default for CountMin {
    fn default() -> Self {
        Self { cells: Box::new([0; ROWS * WIDTH]) }
    }
}

impl CountMin {
    /// Counts `key` once; returns how often it was seen, this time included, or more.
    #[inline]
    pub fn add(&mut self, key: u64) -> u32 {
        self.add_many(key, 1)
    }

    /// Counts `key` so many times; returns how often it was seen, these times included, or more.
    #[inline]
    pub fn add_many(&mut self, key: u64, times: u32) -> u32 {
        let cells = Self::cells_of(key);
        let seen = self.lowest(cells).saturating_add(times);
        for cell in cells {
            let count = &mut self.cells[cell];
            *count = (*count).max(seen);
        }
        seen
    }

    /// How often `key` was seen, or more.
    #[inline]
    #[must_use]
    pub fn count(&self, key: u64) -> u32 {
        self.lowest(Self::cells_of(key))
    }

    /// Halves all counts.
    pub fn halve(&mut self) {
        for cell in &mut *self.cells {
            *cell /= 2;
        }
    }

    #[inline]
    fn lowest(&self, cells: [usize; ROWS]) -> u32 {
        cells.iter().fold(u32::MAX, |lowest, &cell| lowest.min(self.cells[cell]))
    }

    /// Four independent 15-bit indices from one 64-bit hash.
    #[inline]
    fn cells_of(key: u64) -> [usize; ROWS] {
        std::array::from_fn(|row| row * WIDTH + (key >> (row * 16)) as usize % WIDTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    #[test]
    fn it_never_counts_too_low_and_seldom_too_high() {
        let mut sketch = CountMin::default();
        let key = |i: u32| xxh3_64(&i.to_le_bytes());
        for round in 0..10_u32 {
            for i in 0..20_000_u32 {
                if round < 1 + i % 10 {
                    sketch.add(key(i));
                }
            }
        }
        let excess: u64 = (0..20_000_u32)
            .map(|i| {
                let (truth, estimate) = (1 + i % 10, sketch.count(key(i)));
                assert!(estimate >= truth);
                u64::from(estimate - truth)
            })
            .sum();
        assert!(excess < 20_000 / 4, "mean excess {}", excess as f64 / 20_000.0);
        assert!(sketch.count(key(99_999_999)) <= 10);
    }

    #[test]
    fn halving_and_saturation() {
        let mut sketch = CountMin::default();
        for _ in 0..9 {
            sketch.add(7);
        }
        sketch.halve();
        assert_eq!(sketch.count(7), 4);
        let kept = serde_json::to_value(&sketch).unwrap();
        assert_eq!(serde_json::from_value::<CountMin>(kept.clone()).unwrap().count(7), 4);
        // The form in snapshots: a map with one member.
        assert_eq!(kept["cells"].as_array().unwrap().len(), ROWS * WIDTH);
        assert!(serde_json::from_str::<CountMin>(r#"{"cells":[0,0,0]}"#).is_err());
    }
}
