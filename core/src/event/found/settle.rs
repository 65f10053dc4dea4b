//! What is known once a whole record is: names and units that the company of its members tells.

use super::super::Level;
use super::super::json::{Malformed, Members};
use super::super::parsed::{Form, Slot};
use super::super::roles::{Company, How, Names, Role, TimePart, Unit};
use super::super::time::{TimeContext, seconds_and_nanos, time_text};
use super::RoleMatches;
use memchr::memmem;

/// In whose company names mean something that they mean nowhere else.
const TELLING: Company = Company(
    Company::PYTHON.0
        | Company::BUNYAN.0
        | Company::RUBY.0
        | Company::MONGODB.0
        | Company::KUBERNETES_EVENT.0
        | Company::ECHO.0,
);

impl RoleMatches {
    /// Looks again at what was undecided in the object at `start`.
    #[inline(never)]
    pub(super) fn settle(
        &mut self,
        (text, start): (&[u8], usize),
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        if self.wants_another_walk() {
            let mut members = Members::new(text, start)?;
            while let Some(member) = members.advance()? {
                let Some(meaning) = names.find(&text[member.key_start..member.key_end]) else { continue };
                for (of, claim) in &meaning.later {
                    if self.company.has(*of) {
                        self.claim(text, member.value(), *claim, context);
                    }
                }
            }
        }
        if self.company.has(Company::PART_OF_TIME) {
            self.complete_time(text);
        }
        self.settle_level();
        let slot = self.slots[Role::Duration as usize];
        if self.unit_is_open && slot.form != Form::Absent {
            self.settle_unit(slot.span.of(text), is_of_go(&text[start..]));
        }
        Ok(())
    }

    /// Whether there are names that mean something now that the company is known.
    pub(in crate::event) fn wants_another_walk(&mut self) -> bool {
        let has = |role: Role| self.slots[role as usize].form != Form::Absent;
        // Both count levels by tens and say the host and the process.
        let counts = matches!(self.level_number, 10 | 20 | 30 | 40 | 50 | 60);
        if has(Role::Host) && has(Role::Thread) && (counts || self.company.has(Company::VERSION)) {
            self.company |= Company::BUNYAN;
        }
        self.company.has(Company::LATER) && self.company.has(TELLING) || self.company.has(Company::DATADOG)
    }

    /// Adds what another member says of the time.
    #[cold]
    pub(in crate::event) fn complete_time(&mut self, text: &[u8]) {
        let (Some((part, value)), Some(time), Some(written)) = (self.part, self.time, self.time_at) else { return };
        let (value, written) = (value.of(text), written.of(text));
        match (part, self.time_how) {
            (TimePart::Nanos, How::Seconds) => {
                self.time = seconds_and_nanos(written, value).or(self.time);
            }
            (TimePart::Zone, How::Zoneless) => {
                let zone = std::str::from_utf8(value).ok();
                let there = zone.and_then(|zone| TimeContext::new(zone, time.year()).ok());
                if let Some(mut there) = there {
                    self.time = time_text(written, &mut there).or(self.time);
                }
            }
            _ => {}
        }
    }

    /// Levels that are numbers, by the scale of who wrote them.
    pub(in crate::event) fn settle_level(&mut self) {
        let (company, number) = (self.company, self.level_number);
        let is_severity = self.level_how == How::Severity;
        if is_severity && company.has(Company::SYSLOG) {
            self.level_is_default = true;
        }
        let told = match number {
            1..=24 if is_severity && company.has(Company::OTEL) => Level::from_severity_number(number.into()),
            1..=5 if company.has(Company::WINDOWS) => {
                Some([Level::Fatal, Level::Error, Level::Warn, Level::Info, Level::Debug][usize::from(number) - 1])
            }
            0..=4 if company.has(Company::NEXTCLOUD) && !is_severity => {
                Some([Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal][usize::from(number)])
            }
            _ => None,
        };
        self.level = told.or(self.level);
    }

    /// The unit of a duration's number `raw` whose name says none.
    ///
    /// Milliseconds, unless its encoder is known for another: Traefik and Echo write nanoseconds,
    /// Caddy, zap and Zeek fractions of seconds, nginx seconds with three places, Fastly
    /// microseconds. Go's own JSON writes a `time.Duration` as nanoseconds: of such a record a
    /// whole number of seven digits is that, one of six digits could be either and is none.
    pub(in crate::event) fn settle_unit(&mut self, raw: &[u8], is_of_go: bool) {
        let company = self.company;
        let is_whole = raw.iter().all(u8::is_ascii_digit);
        let places = raw.iter().rposition(|byte| *byte == b'.').map_or(0, |point| raw.len() - point - 1);
        let in_seconds = company.has(Company::CADDY)
            || company.has(Company::EPOCH_TS) && !is_whole
            || company.has(Company::NGINX) && places == 3;
        let unit = if company.has(Company::TRAEFIK) || company.has(Company::ECHO) && is_whole {
            Unit::Nanoseconds
        } else if in_seconds {
            Unit::Seconds
        } else if company.has(Company::FASTLY) && is_whole {
            Unit::Microseconds
        } else if is_of_go && is_whole && raw.len() >= 7 {
            Unit::Nanoseconds
        } else if is_of_go && is_whole && raw.len() == 6 {
            self.slots[Role::Duration as usize] = Slot::default();
            return;
        } else {
            Unit::Milliseconds
        };
        self.unit = unit;
    }
}

/// Whether a record has the names of log/slog and logrus, and its time and level as text.
fn is_of_go(object: &[u8]) -> bool {
    [&b"\"msg\":"[..], b"\"time\":\"", b"\"level\":\""].iter().all(|name| memmem::find(object, name).is_some())
}
