//! Tests findings as mails with a real mail server (`tests/tools/mail_server.py`): with and without
//! TLS, with a password, with recipients that are refused, and while it is away.

use crate::alerts::loop_in_two;
use crate::servers::{certificate, free_address, request};
use crate::support::{Ended, Filter, configured, root, run, until};
use serde_json::Value;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A mail server, which is ended with the test.
struct MailServer {
    child: Child,
    address: String,
    mails: PathBuf,
}

impl MailServer {
    fn start(folder: &TempDir, address: &str, args: &[&str]) -> Self {
        let python = root().join("target/tools/mail/bin/python");
        let mails = folder.path().join("mails");
        let child = Command::new(&python)
            .arg(root().join("tests/tools/mail_server.py"))
            .args([address.rsplit_once(':').unwrap().1, mails.to_str().unwrap()])
            .args(args)
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("server.log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{} is needed here (make tools installs it): {error}", python.display()));
        let server = Self { child, address: address.to_owned(), mails };
        until("the mail server", || TcpStream::connect(address).ok());
        server
    }

    /// The mails that it has taken.
    fn mails(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.mails).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sink(address: &str, more: &str) -> (TempDir, String) {
    configured(&format!(
        "[metrics]\npage_url = \"http://page/\"\n[[sink]]\ntype = \"email\"\nserver = \"{address}\"\n\
         from = \"Logs <seismolog@example.org>\"\ngroup_wait = \"50ms\"\n{more}{}",
        if more.contains("to = ") { "" } else { "to = [\"ops@example.org\", \"值班 <boss@example.org>\"]\n" }
    ))
}

fn tried(settings: &str) -> (Option<i32>, String) {
    let Ended { stdout, stderr, code } = run(&["alert", "test", "email", "-c", settings], b"");
    (code, format!("{}{stderr}", String::from_utf8(stdout).unwrap()))
}

#[test]
fn a_finding_is_mailed_in_text_and_html_and_again_after_the_server_was_busy() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(&folder, &free_address(), &["--busy", "1"]);
    let (_settings, settings) =
        sink(&server.address, "tls = \"none\"\nenvironment = \"Läden 一\"\nspool = \"spool\"\n");
    let args = ["--no-shipped-rules", "--log", "stderr", "-c", &settings];
    let mut filter = Filter::in_pipes(&args);
    filter.feed(&loop_in_two().0);
    let mail = until("a mail", || server.mails().pop());
    assert_eq!(mail["from"], "seismolog@example.org");
    assert_eq!(mail["to"], serde_json::json!(["ops@example.org", "boss@example.org"]), "{mail}");
    let header = |name: &str| mail["headers"][name].as_str().unwrap_or_default();
    assert!(header("subject").starts_with("[Läden 一] warning: "), "{mail}");
    assert_eq!((header("from"), header("auto-submitted")), ("Logs <seismolog@example.org>", "auto-generated"));
    assert!(header("to").contains("值班") && header("message-id").starts_with('<'), "{mail}");
    assert!(header("date").ends_with("+0000"), "{mail}");
    let [text, html] = ["text/plain", "text/html"].map(|kind| mail["parts"][kind].as_str().unwrap_or_default());
    for part in ["warning: ", "since: 20", "Läden 一", "http://page/#"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(html.contains("<h3>warning: ") && html.contains("href=\"http://page/#"), "{html}");
    assert_eq!((&mail["tls"], &mail["user"]), (&Value::Bool(false), &Value::Null));
    filter.feed(&loop_in_two().1);
    let end = until("the mail of its end", || server.mails().into_iter().nth(1));
    assert!(end["headers"]["subject"].as_str().unwrap().contains("resolved after "), "{end}");
    let said = filter.finish().stderr;
    assert!(said.contains("451 4.3.0 try again later") && !said.contains("lost"), "{said}");
}

