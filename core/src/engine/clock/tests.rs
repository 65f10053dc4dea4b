//! Streams whose clocks are right, and streams whose clocks are not.

use super::*;
use crate::engine::snapshot::{pack, unpack};
use std::collections::BTreeMap;

const T: i64 = 1_700_000_000;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp(seconds * SECOND))
}

fn clock(times: impl IntoIterator<Item = i64>) -> StreamClock {
    let mut clock = StreamClock::new(10.0);
    for time in times {
        clock.accept(at(time), 0, Timestamp(0));
    }
    clock
}

#[test]
fn late_is_behind_the_watermark_and_counted() {
    let mut clock = clock(T..T + 200);
    assert!(!clock.accept(at(T + 190), 0, Timestamp(0)).outside);
    assert!(clock.accept(at(T + 188), 0, Timestamp(0)).outside);
    assert_eq!((clock.late_events(), clock.now()), (1, Timestamp((T + 199) * SECOND)));
}

#[test]
fn a_single_absurd_time_moves_nothing() {
    let mut clock = clock(T..T + 200);
    clock.accept(at(T + 4_000_000), 0, Timestamp(0));
    assert_eq!(clock.accept(at(T + 200), 0, Timestamp(0)).now, Timestamp((T + 200) * SECOND));
    // The first of a stream is given up as soon as the rest disagrees.
    let mut clock = StreamClock::new(10.0);
    clock.accept(at(T + 4_000_000), 0, Timestamp(0));
    let moment = clock.accept(at(T), 0, Timestamp(0));
    assert!(!moment.outside);
    assert_eq!(moment.now, Timestamp(T * SECOND));
}

#[test]
fn without_times_it_is_arrival_and_then_the_predecessors() {
    let mut clock = StreamClock::new(10.0);
    assert_eq!(clock.accept(None, 0, Timestamp(5)).time, Timestamp(5));
    assert_eq!(clock.accept(None, 0, Timestamp(4)).time, Timestamp(5));
    clock.accept(at(T), 0, Timestamp(6));
    assert_eq!(clock.accept(None, 0, Timestamp(7)).time, Timestamp(T * SECOND));
}

#[test]
fn extremes_do_not_overflow() {
    let mut clock = StreamClock::new(10.0);
    for time in [i64::MIN, i64::MAX, 0, i64::MIN, i64::MAX] {
        clock.accept(Some(Timestamp(time)), 0, Timestamp(0));
    }
}

#[test]
fn a_source_that_stands_at_1970_holds_nobody_up_and_one_ahead_pushes_nobody() {
    let broken = |every: i64, time: i64| (0..2_000).map(move |i| if i % every == every - 1 { time } else { T + i });
    let mut clock = clock(broken(5, 0));
    assert_eq!((clock.now(), clock.late_events() > 300), (at(T + 1_998).unwrap(), true));
    clock = self::clock(broken(2, T + 20_000));
    assert_eq!(clock.now(), at(T + 1_998).unwrap());
    // Both at once: the one far ahead agrees, and is not where the stream goes.
    let both = (0..2_000).map(|i| match i % 40 {
        7 => 0,
        8 => T + 1_000_000,
        _ => T + i,
    });
    assert_eq!(self::clock(both).now(), at(T + 1_999).unwrap());
}

