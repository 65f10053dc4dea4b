//! Tests findings as alerts: with the real Alertmanager, and with webhooks that answer correctly,
//! with errors or not at all.

use crate::servers::{Hook, Server, certificate, free_address, json, request};
use crate::support::{Filter, configured, golden_input, pieces, until};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

const ALERTMANAGER: &str = "prometheus-alertmanager";

/// A configuration that groups by name, sends at once, and notifies the webhook.
fn alertmanager_config(hook: &str) -> String {
    format!(
        "route:\n  receiver: hook\n  group_by: [alertname]\n  group_wait: 200ms\n  group_interval: 500ms\n  repeat_interval: 1h\n\
         receivers:\n  - name: hook\n    webhook_configs:\n      - url: http://{hook}/\n        send_resolved: true\n"
    )
}

fn alertmanager_args(config: &str, more: &[&str]) -> impl Fn(&str, &std::path::Path) -> Vec<String> + use<> {
    let (config, more) = (config.to_owned(), more.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
    move |address, folder| {
        std::fs::write(folder.join("am.yml"), &config).unwrap();
        let mut args = vec![
            format!("--config.file={}", folder.join("am.yml").display()),
            format!("--storage.path={}", folder.join("data").display()),
            format!("--web.listen-address={address}"),
            "--cluster.listen-address=".to_owned(),
        ];
        args.extend(more.iter().map(|arg| arg.replace("{folder}", &folder.display().to_string())));
        args
    }
}

/// The lines of a loop up to its detection, and the rest, in which it ends.
pub(crate) fn loop_in_two() -> (Vec<u8>, Vec<u8>) {
    let open = golden_input("loop_open_at_the_end");
    let all = golden_input("loop_opens_goes_on_resolves");
    assert!(all.starts_with(&open), "the cases no longer begin alike");
    let rest = all[open.len()..].to_vec();
    (open, rest)
}

fn alerts(address: &str) -> Vec<Value> {
    json(address, "/api/v2/alerts").as_array().unwrap().clone()
}

#[test]
fn alertmanager_receives_groups_and_resolves_also_after_it_was_away() {
    let hook = Hook::answering(&[]);
    let config = alertmanager_config(&hook.address);
    let manager = Server::start(ALERTMANAGER, "/-/ready", alertmanager_args(&config, &[]));
    let address = manager.address.clone();
    let (_folder, settings) = configured(&format!(
        "[[sink]]\ntype = \"alertmanager\"\nurl = \"http://{address}\"\nlabels = {{ cluster = \"test\" }}\n\
         group_wait = \"50ms\"\nrepeat = \"1s\"\nspool = \"spool\"\n"
    ));
    let (begin, end) = loop_in_two();
    let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--log", "stderr", "-c", &settings]);
    let stdout = filter.stdout.take().unwrap();
    let drained = std::thread::spawn(move || std::io::copy(&mut { stdout }, &mut std::io::sink()).unwrap());
    filter.feed(&begin);

    let alert = until("an alert", || alerts(&address).pop());
    for (label, value) in
        [("alertname", "SeismologLoop"), ("detector", "loop"), ("severity", "warning"), ("cluster", "test")]
    {
        assert_eq!(alert["labels"][label], value, "{alert}");
    }
    assert!(alert["labels"]["module"].is_string(), "{alert}");
    for annotation in ["summary", "description", "evidence", "incident_id", "lines"] {
        assert!(!alert["annotations"][annotation].as_str().unwrap_or_default().is_empty(), "{annotation}: {alert}");
    }
    let told = |status: &str| hook.bodies().into_iter().find(|message| message["status"] == status);
    let message = until("a notification", || told("firing"));
    assert_eq!(message["groupLabels"]["alertname"], "SeismologLoop");
    // An open alert is repeated, because Alertmanager would otherwise consider it resolved.
    let updated = alert["updatedAt"].clone();
    until("a repetition", || alerts(&address).pop().filter(|alert| alert["updatedAt"] != updated));

    // Alertmanager is down while the incident ends.
    let folder = manager.end();
    filter.feed(&end);
    filter.hear("could not be");
    assert!(!filter.heard().contains("lost"), "{}", filter.heard());
    let manager = Server::start_at(ALERTMANAGER, "/-/ready", &address, folder, alertmanager_args(&config, &[]));
    until("the resolution", || told("resolved"));
    drop(filter.stdin.take());
    filter.wait();
    drained.join().unwrap();
    drop(manager);
}

#[test]
fn what_was_not_delivered_before_the_end_is_delivered_by_the_next_start() {
    let address = free_address();
    let (folder, settings) =
        configured(&format!("[[sink]]\ntype = \"alertmanager\"\nurl = \"http://{address}\"\nspool = \"spool\"\n"));
    let spool = folder.path().join("spool");
    let args = ["--no-shipped-rules", "--log", "stderr", "-c", &settings];
    let mut filter = Filter::in_pipes(&args);
    filter.feed(&loop_in_two().0);
    let ended = filter.finish();
    assert_eq!(ended.code, Some(0));
    let kept = std::fs::read_to_string(&spool).unwrap();
    assert!(kept.contains("\"detector\":\"loop\""), "{kept}{}", ended.stderr);

    let config = alertmanager_config(&free_address());
    let manager = Server::start_at(
        ALERTMANAGER,
        "/-/ready",
        &address,
        tempfile::tempdir().unwrap(),
        alertmanager_args(&config, &[]),
    );
    let filter = Filter::in_pipes(&args);
    until("the alert of the run before", || alerts(&address).pop());
    until("an empty spool", || (std::fs::metadata(&spool).unwrap().len() == 0).then_some(()));
    filter.finish().quietly();
    drop(manager);
}

#[test]
fn an_incident_that_is_open_over_a_restart_stays_an_alert() {
    let config = alertmanager_config(&free_address());
    let manager = Server::start(ALERTMANAGER, "/-/ready", alertmanager_args(&config, &[]));
    let (folder, settings) = configured(&format!(
        "[[sink]]\ntype = \"alertmanager\"\nurl = \"http://{}\"\ngroup_wait = \"50ms\"\n",
        manager.address
    ));
    let state = folder.path().join("state").display().to_string();
    let args = ["--no-shipped-rules", "--metrics", "127.0.0.1:0", "--state", &state, "-c", &settings];
    let mut filter = Filter::in_pipes(&args);
    filter.feed(&loop_in_two().0);
    let alert = until("an alert", || alerts(&manager.address).pop());
    filter.finish();

    // No event follows the restart; the alert is sent again all the same, and the page shows it.
    let mut filter = Filter::in_pipes(&args);
    let again = until("the alert again", || {
        alerts(&manager.address).pop().filter(|again| again["updatedAt"] != alert["updatedAt"])
    });
    assert_eq!((&again["labels"], &again["startsAt"]), (&alert["labels"], &alert["startsAt"]));
    let page = json(&crate::metrics::address(&filter), "/api/incidents?state=open");
    assert_eq!(page["incidents"][0]["id"], alert["annotations"]["incident_id"], "{page}");
    filter.feed(&loop_in_two().1);
    until("its end", || alerts(&manager.address).is_empty().then_some(()));
    filter.finish();
    drop(manager);
}

#[test]
fn alertmanager_is_reached_by_tls_and_only_with_its_certificate() {
    let certificates = tempfile::tempdir().unwrap();
    let at = |name: &str| certificates.path().join(name).display().to_string();
    certificate(certificates.path());
    std::fs::write(
        at("web.yml"),
        format!("tls_server_config:\n  cert_file: {}\n  key_file: {}\n", at("cert.pem"), at("key.pem")),
    )
    .unwrap();
    let config = alertmanager_config(&free_address());
    let web = format!("--web.config.file={}", at("web.yml"));
    let address = free_address();
    let args = alertmanager_args(&config, &[&web]);
    // The server speaks TLS only, so the test watches it through the filter's messages.
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(ALERTMANAGER)
        .args(args(&address, folder.path()))
        .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .expect("prometheus-alertmanager is needed here (make tools installs it)");
    until("alertmanager", || std::net::TcpStream::connect(&address).ok());
    let settings = |ca: &str| {
        configured(&format!(
            "[[sink]]\ntype = \"alertmanager\"\nurl = \"https://{address}\"\ngroup_wait = \"0ms\"\n{ca}"
        ))
    };
    let metrics_say = |settings: &str, result: &str| {
        let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--metrics", "127.0.0.1:0", "-c", settings]);
        let metrics = crate::metrics::address(&filter);
        filter.feed(&loop_in_two().0);
        let wanted = format!("seismolog_sink_deliveries_total{{result=\"{result}\",sink=\"alertmanager\"}} ");
        until(result, || {
            let (_, page) = request(&metrics, "GET", "/metrics", None);
            page.lines().find(|line| line.starts_with(&wanted) && !line.ends_with(" 0")).map(str::to_owned)
        });
        filter.finish()
    };
    let (_trusted, trusted) = settings(&format!("ca_file = \"{}\"\n", at("cert.pem")));
    metrics_say(&trusted, "delivered");
    let (_other, other) = settings("");
    let said = metrics_say(&other, "failed").stderr;
    assert!(said.contains("certificate"), "{said}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_webhook_gets_a_templates_text_with_its_token_and_is_tried_again() {
    let hook = Hook::answering(&[503]);
    let (folder, settings) = configured(&format!(
        "[[sink]]\ntype = \"webhook\"\nurl = \"http://{}/services/S3CRET\"\ntoken_file = \"token\"\ngroup_wait = \"0ms\"\n\
         template = '{{\"text\": {{{{ text | tojson }}}}, \"n\": {{{{ count }}}}}}'\n",
        hook.address
    ));
    std::fs::write(folder.path().join("token"), "t0ken\n").unwrap();
    let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--log", "stderr", "-c", &settings]);
    filter.feed(&loop_in_two().0);
    let got = until("two tries", || Some(hook.got()).filter(|got| got.len() >= 2));
    for (head, body) in &got {
        assert!(head.starts_with("POST /services/S3CRET HTTP/1.1"), "{head}");
        assert!(head.to_ascii_lowercase().contains("authorization: bearer t0ken"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert!(body["n"] == 1 && body["text"].as_str().unwrap().starts_with("warning: "), "{body}");
    }
    let ended = filter.finish();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("S3CRET") && !ended.stderr.contains("t0ken"), "{}", ended.stderr);
    let printed = crate::support::run(&["config", "-c", &settings], b"");
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.contains(&format!("http://{}/…", hook.address)), "{printed}");
    assert!(!printed.contains("S3CRET") && !printed.contains("t0ken"), "{printed}");
}

#[test]
fn a_server_that_never_answers_is_never_in_the_way() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_folder, settings) = configured(&format!(
        "[[sink]]\ntype = \"webhook\"\nurl = \"http://{}/\"\ngroup_wait = \"0ms\"\ntimeout = \"5m\"\n",
        silent.local_addr().unwrap()
    ));
    let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--log", "stderr", "-c", &settings]);
    filter.feed(&loop_in_two().0);
    let mut stdout = filter.stdout.take().unwrap();
    let drained = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).unwrap());
    pieces().take(40).for_each(|piece| filter.feed(&piece));
    let begin = Instant::now();
    drop(filter.stdin.take());
    let (status, said) = filter.wait();
    assert!(status.success() && begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert!(drained.join().unwrap() > 10_000_000);
    assert!(said.contains("findings are lost"), "{said}");
}

#[test]
fn a_secret_that_is_missing_is_said_at_the_start() {
    let (_folder, settings) = configured("[[sink]]\ntype = \"webhook\"\nurl_env = \"NO_SUCH_HOOK\"\n");
    let ended = crate::support::run(&["-c", &settings], b"{}\n");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("NO_SUCH_HOOK is not set"), "{}", ended.stderr);
}
