use super::*;
use crate::engine::testing::{parsed_batch, parser};
use crate::event::Batch;
use crate::event::lines::Lines;
use proptest::prelude::*;

fn inspector() -> Inspector {
    let names = |role: Role| role.default_names().iter().map(|name| name.text.to_owned()).collect();
    let names = Role::ALL.map(|role| (role, names(role)));
    Inspector::new(names.into(), TimeContext::new("UTC", 2026).unwrap())
}

fn read(line: &str) -> LineReading {
    let batch = parsed_batch(&mut parser(), line);
    inspector().read(&batch.fields(0))
}

/// `role=value @ member` or, for what stands in the line, `role=value @ member[what stands there]`.
fn shown(line: &str) -> Vec<String> {
    let reading = read(line);
    let shown = reading.roles.iter().map(|found| {
        let from = found.from.as_ref().map_or("?".to_owned(), |from| {
            let inside = from.inside.as_ref().map_or(String::new(), |inside| format!("{inside} > "));
            let bytes = from.bytes.clone().map_or(String::new(), |bytes| format!("[{}]", &line[bytes]));
            format!("{inside}{}{bytes}", from.path)
        });
        format!("{}={} @ {from}", found.role.name(), found.value)
    });
    // Which of several patterns a plain header fits is not what is tested here.
    let chain = std::iter::once(reading.layouts.join(" > ").replace("log4j", "header"));
    chain.chain(shown).collect()
}

#[test]
fn each_role_is_traced_back_to_its_member_and_its_bytes() {
    for (line, expected) in [
        (
            r#"{"ts":1772442000,"lvl":"warn","message":"slow \"query\"","service":{"name":"orders"},"took_ms":17}"#,
            vec![
                "json",
                "timestamp=2026-03-02T09:00:00Z @ ts[1772442000]",
                "level=WARN @ lvl[warn]",
                r#"message=slow "query" @ message[slow \"query\"]"#,
                "module=orders @ service.name[orders]",
                "duration=17 @ took_ms[17]",
            ],
        ),
        (
            "2026-03-02 09:00:00,123 \u{1b}[31mERROR\u{1b}[0m [worker-1] \u{1b}[36mshop.cart\u{1b}[0m - none left took=12ms",
            vec![
                "header",
                "timestamp=2026-03-02T09:00:00.123Z @ [2026-03-02 09:00:00,123]",
                "level=ERROR @ [ERROR]",
                "message=none left took=12ms @ message[none left took=12ms]",
                "module=shop.cart @ module[shop.cart]",
                "thread=worker-1 @ thread[worker-1]",
                "duration=12ms @ took[12ms]",
            ],
        ),
        (
            r#"<30>Mar  2 09:00:00 web-1 cart[7]: {"level":"error","msg":"no \u0022card\u0022","logger":"pay"}"#,
            vec![
                "syslog > json",
                "timestamp=2026-03-02T09:00:00Z @ [Mar  2 09:00:00]",
                "level=ERROR @ message > level[error]",
                r#"message=no "card" @ message > msg[no \u0022card\u0022]"#,
                "module=pay @ message > logger[pay]",
                "host=web-1 @ host[web-1]",
                "thread=7 @ pid[7]",
            ],
        ),
        (
            r#"2026-03-02T09:00:00.5Z stdout F {"severity":"info","message":"ready","pid":3}"#,
            vec![
                "cri > json",
                "timestamp=2026-03-02T09:00:00.500Z @ [2026-03-02T09:00:00.5Z]",
                "level=INFO @ message > severity[info]",
                "message=ready @ message > message[ready]",
                "thread=3 @ message > pid[3]",
            ],
        ),
        (
            r#"{"log":"{\"level\":\"warn\",\"msg\":\"low\",\"logger\":\"db\"}\n","stream":"stderr","host":"n1"}"#,
            vec![
                "json > json",
                "level=WARN @ log > level",
                "message=low @ log > msg",
                "module=db @ log > logger",
                "host=n1 @ host[n1]",
            ],
        ),
        (
            "2026-03-02 09:00:00 ERROR 订单服务: 库存不足，商品 17",
            vec![
                "header",
                "timestamp=2026-03-02T09:00:00Z @ [2026-03-02 09:00:00]",
                "level=ERROR @ [ERROR]",
                "message=库存不足，商品 17 @ message[库存不足，商品 17]",
                "module=订单服务 @ module[订单服务]",
            ],
        ),
        ("just a text", vec!["plain", "message=just a text @ message[just a text]"]),
        ("{\"a\":", vec![""]),
        (" ", vec![""]),
    ] {
        assert_eq!(shown(line), expected, "{line}");
    }
}

