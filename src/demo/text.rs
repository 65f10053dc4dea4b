//! Fills in the demo's texts.

use std::fmt::Write;

use super::chance::Chance;

const TERMS: [&str; 12] = [
    "blue kettle",
    "wool socks",
    "desk lamp",
    "garden hose",
    "red bicycle",
    "usb cable",
    "tea strainer",
    "rain coat",
    "chess set",
    "oak table",
    "running shoes",
    "paper lantern",
];

/// What the lines of one request, or of one fault, have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    user: u32,
    order: u32,
    cart: u32,
    sku: u32,
    session: u32,
    term: &'static str,
    /// Grows with time, as offsets in a topic do.
    offset: u64,
}

impl Subject {
    /// Draws one; `elapsed_ns` since the stream's start.
    pub(super) fn new(chance: &mut Chance, elapsed_ns: i64) -> Subject {
        Subject {
            user: chance.whole(10_000, 99_999),
            order: chance.whole(4_000_000, 4_999_999),
            cart: chance.whole(100_000, 999_999),
            sku: chance.whole(20_000, 89_999),
            session: chance.whole(0x1000_0000, 0xffff_ffff),
            term: chance.pick::<&str>(&TERMS),
            offset: 7_300_000 + elapsed_ns.unsigned_abs() / 9_000_000,
        }
    }
}

/// Appends a text with its places filled in.
pub(super) fn render(out: &mut String, text: &str, subject: &Subject, chance: &mut Chance) {
    let mut rest = text;
    while let Some((before, place)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = place.split_once('}') else { break };
        fill(out, name, subject, chance);
        rest = after;
    }
    out.push_str(rest);
}

fn fill(out: &mut String, name: &str, subject: &Subject, chance: &mut Chance) {
    // Writing to a string does not fail.
    let _ = match name {
        "user" => write!(out, "{}", subject.user),
        "order" => write!(out, "{}", subject.order),
        "cart" => write!(out, "{}", subject.cart),
        "sku" => write!(out, "{}", subject.sku),
        "session" => write!(out, "{:08x}", subject.session),
        "term" => write!(out, "{}", subject.term),
        "offset" => write!(out, "{}", subject.offset),
        "n" => write!(out, "{}", chance.whole(2, 40)),
        "big" => write!(out, "{}", chance.whole(1_000, 99_999)),
        "kb" => write!(out, "{}", chance.whole(12, 4_000)),
        "part" => write!(out, "{}", chance.whole(0, 11)),
        "hex" => write!(out, "{:010x}", chance.bits() >> 24),
        "ip" => write!(out, "10.{}.{}.{}", chance.whole(20, 23), chance.whole(0, 15), chance.whole(2, 250)),
        "money" => write!(out, "{}.{:02}", chance.whole(4, 900), chance.whole(0, 99)),
        "ms" => write!(out, "{:.1} ms", chance.log_normal(12.0, 0.5)),
        unknown => {
            debug_assert!(false, "no such place in a text: {unknown}");
            write!(out, "{{{unknown}}}")
        }
    };
}

/// A word that no text has: made of syllables.
pub(super) fn made_up_word(chance: &mut Chance) -> String {
    (0..4).flat_map(|_| [*chance.pick(b"bcdfgklmnprstvz"), *chance.pick(b"aeiou")]).map(char::from).collect()
}
