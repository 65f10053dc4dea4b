//! The address of a server. It may hold a secret in its path, so that it is never shown whole.

use hyper::Uri;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// Stands for what is not shown.
const HIDDEN: char = '…';

/// An address as it was written. Its `Display`, `Debug` and serialised forms show scheme and host
/// only.
#[derive(Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[schemars(extend("pattern" = "^https?://"))]
pub struct Url(String);

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// By TLS.
    pub tls: bool,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Host and port as the request names them.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl Url {
    /// The address in this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// Where it leads.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it.
    pub fn target(&self) -> Result<Target, &'static str> {
        if self.0.ends_with(HIDDEN) {
            return Err("is one that `seismolog config` printed, without its path; write the whole");
        }
        let uri: Uri = self.0.parse().map_err(|_| "is no address")?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("begins with neither http:// nor https://"),
        };
        let authority = uri.authority().ok_or("has no host")?;
        if authority.as_str().contains('@') {
            return Err("holds a user or password; use username and password_file");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("has no host");
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
        Ok(Target { tls, host, port, authority: authority.as_str().to_owned(), path })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target() {
            Ok(Target { path, .. }) if matches!(path.as_str(), "" | "/") => f.write_str(&self.0),
            Ok(Target { tls, authority, .. }) => {
                write!(f, "http{}://{authority}/{HIDDEN}", if tls { "s" } else { "" })
            }
            Err(_) => write!(f, "{HIDDEN}"),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_somewhere() {
        let target = Url::new("https://hooks.example.org:8443/services/T0/B0?key=a\n").target().unwrap();
        assert_eq!((target.tls, target.host.as_str(), target.port), (true, "hooks.example.org", 8443));
        assert_eq!(
            (target.path.as_str(), target.authority.as_str()),
            ("/services/T0/B0?key=a", "hooks.example.org:8443")
        );
        let target = Url::new("http://[::1]:9093/").target().unwrap();
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("::1", 9093, "/"));
        assert_eq!(Url::new("http://am").target().unwrap().port, 80);
        for wrong in ["", "am:9093", "ftp://a", "http://", "http://u:p@h/", "https://h/…"] {
            assert!(Url::new(wrong).target().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_and_a_password_are_never_shown() {
        for (url, shown) in [
            ("https://hooks.example.org/services/SECRET?key=SECRET", "https://hooks.example.org/…"),
            ("http://user:SECRET@host/", "…"),
            ("http://127.0.0.1:9093", "http://127.0.0.1:9093"),
        ] {
            let url = Url::new(url);
            let all = format!("{url} {url:?} {}", serde_json::to_string(&url).unwrap());
            assert_eq!(url.to_string(), shown);
            assert!(!all.contains("SECRET"), "{all}");
        }
    }
}
