//! Ends: where events come from and go to, each written as a URL.
//!
//! | URL | is |
//! | --- | --- |
//! | `-` | a standard stream |
//! | `tcp://HOST:PORT`, `unix:///PATH` | one event a line |
//! | `http://HOST:PORT/PATH` | requests with events in their body |
//! | `forward://HOST:PORT`, `forward+unix:///PATH` | the Forward protocol of Fluentd and Fluent Bit |
//!
//! What an end can be told follows behind `?`, as `name=value` joined by `&`.

use super::output::EntryLimits;
use crate::diagnostic::nearest;
use hyper::http::uri::{Authority, PathAndQuery};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The port of the Forward protocol.
const FORWARD_PORT: &str = "24224";
/// What a record gets around it as an entry of the Forward protocol: its time, and a text the map
/// that it is put into.
const ENTRY_FRAME: usize = 4 << 10;
/// What a message of the Forward protocol has besides its entries: its tag and its option.
const MESSAGE_FRAME: usize = 64 << 10;

/// Which way events go through an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `--from`.
    From,
    /// `--to`.
    To,
}

/// Who begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Others connect to it.
    Listen,
    /// It connects to another, again and again.
    Connect,
}

/// Where an end is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `host:port`.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// What is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One event a line.
    Lines,
    /// Requests to this path.
    Http {
        /// With its slash.
        path: String,
    },
    /// The Forward protocol.
    Forward(Forward),
}

/// What can be told to an end of the Forward protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// Put in front of every tag.
    pub tag_prefix: String,
    /// The tag of records that have none.
    pub tag: String,
    /// The file that holds the key which both sides know.
    pub shared_key_file: Option<PathBuf>,
    /// Its own name in the handshake.
    pub hostname: String,
    /// Whether what it sends is to be acknowledged.
    pub ack: bool,
    /// Whether what it sends is packed.
    pub gzip: bool,
}

/// An end that is no standard stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// As it was written.
    pub url: String,
    /// Who begins.
    pub mode: Mode,
    /// Where it is.
    pub place: Place,
    /// What is spoken.
    pub protocol: Protocol,
}

/// One `--from` or `--to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Standard input or output.
    Standard,
    /// Anything else.
    Remote(Remote),
}

/// A URL that is no end: what is wrong with it, and a hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadEnd {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

fn bad<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, BadEnd> {
    Err(BadEnd { message: message.into(), hint: hint.into() })
}

const SCHEMES: [&str; 5] = ["tcp", "unix", "http", "forward", "forward+unix"];
const KINDS: &str =
    "an end is - or tcp://HOST:PORT, unix:///PATH, http://HOST:PORT/PATH, forward://HOST:PORT, forward+unix:///PATH";

