//! What each address answers.
//!
//! | route | answer |
//! | --- | --- |
//! | `GET /` | the page, which needs `/page.css` and `/page.js` and nothing from elsewhere |
//! | `GET /api/status` | counts, detectors, rules, operations, tables and sinks |
//! | `GET /api/chart/0` (`1`, `2`) | events and openings in columns of 5 s (1 min, 15 min) |
//! | `GET /api/incidents` | newest first, or `order=worst`; `state`, `severity`, `detector`, `q`, `from`, `to`, `before`, `offset`, `limit` |
//! | `GET /api/incidents/ID` | one with its evidence and lines |
//! | `GET /api/templates` | the most frequent templates |
//! | `GET /api/events` | news once a second, as server-sent events |
//! | `GET`, `POST /api/silences`, `DELETE /api/silences/ID` | silences; only with the token of `[metrics]` |

use super::exposition::{Format, takes_gzip};
use super::history::{Filter, History};
use super::http::Readiness;
use super::metrics::Metrics;
use super::silences::{Silences, Wanted};
use crate::engine::finding::DetectorName;
use crate::io::clock;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::channel::Channel;
use std::convert::Infallible;
use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{MissedTickBehavior, interval};

/// How often pages are told.
const NEWS_EVERY: Duration = Duration::from_secs(1);
/// Most bytes of a request for a silence.
const SILENCE_BYTES: usize = 8 << 10;
/// Shorter answers are not worth packing.
const PACKED_FROM: usize = 1 << 10;

const PAGE: &str = include_str!("page/page.html");
/// Stands in the page where detectors can be chosen.
const DETECTORS: &str = "<!-- detectors -->";
const STYLE: &str = concat!(include_str!("page/look.css"), include_str!("page/page.css"));
const SCRIPT: &str = concat!(
    include_str!("page/page.js"),
    include_str!("page/status.js"),
    include_str!("page/chart.js"),
    include_str!("page/incidents.js"),
    include_str!("page/live.js")
);
/// Nothing from elsewhere, nothing written into the page runs, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Everything that is served.
#[derive(Clone, Debug)]
pub struct Site {
    /// For scrapers.
    pub metrics: Arc<Metrics>,
    /// Whether the filter takes events.
    pub readiness: Readiness,
    /// For the page.
    pub history: Arc<History>,
    /// What nobody is told of.
    pub silences: Arc<Silences>,
    /// Who knows it may make silences; without one nobody may.
    pub token: Option<Arc<str>>,
}

/// News, as a server-sent event.
type News = broadcast::Sender<Bytes>;

#[derive(Clone)]
struct Shared {
    site: Site,
    news: News,
}

