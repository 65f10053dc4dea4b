//! What a restart should know, as CBOR (RFC 8949): fields by name, so that what was written with other fields is told.

use serde::de::{DeserializeOwned, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A snapshot could not be taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot does not fit: {0}")]
pub struct RestoreError(pub String);

/// The state of a part of the engine, packed.
pub(crate) fn pack(state: &impl Serialize) -> Vec<u8> {
    // Numbers, text and sequences have no way to fail into memory; if they did, there would be nothing to restore.
    cbor4ii::serde::to_vec(Vec::new(), state).unwrap_or_default()
}

/// The state that [`pack`] packed.
pub(crate) fn unpack<T: DeserializeOwned>(kept: &[u8]) -> Result<T, RestoreError> {
    cbor4ii::serde::from_slice(kept).map_err(|error| RestoreError(error.to_string()))
}

/// What another part of the engine has packed: held as bytes, and not as a list of numbers, which takes longer and up to
/// twice the room.
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

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Packed, E> {
                Ok(Packed(bytes.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Packed, E> {
                Ok(Packed(bytes))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Packed, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = numbers.next_element()? {
                    bytes.push(byte);
                }
                Ok(Packed(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}
