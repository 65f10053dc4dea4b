//! Fills in the placeholders of the demo's texts.

use std::fmt::Write;

use super::rng::Rng;

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

/// The values that all lines of one request, or of one fault, share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placeholders {
    user: u32,
    order: u32,
    cart: u32,
    sku: u32,
    session: u32,
    term: &'static str,
    /// Grows with time, as offsets in a Kafka topic do.
    offset: u64,
}

impl Placeholders {
    /// Draws random values; `elapsed_ns` is the time since the stream's start.
    pub(super) fn new(rng: &mut Rng, elapsed_ns: i64) -> Placeholders {
        Placeholders {
            user: rng.whole(10_000, 99_999),
            order: rng.whole(4_000_000, 4_999_999),
            cart: rng.whole(100_000, 999_999),
            sku: rng.whole(20_000, 89_999),
            session: rng.whole(0x1000_0000, 0xffff_ffff),
            term: rng.pick::<&str>(&TERMS),
            offset: 7_300_000 + elapsed_ns.unsigned_abs() / 9_000_000,
        }
    }
}

/// Appends a text with its placeholders filled in.
pub(super) fn render(out: &mut String, text: &str, subject: &Placeholders, rng: &mut Rng) {
    let mut rest = text;
    while let Some((before, place)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = place.split_once('}') else { break };
        fill(out, name, subject, rng);
        rest = after;
    }
    out.push_str(rest);
}

fn fill(out: &mut String, name: &str, subject: &Placeholders, rng: &mut Rng) {
    // Writing to a string does not fail.
    let _ = match name {
        "user" => write!(out, "{}", subject.user),
        "order" => write!(out, "{}", subject.order),
        "cart" => write!(out, "{}", subject.cart),
        "sku" => write!(out, "{}", subject.sku),
        "session" => write!(out, "{:08x}", subject.session),
        "term" => write!(out, "{}", subject.term),
        "offset" => write!(out, "{}", subject.offset),
        "n" => write!(out, "{}", rng.whole(2, 40)),
        "big" => write!(out, "{}", rng.whole(1_000, 99_999)),
        "kb" => write!(out, "{}", rng.whole(12, 4_000)),
        "part" => write!(out, "{}", rng.whole(0, 11)),
        "hex" => write!(out, "{:010x}", rng.bits() >> 24),
        "ip" => write!(out, "10.{}.{}.{}", rng.whole(20, 23), rng.whole(0, 15), rng.whole(2, 250)),
        "money" => write!(out, "{}.{:02}", rng.whole(4, 900), rng.whole(0, 99)),
        "ms" => write!(out, "{:.1} ms", rng.log_normal(12.0, 0.5)),
        unknown => {
            debug_assert!(false, "no such place in a text: {unknown}");
            write!(out, "{{{unknown}}}")
        }
    };
}

/// A random word of four syllables, which occurs in no text.
pub(super) fn made_up_word(rng: &mut Rng) -> String {
    (0..4).flat_map(|_| [*rng.pick(b"bcdfgklmnprstvz"), *rng.pick(b"aeiou")]).map(char::from).collect()
}
