//! Tests the page and the HTML report in a real browser: Chromium, driven by chromedriver.

use crate::metrics::address;
use crate::servers::{Server, request};
use crate::support::{Filter, command, golden_input, until};
use serde_json::{Value, json};

/// A browser with one window.
struct Browser {
    driver: Server,
    session: String,
}

impl Browser {
    fn open(width: u32, height: u32) -> Self {
        let driver = Server::start("chromedriver", "/status", |address, _| {
            vec![format!("--port={}", address.rsplit(':').next().unwrap())]
        });
        let profile = driver.folder.path().join("profile");
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", format!("--window-size={width},{height}"),
                format!("--user-data-dir={}", profile.display()),
            ]},
        }}});
        let (status, body) = request(&driver.address, "POST", "/session", Some(&capabilities.to_string()));
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, 200, "chromium (make tools installs it) cannot be started: {answer}");
        Self { session: answer["value"]["sessionId"].as_str().unwrap().to_owned(), driver }
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{name}", self.session);
        let (status, answer) = request(&self.driver.address, "POST", &path, Some(&body.to_string()));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(status, 200, "{name} {body}: {answer}");
        answer["value"].clone()
    }

    fn load(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// The return value of a script.
    fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    fn text(&self, selector: &str) -> String {
        let text = self.run(&format!("return document.querySelector({selector:?})?.textContent ?? ''"));
        text.as_str().unwrap_or_default().to_owned()
    }

    fn count(&self, selector: &str) -> u64 {
        self.run(&format!("return document.querySelectorAll({selector:?}).length")).as_u64().unwrap()
    }

    /// Clicks where a person would click.
    fn click(&self, selector: &str) {
        let element = self.command("element", &json!({"using": "css selector", "value": selector}));
        let id = element.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.command(&format!("element/{id}/click"), &json!({}));
    }

    fn press(&self, key: &str) {
        let actions = json!([{"type": "key", "id": "k", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]);
        self.command("actions", &json!({ "actions": actions }));
    }

    /// Asserts that the browser logged no error and that every control has an accessible name.
    fn assert_sound(&self) {
        let log = self.command("se/log", &json!({"type": "browser"}));
        assert_eq!(log, json!([]), "the browser complains");
        let nameless = self.run(
            "return [...document.querySelectorAll('button, a, input, select, summary')]\
             .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label'))).map((e) => e.outerHTML)",
        );
        assert_eq!(nameless, json!([]), "without a name");
        let wide = self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wide, json!(0), "the page scrolls sideways");
        assert_eq!(
            self.run("return document.images.length + document.querySelectorAll('[src^=http]').length"),
            json!(0)
        );
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is a child of chromedriver, which ends it with the session.
        let path = format!("/session/{}", self.session);
        let _ = crate::servers::try_request(&self.driver.address, "DELETE", &path, None);
    }
}

#[test]
fn the_page_shows_an_incident_with_its_lines_and_a_new_one_as_it_opens() {
    let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--metrics", "127.0.0.1:0"]);
    let address = address(&filter);
    let browser = Browser::open(1400, 1000);
    browser.load(&format!("http://{address}/"));
    until("the page", || (browser.text("#live") == "live").then_some(()));
    assert_eq!(browser.text("#verdict"), "Waiting for events");
    assert!(browser.text("#list").contains("No incident so far"));

    let mut stdout = filter.stdout.take().unwrap();
    let drained = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).unwrap());
    filter.feed(&golden_input("loop_open_at_the_end"));
    // The page is not reloaded: it gets the incident as news.
    until("the incident", || (browser.count("#list .incident") == 1).then_some(()));
    assert_eq!(browser.text("#verdict"), "1 warning incident open");
    assert!(browser.text("#announce").starts_with("New warning incident: loop in "), "{}", browser.text("#announce"));

    browser.click("#list .incident > button");
    until("its lines", || (browser.count("#list .incident .lines li") > 0).then_some(()));
    let detail = browser.text("#list .incident .detail");
    assert_eq!(browser.text("#list .group"), "Open now");
    let plain = ["What it means", "The same few lines go round and round", "Next step", "Check what module "];
    for part in plain.into_iter().chain(["module ", "observed", "expected", "p value", "The event that showed it"]) {
        assert!(detail.contains(part), "no {part} in {detail}");
    }
    let expanded = browser.run("return document.querySelector('#list .incident button').getAttribute('aria-expanded')");
    assert_eq!(expanded, "true");
    browser.assert_sound();

    // Uses the keyboard to search for something that has no match, then clears the search.
    browser.press("/");
    "qqq".chars().for_each(|key| browser.press(&key.to_string()));
    until("no match", || browser.text("#list").contains("No incident like that").then_some(()));
    browser.run("const w = document.querySelector('#words'); w.value = ''; w.dispatchEvent(new Event('input'));");
    until("all again", || (browser.count("#list .incident") == 1).then_some(()));

    // The incident ends, and the page shows that.
    let (open, all) = (golden_input("loop_open_at_the_end"), golden_input("loop_opens_goes_on_resolves"));
    filter.feed(&all[open.len()..]);
    until("the end", || (browser.count("#list .incident.ended") == 1).then_some(()));
    assert_eq!(browser.text("#verdict"), "Nothing is wrong now");
    // Opened details stay open; a list of a single kind has no headings.
    assert_eq!((browser.count("#list .incident .detail"), browser.count("#list .group")), (1, 0));

    drop(filter.stdin.take());
    filter.wait();
    drained.join().unwrap();
    until("the page to say that nobody answers", || browser.text("#live").contains("does not answer").then_some(()));
}

