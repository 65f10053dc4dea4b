//! One name, however it is spelled: `trace_id`, `traceId`, `TraceID`, `trace-id` and `trace.id`.

use super::Unit;

/// Longer keys are nobody's name.
pub(super) const LONGEST: usize = 48;

/// The key in small letters without the marks that part words; none where it is too long or only
/// marks.
#[inline]
pub(super) fn plain<'a>(key: &[u8], buffer: &'a mut [u8; LONGEST]) -> Option<&'a [u8]> {
    if key.len() > LONGEST {
        return None;
    }
    let mut length = 0;
    for &byte in key {
        buffer[length] = byte.to_ascii_lowercase();
        length += usize::from(!matches!(byte, b'_' | b'-' | b'.' | b' ' | b'@'));
    }
    (length > 0).then(|| &buffer[..length])
}

/// What says that a name's number is time spent.
const SPENT: &[&str] =
    &["duration", "elapsed", "latency", "took", "time", "runtime", "cost", "spent", "taken", "dur", "timing"];

/// What says that it is another time: a moment, a bound, a wish, or the sum of many.
const NOT_SPENT: &[&str] = &[
    "uptime",
    "downtime",
    "lifetime",
    "idle",
    "ttl",
    "timeout",
    "age",
    "interval",
    "period",
    "retry",
    "backoff",
    "delay",
    "sleep",
    "max",
    "min",
    "limit",
    "threshold",
    "budget",
    "quota",
    "target",
    "expected",
    "estimated",
    "remaining",
    "left",
    "start",
    "started",
    "begin",
    "end",
    "stop",
    "next",
    "last",
    "deadline",
    "expire",
    "expires",
    "expiry",
    "expiration",
    "created",
    "updated",
    "modified",
    "boot",
    "since",
    "until",
    "avg",
    "average",
    "mean",
    "median",
    "p50",
    "p90",
    "p95",
    "p99",
    "cache",
    "session",
    "lease",
    "retention",
    "window",
    "clock",
    "date",
];

/// The unit that a word at a name's end names.
fn unit(word: &[u8]) -> Option<Unit> {
    Some(match word {
        b"ns" | b"nanos" | b"nsec" | b"nanosec" | b"nanoseconds" => Unit::Nanoseconds,
        b"us" | b"micros" | b"usec" | b"microsec" | b"microseconds" => Unit::Microseconds,
        b"ms" | b"millis" | b"msec" | b"millisec" | b"milliseconds" | b"milli" => Unit::Milliseconds,
        b"s" | b"sec" | b"secs" | b"seconds" => Unit::Seconds,
        _ => return None,
    })
}

/// Units that are recognised without a mark before them (`elapsedms`); `s` alone is a plural.
const GLUED: &[&str] =
    &["nanoseconds", "microseconds", "milliseconds", "seconds", "nanos", "micros", "millis", "secs", "ns", "us", "ms"];

/// A key with its words in small letters, parted by `_`, at the start of a buffer.
fn parted(key: &[u8]) -> Option<([u8; 2 * LONGEST], usize)> {
    if key.len() > LONGEST {
        return None;
    }
    let (mut text, mut length, mut before) = ([0; 2 * LONGEST], 0, b'_');
    for (i, &byte) in key.iter().enumerate() {
        let next_is_small = key.get(i + 1).is_some_and(u8::is_ascii_lowercase);
        let begins = byte.is_ascii_uppercase() && before != b'_' && (!before.is_ascii_uppercase() || next_is_small);
        if begins {
            text[length] = b'_';
            length += 1;
        }
        let is_mark = matches!(byte, b'_' | b'-' | b'.' | b' ');
        text[length] = if is_mark { b'_' } else { byte.to_ascii_lowercase() };
        length += 1;
        before = if is_mark { b'_' } else { byte };
    }
    Some((text, length))
}

