//! Messages for any server that takes HTTP: what came within a while is one message, and so many a
//! minute go out.
//!
//! A storm is one message with a count. Incidents are told when they open and when they end; one
//! that ends before its message goes is told once.

use super::delivery::{Message, Messages};
use crate::engine::finding::{Severity, State};
use crate::event::Timestamp;
use crate::message::notice::Notice;
use crate::message::template::{Digest, PayloadTemplate};
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Findings told in full in one message; the others are counted.
const SHOWN: usize = 10;
/// Findings kept for a message; beyond them the least severe are only counted.
const KEPT: usize = 200;
const MINUTE: Duration = Duration::from_secs(60);

/// The findings that are gathered for the next message.
#[derive(Debug)]
pub struct Gathered {
    template: PayloadTemplate,
    content_type: String,
    group_wait: Duration,
    per_minute: usize,
    notices: Vec<Notice>,
    /// Of those that are only counted: how many opened, how many ended, the worst.
    counted: (u64, u64, Severity),
    since: Option<Instant>,
    /// When the messages of the last minute went out.
    sent: VecDeque<Instant>,
}

impl Gathered {
    /// Nothing yet.
    #[must_use]
    pub fn new(template: PayloadTemplate, content_type: String, group_wait: Duration, per_minute: u32) -> Self {
        Self {
            template,
            content_type,
            group_wait,
            per_minute: per_minute as usize,
            notices: Vec::new(),
            counted: (0, 0, Severity::Info),
            since: None,
            sent: VecDeque::new(),
        }
    }

    fn clear(&mut self) {
        self.notices.clear();
        self.counted = (0, 0, Severity::Info);
        self.since = None;
    }

    fn count(&mut self, notice: &Notice) {
        let (opened, resolved, worst) = &mut self.counted;
        *if notice.state == State::Resolved { resolved } else { opened } += 1;
        *worst = (*worst).max(notice.severity);
    }
}

impl Messages for Gathered {
    fn take(&mut self, notice: Notice, now: Instant, _is_old: bool) {
        if let Some(known) = self.notices.iter_mut().find(|known| known.id == notice.id) {
            let was_told_open = known.state != State::Resolved && notice.state == State::Ongoing;
            known.replace_by(notice);
            if was_told_open {
                known.state = State::Open;
            }
            return;
        }
        if notice.state == State::Ongoing {
            return;
        }
        self.since.get_or_insert(now);
        self.notices.push(notice);
        if self.notices.len() > KEPT {
            // The least severe one goes; of equals the last.
            let least = (0..self.notices.len()).rev().min_by_key(|i| rank(&self.notices[*i]));
            if let Some(least) = least {
                let notice = self.notices.remove(least);
                self.count(&notice);
            }
        }
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        let gathered = self.since? + self.group_wait;
        let recent = self.sent.iter().filter(|sent| now.saturating_duration_since(**sent) < MINUTE);
        let room = recent.clone().count() < self.per_minute;
        let free = if room { None } else { recent.min().map(|oldest| *oldest + MINUTE) };
        Some(free.map_or(gathered, |free| free.max(gathered)).max(now))
    }

    fn message(&mut self, _now: Instant, _wall: Timestamp) -> Option<Message> {
        if self.notices.is_empty() {
            self.since = None;
            return None;
        }
        let mut shown = self.notices.clone();
        shown.sort_by_key(|notice| (Reverse(rank(notice)), notice.opened_ns));
        let ended = shown.iter().filter(|notice| notice.state == State::Resolved).count() as u64;
        let (opened, resolved) = (shown.len() as u64 - ended + self.counted.0, ended + self.counted.1);
        let severity = shown.iter().map(|notice| notice.severity).max().unwrap_or(Severity::Info).max(self.counted.2);
        shown.truncate(SHOWN);
        let digest = Digest::of(&shown, opened, resolved, severity);
        let body = match self.template.render(&digest) {
            Ok(body) => body,
            // The template was tried at the start; what it cannot do with these findings must not
            // hide them.
            Err(_) => serde_json::to_string(&digest).ok()?,
        };
        Some(Message { path: "", content_type: self.content_type.clone(), body: body.into_bytes() })
    }

