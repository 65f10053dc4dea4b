//! Snapshots for restarts, as CBOR (RFC 8949). Fields are stored by name, so that a snapshot with
//! other fields is detected.

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::io::{self, Read, Write};

/// Most levels of nesting that are read. A value of a rule has about 4 KiB, so at most 170 nested
/// arrays of two levels each.
const DEPTH: usize = 512;

/// A snapshot could not be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot does not fit: {0}")]
pub struct RestoreError(pub String);

/// A part of the engine with state that survives a restart.
pub trait Stateful {
    /// The state as it is stored.
    type State: Serialize + DeserializeOwned;

    /// The current state.
    fn state(&self) -> Self::State;

    /// Checks whether a stored state fits the current settings.
    ///
    /// # Errors
    /// The reason why it does not fit.
    fn compatible(&self, _state: &Self::State) -> Result<(), &'static str> {
        Ok(())
    }

    /// Continues with a stored state.
    fn resume(&mut self, state: Self::State);
}

/// Object-safe form of [`Stateful`]: the state is bytes, so the engine need not know its type.
pub trait Persist {
    /// The serialised state.
    fn snapshot(&self) -> Vec<u8>;

    /// Restores a serialised state.
    ///
    /// # Errors
    /// [`RestoreError`] when the bytes have another format or were written with other settings. The
    /// current state is then unchanged.
    fn restore(&mut self, packed: &[u8]) -> Result<(), RestoreError>;
}

impl<T: Stateful> Persist for T {
    fn snapshot(&self) -> Vec<u8> {
        pack(&self.state())
    }

    fn restore(&mut self, packed: &[u8]) -> Result<(), RestoreError> {
        let state = unpack(packed)?;
        self.compatible(&state).map_err(|why| RestoreError(why.into()))?;
        self.resume(state);
        Ok(())
    }
}

/// Serialises the state of a part of the engine.
pub(crate) fn pack(state: &impl Serialize) -> Vec<u8> {
    // Writing numbers, text and sequences to memory cannot fail. If it did, an empty snapshot would
    // be refused at restore.
    let mut packed = Outlined(Vec::new());
    if ciborium::into_writer(state, &mut packed).is_err() {
        packed.0.clear();
    }
    packed.0
}

/// Deserialises what [`pack`] wrote.
pub(crate) fn unpack<T: DeserializeOwned>(kept: &[u8]) -> Result<T, RestoreError> {
    ciborium::de::from_reader_with_recursion_limit(Outlined(kept), DEPTH)
        .map_err(|error| RestoreError(error.to_string()))
}

/// A reader and writer whose methods are not inlined. Otherwise they would be copied to each of the
/// hundreds of places that read or write a field.
struct Outlined<T>(T);

impl Read for Outlined<&[u8]> {
    #[inline(never)]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }

    #[inline(never)]
    fn read_exact(&mut self, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(into)
    }
}

impl Write for Outlined<Vec<u8>> {
    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    #[inline(never)]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The serialised state of another part, stored as CBOR bytes. As a list of numbers it would be
/// slower and take up to twice the space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed(pub(crate) Vec<u8>);

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Packed;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Packed, E> {
                Ok(Packed(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_too_deep_or_cut_off_is_told() {
        let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert!(unpack::<serde_json::Value>(&pack(&deep(DEPTH - 1))).is_ok());
        let error = unpack::<serde_json::Value>(&pack(&deep(DEPTH + 1))).unwrap_err();
        assert!(error.to_string().starts_with("the snapshot does not fit: "), "{error}");
        assert!(unpack::<Packed>(&pack(&Packed(vec![7; 100]))[..50]).is_err());
    }

    proptest! {
        #[test]
        fn numbers_and_bytes_come_back_as_they_were(
            whole: i64, far: u64, bits: u64, short: u32, text: String, bytes in proptest::collection::vec(any::<u8>(), 0..5_000),
        ) {
            let state = (whole, far, text, Packed(bytes), Some(short), None::<u8>);
            prop_assert_eq!(&unpack::<(i64, u64, String, Packed, Option<u32>, Option<u8>)>(&pack(&state)).unwrap(), &state);
            let float = unpack::<f64>(&pack(&f64::from_bits(bits))).unwrap();
            prop_assert!(float == f64::from_bits(bits) || float.is_nan() && f64::from_bits(bits).is_nan());
            let single = unpack::<f32>(&pack(&f32::from_bits(short))).unwrap();
            prop_assert!(single == f32::from_bits(short) || single.is_nan() && f32::from_bits(short).is_nan());
        }
    }
}