#[test]
fn ticks_go_on_when_the_first_times_of_a_stream_are_given_up() {
    use crate::engine::detector::r#loop::LoopGuard;
    use crate::engine::finding::State;
    use crate::engine::testing::{Stream, with_detectors};
    let guard = LoopGuard { module: Some("m".into()), max_repeats: 3, ..LoopGuard::default() };
    let mut stream = Stream::new(&with_detectors(|detector| detector.r#loop.guards = vec![guard]));
    let line = |time: i64, message: &str| format!(r#"{{"time":{time},"module":"m","message":"{message}"}}"#);
    stream.line(&line(4_070_908_800, "a clock that stands in 2099"));
    (0..6).for_each(|i| stream.line(&line(T + i, "again")));
    stream.line(&line(T + 200, "and then no more"));
    let states: Vec<State> = stream.findings.iter().map(|finding| finding.state).collect();
    assert_eq!((states.first(), states.last()), (Some(&State::Open), Some(&State::Resolved)));
}

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Lines as they arrive: seconds, and one of so many hosts, in no rhythm.
    fn lines(&mut self, hosts: u64, rate: f64, seconds: f64) -> Vec<(f64, u64)> {
        let (mut at, mut lines) = (0.0, Vec::new());
        while at < seconds {
            at -= self.unit().ln() / rate;
            lines.push((at, hash((self.unit() * hosts as f64) as u64)));
        }
        lines
    }
}

fn hash(host: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&host.to_le_bytes())
}

/// Of a source: its lines, those outside, and when and by how much its clock was told ahead.
type OfSource = (usize, usize, Option<(f64, f64)>);

/// What has become of a stream.
#[derive(Default)]
struct Told {
    sources: BTreeMap<u64, OfSource>,
    /// How far the stream's time is from that of the lines, in seconds: the last, and the most.
    off: f64,
    most: f64,
}

impl Told {
    fn of(&self, host: u64) -> OfSource {
        self.sources[&hash(host)]
    }
    fn outside(&self) -> usize {
        self.sources.values().map(|source| source.1).sum()
    }

    fn is_told(&self) -> bool {
        self.sources.values().any(|source| source.2.is_some())
    }
}

/// Puts lines through a clock, each with when it arrives, its source, and the time it shows.
fn put(clock: &mut StreamClock, lines: impl IntoIterator<Item = (f64, u64, f64)>) -> Told {
    let mut told = Told::default();
    for (at, source, shows) in lines {
        let time = Timestamp(T * SECOND + (shows * 1e9) as i64);
        let moment = clock.accept(Some(time), source, Timestamp(0));
        let known = told.sources.entry(source).or_default();
        (known.0, known.1) = (known.0 + 1, known.1 + usize::from(moment.outside));
        if moment.ahead != 0 && known.2.is_none() {
            known.2 = Some((at, moment.ahead as f64 / 1e9));
        }
        told.off = moment.now.seconds_since(Timestamp(T * SECOND)) - at;
        told.most = if told.off.abs() > told.most.abs() { told.off } else { told.most };
        assert!(moment.time <= moment.now, "{moment:?}");
    }
    told
}

/// Lines of ten hosts, the first of which is off by so much from `from` on.
fn skewed(seed: u64, rate: f64, seconds: f64, from: f64, off: f64) -> Told {
    let lines = Dice(seed).lines(10, rate, seconds);
    let shows = |(at, host): (f64, u64)| (at, host, if host == hash(0) && at >= from { at + off } else { at });
    put(&mut StreamClock::new(10.0), lines.into_iter().map(shows))
}

#[test]
fn a_source_that_is_off_is_aligned_told_and_blinds_nobody() {
    let mut seed = 0;
    for off in [-18_000.0, -10_800.0, -1_200.0, -60.0, -40.0, 40.0, 60.0, 420.0, 3_600.0, 3_700.0, 18_000.0] {
        for (rate, from) in [(0.5, 0.0), (3.0, 0.0), (3.0, 400.0), (50.0, 0.0), (50.0, 100.0)] {
            seed += 1;
            let told = skewed(seed, rate, 900.0, from, off);
            let (_, outside, ahead) = told.of(0);
            let label = format!("{off} s off from {from} on at {rate}/s: {:?}, {}", told.of(0), told.off);
            let others = told.outside() - outside;
            assert!(outside <= 12.max(4 * rate as usize) && others <= 60, "{label}, others {others}");
            assert!(told.off.abs() <= 11.0 + 8.0 / rate, "{label}");
            let (at, by) = ahead.unwrap_or_else(|| panic!("never told: {label}"));
            assert!((by - off).abs() <= 10.0 && at <= from + 300.0, "{label}");
            assert!((1..10).all(|host| told.of(host).2.is_none()), "{label}");
        }
    }
}

#[test]
fn an_offset_of_seconds_is_none_and_right_clocks_are_never_told() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let rate = [0.05, 0.5, 5.0, 20.0][seed as usize % 4];
        let mut lines = dice.lines(1 + seed % 30, rate, 4_000.0 / rate.sqrt());
        // Each line comes up to eight seconds late, and one host is six seconds ahead.
        let shows = |(at, host): (f64, u64)| {
            let own = if host == hash(0) { at + 6.0 } else { at };
            (own, host, own - 8.0 * dice.unit().powi(4))
        };
        let mut lines: Vec<_> = lines.drain(..).map(shows).collect();
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all = lines.len();
        let told = put(&mut StreamClock::new(10.0), lines);
        assert!(!told.is_told() && told.outside() * 1_000 <= all, "{seed}: {} of {all}", told.outside());
    }
}

