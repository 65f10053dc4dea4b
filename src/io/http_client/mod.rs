//! The HTTP client: connections to one server, direct or by the proxy that the environment names,
//! and the head of its requests.
//!
//! | server | by a proxy |
//! | --- | --- |
//! | `http://` | the proxy gets the requests themselves, each with its whole address |
//! | `https://` | the proxy connects through (`CONNECT`), and TLS is spoken with the server |
//!
//! Its users decide on time limits, on retries, and on whether a connection is kept.

pub(crate) mod proxy;
pub(crate) mod tls;

use super::socket::{self, Stream};
use crate::config::ends::Place;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Request, StatusCode, Uri, http};
use hyper_util::rt::TokioIo;
use proxy::{Proxies, Proxy};
use std::io;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// A connection that takes requests.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// A server and how to reach it.
pub(crate) struct Server {
    /// Host and port.
    address: String,
    /// The authority in requests.
    authority: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    proxy: Option<Proxy>,
}

impl Server {
    /// The server of this address, whose path is ignored; with TLS where there is a connector.
    ///
    /// # Errors
    /// Where its name or the proxy in front of it cannot be used.
    pub(crate) fn new(uri: &Uri, tls: Option<TlsConnector>, proxies: &Proxies) -> Result<Self, String> {
        let authority = uri.authority().ok_or("there is no host")?;
        let host = authority.host();
        let port = authority.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        let name = || ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned());
        let tls = tls.map(|tls| Ok::<_, String>((tls, name().map_err(|_| "its host is no name that TLS knows")?)));
        Ok(Self {
            address: format!("{host}:{port}"),
            authority: authority.as_str().to_owned(),
            tls: tls.transpose()?,
            proxy: proxies.of(uri)?,
        })
    }

    /// The proxy in front of the server.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// How an answer with this status is reported. A proxy answers for the server, and errors that
    /// it does not pass on are its own.
    pub(crate) fn answered(&self, status: StatusCode) -> String {
        match (&self.proxy, &self.tls) {
            (Some(proxy), None) => format!("it answered {status}, by {proxy}"),
            _ => format!("it answered {status}"),
        }
    }

    /// The head of a request that posts to this path.
    pub(crate) fn post(&self, path: &str) -> http::request::Builder {
        let request = match (&self.proxy, &self.tls) {
            (Some(proxy), None) => {
                let request = Request::post(format!("http://{}{path}", self.authority));
                authorized(request, proxy)
            }
            _ => Request::post(path),
        };
        request.header(HOST, &self.authority).header(USER_AGENT, concat!("seismolog/", env!("CARGO_PKG_VERSION")))
    }

    /// Connects once, however long it takes.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        let stream = match (&self.proxy, &self.tls) {
            (None, _) => socket::connect(&Place::Tcp(self.address.clone())).await?,
            (Some(proxy), None) => proxy.connect().await?,
            (Some(proxy), Some(_)) => self.tunnel(proxy).await?,
        };
        match &self.tls {
            Some((tls, name)) => handshake(Box::new(tls.connect(name.clone(), stream).await?)).await,
            None => handshake(stream).await,
        }
    }

    /// A connection to the server through a proxy.
    async fn tunnel(&self, proxy: &Proxy) -> io::Result<Stream> {
        let mut connection = handshake(proxy.connect().await?).await?;
        let request = authorized(Request::connect(&self.address), proxy).header(HOST, &self.address);
        let request = request.body(Full::default()).map_err(io::Error::other)?;
        let answer = connection.send_request(request).await.map_err(|error| proxy.error(error))?;
        if !answer.status().is_success() {
            return Err(proxy.error(format!("it answered {} to CONNECT {}", answer.status(), self.address)));
        }
        let through = hyper::upgrade::on(answer).await.map_err(|error| proxy.error(error))?;
        Ok(Box::new(TokioIo::new(through)))
    }
}

fn authorized(request: http::request::Builder, proxy: &Proxy) -> http::request::Builder {
    match &proxy.authorization {
        Some(authorization) => request.header(PROXY_AUTHORIZATION, authorization),
        None => request,
    }
}

/// Speaks HTTP on a connection, until nobody uses it any more.
async fn handshake(stream: Stream) -> io::Result<Connection> {
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(driver.with_upgrades());
    Ok(connection)
}
