//! Events to an HTTP server, as newline-delimited JSON, until it has taken them.
//!
//! 2xx is an acknowledgement. 400, 413 and 422 say that this very body is not wanted and never will be: a longer one is
//! tried again in halves, a single event is lost, and counted. Everything else is tried again, after `Retry-After` where
//! the answer names it.

use super::peer::Shared;
use super::stream::{self, Backoff};
use crate::config::ends::{Place, Remote};
use crate::event::Fault;
use crate::io::exit::Parcel;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Batches that wait go together in one request, up to so many bytes.
const REQUEST_BYTES: usize = 1 << 20;
/// The longest that an answer can ask to be waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What became of one body.
enum Answer {
    Taken,
    /// This very body is not wanted.
    Unwanted(StatusCode),
    /// Not now.
    Later(String, Option<Duration>),
}

struct Client {
    remote: Remote,
    path: String,
    shared: Arc<Shared>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// Sends what comes until there is no more.
pub(super) async fn send(remote: Remote, path: String, shared: Arc<Shared>, mut queue: mpsc::Receiver<Parcel>) {
    let mut client = Client { remote, path, shared, connection: None };
    while let Some(first) = queue.recv().await {
        let (mut bytes, mut parcels) = (first.lines.len(), vec![first]);
        while bytes < REQUEST_BYTES
            && let Ok(next) = queue.try_recv()
        {
            bytes += next.lines.len();
            parcels.push(next);
        }
        let body = match parcels.as_slice() {
            [only] => only.lines.clone(),
            _ => parcels.iter().map(|parcel| &parcel.lines[..]).collect::<Vec<_>>().concat().into(),
        };
        client.deliver(body).await;
        parcels.into_iter().for_each(Parcel::delivered);
    }
}

impl Client {
    /// Sends a body until it was taken, or part after part where it is not wanted as a whole.
    async fn deliver(&mut self, body: Bytes) {
        let mut backoff = Backoff::default();
        let mut left = vec![body];
        while let Some(body) = left.pop() {
            match self.post(body.clone()).await {
                Ok(Answer::Taken) => backoff.reset(),
                Ok(Answer::Unwanted(status)) => match halves(&body) {
                    Some((first, second)) => left.extend([second, first]),
                    None => {
                        let fault = Fault::RefusedDownstream;
                        let text = format!("{} ({} answered {status})", fault.explain(), self.remote.url);
                        self.shared.blame(fault, &text);
                    }
                },
                Ok(Answer::Later(why, wait)) => {
                    left.push(body);
                    self.say(&why);
                    match wait {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => backoff.wait().await,
                    }
                }
                Err(error) => {
                    left.push(body);
                    self.connection = None;
                    self.say(&error.to_string());
                    backoff.wait().await;
                }
            }
        }
    }

    fn say(&self, why: &str) {
        let url = &self.remote.url;
        self.shared.log.say_seldom(url, &format!("cannot send to {url}: {why}; trying again"));
    }

    async fn post(&mut self, body: Bytes) -> io::Result<Answer> {
        let host = match &self.remote.place {
            Place::Tcp(address) => address.clone(),
            Place::Unix(_) => String::new(),
        };
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => {
                let stream = stream::connect(&self.remote.place).await?;
                let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
                tokio::spawn(driver);
                connection
            }
        };
        let request = Request::post(&self.path)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .header(header::USER_AGENT, concat!("seismolog/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(io::Error::other)?;
        let exchange = async {
            let response = connection.send_request(request).await.map_err(io::Error::other)?;
            let (status, wait) = (response.status(), wait_of(&response));
            // Read to its end, at most so much, so that the connection can be used again.
            let drained = http_body_util::Limited::new(response.into_body(), 64 << 10).collect().await.is_ok();
            Ok::<_, io::Error>((status, wait, drained))
        };
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let (status, wait, drained) = timeout(self.shared.patience(), exchange).await.map_err(late)??;
        self.connection = drained.then_some(connection);
        Ok(match status {
            _ if status.is_success() => Answer::Taken,
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Answer::Unwanted(status)
            }
            _ => Answer::Later(format!("it answered {status}"), wait),
        })
    }
}

/// The seconds that an answer asks to be waited for.
fn wait_of<B>(response: &hyper::Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// The lines of `body` in two parts; none where it is one line.
fn halves(body: &Bytes) -> Option<(Bytes, Bytes)> {
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', body).map(|at| at + 1).filter(|end| *end < body.len()).collect();
    let middle = *ends.get(ends.len() / 2)?;
    Some((body.slice(..middle), body.slice(middle..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_whole_lines_down_to_one() {
        let (first, second) = halves(&Bytes::from_static(b"a\nb\nc\n")).unwrap();
        assert_eq!((&first[..], &second[..]), (&b"a\nb\n"[..], &b"c\n"[..]));
        assert_eq!(halves(&Bytes::from_static(b"a\n")), None);
        assert_eq!(halves(&Bytes::from_static(b"")), None);
    }
}
