use super::utf16::Width;
use super::*;
use crate::engine::testing::parser;
use crate::event::lines::Lines;
use crate::event::{Batch, Fault, Role, Shape, Span};
use encoding_index_simpchinese::{gb18030, gb18030_ranges};
use proptest::prelude::*;

/// The text in GB 18030.
fn in_gb18030(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for character in text.chars() {
        let code = u32::from(character);
        let pointer = gb18030::backward(code);
        if character.is_ascii() {
            bytes.push(code as u8);
        } else if pointer == 0xffff {
            let pointer = gb18030_ranges::backward(code);
            let digits = [pointer / 12_600, pointer / 1_260 % 10, pointer / 10 % 126, pointer % 10];
            bytes.extend(digits.iter().zip([0x81, b'0', 0x81, b'0']).map(|(digit, zero)| *digit as u8 + zero));
        } else {
            let (lead, trail) = ((pointer / 190) as u8 + 0x81, (pointer % 190) as u8);
            bytes.extend([lead, trail + if trail < 0x3f { 0x40 } else { 0x41 }]);
        }
    }
    bytes
}

fn in_utf16(text: &str, order: ByteOrder) -> Vec<u8> {
    let mut bytes = Vec::new();
    order.encode(text, &mut bytes);
    bytes
}

fn in_latin1(text: &str) -> Vec<u8> {
    text.chars().map(|character| character as u8).collect()
}

/// What `charset` makes of one line; none where that is a fault.
fn read(charset: Charset, line: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    let record = Record { span: Span::new(0, line.len()), ..Record::default() };
    charset.decode(&record, line, &mut text).then(|| String::from_utf8(text).unwrap())
}

fn looked_at(charset: Charset, bytes: Vec<u8>) -> Batch {
    let mut batch = Batch { filled: bytes.len(), bytes, ..Batch::default() };
    Lines::new(1 << 20).reading(charset).split(&mut batch, true);
    parser().with_charset(charset).parse(&mut batch);
    batch
}

#[test]
fn chinese_is_known_and_what_only_could_be_it_is_not() {
    for text in [
        "2026-03-02 12:45:28 ERROR 模型加载失败：显存不足",
        "订单12345支付失败",
        "{\"级别\":\"错误\",\"消息\":\"连接被拒绝\"}",
        "成功",
        "用户「张三」登录，耗时３毫秒",
    ] {
        assert_eq!(read(Charset::Auto, &in_gb18030(text)).as_deref(), Some(text));
    }
    for text in ["café ouvert à 3 h", "Größe ändern", "naïve façade", "ñandú", "100 µs bei 25 °C", "½"] {
        assert_eq!(read(Charset::Auto, &in_latin1(text)), None, "{text}");
        assert_eq!(read(Charset::Latin1, &in_latin1(text)).as_deref(), Some(text));
    }
    // "서버 연결에 실패했습니다" in EUC-KR, a Japanese line in EUC-JP and in Shift JIS, bytes.
    let korean = b"\xbc\xad\xb9\xf6 \xbf\xac\xb0\xe1\xbf\xa1 \xbd\xc7\xc6\xd0\xc7\xdf\xbd\xc0\xb4\xcf\xb4\xd9";
    let japanese = b"\xa5\xb5\xa1\xbc\xa5\xd0\xa1\xbc\xa4\xcb\xc0\xdc\xc2\xb3\xa4\xc7\xa4\xad\xa4\xde\xa4\xbb\xa4\xf3";
    let shifted = b"\x83T\x81[\x83o\x81[\x82\xc9\x90\xda\x91\xb1";
    for line in [&korean[..], japanese, shifted, b"\xff\xfe\xfd", b"\x80", b"x\x81", &[0xde, 0xad, 0xbe, 0xef, 0xff]] {
        assert_eq!(read(Charset::Auto, line), None, "{line:?}");
    }
    assert_eq!(read(Charset::Utf8, &in_gb18030("错误")), None);
    assert_eq!(read(Charset::Gb18030, &in_gb18030("ñandú 𠮷 €")).as_deref(), Some("ñandú 𠮷 €"));
    assert_eq!(read(Charset::Gb18030, b"\xb4\xed\xce"), None, "cut in the middle of a character");
}

#[test]
fn roles_are_read_of_the_decoded_line() {
    let lines = "2026-03-02 12:45:28 ERROR [loader] 模型加载失败\n{\"level\":\"error\",\"msg\":\"连接\\n超时\",\"module\":\"网关\"}\n";
    for (charset, bytes) in [
        (Charset::Auto, in_gb18030(lines)),
        (Charset::Gb18030, in_gb18030(lines)),
        (Charset::Auto, in_utf16(&format!("\u{feff}{lines}"), ByteOrder::Little)),
        (Charset::Auto, in_utf16(&format!("\u{feff}{lines}"), ByteOrder::Big)),
        (Charset::Auto, in_utf16(lines, ByteOrder::Little)),
        (Charset::Utf16Be, in_utf16(lines, ByteOrder::Big)),
        (Charset::Utf16, in_utf16(lines, ByteOrder::Little)),
        (Charset::Utf8, lines.as_bytes().to_vec()),
    ] {
        let batch = looked_at(charset, bytes);
        assert_eq!(batch.records.len(), 2, "{charset:?}");
        let [text, json] = [batch.fields(0), batch.fields(1)];
        assert_eq!((text.parsed().shape, json.parsed().shape), (Shape::Text, Shape::Json), "{charset:?}");
        assert_eq!(text.text(Role::Message).as_deref(), Some("模型加载失败"));
        assert_eq!(text.level().map(crate::event::Level::name), Some("ERROR"));
        assert!(text.time().is_some() && std::str::from_utf8(text.object()).unwrap().contains("模型加载失败"));
        assert_eq!(json.text(Role::Message).as_deref(), Some("连接\n超时"));
        assert_eq!(json.text(Role::Module).as_deref(), Some("网关"));
        assert_eq!(json.member("level"), Some(crate::event::Value::Text("error".into())));
        let same = looked_at(Charset::Utf8, lines.as_bytes().to_vec());
        assert_eq!(json.parsed().masked_hash, same.fields(1).parsed().masked_hash, "{charset:?}");
    }
    let bad = looked_at(Charset::Auto, b"caf\xe9 ouvert\n".to_vec());
    assert_eq!(bad.parsed[0].fault, Some(Fault::Utf8));
}

