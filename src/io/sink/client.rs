//! One request by HTTP or HTTPS: a connection of its own, a time limit over all of it, and an
//! answer of bounded length.
//!
//! Alerts are few, and a connection that was kept open is the one that has died unnoticed when it
//! is needed.

use super::url::{Target, Url};
use crate::config::Access;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// Of an answer, more is not read.
const ANSWER_BYTES: usize = 64 << 10;

/// Why a message was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It may be another time: no connection, no answer, or one that says so.
    Later {
        /// What happened.
        why: String,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It never will be: the server does not want it.
    Refused(String),
}

/// What is needed to reach one server.
pub struct Client {
    target: Target,
    timeout: Duration,
    authorization: Option<HeaderValue>,
    tls: Option<TlsConnector>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("host", &self.target.host).finish_non_exhaustive()
    }
}

impl Client {
    /// Reads the secrets and certificates that `access` names.
    ///
    /// # Errors
    /// What cannot be read, or is no address.
    pub fn new(url: &Url, access: &Access<'_>) -> Result<Self, String> {
        let target = url.target().map_err(|wrong| format!("its url {wrong}"))?;
        let authorization = match (access.token, access.user) {
            ((Some(file), _), _) => Some(format!("Bearer {}", read_secret(file)?)),
            ((_, Some(variable)), _) => Some(format!("Bearer {}", variable_secret(variable)?)),
            (_, Some((user, file))) => {
                Some(format!("Basic {}", base64(format!("{user}:{}", read_secret(file)?).as_bytes())))
            }
            _ => None,
        };
        let authorization = authorization.map(|text| {
            let mut value = HeaderValue::try_from(text).map_err(|_| "its token has characters that no header takes")?;
            value.set_sensitive(true);
            Ok::<_, &str>(value)
        });
        let tls = target.tls.then(|| connector(access.ca_file.map(std::path::PathBuf::as_path))).transpose()?;
        Ok(Self { target, timeout: access.timeout, authorization: authorization.transpose()?, tls })
    }

    /// Posts `body` to the address and `path` behind it.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<(), Undelivered> {
        let later = |why: String| Undelivered::Later { why, retry_after: None };
        let exchange = self.exchange(path, content_type, body);
        let response = tokio::time::timeout(self.timeout, exchange)
            .await
            .map_err(|_| later(format!("no answer within {} s", self.timeout.as_secs_f64())))?
            .map_err(|error| later(error.to_string()))?;
        judge(&response)
    }

    async fn exchange(
        &self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Response<String>, Box<dyn std::error::Error + Send + Sync>> {
        let Target { host, port, authority, path: before, .. } = &self.target;
        let path = if path.is_empty() { before.clone() } else { before.trim_end_matches('/').to_owned() + path };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(if path.is_empty() { "/" } else { &path })
            .header(HOST, authority)
            .header(USER_AGENT, concat!("seismolog/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, content_type);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        match &self.tls {
            None => send(TokioIo::new(stream), request).await,
            Some(tls) => {
                let name = ServerName::try_from(host.clone())?;
                send(TokioIo::new(tls.connect(name, stream).await?), request).await
            }
        }
    }
}

async fn send<I>(
    io: I,
    request: Request<Full<Bytes>>,
) -> Result<Response<String>, Box<dyn std::error::Error + Send + Sync>>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
    let connection = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    // What an answer says is for the log; that it says too much is no failure.
    let text = match Limited::new(body, ANSWER_BYTES).collect().await {
        Ok(text) => String::from_utf8_lossy(&text.to_bytes()).into_owned(),
        Err(_) => String::new(),
    };
    connection.abort();
    Ok(Response::from_parts(head, text))
}

/// Whether an answer means that the message is delivered.
fn judge(response: &Response<String>) -> Result<(), Undelivered> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let why = format!("it answered {status}: {}", crate::terminal::layout::clip(response.body(), 200));
    let again =
        status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if !again {
        return Err(Undelivered::Refused(why));
    }
    let seconds = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
    Err(Undelivered::Later { why, retry_after: seconds.map(Duration::from_secs) })
}

/// Trusts the certificates of `ca_file`, or those that the system trusts.
fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let unreadable = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
                roots.add(certificate.map_err(|error| unreadable(&error))?).map_err(|error| unreadable(&error))?;
            }
            if roots.is_empty() {
                return Err(format!("{} holds no certificate", path.display()));
            }
        }
        None => {
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
            if roots.is_empty() {
                return Err(
                    "the system has no certificates that it trusts; install ca-certificates or set ca_file".into()
                );
            }
        }
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The content of a file with a secret, without the line end that editors add.
///
/// # Errors
/// When it cannot be read or is empty.
pub fn read_secret(path: &Path) -> Result<String, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error: io::Error| format!("cannot read {}: {error}", path.display()))?;
    match text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        secret => Ok(secret.to_owned()),
    }
}

/// The content of a variable with a secret.
///
/// # Errors
/// When it is not set or empty.
pub fn variable_secret(name: &str) -> Result<String, String> {
    let value = std::env::var(name).unwrap_or_default();
    match value.trim() {
        "" => Err(format!("the variable {name} is not set")),
        secret => Ok(secret.to_owned()),
    }
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i)) as usize & 63] as char;
            text.push(if i <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_its_rfc() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("user:pass", "dXNlcjpwYXNz"),
        ];
        for (text, coded) in pairs {
            assert_eq!(base64(text.as_bytes()), coded);
        }
    }

    #[test]
    fn answers_mean_delivered_later_or_never() {
        let answer = |status: u16, after: Option<&str>| {
            let builder = Response::builder().status(status);
            let builder = after.into_iter().fold(builder, |builder, after| builder.header(RETRY_AFTER, after));
            judge(&builder.body("because\x07".to_owned()).unwrap())
        };
        assert_eq!([200, 202, 204].map(|status| answer(status, None)), [const { Ok(()) }; 3]);
        for status in [408, 429, 500, 503] {
            assert!(matches!(answer(status, None), Err(Undelivered::Later { retry_after: None, .. })), "{status}");
        }
        let Err(Undelivered::Later { retry_after, .. }) = answer(429, Some("7")) else { panic!() };
        assert_eq!(retry_after, Some(Duration::from_secs(7)));
        for status in [301, 400, 401, 404, 410] {
            assert!(matches!(answer(status, None), Err(Undelivered::Refused(_))), "{status}");
        }
    }

    #[test]
    fn secrets_come_without_the_line_end_and_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "s3cret\n").unwrap();
        assert_eq!(read_secret(&file).unwrap(), "s3cret");
        let access = Access { timeout: Duration::from_secs(1), token: (Some(&file), None), user: None, ca_file: None };
        let client = Client::new(&Url::new("http://127.0.0.1:1/hook"), &access).unwrap();
        assert!(!format!("{client:?}").contains("s3cret"));
        std::fs::write(&file, " \n").unwrap();
        assert!(read_secret(&file).unwrap_err().ends_with("is empty"));
        assert!(variable_secret("NO_SUCH_VARIABLE").unwrap_err().contains("NO_SUCH_VARIABLE"));
    }
}
