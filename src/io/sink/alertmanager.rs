//! Alerts for Alertmanager's API v2: one for each incident, sent when it opens, changes or ends,
//! and again while it is open. Alertmanager knows an alert by its labels alone, groups, inhibits
//! and sends; all of that is left to it.

use super::delivery::Messages;
use super::transport::Message;
use crate::engine::finding::{Severity, State};
use crate::event::Timestamp;
use crate::message::notice::Notice;
use crate::narrate::fill;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Alerts in one request.
const ALERTS: usize = 500;
/// Most alerts that are known.
const MOST: usize = 10_000;
/// About what they may take, in bytes.
const MOST_BYTES: usize = 16 << 20;
/// What an alert takes besides its notice: labels, places in maps.
const ALERT_BYTES: usize = 512;

/// The alerts of all incidents that Alertmanager is to know.
#[derive(Debug)]
pub struct Alerts {
    labels: BTreeMap<String, String>,
    /// Where the page is.
    page: Option<String>,
    group_wait: Duration,
    repeat: Duration,
    /// In the order in which they came.
    alerts: BTreeMap<u64, Alert>,
    by_id: HashMap<String, u64>,
    /// About how many bytes they take.
    bytes: usize,
    next: u64,
    /// The alerts of the message that is being sent.
    under_way: Vec<u64>,
    /// When the oldest that is yet to be told came.
    news_since: Option<Instant>,
    lost: u64,
}

#[derive(Debug)]
struct Alert {
    notice: Notice,
    labels: BTreeMap<String, String>,
    /// Alertmanager has yet to be told.
    is_news: bool,
    sent: Option<Instant>,
    /// It is said again while it is open; not so one that an earlier process left behind.
    repeats: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Posted<'a> {
    labels: &'a BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

impl Alerts {
    /// None yet. Every alert has `labels` besides its own, and leads to its incident on the `page`.
    #[must_use]
    pub fn new(labels: BTreeMap<String, String>, page: Option<String>, group_wait: Duration, repeat: Duration) -> Self {
        Self {
            labels,
            page,
            group_wait,
            repeat,
            alerts: BTreeMap::new(),
            by_id: HashMap::new(),
            bytes: 0,
            next: 0,
            under_way: Vec::new(),
            news_since: None,
            lost: 0,
        }
    }

    fn insert(&mut self, notice: Notice, repeats: bool) {
        let bytes = notice.bytes() + ALERT_BYTES;
        if self.alerts.len() >= MOST || self.bytes + bytes > MOST_BYTES {
            self.lost += 1;
            return;
        }
        self.bytes += bytes;
        let labels = labels_of(&notice, &self.labels);
        self.by_id.insert(notice.id.clone(), self.next);
        self.alerts.insert(self.next, Alert { notice, labels, is_news: true, sent: None, repeats });
        self.next += 1;
    }

    /// An incident of other labels is another alert: the one under the old labels ends.
    fn relabel(&mut self, serial: u64, severity: Severity) {
        let Some(alert) = self.alerts.get_mut(&serial) else { return };
        if alert.notice.severity == severity {
            return;
        }
        let mut ended = alert.notice.clone();
        ended.state = State::Resolved;
        alert.notice.severity = severity;
        let labels = std::mem::replace(&mut alert.labels, labels_of(&alert.notice, &self.labels));
        if alert.sent.take().is_some() && self.alerts.len() < MOST {
            self.bytes += ended.bytes() + ALERT_BYTES;
            self.alerts.insert(self.next, Alert { notice: ended, labels, is_news: true, sent: None, repeats: false });
            self.next += 1;
        }
    }

    fn again_at(&self, alert: &Alert) -> Option<Instant> {
        let is_open = alert.repeats && alert.notice.state != State::Resolved;
        alert.sent.filter(|_| is_open).map(|sent| sent + self.repeat)
    }

