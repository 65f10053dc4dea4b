//! Events to an HTTP server, as newline-delimited JSON, until it has taken them.
//!
//! | answer | means |
//! | --- | --- |
//! | 2xx | taken |
//! | 400, 413, 422 | this very body is not wanted and never will be: a longer one is tried again in halves, a single event is set aside |
//! | 3xx, 401, 403, 404, 405 and others that are about the request's head | the address, the path or the rights are wrong: it is said, and tried again |
//! | 408 | it did not come in time: a longer one is tried again in halves, a single event as often as it takes |
//! | 500, or the connection ends without an answer | perhaps it is an event's fault: see [`super::flight`] |
//! | anything else | not now: tried again, after `Retry-After` where the answer names it |

use super::EdgeError;
use super::flight::{Flight, Most, Next};
use super::peer::Shared;
use super::refusal;
use super::stream::Backoff;
use crate::config::ends::Place;
use crate::event::Fault;
use crate::io::http_client::proxy::Proxies;
use crate::io::http_client::{Connection, Server};
use crate::io::outputs::{Form, QueuedBatch};
use crate::io::socket::CONNECT;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header;
use hyper::{Request, StatusCode};
use std::error::Error;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Most batches that wait to go together in one request.
const TOGETHER: usize = 64;
/// The longest wait that an answer can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The outcome of sending one body.
enum Answer {
    Taken,
    /// The server does not want this body.
    Unwanted(StatusCode),
    /// The body did not arrive in time.
    TooSlow(String, Option<Duration>),
    /// The server failed on the body.
    Failed(String, Option<Duration>),
    /// The server does not take it now.
    Later(String, Option<Duration>),
}

/// What a request holds.
enum Content {
    /// These pieces.
    Pieces(Range<usize>),
    /// A record that was taken before, once more.
    Harmless,
}

pub(super) struct Client {
    server: Server,
    url: String,
    path: String,
    shared: Arc<Shared>,
    connection: Option<Connection>,
    backoff: Backoff,
}

/// Sends batches until there are no more.
pub(super) async fn send(mut client: Client, mut queue: mpsc::Receiver<QueuedBatch>) {
    let mut flight = Flight::new(Form::Lines, Most::of_message(&client.shared.peers), true);
    loop {
        if flight.is_empty() {
            let Some(parcel) = queue.recv().await else { return };
            flight.take(parcel);
        }
        while flight.parcels() < TOGETHER
            && !flight.fills_a_message()
            && let Ok(next) = queue.try_recv()
        {
            flight.take(next);
        }
        client.deliver(&mut flight).await;
    }
}

impl Client {
    /// An end for the server `url` at this address, which is not connected yet.
    pub(super) fn new(url: &str, address: &Place, path: &str, shared: Arc<Shared>) -> Result<Self, EdgeError> {
        let failed = |why: String| EdgeError {
            message: format!("cannot send to {url}: {why}"),
            hint: "check the host and the port; HTTP_PROXY and NO_PROXY say by which proxy it is reached".into(),
        };
        let uri = format!("http://{address}/").parse().map_err(|_| failed("it is no address".into()))?;
        let server = Server::new(&uri, None, &Proxies::from_environment()).map_err(failed)?;
        if let Some(proxy) = server.proxy() {
            shared.log.say(&format!("sending to {url} by {proxy}"));
        }
        let (url, path) = (url.to_owned(), path.to_owned());
        Ok(Self { server, url, path, shared, connection: None, backoff: Backoff::default() })
    }

    /// Sends the next request, and acts on its outcome.
    async fn deliver(&mut self, flight: &mut Flight) {
        let (content, body) = match flight.is_careful() {
            true => match (flight.next(), flight.harmless()) {
                (None, _) => return,
                (Some(Next::Harmless), Some((_, record))) => (Content::Harmless, Bytes::copy_from_slice(record)),
                (Some(Next::Harmless), None) => (Content::Pieces(0..1), flight.lines(0)),
                (Some(Next::Piece(i)), _) => (Content::Pieces(i..i + 1), flight.lines(i)),
            },
            false => match flight.together() {
                0 => return,
                1 => (Content::Pieces(0..1), flight.lines(0)),
                count => {
                    (Content::Pieces(0..count), (0..count).map(|i| flight.lines(i)).collect::<Vec<_>>().concat().into())
                }
            },
        };
        match &content {
            Content::Pieces(pieces) => flight.set_chunk(pieces.start, 0),
            Content::Harmless => flight.probe = Some(0),
        }
        let answer = self.post(body).await;
        match answer {
            Ok(Answer::Taken) => {
                self.backoff.reset();
                match content {
                    Content::Pieces(pieces) => pieces.clone().for_each(|_| flight.taken(pieces.start)),
                    Content::Harmless => flight.taken_as(0),
                }
            }
            Ok(Answer::Unwanted(status)) => match content {
                Content::Pieces(pieces) => self.unwanted(status, pieces, flight),
                Content::Harmless => self.pause(&self.server.answered(status), None, false).await,
            },
            Ok(Answer::TooSlow(why, wait)) => {
                let at_once = match content {
                    Content::Pieces(pieces) => narrow(pieces, flight).is_none(),
                    Content::Harmless => false,
                };
                // The server may have closed the idle connection before the request came.
                self.connection = None;
                self.pause(&why, wait, at_once).await;
            }
            Ok(Answer::Failed(why, wait)) => {
                let at_once = refusal::broke(flight, &self.url, &why, &self.shared);
                self.pause(&why, wait, at_once).await;
            }
            Ok(Answer::Later(why, wait)) => self.pause(&why, wait, false).await,
            Err(error) => {
                self.connection = None;
                self.pause(&error.to_string(), None, false).await;
            }
        }
        flight.restart();
    }

