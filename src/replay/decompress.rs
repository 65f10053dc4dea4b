//! Decompresses input. Gzip and zstd are recognized by their first bytes, not by the file's name.

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, BufReader, Read};

/// How many compressed bytes are read at a time.
const BUFFER_BYTES: usize = 64 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The content of `input`, decompressed if it is compressed.
///
/// # Errors
/// When the first bytes cannot be read.
pub fn unpacked(mut input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(ZSTD.len());
    input.by_ref().take(ZSTD.len() as u64).read_to_end(&mut magic)?;
    let (is_gzip, is_zstd) = (magic.starts_with(&GZIP), magic == ZSTD);
    let whole = io::Cursor::new(magic).chain(input);
    if is_gzip {
        return Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, whole))));
    }
    if is_zstd {
        return Ok(Box::new(Zstd::new(BufReader::with_capacity(BUFFER_BYTES, whole))));
    }
    Ok(Box::new(whole))
}

/// All frames of a zstd file; rotation and parallel compressors write several in a row.
struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    /// Whether a frame has begun and is not finished.
    inside: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> Self {
        Self { packed, decoder: FrameDecoder::new(), inside: false }
    }

    /// Begins the next frame; false at the end of the file.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.packed.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.packed) {
                Ok(()) => {
                    self.inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut self.packed.by_ref().take(u64::from(length)), &mut io::sink())?;
                }
                Err(error) => return Err(self.explain(&error)),
            }
        }
    }

    /// Names a truncated file as such, which the decoder describes in words of its own.
    fn explain(&mut self, error: &FrameDecoderError) -> io::Error {
        if self.packed.fill_buf().is_ok_and(<[u8]>::is_empty) {
            return io::Error::new(io::ErrorKind::UnexpectedEof, "the zstd file is cut off");
        }
        io::Error::new(io::ErrorKind::InvalidData, format!("the zstd file is damaged: {error}"))
    }

    fn check(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(written), Some(found)) if written != found => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum of a zstd frame does not match its content",
            )),
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.inside && self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.inside && self.decoder.is_finished() {
                self.inside = false;
                self.check()?;
            }
            if !self.inside && !self.next_frame()? {
                return Ok(0);
            }
            if !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(|error| self.explain(&error))?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn text() -> Vec<u8> {
        (0..40_000).flat_map(|i| format!("line {i} of some length\n").into_bytes()).collect()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    /// The decompressed bytes, and how reading ended.
    fn read(packed: &[u8]) -> (Vec<u8>, io::Result<usize>) {
        let mut all = Vec::new();
        let ended = match unpacked(Box::new(io::Cursor::new(packed.to_vec()))) {
            Ok(mut input) => input.read_to_end(&mut all),
            Err(error) => Err(error),
        };
        (all, ended)
    }

    #[test]
    fn plain_gzip_and_zstd_are_told_by_their_first_bytes() {
        let text = text();
        let zstd = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
        let (half, rest) = text.split_at(text.len() / 2);
        let skippable = [&0x184D_2A50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"xyz"].concat();
        for packed in [
            text.clone(),
            gzip(&text),
            [gzip(half), gzip(rest)].concat(),
            zstd(&text),
            [zstd(half), skippable, zstd(rest)].concat(),
        ] {
            let (all, ended) = read(&packed);
            assert!(ended.is_ok(), "{ended:?}");
            assert_eq!(all, text);
        }
        for short in [&b""[..], b"a", b"\x1f", b"ab\n"] {
            assert_eq!(read(short).0, short);
        }
    }

    #[test]
    fn what_is_before_the_damage_is_read() {
        let text = text();
        for packed in [gzip(&text), compress_to_vec(&text[..], CompressionLevel::Fastest)] {
            let (all, ended) = read(&packed[..packed.len() * 2 / 3]);
            assert!(ended.is_err());
            assert!(all.len() > text.len() / 4 && text.starts_with(&all), "{}", all.len());
        }
    }

    #[test]
    fn a_wrong_checksum_is_damage() {
        for mut packed in [gzip(&text()), compress_to_vec(&text()[..], CompressionLevel::Fastest)] {
            let last = packed.len() - if packed.starts_with(&GZIP) { 8 } else { 1 };
            packed[last] ^= 1;
            assert!(read(&packed).1.is_err());
        }
    }
}
