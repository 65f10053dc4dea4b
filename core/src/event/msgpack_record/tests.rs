use super::*;
use crate::event::{Batch, Encoding, EventParser, Level, Source, Span, Tag, msgpack};

pub(crate) fn pack(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    transcode::from_json(text.as_bytes(), &mut out).unwrap();
    out
}

/// The batch of one record, looked at as a filter does.
pub(crate) fn parsed_batch(lead: &[u8], map: &[u8]) -> Batch {
    let names = Names::defaults("anomalies");
    let mut parser = EventParser::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap());
    let bytes = [lead, map].concat();
    let record = Record {
        span: Span::new(lead.len(), bytes.len()),
        encoding: Encoding::MessagePack,
        source: Source(0),
        tag: Tag(0),
        lead: lead.len() as u32,
        line_end: 0,
    };
    let mut batch = Batch { filled: bytes.len(), bytes, records: vec![record], ..Batch::default() };
    parser.parse(&mut batch);
    batch
}

#[test]
fn roles_are_those_of_the_same_event_in_json() {
    use super::super::Role;
    for text in [
        r#"{"time":"2026-03-02T08:00:00.5Z","level":"warn","msg":"slow","service":"api","host":"n1","pid":17,"status":504,"duration_ms":12.5}"#,
        r#"{"ts":1772438400,"severity_text":"ERROR","message":"boom","kubernetes":{"pod_name":"p-1","container_name":"c"}}"#,
        r#"{"log":"{\"level\":\"fatal\",\"msg\":\"inner\",\"module\":\"db\"}\n","stream":"stderr"}"#,
        r#"{"log":"2026-03-02 08:00:00 ERROR db - gone\n"}"#,
        r#"{"level":"info","message":"a","level":"error","message":"b"}"#,
        r#"{"host":{"name":"n2"},"code":"E17","unknown":[1,{"level":"fatal"}],"took":"3.2s"}"#,
        r#"{"name":"mailer","hostname":"m1","pid":9,"level":50,"msg":"bounced","v":0}"#,
        r#"{"level":"info","ts":1772352902.25,"caller":"a.go:1","msg":"x","elapsed":0.25}"#,
        r#"{"Timestamp":"2026-03-01T08:15:02Z","Level":"Error","RenderedMessage":"x","Properties":{"SourceContext":"A.B","StatusCode":504,"ThreadId":7}}"#,
        r#"{"jsonPayload":{"message":"m","logger":"l"},"resource":{"labels":{"pod_name":"p"}},"severity":"ERROR"}"#,
        r#"{"ProviderName":"p","Level":2,"Computer":"w","Message":"m"}"#,
        r#"{"Duration":12500000,"DownstreamStatus":"502","OriginStatus":500,"RequestPath":"/a"}"#,
        r#"{"timeUnixNano":"1772352902250000000","severityNumber":17,"body":{"stringValue":"boom"},"attributes":[{"key":"http.response.status_code","value":{"intValue":503}},{"key":"thread.name","value":{"stringValue":"t-1"}},{"key":"list","value":{"arrayValue":{"values":[]}}},{"key":3}]}"#,
        r#"{"resource":[{"key":"service.name","value":{"stringValue":"shop"}}],"attributes":[{"key":"host.name","value":"n9"},7],"message":"m"}"#,
        r#"{"__REALTIME_TIMESTAMP":"1772352902250000","PRIORITY":"3","MESSAGE":[104,105,195,164],"_HOSTNAME":"n1","container_name":"c"}"#,
        r#"{"message":[104,105],"level":"error"}"#,
        r#"{"container_name":"c","message":[104,300],"level":"error"}"#,
        r#"{"instant":{"epochSecond":1772352902,"nanoOfSecond":250000001},"level":"ERROR","message":"m"}"#,
        r#"{"timestamp":{"seconds":1772352902,"nanos":7},"severity":"ERROR","message":"m"}"#,
        r#"{"datetime":{"date":"2026-03-01 08:15:02.250000","timezone":"Europe/Berlin"},"level":400,"message":"m"}"#,
        r#"{"datetime":{"timezone":"Asia/Tokyo","date":"2026-03-01 08:15:02.250000"},"level":400,"message":"m"}"#,
        r#"{"log_events":[{"message":"only","level":"error"}],"attributes":[]}"#,
        r#"{}"#,
    ] {
        let names = Names::defaults("anomalies");
        let mut parser = EventParser::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap());
        let record = Record { span: Span::new(0, text.len()), ..Record::default() };
        let mut json = Batch { filled: text.len(), bytes: text.into(), records: vec![record], ..Batch::default() };
        parser.parse(&mut json);
        let packed = parsed_batch(&[], &pack(text));
        let (json, packed) = (json.fields(0), packed.fields(0));
        for role in Role::ALL {
            assert_eq!(json.text(role), packed.text(role), "{} of {text}", role.name());
        }
        assert_eq!((json.duration_ms(), json.status()), (packed.duration_ms(), packed.status()), "{text}");
        for name in ["kubernetes.pod_name", "host", "host.name", "unknown", "level", "nothing", "code"] {
            assert_eq!(json.member(name), packed.member(name), "{name} of {text}");
        }
    }
}