#[test]
fn lines_that_are_shipped_in_batches_are_analysed_and_no_fault_of_a_clock() {
    for (seed, every) in [(1, 30.0), (2, 60.0), (3, 60.0), (4, 240.0)] {
        let mut lines: Vec<_> = Dice(seed)
            .lines(5, 10.0, 20.0 * every)
            .into_iter()
            .map(|(at, host)| if host == hash(0) { ((at / every).ceil() * every, host, at) } else { (at, host, at) })
            .collect();
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        let told = put(&mut StreamClock::new(10.0), lines);
        let (count, outside, _) = told.of(0);
        assert!(!told.is_told() && outside * 4 < count, "{every}: {outside} of {count}");
        assert_eq!(told.outside(), outside);
    }
    // So are times to the minute.
    let minutes = Dice(5).lines(5, 10.0, 1_200.0).into_iter().map(|(at, host)| {
        let shows = if host == hash(0) { (at / 60.0).floor() * 60.0 } else { at };
        (at, host, shows)
    });
    let told = put(&mut StreamClock::new(10.0), minutes);
    let (count, outside, _) = told.of(0);
    assert!(!told.is_told() && outside * 4 < count, "{outside} of {count}");
}

#[test]
fn a_backlog_is_late_whoever_sends_it_and_however() {
    for (seed, back, pace) in [(1, 86_400.0, 0.0), (2, 7_200.0, 0.0), (3, 86_400.0, 10.0), (4, 1_800.0, 5.0)] {
        let mut lines: Vec<_> =
            Dice(seed).lines(4, 3.0, 1_800.0).into_iter().map(|(at, host)| (at, host, at)).collect();
        // In one block, or among the lines of now at another pace: of a host that also speaks now.
        lines.extend((0..300).map(|i| {
            let own = f64::from(i) * 0.95;
            (900.0 + if pace > 0.0 { own / pace } else { 0.0 }, hash(1), own - back)
        }));
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        let told = put(&mut StreamClock::new(10.0), lines);
        assert!((290..=300).contains(&told.outside()) && !told.is_told(), "{back} {pace}: {}", told.outside());
        assert!(told.off.abs() < 11.0, "{back} {pace}: {}", told.off);
    }
}

#[test]
fn hosts_that_also_speak_at_their_time_are_not_off() {
    for (seed, rate, share) in [(1, 30.0, 0.33), (2, 30.0, 0.4), (3, 3.0, 0.2), (4, 100.0, 0.45)] {
        let mut dice = Dice(seed);
        let lines: Vec<_> = dice.lines(6, rate, 600.0);
        let told = put(
            &mut StreamClock::new(10.0),
            lines
                .into_iter()
                .map(|(at, host)| (at, host, if at > 100.0 && dice.unit() < share { at - 60.0 } else { at })),
        );
        let outside = told.outside() as f64 / (500.0 * rate * share);
        assert!(!told.is_told() && outside > 0.8 && told.most.abs() < 11.0, "{share}: {outside} {}", told.most);
    }
}

