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
        self.requests_with(count, slower, |_| {});
    }

    /// Such requests; `between` is done before each line.
    fn requests_with(&mut self, count: usize, slower: [f64; 3], between: impl Fn(&mut Stream)) {
        for _ in 0..count {
            self.requests += 1;
            self.stream.now += 500;
            let mut total = 0.0;
            for (i, (service, adds)) in SERVICES.iter().enumerate() {
                between(&mut self.stream);
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
        sentence.contains("/chat in gateway is slower") && sentence.contains("db and chat-service are as usual"),
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

/// A restart in the middle of a shift, and of requests: what goes on is what went on, and the outer
/// calls of requests that were on their way are not blamed for what the inner ones took.
#[test]
fn a_restart_amid_slow_requests_goes_on() {
    let [mut whole, mut parts] = [Hops::new(true), Hops::new(true)];
    for hops in [&mut whole, &mut parts] {
        hops.requests(1_500, [0.0; 3]);
        hops.requests(40, [400.0, 0.0, 0.0]);
    }
    whole.requests(2, [400.0, 0.0, 0.0]);
    parts.requests_with(2, [400.0, 0.0, 0.0], Stream::restart);
    for hops in [&mut whole, &mut parts] {
        hops.requests(60, [400.0, 0.0, 0.0]);
        hops.requests(600, [0.0; 3]);
    }
    assert_eq!(parts.modules(), ["db"], "{:#?}", parts.stream.sentences());
    assert_eq!(parts.stream.findings, whole.stream.findings);
    assert_eq!(parts.stream.findings.last().unwrap().state, State::Resolved);
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
                assert!(sentence.contains(&format!("slow calls nothing came after {after}")), "{what}: {sentence}");
            }
            None => assert!(named.is_empty(), "{what}: {named:?}"),
        }
    }
}

