use super::*;
use std::sync::LazyLock;

/// The default names, made once: there are many of them.
pub(crate) fn names() -> Names {
    static NAMES: LazyLock<Names> = LazyLock::new(|| Names::defaults("anomalies"));
    NAMES.clone()
}

#[test]
fn every_default_name_is_found_with_its_role() {
    let names = self::names();
    for role in Role::ALL {
        for name in role.default_names().iter().filter(|name| name.how != How::TimeSpent) {
            let meaning = names.find(name.text.as_bytes()).unwrap();
            let claims = meaning.claims.iter().chain(meaning.later.iter().map(|(_, claim)| claim));
            assert!(claims.into_iter().any(|claim| claim.role == role), "{}", name.text);
        }
    }
    for unknown in ["unknown", "", "trace_ids", "durations", "stat", "levels", "hostnames"] {
        assert!(names.find(unknown.as_bytes()).is_none(), "{unknown}");
    }
}

#[test]
fn a_name_is_listed_once() {
    for role in Role::ALL {
        let mut texts: Vec<_> = role.default_names().iter().map(|name| name.text).collect();
        texts.sort_unstable();
        let count = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), count, "{}", role.name());
        assert!(count <= 250, "{}: a rank for each", role.name());
    }
}

#[test]
fn names_with_dots_are_found_however_they_are_split() {
    let names = self::names();
    let claim = |path: &[&str]| {
        let (last, above) = path.split_last().unwrap();
        let mut level = &names;
        for name in above {
            level = level.find(name.as_bytes()).unwrap().nested.as_deref().unwrap();
        }
        level.find(last.as_bytes()).unwrap().claims[0]
    };
    let listed = claim(&["http.response.status_code"]);
    for path in [
        &["http", "response", "status_code"][..],
        &["http", "response.status_code"],
        &["http.response", "status_code"],
        &["http.response", "statusCode"],
        &["HTTP", "Response", "StatusCode"],
        &["httpResponseStatusCode"],
    ] {
        let other = claim(path);
        assert_eq!((other.role, other.rank), (Role::Status, listed.rank + 1), "{path:?}");
    }
    let kubernetes = names.find(b"kubernetes").unwrap();
    assert!(kubernetes.claims.is_empty());
    assert!(kubernetes.nested.as_ref().unwrap().find(b"pod_name").is_some());
}

#[test]
fn units_follow_the_name() {
    let names = self::names();
    let unit = |name: &str| {
        let claims = &names.find(name.as_bytes())?.claims;
        claims.iter().find(|claim| claim.role == Role::Duration).map(|claim| claim.unit)
    };
    assert_eq!(unit("request_time"), Some(Unit::Seconds));
    assert_eq!(unit("db_time_us"), Some(Unit::Microseconds));
    assert_eq!(unit("gcElapsedNs"), Some(Unit::Nanoseconds));
    assert_eq!(unit("io_time_seconds"), Some(Unit::Seconds));
    assert_eq!(unit("duration"), Some(Unit::Milliseconds));
    assert_eq!((unit("db_us"), unit("timeout_seconds"), unit("uptime_s")), (None, None, None));
}

#[test]
fn configured_names_keep_what_is_known_of_them() {
    let known = RoleName::configured(Role::Duration, "event.duration");
    assert_eq!((known.unit, known.how), (Unit::Nanoseconds, How::Plain));
    let own = RoleName::configured(Role::Duration, "cost_time:s");
    assert_eq!((own.text, own.unit, own.how), ("cost_time", Unit::Seconds, How::Plain));
    let told = RoleName::configured(Role::Duration, "wait_us");
    assert_eq!((told.text, told.unit, told.how), ("wait_us", Unit::Microseconds, How::Plain));
    let open = RoleName::configured(Role::Duration, "wait");
    assert_eq!((open.unit, open.how), (Unit::Milliseconds, How::Open));
    assert_eq!(RoleName::configured(Role::Module, "name").of, Company::NONE, "whoever lists it means it");
    assert_eq!(RoleName::configured(Role::Module, "a:s").text, "a:s");
    let names = Names::new([(Role::Duration, vec![RoleName::configured(Role::Duration, "*_us")])], "anomalies");
    let meaning = names.find(b"anything_us").unwrap();
    assert_eq!(meaning.claims[0].unit, Unit::Microseconds);
}

/// Records as encoders write them by default: a comment, the record, and what is right, by role.
const ENCODERS: &str = include_str!("encoders.txt");

#[test]
fn records_of_well_known_encoders_are_read() {
    let names = self::names();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for block in ENCODERS.split("\n\n") {
        let [comment, line, wanted] = block.trim().split('\n').collect::<Vec<_>>()[..] else { panic!("{block}") };
        let wanted: serde_json::Map<String, serde_json::Value> = serde_json::from_str(wanted).unwrap();
        let context = crate::event::time::TimeContext::new("UTC", 2026).unwrap();
        let mut parser = crate::event::EventParser::new(names.clone(), "anomalies".into(), context);
        let batch = crate::engine::testing::parsed_batch(&mut parser, line);
        let fields = batch.fields(0);
        for (name, wanted) in wanted {
            let got = match (name.as_str(), Role::from_name(&name)) {
                ("default", _) => serde_json::json!(fields.parsed().level_is_default),
                ("envelope", _) => serde_json::json!(fields.parsed().is_envelope),
                ("duration", _) => fields.duration_ms().map_or(serde_json::Value::Null, |ms| serde_json::json!(ms)),
                ("status", _) => fields.status().map_or(serde_json::Value::Null, |status| serde_json::json!(status)),
                (_, role) => serde_json::json!(fields.text(role.unwrap())),
            };
            if got != wanted {
                wrong.push(format!("{comment}: {name} is {got}, not {wanted}"));
            }
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 100, "{count}");
}