impl End {
    /// Reads one URL.
    ///
    /// # Errors
    /// [`BadEnd`] with a hint.
    pub fn parse(url: &str, direction: Direction) -> Result<Self, BadEnd> {
        if url == "-" {
            return Ok(Self::Standard);
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return bad(format!("{url:?} is no end"), KINDS);
        };
        // Not a word of it: what it holds may be a password.
        if rest.split(['/', '?']).next().is_some_and(|authority| authority.contains('@')) {
            let hint = format!("a host and a port alone, such as {scheme}://127.0.0.1:5170");
            return bad(format!("an end with {scheme}:// holds a user or password"), hint);
        }
        if !SCHEMES.contains(&scheme) {
            let hint = match (scheme, nearest(scheme, SCHEMES)) {
                ("https", _) => "TLS is not spoken; put a proxy such as nginx or stunnel in front, and use http".into(),
                (_, Some(near)) => format!("did you mean {near}://?"),
                _ => KINDS.into(),
            };
            return bad(format!("{url:?} begins with {scheme:?}, which is no end"), hint);
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let is_unix = scheme.ends_with("unix");
        let place = if is_unix { unix_place(url, authority, path)? } else { tcp_place(url, scheme, authority)? };
        if matches!(scheme, "tcp" | "forward") && !matches!(path, "" | "/") {
            return bad(format!("{url:?} has the path {path:?}"), format!("{scheme}:// takes a host and a port alone"));
        }
        let protocol = match scheme {
            "http" => Protocol::Http { path: http_path(url, path)? },
            "forward" | "forward+unix" => Protocol::Forward(Forward {
                tag: "seismolog".into(),
                hostname: "seismolog".into(),
                ack: true,
                ..Forward::default()
            }),
            _ => Protocol::Lines,
        };
        let mode = if direction == Direction::From { Mode::Listen } else { Mode::Connect };
        let mut end = Remote { url: url.to_owned(), mode, place, protocol };
        for (name, value) in pairs(query) {
            end.set(&name, value, direction)?;
        }
        end.check(direction)?;
        Ok(Self::Remote(end))
    }
}

impl Remote {
    fn set(&mut self, name: &str, value: String, direction: Direction) -> Result<(), BadEnd> {
        let url = self.url.clone();
        let yes = |value: &str| match value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => bad(format!("{name} is {value:?} in {url:?}"), "write true or false"),
        };
        match (name, &mut self.protocol, direction) {
            ("mode", _, _) => match value.as_str() {
                "listen" => self.mode = Mode::Listen,
                "connect" => self.mode = Mode::Connect,
                _ => return bad(format!("mode is {value:?} in {url:?}"), "write mode=listen or mode=connect"),
            },
            ("tag_prefix", Protocol::Forward(forward), _) => forward.tag_prefix = value,
            ("tag", Protocol::Forward(forward), Direction::To) => forward.tag = value,
            ("shared_key_file", Protocol::Forward(forward), _) => forward.shared_key_file = Some(value.into()),
            ("hostname", Protocol::Forward(forward), _) => forward.hostname = value,
            ("ack", Protocol::Forward(forward), Direction::To) => forward.ack = yes(&value)?,
            ("gzip", Protocol::Forward(forward), Direction::To) => forward.gzip = yes(&value)?,
            _ => {
                let known: &[&str] = match (&self.protocol, direction) {
                    (Protocol::Forward(_), Direction::From) => &["mode", "tag_prefix", "shared_key_file", "hostname"],
                    (Protocol::Forward(_), Direction::To) => {
                        &["mode", "tag_prefix", "tag", "shared_key_file", "hostname", "ack", "gzip"]
                    }
                    _ => &["mode"],
                };
                let hint = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                return bad(format!("unknown option {name:?} in {url:?}"), hint);
            }
        }
        Ok(())
    }

    fn check(&self, direction: Direction) -> Result<(), BadEnd> {
        let listens = self.mode == Mode::Listen;
        match (&self.protocol, direction) {
            (Protocol::Http { .. }, Direction::From) if !listens => bad(
                format!("{:?} would ask for events", self.url),
                "http:// takes events that others send; leave mode=connect out",
            ),
            (Protocol::Http { .. } | Protocol::Forward(_), Direction::To) if listens => bad(
                format!("{:?} would wait for others to fetch events", self.url),
                "http:// and forward:// connect to the one that takes events; leave mode=listen out",
            ),
            (Protocol::Forward(_), Direction::From) if !listens => bad(
                format!("{:?} would connect to one that sends", self.url),
                "in the Forward protocol the sender connects; leave mode=connect out",
            ),
            _ => Ok(()),
        }
    }
}

fn unix_place(url: &str, authority: &str, path: &str) -> Result<Place, BadEnd> {
    if !authority.is_empty() || path.len() < 2 {
        return bad(format!("{url:?} names no socket"), "three slashes and the whole path: unix:///run/seismolog.sock");
    }
    if path.len() > 107 {
        return bad(
            format!("the path of {url:?} has {} bytes", path.len()),
            "the system takes at most 107 for a socket",
        );
    }
    Ok(Place::Unix(path.into()))
}

fn tcp_place(url: &str, scheme: &str, authority: &str) -> Result<Place, BadEnd> {
    let hint = format!("{scheme}://127.0.0.1:5170, {scheme}://[::1]:5170 or {scheme}://some.host:5170");
    let authority = authority.parse::<Authority>().ok().filter(|authority| !authority.host().is_empty());
    let Some(authority) = authority else { return bad(format!("{url:?} names no host"), hint) };
    let port = match (authority.as_str().strip_prefix(authority.host()), scheme) {
        (Some(""), "forward") => FORWARD_PORT,
        (Some(""), "http") => "80",
        (Some(port), _) if port.starts_with(':') => &port[1..],
        _ => return bad(format!("{url:?} names no port"), hint),
    };
    if port.parse::<u16>().is_err() {
        return bad(format!("{port:?} in {url:?} is no port"), "a number from 0 to 65535");
    }
    Ok(Place::Tcp(format!("{}:{port}", authority.host())))
}

