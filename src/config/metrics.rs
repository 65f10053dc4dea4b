//! `[metrics]`: where the filter says how it fares.

use super::address::parse_address;
use super::url::Url;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[metrics]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// `127.0.0.1:9464`; `:9464` is loopback. Nothing is served without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Where people reach the page, for links in messages: `https://logs.example.org/shop/`. By
    /// default `address`, where that is no loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^https?://"))]
    pub page_url: Option<String>,
    /// A file with the token that allows to make silences at `/api/silences`; nobody may without
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub token_file: Option<PathBuf>,
    /// A variable with that token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
}

impl Metrics {
    /// Where people reach the page, as far as is known: at `page_url`, or at the address where it
    /// is served, of the machine `host` where that is every address of it.
    #[must_use]
    pub fn page(&self, host: &str) -> Option<String> {
        if self.page_url.is_some() {
            return self.page_url.clone();
        }
        let address = self.address.as_deref().and_then(|address| parse_address(address).ok())?;
        match address.ip() {
            ip if ip.is_loopback() || address.port() == 0 => None,
            ip if ip.is_unspecified() => Some(format!("http://{host}:{}/", address.port())),
            _ => Some(format!("http://{address}/")),
        }
    }

    /// Checks what is no range of a setting.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        if let Some(Err(error)) = self.address.as_deref().map(parse_address) {
            require(false, "address", error.to_string(), &error.hint());
        }
        if let Some(Err(wrong)) = self.page_url.as_deref().map(|url| Url::new(url).uri()) {
            let hint = "such as https://logs.example.org/seismolog/";
            require(false, "metrics.page_url", format!("the page's address {wrong}"), hint);
        }
        require(
            self.token_file.is_none() || self.token_env.is_none(),
            "metrics.token_file",
            "metrics has both token_file and token_env".to_owned(),
            "the token is in one place; remove the other",
        );
        super::alert::require_variable("metrics.token_env", self.token_env.as_deref(), require);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_where_others_reach_it() {
        for (address, page_url, page) in [
            (None, None, None),
            (Some(":9464"), None, None),
            (Some("127.0.0.1:9464"), Some("https://logs/a/"), Some("https://logs/a/")),
            (Some("0.0.0.0:9464"), None, Some("http://node-1:9464/")),
            (Some("10.0.0.7:80"), None, Some("http://10.0.0.7:80/")),
            (Some("0.0.0.0:0"), None, None),
        ] {
            let [address, page_url] = [address, page_url].map(|text| text.map(str::to_owned));
            let metrics = Metrics { address, page_url, ..Metrics::default() };
            assert_eq!(metrics.page("node-1").as_deref(), page, "{metrics:?}");
        }
    }
}
