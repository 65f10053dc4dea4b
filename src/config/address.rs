//! Addresses to listen on.

use std::net::{Ipv4Addr, SocketAddr};

/// A text that is not an address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` is no address for metrics")]
pub struct BadAddress {
    /// What was given.
    pub address: String,
}

impl BadAddress {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        let Self { address } = self;
        if address.parse::<u16>().is_ok() {
            return format!(
                "a port alone is written `:{address}` (this host only) or `0.0.0.0:{address}` (every interface)"
            );
        }
        format!(
            "`{address}` should be an IP address and a port: `:9464` or `127.0.0.1:9464` (this host only), \
             `0.0.0.0:9464` (every interface), `[::1]:9464`"
        )
    }
}

/// Reads an address to listen on.
///
/// A missing host means loopback: nothing is exposed to other hosts unless the address says so, as
/// `0.0.0.0:9464` does. Names other than `localhost` are not looked up. Port 0 takes a free port.
///
/// # Errors
/// [`BadAddress`] where the text is no IP address with a port.
pub fn parse_address(text: &str) -> Result<SocketAddr, BadAddress> {
    let invalid = || BadAddress { address: text.to_owned() };
    match text.strip_prefix("localhost").unwrap_or(text).strip_prefix(':') {
        // Rust's integers may begin with a plus sign; addresses may not.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok((Ipv4Addr::LOCALHOST, port.parse().map_err(|_| invalid())?).into())
        }
        _ => text.parse().map_err(|_| invalid()),
    }
}
