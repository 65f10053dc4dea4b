//! Minimal peers for both sides of the network connections: a sender and a receiver.

use crate::support::{Filter, wait_readable};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// The address at which a filter listens, as its log says.
#[track_caller]
pub(crate) fn listening(filter: &Filter, scheme: &str) -> String {
    filter.hear(&format!("listening at {scheme}://"))
}

/// A port on loopback that was free a moment ago, for processes that must find it again after a
/// restart.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A connection with timeouts for reads and writes.
#[track_caller]
pub(crate) fn connect(address: &str) -> TcpStream {
    patient(TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}")))
}

/// The next incoming connection, which must come within the time limit.
#[track_caller]
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    wait_readable("a connection", listener);
    patient(listener.accept().unwrap().0)
}

pub(crate) fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Everything until the other side closes or resets the connection.
pub(crate) fn rest(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

/// Status and body of the response to one request.
pub(crate) fn post(address: &str, path: &str, headers: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
    let mut stream = patient(TcpStream::connect(address)?);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    // If the request is refused midway, writing the rest fails; the response says why.
    let _ = stream.write_all(body);
    let answer = String::from_utf8_lossy(&rest(&mut stream)).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    status.zip(body).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

/// MessagePack for a JSON text, for messages written by hand.
pub(crate) fn pack(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    seismolog::event::transcode::from_json(json.as_bytes(), &mut out).unwrap();
    out
}

/// One entry `[EventTime, {}]`, `{…}`, as Fluent Bit sends it since 5.0.5.
pub(crate) fn entry(nanoseconds: u32, record: &str) -> Vec<u8> {
    let mut out = vec![0x92, 0x92, 0xd7, 0, 0x65, 0x53, 0xf1, 0];
    out.extend_from_slice(&nanoseconds.to_be_bytes());
    out.extend_from_slice(&[0x81, 0xa1, b'm', 7]);
    out.extend_from_slice(&pack(record));
    out
}

/// A PackedForward message.
pub(crate) fn packed(tag: &str, entries: &[u8], chunk: &str) -> Vec<u8> {
    use seismolog::event::msgpack::{put_array, put_binary, put_map, put_text};
    let mut out = Vec::new();
    put_array(3, &mut out);
    put_text(tag.as_bytes(), &mut out);
    put_binary(entries.len(), &mut out);
    out.extend_from_slice(entries);
    put_map(1, &mut out);
    put_text(b"chunk", &mut out);
    put_text(chunk.as_bytes(), &mut out);
    out
}

/// Reads one MessagePack value from a connection.
pub(crate) fn read_value(stream: &mut impl Read, inbox: &mut Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut scanner = seismolog::event::msgpack::Scanner::default();
    loop {
        if let Some(end) = scanner.advance(inbox, 64 << 20, 64).map_err(|_| std::io::ErrorKind::InvalidData)? {
            return Ok(inbox.drain(..end).collect());
        }
        let mut bytes = [0; 1 << 16];
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        inbox.extend_from_slice(&bytes[..count]);
    }
}

/// The value as JSON, for comparisons.
pub(crate) fn shown(value: &[u8]) -> String {
    let mut out = Vec::new();
    let mut reader = seismolog::event::msgpack::Reader::new(value, 0);
    seismolog::event::transcode::to_json(&mut reader, 0, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
