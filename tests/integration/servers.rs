//! Starts real programs for tests, each on a free port of loopback in a folder of its own, and ends
//! them by their process ids. Also sends single HTTP requests.

use crate::support::until;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) folder: TempDir,
    pub(crate) address: String,
}

impl Server {
    /// Starts `program` with the arguments that `args` returns for its address and folder, and
    /// waits until `ready` answers 200.
    pub(crate) fn start(program: &str, ready: &str, args: impl Fn(&str, &Path) -> Vec<String>) -> Self {
        Self::start_at(program, ready, &free_address(), tempfile::tempdir().unwrap(), args)
    }

    /// Starts the program at a given address and in a given folder, to restart it.
    pub(crate) fn start_at(
        program: &str,
        ready: &str,
        address: &str,
        folder: TempDir,
        args: impl Fn(&str, &Path) -> Vec<String>,
    ) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program)
            .args(args(address, folder.path()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is needed here (make tools installs it): {error}"));
        let mut server = Self { child, folder, address: address.to_owned() };
        until(&format!("{program} to be ready"), || {
            assert!(server.child.try_wait().unwrap().is_none(), "{program} has ended:\n{}", server.log());
            try_request(address, "GET", ready, None).filter(|(status, _)| *status == 200)
        });
        server
    }

    /// The program's log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends the program with SIGTERM and returns its folder.
    pub(crate) fn end(mut self) -> TempDir {
        let process = self.child.id().to_string();
        assert!(Command::new("/bin/sh").args(["-c", &format!("kill -TERM {process}")]).status().unwrap().success());
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes a certificate for 127.0.0.1 that is its own issuer; the files of it and of its key.
pub(crate) fn certificate(folder: &Path) -> (String, String) {
    let at = |name: &str| folder.join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-keyout", &at("key.pem"), "-out", &at("cert.pem"), "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .output()
        .expect("openssl is needed here (make tools installs it)");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (at("cert.pem"), at("key.pem"))
}

/// A loopback address at which nothing listens.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Status and body of the response to a request.
#[track_caller]
pub(crate) fn request(address: &str, method: &str, path: &str, body: Option<&str>) -> (u16, String) {
    try_request(address, method, path, body).unwrap_or_else(|| panic!("no answer from {address} to {method} {path}"))
}

/// The JSON response to a GET request.
#[track_caller]
pub(crate) fn json(address: &str, path: &str) -> Value {
    let (status, body) = request(address, "GET", path, None);
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path} answers {status}, no JSON ({error}): {body}"))
}

/// Like [`request`], but none where nobody answers.
pub(crate) fn try_request(address: &str, method: &str, path: &str, body: Option<&str>) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let body = body.unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut stream = BufReader::new(stream);
    let (head, body) = read_message(&mut stream)?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body))
}

/// Head and body of a request or a response.
pub(crate) fn read_message(stream: &mut impl BufRead) -> Option<(String, String)> {
    let (mut head, mut body) = (String::new(), Vec::new());
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let header = |name: &str| lower.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    if let Some(length) = header("content-length") {
        body.resize(length.parse().ok()?, 0);
        stream.read_exact(&mut body).ok()?;
    } else if header("transfer-encoding") == Some("chunked") {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let start = body.len();
            body.resize(start + size + 2, 0);
            stream.read_exact(&mut body[start..]).ok()?;
            body.truncate(start + size);
            if size == 0 {
                break;
            }
        }
    } else {
        stream.read_to_end(&mut body).ok()?;
    }
    Some((head, String::from_utf8(body).ok()?))
}

/// A webhook server in the test that records requests and answers with given statuses.
pub(crate) struct Hook {
    pub(crate) address: String,
    got: Arc<Mutex<Vec<(String, String)>>>,
}

impl Hook {
    /// Starts a server that answers with these statuses, one after another, and then with 200.
    pub(crate) fn answering(statuses: &[u16]) -> Self {
        Self::saying(&statuses.iter().map(|status| (*status, "")).collect::<Vec<_>>(), "")
    }

    /// Starts a server that answers with these statuses and bodies, one after another, and then
    /// with 200 and `then`.
    pub(crate) fn saying(answers: &[(u16, &str)], then: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        let mut answers: VecDeque<_> = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let then = (200, then.to_owned());
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let mut stream = BufReader::new(stream);
                while let Some(message) = read_message(&mut stream) {
                    let (status, body) = answers.pop_front().unwrap_or_else(|| then.clone());
                    kept.lock().unwrap().push(message);
                    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
        Self { address, got }
    }

    /// Heads and bodies of the requests so far.
    pub(crate) fn got(&self) -> Vec<(String, String)> {
        self.got.lock().unwrap().clone()
    }

    /// Bodies of the requests so far, as JSON.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.got().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }
}