fn http_path(url: &str, path: &str) -> Result<String, BadEnd> {
    let path = if path.is_empty() { "/" } else { path };
    if path.parse::<PathAndQuery>().is_err() {
        return bad(
            format!("{path:?} in {url:?} is no path"),
            "what a URL does not take, such as a blank, is written %20",
        );
    }
    Ok(path.to_owned())
}

/// `a=b&c=d`, with `%20` read as a space.
fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned())
        })
        .collect()
}

/// What peers can take of us: part of `[input]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Peers {
    /// Connections that one end serves at a time; further ones wait.
    #[schemars(range(min = 1, max = 65_536))]
    pub max_connections: usize,
    /// A message, a request body or a line of a network end may have so many bytes, also once
    /// unpacked.
    #[schemars(range(min = 4096, max = 1_073_741_824))]
    pub max_message_bytes: usize,
    /// Bodies of requests that wait to leave may hold so many bytes together; more is answered with
    /// 429. Forward messages and lines that are longer than 512 KiB and not whole yet may as well,
    /// each counted as the longest; further ones wait.
    #[schemars(range(min = 65_536, max = 4_294_967_295_u64))]
    pub max_pending_bytes: usize,
    /// MessagePack may be nested so deep.
    #[schemars(range(min = 2, max = 128))]
    pub max_depth: usize,
    /// What a peer has begun, a handshake, a message or a request, it must finish in this time.
    pub message_timeout: super::HumanDuration,
    /// Who says nothing for so long is let go, so that silent peers cannot take all places. Not
    /// set, nobody is: shippers that are quiet for hours do no harm, and a line that one writes in
    /// that very moment is lost without a Forward `chunk`. Requests have `message_timeout` anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<super::HumanDuration>,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            max_connections: 256,
            max_message_bytes: 16 << 20,
            max_pending_bytes: 64 << 20,
            max_depth: 64,
            message_timeout: super::HumanDuration(std::time::Duration::from_secs(30)),
            idle_timeout: None,
        }
    }
}

impl Peers {
    /// What an entry of the Forward protocol may be: a record of `max_message_bytes`, wherever it
    /// came from, is one. The same holds for what is taken and for what is sent, so that of two
    /// filters in a row the second takes what the first does.
    #[must_use]
    pub const fn entry_limits(&self) -> EntryLimits {
        EntryLimits { deepest: self.max_depth, most_bytes: self.max_message_bytes + ENTRY_FRAME }
    }

    /// What a whole message of the Forward protocol may have: the longest entry alone, with tag and
    /// option.
    #[must_use]
    pub const fn forward_message_bytes(&self) -> usize {
        self.entry_limits().most_bytes + MESSAGE_FRAME
    }

    /// Says what must hold.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        let Self { max_connections, max_message_bytes, max_pending_bytes, max_depth, message_timeout, idle_timeout } =
            self;
        for (key, value, least, most) in [
            ("max_connections", *max_connections, 1, 65_536),
            ("max_message_bytes", *max_message_bytes, 4_096, 1 << 30),
            ("max_pending_bytes", *max_pending_bytes, 65_536, u32::MAX as usize),
            ("max_depth", *max_depth, 2, 128),
        ] {
            require(
                (least..=most).contains(&value),
                &format!("peers.{key}"),
                format!("peers.{key} is {value}"),
                &format!("from {least} to {most}"),
            );
        }
        require(
            !message_timeout.0.is_zero(),
            "peers.message_timeout",
            format!("peers.message_timeout is {message_timeout}"),
            "a length of time above 0, by default \"30s\"",
        );
        require(
            idle_timeout.is_none_or(|idle| !idle.0.is_zero()),
            "peers.idle_timeout",
            "peers.idle_timeout is 0".into(),
            "a length of time above 0, or leave it out",
        );
    }
}