#[test]
fn after_a_rest_a_few_lines_suffice_and_none_is_outside() {
    for hosts in [1, 2, 30] {
        for rest in [3_700.0, 36_000.0, 82_800.0, 4.0 * 86_400.0, 20.0 * 86_400.0] {
            let night = |seed: u64, from: f64| {
                Dice(seed)
                    .lines(hosts, 0.25 * hosts as f64, 1_200.0)
                    .into_iter()
                    .map(move |(at, host)| (from + at, host, from + at))
            };
            let mut clock = StreamClock::new(10.0);
            put(&mut clock, night(hosts, 0.0));
            let told = put(&mut clock, night(hosts + 1, 1_200.0 + rest).take(if rest > 8e5 { 40 } else { 20 }));
            assert!(told.outside() == 0 && told.off.abs() < 20.0, "{hosts} {rest}: {} {}", told.outside(), told.off);
        }
    }
}

#[test]
fn absurd_times_and_a_new_source_far_ahead_move_nothing() {
    for off in [3_601.0, 7_200.0, 86_400.0, 40_000_000.0, 2e9] {
        for (seed, hosts) in [(1, 1), (2, 2), (3, 30)] {
            // A new source, whose every third line in a row is one of three.
            let mut lines: Vec<_> =
                Dice(seed).lines(hosts, 5.0, 600.0).into_iter().map(|(at, host)| (at, host, at)).collect();
            lines.extend((0..300).map(|i| (300.0 + f64::from(i / 3), hash(99), 300.0 + f64::from(i / 3) + off)));
            lines.sort_by(|a, b| a.0.total_cmp(&b.0));
            let told = put(&mut StreamClock::new(10.0), lines);
            assert!(told.most.abs() < 20.0 && told.outside() == 0, "{off} {hosts}: {} {}", told.most, told.outside());
            let single = Dice(seed).lines(hosts, 5.0, 600.0).into_iter().enumerate();
            let single = single.map(|(i, (at, host))| (at, host, if i % 50 == 49 { at + off } else { at }));
            let told = put(&mut StreamClock::new(10.0), single);
            assert!(told.most.abs() < 20.0 && told.outside() == 0, "{off} {hosts}: {}", told.most);
        }
    }
}

#[test]
fn where_most_are_off_from_the_front_it_is_the_front_that_moves() {
    // Half an hour ahead, and the first to speak.
    let lines = [(0.0, hash(0))].into_iter().chain(Dice(1).lines(10, 5.0, 600.0));
    let told = put(
        &mut StreamClock::new(10.0),
        lines.map(|(at, host)| (at, host, if host == hash(0) { at + 1_800.0 } else { at })),
    );
    assert!(told.off.abs() < 11.0 && told.outside() < 20, "{} {}", told.off, told.outside());
    assert!(told.of(0).2.is_some_and(|(_, by)| (by - 1_800.0).abs() < 10.0));
}

#[test]
fn a_whole_stream_goes_back_by_an_hour_and_a_backlog_of_one_source_does_not() {
    for (hosts, back, lasts, moves) in
        [(1, 3_600.0, 900.0, true), (8, 3_600.0, 900.0, true), (1, 86_400.0, 900.0, false), (1, 5_000.0, 900.0, false)]
    {
        let mut clock = StreamClock::new(10.0);
        put(&mut clock, Dice(1).lines(hosts, 2.0, 1_000.0).into_iter().map(|(at, host)| (at, host, at)));
        let told = put(
            &mut clock,
            Dice(2).lines(hosts, 2.0, lasts).into_iter().map(|(at, host)| (1_000.0 + at, host, 1_000.0 + at - back)),
        );
        assert_eq!((told.off + back).abs() < 15.0, moves, "{hosts} {back}: {}", told.off);
        assert!(!told.is_told());
    }
}