#[test]
fn the_time_in_front_counts_where_the_record_has_none() {
    let seconds = |batch: &Batch| batch.parsed[0].time.map(|time| time.0);
    let event_time = [0xd7, 0, 0, 0, 0, 5, 0, 0, 0, 7];
    assert_eq!(seconds(&parsed_batch(&event_time, &pack("{}"))), Some(5_000_000_007));
    assert_eq!(seconds(&parsed_batch(&[0x05], &pack("{}"))), Some(5_000_000_000));
    assert_eq!(seconds(&parsed_batch(&[0xff], &pack("{}"))), None);
    let with_metadata = [&[0x92], &event_time[..], &[0x80]].concat();
    assert_eq!(seconds(&parsed_batch(&with_metadata, &pack("{}"))), Some(5_000_000_007));
    let own = parsed_batch(&event_time, &pack(r#"{"ts":9}"#));
    assert_eq!(
        seconds(&own),
        parsed_batch(&[], &pack(r#"{"ts":9}"#)).parsed[0].time.map(|time| time.0).or(Some(5_000_000_007))
    );
}

fn annotated_as_json(map: &[u8], findings: &str) -> Result<String, Malformed> {
    let (mut out, mut text) = (Vec::new(), Vec::new());
    annotate(map, "anomalies", findings.as_bytes(), &mut out)?;
    transcode::to_json(&mut Reader::new(&out, 0), 0, &mut text)?;
    Ok(String::from_utf8(text).unwrap())
}

#[test]
fn findings_are_one_member_more() {
    let found = r#"[{"id":"1"}]"#;
    for (event, expected) in [
        ("{}", r#"{"anomalies":[{"id":"1"}]}"#),
        (r#"{"a":1}"#, r#"{"a":1,"anomalies":[{"id":"1"}]}"#),
        (r#"{"anomalies":[],"a":1}"#, r#"{"anomalies":[{"id":"1"}],"a":1}"#),
        (r#"{"anomalies":[0],"a":1}"#, r#"{"anomalies":[0,{"id":"1"}],"a":1}"#),
    ] {
        assert_eq!(annotated_as_json(&pack(event), found).unwrap(), expected);
    }
    assert_eq!(annotated_as_json(&pack(r#"{"anomalies":"x"}"#), found), Err(Malformed));
    let fifteen = (0..15).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(",");
    let annotated = annotated_as_json(&pack(&format!("{{{fifteen}}}")), found).unwrap();
    assert_eq!(annotated, format!("{{{fifteen},\"anomalies\":{found}}}"));
}

#[test]
fn as_json_the_time_and_the_tag_are_kept() {
    let rendered = |map: &str, lead: &[u8], tag: &str| {
        let mut out = Vec::new();
        render(&pack(map), lead, tag.as_bytes(), None, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let time = [0xd7, 0, 0, 0, 0, 5, 0, 0, 0, 7];
    assert_eq!(
        rendered(r#"{"a":1}"#, &time, "app"),
        r#"{"timestamp":"1970-01-01T00:00:05.000000007Z","tag":"app","a":1}"#
    );
    assert_eq!(rendered(r#"{"timestamp":1,"tag":2}"#, &time, "app"), r#"{"timestamp":1,"tag":2}"#);
    assert_eq!(rendered("{}", &[], ""), "{}");
    assert_eq!(rendered("{}", &[], "t"), r#"{"tag":"t"}"#);
}

#[test]
fn own_events_and_levels_are_seen() {
    let own = parsed_batch(&[], &pack(r#"{"source":"seismolog","level":"WARN","anomalies":[]}"#));
    assert_eq!((own.parsed[0].shape, own.parsed[0].level), (Shape::Own, Some(Level::Warn)));
    let cut = parsed_batch(&[], &[0x82, 0xa1, b'a', 0x01]);
    assert_eq!(cut.parsed[0].fault, Some(Fault::NotAnObject));
}

#[test]
fn rules_change_a_map_as_they_change_the_same_object() {
    use super::super::{Edit, mask::Mask, splice};
    use regex::Regex;
    use std::sync::Arc;
    let edit = |members: &[(&str, &str)]| Edit {
        withheld: false,
        masks: vec![
            Arc::new(Mask::Text { pattern: Regex::new("sk-[a-z]+").unwrap(), with: "***".into() }),
            Arc::new(Mask::Members(vec!["password".into()])),
        ],
        members: members.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
    };
    for (text, members, findings) in [
        (r#"{"msg":"a sk-abc b","n":1}"#, &[][..], ""),
        (r#"{"a":[{"Password":{"x":1}},"sk-a",2.5,null],"password":null}"#, &[("team", "\"x\"")], ""),
        (r#"{"msg":"sk-abc","anomalies":[1]}"#, &[("a", "[1]"), ("b", "{}")], r#"{"id":"2"}"#),
        (r#"{"password":"x"}"#, &[("anomalies", "1")], r#"{"id":"2"}"#),
        ("{}", &[("team", "\"x\"")], ""),
    ] {
        let names = Names::defaults("anomalies");
        let mut parser = EventParser::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap());
        let record = Record { span: Span::new(0, text.len()), ..Record::default() };
        let mut batch = Batch { filled: text.len(), bytes: text.into(), records: vec![record], ..Batch::default() };
        parser.parse(&mut batch);
        let (edit, mut line, mut map) = (edit(members), Vec::new(), Vec::new());
        splice::edit(&batch.fields(0), &batch.arena, &batch.bytes, &edit, "anomalies", findings.as_bytes(), &mut line)
            .unwrap();
        super::edit(&pack(text), &edit, "anomalies", findings.as_bytes(), &mut map).unwrap();
        assert_eq!(map, pack(&String::from_utf8(line).unwrap()), "{text}");
    }
    // Binary and broken text is masked too; what is nested too deep to be walked fails.
    let (mut binary, mut out) = (vec![0x81, 0xa1, b'm'], Vec::new());
    msgpack::put_binary(7, &mut binary);
    binary.extend_from_slice(b"sk-abc\xff");
    super::edit(&binary, &edit(&[]), "anomalies", b"", &mut out).unwrap();
    assert!(!String::from_utf8_lossy(&out).contains("abc"));
    let deep = [vec![0x81, 0xa1, b'm'], vec![0x91; DEEPEST + 1], vec![0xc0]].concat();
    assert!(super::edit(&deep, &edit(&[]), "anomalies", b"", &mut Vec::new()).is_err());
}