/// Tells every open page once a second what has changed; costs nothing while there is none.
pub(super) async fn tell(site: Site, news: News) {
    let mut seconds = interval(NEWS_EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut revision = site.history.revision();
    loop {
        seconds.tick().await;
        if news.receiver_count() == 0 {
            revision = site.history.revision();
            continue;
        }
        let (text, told) = site.history.news(revision, clock::now());
        revision = told;
        // Fails only when the last page has just gone.
        let _ = news.send(event("news", &text));
    }
}

fn event(name: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

pub(super) fn router(site: Site, news: News) -> Router {
    let silences = Router::new()
        .route("/api/silences", get(list_silences).post(add_silence))
        .route("/api/silences/{id}", delete(end_silence))
        .layer(DefaultBodyLimit::max(SILENCE_BYTES));
    Router::new()
        .route("/", get(|headers| asset(headers, "text/html; charset=utf-8", page())))
        .route("/page.css", get(|headers| asset(headers, "text/css; charset=utf-8", STYLE.to_owned())))
        .route("/page.js", get(|headers| asset(headers, "text/javascript; charset=utf-8", SCRIPT.to_owned())))
        .route("/metrics", get(encode_metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/api/status", get(status))
        .route("/api/chart/{which}", get(chart))
        .route("/api/incidents", get(incidents))
        .route("/api/incidents/{id}", get(incident))
        .route("/api/templates", get(templates))
        .route("/api/events", get(events))
        .layer(middleware::from_fn(refuse_body))
        .merge(silences)
        .fallback(|| async { plain(StatusCode::NOT_FOUND, "there is nothing here; see /") })
        .method_not_allowed_fallback(|| async { plain(StatusCode::METHOD_NOT_ALLOWED, "not this method") })
        .with_state(Shared { site, news })
}

/// The page, with the names of all detectors to choose from.
fn page() -> String {
    let option = |detector: DetectorName| {
        let name = detector.name();
        let (first, rest) = name.split_at(1);
        format!(r#"<option value="{name}">{}{rest}</option>"#, first.to_uppercase())
    };
    PAGE.replace(DETECTORS, &DetectorName::ALL.map(option).concat())
}

async fn asset(headers: HeaderMap, content_type: &'static str, text: String) -> Response {
    let (mut response, policy) = (packed(&headers, content_type, text), POLICY.parse());
    if let Ok(policy) = policy {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn encode_metrics(State(Shared { site, .. }): State<Shared>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(accept);
    match site.metrics.encode(format) {
        Ok(text) => packed(&headers, format.content_type(), text),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

async fn ready(State(Shared { site, .. }): State<Shared>) -> Response {
    if site.readiness.is_ready() {
        plain(StatusCode::OK, "ready")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "not ready")
    }
}

async fn status(State(Shared { site, .. }): State<Shared>, headers: HeaderMap) -> Response {
    json(&headers, Some(site.history.status(clock::now())))
}

async fn chart(State(Shared { site, .. }): State<Shared>, Path(which): Path<String>, headers: HeaderMap) -> Response {
    json(&headers, which.parse().ok().and_then(|which| site.history.chart(which)))
}

async fn incidents(
    State(Shared { site, .. }): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match filter(query.as_deref().unwrap_or_default()) {
        Ok(filter) => json(&headers, Some(site.history.incidents(&filter))),
        Err(wrong) => plain(StatusCode::BAD_REQUEST, wrong),
    }
}

async fn incident(State(Shared { site, .. }): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    json(&headers, site.history.incident(&id))
}

async fn templates(State(Shared { site, .. }): State<Shared>, headers: HeaderMap) -> Response {
    json(&headers, Some(site.history.templates()))
}

/// Server-sent events: one at once, so that the page knows that it is connected, then each
/// second's.
async fn events(State(Shared { site, news }): State<Shared>) -> Response {
    let mut told = news.subscribe();
    let (mut out, body) = Channel::<Bytes, Infallible>::new(4);
    tokio::spawn(async move {
        let (first, _) = site.history.news(u64::MAX - 1, clock::now());
        let mut next = event("news", &first);
        loop {
            if out.send_data(next).await.is_err() {
                return;
            }
            next = match told.recv().await {
                Ok(news) => news,
                // It was too slow and has missed some: it asks for everything again.
                Err(RecvError::Lagged(_)) => event("missed", "{}"),
                Err(RecvError::Closed) => return,
            };
        }
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::new(body)).into_response()
}

/// The filter that a query asks for.
fn filter(query: &str) -> Result<Filter, String> {
    let mut filter = Filter::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value);
        let number = || value.parse::<i64>().map_err(|_| format!("{name} is no number"));
        match name {
            _ if value.is_empty() => {}
            "state" => filter.state = Some(value),
            "severity" => filter.severity = Some(value),
            "detector" => filter.detector = Some(value),
            "q" => filter.words = value,
            "from" => filter.from_ms = Some(number()?),
            "to" => filter.to_ms = Some(number()?),
            "before" => filter.before = Some(u64::try_from(number()?).map_err(|_| "before is no number")?),
            "order" if value == "worst" => filter.worst_first = true,
            "order" if value == "newest" => filter.worst_first = false,
            "order" => return Err("order is newest or worst".to_owned()),
            "offset" => filter.offset = usize::try_from(number()?).map_err(|_| "offset is no number")?,
            "limit" => filter.limit = Some(usize::try_from(number()?).map_err(|_| "limit is no number")?),
            _ => {
                return Err(format!(
                    "{name} is unknown; known are state, severity, detector, q, from, to, before, order, offset, limit"
                ));
            }
        }
    }
    Ok(filter)
}

/// Without `%41` and `+`, as forms write them.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn list_silences(State(Shared { site, .. }): State<Shared>, headers: HeaderMap) -> Response {
    match refusal(&site, &headers) {
        Some(refusal) => refusal,
        None => json(&headers, serde_json::to_string(&site.silences.list(clock::now())).ok()),
    }
}

async fn add_silence(State(Shared { site, .. }): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refusal) = refusal(&site, &headers) {
        return refusal;
    }
    let wanted: Wanted = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(error) => return plain(StatusCode::BAD_REQUEST, error),
    };
    match site.silences.add(wanted, clock::now()) {
        Ok(silence) => {
            let mut answer = json(&headers, serde_json::to_string(&silence).ok());
            *answer.status_mut() = StatusCode::CREATED;
            answer
        }
        Err(refused) => plain(StatusCode::UNPROCESSABLE_ENTITY, refused),
    }
}

async fn end_silence(
    State(Shared { site, .. }): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match refusal(&site, &headers) {
        Some(refusal) => refusal,
        None if site.silences.remove(&id) => StatusCode::NO_CONTENT.into_response(),
        None => plain(StatusCode::NOT_FOUND, "there is no silence of this id"),
    }
}

/// What a request gets that may not touch silences.
fn refusal(site: &Site, headers: &HeaderMap) -> Option<Response> {
    let Some(token) = &site.token else {
        return Some(plain(StatusCode::FORBIDDEN, "silences are off; set token_file or token_env in [metrics]"));
    };
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    let given = given.and_then(|given| given.strip_prefix("Bearer ")).unwrap_or_default();
    // In a time that does not tell how much of it is right.
    let differs = given.bytes().zip(token.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    if differs == 0 && given.len() == token.len() {
        return None;
    }
    let refusal = plain(StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN, with the token of [metrics]");
    Some(([(header::WWW_AUTHENTICATE, "Bearer")], refusal).into_response())
}

/// No other route wants a body: one that comes is not read, and its connection ends with the
/// answer.
async fn refuse_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let refusal = plain(StatusCode::PAYLOAD_TOO_LARGE, "no request body is wanted");
    ([(header::CONNECTION, "close")], refusal).into_response()
}

fn json(headers: &HeaderMap, text: Option<String>) -> Response {
    match text {
        Some(text) => packed(headers, "application/json", text),
        None => plain(StatusCode::NOT_FOUND, "there is no such thing"),
    }
}

/// An answer that is not kept, packed where the client takes that.
fn packed(headers: &HeaderMap, content_type: &'static str, text: String) -> Response {
    const COMMON: [(HeaderName, &str); 3] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "accept, accept-encoding"),
    ];
    let accept = headers.get(header::ACCEPT_ENCODING).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let content_type = [(header::CONTENT_TYPE, content_type)];
    if text.len() >= PACKED_FROM && takes_gzip(accept) {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        if let Ok(bytes) = packer.write_all(text.as_bytes()).and_then(|()| packer.finish()) {
            return (COMMON, content_type, [(header::CONTENT_ENCODING, "gzip")], bytes).into_response();
        }
    }
    (COMMON, content_type, text).into_response()
}

fn plain(status: StatusCode, text: impl Display) -> Response {
    (status, format!("{text}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_become_filters() {
        let found = filter("state=open&q=db+pool%20%C3%BC&from=5&limit=3&severity=&order=worst&offset=7").unwrap();
        let expected = Filter {
            state: Some("open".into()),
            words: "db pool ü".into(),
            from_ms: Some(5),
            limit: Some(3),
            worst_first: true,
            offset: 7,
            ..Filter::default()
        };
        assert_eq!(found, expected);
        assert_eq!(filter("").unwrap(), Filter::default());
        for wrong in ["from=x", "limit=-1", "offset=-1", "order=best", "colour=red"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
        assert_eq!(decoded("100%+%4"), "100% %4");
    }
}
