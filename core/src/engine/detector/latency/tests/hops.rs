//! Which hop: the same path in several services, and calls inside of calls.

use super::*;

/// A request that goes through three services, which log the innermost first.
struct Hops {
    stream: Stream,
    /// True where the lines have trace ids.
    traced: bool,
    requests: usize,
}

/// The services, the innermost first, with what each adds, in milliseconds.
const SERVICES: [(&str, f64); 3] = [("db", 20.0), ("chat-service", 60.0), ("gateway", 40.0)];

impl Hops {
    fn new(traced: bool) -> Self {
        Self { stream: Stream::new(), traced, requests: 0 }
    }

    /// Requests, at each of which a service takes `slower` milliseconds longer than it does.
    fn requests(&mut self, count: usize, slower: [f64; 3]) {
        for _ in 0..count {
            self.requests += 1;
            self.stream.now += 500;
            let mut total = 0.0;
            for (i, (service, adds)) in SERVICES.iter().enumerate() {
                total += log_normal(&mut self.stream.rng, *adds, 0.4) + slower[i];
                let trace = if self.traced { format!(r#","trace_id":"t{}""#, self.requests) } else { String::new() };
                let members = format!(r#""route":"/chat","duration_ms":{total:.2}{trace}"#);
                let time = self.stream.now + i as i64;
                self.stream.line_of(service, time, &members);
            }
        }
    }

    fn modules(&self) -> Vec<&str> {
        self.stream.opened_keys().iter().map(|key| key.value("module").unwrap_or_default()).collect()
    }
}

#[test]
fn one_slow_hop_is_one_finding_at_the_innermost_that_grew() {
    for (what, slower, told) in [
        ("none", [0.0; 3], vec![]),
        ("the gateway", [0.0, 0.0, 400.0], vec!["gateway"]),
        ("the service", [0.0, 400.0, 0.0], vec!["chat-service"]),
        ("the database", [400.0, 0.0, 0.0], vec!["db"]),
    ] {
        let mut hops = Hops::new(true);
        hops.requests(1_500, [0.0; 3]);
        hops.requests(300, slower);
        hops.requests(600, [0.0; 3]);
        assert_eq!(hops.modules(), told, "{what}: {:#?}", hops.stream.sentences());
        let last = hops.stream.findings.last().map(|finding| finding.state);
        assert_eq!(last, (!told.is_empty()).then_some(State::Resolved), "{what}");
    }
}

#[test]
fn what_is_as_usual_is_said() {
    let mut hops = Hops::new(true);
    hops.requests(1_500, [0.0; 3]);
    hops.requests(100, [0.0, 0.0, 400.0]);
    let open = &hops.stream.findings[0];
    let sentence = &open.summary.sentence;
    assert!(
        sentence.contains(" of /chat in gateway") && sentence.contains("db and chat-service are as usual"),
        "{sentence}"
    );
    assert_eq!(open.own_members()["as_usual"], serde_json::json!(["db", "chat-service"]));
}

#[test]
fn two_hops_that_grow_by_themselves_are_both_told() {
    let mut hops = Hops::new(true);
    hops.requests(1_500, [0.0; 3]);
    hops.requests(200, [400.0, 0.0, 900.0]);
    let mut told = hops.modules();
    told.sort_unstable();
    assert_eq!(told, ["db", "gateway"]);
}

/// What is kept of an inner operation must not end when its new level becomes its baseline.
#[test]
fn a_new_normal_of_the_inner_hop_is_no_news_of_the_outer() {
    let mut hops = Hops::new(true);
    hops.requests(1_500, [0.0; 3]);
    hops.requests(2 * 7_200 + 3_000, [400.0, 0.0, 0.0]);
    assert_eq!(hops.modules(), ["db"], "{:#?}", hops.stream.sentences());
}

#[test]
fn without_traces_each_module_has_its_own_durations() {
    let mut hops = Hops::new(false);
    hops.requests(1_500, [0.0; 3]);
    assert_eq!(hops.stream.findings, []);
    hops.requests(200, [0.0, 0.0, 400.0]);
    assert_eq!(hops.modules(), ["gateway"]);
    // Metrics show the operation, whatever its modules.
    let shown = hops.stream.engine.operation_quantiles(9);
    assert_eq!((shown.len(), shown[0].operation.as_str(), shown[0].count), (1, "/chat", 5_100));
}

#[test]
fn operations_of_a_module_that_become_slow_together_are_one_incident() {
    let mut stream = Stream::new();
    let mut calls = |count: usize, factor: f64| {
        for i in 0..count {
            stream.now += 100;
            let took = log_normal(&mut stream.rng, 40.0, 0.4) * factor;
            let members = format!(r#""route":"/r{}","duration_ms":{took:.2}"#, ["a", "b", "c", "d"][i % 4]);
            stream.line_of("shop", stream.now, &members);
        }
    };
    calls(4_000, 1.0);
    calls(800, 3.0);
    calls(4_000, 1.0);
    assert_eq!(stream.opened(), 1, "{:#?}", stream.sentences());
    let last = stream.findings.last().unwrap();
    assert_eq!(last.state, State::Resolved);
    assert_eq!(last.own_members()["also"].as_array().map(Vec::len), Some(3), "{}", last.summary);
    assert!(last.summary.sentence.contains("; so are 3 others, such as /r"), "{}", last.summary);
}

/// A request that the gateway gives up after ten seconds, because a service never answers: `lines`
/// are the modules that log something for it, and whether they say how long it took.
fn timed_out(gateway_ms: f64, usual: &[(&str, bool)], late: &[(&str, bool)]) -> Stream {
    let mut stream = Stream::new();
    for i in 0..1_200_i64 {
        stream.now += 1_000;
        let hangs = i >= 1_000 && i % 3 == 0;
        for (module, done) in if hangs { late } else { usual } {
            let took = log_normal(&mut stream.rng, 20.0, 0.3);
            let duration = if *done { format!(r#","duration_ms":{took:.2}"#) } else { String::new() };
            let now = stream.now;
            stream.line_of(module, now, &format!(r#""route":"/pay","trace_id":"t{i}","message":"a line"{duration}"#));
        }
        let took = if hangs { gateway_ms } else { log_normal(&mut stream.rng, 60.0, 0.3) };
        let now = stream.now + 1;
        stream.line_of("gateway", now, &format!(r#""route":"/pay","trace_id":"t{i}","duration_ms":{took:.2}"#));
    }
    stream
}

#[test]
fn of_requests_that_time_out_the_hop_after_which_nothing_came_is_named() {
    for (what, usual, late, after) in [
        (
            "a database hangs",
            vec![("orders", false), ("db", true), ("orders", true)],
            vec![("orders", false)],
            Some("orders"),
        ),
        (
            "a service hangs",
            vec![("chat", false), ("orders", true), ("chat", true)],
            vec![("chat", false)],
            Some("chat"),
        ),
        ("the last of three", vec![("a", true), ("b", true), ("c", true)], vec![("a", true), ("b", true)], Some("b")),
        ("the gateway itself", vec![("orders", true)], vec![("orders", true)], None),
        ("nothing is called", vec![], vec![], None),
    ] {
        let stream = timed_out(10_000.0, &usual, &late);
        let told = stream.findings.iter().filter(|finding| finding.key.value("module") == Some("gateway"));
        let told: Vec<_> = told.filter(|finding| finding.state != State::Resolved).collect();
        assert!(told.iter().filter(|finding| finding.state == State::Open).count() >= 1, "{what}: {:?}", stream.said());
        let named: Vec<_> = told
            .iter()
            .filter_map(|finding| finding.own_members().get("stopped_after")?.as_str().map(str::to_owned))
            .collect();
        match after {
            Some(after) => {
                assert!(
                    !named.is_empty() && named.iter().all(|named| named == after),
                    "{what}: {:#?}",
                    stream.sentences()
                );
                let sentence = &told.last().unwrap().summary.sentence;
                assert!(sentence.contains(&format!("slow ones nothing came after {after}")), "{what}: {sentence}");
            }
            None => assert!(named.is_empty(), "{what}: {named:?}"),
        }
    }
}
