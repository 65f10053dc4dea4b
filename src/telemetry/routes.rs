//! The routes of the HTTP endpoint.
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
use super::page;
use super::silences::{Silences, Wanted};
use crate::io::clock;
use crate::narrate::Language;
use axum::Router;
use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use std::convert::Infallible;
use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{MissedTickBehavior, interval};

/// How often open pages get news.
const NEWS_EVERY: Duration = Duration::from_secs(1);
/// Most bytes of a request that adds a silence.
const SILENCE_BYTES: usize = 8 << 10;
/// Shorter responses, in bytes, are not compressed.
const PACKED_FROM: usize = 1 << 10;

/// The content security policy: nothing is loaded from other servers, inline scripts do not run,
/// and the page cannot be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Everything that the endpoint serves.
#[derive(Clone, Debug)]
pub struct Site {
    /// The metrics, for scrapers.
    pub metrics: Arc<Metrics>,
    /// Whether the filter accepts events.
    pub readiness: Readiness,
    /// The data of the page.
    pub history: Arc<History>,
    /// The silences.
    pub silences: Arc<Silences>,
    /// The token that allows changing silences; without one, nobody can.
    pub token: Option<Arc<str>>,
    /// The language of the page.
    pub language: Language,
}

/// News as server-sent events.
type News = broadcast::Sender<Event>;

#[derive(Clone)]
struct PageState {
    site: Site,
    news: News,
}

/// Sends the changes to every open page once a second; does nothing while no page is open.
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
        // Fails only if the last page has just been closed.
        let _ = news.send(event("news", text));
    }
}

fn event(name: &str, data: impl AsRef<str>) -> Event {
    Event::default().event(name).data(data)
}

pub(super) fn router(site: Site, news: News) -> Router {
    let language = site.language;
    let silences = Router::new()
        .route("/api/silences", get(list_silences).post(add_silence))
        .route("/api/silences/{id}", delete(end_silence))
        .layer(DefaultBodyLimit::max(SILENCE_BYTES));
    Router::new()
        .route("/", get(move |headers| asset(headers, "text/html; charset=utf-8", page::html(language))))
        .route("/page.css", get(|headers| asset(headers, "text/css; charset=utf-8", page::STYLE.to_owned())))
        .route("/page.js", get(move |headers| asset(headers, "text/javascript; charset=utf-8", page::script(language))))
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
        .with_state(PageState { site, news })
}

async fn asset(headers: HeaderMap, content_type: &'static str, text: String) -> Response {
    let (mut response, policy) = (packed(&headers, content_type, text), POLICY.parse());
    if let Ok(policy) = policy {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn encode_metrics(State(PageState { site, .. }): State<PageState>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(accept);
    match site.metrics.encode(format) {
        Ok(text) => packed(&headers, format.content_type(), text),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

async fn ready(State(PageState { site, .. }): State<PageState>) -> Response {
    if site.readiness.is_ready() {
        plain(StatusCode::OK, "ready")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "not ready")
    }
}

async fn status(State(PageState { site, .. }): State<PageState>, headers: HeaderMap) -> Response {
    json(&headers, Some(site.history.status(clock::now())))
}

async fn chart(
    State(PageState { site, .. }): State<PageState>,
    Path(which): Path<String>,
    headers: HeaderMap,
) -> Response {
    json(&headers, which.parse().ok().and_then(|which| site.history.chart(which)))
}

async fn incidents(
    State(PageState { site, .. }): State<PageState>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Response {
    json(&headers, Some(site.history.incidents(&filter)))
}

async fn incident(
    State(PageState { site, .. }): State<PageState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    json(&headers, site.history.incident(&id))
}

async fn templates(State(PageState { site, .. }): State<PageState>, headers: HeaderMap) -> Response {
    json(&headers, Some(site.history.templates()))
}

/// The stream of server-sent events: the first at once, so that the page knows it is connected,
/// then one per second.
async fn events(State(PageState { site, news }): State<PageState>) -> Response {
    let told = news.subscribe();
    let (first, _) = site.history.news(u64::MAX - 1, clock::now());
    let events = stream::unfold((Some(event("news", first)), told), |(first, mut told)| async move {
        let next = match first {
            Some(first) => first,
            None => match told.recv().await {
                Ok(news) => news,
                // A page that was too slow has missed events; it reloads everything.
                Err(RecvError::Lagged(_)) => event("missed", "{}"),
                Err(RecvError::Closed) => return None,
            },
        };
        Some((Ok::<_, Infallible>(next), (None, told)))
    });
    ([(header::CACHE_CONTROL, "no-store")], Sse::new(events)).into_response()
}

async fn list_silences(State(PageState { site, .. }): State<PageState>, headers: HeaderMap) -> Response {
    match refusal(&site, &headers) {
        Some(refusal) => refusal,
        None => json(&headers, serde_json::to_string(&site.silences.list(clock::now())).ok()),
    }
}

async fn add_silence(State(PageState { site, .. }): State<PageState>, headers: HeaderMap, body: Bytes) -> Response {
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
    State(PageState { site, .. }): State<PageState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match refusal(&site, &headers) {
        Some(refusal) => refusal,
        None if site.silences.remove(&id) => StatusCode::NO_CONTENT.into_response(),
        None => plain(StatusCode::NOT_FOUND, "there is no silence of this id"),
    }
}

/// The response to a request that may not access silences; none if it may.
fn refusal(site: &Site, headers: &HeaderMap) -> Option<Response> {
    let Some(token) = &site.token else {
        return Some(plain(StatusCode::FORBIDDEN, "silences are off; set token_file or token_env in [metrics]"));
    };
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    let given = given.and_then(|given| given.strip_prefix("Bearer ")).unwrap_or_default();
    if given.as_bytes().ct_eq(token.as_bytes()).into() {
        return None;
    }
    let refusal = plain(StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN, with the token of [metrics]");
    Some(([(header::WWW_AUTHENTICATE, "Bearer")], refusal).into_response())
}

/// No other route accepts a body: the request is refused without reading the body, and the
/// connection is closed after the response.
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

/// A response that must not be cached, compressed if the client accepts gzip.
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

    fn filter(query: &str) -> Result<Filter, String> {
        let uri = format!("/api/incidents?{query}").parse().unwrap();
        Query::try_from_uri(&uri).map(|Query(filter)| filter).map_err(|rejection| rejection.body_text())
    }

    #[test]
    fn queries_become_filters() {
        let found = filter("state=open&q=db+pool%20%C3%BC&from=5&limit=3&severity=&order=worst&offset=7&before=");
        let expected = Filter {
            state: Some("open".into()),
            words: "db pool ü".into(),
            from_ms: Some(5),
            limit: Some(3),
            worst_first: true,
            offset: 7,
            ..Filter::default()
        };
        assert_eq!(found.unwrap(), expected);
        assert_eq!(filter("").unwrap(), Filter::default());
        assert_eq!(filter("offset=&order=&q=").unwrap(), Filter::default());
        for wrong in ["from=x", "limit=-1", "offset=-1", "order=best", "colour=red"] {
            let (name, _) = wrong.split_once('=').unwrap();
            assert!(filter(wrong).unwrap_err().contains(name), "{wrong}");
        }
        assert_eq!(filter("q=100%+%4").unwrap().words, "100% %4");
    }
}
