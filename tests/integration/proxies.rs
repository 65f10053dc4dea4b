//! Tests servers behind a proxy that environment variables name: a small proxy on loopback, which
//! resolves names that do not exist elsewhere.

use crate::metrics;
use crate::peers::{free_address, patient};
use crate::poison::line;
use crate::servers::{Hook, read_message, request};
use crate::support::{Ended, Filter, command, configured, golden_input, until};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// The proxy's credentials, as they are in its URL and as they are sent.
const USER: &str = "me:s3cret@";
const SENT: &str = "proxy-authorization: basic bwu6cznjcmv0";

/// A proxy that connects every name to one server, and keeps the heads of the requests.
struct Proxy {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Connects to `server`; without one, it asks for credentials and refuses all of them.
    fn to(server: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (heads, server) = (Arc::new(Mutex::new(Vec::new())), server.map(str::to_owned));
        let kept = Arc::clone(&heads);
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, kept, server) = (patient(stream.unwrap()), Arc::clone(&kept), server.clone());
                std::thread::spawn(move || serve(stream, &kept, server.as_deref()));
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, heads: &Mutex<Vec<String>>, server: Option<&str>) {
    let mut stream = BufReader::new(stream);
    while let Some((head, body)) = read_request(&mut stream) {
        heads.lock().unwrap().push(head.clone());
        let Some(server) = server else {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
            stream.get_mut().write_all(refusal.as_bytes()).unwrap();
            continue;
        };
        let mut to = patient(TcpStream::connect(server).unwrap());
        if head.starts_with("CONNECT ") {
            stream.get_mut().write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
            return relay(stream.into_inner(), to);
        }
        // Only the path is sent to the server, as a proxy must do.
        let (method, rest) = head.split_once(" http://").expect("the whole address");
        let path = &rest[rest.find('/').unwrap()..];
        to.write_all(format!("{method} {path}{body}").as_bytes()).unwrap();
        let (head, body) = read_message(&mut BufReader::new(to)).unwrap();
        stream.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
    }
}

/// Reads a request; a CONNECT request has no body.
fn read_request(stream: &mut impl BufRead) -> Option<(String, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}

/// Forwards data in both directions until both sides have closed.
fn relay(one: TcpStream, other: TcpStream) {
    let copy = |from: &TcpStream, to: &TcpStream| {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        }
    };
    let there = std::thread::spawn(copy(&one, &other));
    copy(&other, &one)();
    there.join().unwrap();
}

/// Runs a filter with a webhook at `url` and these environment variables, on a stream with a loop.
fn told(url: &str, more: &str, environment: &[(&str, &str)], result: &str) -> Ended {
    let (_folder, settings) =
        configured(&format!("[[sink]]\ntype = \"webhook\"\nurl = \"{url}\"\ngroup_wait = \"0ms\"\n{more}"));
    let args = ["--no-shipped-rules", "--metrics", "127.0.0.1:0", "--log", "stderr", "-c", &settings];
    let (child_reads, we_write) = std::io::pipe().unwrap();
    let mut filter =
        Filter::start(command(&args).envs(environment.iter().copied()).stdin(child_reads).stdout(Stdio::null()));
    filter.stdin = Some(we_write);
    let page = metrics::address(&filter);
    filter.feed(&golden_input("loop_open_at_the_end"));
    let wanted = format!("seismolog_sink_deliveries_total{{result=\"{result}\",sink=\"webhook\"}} ");
    until(result, || {
        let (_, text) = request(&page, "GET", "/metrics", None);
        text.lines().any(|line| line.starts_with(&wanted) && !line.ends_with(" 0")).then_some(())
    });
    drop(filter.stdin.take());
    let (status, stderr) = filter.wait();
    assert!(!stderr.contains("s3cret") && !stderr.contains("czNjcmV0"), "{stderr}");
    Ended { stdout: Vec::new(), stderr, code: status.code() }
}

#[test]
fn a_sink_of_http_is_reached_by_a_proxy_with_its_whole_address() {
    let hook = Hook::answering(&[]);
    let proxy = Proxy::to(Some(&hook.address));
    let at = format!("http://{USER}{}", proxy.address);
    told("http://hooks.example:8080/a?b=c", "", &[("http_proxy", &at)], "delivered");
    let heads = proxy.heads();
    assert!(heads[0].starts_with("POST http://hooks.example:8080/a?b=c HTTP/1.1\r\n"), "{heads:?}");
    let lower = heads[0].to_ascii_lowercase();
    assert!(lower.contains("\r\nhost: hooks.example:8080\r\n") && lower.contains(SENT), "{heads:?}");
    assert_eq!(hook.got().len(), 1);
}