#[test]
fn a_clock_that_is_set_right_is_right_again() {
    let mut clock = StreamClock::new(10.0);
    let off = |(at, host): (f64, u64), off: f64| (at, host, if host == hash(0) { at + off } else { at });
    let told = put(&mut clock, Dice(1).lines(10, 5.0, 600.0).into_iter().map(|line| off(line, 420.0)));
    assert!(told.is_told());
    let told =
        put(&mut clock, Dice(2).lines(10, 5.0, 600.0).into_iter().map(|(at, host)| (600.0 + at, host, 600.0 + at)));
    assert!(told.of(0).1 == 0 && told.off.abs() < 11.0);
    let last = clock.accept(Some(Timestamp((T + 1_201) * SECOND)), hash(0), Timestamp(0));
    assert_eq!((last.ahead, last.outside), (0, false));
}

#[test]
fn a_state_of_the_version_before_is_taken_over_and_a_new_one_goes_on_alike() {
    #[derive(Serialize)]
    struct Before {
        allowed_lateness: i64,
        highest: Timestamp,
        own: bool,
        confirmations: u32,
        ahead: Option<(Timestamp, u32)>,
        late: u64,
        running: RunningTime,
    }
    let before = Before {
        allowed_lateness: 10 * SECOND,
        highest: Timestamp(T * SECOND),
        own: true,
        confirmations: 500,
        ahead: Some((Timestamp(0), 3)),
        late: 7,
        running: RunningTime::default(),
    };
    let mut kept: StreamClock = unpack(&pack(&before)).unwrap();
    assert_eq!((kept.now(), kept.late_events()), (Timestamp(T * SECOND), 7));
    let lines = |seed: u64, from: f64| {
        Dice(seed)
            .lines(10, 5.0, 300.0)
            .into_iter()
            .map(move |(at, host)| (from + at, host, from + at + if host == hash(0) { 420.0 } else { 0.0 }))
    };
    put(&mut kept, lines(1, 0.0));
    let mut again: StreamClock = unpack(&pack(&kept)).unwrap();
    for (at, host, shows) in lines(2, 300.0) {
        let time = Some(Timestamp(T * SECOND + (shows * 1e9) as i64));
        assert_eq!(kept.accept(time, host, Timestamp(0)), again.accept(time, host, Timestamp(0)), "at {at}");
    }
}

#[test]
fn a_fifth_of_the_hosts_off_by_seconds_to_hours_are_told_and_no_others() {
    let (mut all, mut outside) = (0, 0);
    for seed in 0..60 {
        let mut dice = Dice(seed * 7 + 1);
        let (hosts, from) = (10 + seed % 40, if seed % 2 == 0 { 0.0 } else { 300.0 });
        let off: BTreeMap<u64, f64> = (0..hosts / 5)
            .map(|host| {
                let far = (3f64.ln() + dice.unit() * 6_000f64.ln()).exp();
                (hash(host), if dice.unit() < 0.5 { far } else { -far })
            })
            .collect();
        let lines = dice.lines(hosts, 20.0, 900.0);
        let shows = |(at, host): (f64, u64)| {
            (at, host, at + if at < from { 0.0 } else { off.get(&host).copied().unwrap_or(0.0) })
        };
        let told = put(&mut StreamClock::new(10.0), lines.into_iter().map(shows));
        assert!(told.off.abs() < 21.0, "{seed}: {}", told.off);
        for (host, (lines, late, ahead)) in &told.sources {
            let by = off.get(host).copied().unwrap_or(0.0);
            (all, outside) = (all + lines, outside + late);
            assert!(by.abs() > 20.0 || ahead.is_none(), "{seed}: {by} was told as {ahead:?}");
            assert!(by.abs() < 52.0 || ahead.is_some(), "{seed}: {by} was not told");
        }
    }
    assert!(outside * 100 < all, "{outside} of {all} are in no window");
}
