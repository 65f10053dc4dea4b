//! Whether a member's value is what a role wants: a wrong value is worse than none.

use super::super::json::{Kind, Value};
use super::super::layout::is_method;
use super::super::numbers;
use super::super::roles::{Claim, Company, How, Role};
use super::super::time::{TimeContext, time_number, time_text};
use super::super::unescape::unescape_into;
use super::{Level, RoleMatches};

/// The names of streams, which stand where a module could.
const STREAMS: &[&[u8]] = &[b"stdout", b"stderr"];
/// What says that there was no error.
const NO_ERROR: &[&str] = &["ok", "success", "successful", "none", "null", "n/a", "-", "undefined"];
/// A longer value with escapes is no level.
const LONGEST_LEVEL: usize = 64;
/// No request takes ten years: what is longer is a moment.
const LONGEST_MS: f64 = 3.2e11;

/// True where the first bytes tell that the value fits, as those of nearly all do: no call for
/// those. Anything else [`RoleMatches::claim_if_it_fits`] looks at.
#[inline(always)]
pub(super) fn plainly(value: &[u8], kind: Kind, claim: Claim) -> bool {
    let first = value.first().copied().unwrap_or_default();
    match claim.role {
        Role::Message => true,
        Role::Thread => first != b'-',
        Role::Module => matches!(claim.how, How::Plain) && is_plainly_a_word(value),
        Role::Host => first.is_ascii_lowercase() && !has_slash(value),
        Role::Operation => matches!(claim.how, How::Plain),
        Role::Trace => {
            let begins = !matches!(first, b'0' | b'-' | b'n' | b'N' | b'u');
            begins && (matches!(claim.how, How::Plain) || (value.len() <= 40 && value.iter().all(is_of_id)))
        }
        Role::Status => matches!(claim.how, How::Plain) && is_status(value),
        Role::Duration => {
            matches!(claim.how, How::Plain) && kind == Kind::Number && first.is_ascii_digit() && value.len() <= 10
        }
        Role::ErrorCode | Role::Timestamp | Role::Level => false,
    }
}

impl RoleMatches {
    /// Takes a value, which is not empty, if it is what the claim's role wants. A call of its own,
    /// so that the walk around it stays in registers.
    #[inline(never)]
    pub(super) fn claim_if_it_fits(&mut self, text: &[u8], value: Value, claim: Claim, context: &mut TimeContext) {
        let raw = value.of(text);
        let (fits, value) = match claim.role {
            Role::Timestamp => (self.time(text, value, claim.how, context), value),
            Role::Level => (self.level(raw, value.kind, claim.how), value),
            Role::Duration => (self.duration(raw, value.kind, claim), value),
            Role::Module => (is_module(raw, claim.how), value),
            Role::Host => (is_host(raw), value),
            Role::Trace => (is_id(raw, claim.how), value),
            Role::ErrorCode => (is_error_code(raw, claim.how), value),
            Role::Status => match status(raw, claim.how) {
                true => (true, Value::new(value.kind, value.start(), value.start() + 3)),
                false => return,
            },
            Role::Operation => match operation(raw, claim.how) {
                Some((start, end)) => (true, Value::new(value.kind, value.start() + start, value.start() + end)),
                None => return,
            },
            Role::Thread => (raw.iter().any(|byte| *byte != b'-'), value),
            Role::Message => (true, value),
        };
        if fits {
            self.take(value, claim);
        }
    }

    fn time(&mut self, text: &[u8], value: Value, how: How, context: &mut TimeContext) -> bool {
        let raw = value.of(text);
        let time = match value.kind {
            // A small number is no moment where its name may also mean something else.
            Kind::Number if how == How::Moment && raw.iter().take_while(|byte| byte.is_ascii_digit()).count() < 9 => {
                None
            }
            Kind::Number => time_number(raw),
            _ => time_text(raw, context),
        };
        if time.is_some() {
            (self.time, self.time_how) = (time, how);
            self.time_at = matches!(how, How::Zoneless | How::Seconds).then_some(value);
        }
        time.is_some()
    }