#[test]
fn a_sink_of_https_is_reached_by_a_tunnel() {
    let certificates = tempfile::tempdir().unwrap();
    let (key, certificate) = (certificates.path().join("key.pem"), certificates.path().join("cert.pem"));
    made_for("hooks.example", &key, &certificate);
    let address = free_address();
    let mut server = tls_server(&address, &key, &certificate);
    let proxy = Proxy::to(Some(&address));
    let at = format!("http://{USER}{}", proxy.address);
    let trusted = format!("ca_file = \"{}\"\n", certificate.display());
    told("https://hooks.example/secret", &trusted, &[("HTTPS_PROXY", &at)], "delivered");
    let heads = proxy.heads();
    assert!(heads[0].starts_with("CONNECT hooks.example:443 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].to_ascii_lowercase().contains(SENT), "{heads:?}");
    assert!(!heads.concat().contains("secret"), "what goes through the tunnel is the server's alone: {heads:?}");
    // The certificate must be the server's, not the proxy's: otherwise nothing is sent.
    let said = told("https://other.example/", &trusted, &[("HTTPS_PROXY", &at)], "failed").stderr;
    assert!(said.contains("certificate"), "{said}");
    server.kill().unwrap();
    server.wait().unwrap();
}

/// A TLS server that answers requests to `/secret` with 200.
fn tls_server(address: &str, key: &Path, certificate: &Path) -> Child {
    let mut server = Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", address, "-key"])
        .args([key, Path::new("-cert"), certificate])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is needed here (make tools installs it)");
    until("openssl", || TcpStream::connect(address).ok());
    // `openssl s_server` prints what the client sends, and sends what it reads from its input.
    let (mut answers, mut requests) = (server.stdin.take().unwrap(), BufReader::new(server.stdout.take().unwrap()));
    std::thread::spawn(move || {
        while let Some((head, _)) = read_request(&mut requests) {
            assert!(head.starts_with("POST /secret HTTP/1.1\r\nhost: hooks.example\r\n"), "{head}");
            answers.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    });
    server
}

/// Makes a self-signed certificate for a name.
fn made_for(name: &str, key: &Path, certificate: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=test", "-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .args([key, Path::new("-out"), certificate])
        .output()
        .expect("openssl is needed here (make tools installs it)");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn a_proxy_that_refuses_or_is_down_is_said_with_its_name() {
    let proxy = Proxy::to(None);
    let at = format!("http://{USER}{}", proxy.address);
    let tunnel = told("https://hooks.example/", "", &[("ALL_PROXY", &at)], "failed").stderr;
    let refused = format!("the proxy {}: it answered 407 Proxy Authentication Required to CONNECT", proxy.address);
    assert!(tunnel.contains(&refused), "{tunnel}");
    let whole = told("http://hooks.example/", "", &[("ALL_PROXY", &at)], "failed").stderr;
    let refused = format!("it answered 407 Proxy Authentication Required, by the proxy {}", proxy.address);
    assert!(whole.contains(&refused), "{whole}");
    let nobody = free_address();
    let down = told("http://hooks.example/", "", &[("HTTP_PROXY", &format!("{USER}{nobody}"))], "failed").stderr;
    assert!(down.contains(&format!("the proxy {nobody}: Connection refused")), "{down}");
}

#[test]
fn who_is_named_in_no_proxy_and_this_machine_are_reached_without() {
    let hook = Hook::answering(&[]);
    let proxy = Proxy::to(None);
    let (_, port) = hook.address.split_once(':').unwrap();
    // The system connects 0.0.0.0 to loopback, but the choice of proxies does not treat it as
    // loopback.
    let url = format!("http://0.0.0.0:{port}/");
    told(&url, "", &[("HTTP_PROXY", &proxy.address), ("no_proxy", "a, 0.0.0.0")], "delivered");
    told(&format!("http://{}/", hook.address), "", &[("HTTP_PROXY", &proxy.address)], "delivered");
    assert_eq!((hook.got().len(), proxy.heads()), (2, Vec::new()));
    told(&url, "", &[("HTTP_PROXY", &proxy.address), ("no_proxy", "a")], "failed");
    assert!(!proxy.heads().is_empty());
}

#[test]
fn events_go_to_an_http_server_by_a_proxy_and_a_wrong_one_ends_the_start() {
    let hook = Hook::answering(&[]);
    let proxy = Proxy::to(Some(&hook.address));
    let run = |at: &str| {
        let (child_reads, mut we_write) = std::io::pipe().unwrap();
        let mut to = command(&["--no-shipped-rules", "--log", "stderr", "--to", "http://store.example/in"]);
        let mut filter = Filter::start(to.env("HTTP_PROXY", at).stdin(child_reads).stdout(Stdio::null()));
        // If the filter does not start, nobody reads its input.
        let _ = we_write.write_all((0..100).map(line).collect::<String>().as_bytes());
        drop(we_write);
        let (status, said) = filter.wait();
        assert!(!said.contains("s3cret"), "{said}");
        (status.code(), said)
    };
    let (code, said) = run(&format!("http://{USER}{}", proxy.address));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("sending to http://store.example/in by the proxy {}", proxy.address)), "{said}");
    let bodies: String = hook.got().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, (0..100).map(line).collect::<String>());
    let heads = proxy.heads();
    assert!(heads[0].starts_with("POST http://store.example:80/in HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads.iter().all(|head| head.to_ascii_lowercase().contains(SENT)), "{heads:?}");
    let (code, said) = run(&format!("socks5://{USER}{}", proxy.address));
    assert!(code == Some(1) && said.contains("HTTP_PROXY names no proxy that can be used"), "{code:?} {said}");
}
