//! Overrides, guards, and what bounds memory and ticks.

use super::*;

#[test]
fn overrides_switch_actors_off_and_on_and_change_what_it_takes() {
    let of = |module: &str| LoopOverride { module: Some(module.to_owned()), ..LoopOverride::default() };
    let stream_of = |enabled: bool, overrides: &[LoopOverride]| {
        let mut stream = Stream::with(LoopOptions { enabled, overrides: overrides.to_vec(), ..LoopOptions::default() });
        (0..3_000).for_each(|i| stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done")));
        for i in 0..100 {
            for actor in ["m3", "batch.a", "batch.b"] {
                stream.put(T + i * 20, "ERROR", actor, "cannot bind port");
            }
        }
        let mut opened: Vec<_> =
            stream.opened().into_iter().map(|finding| (finding.key.0[0].1.clone(), finding.count)).collect();
        opened.sort();
        opened
    };
    let all: Vec<_> = stream_of(true, &[]).into_iter().map(|(module, _)| module).collect();
    assert_eq!(all, ["batch.a", "batch.b", "m3"]);
    let off = LoopOverride { enabled: Some(false), ..of("batch.*") };
    assert_eq!(stream_of(true, std::slice::from_ref(&off)).len(), 1);
    let only = stream_of(false, &[LoopOverride { enabled: Some(true), ..of("batch.b") }, off.clone()]);
    assert_eq!((only.len(), only[0].0.as_str()), (1, "batch.b"));
    let later = stream_of(true, &[LoopOverride { min_repeats: Some(50), ..of("m3") }, off]);
    assert!(later[0].1 >= 50, "{later:?}");
}

#[test]
fn a_million_actors_stay_under_the_cap() {
    let mut detector = Loop::new(&LoopOptions::default(), SharedOptions { keys: 1_000, ..SharedOptions::default() });
    let mut findings = Vec::new();
    let mut parser = testing::parser();
    for chunk in 0..100 {
        let text: String =
            (0..10_000).map(|i| format!("{{\"thread\":{},\"message\":\"hello\"}}\n", chunk * 10_000 + i)).collect();
        let batch = testing::parsed_batch(&mut parser, &text);
        let at = |i: usize| Timestamp::from_millis(chunk * 10_000 + i as i64);
        testing::observe(&mut detector, &batch, at, &mut findings);
    }
    let tables = detector.tables();
    assert_eq!((tables[0].keys, tables[0].evictions), (1_000, 999_000));
    assert_eq!(findings, []);
}

#[test]
fn a_guard_holds_from_the_first_event_and_ends_with_its_window() {
    let guard =
        |glob: &str, max_repeats| LoopGuard { module: Some(glob.to_owned()), max_repeats, ..LoopGuard::default() };
    let options = LoopOptions { guards: vec![guard("pay*", 5), guard("*", 50)], ..LoopOptions::default() };
    let mut stream = Stream::with(options);
    for i in 0..40 {
        stream.put(i * 3_000, "INFO", "payment", "charging the card again");
        stream.put(i * 3_000, "INFO", "payment", &format!("order {i}"));
        stream.put(i * 3_000, "INFO", "other", "all is well");
    }
    stream.put(400_000, "INFO", "other", "later");
    stream.put(402_000, "INFO", "other", "later still");
    let opened = stream.opened();
    assert_eq!(opened.len(), 1, "{opened:?}");
    let open = opened[0];
    assert_eq!(
        (open.kind.as_str(), open.count, open.measured.observed, open.measured.expected.unwrap()),
        ("guard", 6, 6.0, 5.0)
    );
    assert!(open.summary.sentence.contains("payment") && open.measured.p_value.is_none(), "{open:?}");
    let last = stream.findings.last().unwrap();
    assert_eq!((last.state, last.count, &last.id), (State::Resolved, 40, &open.id));
}

#[test]
fn a_guarded_loop_is_one_incident() {
    let guards = vec![LoopGuard { module: Some("m3".into()), max_repeats: 3, ..LoopGuard::default() }];
    let mut stream = Stream::with(LoopOptions { guards, ..LoopOptions::default() });
    (0..3_000).for_each(|i| stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done")));
    (0..200).for_each(|i| stream.put(T + i * 20, "ERROR", "m3", "cannot bind port"));
    assert_eq!(stream.opened().iter().map(|open| open.kind.as_str()).collect::<Vec<_>>(), ["guard"]);
}

#[test]
fn a_tick_looks_at_what_is_due_however_many_loops_are_open() {
    let parsed = |modules: usize| {
        let within = HumanDuration::from_secs(3_600);
        let guard = LoopGuard { module: Some("*".into()), max_repeats: 2, within, ..LoopGuard::default() };
        let options = LoopOptions { guards: vec![guard], ..LoopOptions::default() };
        let mut detector = Loop::new(&options, SharedOptions::default());
        let mut incidents = Incidents::new(Policy::default(), 10_000);
        let line = |i: usize| format!("{{\"module\":\"m{}\",\"message\":\"again\"}}\n", i % modules);
        let batch = testing::parsed_batch(&mut testing::parser(), &(0..5 * modules).map(line).collect::<String>());
        let start = Timestamp::from_seconds(1_767_600_000);
        testing::observe_into(&mut detector, &batch, |_| start, &mut incidents, &mut Vec::new());
        assert_eq!(incidents.open_by_detector().iter().sum::<u64>(), modules as u64);
        testing::pass(&mut detector, &mut incidents, start, 0, 1_800);
        let before = detector.guards.open.looks() + detector.open.looks();
        testing::pass(&mut detector, &mut incidents, start, 1_800, 3_000);
        assert_eq!(incidents.open_by_detector().iter().sum::<u64>(), 0);
        (before, detector.guards.open.looks())
    };
    // None before the end of its window, where each is seen once, and once more where that is a
    // rounding early.
    for modules in [100, 200] {
        let (before, all) = parsed(modules);
        assert!(before == 0 && (modules..=2 * modules).contains(&all), "{before} {all}");
    }
}
