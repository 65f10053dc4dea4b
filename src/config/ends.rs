//! Ends: where events come from and go to, each written as a URL.
//!
//! | URL | is |
//! | --- | --- |
//! | `-` | a standard stream |
//! | `tcp://HOST:PORT`, `unix:///PATH` | one event a line |
//! | `http://HOST:PORT/PATH` | requests with events in their body |
//! | `forward://HOST:PORT`, `forward+unix:///PATH` | the Forward protocol of Fluentd and Fluent Bit |
//!
//! Options of an end follow `?` as `name=value`, joined by `&`.

use crate::diagnostic::nearest;
use hyper::http::uri::{Authority, PathAndQuery};
use percent_encoding::percent_decode_str;
use std::path::PathBuf;

/// The port of the Forward protocol.
const FORWARD_PORT: &str = "24224";

/// Which way events go through an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `--from`.
    From,
    /// `--to`.
    To,
}

/// Which side connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Others connect to it.
    Listen,
    /// The end connects to another, again and again.
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

/// The protocol of an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One event a line.
    Lines,
    /// Requests to this path.
    Http {
        /// The path with its slash.
        path: String,
    },
    /// The Forward protocol.
    Forward(Forward),
}

/// The options of an end of the Forward protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// The prefix of every tag.
    pub tag_prefix: String,
    /// The tag of records that have none.
    pub tag: String,
    /// The file that holds the key which both sides know.
    pub shared_key_file: Option<PathBuf>,
    /// The end's own name in the handshake.
    pub hostname: String,
    /// Whether the peer must acknowledge what the end sends.
    pub ack: bool,
    /// Whether the end compresses what it sends.
    pub gzip: bool,
}

/// An end that is no standard stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The URL as it was written.
    pub url: String,
    /// Which side connects.
    pub mode: Mode,
    /// Where it is.
    pub place: Place,
    /// The protocol of an end.
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
        // The URL is not quoted, because it may hold a password.
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

/// Checks all ends.
pub(super) fn require(from: &[String], to: &[String], require: &mut impl FnMut(bool, &str, String, &str)) {
    for (urls, direction, key) in [(from, Direction::From, "input.from"), (to, Direction::To, "output.to")] {
        for error in parse_all(urls, direction).err().into_iter().flatten() {
            require(false, key, error.message, &error.hint);
        }
    }
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