/// The unit that a name ends in, whatever it is of, and the words before it.
fn ending(text: &[u8]) -> Option<(&[u8], Unit)> {
    if let Some(mark) = text.iter().rposition(|byte| *byte == b'_')
        && let Some(unit) = unit(&text[mark + 1..])
    {
        return Some((&text[..mark], unit));
    }
    let glued = GLUED.iter().find(|glued| text.len() > glued.len() && text.ends_with(glued.as_bytes()))?;
    Some((text.strip_suffix(glued.as_bytes())?, unit(glued.as_bytes())?))
}

/// The unit that a name ends in.
pub(super) fn unit_of(name: &str) -> Option<Unit> {
    let (text, length) = parted(name.as_bytes())?;
    ending(&text[..length]).map(|(_, unit)| unit)
}

/// The unit of a number whose name says that it is time spent, and in what: `db_duration_ms`,
/// `queryTimeMs`, `gc_elapsed_us`.
#[inline]
pub(super) fn time_spent(key: &[u8]) -> Option<Unit> {
    // All units end so, and few keys do.
    if !matches!(key.last()?, b's' | b'S' | b'c') {
        return None;
    }
    time_spent_in_words(key)
}

fn time_spent_in_words(key: &[u8]) -> Option<Unit> {
    let (text, length) = parted(key)?;
    let (stem, unit) = ending(&text[..length])?;
    let last = stem.rsplit(|byte| *byte == b'_').next()?;
    let is_spent = SPENT.iter().any(|word| last.ends_with(word.as_bytes()));
    let is_other = stem.split(|byte| *byte == b'_').any(|word| {
        NOT_SPENT.iter().any(|other| word == other.as_bytes())
            || ["uptime", "lifetime", "downtime", "timeout"].iter().any(|other| word.ends_with(other.as_bytes()))
    });
    (is_spent && !is_other).then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_however_it_is_spelled() {
        for key in ["trace_id", "traceId", "TraceID", "trace-id", "trace.id", "TRACE_ID", "Trace Id", "_traceId"] {
            assert_eq!(plain(key.as_bytes(), &mut [0; LONGEST]), Some(&b"traceid"[..]), "{key}");
        }
        assert_eq!(plain("请求ID".as_bytes(), &mut [0; LONGEST]), Some("请求id".as_bytes()));
        assert_eq!((plain(b"__", &mut [0; LONGEST]), plain(&[b'a'; 49], &mut [0; LONGEST])), (None, None));
    }

    #[test]
    fn time_spent_is_told_from_other_times() {
        for (key, unit) in [
            ("duration_ms", Unit::Milliseconds),
            ("durationMs", Unit::Milliseconds),
            ("DurationMS", Unit::Milliseconds),
            ("elapsedms", Unit::Milliseconds),
            ("ElapsedMilliseconds", Unit::Milliseconds),
            ("db_duration_s", Unit::Seconds),
            ("http.request.duration_seconds", Unit::Seconds),
            ("queryTimeMicros", Unit::Microseconds),
            ("took-us", Unit::Microseconds),
            ("backend_time_ns", Unit::Nanoseconds),
            ("storage_latency_millis", Unit::Milliseconds),
            ("render_time_msec", Unit::Milliseconds),
            ("grpc.time_ms", Unit::Milliseconds),
        ] {
            assert_eq!(time_spent(key.as_bytes()), Some(unit), "{key}");
        }
        for key in [
            "uptime_seconds",
            "uptimeMs",
            "timeout_ms",
            "connectTimeoutMs",
            "ttl_s",
            "cache_ttl_seconds",
            "interval_ms",
            "max_duration_ms",
            "retry_time_ms",
            "age_seconds",
            "start_time_ms",
            "endTimeMs",
            "deadline_ms",
            "times",
            "costs",
            "status",
            "durations",
            "process_uptime_s",
            "cpu_s",
            "items",
            "avg_latency_ms",
            "p99_latency_ms",
            "gc_count_ns",
            "bytes_us",
            "backoff_time_s",
            "s",
            "ms",
            "_ms",
            "lag_ms",
        ] {
            assert_eq!(time_spent(key.as_bytes()), None, "{key}");
        }
    }
}