    fn settle(&mut self, now: Instant, told: bool) {
        for serial in std::mem::take(&mut self.under_way) {
            let Some(alert) = self.alerts.get_mut(&serial) else { continue };
            (alert.is_news, alert.sent) = (false, Some(now));
            let is_over = alert.notice.state == State::Resolved || !alert.repeats || !told;
            if is_over && let Some(alert) = self.alerts.remove(&serial) {
                self.bytes = self.bytes.saturating_sub(alert.notice.bytes() + ALERT_BYTES);
                if self.by_id.get(&alert.notice.id) == Some(&serial) {
                    self.by_id.remove(&alert.notice.id);
                }
            }
        }
        if self.alerts.values().all(|alert| !alert.is_news) {
            self.news_since = None;
        }
    }
}

impl Messages for Alerts {
    fn take(&mut self, notice: Notice, now: Instant, is_old: bool) {
        self.news_since.get_or_insert(now);
        match self.by_id.get(&notice.id).copied() {
            Some(serial) => {
                self.relabel(serial, notice.severity);
                if let Some(alert) = self.alerts.get_mut(&serial) {
                    let before = alert.notice.bytes();
                    alert.notice.replace_by(notice);
                    self.bytes = (self.bytes + alert.notice.bytes()).saturating_sub(before);
                    (alert.is_news, alert.repeats) = (true, !is_old);
                }
            }
            None => self.insert(notice, !is_old),
        }
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        let news = self.news_since.map(|since| since + self.group_wait);
        let again = self.alerts.values().filter_map(|alert| self.again_at(alert)).min();
        news.into_iter().chain(again).min().map(|due| due.max(now))
    }

    fn message(&mut self, now: Instant, wall: Timestamp) -> Option<Message> {
        let is_due = |alert: &Alert| alert.is_news || self.again_at(alert).is_some_and(|again| again <= now);
        let due = self.alerts.iter().filter(|(_, alert)| is_due(alert)).take(ALERTS);
        let (under_way, posted): (Vec<u64>, Vec<Posted<'_>>) =
            due.map(|(serial, alert)| (*serial, alert.posted(wall, self.page.as_deref()))).unzip();
        self.under_way = under_way;
        if posted.is_empty() {
            self.news_since = None;
            return None;
        }
        let body = serde_json::to_string(&posted).ok()?;
        Some(Message::Post { path: "/api/v2/alerts", content_type: "application/json".into(), body })
    }

    fn delivered(&mut self, now: Instant) {
        self.settle(now, true);
    }

    fn refused(&mut self, now: Instant) -> u64 {
        let refused = self.under_way.len() as u64;
        self.settle(now, false);
        refused
    }

    fn waiting<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Notice> + 'a> {
        Box::new(self.alerts.values().filter(|alert| alert.is_news).map(|alert| &alert.notice))
    }

    fn waiting_count(&self) -> u64 {
        self.alerts.values().filter(|alert| alert.is_news).count() as u64
    }

    fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    fn wants_silenced(&self, notice: &Notice) -> bool {
        // An alert that was sent before its silence began has to end.
        notice.state == State::Resolved
    }
}

impl Alert {
    fn posted(&self, wall: Timestamp, page: Option<&str>) -> Posted<'_> {
        let notice = &self.notice;
        let mut annotations = BTreeMap::from([
            ("summary", notice.summary.clone()),
            ("description", description(notice)),
            ("incident_id", notice.incident.clone()),
            ("count", notice.count.to_string()),
            ("evidence", notice.evidence.clone()),
        ]);
        for (name, text) in [
            ("cause", notice.cause.clone()),
            ("remedy", notice.remedy.clone()),
            ("next_step", notice.next_step.clone()),
            ("respond_within", notice.respond_within.clone()),
            ("lines", Some(notice.lines.join("\n")).filter(|lines| !lines.is_empty())),
        ] {
            annotations.extend(text.map(|text| (name, text)));
        }
        // A clock ahead of Alertmanager's would make an alert that has not begun, or one that has
        // not ended.
        let starts_at = notice.opened().min(wall);
        let ends_at = (notice.state == State::Resolved).then(|| notice.said().min(wall).max(starts_at).to_string());
        let generator_url = page.map(|page| format!("{page}#{}", notice.id));
        Posted { labels: &self.labels, annotations, starts_at: starts_at.to_string(), ends_at, generator_url }
    }
}

