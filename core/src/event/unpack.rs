//! What is packed, unpacked step by step, so that whoever asks can stop, wait or count in between.

use super::msgpack::Refused;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::fmt;
use std::io::Read;

/// What one step unpacks at most.
const STEP: usize = 256 << 10;
/// A zstd frame that wants a larger window is refused, as RFC 8878 (3.1.1.1.2) recommends: the
/// window is held beside what is unpacked. Levels up to 19 need no more.
const ZSTD_WINDOW: u64 = 8 << 20;

/// How something is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Gzip, also of several members.
    Gzip,
    /// One frame of zstd.
    Zstd,
}

/// Unpacks one thing.
pub struct Unpacker<'a> {
    from: Box<dyn Read + Send + 'a>,
    most_bytes: usize,
}

impl fmt::Debug for Unpacker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacker").field("most_bytes", &self.most_bytes).finish_non_exhaustive()
    }
}

impl<'a> Unpacker<'a> {
    /// Of `packed` at most so many bytes come.
    ///
    /// # Errors
    /// [`Refused`] when it is not packed in this way.
    pub fn new(packing: Packing, packed: &'a [u8], most_bytes: usize) -> Result<Self, Refused> {
        let from: Box<dyn Read + Send + 'a> = match packing {
            Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Packing::Zstd => Box::new(
                StreamingDecoder::new_with_max_window_size(packed, ZSTD_WINDOW).map_err(|_| Refused::Malformed)?,
            ),
        };
        Ok(Self { from, most_bytes })
    }

    /// Appends a little more of it to `out`, which holds what has come so far; false when that was
    /// all.
    ///
    /// # Errors
    /// [`Refused`] when it is broken or holds more.
    pub fn step(&mut self, out: &mut Vec<u8>) -> Result<bool, Refused> {
        let room = STEP.min(self.most_bytes.saturating_add(1).saturating_sub(out.len())) as u64;
        let came = (&mut self.from).take(room).read_to_end(out).map_err(|_| Refused::Malformed)?;
        if out.len() > self.most_bytes { Err(Refused::TooLong) } else { Ok(came as u64 == room) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn all_of_it_comes_in_steps_and_not_a_byte_more_than_is_wanted() {
        let whole: Vec<u8> = (0..3 * STEP + 7).map(|i| (i % 251) as u8).collect();
        let mut members = Vec::new();
        for part in whole.chunks(100_000) {
            let mut gzip = GzEncoder::new(&mut members, Compression::fast());
            gzip.write_all(part).unwrap();
            gzip.finish().unwrap();
        }
        let unpack = |most: usize| {
            let (mut out, mut steps) = (Vec::new(), 0);
            let mut unpacker = Unpacker::new(Packing::Gzip, &members, most)?;
            while unpacker.step(&mut out)? {
                steps += 1;
            }
            Ok((out, steps))
        };
        assert_eq!(unpack(whole.len()), Ok((whole.clone(), 3)));
        assert_eq!(unpack(whole.len() - 1), Err(Refused::TooLong));
        assert_eq!(unpack(1), Err(Refused::TooLong));
    }

    #[test]
    fn a_zstd_frame_that_wants_a_giant_window_is_refused_before_anything_is_unpacked() {
        // Magic number, a descriptor without content size, a window of 2^(10 + exponent), an empty
        // last block.
        let frame = |exponent: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 1, 0, 0];
        let refused = |exponent| Unpacker::new(Packing::Zstd, &frame(exponent), 1 << 20).map(drop);
        assert_eq!((refused(13), refused(14)), (Ok(()), Err(Refused::Malformed)));
    }
}
