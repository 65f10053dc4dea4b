//! Tests the dashboards and alerting rules with a real Prometheus that scrapes a filter under the
//! demo's load: every query is valid and, if the demo has the data, returns something.

use crate::metrics::address;
use crate::servers::{Server, free_address, json, request};
use crate::support::{Filter, command, configured, root, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

const BOARDS: [&str; 2] = ["overview", "detail"];

fn board(name: &str) -> Value {
    let path = root().join(format!("dashboards/grafana/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Title and query of every panel and annotation.
fn queries(board: &Value) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push((panel["title"].as_str().unwrap().to_owned(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    for annotation in board["annotations"]["list"].as_array().unwrap() {
        if let Some(expr) = annotation["expr"].as_str() {
            queries.push((annotation["name"].as_str().unwrap().to_owned(), expr.to_owned()));
        }
    }
    queries
}

#[test]
fn boards_keep_to_the_conventions() {
    let mut uids = BTreeSet::new();
    for name in BOARDS {
        let board = board(name);
        assert!(uids.insert(board["uid"].as_str().unwrap().to_owned()), "the uid of {name} is taken");
        assert!(board.get("id").is_none(), "{name} has an id of some Grafana's own");
        assert_eq!(board["editable"], false, "{name}: what is changed in Grafana is lost with the next file");
        let variables = board["templating"]["list"].as_array().unwrap();
        let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
        let labels: Vec<_> = variables.iter().map(|variable| variable["label"].as_str().unwrap()).collect();
        assert_eq!(names, ["datasource", "job", "instance"], "{name}");
        assert_eq!(labels, ["Data source", "Job", "Instance"], "{name}");
        for variable in &variables[1..] {
            assert!(variable["multi"] == true && variable["allValue"] == ".+", "{name}: {variable}");
            assert_eq!(variable["datasource"]["uid"], "${datasource}", "{name}");
            assert_eq!(variable["refresh"], 2, "{name}: asks again when the range of time changes");
        }
        let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
        for panel in board["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: {title} has another panel's id");
            let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
            assert!(place("x") + place("w") <= 24, "{name}: {title} is too wide");
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(places.insert((x, y)), "{name}: {title} lies on another panel");
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(!title.is_empty() && panel["description"].as_str().unwrap().ends_with('.'), "{name}: {title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: {title} has no unit");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{name}: {title} asks nothing");
        }
        for (title, query) in queries(&board) {
            let (series, matched) =
                (query.matches('{').count(), query.matches("job=~\"$job\", instance=~\"$instance\"").count());
            assert!(series == matched && series > 0, "{name}: {title} does not keep to job and instance: {query}");
            for counter in query.split('{').filter_map(|before| before.strip_suffix("_total")) {
                let call = counter.rsplit('(').nth(1).unwrap_or_default();
                assert!(call.ends_with("rate") || call.ends_with("increase"), "{name}: {title}: {query}");
            }
            let fixed = query.matches("[24h]").count();
            assert_eq!(
                query.matches('[').count(),
                query.matches("[$__rate_interval]").count() + fixed,
                "{name}: {title}: {query}"
            );
        }
        assert!(!board.to_string().contains("DS_PROMETHEUS"), "{name} works only in the import dialogue");
    }
}

/// `tests/tools/grafana/board.ts` describes boards with the types of `@grafana/schema`; tsc checks
/// each board.
#[test]
fn boards_are_what_grafanas_own_types_want() {
    let tools = root().join("target/tools/grafana");
    // tsc looks for modules relative to the files, so the files are placed in the tools' folder.
    let folder = tempfile::tempdir_in(&tools)
        .unwrap_or_else(|error| panic!("Grafana's types are needed here (make tools installs them): {error}"));
    std::fs::copy(root().join("tests/tools/grafana/board.ts"), folder.path().join("board.ts")).unwrap();
    let judged = |name: &str, board: &Value| {
        let module =
            format!("import type {{ Board }} from \"./board\";\nexport const board = {board:#} satisfies Board;\n");
        let path = folder.path().join(format!("{name}.ts"));
        std::fs::write(&path, module).unwrap();
        let said = Command::new(tools.join("node_modules/.bin/tsc"))
            .args(["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext"])
            .args(["--moduleResolution", "bundler"])
            .arg(&path)
            .output()
            .unwrap_or_else(|error| panic!("tsc is needed here (make tools installs it): {error}"));
        (said.status.success(), String::from_utf8_lossy(&said.stdout).into_owned())
    };
    for name in BOARDS {
        let (good, said) = judged(name, &board(name));
        assert!(good, "{said}");
    }
    // The check must also refuse wrong boards.
    for (at, value) in [
        ("/panels/8/fieldConfig/defaults/custom/drawStyle", "bar"),
        ("/panels/1/options/graphMode", "sparkline"),
        ("/annotations/list/1/enable", "yes"),
    ] {
        let mut board = board("overview");
        *board.pointer_mut(at).unwrap() = value.into();
        let (good, said) = judged("wrong", &board);
        assert!(!good && said.contains("is not assignable to"), "{at} = {value} passes: {said}");
    }
}

#[test]
fn promtool_is_content_with_the_rules_and_their_tests() {
    for args in [["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]] {
        let folder = root().join("dashboards/prometheus");
        let said = Command::new("promtool").args(args).current_dir(folder).output();
        let said = said.unwrap_or_else(|error| panic!("promtool is needed here (make tools installs it): {error}"));
        assert!(
            said.status.success(),
            "{}{}",
            String::from_utf8_lossy(&said.stdout),
            String::from_utf8_lossy(&said.stderr)
        );
    }
}

/// A demo stream with faults of all kinds.
fn demo() -> Vec<u8> {
    let output = command(&["demo", "--emit", "--faults", "all", "--minutes", "40"]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn encoded(query: &str) -> String {
    query
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Prometheus' response to a query.
fn answer(prometheus: &str, query: &str) -> Vec<Value> {
    let answer = json(prometheus, &format!("/api/v1/query?query={}", encoded(query)));
    assert_eq!(answer["status"], "success", "{query}: {answer}");
    answer["data"]["result"].as_array().unwrap().clone()
}

#[test]
fn prometheus_answers_every_query_of_a_filter_under_load() {
    let (_folder, settings) = configured(&format!(
        "[[sink]]\ntype = \"webhook\"\nurl = \"http://{}/\"\ngroup_wait = \"0ms\"\n",
        // Nothing listens there, so deliveries fail.
        free_address()
    ));
    let mut filter = Filter::in_pipes(&["--metrics", "127.0.0.1:0", "-c", &settings]);
    let target = address(&filter);
    let rules = root().join("dashboards/prometheus/rules.yml");
    let prometheus = Server::start("prometheus", "/-/ready", |address, folder| {
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [ {} ]\n\
             scrape_configs:\n  - job_name: logs\n    static_configs: [ {{ targets: [ \"{target}\" ] }} ]\n",
            rules.display()
        );
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        vec![
            format!("--config.file={}", folder.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address={address}"),
            "--enable-feature=exemplar-storage".to_owned(),
        ]
    });
    let at = prometheus.address.clone();
    until("a first scrape", || answer(&at, "seismolog_build_info").pop());

    // The stream is fed in parts with a scrape after each, so that rates can be computed.
    let mut stdout = filter.stdout.take().unwrap();
    let drained = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).unwrap());
    let stream = demo();
    let parts: Vec<_> = stream.chunks(stream.len().div_ceil(6)).collect();
    let mut fed = 0.0;
    for (i, part) in parts.iter().enumerate() {
        if i == parts.len() / 2 {
            // Metrics of modules are updated every few seconds; what follows the first update is an
            // increase.
            until("a scrape of modules", || answer(&at, "seismolog_module_errors_total > 0").pop());
        }
        filter.feed(part);
        fed += part.len() as f64;
        until("a scrape of what was fed", || {
            let value = answer(&at, "seismolog_read_bytes_total").pop()?["value"][1].as_str()?.parse::<f64>().ok()?;
            // The last line of a part stays in the filter until its end arrives.
            (value > fed - 10_000.0).then_some(())
        });
    }

    // Prometheus could parse the format that it requested.
    let targets = json(&at, "/api/v1/targets");
    assert_eq!(targets["data"]["activeTargets"][0]["health"], "up", "{targets}");
    let exemplars = json(&at, "/api/v1/query_exemplars?query=seismolog_findings_total&start=0&end=99999999999");
    assert!(exemplars.to_string().contains("incident_id"), "no exemplar: {exemplars}");

    for (title, query) in BOARDS.iter().flat_map(|name| queries(&board(name))) {
        let query = query.replace("$job", ".+").replace("$instance", ".+").replace("$__rate_interval", "5m");
        let found = answer(&at, &query);
        if found.is_empty() {
            // Metrics that are updated every few seconds have a rate only after two scrapes of
            // them.
            until(&format!("{title} to show something: {query}"), || answer(&at, &query).pop());
        }
    }

    let groups = until("an evaluation of every rule", || {
        let groups = json(&at, "/api/v1/rules")["data"]["groups"].as_array().unwrap().clone();
        let mut rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        rules.all(|rule| rule["health"] != "unknown").then_some(groups)
    });
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        assert_eq!(rule["health"], "ok", "{rule}");
        answer(&at, rule["query"].as_str().unwrap());
    }
    for alert in ["SeismologLoop", "SeismologErrorBurst", "SeismologCriticalIncident"] {
        until(alert, || answer(&at, &format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}")).pop());
    }

    promtool_says_nothing(&target);
    drop(filter.stdin.take());
    filter.wait();
    assert!(drained.join().unwrap() > 0);
    drop(prometheus);
}

/// Runs `promtool check metrics` on a filter that has counted everything.
fn promtool_says_nothing(target: &str) {
    let (_, page) = request(target, "GET", "/metrics", None);
    let input = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(input.path(), &page).unwrap();
    let said =
        Command::new("promtool").args(["check", "metrics"]).stdin(crate::support::open(input.path())).output().unwrap();
    let text = [said.stdout, said.stderr].concat();
    assert!(said.status.success() && text.is_empty(), "{}\nof\n{page}", String::from_utf8_lossy(&text));
}