/// A rule that opens one incident for each user.
const EACH: &str = "const RULE = #{ key: [\"user\"], cooldown: \"5m\" };\nfn on_event(e) {\n    \
                    finding(#{ summary: `user ${e.user} cannot pay` });\n}\n";

#[test]
fn in_a_storm_the_list_keeps_its_length_and_what_is_read_stays() {
    let rules = tempfile::tempdir().unwrap();
    std::fs::write(rules.path().join("each.rhai"), EACH).unwrap();
    let rules = rules.path().to_str().unwrap();
    let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--rules", rules, "--metrics", "127.0.0.1:0"]);
    let address = address(&filter);
    let mut stdout = filter.stdout.take().unwrap();
    let drained = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).unwrap());
    let users = |from: usize, to: usize| -> String {
        let event = |i| format!("{{\"time\":\"2026-03-02T08:00:00Z\",\"user\":\"u{i}\"}}\n");
        (from..to).map(event).collect()
    };
    filter.feed(users(0, 450).as_bytes());
    let browser = Browser::open(1400, 1000);
    browser.load(&format!("http://{address}/"));
    until("all of them", || (browser.text("#matched") == "450 incidents").then_some(()));
    assert_eq!(browser.count("#list .incident"), 100);
    browser.run("document.querySelector('#more').click()");
    until("more of them", || (browser.count("#list .incident") == 200).then_some(()));
    browser.run("document.querySelector('#list .incident:last-child > button').click()");
    until("the last one's lines", || (browser.count("#list .detail") == 1).then_some(()));

    // First a few incidents, which arrive one by one as news, then more than one news message
    // holds.
    for (from, to) in [(450, 470), (470, 700)] {
        filter.feed(users(from, to).as_bytes());
        until("the news", || (browser.text("#matched") == format!("{to} incidents")).then_some(()));
        let newest = format!("user u{} cannot pay", to - 1);
        until("the newest on top", || (browser.text("#list .what") == newest).then_some(()));
        let rows = browser.count("#list .incident");
        assert!((200..=220).contains(&rows), "{rows}");
    }
    browser.assert_sound();
    drop(filter.stdin.take());
    filter.wait();
    drained.join().unwrap();
}

#[test]
fn the_report_opens_from_a_file_and_its_marks_lead_to_its_incidents() {
    let folder = tempfile::tempdir().unwrap();
    let (log, report) = (folder.path().join("shop <b>.ndjson"), folder.path().join("report.html"));
    let demo = command(&["demo", "--emit", "--faults", "all", "--minutes", "40"]).output().unwrap();
    let hostile = "{\"timestamp\":\"2026-03-02T08:00:01Z\",\"level\":\"ERROR\",\"module\":\"<img src=x onerror=alert(1)>\",\
                   \"message\":\"GLM-1024 <script>document.title='broken'</script> &amp;\"}\n";
    std::fs::write(&log, [hostile.as_bytes(), &demo.stdout].concat()).unwrap();
    let args = ["replay", "--report", report.to_str().unwrap(), log.to_str().unwrap()];
    assert!(command(&args).output().unwrap().status.success());
    let text = std::fs::read_to_string(&report).unwrap();
    assert!(!text.contains("<script") && !text.contains("<img"), "what the log says has become markup");

    let browser = Browser::open(400, 900);
    browser.load(&format!("file://{}", report.display()));
    assert!(browser.run("return document.title").as_str().unwrap().contains("shop <b>.ndjson"));
    assert!(browser.text("h1").contains("incident"), "{}", browser.text("h1"));
    let incidents = browser.count("details.incident");
    assert!(incidents > 3 && browser.count("svg.chart a") > 0, "{incidents}");
    let led = browser.run(
        "const mark = document.querySelector('svg.chart a'); location.hash = mark.getAttribute('href');\
         return document.querySelector(':target') !== null",
    );
    assert_eq!(led, json!(true));
    browser.click("details.incident:not([open]) > summary");
    browser.assert_sound();
}
