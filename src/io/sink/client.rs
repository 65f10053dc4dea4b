//! One request by HTTP or HTTPS: a connection of its own, a time limit over all of it, and an
//! answer of bounded length.
//!
//! Alerts are few, and a connection that was kept open is the one that has died unnoticed when it
//! is needed.

use crate::config::Access;
use crate::config::url::Url;
use crate::io::http_client::proxy::Proxies;
use crate::io::http_client::{Server, tls};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// The address, credentials and TLS settings of one server.
pub struct Client {
    server: Server,
    host: String,
    /// The prefix of each message's path.
    path: String,
    timeout: Duration,
    authorization: Option<HeaderValue>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Client {
    /// Reads the secrets and certificates that `access` names, and what the environment says of
    /// proxies.
    ///
    /// # Errors
    /// What cannot be read or used, or is no address.
    pub fn new(url: &Url, access: &Access<'_>) -> Result<Self, String> {
        let uri = url.uri().map_err(|wrong| format!("its url {wrong}"))?;
        let authorization = match (access.token, access.user) {
            ((Some(file), _), _) => Some(format!("Bearer {}", read_secret(file)?)),
            ((_, Some(variable)), _) => Some(format!("Bearer {}", variable_secret(variable)?)),
            (_, Some((user, file))) => {
                Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", read_secret(file)?))))
            }
            _ => None,
        };
        let authorization = authorization.map(|text| {
            let mut value = HeaderValue::try_from(text).map_err(|_| "its token has characters that no header takes")?;
            value.set_sensitive(true);
            Ok::<_, &str>(value)
        });
        let is_https = uri.scheme_str() == Some("https");
        let tls = is_https.then(|| tls::connector(access.ca_file.map(PathBuf::as_path))).transpose()?;
        Ok(Self {
            server: Server::new(&uri, tls, &Proxies::from_environment())?,
            host: uri.host().unwrap_or_default().to_owned(),
            path: uri.path_and_query().map_or("", |path| path.as_str()).to_owned(),
            timeout: access.timeout,
            authorization: authorization.transpose()?,
        })
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
        judge(&response, &self.server.answered(response.status()))
    }

    async fn exchange(
        &self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Response<String>, Box<dyn std::error::Error + Send + Sync>> {
        let before = if path.is_empty() { &self.path } else { self.path.trim_end_matches('/') };
        let path = format!("{before}{path}");
        let path = if path.is_empty() { "/" } else { &path };
        let mut request = self.server.post(path).header(CONTENT_TYPE, content_type);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::from(body))?;
        let mut connection = self.server.connect().await?;
        let (head, body) = connection.send_request(request).await?.into_parts();
        // What an answer says is for the log; that it says too much is no failure.
        let text = match Limited::new(body, ANSWER_BYTES).collect().await {
            Ok(text) => String::from_utf8_lossy(&text.to_bytes()).into_owned(),
            Err(_) => String::new(),
        };
        Ok(Response::from_parts(head, text))
    }
}

/// Whether an answer means that the message is delivered.
fn judge(response: &Response<String>, answered: &str) -> Result<(), Undelivered> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let why = format!("{answered}: {}", crate::terminal::layout::clip(response.body(), 200));
    // Who may use a proxy has nothing to do with what is sent through it.
    let again = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        );
    if !again {
        return Err(Undelivered::Refused(why));
    }
    let seconds = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
    Err(Undelivered::Later { why, retry_after: seconds.map(Duration::from_secs) })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_delivered_later_or_never() {
        let answer = |status: u16, after: Option<&str>| {
            let builder = Response::builder().status(status);
            let builder = after.into_iter().fold(builder, |builder, after| builder.header(RETRY_AFTER, after));
            judge(&builder.body("because\x07".to_owned()).unwrap(), "it answered")
        };
        assert_eq!([200, 202, 204].map(|status| answer(status, None)), [const { Ok(()) }; 3]);
        for status in [407, 408, 429, 500, 503] {
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