/// Says what must hold of all ends.
pub(super) fn require(
    from: &[String],
    to: &[String],
    peers: &Peers,
    require: &mut impl FnMut(bool, &str, String, &str),
) {
    for (urls, direction, key) in [(from, Direction::From, "input.from"), (to, Direction::To, "output.to")] {
        for error in parse_all(urls, direction).err().into_iter().flatten() {
            require(false, key, error.message, &error.hint);
        }
    }
    peers.require(require);
}

/// Reads a list of ends; an empty one is the standard stream.
///
/// # Errors
/// Every [`BadEnd`].
pub fn parse_all(urls: &[String], direction: Direction) -> Result<Vec<End>, Vec<BadEnd>> {
    let (mut ends, mut wrong) = (Vec::new(), Vec::new());
    for url in urls {
        match End::parse(url, direction) {
            Ok(end) if ends.contains(&end) => {
                let (message, hint) = (format!("{url:?} is there twice"), "name every end once".into());
                wrong.push(BadEnd { message, hint });
            }
            Ok(end) => ends.push(end),
            Err(error) => wrong.push(error),
        }
    }
    if urls.is_empty() {
        ends.push(End::Standard);
    }
    if wrong.is_empty() { Ok(ends) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str, direction: Direction) -> Remote {
        match End::parse(url, direction).unwrap() {
            End::Remote(remote) => remote,
            End::Standard => panic!("{url} is a standard stream"),
        }
    }

    #[test]
    fn urls_are_read_with_their_defaults() {
        let end = remote("tcp://0.0.0.0:5170", Direction::From);
        assert_eq!(
            (end.mode, end.place, end.protocol),
            (Mode::Listen, Place::Tcp("0.0.0.0:5170".into()), Protocol::Lines)
        );
        assert_eq!(remote("unix:///run/a b.sock", Direction::To).place, Place::Unix("/run/a b.sock".into()));
        assert_eq!(remote("tcp://h:1?mode=connect", Direction::From).mode, Mode::Connect);
        assert_eq!(remote("forward://[::1]", Direction::From).place, Place::Tcp("[::1]:24224".into()));
        let Protocol::Forward(forward) = remote("forward://h?tag_prefix=x%2ey.&ack=false", Direction::To).protocol
        else {
            panic!()
        };
        assert_eq!((forward.tag_prefix.as_str(), forward.ack, forward.tag.as_str()), ("x.y.", false, "seismolog"));
        let end = remote("http://h:8080", Direction::From);
        assert_eq!(end.protocol, Protocol::Http { path: "/".into() });
        assert_eq!(End::parse("-", Direction::To), Ok(End::Standard));
        assert_eq!(parse_all(&[], Direction::From), Ok(vec![End::Standard]));
    }

    #[test]
    fn what_is_wrong_has_a_hint() {
        for (url, direction, hint) in [
            ("stdin", Direction::From, "tcp://"),
            ("tpc://a:1", Direction::From, "did you mean tcp://?"),
            ("https://a:1", Direction::To, "TLS"),
            ("tcp://a", Direction::From, "tcp://127.0.0.1:5170"),
            ("tcp://a:1/x", Direction::From, "a host and a port alone"),
            ("tcp://:1", Direction::From, "127.0.0.1"),
            ("tcp://::1:5", Direction::From, "[::1]"),
            ("tcp://a b:5", Direction::From, "127.0.0.1"),
            ("http://a/b c", Direction::To, "%20"),
            ("http://[::1]x:5", Direction::To, "[::1]"),
            ("tcp://a:99999", Direction::From, "65535"),
            ("unix://run/x", Direction::From, "three slashes"),
            ("tcp://a:1?mod=listen", Direction::From, "did you mean mode?"),
            ("tcp://a:1?mode=both", Direction::From, "mode=listen or"),
            ("tcp://a:1?tag=x", Direction::To, "known here: mode"),
            ("forward://a?ack=yes", Direction::To, "true or false"),
            ("forward://a?ack=true", Direction::From, "known here"),
            ("http://a?mode=connect", Direction::From, "leave mode=connect out"),
            ("forward://a?mode=listen", Direction::To, "leave mode=listen out"),
            ("http://u:p@a:1/", Direction::To, "127.0.0.1"),
        ] {
            let error = End::parse(url, direction).unwrap_err();
            assert!(error.hint.contains(hint), "{url}: {error:?}");
        }
        assert_eq!(parse_all(&["-".into(), "-".into()], Direction::To).unwrap_err().len(), 1);
    }
}