#[test]
fn an_annotated_event_is_ascii_and_says_the_same() {
    let line = "{\"消息\":\"连接超时 😀\",\"anomalies\":[{\"a\":\"旧\"}]}";
    let batch = looked_at(Charset::Auto, in_gb18030(line));
    let mut out = b"x".to_vec();
    let finding = "{\"summary\":\"新\"}".as_bytes();
    crate::event::splice::annotate(&batch.fields(0), &batch.arena, &batch.bytes, "anomalies", finding, &mut out)
        .unwrap();
    assert!(out.is_ascii());
    let got: serde_json::Value = serde_json::from_slice(&out[1..]).unwrap();
    let expected = serde_json::json!({"消息": "连接超时 😀", "anomalies": [{"a": "旧"}, {"summary": "新"}]});
    assert_eq!(got, expected);
}

#[test]
fn the_width_of_a_stream_is_known_by_its_beginning() {
    use ByteOrder::{Big, Little};
    let (one, unknown) = (Width::One, Width::Unknown);
    for (data, at_end, width) in [
        (&b"\xff\xfea\0"[..], false, Width::Two(Little)),
        (b"\xfe\xff\0a", false, Width::Two(Big)),
        (b"a\0b\0c\0d\0", false, Width::Two(Little)),
        (b"\0a\0b\0c\0d", false, Width::Two(Big)),
        (b"a\0b\0", false, unknown),
        (b"a\0b\0", true, one),
        (b"a\0b\0c\0dd", false, one),
        (b"a", false, unknown),
        (b"a", true, one),
        (b"\n", false, one),
        (b"", false, unknown),
        (b"ab", false, one),
        (b"\0\0\0\0\0\0\0\0", false, one),
    ] {
        assert_eq!(Width::of(Charset::Auto, data, at_end), width, "{data:?} {at_end}");
    }
    assert_eq!(Width::of(Charset::Utf8, b"\xff\xfea\0", false), one);
    assert_eq!(Width::of(Charset::Gb18030, b"a\0b\0c\0d\0", false), one);
    assert_eq!(Width::of(Charset::Utf16, b"\xfe\xff", false), Width::Two(Big));
}

/// The records of a stream in reads of `step` bytes, with their line ends.
fn records(bytes: &[u8], step: usize, most: usize) -> Vec<(Vec<u8>, Encoding)> {
    let mut lines = Lines::new(most);
    let (mut tail, mut out) = (Vec::new(), Vec::new());
    for read in bytes.chunks(step).chain([&b""[..]]) {
        let mut batch = Batch { bytes: [&tail[..], read].concat(), ..Batch::default() };
        batch.filled = batch.bytes.len();
        let rest = lines.split(&mut batch, read.is_empty());
        tail = batch.bytes[rest..].to_vec();
        let of = |record: &Record| (batch.bytes[record.span.start as usize..record.end()].to_vec(), record.encoding);
        out.extend(batch.records.iter().map(of));
    }
    assert!(tail.is_empty());
    out
}

#[test]
fn lines_of_utf16_are_cut_whatever_the_reads() {
    // U+0A0A and U+0D0A have bytes of line ends.
    let text = "first\r\n\u{a0a}\u{d0a}\u{10a}x\n\nlast 错误";
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let bytes = in_utf16(text, order);
        for step in 1..bytes.len() {
            let got = records(&bytes, step, 1 << 10);
            let expected =
                ["first\r\n", "\u{a0a}\u{d0a}\u{10a}x\n", "\n", "last 错误"].map(|line| in_utf16(line, order));
            assert!(got.iter().map(|(line, _)| line).eq(&expected), "{order:?} {step}");
            assert!(got.iter().all(|(_, encoding)| *encoding == Encoding::Utf16(order)));
            // Pieces of a long line are whole characters of two bytes.
            let pieces = records(&bytes, step, 4);
            assert_eq!(pieces.iter().flat_map(|(line, _)| line.clone()).collect::<Vec<_>>(), bytes);
        }
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(text in "\\PC{0,40}|[错误失败连接超时用户登录]{1,20}") {
        prop_assert_eq!(read(Charset::Gb18030, &in_gb18030(&text)), Some(text.clone()));
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let mut out = Vec::new();
            prop_assert!(order.decode(&in_utf16(&text, order), &mut out));
            prop_assert_eq!(String::from_utf8(out).unwrap(), text.trim_start_matches('\u{feff}'));
        }
    }

    #[test]
    fn any_bytes_are_cut_and_read_without_a_panic(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(0_u8), Just(b'{')], 0..200), step in 1_usize..50) {
        let all = records(&bytes, step, 20);
        prop_assert_eq!(all.iter().flat_map(|(line, _)| line.clone()).collect::<Vec<_>>(), bytes.clone());
        for charset in [Charset::Auto, Charset::Gb18030, Charset::Latin1, Charset::Utf16, Charset::Utf16Be] {
            let batch = looked_at(charset, bytes.clone());
            for parsed in &batch.parsed {
                prop_assert_ne!(parsed.fault, Some(Fault::Panic));
            }
        }
    }
}
