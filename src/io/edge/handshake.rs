//! The handshake of the Forward protocol: both sides prove that they know a key without sending it.
//!
//! The server sends HELO with a nonce; the client answers PING with the SHA-512 of salt, its name,
//! nonce and key; the server sends PONG with its own digest. Users and passwords are not used.

use super::peer::{Shared, fault_of};
use super::{EdgeError, READ_BYTES};
use crate::event::Fault;
use crate::event::msgpack::{self, Head, Malformed, Reader, Scanner};
use crate::io::random;
use crate::io::socket::Stream;
use sha2::{Digest, Sha512};
use std::path::Path;
use subtle::ConstantTimeEq;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Most bytes of a message of the handshake.
const MESSAGE_BYTES: usize = 8 << 10;

/// The key, read from its file without the line end.
pub(super) fn read_key(path: &Path) -> Result<Vec<u8>, EdgeError> {
    let failed = |message: String| EdgeError {
        message,
        hint: "shared_key_file is a file that holds the key, and that may be read".into(),
    };
    let key = std::fs::read(path).map_err(|error| failed(format!("cannot read {}: {error}", path.display())))?;
    let key = key.trim_ascii_end().to_vec();
    if key.is_empty() { Err(failed(format!("{} is empty", path.display()))) } else { Ok(key) }
}

/// Whether this is the digest of a peer that knows the key, compared in constant time.
fn is_proven(salt: &[u8], name: &[u8], nonce: &[u8], key: &[u8], proof: &[u8]) -> bool {
    digest(&[salt, name, nonce, key]).as_bytes().ct_eq(proof).into()
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha512::new();
    parts.iter().for_each(|part| hash.update(part));
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0')).collect()
}

/// Reads one message; bytes behind it stay in `inbox`.
async fn message(stream: &mut Stream, inbox: &mut Vec<u8>) -> Result<Vec<u8>, Fault> {
    let mut scanner = Scanner::default();
    loop {
        if let Some(end) = scanner.advance(inbox, MESSAGE_BYTES, 8).map_err(fault_of)? {
            return Ok(inbox.drain(..end).collect());
        }
        inbox.reserve(READ_BYTES.min(MESSAGE_BYTES));
        match stream.read_buf(inbox).await {
            Ok(0) | Err(_) => return Err(Fault::RefusedProtocol),
            Ok(_) => {}
        }
    }
}

/// The server's side. True when the peer knows the key; bytes that it sent beyond the handshake are
/// in `inbox`.
pub(super) async fn welcome(
    stream: &mut Stream,
    inbox: &mut Vec<u8>,
    shared: &Shared,
    (name, key): (&str, &[u8]),
) -> Result<(), Fault> {
    let handshake = async {
        let nonce: [u8; 16] = random::bytes();
        let mut helo = Vec::new();
        msgpack::put_array(2, &mut helo);
        msgpack::put_text(b"HELO", &mut helo);
        msgpack::put_map(3, &mut helo);
        msgpack::put_text(b"nonce", &mut helo);
        msgpack::put_binary(nonce.len(), &mut helo);
        helo.extend_from_slice(&nonce);
        msgpack::put_text(b"auth", &mut helo);
        msgpack::put_text(b"", &mut helo);
        msgpack::put_text(b"keepalive", &mut helo);
        helo.push(0xc3);
        stream.write_all(&helo).await.map_err(|_| Fault::RefusedProtocol)?;
        let ping = message(stream, inbox).await?;
        let (salt, theirs) = read_ping(&ping, &nonce, key).map_err(|Malformed| Fault::RefusedProtocol)?;
        let mut pong = Vec::new();
        msgpack::put_array(5, &mut pong);
        msgpack::put_text(b"PONG", &mut pong);
        pong.push(if theirs { 0xc3 } else { 0xc2 });
        msgpack::put_text(if theirs { b"" } else { b"shared_key mismatch" }, &mut pong);
        msgpack::put_text(name.as_bytes(), &mut pong);
        let ours = if theirs { digest(&[&salt, name.as_bytes(), &nonce, key]) } else { String::new() };
        msgpack::put_text(ours.as_bytes(), &mut pong);
        stream.write_all(&pong).await.map_err(|_| Fault::RefusedProtocol)?;
        if theirs { Ok(()) } else { Err(Fault::RefusedKey) }
    };
    timeout(shared.message_timeout(), handshake).await.unwrap_or(Err(Fault::RefusedTime))
}

/// The salt of a PING, and whether its sender knows the key.
fn read_ping(ping: &[u8], nonce: &[u8], key: &[u8]) -> Result<(Vec<u8>, bool), Malformed> {
    let mut reader = Reader::new(ping, 0);
    let Head::Array(6) = reader.head()? else { return Err(Malformed) };
    if reader.text()? != b"PING" {
        return Err(Malformed);
    }
    let (name, salt, proof) = (reader.text()?, reader.text()?, reader.text()?);
    Ok((salt.to_vec(), is_proven(salt, name, nonce, key, proof)))
}

/// The client's side.
pub(super) async fn introduce(
    stream: &mut Stream,
    inbox: &mut Vec<u8>,
    shared: &Shared,
    (name, key): (&str, &[u8]),
) -> Result<(), Fault> {
    let handshake = async {
        let helo = message(stream, inbox).await?;
        let theirs = read_helo(&helo).map_err(|Malformed| Fault::RefusedProtocol)?;
        // Fluent Bit accepts only a salt that is text.
        let salt = hex(&random::bytes::<16>());
        let mut ping = Vec::new();
        msgpack::put_array(6, &mut ping);
        msgpack::put_text(b"PING", &mut ping);
        msgpack::put_text(name.as_bytes(), &mut ping);
        msgpack::put_text(salt.as_bytes(), &mut ping);
        msgpack::put_text(digest(&[salt.as_bytes(), name.as_bytes(), &theirs, key]).as_bytes(), &mut ping);
        msgpack::put_text(b"", &mut ping);
        msgpack::put_text(b"", &mut ping);
        stream.write_all(&ping).await.map_err(|_| Fault::RefusedProtocol)?;
        let pong = message(stream, inbox).await?;
        match read_pong(&pong, salt.as_bytes(), &theirs, key) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::RefusedKey),
            Err(Malformed) => Err(Fault::RefusedProtocol),
        }
    };
    timeout(shared.message_timeout(), handshake).await.unwrap_or(Err(Fault::RefusedTime))
}

fn read_helo(helo: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(helo, 0);
    let Head::Array(2) = reader.head()? else { return Err(Malformed) };
    if reader.text()? != b"HELO" {
        return Err(Malformed);
    }
    let Head::Map(length) = reader.head()? else { return Err(Malformed) };
    let mut nonce = Vec::new();
    for _ in 0..length {
        match reader.text()? {
            b"nonce" => nonce = reader.text()?.to_vec(),
            _ => reader.skip()?,
        }
    }
    Ok(nonce)
}

fn read_pong(pong: &[u8], salt: &[u8], nonce: &[u8], key: &[u8]) -> Result<bool, Malformed> {
    let mut reader = Reader::new(pong, 0);
    let Head::Array(5) = reader.head()? else { return Err(Malformed) };
    if reader.text()? != b"PONG" {
        return Err(Malformed);
    }
    let welcome = reader.head()? == Head::Bool(true);
    let (_, name, proof) = (reader.text()?, reader.text()?, reader.text()?);
    Ok(welcome && is_proven(salt, name, nonce, key, proof))
}
