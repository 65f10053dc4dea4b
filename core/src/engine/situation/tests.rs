use super::*;
use crate::engine::finding::{Evidence, Key, Measured, RateEvidence, SituationRole};
use crate::engine::incident::{IncidentId, Opening, Policy};
use crate::engine::snapshot::{pack, unpack};
use crate::event::Level;
use proptest::prelude::*;

/// Incidents that open and end, and what is told of them.
struct Stream {
    incidents: Incidents,
    situations: Situations,
    told: Vec<Finding>,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000 + seconds)
}

fn opening(detector: DetectorName, key: &[(&str, &str)], text: &str, severity: Severity) -> Opening {
    let example = Some(vec![text.to_owned()]).filter(|_| !text.is_empty());
    Opening {
        detector,
        kind: "surge".into(),
        rule: None,
        severity,
        key: Key(key.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()),
        count: 10,
        score: 0.5,
        measured: Measured { expected: Some(0.1), ..Measured::default() },
        evidence: Evidence::Rate(RateEvidence { example, ..RateEvidence::default() }),
        worst: Some(Level::Error),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

impl Stream {
    fn new() -> Self {
        Self::with(SituationOptions::default())
    }

    fn with(options: SituationOptions) -> Self {
        let incidents = Incidents::new(Policy::default(), 100_000);
        Self { incidents, situations: Situations::new(options), told: Vec::new() }
    }

    fn open(&mut self, second: i64, opening: Opening) -> IncidentId {
        self.tick(second);
        let mut findings = Vec::new();
        let id = self.incidents.open(opening, at(second), &mut findings);
        self.place(findings, second);
        id
    }

    /// A burst of errors `text` in `module`.
    fn burst(&mut self, second: i64, module: &str, text: &str) -> IncidentId {
        self.open(second, opening(DetectorName::Burst, &[("module", module)], text, Severity::Critical))
    }

    /// The last event of an incident comes at `second`.
    fn hear(&mut self, second: i64, id: IncidentId) {
        let mut findings = Vec::new();
        self.incidents.join(id, 1, None, at(second), &mut findings);
        self.place(findings, second);
    }

    fn resolve(&mut self, second: i64, id: IncidentId) {
        self.tick(second);
        let mut findings = Vec::new();
        self.incidents.resolve(id, at(second), &mut findings);
        self.place(findings, second);
    }

    fn place(&mut self, mut findings: Vec<Finding>, second: i64) {
        self.situations.place(&mut findings, None, &self.incidents, at(second));
        self.told.append(&mut findings);
    }

    fn tick(&mut self, second: i64) {
        let mut findings = Vec::new();
        self.incidents.tick(at(second), &mut findings);
        self.place(findings, second);
        self.situations.tick(at(second), &mut self.told);
    }

    fn last(&self) -> &InSituation {
        self.told.last().and_then(|finding| finding.situation.as_ref()).unwrap()
    }

    /// The number of different situations among what was told.
    fn count(&self) -> usize {
        let ids: BTreeSet<_> = self.told.iter().filter_map(|finding| Some(&finding.situation.as_ref()?.id)).collect();
        ids.len()
    }

    fn states(&self) -> Vec<(State, State)> {
        let states = |finding: &Finding| Some((finding.state, finding.situation.as_ref()?.state));
        self.told.iter().filter_map(states).collect()
    }
}

#[test]
fn one_database_is_one_situation_that_has_its_name() {
    let mut stream = Stream::new();
    for i in 0..30 {
        stream.burst(i, &format!("svc{i:02}"), "cannot reach database db-1: connection refused");
    }
    let last = stream.last();
    assert_eq!((stream.count(), last.incidents, last.severity), (1, 30, Severity::Critical));
    assert!(last.title.starts_with("db-1: cannot reach database db-1"), "{}", last.title);
    assert!(last.title.ends_with("svc00, svc01, svc02, svc03, svc04 and 25 more fail with it"), "{}", last.title);
    assert_eq!(last.cause.as_ref().unwrap().host.as_deref(), Some("db-1"));
    assert_eq!((last.places.len(), last.places[0].as_str()), (8, "db-1"));
    assert_eq!((last.role, last.reason.as_str()), (SituationRole::Effect, "both name db-1"));
    let severities: Vec<_> = stream.told.iter().map(|finding| finding.severity).collect();
    assert_eq!((severities[0], &severities[1..]), (Severity::Critical, &[Severity::Info; 29][..]));
}

#[test]
fn what_others_name_is_the_cause_whenever_it_opens() {
    for order in
        [["orders-db", "billing", "catalog"], ["billing", "orders-db", "catalog"], ["billing", "catalog", "orders-db"]]
    {
        let mut stream = Stream::new();
        for (i, module) in order.into_iter().enumerate() {
            let text = match module {
                "orders-db" => "could not extend relation: No space left on device",
                _ => "query 4711 failed: orders-db refused the connection",
            };
            stream.burst(i as i64, module, text);
        }
        let last = stream.last().clone();
        assert_eq!((stream.count(), last.incidents), (1, 3), "{order:?}");
        assert!(last.title.starts_with("orders-db: could not extend relation"), "{order:?} {}", last.title);
        assert_eq!(last.cause.unwrap().module.as_deref(), Some("orders-db"), "{order:?}");
        let roles: Vec<_> = stream.told.iter().map(|finding| finding.situation.as_ref().unwrap().role).collect();
        assert!(roles.contains(&SituationRole::Effect), "{order:?} {roles:?}");
    }
}

/// Failures of a module that sit on one host are that host's.
#[test]
fn the_one_bad_host_is_the_cause() {
    let mut stream = Stream::new();
    stream.burst(0, "pay", "payment was not confirmed");
    let key = [("module", "pay"), ("host", "pay-v2-9f3c1")];
    stream.open(50, opening(DetectorName::Spread, &key, "payment was not confirmed", Severity::Warning));
    let last = stream.last();
    assert_eq!(
        (last.title.as_str(), last.role),
        ("pay on pay-v2-9f3c1: payment was not confirmed", SituationRole::Cause)
    );
    assert_eq!(last.places, ["pay-v2-9f3c1", "pay"]);
    assert_eq!(last.cause.as_ref().unwrap().host.as_deref(), Some("pay-v2-9f3c1"));
}

/// The gateway names a service, which names the database: the deepest is the cause.
#[test]
fn of_a_chain_the_deepest_is_the_cause() {
    let mut stream = Stream::new();
    stream.burst(0, "gateway", "503 /billing/invoices");
    stream.burst(3, "billing", "user-db refused the connection");
    stream.burst(6, "user-db", "disk is full");
    assert_eq!(stream.count(), 1);
    assert!(stream.last().title.starts_with("user-db: disk is full"), "{}", stream.last().title);
}

#[test]
fn faults_that_share_nothing_but_the_minute_stay_apart() {
    for (one, other) in [
        (("billing", "ledger is locked by another writer"), ("search", "index segment is corrupt")),
        (("billing", "request 17 failed: timeout"), ("search", "request 18 was refused by rule")),
        (("mailer", "relay smtp-1 answers 451"), ("catalog", "cache-7 is read only")),
        (("web", "java.lang.NullPointerException"), ("batch", "java.lang.IllegalStateException: closed")),
        (("auth", "token expired"), ("stock", "lease lost")),
    ] {
        let mut stream = Stream::new();
        stream.burst(0, one.0, one.1);
        stream.burst(2, other.0, other.1);
        assert_eq!(stream.count(), 2, "{one:?} {other:?}");
    }
}

/// A name that most situations have in their errors ties nothing together.
#[test]
fn a_name_that_is_in_all_errors_ties_nothing() {
    let mut stream = Stream::new();
    for i in 0..20 {
        let id = stream.burst(i * 20_000, &format!("svc{i}"), &format!("via proxy-1: {i} failed in another way"));
        stream.resolve(i * 20_000 + 10, id);
    }
    let before = stream.count();
    stream.burst(500_000, "web", "via proxy-1: no answer");
    stream.burst(500_001, "batch", "via proxy-1: out of memory");
    assert_eq!(stream.count(), before + 2);
}

#[test]
fn incidents_at_one_place_are_one_situation() {
    let mut stream = Stream::new();
    stream.open(
        0,
        opening(DetectorName::Novelty, &[("module", "pay"), ("template", "a1")], "no answer", Severity::Warning),
    );
    stream.burst(9, "pay", "no answer");
    stream
        .open(20, opening(DetectorName::Loop, &[("module", "pay"), ("thread", "4")], "no answer", Severity::Critical));
    stream.open(25, opening(DetectorName::Rule, &[("user", "x")], "", Severity::Critical));
    let told: Vec<_> = stream.told.iter().map(|finding| (finding.detector, finding.severity)).collect();
    // The burst makes it worse; the loop does not; a rule keeps its severity.
    assert_eq!(
        told,
        [
            (DetectorName::Novelty, Severity::Warning),
            (DetectorName::Burst, Severity::Critical),
            (DetectorName::Loop, Severity::Info),
            (DetectorName::Rule, Severity::Critical)
        ]
    );
    assert_eq!(stream.count(), 2);
    assert_eq!(stream.told[2].situation.as_ref().unwrap().reason, "it is of the same module pay");
}

/// What begins long after anything has happened at its place does not belong to it.
#[test]
fn what_rests_is_joined_by_nothing() {
    let mut stream = Stream::new();
    let id = stream.burst(0, "pay", "no answer");
    stream.hear(100, id);
    stream.open(650, opening(DetectorName::Latency, &[("module", "pay")], "", Severity::Warning));
    stream.open(1_400, opening(DetectorName::Silence, &[("module", "pay")], "", Severity::Warning));
    assert_eq!(stream.count(), 2);
}

#[test]
fn the_end_is_told_after_a_quiet_time_and_ends_the_situation() {
    let mut stream = Stream::new();
    let id = stream.burst(0, "pay", "no answer");
    stream.hear(100, id);
    stream.resolve(130, id);
    assert_eq!(stream.states(), [(State::Open, State::Open)]);
    stream.tick(159);
    assert_eq!(stream.told.len(), 1);
    stream.tick(160);
    assert_eq!(stream.states(), [(State::Open, State::Open), (State::Resolved, State::Resolved)]);
    assert_eq!(stream.told[1].said_at, at(160));
    assert_eq!(stream.situations.open_by_severity(), [0, 0, 0]);
    assert!(stream.situations.members.is_empty() && stream.situations.held.is_empty());
}

/// A burst that hands over to a loop is no all-clear.
#[test]
fn a_situation_that_goes_on_elsewhere_is_not_resolved() {
    let mut stream = Stream::new();
    let burst = stream.burst(0, "pay", "no answer");
    let a_loop = stream.open(20, opening(DetectorName::Loop, &[("module", "pay")], "no answer", Severity::Critical));
    stream.resolve(40, burst);
    stream.tick(400);
    assert_eq!(stream.states()[2..], [(State::Resolved, State::Ongoing)]);
    stream.hear(900, a_loop);
    stream.resolve(910, a_loop);
    stream.tick(2_000);
    assert_eq!(stream.states()[3..], [(State::Resolved, State::Resolved)]);
}

#[test]
fn what_flaps_is_one_incident_that_is_told_ever_less() {
    let mut stream = Stream::new();
    for round in 0..12 {
        let id = stream.burst(300 * round, "web", "gone");
        stream.hear(300 * round + 120, id);
        stream.resolve(300 * round + 150, id);
    }
    stream.tick(10_000);
    let opened = stream.told.iter().filter(|finding| finding.state == State::Open).count();
    let resolved = stream.told.iter().filter(|finding| finding.state == State::Resolved).count();
    assert_eq!((stream.count(), opened, resolved), (1, 2, 2), "{:?}", stream.states());
    let last = stream.last();
    assert!(last.title.ends_with("(it has come back 11 times, every 5 min)"), "{}", last.title);
    assert!(stream.told.len() <= 9, "{}", stream.told.len());
}

#[test]
fn what_comes_back_within_the_hour_is_the_same_situation_and_later_another() {
    let mut stream = Stream::new();
    for (begin, count) in [(0, 1), (2_000, 1), (4_000, 1), (12_000, 2)] {
        let id = stream.burst(begin, "web", "gone");
        stream.resolve(begin + 10, id);
        stream.tick(begin + 3_900);
        assert_eq!(stream.count(), count, "{begin}");
    }
    let incidents: Vec<_> = stream
        .told
        .iter()
        .filter(|finding| finding.state == State::Open)
        .filter_map(|finding| Some(finding.situation.as_ref()?.incidents))
        .collect();
    assert_eq!(incidents, [1, 2, 3, 1]);
}

/// A return within the quiet time goes on under the id, the beginning and the count it had.
#[test]
fn an_incident_that_comes_back_goes_on() {
    let mut stream = Stream::new();
    let first = stream.burst(0, "web", "gone");
    stream.resolve(5, first);
    let again = stream.burst(30, "web", "gone");
    stream.hear(31, again);
    stream.resolve(40, again);
    stream.tick(1_000);
    let told: Vec<_> = stream.told.iter().map(|finding| (finding.state, finding.count)).collect();
    assert_eq!(told, [(State::Open, 10), (State::Ongoing, 20), (State::Resolved, 21)]);
    assert!(stream.told.iter().all(|finding| finding.id == stream.told[0].id && finding.opened_at == at(0)));
    assert_eq!(stream.told[2].duration_s, Some(31.0));
}

#[test]
fn a_restart_goes_on_with_the_same_situation() {
    let mut stream = Stream::new();
    let burst = stream.burst(0, "web", "db-1 refused");
    let held = stream.burst(1, "pay", "db-1 refused");
    stream.resolve(5, held);
    let kept: SituationsSnapshot = unpack(&pack(&stream.situations.snapshot())).unwrap();
    let mut again = Stream { incidents: stream.incidents.clone(), told: Vec::new(), ..Stream::new() };
    let incidents = again.incidents.clone();
    again.situations.restore(kept, |id| incidents.is_open(IncidentId(id)));
    again.burst(10, "stock", "db-1 refused");
    assert_eq!(again.last().id, stream.last().id);
    assert_eq!(again.last().incidents, 3);
    again.tick(500);
    assert_eq!(again.told.last().unwrap().key.value("module"), Some("pay"));
    again.resolve(510, burst);
    assert_eq!(again.situations.open_by_severity(), [0, 0, 1]);
}

#[test]
fn switched_off_each_incident_is_told_for_itself() {
    let mut stream = Stream::with(SituationOptions { enabled: false, ..SituationOptions::default() });
    let id = stream.burst(0, "web", "db-1 refused");
    stream.burst(1, "pay", "db-1 refused");
    stream.resolve(2, id);
    let told: Vec<_> = stream.told.iter().map(|finding| (finding.state, finding.severity)).collect();
    let critical = Severity::Critical;
    assert_eq!(told, [(State::Open, critical), (State::Open, critical), (State::Resolved, critical)]);
    assert!(stream.told.iter().all(|finding| finding.situation.is_none()));
}

#[test]
fn tables_are_bounded() {
    let mut stream = Stream::new();
    let ids: Vec<_> = (0..20_000).map(|i| stream.burst(i / 100, &format!("m{i}"), &format!("gone {i}"))).collect();
    let situations = &stream.situations;
    assert!(situations.open.len() <= OPEN && situations.members.len() <= MEMBERS, "{}", situations.members.len());
    ids.into_iter().for_each(|id| stream.resolve(300, id));
    stream.tick(10_000);
    let situations = &stream.situations;
    assert_eq!((situations.open.len(), situations.members.len(), situations.held.len()), (0, 0, 0));
    assert!(situations.resting.len() <= RESTING && situations.due.is_empty());
}

proptest! {
    /// Whatever opens and ends: the severity of an incident never falls, each id that was opened is
    /// resolved at most once, and nothing is left once all have ended.
    #[test]
    fn a_life_is_in_order(steps in proptest::collection::vec((0u8..6, 0i64..200, any::<bool>()), 1..80)) {
        let mut stream = Stream::new();
        let (mut now, mut open) = (0, BTreeMap::new());
        for (module, pause, is_critical) in steps {
            now += pause;
            match open.remove(&module) {
                Some(id) => stream.resolve(now, id),
                None => {
                    let severity = if is_critical { Severity::Critical } else { Severity::Warning };
                    let module_name = format!("m{module}");
                    let key = [("module", module_name.as_str())];
                    let text = if module % 2 == 0 { "db-1 is gone" } else { "closed" };
                    open.insert(module, stream.open(now, opening(DetectorName::Burst, &key, text, severity)));
                }
            }
        }
        open.into_values().for_each(|id| stream.resolve(now + 1, id));
        stream.tick(now + 10_000);
        let mut lives: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &stream.told {
            lives.entry(&finding.id).or_default().push(finding);
        }
        for life in lives.values() {
            prop_assert_eq!(life[0].state, State::Open);
            prop_assert_eq!(life.iter().filter(|finding| finding.state == State::Resolved).count(), 1);
            prop_assert_eq!(life.last().unwrap().state, State::Resolved);
            prop_assert!(life.windows(2).all(|pair| pair[0].severity <= pair[1].severity));
            prop_assert!(life.windows(2).all(|pair| pair[0].count <= pair[1].count));
        }
        prop_assert!(stream.situations.open.is_empty() && stream.situations.members.is_empty());
    }
}
