//! What loop may explain: an open incident alone.

use super::*;

/// Threads in turn ask a bank, one every `period_ms`; from second 3,600 on none of them gets an
/// answer.
fn asking(threads: i64, period_ms: i64, fails: bool) -> Stream {
    let mut stream = Stream::new(1);
    stream.run(0, 3_600, 10, |_, _| {});
    stream.run(3_600, 3_720, 10, |stream, tenth| {
        let ms = tenth * 100;
        if ms / period_ms > (ms - 100) / period_ms {
            let thread = ms / period_ms % threads;
            let line = format!(r#""module":"checkout","host":"h1","thread":"exec-{thread}""#);
            stream.put(ms, &format!(r#""level":"INFO",{line},"message":"asking the bank""#));
            if fails {
                stream.put(ms + 40, &format!(r#""level":"ERROR",{line},"message":"no answer: read timed out""#));
            }
        }
    });
    stream
}

#[test]
fn one_error_from_many_threads_is_a_burst_within_a_minute() {
    for (threads, period_ms) in [(10, 4_000), (10, 2_000), (10, 5_000), (20, 3_000), (7, 2_500)] {
        let found = asking(threads, period_ms, true);
        let start = Timestamp::from_millis(1_767_225_600_000);
        let opened = found.stream.opened(DetectorName::Burst);
        assert_eq!(opened.len(), 1, "{threads} every {period_ms}: {:?}", found.opened());
        let after = opened[0].opened_at.seconds_since(start) - 3_600.0;
        assert!(after <= 60.0, "{threads} every {period_ms}: {after}");
        assert_eq!(asking(threads, period_ms, false).opened(), []);
    }
}

#[test]
fn the_repeats_before_a_loop_is_open_are_taken_back() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_230, 20, |stream, tenth| {
        stream.put(tenth * 100, r#""level":"ERROR","module":"calm","host":"h1","thread":"t1","message":"cannot bind""#);
    });
    // A few other errors of the module are no burst together with those of the loop.
    stream.run(1_230, 1_260, 20, |stream, tenth| {
        if tenth % 70 == 0 {
            stream.line(tenth * 100, "ERROR", "calm", "");
        }
    });
    assert_eq!(stream.opened(), [("loop", "calm")]);
}

#[test]
fn equal_errors_of_one_thread_that_are_no_loop_are_a_burst_after_all() {
    let mut cell = Cell::new(&Exposure::new(4, SLOT_S, HALF_LIFE_S));
    assert_eq!([5, 5, 5, 6, 5].map(|line| cell.repeat(1, line, false)), [0, 1, 2, 0, 0]);
    assert_eq!([6, 7, 8].map(|line| cell.repeat(1, line, true)), [1, 2, 3]);
    assert_eq!(cell.repeat(2, 9, true), 0);
    for slot in 0..3 {
        (0..4).for_each(|_| cell.add(slot, Some(YOUNG), false));
        cell.add(slot, None, false);
        let _ = [9, 9].map(|line| cell.repeat(1, line, false));
    }
    assert_eq!((cell.take_run(2), cell.take_run(1)), (0, 0));
    let _ = [9; 4].map(|line| cell.repeat(1, line, false));
    assert_eq!((cell.take_run(1), cell.take_run(1)), (4, 0));
    cell.take_back(6, Some(YOUNG));
    assert_eq!([0, 1, 2].map(|slot| cell.since(slot)), [9, 4, 1]);
    cell.take_back(99, None);
    assert_eq!(cell.since(0), 6);
}

/// A module whose thread always says the same line ten times a second, so that equal lines there
/// are no loop; from second 1,200 on `errors` says what it says besides.
fn repeating(errors: impl Fn(&mut Stream, i64)) -> Stream {
    let mut stream = Stream::new(3);
    stream.run(0, 1_300, 20, |stream, tenth| {
        stream.put(tenth * 100, &said("INFO", "polling"));
        if tenth >= 12_000 {
            errors(stream, tenth);
        }
    });
    stream
}

fn said(level: &str, message: &str) -> String {
    format!(r#""level":"{level}","module":"calm","host":"h1","thread":"t1","message":"{message}""#)
}

#[test]
fn a_short_run_of_equal_errors_that_is_no_loop_is_not_lost() {
    // Twenty at once, and then none any more: whoever tells it, it is told once.
    let at_once = repeating(|stream, tenth| {
        if tenth == 12_100 {
            (0..20).for_each(|i| stream.put(tenth * 100 + i * 4, &said("ERROR", "cannot bind")));
        }
    });
    assert!(matches!(at_once.opened()[..], [("loop" | "burst", "calm")]), "{:?}", at_once.opened());
    // Fewer at once than loop waits for, but again and again: told with the second bout.
    let in_bouts = repeating(|stream, tenth| {
        if tenth % 100 == 0 && tenth < 12_500 {
            (0..15).for_each(|i| stream.put(tenth * 100 + i * 5, &said("ERROR", "cannot bind")));
        }
    });
    assert_eq!(in_bouts.opened(), [("burst", "calm")]);
    let began = Timestamp::from_millis(1_767_225_600_000 + 1_210_000);
    let after = in_bouts.stream.opened(DetectorName::Burst)[0].opened_at.seconds_since(began);
    assert!((0.0..0.1).contains(&after), "{after}");
    assert_eq!(repeating(|_, _| {}).opened(), []);
    // As few as a healthy module may say.
    let few = repeating(|stream, tenth| {
        if tenth == 12_100 {
            (0..3).for_each(|i| stream.put(tenth * 100 + i * 5, &said("ERROR", "cannot bind")));
        }
    });
    assert_eq!(few.opened(), []);
}

#[test]
fn what_a_loop_explains_is_no_burst_then_nor_later() {
    for counts in [false, true] {
        let mut stream = Stream::warmed();
        stream.run(1_200, 1_900, 20, |stream, tenth| {
            if tenth < 12_100 {
                let attempt = if counts { format!("attempt {} failed", tenth - 11_999) } else { "cannot bind".into() };
                stream.put(tenth * 100, &said("ERROR", &attempt));
            } else if tenth % 600 == 0 {
                stream.line(tenth * 100, "ERROR", "calm", "");
            }
        });
        assert_eq!(stream.opened(), [("loop", "calm")], "{counts}");
    }
}
