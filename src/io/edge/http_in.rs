//! HTTP requests with events in their body.
//!
//! | answer | when |
//! | --- | --- |
//! | 200 | every event of the body has left |
//! | 400 | it is not what it says: no JSON, no gzip; the reason is in the answer |
//! | 404, 405 | another path, another method than POST and PUT |
//! | 408 | the body did not come in time |
//! | 413 | the body, or what it unpacks to, is too long |
//! | 415 | packed in a way that is not known |
//! | 429 | too much waits to leave already; try again |
//! | 503 | it is being ended, and the events may not have left |

use super::peer::Shared;
use super::stream::Noted;
use super::way::{Ending, Way, Whole};
use crate::event::body::{as_lines, into_lines};
use crate::event::lines::Lines;
use crate::event::msgpack::Refused;
use crate::event::unpack::{Packing, Unpacker};
use crate::event::{DeliveryToken, Fault, Source};
use crate::io::socket::Stream;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

/// How long a refused body is still read.
const LINGER: Duration = Duration::from_secs(1);
/// The size of a connection's read and write buffers; the line and the headers of a request must
/// fit.
const BUFFER_BYTES: usize = 128 << 10;

/// What the connections of one end share.
pub(super) struct HttpInput {
    path: String,
    source: Source,
    shared: Arc<Shared>,
    way: Way,
    /// Bytes that bodies may still hold.
    room: Arc<Semaphore>,
}

impl HttpInput {
    pub(super) fn new(path: String, source: Source, shared: Arc<Shared>, way: Way) -> Self {
        let room = Arc::new(Semaphore::new(shared.peers.max_pending_bytes));
        Self { path, source, shared, way, room }
    }
}

/// The room that one request takes of that for all bodies.
struct Holding {
    door: Arc<HttpInput>,
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Holding {
    fn new(door: &Arc<HttpInput>) -> Self {
        Self { door: Arc::clone(door), bytes: 0, permit: None }
    }

    /// Reserves this many bytes, if the limit leaves room for them.
    fn reserve(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bytes += bytes;
        if self.bytes > self.door.shared.peers.max_pending_bytes {
            // A longer body would never be taken, however often it is tried again.
            return Err(Refusal::too_long());
        }
        let more = u32::try_from(bytes).map_err(|_| Refusal::too_long())?;
        let more = Arc::clone(&self.door.room).try_acquire_many_owned(more).map_err(|_| Refusal::full())?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }

    /// Releases this many reserved bytes.
    fn release(&mut self, bytes: usize) {
        self.bytes -= bytes;
        drop(self.permit.as_mut().and_then(|permit| permit.split(bytes)));
    }
}

const TOO_LONG: &str = "the body is longer than peers.max_message_bytes or peers.max_pending_bytes, packed or unpacked";

/// Why a request is not taken.
struct Refusal {
    status: StatusCode,
    reason: String,
    fault: Option<Fault>,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>, fault: impl Into<Option<Fault>>) -> Self {
        Self { status, reason: reason.into(), fault: fault.into() }
    }

    fn ending() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "it is being ended; send it again", None)
    }

    fn full() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too much waits to leave; try again", Fault::RefusedNumber)
    }

    fn too_long() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, TOO_LONG, Fault::RefusedSize)
    }
}

/// Says that all of a body has left.
#[derive(Debug)]
struct Left(oneshot::Sender<()>);

impl DeliveryToken for Left {
    fn release(self: Box<Self>) {
        // Fails when the peer no longer waits for the answer.
        let _ = self.0.send(());
    }
}

