//! Tests what chat services are sent and how their answers are read, which findings a sink takes,
//! and test messages.

use crate::alerts::loop_in_two;
use crate::servers::{Hook, request};
use crate::support::{Ended, Filter, configured, root, run, until};
use serde_json::Value;
use std::path::Path;

/// Runs a filter with this configuration on a stream with a loop that opens, until `is_done`.
fn filtered(settings: &str, is_done: impl Fn(&str) -> bool) -> Ended {
    let args = ["--no-shipped-rules", "--log", "stderr", "--metrics", "127.0.0.1:0", "-c", settings];
    let mut filter = Filter::in_pipes(&args);
    let metrics = crate::metrics::address(&filter);
    filter.feed(&loop_in_two().0);
    until("the metrics of the sinks", || is_done(&request(&metrics, "GET", "/metrics", None).1).then_some(()));
    filter.finish()
}

fn delivered(result: &str, sink: &str, count: u64) -> impl Fn(&str) -> bool {
    let line = format!("seismolog_sink_deliveries_total{{result=\"{result}\",sink=\"{sink}\"}} {count}");
    move |metrics| metrics.lines().any(|known| known == line)
}

fn webhook(address: &str, more: &str) -> String {
    format!("[[sink]]\ntype = \"webhook\"\nurl = \"http://{address}/hook\"\ngroup_wait = \"0ms\"\n{more}")
}

#[test]
fn a_service_is_told_in_its_own_way_and_by_its_own_answer() {
    for (format, ok, place) in [
        ("slack", "ok", "/blocks/0/text/text"),
        ("wecom", "{\"errcode\":0,\"errmsg\":\"ok\"}", "/markdown/content"),
        ("dingtalk", "{\"errcode\":0,\"errmsg\":\"ok\"}", "/markdown/text"),
        ("feishu", "{\"code\":0,\"msg\":\"success\"}", "/card/header/title/content"),
        ("json", "", "/title"),
    ] {
        let hook = Hook::saying(&[], ok);
        let more = format!("format = \"{format}\"\nenvironment = \"shop\"\n[metrics]\npage_url = \"http://page/\"\n");
        let (_folder, settings) = configured(&webhook(&hook.address, &more));
        filtered(&settings, delivered("delivered", "webhook", 1));
        let body = hook.bodies().remove(0);
        let told = body.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{format}: {body}"));
        assert!(told.contains("warning: ") || told.contains(" the same "), "{format}: {told}");
        let whole = body.to_string();
        for part in ["shop", "http://page/#"] {
            assert!(whole.contains(part) || format == "json", "{format}, {part}: {whole}");
        }
    }
}

#[test]
fn a_message_that_is_refused_in_an_answer_of_200_is_no_delivery() {
    let refusal = (200, "{\"errcode\":93000,\"errmsg\":\"invalid webhook url\"}");
    for more in ["format = \"wecom\"\n", "template = '{\"text\": {\"content\": {{ text | tojson }}}}'\n"] {
        let hook = Hook::saying(&[refusal], "{\"errcode\":0}");
        let (_folder, settings) = configured(&webhook(&hook.address, more));
        let said = filtered(&settings, delivered("refused", "webhook", 1)).stderr;
        assert!(
            said.contains("errcode 93000: invalid webhook url") && said.contains("copy the address anew"),
            "{said}"
        );
        assert_eq!(hook.got().len(), 1, "what is refused is not sent again");
    }
}

#[test]
fn a_service_that_is_busy_is_told_again() {
    let hook = Hook::saying(&[(200, "{\"errcode\":-1,\"errmsg\":\"system busy\"}")], "{\"errcode\":0}");
    let (_folder, settings) = configured(&webhook(&hook.address, "format = \"wecom\"\n"));
    let said = filtered(&settings, delivered("delivered", "webhook", 1)).stderr;
    assert_eq!(hook.got().len(), 2);
    assert!(said.contains("system busy") && !said.contains("lost"), "{said}");
}

#[test]
fn feishu_says_with_a_status_of_400_that_there_were_too_many() {
    let answers =
        [(400, "{\"code\":11232,\"msg\":\"frequency limited\"}"), (400, "{\"code\":19001,\"msg\":\"param invalid\"}")];
    let hook = Hook::saying(&answers, "{\"code\":0}");
    let (_folder, settings) = configured(&webhook(&hook.address, "format = \"feishu\"\n"));
    for wanted in ["sent again later", "would be lost"] {
        let (code, said) = tried(&settings, "webhook", &[]);
        assert!(code == Some(1) && said.contains("400") && said.contains(wanted), "{wanted}: {said}");
    }
    assert_eq!(tried(&settings, "webhook", &[]).0, Some(0));
}

