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

impl Url {
    /// The address in this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// Where it leads: a scheme, a host and what is behind it.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it.
    pub fn uri(&self) -> Result<Uri, &'static str> {
        if self.0.ends_with(HIDDEN) {
            return Err("is one that `seismolog config` printed, without its path; write the whole");
        }
        let uri: Uri = self.0.parse().map_err(|_| "is no address")?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("begins with neither http:// nor https://");
        }
        match uri.authority() {
            Some(authority) if authority.as_str().contains('@') => {
                Err("holds a user or password; use username and password_file")
            }
            Some(authority) if !authority.host().is_empty() => Ok(uri),
            _ => Err("has no host"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(uri) = self.uri() else { return write!(f, "{HIDDEN}") };
        match (uri.scheme_str(), uri.authority(), uri.path_and_query().map(|path| path.as_str())) {
            (_, _, None | Some("" | "/")) => f.write_str(&self.0),
            (Some(scheme), Some(authority), _) => write!(f, "{scheme}://{authority}/{HIDDEN}"),
            _ => write!(f, "{HIDDEN}"),
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
        let uri = Url::new("https://hooks.example.org:8443/services/T0/B0?key=a\n").uri().unwrap();
        assert_eq!(
            (uri.scheme_str(), uri.host(), uri.port_u16()),
            (Some("https"), Some("hooks.example.org"), Some(8443))
        );
        assert_eq!(uri.path_and_query().unwrap(), "/services/T0/B0?key=a");
        assert_eq!(uri.authority().unwrap(), "hooks.example.org:8443");
        let uri = Url::new("http://[::1]:9093/").uri().unwrap();
        assert_eq!((uri.host(), uri.port_u16(), uri.path()), (Some("[::1]"), Some(9093), "/"));
        assert_eq!(Url::new("http://am").uri().unwrap().port(), None);
        for wrong in ["", "am:9093", "ftp://a", "http://", "http://u:p@h/", "https://h/…"] {
            assert!(Url::new(wrong).uri().is_err(), "{wrong}");
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