/// Serves one connection.
pub(super) async fn serve(stream: Stream, door: Arc<HttpInput>) {
    let (shared, inside) = (Arc::clone(&door.shared), Arc::clone(&door));
    let (stream, came) = Noted::new(stream, shared.message_timeout());
    let begun = Arc::clone(&came);
    let service = service_fn(move |request| {
        let (door, came) = (Arc::clone(&inside), Arc::clone(&came));
        async move {
            let answer = answer(request, &door).await;
            came.store(false, Ordering::Relaxed);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.message_timeout())
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // Errors are those of the peer: it went away, was too slow, or spoke no HTTP.
        ended = connection.as_mut() => {
            // A peer that has begun nothing was only idle for long; it connects again when it has
            // events.
            if let Err(error) = ended && (begun.load(Ordering::Relaxed) || is_late(&error)) {
                let slow = error.is_timeout() || is_late(&error);
                shared.refuse(if slow { Fault::RefusedTime } else { Fault::RefusedProtocol });
            }
            return;
        }
        () = shared.stopped() => {}
    }
    // The request under way is answered once its events have left.
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// True when the peer did not take its answers in time.
fn is_late(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut)
}

async fn answer(request: Request<Incoming>, door: &Arc<HttpInput>) -> Response<Full<Bytes>> {
    let (status, text) = match take(request, door).await {
        Ok(count) => (StatusCode::OK, format!("{count} {}\n", if count == 1 { "event" } else { "events" })),
        Err(refusal) => {
            if let Some(fault) = refusal.fault {
                door.shared.refuse(fault);
            }
            (refusal.status, refusal.reason + "\n")
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) {
        // The rest of the body is not read.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Takes the events of one request; returns how many there were, once they have left.
async fn take(request: Request<Incoming>, door: &Arc<HttpInput>) -> Result<usize, Refusal> {
    if request.uri().path() != door.path {
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("events are taken at {}", door.path), None));
    }
    if !matches!(*request.method(), Method::POST | Method::PUT) {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "events are taken by POST and PUT", None));
    }
    let named = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let strict = named(header::CONTENT_TYPE).starts_with("application/json");
    // This content type means lines, even where the first begins like an array.
    let by_line = named(header::CONTENT_TYPE).starts_with("application/x-ndjson");
    let packed = match named(header::CONTENT_ENCODING) {
        "" | "identity" => false,
        "gzip" | "x-gzip" => true,
        other => {
            let reason = format!("the content encoding {other:?} is not known; gzip is");
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason, Fault::RefusedProtocol));
        }
    };
    let slow = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time", Fault::RefusedTime);
    let mut holding = Holding::new(door);
    let read = read_body(request.into_body(), &mut holding);
    let mut body = timeout(door.shared.message_timeout(), read).await.map_err(slow)??;
    if packed {
        body = unpack(&body, &mut holding).await?;
    }
    // The whole body is checked before its first event leaves, so that it is taken whole or not at
    // all.
    let text = if by_line { Ok(as_lines(body)) } else { into_lines(body, strict) }
        .map_err(|bad| Refusal::new(StatusCode::BAD_REQUEST, bad.reason(), Fault::RefusedProtocol))?;
    let mut lines = Lines::whole_of(door.shared.max_line_bytes, door.source);
    let (left, has_left) = oneshot::channel();
    let whole = Whole::new(Box::new(Left(left)));
    let way = door.way.clone();
    // In a task of its own, so that a client that goes away does not hold the rest back.
    let passing = tokio::spawn(async move {
        let count = way.lines(&text, &mut lines, Some(&whole)).await?;
        whole.complete();
        Ok::<_, Ending>((count, holding))
    });
    let passed = passing.await.unwrap_or(Err(Ending));
    let (count, _holding) = passed.map_err(|Ending| Refusal::ending())?;
    has_left.await.map_err(|_| Refusal::ending())?;
    Ok(count)
}

/// Unpacks gzip step by step, as far as there is room for the result; the room of the packed body
/// is then free.
async fn unpack(body: &[u8], holding: &mut Holding) -> Result<Vec<u8>, Refusal> {
    let bad = |why| match why {
        Refused::TooLong => Refusal::too_long(),
        _ => Refusal::new(StatusCode::BAD_REQUEST, "the body is no gzip", Fault::RefusedProtocol),
    };
    let mut out = Vec::new();
    let mut unpacker = Unpacker::new(Packing::Gzip, body, holding.door.shared.peers.max_message_bytes).map_err(bad)?;
    loop {
        let before = out.len();
        let more = unpacker.step(&mut out).map_err(bad)?;
        holding.reserve(out.len() - before)?;
        if !more {
            break;
        }
        tokio::task::yield_now().await;
    }
    holding.release(body.len());
    Ok(out)
}

async fn read_body(mut body: Incoming, holding: &mut Holding) -> Result<Vec<u8>, Refusal> {
    let result = read_frames(&mut body, holding).await;
    if result.is_err() {
        // A peer that still writes when the connection closes would not read the answer: a little
        // more is read and dropped.
        let mut left = holding.door.shared.peers.max_message_bytes;
        let forget = async {
            while let Some(Ok(frame)) = body.frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    break;
                }
            }
        };
        let _ = timeout(LINGER, forget).await;
    }
    result
}

async fn read_frames(body: &mut Incoming, holding: &mut Holding) -> Result<Vec<u8>, Refusal> {
    let most = holding.door.shared.peers.max_message_bytes;
    if body.size_hint().lower() > most as u64 {
        return Err(Refusal::too_long());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let broken = |_| Refusal::new(StatusCode::BAD_REQUEST, "the body was cut off", Fault::RefusedProtocol);
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if bytes.len() + data.len() > most {
            return Err(Refusal::too_long());
        }
        holding.reserve(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