#[test]
fn each_sink_takes_what_its_filters_let_pass() {
    let (all, others, named) = (Hook::answering(&[]), Hook::answering(&[]), Hook::answering(&[]));
    let (folder, settings) = configured(&format!(
        "{}{}{}[[sink]]\ntype = \"file\"\npath = \"kept\"\nmodule = [\"*\"]\ndetector = [\"l??p\"]\n\
         [[sink]]\ntype = \"file\"\npath = \"none\"\nrule = [\"*\"]\n",
        webhook(&others.address, "detector = [\"silence\", \"novelty\"]\n"),
        webhook(&named.address, "name = \"loops\"\ndetector = [\"loop\"]\nkey = [\"module=*\"]\n"),
        webhook(&all.address, ""),
    ));
    let (third, second) = (delivered("delivered", "webhook_3", 1), delivered("delivered", "loops", 1));
    filtered(&settings, |metrics| third(metrics) && second(metrics));
    assert_eq!((all.got().len(), named.got().len(), others.got().len()), (1, 1, 0));
    let lines = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap().lines().count();
    assert!(lines("kept") > 0 && lines("none") == 0);
}

fn tried(settings: &str, name: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut args = vec!["alert", "test", name, "-c", settings];
    args.extend(more);
    let Ended { stdout, stderr, code } = run(&args, b"");
    (code, format!("{}{stderr}", String::from_utf8(stdout).unwrap()))
}

#[test]
fn a_test_message_says_that_it_is_one_and_what_was_answered() {
    let slack = Hook::saying(&[(200, "ok"), (404, "no_service"), (503, "")], "ok");
    let manager = Hook::answering(&[]);
    let (folder, settings) = configured(&format!(
        "{}[[sink]]\ntype = \"alertmanager\"\nurl = \"http://{}\"\nmin_severity = \"critical\"\n\
         [[sink]]\ntype = \"file\"\npath = \"kept\"\n",
        webhook(&slack.address, "format = \"slack\"\nname = \"on-call\"\ndetector = [\"loop\"]\n"),
        manager.address
    ));
    let (code, said) = tried(&settings, "on-call", &[]);
    assert_eq!(code, Some(0), "{said}");
    for part in ["on-call (webhook http://", "this is a test of the sink on-call", "it answered: 200", ": ok"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(slack.got()[0].1.contains("nothing has happened"), "{:?}", slack.got());
    let (code, said) = tried(&settings, "on-call", &["--severity", "critical"]);
    assert!(code == Some(1) && said.contains("404") && said.contains("no_service"), "{said}");
    assert!(said.contains("would be lost"), "{said}");
    assert!(slack.got()[1].1.contains("red_circle"), "{:?}", slack.got());
    let (code, said) = tried(&settings, "on-call", &[]);
    assert!(code == Some(1) && said.contains("503") && said.contains("sent again later"), "{said}");

    assert_eq!(tried(&settings, "alertmanager", &[]).0, Some(0));
    let alert = &manager.bodies()[0][0];
    assert_eq!(alert["labels"]["alertname"], "SeismologTest", "{alert}");
    let (code, said) = tried(&settings, "file", &[]);
    assert!(code == Some(0) && said.contains("can be written to"), "{said}");
    assert_eq!(std::fs::read(folder.path().join("kept")).unwrap(), b"");
}

#[test]
fn an_unknown_sink_is_said_with_those_that_there_are() {
    let (_folder, settings) = configured(
        "[[sink]]\ntype = \"file\"\npath = \"a\"\n[[sink]]\ntype = \"file\"\npath = \"b\"\nname = \"oncall\"\n",
    );
    let (code, said) = tried(&settings, "oncal", &[]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("did you mean `oncall`? there are file, oncall"), "{said}");
    let ended = run(&["alert", "test", "slack"], b"");
    assert!(ended.code == Some(78) && ended.stderr.contains("no [[sink]]"), "{}", ended.stderr);
    assert!(!Path::new("a").exists());
}

#[test]
fn the_examples_of_the_guide_are_valid() {
    let guide = std::fs::read_to_string(root().join("docs/alerts.md")).unwrap();
    let examples: Vec<&str> =
        guide.split("```toml\n").skip(1).filter_map(|rest| Some(rest.split_once("```\n")?.0)).collect();
    assert!(examples.len() >= 8, "{}", examples.len());
    for example in examples {
        let (_folder, settings) = configured(example);
        let ended = run(&["check", "-c", &settings], b"");
        assert_eq!(ended.code, Some(0), "{example}\n{}", ended.stderr);
    }
    for service in ["alertmanager", "email", "Slack", "WeCom", "DingTalk", "Feishu", "PagerDuty"] {
        assert!(guide.contains(service), "{service}");
    }
}