#[test]
fn passwords_go_by_tls_alone_and_certificates_are_checked() {
    let certificates = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(certificates.path());
    for (tls, flag) in [("starttls", "--starttls"), ("tls", "--tls")] {
        let folder = tempfile::tempdir().unwrap();
        let args = [flag, "--certificate", &cert, &key, "--user", "seismolog:s3cret"];
        let server = MailServer::start(&folder, &free_address(), &args);
        let settings = |password: &str, more: &str| {
            let (folder, settings) = sink(
                &server.address,
                &format!(
                    "tls = \"{tls}\"\nusername = \"seismolog\"\npassword_file = \"pass\"\ntimeout = \"5s\"\n{more}"
                ),
            );
            std::fs::write(folder.path().join("pass"), password).unwrap();
            (folder, settings)
        };
        let ca = format!("ca_file = \"{cert}\"\n");
        let (_trusted, trusted) = settings("s3cret\n", &ca);
        let (code, said) = tried(&trusted);
        assert!(code == Some(0) && said.contains("it answered: 250 2.0.0 queued as 42"), "{tls}: {said}");
        assert!(said.contains("Subject: info: this is a test of the sink email"), "{said}");
        let mail = server.mails().remove(0);
        assert_eq!((&mail["tls"], mail["user"].as_str()), (&Value::Bool(true), Some("seismolog")), "{mail}");
        let (_wrong, wrong) = settings("other\n", &ca);
        let (code, said) = tried(&wrong);
        assert!(code == Some(1) && said.contains("535") && said.contains("check username"), "{tls}: {said}");
        assert!(said.contains("would be lost") && !said.contains("other"), "{said}");
        let (_unknown, unknown) = settings("s3cret\n", "");
        let (code, said) = tried(&unknown);
        assert!(code == Some(1) && said.contains("certificate") && said.contains("ca_file"), "{tls}: {said}");
        assert_eq!(server.mails().len(), 1);
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(&folder, &free_address(), &[]);
    let to = |to: &str| format!("tls = \"none\"\nto = {to}\n");
    for (address, more, code, parts) in [
        (
            server.address.as_str(),
            to("[\"nobody@example.org\"]"),
            1,
            &["550 5.1.1 no such mailbox", "check from and to"][..],
        ),
        // Whom the server does not know keeps the mail from nobody else.
        (
            &server.address,
            to("[\"nobody@example.org\", \"ops@example.org\"]"),
            0,
            &["250", "for nobody@example.org: 550"],
        ),
        (&server.address, String::new(), 1, &["no STARTTLS", "\"none\""]),
        (&free_address(), to("[\"a@b\"]"), 1, &["refused", "check server"]),
    ] {
        let (_folder, settings) = sink(address, &format!("timeout = \"5s\"\n{more}"));
        let (got, said) = tried(&settings);
        assert_eq!(got, Some(code), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let mails = server.mails();
    assert_eq!((mails.len(), &mails[0]["to"]), (1, &serde_json::json!(["ops@example.org"])));
}

#[test]
fn mails_wait_in_the_spool_while_the_server_is_away() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let (kept, settings) = sink(&address, "tls = \"none\"\nspool = \"spool\"\n");
    let args = ["--no-shipped-rules", "--log", "stderr", "--metrics", "127.0.0.1:0", "-c", &settings];
    let mut filter = Filter::in_pipes(&args);
    let metrics = crate::metrics::address(&filter);
    filter.feed(&loop_in_two().0);
    until("a try", || {
        let (_, page) = request(&metrics, "GET", "/metrics", None);
        page.contains("seismolog_sink_up{sink=\"email\"} 0").then_some(())
    });
    let said = filter.finish().stderr;
    assert!(said.contains("email by 127.0.0.1") && !said.contains("lost"), "{said}");
    let spool = kept.path().join("spool");
    assert!(std::fs::read_to_string(&spool).unwrap().contains("\"detector\":\"loop\""));

    let server = MailServer::start(&folder, &address, &[]);
    let filter = Filter::in_pipes(&args);
    until("the mail of the run before", || server.mails().pop());
    until("an empty spool", || (std::fs::metadata(&spool).unwrap().len() == 0).then_some(()));
    assert_eq!(filter.finish().code, Some(0));
}