    fn level(&mut self, raw: &[u8], kind: Kind, how: How) -> bool {
        let plain = Level::of_plain_word(raw);
        if plain.is_some() {
            (self.level, self.level_how) = (plain, how);
            (self.level_number, self.level_is_default) = (u16::MAX, false);
            return true;
        }
        // Colours around it are escaped in JSON.
        let mut plain = Vec::new();
        let raw = if kind == Kind::Escaped && raw.len() <= LONGEST_LEVEL {
            unescape_into(raw, &mut plain);
            &plain
        } else {
            raw
        };
        let number = raw.len() <= 3 && raw.iter().all(u8::is_ascii_digit);
        let level = match how {
            How::OtelSeverity if number => Level::from_severity_number(value_of(raw).into()),
            // MongoDB writes D1 to D5 for what is for its developers.
            _ => Level::from_text(raw).or(matches!(raw, [b'D', b'1'..=b'5']).then_some(Level::Debug)),
        };
        if level.is_some() {
            self.level_how = how;
            self.level = level;
            self.level_number = if number && how != How::OtelSeverity { value_of(raw) } else { u16::MAX };
            self.level_is_default = how == How::EnvelopeSeverity && number;
        }
        level.is_some()
    }

    fn duration(&mut self, raw: &[u8], kind: Kind, claim: Claim) -> bool {
        let (number, own_unit) = match (kind, numbers::in_text(raw)) {
            (_, Some((number, unit))) => (number, unit),
            (Kind::Number, None) => match std::str::from_utf8(raw).map(str::parse::<f64>) {
                Ok(Ok(number)) => (number, None),
                _ => return false,
            },
            _ => return false,
        };
        let milliseconds = number * own_unit.unwrap_or(claim.unit.in_milliseconds());
        if !(0.0..LONGEST_MS).contains(&milliseconds) || (claim.how == How::NeedsUnit && own_unit.is_none()) {
            return false;
        }
        (self.unit, self.unit_is_open) = (claim.unit, claim.how == How::Open && own_unit.is_none());
        if self.unit_is_open {
            self.company |= Company::OPEN_UNIT;
        }
        true
    }
}

/// The number of a few digits.
fn value_of(digits: &[u8]) -> u16 {
    digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit & 15))
}

/// What identifiers are made of.
#[inline(always)]
fn is_of_id(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_'
}

/// Small letters at the start, one of them of no hexadecimal number: no method, number or
/// identifier begins so.
#[inline(always)]
fn is_plainly_a_word(value: &[u8]) -> bool {
    let is_other = |byte: u8| matches!(byte, b'g'..=b'z');
    match value {
        // `null`, `none`, `stdout`, `stderr`, `undefined`: the words that are none take a call.
        [b'n', b'u' | b'o', ..] | [b's', b't', b'd', ..] | [b'u', b'n', b'd', ..] => false,
        [first, ..] if is_other(*first) => true,
        [b'a'..=b'f', second, ..] if is_other(*second) => true,
        [b'a'..=b'f', b'a'..=b'f', third, ..] => is_other(*third),
        _ => false,
    }
}

/// Three digits, from 100 to 599.
#[inline]
pub(in crate::event) fn is_status(value: &[u8]) -> bool {
    matches!(value, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'])
}

/// Whether a status begins the value and nothing but its reason follows: `500 Internal Server
/// Error`.
fn status(raw: &[u8], how: How) -> bool {
    let Some((code, reason)) = raw.split_at_checked(3).filter(|(code, _)| is_status(code)) else { return false };
    let plain = match reason {
        [] => true,
        [b' ', reason @ ..] => {
            reason.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'-' | b'\''))
        }
        _ => false,
    };
    plain && (how != How::HttpCode || is_http(code))
}

/// One of the statuses that servers send. 137 and 255 are exit codes.
fn is_http(code: &[u8]) -> bool {
    matches!(value_of(code), 100..=103 | 200..=208 | 226 | 300..=308 | 400..=451 | 460 | 463 | 494..=499 | 500..=511 | 520..=530 | 561 | 598 | 599)
}