fn description(notice: &Notice) -> String {
    let words = notice.language.words();
    let mut text = format!("{} ({}/{})", notice.summary, notice.detector, notice.kind);
    if !notice.evidence.is_empty() {
        text.push_str(&format!("\n{}", notice.evidence));
    }
    for (name, known) in [
        (words.title_cause, &notice.cause),
        (words.title_remedy, &notice.remedy),
        (words.title_next_step, &notice.next_step),
    ] {
        if let Some(known) = known {
            text.push_str(&format!("\n{}", fill(words.colon, &[&name, known])));
        }
    }
    text
}

/// What Alertmanager knows an alert by. Names of a key become names of labels; where one is taken,
/// it begins with `key_`.
fn labels_of(notice: &Notice, common: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut detector = notice.detector.clone();
    detector.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
    let mut labels = common.clone();
    labels.extend([
        ("alertname".to_owned(), format!("Seismolog{detector}")),
        ("detector".to_owned(), notice.detector.clone()),
        ("kind".to_owned(), notice.kind.clone()),
        ("severity".to_owned(), notice.severity.name().to_owned()),
        ("situation".to_owned(), notice.id.clone()),
    ]);
    labels.extend(notice.rule.clone().map(|rule| ("rule".to_owned(), rule)));
    for (name, value) in &notice.key.0 {
        let mut name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || labels.contains_key(&name) {
            name.insert_str(0, "key_");
        }
        labels.insert(name, value.clone());
    }
    labels.retain(|_, value| !value.is_empty());
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::notice::tests::notice;
    use serde_json::Value;

    const WAIT: Duration = Duration::from_secs(1);
    const REPEAT: Duration = Duration::from_secs(60);
    const WALL: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn alerts() -> Alerts {
        let labels = [("cluster".to_owned(), "a".to_owned())].into();
        Alerts::new(labels, Some("http://page/".to_owned()), WAIT, REPEAT)
    }

    fn posted(alerts: &mut Alerts, now: Instant) -> Vec<Value> {
        let Some(Message::Post { body, .. }) = alerts.message(now, WALL) else { return Vec::new() };
        serde_json::from_str(&body).unwrap()
    }

    #[test]
    fn an_alert_starts_is_repeated_and_ends() {
        let (mut alerts, begin) = (alerts(), Instant::now());
        assert_eq!(alerts.due(begin), None);
        alerts.take(notice(1, State::Open, Severity::Warning), begin, false);
        assert_eq!(alerts.due(begin), Some(begin + WAIT));
        let sent = posted(&mut alerts, begin);
        assert_eq!(
            sent[0]["labels"],
            serde_json::json!({"alertname": "SeismologBurst", "cluster": "a", "detector": "burst", "kind": "surge",
                "module": "shop.1", "severity": "warning", "situation": "0000000000000001"})
        );
        assert_eq!(sent[0]["startsAt"], "2023-11-14T22:13:21Z");
        assert!(sent[0].get("endsAt").is_none());
        assert_eq!(sent[0]["generatorURL"], "http://page/#0000000000000001");
        assert_eq!(sent[0]["annotations"]["cause"], "the \"pool\" is empty");
        assert_eq!(sent[0]["annotations"]["lines"], "connection refused");
        alerts.delivered(begin);
        assert_eq!((alerts.waiting_count(), alerts.due(begin)), (0, Some(begin + REPEAT)));
        assert!(posted(&mut alerts, begin).is_empty());
        assert_eq!(posted(&mut alerts, begin + REPEAT).len(), 1);
        alerts.delivered(begin + REPEAT);
        let mut ended = notice(1, State::Resolved, Severity::Warning);
        ended.lines.clear();
        alerts.take(ended, begin + REPEAT, false);
        let sent = posted(&mut alerts, begin + REPEAT);
        assert_eq!(sent[0]["endsAt"], "2023-11-14T22:13:26Z");
        assert_eq!(sent[0]["annotations"]["lines"], "connection refused");
        alerts.delivered(begin + REPEAT);
        assert!(alerts.alerts.is_empty() && alerts.by_id.is_empty() && alerts.due(begin).is_none());
    }

    #[test]
    fn what_is_not_delivered_stays_news_and_ends_with_its_last_state() {
        let (mut alerts, begin) = (alerts(), Instant::now());
        alerts.take(notice(1, State::Open, Severity::Warning), begin, false);
        assert_eq!(posted(&mut alerts, begin).len(), 1);
        alerts.take(notice(1, State::Resolved, Severity::Warning), begin, false);
        assert_eq!(alerts.waiting_count(), 1);
        let sent = posted(&mut alerts, begin);
        assert!(sent.len() == 1 && sent[0]["endsAt"].is_string());
    }

    #[test]
    fn a_storm_goes_in_parts_and_is_bounded() {
        let (mut alerts, begin) = (alerts(), Instant::now());
        for id in 0..12_000 {
            alerts.take(notice(id, State::Open, Severity::Info), begin, false);
        }
        assert_eq!((alerts.take_lost(), alerts.waiting_count()), (2_000, 10_000));
        let mut requests = 0;
        while !posted(&mut alerts, begin).is_empty() {
            alerts.delivered(begin);
            requests += 1;
        }
        assert_eq!(requests, 20);
    }

    #[test]
    fn long_alerts_are_bounded_in_bytes() {
        let (mut alerts, begin) = (alerts(), Instant::now());
        let long = |id| Notice { cause: Some("x".repeat(8 << 10)), ..notice(id, State::Open, Severity::Info) };
        (0..4_000).for_each(|id| alerts.take(long(id), begin, false));
        let (lost, waiting) = (alerts.take_lost(), alerts.waiting_count());
        assert!(lost + waiting == 4_000 && (1_500..2_100).contains(&waiting), "{lost} {waiting}");
        for id in 0..4_000 {
            alerts.take(notice(id, State::Resolved, Severity::Info), begin, false);
        }
        while !posted(&mut alerts, begin).is_empty() {
            alerts.delivered(begin);
        }
        assert_eq!((alerts.alerts.len(), alerts.bytes), (0, 0));
    }

    #[test]
    fn another_severity_is_another_alert_and_ends_the_first() {
        let (mut alerts, begin) = (alerts(), Instant::now());
        alerts.take(notice(1, State::Open, Severity::Warning), begin, false);
        posted(&mut alerts, begin);
        alerts.delivered(begin);
        alerts.take(notice(1, State::Ongoing, Severity::Critical), begin, false);
        let sent = posted(&mut alerts, begin);
        let told: Vec<_> = sent
            .iter()
            .map(|alert| (alert["labels"]["severity"].as_str().unwrap(), alert["endsAt"].is_string()))
            .collect();
        assert_eq!(told, [("critical", false), ("warning", true)]);
        alerts.delivered(begin);
        assert_eq!(alerts.alerts.len(), 1);
    }

    #[test]
    fn what_an_earlier_process_left_is_sent_once() {
        let (mut alerts, begin) = (alerts(), Instant::now());
        alerts.take(notice(1, State::Open, Severity::Warning), begin, true);
        assert_eq!(posted(&mut alerts, begin).len(), 1);
        alerts.delivered(begin);
        assert!(alerts.due(begin).is_none() && alerts.alerts.is_empty());
    }

    #[test]
    fn names_of_keys_become_labels() {
        let mut notice = notice(1, State::Open, Severity::Info);
        notice.key.0 = [("k8s.pod-name", "a"), ("severity", "b"), ("1st", "c"), ("empty", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let labels = labels_of(&notice, &BTreeMap::new());
        assert_eq!((labels["k8s_pod_name"].as_str(), labels["key_severity"].as_str()), ("a", "b"));
        assert_eq!((labels["key_1st"].as_str(), labels.contains_key("empty")), ("c", false));
    }
}
