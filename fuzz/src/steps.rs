//! The steps in which a line is read, a claim each: what is passed over, envelopes, headers, pairs
//! behind prose, roles of members, JSON that is read leniently, encodings, and what `inspect`
//! tells.

use super::{context, parser};
use seismolog::event::inspect::Inspector;
use seismolog::event::json::validate;
use seismolog::event::lines::Lines;
use seismolog::event::parsed::Shape;
use seismolog::event::{Batch, Charset, Encoding, Level, Role, splice};

/// Bytes as lines of this encoding, looked at.
fn read(data: &[u8], charset: Charset) -> Batch {
    let mut batch = Batch { bytes: data.to_vec(), filled: data.len(), ..Batch::default() };
    Lines::new(1 << 20).reading(charset).split(&mut batch, true);
    parser().with_charset(charset).parse(&mut batch);
    batch
}

/// The one line of a batch, its roles as text.
fn roles_of(text: &str) -> Option<(Shape, Vec<(Role, String)>)> {
    let batch = read(text.as_bytes(), Charset::Utf8);
    let [parsed] = &batch.parsed[..] else { return None };
    let fields = batch.fields(0);
    let texts = Role::ALL.into_iter().filter_map(|role| Some((role, fields.text(role)?.into_owned())));
    Some((parsed.shape, texts.collect()))
}

/// These bytes as the text of one line.
fn line(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok().filter(|text| !text.contains(['\n', '\r']) && !text.trim().is_empty())
}

fn has(roles: &[(Role, String)], role: Role, text: &str) -> bool {
    roles.iter().any(|(known, known_text)| *known == role && known_text == text)
}

/// Colours and a byte order mark around a line of text change nothing of what is read.
pub fn clean(data: &[u8]) {
    let Some(text) = line(data).filter(|text| !text.contains(['\u{1b}', '#', '\0', '\u{feff}'])) else { return };
    let Some((Shape::Text, plain)) = roles_of(text) else { return };
    for around in [["\u{1b}[31m", "\u{1b}[0m"], ["#033[1;31m", "#033[0m"], ["\u{feff}", "\u{1b}[m"]] {
        let coloured = [around[0], text, around[1]].concat();
        let (shape, roles) = roles_of(&coloured).expect("one line");
        assert_eq!((shape, &roles), (Shape::Text, &plain), "{coloured:?}");
    }
}

/// The platform's names and its time stay, whatever a program says of itself.
pub fn envelope(data: &[u8]) {
    const TIME: &str = "2026-03-02T08:00:00.5Z";
    let Some(text) = line(data) else { return };
    let (shape, roles) = roles_of(&format!("{TIME} stdout F {text}")).expect("one line");
    assert_eq!(shape, Shape::Text);
    assert!(has(&roles, Role::Timestamp, "2026-03-02T08:00:00.500Z"), "{roles:?} of {text}");
    let (shape, roles) = roles_of(&format!("<13>1 {TIME} h1 app 7 - - {text}")).expect("one line");
    assert_eq!(shape, Shape::Text);
    assert!(has(&roles, Role::Timestamp, "2026-03-02T08:00:00.500Z"), "{roles:?} of {text}");
    assert!(has(&roles, Role::Host, "h1"), "{roles:?} of {text}");
}

/// A line that begins with a time has one, and its message is of the line.
pub fn header(data: &[u8]) {
    let Some(text) = line(data).filter(|text| !text.contains(['{', '\\', '\u{1b}', '#'])) else { return };
    for lead in ["2026-03-02 08:00:00,123 ", "[2026-03-02T08:00:00Z] ", "2026-03-02 08:00:00 | "] {
        let whole = [lead, text].concat();
        let (shape, roles) = roles_of(&whole).expect("one line");
        assert_eq!(shape, Shape::Text);
        assert!(roles.iter().any(|(role, _)| *role == Role::Timestamp), "no time of {whole}");
        for (role, value) in &roles {
            let is_read = matches!(role, Role::Timestamp | Role::Level);
            assert!(is_read || whole.contains(value.as_str()), "{value} of {whole}");
        }
    }
}