/// A module that stands still, and with it one call of each operation that was on its way: one
/// finding, which says what else waited.
#[test]
fn what_stops_a_module_is_one_incident() {
    for stop_ms in [0.0, 3_000.0, 20_000.0] {
        let mut stream = Stream::new();
        let mut calls = |count: usize, waits: f64| {
            for i in 0..count {
                stream.now += 100;
                let took = log_normal(&mut stream.rng, 40.0, 0.4) + waits;
                let members = format!(r#""route":"/r{}","duration_ms":{took:.2}"#, ["a", "b", "c", "d"][i % 4]);
                stream.line_of("shop", stream.now, &members);
            }
        };
        calls(4_000, 0.0);
        calls(4, stop_ms);
        calls(2_000, 0.0);
        let told = usize::from(stop_ms > 0.0);
        assert_eq!(stream.opened(), told, "{stop_ms}: {:#?}", stream.sentences());
        if let Some(last) = stream.findings.last() {
            assert_eq!((last.state, last.own_members()["also"].as_array().map(Vec::len)), (State::Resolved, Some(3)));
            assert!(last.summary.sentence.contains("; so are 3 others, such as /r"), "{}", last.summary);
        }
    }
}

/// Two slow calls of a module that have nothing to do with each other are two.
#[test]
fn slow_calls_of_a_module_minutes_apart_are_told_each() {
    let mut stream = Stream::new();
    for i in 0..6_000_i64 {
        stream.now += 100;
        let slow = i == 4_000 || i == 4_201;
        let took = if slow { 4_000.0 } else { log_normal(&mut stream.rng, 40.0, 0.4) };
        let members = format!(r#""route":"/r{}","duration_ms":{took:.2}"#, ["a", "b"][i as usize % 2]);
        let now = stream.now;
        stream.line_of("shop", now, &members);
    }
    assert_eq!(stream.opened(), 2, "{:#?}", stream.sentences());
}

#[test]
fn one_slow_host_is_one_incident_of_all_operations_of_a_module() {
    for (factor, told) in [(1.0, 0), (3.0, 1), (25.0, 1)] {
        let mut stream = Stream::new();
        for i in 0..16_000_i64 {
            stream.now += 100;
            let slow = i > 8_000 && i % 5 == 2;
            let took = log_normal(&mut stream.rng, 40.0, 0.4) * if slow { factor } else { 1.0 };
            let (host, route) = (i % 5, ["a", "b", "c", "d"][i as usize % 4]);
            let members = format!(r#""route":"/r{route}","host":"node-{host}","duration_ms":{took:.2}"#);
            let now = stream.now;
            stream.line_of("shop", now, &members);
        }
        assert_eq!(stream.opened(), told, "{factor}: {:#?}", stream.sentences());
        if told > 0 {
            // One call far out may come first; it says nothing of its host.
            let host = (factor < 10.0).then_some("node-2");
            assert_eq!(stream.findings[0].key.value("host"), host);
            let last = stream.findings.last().unwrap();
            assert!(last.summary.sentence.contains("; so are 3 others, such as /r"), "{}", last.summary);
        }
    }
}

/// Spans that are exported the outermost first: what is inside joins the incident, which names the
/// innermost.
#[test]
fn where_outer_calls_are_logged_first_one_slow_call_is_one_finding() {
    for (what, slow, named) in
        [("none", None, None), ("the database", Some(0), Some("db")), ("the gateway", Some(2), None)]
    {
        let mut stream = Stream::new();
        for i in 0..2_000_i64 {
            stream.now += 1_000;
            let mut own = SERVICES.map(|(_, adds)| log_normal(&mut stream.rng, adds, 0.3));
            if let Some(slow) = slow.filter(|_| i == 1_700) {
                own[slow] += 9_000.0;
            }
            for outermost in (0..3).rev() {
                let took: f64 = own[..=outermost].iter().sum();
                let members = format!(r#""route":"/chat","trace_id":"t{i}","duration_ms":{took:.2}"#);
                let now = stream.now - outermost as i64;
                stream.line_of(SERVICES[outermost].0, now, &members);
            }
        }
        assert_eq!(stream.opened(), usize::from(slow.is_some()), "{what}: {:#?}", stream.sentences());
        let told = stream.findings.iter().map(|finding| finding.summary.sentence.as_str()).next_back();
        let says = |sentence: &str| named.is_none_or(|named| sentence.contains(&format!(", such as {named}")));
        assert!(told.is_none_or(says), "{what}: {told:?}");
    }
}

/// A service asks several others at once and waits for the slowest: where all of them become slow,
/// each is, and by as much as it is; the one that asked is not.
#[test]
fn calls_beside_each_other_are_each_judged_by_their_own() {
    for (what, slower, told) in [
        ("none", [0.0; 3], vec![]),
        ("one", [0.0, 400.0, 0.0], vec!["shard-1"]),
        ("all", [400.0; 3], vec!["shard-0", "shard-1", "shard-2"]),
    ] {
        let mut stream = Stream::new();
        for i in 0..2_000_i64 {
            stream.now += 1_000;
            let slow = i >= 1_500;
            let mut calls: Vec<(f64, String)> = (0..3)
                .map(|shard| {
                    let took = log_normal(&mut stream.rng, 40.0, 0.3) + if slow { slower[shard] } else { 0.0 };
                    (took, format!("shard-{shard}"))
                })
                .collect();
            calls.sort_by(|a, b| a.0.total_cmp(&b.0));
            let outer = calls[2].0 + log_normal(&mut stream.rng, 20.0, 0.3);
            calls.push((outer, "gateway".into()));
            for (took, module) in calls {
                let members = format!(r#""route":"/find","trace_id":"t{i}","duration_ms":{took:.2}"#);
                let now = stream.now + took as i64;
                stream.line_of(&module, now, &members);
            }
        }
        let mut modules: Vec<_> =
            stream.opened_keys().iter().map(|key| key.value("module").unwrap_or_default().to_owned()).collect();
        modules.sort_unstable();
        assert_eq!(modules, told, "{what}: {:#?}", stream.sentences());
        for last in stream.findings.iter().filter(|finding| finding.count > 100) {
            assert!(last.measured.observed > 400.0, "{what}: {}", last.summary);
        }
    }
}