    fn delivered(&mut self, now: Instant) {
        self.clear();
        self.sent.push_back(now);
        while self.sent.len() > self.per_minute {
            self.sent.pop_front();
        }
    }

    fn refused(&mut self, now: Instant) -> u64 {
        let lost = self.waiting_count();
        self.delivered(now);
        lost
    }

    fn waiting<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Notice> + 'a> {
        Box::new(self.notices.iter())
    }

    fn waiting_count(&self) -> u64 {
        self.notices.len() as u64 + self.counted.0 + self.counted.1
    }

    fn take_lost(&mut self) -> u64 {
        0
    }

    fn wants_silenced(&self, _notice: &Notice) -> bool {
        false
    }
}

/// The order of findings in a message: the worst first, and among equals those that are open.
fn rank(notice: &Notice) -> (Severity, bool) {
    (notice.severity, notice.state != State::Resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::notice::tests::notice;
    use serde_json::Value;

    const WAIT: Duration = Duration::from_secs(5);

    fn gathered() -> Gathered {
        Gathered::new(PayloadTemplate::new(None).unwrap(), "application/json".into(), WAIT, 2)
    }

    fn sent(gathered: &mut Gathered, now: Instant) -> Value {
        serde_json::from_slice(&gathered.message(now, Timestamp::default()).unwrap().body).unwrap()
    }

    #[test]
    fn a_storm_is_one_message_with_a_count_and_the_worst_first() {
        let (mut gathered, now) = (gathered(), Instant::now());
        for id in 0..5_000 {
            let severity = if id == 4_321 { Severity::Critical } else { Severity::Warning };
            gathered.take(notice(id, State::Open, severity), now, false);
        }
        assert!(gathered.notices.len() <= KEPT);
        let message = sent(&mut gathered, now);
        assert_eq!((message["count"].as_u64(), message["more"].as_u64()), (Some(5_000), Some(4_990)));
        assert_eq!(message["findings"][0]["severity"], "critical");
        assert_eq!(message["title"], "5,000 incidents, the worst critical");
        gathered.delivered(now);
        assert_eq!((gathered.waiting_count(), gathered.due(now)), (0, None));
    }

    #[test]
    fn messages_are_gathered_and_few_a_minute() {
        let (mut gathered, now) = (gathered(), Instant::now());
        for i in 0..2 {
            gathered.take(notice(i, State::Open, Severity::Info), now, false);
            assert_eq!(gathered.due(now), Some(now + WAIT));
            gathered.delivered(now + Duration::from_secs(i));
        }
        gathered.take(notice(9, State::Open, Severity::Info), now, false);
        let later = now + Duration::from_secs(2);
        assert_eq!(gathered.due(later), Some(now + MINUTE));
        assert_eq!(gathered.due(now + Duration::from_secs(70)), Some(now + Duration::from_secs(70)));
    }

    #[test]
    fn an_incident_is_told_when_it_opens_and_when_it_ends_and_once_if_both_came() {
        let (mut gathered, now) = (gathered(), Instant::now());
        gathered.take(notice(1, State::Ongoing, Severity::Info), now, false);
        assert_eq!(gathered.due(now), None);
        gathered.take(notice(1, State::Open, Severity::Info), now, false);
        gathered.take(notice(1, State::Ongoing, Severity::Warning), now, false);
        let message = sent(&mut gathered, now);
        assert_eq!(
            (message["opened"].as_u64(), message["title"].as_str()),
            (Some(1), Some("warning: 12 errors of shop.1"))
        );
        gathered.take(notice(1, State::Resolved, Severity::Warning), now, false);
        let message = sent(&mut gathered, now);
        assert_eq!(
            (message["count"].as_u64(), message["title"].as_str()),
            (Some(1), Some("resolved: 12 errors of shop.1"))
        );
    }
}