/// Pairs behind prose add to what the header says, and take nothing from it.
pub fn tail(data: &[u8]) {
    let Some(text) = line(data) else { return };
    let (shape, roles) = roles_of(&format!("2026-03-02 08:00:00 ERROR shop.cart: all done, {text}")).expect("one line");
    assert_eq!(shape, Shape::Text);
    for (role, value) in [(Role::Timestamp, "2026-03-02T08:00:00Z"), (Role::Level, Level::Error.name())] {
        assert!(has(&roles, role, value), "{roles:?} of {text}");
    }
    assert!(has(&roles, Role::Module, "shop.cart"), "{roles:?} of {text}");
}

/// Members of any names and texts: the object is one event, and a role is what some member says.
pub fn roles(data: &[u8]) {
    let Some(text) = line(data).filter(|text| !text.contains(['{', '\\'])) else { return };
    let words: Vec<&str> = text.split(['\0', ' ']).collect();
    let members: serde_json::Map<_, _> =
        words.chunks(2).map(|pair| (pair[0].to_owned(), pair.last().copied().unwrap_or_default().into())).collect();
    if members.get("source").is_some_and(|source| source == "seismolog") {
        return;
    }
    let object = serde_json::to_string(&members).expect("a map is JSON");
    let (shape, roles) = roles_of(&object).expect("one line");
    assert_eq!(shape, Shape::Json, "{object}");
    for (role, value) in roles {
        let is_read = matches!(role, Role::Timestamp | Role::Level);
        assert!(is_read || text.contains(&value), "{value} of {object}");
    }
}

/// What is read though it is no strict JSON is in a copy, and nothing is ever spliced into it.
pub fn lenient(data: &[u8]) {
    let Some(text) = line(data) else { return };
    let text = format!("{{\"a\":{text}");
    let batch = read(text.as_bytes(), Charset::Utf8);
    let Some(parsed) = batch.parsed.first().filter(|parsed| parsed.shape == Shape::Json) else { return };
    let is_strict = validate(text.trim_end().as_bytes());
    assert_eq!(parsed.decoded.is_empty(), is_strict, "{text}");
    assert!(validate(batch.fields(0).object()), "read as what is no JSON: {text}");
    let mut out = Vec::new();
    let taken = splice::annotate(&batch.fields(0), &batch.arena, &batch.bytes, "anomalies", b"{}", &mut out);
    assert!(taken.is_err() || is_strict, "spliced into {text}");
}

/// Lines of every encoding: records are the input, and what is read of them is UTF-8.
pub fn charset(data: &[u8]) {
    let charsets = [
        Charset::Auto,
        Charset::Utf8,
        Charset::Gb18030,
        Charset::Latin1,
        Charset::Utf16,
        Charset::Utf16Le,
        Charset::Utf16Be,
    ];
    for charset in charsets {
        let batch = read(data, charset);
        let mut end = 0;
        for (i, (record, parsed)) in batch.records.iter().zip(&batch.parsed).enumerate() {
            assert!(record.span.start as usize >= end && record.end() <= data.len(), "records overlap");
            end = record.end();
            if !matches!(parsed.shape, Shape::Json | Shape::Text) {
                continue;
            }
            let fields = batch.fields(i);
            assert!(std::str::from_utf8(fields.line()).is_ok(), "{charset:?}");
            assert!(std::str::from_utf8(fields.object()).is_ok(), "{charset:?}");
            for role in Role::ALL {
                assert!(fields.raw(role).is_none_or(|raw| std::str::from_utf8(raw).is_ok()), "{charset:?}");
            }
        }
    }
}

/// What `inspect` tells of a line is what was read, and the places that it names are of the line.
pub fn inspect(data: &[u8]) {
    let names = |role: Role| role.default_names().iter().map(|name| name.text.to_owned()).collect();
    let mut inspector = Inspector::new(Role::ALL.map(|role| (role, names(role))).into(), context());
    let batch = read(data, Charset::Auto);
    for i in 0..batch.records.len() {
        let fields = batch.fields(i);
        let reading = inspector.read(&fields);
        assert_eq!(reading.shape, fields.parsed().shape);
        for found in &reading.roles {
            assert_eq!(fields.text(found.role).as_deref(), Some(found.value.as_str()));
        }
        let is_line = matches!(fields.record().encoding, Encoding::Line);
        let members = reading.members.iter().chain(reading.tried.iter().map(|tried| &tried.member));
        for place in members.filter_map(|member| member.bytes.clone()) {
            let text = std::str::from_utf8(fields.line()).expect("places are of text");
            assert!(is_line && text.get(place.clone()).is_some(), "{place:?} of {text:?}");
        }
    }
}