    /// The server refuses this for good.
    fn unwanted(&mut self, status: StatusCode, pieces: Range<usize>, flight: &mut Flight) {
        if let Some(i) = narrow(pieces, flight) {
            let why = self.server.answered(status);
            refusal::set_aside(flight, i, Fault::RefusedDownstream, (&self.url, &why), &self.shared);
        }
    }

    async fn pause(&mut self, why: &str, wait: Option<Duration>, at_once: bool) {
        let url = &self.url;
        self.shared.log.say_seldom(url, &format!("cannot send to {url}: {why}; trying again"));
        match wait {
            None if at_once => self.backoff.reset(),
            Some(wait) => tokio::time::sleep(wait).await,
            None => self.backoff.wait().await,
        }
    }

    /// A connection, and whether it has carried a request before.
    async fn connection(&mut self) -> io::Result<(Connection, bool)> {
        match self.connection.take() {
            Some(connection) if !connection.is_closed() => Ok((connection, true)),
            _ => {
                let late = |_| io::Error::from(io::ErrorKind::TimedOut);
                Ok((timeout(CONNECT, self.server.connect()).await.map_err(late)??, false))
            }
        }
    }

    async fn post(&mut self, body: Bytes) -> io::Result<Answer> {
        loop {
            let (mut connection, used) = self.connection().await?;
            let request = self.request(body.clone())?;
            let exchange = async {
                let response = connection.send_request(request).await?;
                let (status, wait) = (response.status(), wait_of(&response));
                // The answer is read to its end, up to a limit, so that the connection can be used
                // again.
                let drained = http_body_util::Limited::new(response.into_body(), 64 << 10).collect().await.is_ok();
                Ok::<_, hyper::Error>((status, wait, drained))
            };
            let late = |_| io::Error::from(io::ErrorKind::TimedOut);
            match timeout(self.shared.message_timeout(), exchange).await.map_err(late)? {
                Ok((status, wait, drained)) => {
                    self.connection = drained.then_some(connection);
                    return Ok(self.judge(status, wait));
                }
                // The connection was open for long, and the server has just closed it.
                Err(_) if used => {}
                Err(error) if is_by_peer(&error) => {
                    return Ok(Answer::Failed(format!("it ended the connection without an answer ({error})"), None));
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn request(&self, body: Bytes) -> io::Result<Request<Full<Bytes>>> {
        let request = self.server.post(&self.path).header(header::CONTENT_TYPE, "application/x-ndjson");
        request.body(Full::new(body)).map_err(io::Error::other)
    }

    fn judge(&self, status: StatusCode, wait: Option<Duration>) -> Answer {
        let answered = self.server.answered(status);
        match status {
            _ if status.is_success() => Answer::Taken,
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Answer::Unwanted(status)
            }
            StatusCode::REQUEST_TIMEOUT => Answer::TooSlow(answered, wait),
            StatusCode::INTERNAL_SERVER_ERROR => Answer::Failed(answered, wait),
            _ if is_about_the_setup(status) => {
                let url = &self.url;
                let text = format!(
                    "{url} answers {status}: its address, its path or who may send there is wrong; no event leaves"
                );
                self.shared.log.say_seldom(&format!("{url} {status}"), &text);
                Answer::Later(answered, wait)
            }
            _ => Answer::Later(answered, wait),
        }
    }
}

/// Sends less the next time: each piece alone, or half of a piece that was alone. Returns the index
/// of a single record, which has no half.
fn narrow(pieces: Range<usize>, flight: &mut Flight) -> Option<usize> {
    if !flight.is_careful() {
        flight.be_careful();
    }
    if pieces.len() > 1 {
        return None;
    }
    let i = pieces.start;
    match flight.pieces()[i].records {
        0 | 1 => Some(i),
        records => {
            flight.split(i, records.div_ceil(2));
            None
        }
    }
}

/// True where every request would get this answer, whatever its body.
fn is_about_the_setup(status: StatusCode) -> bool {
    status.is_redirection() || matches!(status.as_u16(), 401 | 403..=407 | 410 | 411 | 414 | 415 | 431 | 501 | 505)
}

/// The seconds that an answer asks the client to wait.
fn wait_of<B>(response: &hyper::Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// True when the server has closed the connection, or its answer is no HTTP.
fn is_by_peer(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_none_or(refusal::is_by_peer)
}
