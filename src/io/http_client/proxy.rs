//! Which proxy the environment names for a server, by curl's rules.
//!
//! | variable | says |
//! | --- | --- |
//! | `HTTPS_PROXY`, `HTTP_PROXY` | the proxy before servers that are spoken to by that scheme |
//! | `ALL_PROXY` | the one before all others |
//! | `NO_PROXY` | who is reached without one: names with all below them, addresses, networks, `*` |
//!
//! Each may be in lower case as well. Loopback addresses are never reached through a proxy, because
//! a proxy would resolve them to itself.

use crate::config::ends::Place;
use crate::io::socket::{self, Stream};
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::Matcher;
use std::fmt;
use std::io;
use std::net::IpAddr;

/// The proxies that the environment names.
pub(crate) struct Proxies {
    https: Option<ProxyVariable>,
    http: Option<ProxyVariable>,
    none: String,
}

/// An address and the variable that holds it.
#[derive(Clone)]
struct ProxyVariable {
    variable: &'static str,
    address: String,
}

impl Proxies {
    /// The proxies that the variables of this process name.
    pub(crate) fn from_environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 2]| {
            let set = names.into_iter().filter_map(|name| Some((name, variable(name)?.trim().to_owned())));
            let mut set = set.filter(|(_, address)| !address.is_empty());
            set.next().map(|(variable, address)| ProxyVariable { variable, address })
        };
        let all = first(["ALL_PROXY", "all_proxy"]);
        Self {
            https: first(["HTTPS_PROXY", "https_proxy"]).or_else(|| all.clone()),
            http: first(["HTTP_PROXY", "http_proxy"]).or(all),
            none: first(["NO_PROXY", "no_proxy"]).map(|none| none.address).unwrap_or_default(),
        }
    }

    /// The proxy in front of this server; none where it is reached without one.
    ///
    /// # Errors
    /// Where the named proxy cannot be used. The error does not quote it, because it may hold a
    /// password.
    pub(crate) fn of(&self, server: &Uri) -> Result<Option<Proxy>, String> {
        let named = if server.scheme_str() == Some("https") { &self.https } else { &self.http };
        let Some(ProxyVariable { variable, address }) = named else { return Ok(None) };
        let any = Matcher::builder().all("http://any").no(self.none.as_str()).build();
        if is_this_machine(server) || any.intercept(server).is_none() {
            return Ok(None);
        }
        let found = Matcher::builder().all(address.as_str()).build().intercept(server);
        let Some(found) = found.filter(|found| found.uri().scheme_str() == Some("http")) else {
            return Err(format!("{variable} names no proxy that can be used; it is written http://HOST:PORT"));
        };
        let uri = found.uri();
        let address = format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
        let authorization = found.basic_auth().cloned().map(|mut secret| {
            secret.set_sensitive(true);
            secret
        });
        Ok(Some(Proxy { place: Place::Tcp(address), authorization }))
    }
}

fn is_this_machine(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// A proxy. Its debug form shows the address without the credentials.
pub(crate) struct Proxy {
    place: Place,
    /// The credentials of the proxy.
    pub(crate) authorization: Option<HeaderValue>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}", self.place)
    }
}

impl Proxy {
    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        socket::connect(&self.place).await.map_err(|error| self.error(error))
    }

    /// An error, with the name of the proxy.
    pub(crate) fn error(&self, why: impl fmt::Display) -> io::Error {
        io::Error::other(format!("{self}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy that these variables name for a server.
    fn chosen(variables: &[(&str, &str)], server: &str) -> Result<Option<Proxy>, String> {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Proxies::new(value).of(&server.parse().unwrap())
    }

    #[test]
    fn the_environment_names_a_proxy_for_each_scheme() {
        const HTTP: (&str, &str) = ("HTTP_PROXY", "http://plain:3128");
        const HTTPS: (&str, &str) = ("https_proxy", "secure:8080");
        const ALL: (&str, &str) = ("ALL_PROXY", "http://all");
        for (variables, server, proxy) in [
            (&[][..], "http://a/", None),
            (&[HTTP, HTTPS], "http://a/", Some("the proxy plain:3128")),
            (&[HTTP, HTTPS], "https://a/", Some("the proxy secure:8080")),
            (&[HTTP], "https://a/", None),
            (&[HTTP, ALL], "https://a/", Some("the proxy all:80")),
            (&[HTTP, ALL], "http://a/", Some("the proxy plain:3128")),
            (&[("HTTP_PROXY", ""), ("http_proxy", "http://[::1]:1")], "http://a/", Some("the proxy [::1]:1")),
            (&[HTTP, ("no_proxy", "b, .example.org,10.0.0.0/8")], "http://a/", Some("the proxy plain:3128")),
            (&[HTTP, ("no_proxy", "b, .example.org,10.0.0.0/8")], "http://b:9093/", None),
            (&[HTTP, ("NO_PROXY", "b, .example.org,10.0.0.0/8")], "http://x.example.org/", None),
            (&[HTTP, ("NO_PROXY", "b, .example.org,10.0.0.0/8")], "http://10.1.2.3/", None),
            (&[HTTP, ("NO_PROXY", "*")], "http://a/", None),
            (&[HTTP], "http://127.0.0.1:9093/", None),
            (&[HTTP], "http://LOCALHOST/", None),
            (&[HTTP], "http://[::1]/", None),
        ] {
            let found = chosen(variables, server).unwrap().map(|proxy| proxy.to_string());
            assert_eq!(found.as_deref(), proxy, "{variables:?} {server}");
        }
    }

    #[test]
    fn who_may_use_it_is_sent_and_not_shown() {
        let proxy = chosen(&[("HTTP_PROXY", "http://me:s%40cret@proxy:3128")], "http://a/").unwrap().unwrap();
        let authorization = proxy.authorization.as_ref().unwrap();
        assert_eq!(authorization, "Basic bWU6c0BjcmV0");
        assert_eq!(proxy.to_string(), "the proxy proxy:3128");
        assert_eq!(format!("{authorization:?}"), "Sensitive");
    }

    #[test]
    fn one_that_cannot_be_used_is_said_without_its_password() {
        for wrong in ["socks5://me:s3cret@proxy:1080", "https://proxy:443", "http://me:s3cret@", "a b"] {
            let said = chosen(&[("http_proxy", wrong)], "http://a/").map(drop).unwrap_err();
            assert!(said.contains("http_proxy names no proxy") && !said.contains("s3cret"), "{said}");
            assert!(chosen(&[("http_proxy", wrong), ("NO_PROXY", "a")], "http://a/").unwrap().is_none(), "{wrong}");
        }
    }
}
