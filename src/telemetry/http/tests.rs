use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::*;
use crate::event::Timestamp;
use crate::telemetry::{History, Metrics};

const PATIENCE: Duration = Duration::from_secs(5);

fn site() -> Site {
    Site {
        metrics: Arc::new(Metrics::new().unwrap()),
        readiness: Readiness::new(),
        history: Arc::new(History::new(Timestamp::default(), History::BYTES)),
        silences: Arc::default(),
        token: None,
        language: crate::narrate::Language::En,
    }
}

fn endpoint() -> (Endpoint, Arc<Metrics>, Readiness) {
    let site = site();
    (Endpoint::bind(":0", site.clone()).unwrap(), site.metrics, site.readiness)
}

fn limited(limits: ConnectionLimits) -> Endpoint {
    Endpoint::limited(parse_address(":0").unwrap(), site(), limits).unwrap()
}

fn connect(endpoint: &Endpoint) -> TcpStream {
    let stream = TcpStream::connect(endpoint.local_addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The complete response to one request on a connection of its own.
fn ask(endpoint: &Endpoint, request: &str) -> String {
    let mut stream = connect(endpoint);
    write!(stream, "{request}\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.to_ascii_lowercase()
}

/// Reads the head of one response, and leaves the connection open.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn the_page_offers_every_detector() {
    let (endpoint, ..) = endpoint();
    let page = ask(&endpoint, "GET / HTTP/1.1");
    for detector in crate::engine::finding::DetectorName::ALL.map(crate::engine::finding::DetectorName::name) {
        assert!(page.contains(&format!("<option value=\"{detector}\">{detector}</option>")), "{detector}");
    }
}

#[test]
fn serves_metrics_in_the_text_format() {
    let (endpoint, metrics, _) = endpoint();
    metrics.add_events(&[0, 0, 42, 0, 0, 0, 0]);
    let answer = ask(&endpoint, "GET /metrics HTTP/1.1");
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
    assert!(answer.contains("\nseismolog_events_total{level=\"info\"} 42\n"), "{answer}");
}

#[test]
fn answers_each_route_with_its_status() {
    let (endpoint, _, _) = endpoint();
    for (request, status) in [
        ("GET / HTTP/1.1", "200"),
        ("GET /healthz HTTP/1.1", "200"),
        ("HEAD /metrics HTTP/1.1", "200"),
        ("GET /metrics?name=x HTTP/1.0", "200"),
        ("GET /page.js HTTP/1.1", "200"),
        ("GET /page.css HTTP/1.1", "200"),
        ("GET /api/status HTTP/1.1", "200"),
        ("GET /api/incidents?state=open&limit=3 HTTP/1.1", "200"),
        ("GET /api/incidents?limit=x HTTP/1.1", "400"),
        ("GET /api/incidents/unknown HTTP/1.1", "404"),
        ("GET /api/chart/0 HTTP/1.1", "200"),
        ("GET /api/chart/9 HTTP/1.1", "404"),
        ("GET /api/templates HTTP/1.1", "200"),
        ("GET /api/silences HTTP/1.1", "403"),
        ("GET /nothing HTTP/1.1", "404"),
        ("GET /metrics/ HTTP/1.1", "404"),
        ("POST /metrics HTTP/1.1", "405"),
        ("DELETE / HTTP/1.1", "405"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 5", "405"),
        ("GET /metrics HTTP/1.1\r\nContent-Length: 5", "413"),
        ("GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked", "413"),
        ("no http at all", "400"),
    ] {
        let answer = ask(&endpoint, request);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request}: {answer}");
    }
    assert!(ask(&endpoint, "GET / HTTP/1.1").contains("content-security-policy: default-src 'none'"));
    assert!(ask(&endpoint, "POST /metrics HTTP/1.1").contains("allow: get,head"));
}

#[test]
fn is_ready_only_once_told_so() {
    let (endpoint, _, readiness) = endpoint();
    assert!(ask(&endpoint, "GET /readyz HTTP/1.1").starts_with("http/1.1 503 "));
    readiness.set(true);
    assert!(ask(&endpoint, "GET /readyz HTTP/1.1").starts_with("http/1.1 200 "));
    readiness.set(false);
    assert!(ask(&endpoint, "GET /readyz HTTP/1.1").starts_with("http/1.1 503 "));
    readiness.set(true);
    endpoint.shutdown();
    assert!(!readiness.is_ready());
}

#[test]
fn a_connection_serves_several_requests() {
    let (endpoint, _, _) = endpoint();
    let mut stream = connect(&endpoint);
    for _ in 0..3 {
        stream.write_all(b"HEAD /metrics HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn stops_though_clients_hold_connections() {
    let (endpoint, _, _) = endpoint();
    let address = endpoint.local_addr();
    let silent = connect(&endpoint);
    let mut halfway = connect(&endpoint);
    halfway.write_all(b"GET /metrics HTTP/1.1\r\nHos").unwrap();
    let mut idle = connect(&endpoint);
    idle.write_all(b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    read_head(&mut idle);
    let begin = Instant::now();
    drop(endpoint);
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    assert!(TcpStream::connect(address).is_err());
    drop(silent);
}

#[test]
fn more_clients_than_places_are_served_in_turn() {
    let endpoint = limited(ConnectionLimits { connections: 3, ..LIMITS });
    let mut held: Vec<TcpStream> = (0..3).map(|_| connect(&endpoint)).collect();
    for stream in &mut held {
        stream.write_all(b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        read_head(stream);
    }
    let mut waiting = connect(&endpoint);
    waiting.write_all(b"HEAD /healthz HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    waiting.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(waiting.read(&mut [0]).is_err(), "a connection beyond the limit was served");
    held.clear();
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(read_head(&mut waiting).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_client_that_is_slow_with_its_header_loses_its_connection() {
    let header = Duration::from_millis(300);
    let endpoint = limited(ConnectionLimits { header, ..LIMITS });
    // A client that sends its header in time is served, and has the same time for its next header.
    for (sent, status) in
        [("", ""), ("GET /metrics HTTP/1.1\r\nHos", ""), ("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n", "HTTP/1.1 200 ")]
    {
        let (began, mut stream) = (Instant::now(), connect(&endpoint));
        stream.write_all(sent.as_bytes()).unwrap();
        let mut answer = String::new();
        // Reads until the server closes, which must happen before the client's timeout.
        stream.read_to_string(&mut answer).unwrap();
        assert!(began.elapsed() >= header, "{sent:?}: let go after {:?}", began.elapsed());
        assert!(answer.starts_with(status), "{sent:?}: {answer}");
    }
}

#[test]
fn no_connection_lasts_for_ever() {
    let lifetime = Duration::from_millis(300);
    let endpoint = limited(ConnectionLimits { lifetime, ..LIMITS });
    let (began, mut stream) = (Instant::now(), connect(&endpoint));
    for _ in 0..2 {
        stream.write_all(b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 200 "));
    }
    stream.read_to_end(&mut Vec::new()).unwrap();
    assert!(began.elapsed() >= lifetime, "let go after {:?}", began.elapsed());
}

#[test]
fn reads_addresses() {
    for (text, expected) in [
        ("127.0.0.1:9464", "127.0.0.1:9464"),
        (":9464", "127.0.0.1:9464"),
        (":0", "127.0.0.1:0"),
        ("localhost:9464", "127.0.0.1:9464"),
        ("0.0.0.0:9464", "0.0.0.0:9464"),
        ("[::1]:9464", "[::1]:9464"),
    ] {
        assert_eq!(parse_address(text).unwrap().to_string(), expected);
    }
    for text in ["", ":", "9464", ":+1", ":65536", "127.0.0.1", "example.org:80", "http://127.0.0.1:9464", "localhost"]
    {
        let error = parse_address(text).unwrap_err();
        assert_eq!(error, BadAddress { address: text.to_owned() });
        assert!(error.hint().contains(text), "{}", error.hint());
    }
    assert!(parse_address("9464").unwrap_err().hint().contains("`:9464`"));
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let (first, _, _) = endpoint();
    let address = first.local_addr().to_string();
    let error = Endpoint::bind(&address, site()).unwrap_err();
    assert!(matches!(&error, BindError::Listen { source, .. } if source.kind() == ErrorKind::AddrInUse), "{error}");
    assert!(error.to_string().contains(&address) && error.hint().contains(&address), "{error}: {}", error.hint());
}

#[test]
fn an_address_of_another_host_is_an_error() {
    // An address for documentation (RFC 5737), which no host has.
    let error = Endpoint::bind("192.0.2.1:9464", site()).unwrap_err();
    assert!(error.hint().contains("192.0.2.1"), "{}", error.hint());
}

#[test]
fn metrics_are_in_the_form_that_is_asked_for() {
    let (endpoint, _, _) = endpoint();
    let accept = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let answer = ask(&endpoint, accept);
    assert!(
        answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("# eof\n"), "{answer}");
    let mut stream = connect(&endpoint);
    let request = "GET /metrics HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let head = read_head(&mut stream).to_ascii_lowercase();
    assert!(head.contains("content-encoding: gzip\r\n") && head.contains("vary: accept, accept-encoding"), "{head}");
    let mut body = Vec::new();
    stream.read_to_end(&mut body).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert!(text.contains("seismolog_events_total{level=\"INFO\"} 0"), "{text}");
}

#[test]
fn silences_need_the_token() {
    let endpoint = Endpoint::bind(":0", Site { token: Some("s3cret".into()), ..site() }).unwrap();
    let body = r#"{"detector":"loop","until":"2199-01-01T00:00:00Z","reason":"works"}"#;
    let length = body.len();
    let post = |headers: &str, body: &str| {
        let mut stream = connect(&endpoint);
        let request = format!("POST /api/silences HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for authorization in
        ["", "Authorization: Bearer\r\n", "Authorization: Bearer s3creT\r\n", "Authorization: Basic s3cret\r\n"]
    {
        let answer = post(&format!("{authorization}Content-Length: {length}\r\n"), body);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{authorization}: {answer}");
    }
    let token = "Authorization: Bearer s3cret";
    let answer = post(&format!("{token}\r\nContent-Length: {length}\r\n"), body);
    assert!(answer.starts_with("HTTP/1.1 201 ") && answer.contains(r#""reason":"works""#), "{answer}");
    let id = answer.split("\"id\":\"").nth(1).unwrap()[..16].to_owned();
    assert!(ask(&endpoint, &format!("GET /api/silences HTTP/1.1\r\n{token}")).contains(&id));
    assert!(post(&format!("{token}\r\nContent-Length: 2\r\n"), "{}").starts_with("HTTP/1.1 400 "));
    assert!(post(&format!("{token}\r\nContent-Length: 20000\r\n"), &"x".repeat(20_000)).starts_with("HTTP/1.1 413 "));
    assert!(ask(&endpoint, &format!("DELETE /api/silences/{id} HTTP/1.1\r\n{token}")).starts_with("http/1.1 204 "));
    assert!(ask(&endpoint, &format!("DELETE /api/silences/{id} HTTP/1.1\r\n{token}")).starts_with("http/1.1 404 "));
}

#[test]
fn news_come_at_once_and_then_each_second() {
    let (endpoint, _, _) = endpoint();
    let mut stream = connect(&endpoint);
    stream.write_all(b"GET /api/events HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    assert!(read_head(&mut stream).to_ascii_lowercase().contains("content-type: text/event-stream"));
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    while text.matches("event: news\ndata: {").count() < 3 {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}