#[test]
fn a_level_of_the_envelope_is_told_apart() {
    let level = |line: &str| {
        let reading = read(line);
        let level = reading.roles.into_iter().find(|found| found.role == Role::Level).unwrap();
        (level.value, level.from.unwrap().text, level.is_default)
    };
    assert_eq!(level("<13>Mar  2 09:00:00 web-1 cron[12]: done"), ("INFO".into(), "<13>".into(), true));
    assert_eq!(level("<13>Mar  2 09:00:00 web-1 cron[12]: ERROR: no"), ("ERROR".into(), "ERROR".into(), false));
}

#[test]
fn what_was_tried_in_vain_is_told() {
    let tried = |line: &str| -> Vec<String> {
        let tried = read(line).tried;
        tried.iter().map(|tried| format!("{} {}={}", tried.role.name(), tried.member.path, tried.member.text)).collect()
    };
    for (line, expected) in [
        (r#"{"level":"Metadata","msg":"m"}"#, vec!["level level=Metadata"]),
        (r#"{"date":"yesterday","time":"2026-03-02T09:00:00Z"}"#, vec!["timestamp date=yesterday"]),
        (
            r#"{"status":"accepted","took":"long"}"#,
            vec!["level status=accepted", "duration took=long", "status status=accepted"],
        ),
        // What is another role is no attempt, nor is an object of that name.
        (r#"{"code":"E42","level":"warn","status":503}"#, vec![]),
        (r#"{"level":{"value":3},"msg":"m"}"#, vec![]),
    ] {
        assert_eq!(tried(line), expected, "{line}");
    }
}

/// Names of OTLP are in a member of their own.
#[test]
fn pairs_are_called_by_their_keys() {
    let line = r#"{"attributes":[{"key":"http.route","value":{"stringValue":"/a"}},{"key":"n","value":{"intValue":"7"}}],"list":[{"a":1},2]}"#;
    let members: Vec<_> = read(line).members.into_iter().map(|member| (member.path, member.text)).collect();
    let expected = [("attributes.http.route", "/a"), ("attributes.n", "7"), ("list[0].a", "1"), ("list[1]", "2")];
    assert_eq!(members, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}

/// What is read in a copy, decoded or made strict JSON, stands nowhere in the line as it came.
#[test]
fn what_was_decoded_has_no_place_in_the_line() {
    let lines: [(&[u8], &str); 2] = [
        (b"{\"n\":NaN,\"msg\":\"none left\",\"level\":\"error\"}", "none left"),
        // `{"level":"error","msg":"连接超时"}` in GB 18030.
        (b"{\"level\":\"error\",\"msg\":\"\xc1\xac\xbd\xd3\xb3\xac\xca\xb1\"}", "连接超时"),
    ];
    for (line, message) in lines {
        let bytes = [b"{\"msg\":\"first\"}\n", line, b"\n"].concat();
        let mut batch = Batch { filled: bytes.len(), bytes, ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        parser().parse(&mut batch);
        let reading = inspector().read(&batch.fields(1));
        let roles: Vec<_> = reading.roles.iter().map(|found| (found.role, found.value.as_str())).collect();
        assert_eq!(roles, [(Role::Level, "ERROR"), (Role::Message, message)]);
        assert!(reading.members.iter().all(|member| member.bytes.is_none()), "{:?}", reading.members);
    }
}

fn hold(bytes: &[u8]) {
    let mut batch = Batch { bytes: bytes.to_vec(), filled: bytes.len(), ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    parser().parse(&mut batch);
    let mut inspector = inspector();
    for i in 0..batch.records.len() {
        let fields = batch.fields(i);
        let reading = inspector.read(&fields);
        let tried = reading.tried.iter().map(|tried| &tried.member);
        for member in reading.members.iter().chain(tried) {
            let Some(range) = member.bytes.clone() else { continue };
            let line = std::str::from_utf8(fields.line()).unwrap();
            assert!(line.get(range.clone()).is_some(), "{range:?} of {line:?}");
        }
        for found in &reading.roles {
            assert_eq!(fields.text(found.role).as_deref(), Some(found.value.as_str()));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_explained(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        hold(&bytes);
    }

    #[test]
    fn what_looks_like_a_log_is_explained(parts in proptest::collection::vec(prop_oneof![
        Just("2026-03-02 09:00:00,123 ".to_owned()), Just("<34>".to_owned()), Just("Mar  2 09:00:00 ".to_owned()),
        Just("ERROR".to_owned()), Just("\u{1b}[31m".to_owned()), Just("\u{1b}]é\u{1b}".to_owned()), Just("stdout F ".to_owned()),
        Just("{\"level\":\"warn\",\"msg\":\"é \\u00e9\",".to_owned()), Just("\"ts\":1772442000}".to_owned()),
        Just("{\"log\":\"{\\\"level\\\":\\\"x\\\"}\\n\"}".to_owned()), Just("日志".to_owned()), Just("[".to_owned()),
        Just("] ".to_owned()), Just("host-1 app[7]: ".to_owned()), Just("k=v status=503 ".to_owned()), Just("\n".to_owned()),
        "[ -~é日]{0,12}",
    ], 0..12)) {
        hold(parts.concat().as_bytes());
    }
}