/// The part of a program is no number, no identifier, no method and no file.
fn is_module(raw: &[u8], how: How) -> bool {
    let has_letter = raw.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    let is_file = raw.first() == Some(&b'/') && raw[1..].contains(&b'/');
    let is_prose = how == How::Id && raw.contains(&b' ');
    has_letter
        && !is_file
        && !is_prose
        && !is_hex_id(raw)
        && !is_method(raw)
        && !STREAMS.contains(&raw)
        && !says_nothing(raw)
}

/// The words that encoders write for a value that is not there.
fn says_nothing(raw: &[u8]) -> bool {
    matches!(raw, b"null" | b"none" | b"None" | b"undefined")
}

/// A UUID, or eight hexadecimal digits and more, one of which is none of a word's letters.
fn is_hex_id(raw: &[u8]) -> bool {
    let digits = raw.iter().filter(|byte| byte.is_ascii_digit()).count();
    raw.len() >= 8 && digits > 0 && raw.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

/// A machine is no address in memory, no path and not nothing.
fn is_host(raw: &[u8]) -> bool {
    raw != b"-" && !says_nothing(raw) && !raw.starts_with(b"0x") && !raw.contains(&b'/') && !raw.contains(&b' ')
}

/// An identifier is not nothing.
fn is_id(raw: &[u8], how: How) -> bool {
    let is_nothing = raw.iter().all(|byte| matches!(byte, b'0' | b'-'))
        || says_nothing(raw)
        || matches!(raw, b"nil" | b"N/A" | b"n/a")
        || raw.strip_prefix(b"0x").is_some_and(|rest| rest.iter().all(|byte| *byte == b'0'));
    !is_nothing && (how != How::Id || raw.len() <= 128 && !raw.iter().any(|byte| matches!(byte, b' ' | b'\\')))
}

/// A code of an error is not that of none.
fn is_error_code(raw: &[u8], how: How) -> bool {
    let is_none = raw.iter().all(|byte| *byte == b'0')
        || std::str::from_utf8(raw).is_ok_and(|text| NO_ERROR.iter().any(|none| text.eq_ignore_ascii_case(none)));
    !is_none && (how != How::NotHttpCode || !is_status(raw))
}

/// Where in the value the operation is.
fn operation(raw: &[u8], how: How) -> Option<(usize, usize)> {
    match how {
        How::RequestLine => {
            let method = raw.iter().position(|byte| *byte == b' ')?;
            let is_method = (3..=7).contains(&method) && raw[..method].iter().all(u8::is_ascii_uppercase);
            let path = &raw[method + 1..];
            let end = path.iter().position(|byte| *byte == b' ').unwrap_or(path.len());
            let is_line = end > 0 && (path[end..].is_empty() || path[end..].starts_with(b" HTTP/"));
            (is_method && is_line).then_some((method + 1, method + 1 + end))
        }
        How::Path => {
            const FILES: [&[u8]; 8] = [b"/var/", b"/etc/", b"/usr/", b"/tmp/", b"/opt/", b"/proc/", b"/sys/", b"/dev/"];
            let is_file = FILES.iter().any(|folder| raw.starts_with(folder))
                || raw.ends_with(b".log")
                || matches!(raw, [_, b':', b'\\', ..]);
            (!is_file).then_some((0, raw.len()))
        }
        _ => Some((0, raw.len())),
    }
}

/// Whether there is a slash. Hosts are short: two loads that overlap are less than a call.
#[inline(always)]
fn has_slash(value: &[u8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    let in_word = |word: u64| {
        let zeros = word ^ (ONES * b'/' as u64);
        zeros.wrapping_sub(ONES) & !zeros & TOPS != 0
    };
    match (value.len(), value.first_chunk(), value.last_chunk()) {
        (8..=16, Some(first), Some(last)) => in_word(u64::from_le_bytes(*first)) || in_word(u64::from_le_bytes(*last)),
        (4..8, ..) => match (value.first_chunk::<4>(), value.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                in_word(u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32)
            }
            _ => false,
        },
        _ => value.contains(&b'/'),
    }
}
