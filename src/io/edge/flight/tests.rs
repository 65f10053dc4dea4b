use super::piece::MESSAGE_BYTES;
use super::suspects::{BREAKS, STRIKES};
use super::*;
use crate::event::{DeliveryToken, msgpack};
use crate::io::entries::{Entries, Run};
use crate::io::outputs::{OutputBatch, Outputs, Queue};
use crate::io::shutdown::Progress;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl DeliveryToken for Counted {
    fn release(self: Box<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Makes parcels, and counts those that were delivered.
struct Maker {
    exits: Outputs,
    queue: mpsc::Receiver<QueuedBatch>,
    delivered: Arc<AtomicUsize>,
}

impl Maker {
    fn new(form: Form) -> Self {
        let (parcels, queue) = mpsc::channel(8);
        let exits = Outputs::new(None, vec![Queue { form, parcels }], Arc::new(Progress::default()));
        Self { exits, queue, delivered: Arc::default() }
    }

    fn make(&mut self, lines: &str, entries: Entries) -> QueuedBatch {
        let tokens: Vec<Box<dyn DeliveryToken>> = vec![Box::new(Counted(Arc::clone(&self.delivered)))];
        self.exits.send(OutputBatch { lines: vec![lines.as_bytes()], entries, records: 1, tokens }).unwrap();
        self.queue.try_recv().unwrap()
    }

    fn lines(&mut self, lines: &str) -> QueuedBatch {
        self.make(lines, Entries::default())
    }

    fn delivered(&self) -> usize {
        self.delivered.load(Ordering::SeqCst)
    }
}

fn text(flight: &Flight, i: usize) -> &str {
    std::str::from_utf8(flight.bytes(i)).unwrap()
}

fn all(flight: &Flight) -> Vec<&str> {
    (0..flight.pieces().len()).map(|i| text(flight, i)).collect()
}

/// Plays a peer: `wants` says whether a message is taken. What was taken, and what was condemned.
fn play(flight: &mut Flight, rounds: usize, mut wants: impl FnMut(&str) -> bool) -> (Vec<String>, Vec<String>) {
    let (mut taken, mut poison) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        flight.restart();
        let i = match flight.is_careful() {
            true => flight.next(),
            false => flight.first_unsent().map(Next::Piece),
        };
        match i {
            None => break,
            Some(Next::Harmless) => {
                flight.probe = Some(1);
                let line = String::from_utf8(flight.harmless().unwrap().1.to_vec()).unwrap();
                if wants(&line) {
                    flight.taken_as(1)
                } else {
                    flight.broke();
                }
            }
            Some(Next::Piece(i)) => {
                flight.set_chunk(i, 0);
                let lines = text(flight, i).to_owned();
                if wants(&lines) {
                    taken.extend(lines.lines().map(str::to_owned));
                    flight.taken(i);
                } else if let PieceVerdict::Poison(i) = flight.broke() {
                    poison.push(text(flight, i).trim_end().to_owned());
                    flight.remove(i);
                }
            }
        }
    }
    (taken, poison)
}

#[test]
fn parcels_are_cut_at_records_and_delivered_once_all_of_them_are_settled() {
    let (mut maker, mut flight) =
        (Maker::new(Form::Lines), Flight::new(Form::Lines, Most { records: 3, ..Most::of_write() }, true));
    let parcel = maker.lines("a\nb\nc\nd\ne\nf\ng");
    flight.take(parcel);
    assert_eq!(all(&flight), ["a\nb\nc\n", "d\ne\nf\n", "g"]);
    assert_eq!(flight.pieces().iter().map(|piece| piece.records).collect::<Vec<_>>(), [3, 3, 1]);
    flight.split(1, 2);
    assert_eq!(all(&flight), ["a\nb\nc\n", "d\ne\n", "f\n", "g"]);
    for left in (0..4).rev() {
        assert_eq!(maker.delivered(), 0);
        flight.taken(left / 2);
    }
    assert!(flight.is_empty() && flight.parcels() == 0);
    assert_eq!(maker.delivered(), 1);
    // A line that is longer than any message goes alone.
    let long = "x".repeat(MESSAGE_BYTES + 1);
    let parcel = maker.lines(&format!("a\nb\n{long}\nc\n"));
    flight.take(parcel);
    assert_eq!(all(&flight).iter().map(|piece| piece.len()).collect::<Vec<_>>(), [4, MESSAGE_BYTES + 2, 2]);
    assert_eq!((flight.together(), flight.fills_a_message()), (1, true));
}

#[test]
fn entries_are_cut_at_entries_with_their_tag() {
    let (mut maker, mut flight) =
        (Maker::new(Form::Entries), Flight::new(Form::Entries, Most { records: 2, ..Most::of_write() }, true));
    let mut entries = Entries::default();
    for (tag, count) in [("a", 5), ("b", 1)] {
        let start = entries.bytes.len();
        for i in 0..count {
            entries.bytes.extend_from_slice(&[0x92, i, 0x81]);
            msgpack::put_text(b"message", &mut entries.bytes);
            msgpack::put_text(b"x", &mut entries.bytes);
        }
        entries.runs.push(Run { tag: tag.into(), bytes: start..entries.bytes.len(), count: count.into() });
    }
    let whole = entries.bytes.clone();
    let parcel = maker.make("", entries);
    flight.take(parcel);
    let counts: Vec<_> = flight.pieces().iter().map(|piece| piece.records).collect();
    assert_eq!(counts, [2, 2, 1, 1]);
    assert_eq!((0..4).map(|i| flight.tag(i)).collect::<Vec<_>>(), [b"a", b"a", b"a", b"b"]);
    assert_eq!((0..4).flat_map(|i| flight.bytes(i).to_vec()).collect::<Vec<_>>(), whole);
    (0..4).for_each(|_| flight.taken(0));
    assert_eq!((maker.delivered(), flight.harmless().unwrap().0), (1, &b"b"[..]));
    // One that holds nothing for this end is delivered at once.
    let parcel = maker.make("only a line\n", Entries::default());
    flight.take(parcel);
    assert_eq!((maker.delivered(), flight.parcels()), (2, 0));
}

#[test]
fn poison_is_found_wherever_it_is_and_everything_else_is_taken_in_order() {
    for marked in [&[0][..], &[499], &[999], &[0, 1, 2], &[0, 500, 999], &[3, 4]] {
        let (mut maker, mut flight) = (Maker::new(Form::Lines), Flight::new(Form::Lines, Most::of_write(), true));
        let line = |i: usize| if marked.contains(&i) { format!("{i} poison\n") } else { format!("{i}\n") };
        for half in [0..400, 400..1_000] {
            let parcel = maker.lines(&half.map(line).collect::<String>());
            flight.take(parcel);
        }
        let mut sent = 0;
        let (taken, poison) = play(&mut flight, 1_000, |lines| {
            sent += lines.lines().count();
            !lines.contains("poison")
        });
        assert!(sent < 1_000 * (BREAKS as usize + 4), "{marked:?}: {sent} lines were sent");
        let expected: Vec<String> = (0..1_000).filter(|i| !marked.contains(i)).map(|i| i.to_string()).collect();
        assert_eq!(taken, expected, "{marked:?}");
        assert_eq!(poison, marked.iter().map(|i| format!("{i} poison")).collect::<Vec<_>>());
        assert!(flight.is_empty() && maker.delivered() == 2 && !flight.is_careful(), "{marked:?}");
    }
}

#[test]
fn a_peer_that_takes_nothing_gets_nothing_condemned_and_all_of_it_once_it_is_back() {
    let (mut maker, mut flight) = (Maker::new(Form::Lines), Flight::new(Form::Lines, Most::of_write(), true));
    let lines: Vec<String> = (0..1_000).map(|i| i.to_string()).collect();
    let parcel = maker.lines(&lines.join("\n"));
    flight.take(parcel);
    assert_eq!(play(&mut flight, 5_000, |_| false), (vec![], vec![]));
    assert!(flight.pieces().len() < 2 * SUSPECTS, "{}", flight.pieces().len());
    let (mut taken, poison) = play(&mut flight, 5_000, |_| true);
    assert_eq!(poison, Vec::<String>::new());
    taken.sort_by_key(|line| line.parse::<usize>().unwrap());
    assert_eq!((taken, maker.delivered()), (lines, 1));
}

#[test]
fn a_record_that_is_alone_is_judged_by_one_that_was_taken_before_and_by_none_without() {
    let (mut maker, mut flight) = (Maker::new(Form::Lines), Flight::new(Form::Lines, Most::of_write(), true));
    let wants = |lines: &str| !lines.contains("poison");
    let parcel = maker.lines("poison\n");
    flight.take(parcel);
    assert_eq!(play(&mut flight, 1_000, wants), (vec![], vec![]), "nobody knows that this peer takes anything");
    let parcel = maker.lines("one\n");
    flight.take(parcel);
    let (taken, poison) = play(&mut flight, 1_000, wants);
    assert_eq!((taken, poison), (vec!["one".to_owned()], vec!["poison".to_owned()]));
    let parcel = maker.lines("poison again\n");
    flight.take(parcel);
    let (taken, poison) = play(&mut flight, 1_000, wants);
    assert_eq!((taken, poison), (vec![], vec!["poison again".to_owned()]));
    // The same record while the peer takes nothing, as one that has crashed: not condemned.
    let parcel = maker.lines("poison\n");
    flight.take(parcel);
    assert_eq!(play(&mut flight, 1_000, |_| false), (vec![], vec![]));
    assert_eq!(maker.delivered(), 3);
}

#[test]
fn where_nothing_is_acknowledged_only_what_is_refused_many_times_in_a_row_is_condemned() {
    let (mut maker, mut flight) = (Maker::new(Form::Lines), Flight::new(Form::Lines, Most::of_write(), false));
    let parcel = maker.lines("one\npoison\ntwo\n");
    flight.take(parcel);
    let mut refused = 0;
    let (taken, poison) = play(&mut flight, 1_000, |lines| {
        refused += u32::from(lines == "poison\n");
        !lines.contains("poison")
    });
    assert_eq!((taken.len(), poison, refused), (2, vec!["poison".to_owned()], STRIKES));
}

#[test]
fn a_peer_that_recovers_after_some_closes_has_lost_nothing() {
    for closes in 1..40 {
        let (mut maker, mut flight) = (Maker::new(Form::Lines), Flight::new(Form::Lines, Most::of_write(), true));
        let lines: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let parcel = maker.lines(&lines.join("\n"));
        flight.take(parcel);
        let mut left = closes;
        let (mut taken, poison) = play(&mut flight, 1_000, |_| {
            left -= i32::from(left > 0);
            left == 0
        });
        taken.sort_by_key(|line| line.parse::<usize>().unwrap());
        assert_eq!((taken, poison), (lines, vec![]), "{closes}");
    }
}
