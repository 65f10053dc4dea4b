//! What a piece's neighbours say: values behind `=`, quoted words, addresses with a scheme, names
//! behind "user".

use super::han;
use super::scan::{ALNUM, DOT, LOWER, Piece, UNSPACED, UPPER, WIDE};
use super::scripts::{CLOSE, OPEN};
use super::words::{self, trimmed};
use super::{MaskPart, PartKind};

/// A quoted value behind `=` has at most this many pieces…
const VALUE_PIECES: usize = 20;
/// …and a quoted name elsewhere this many; a longer one is a sentence that somebody said.
const NAME_PIECES: usize = 4;

/// The pieces of a message with the questions that judging one asks of its neighbours.
struct Pieces<'a> {
    text: &'a [u8],
    all: &'a [Piece],
    /// Some of it is of a script without blanks.
    is_unspaced_text: bool,
}

impl Pieces<'_> {
    /// The mark at `i`; 0 for a word, and beyond the ends.
    #[inline]
    fn mark(&self, i: usize) -> u8 {
        self.all.get(i).map_or(0, |piece| piece.mark)
    }

    /// Nothing stands between this piece and the next.
    #[inline]
    fn touches(&self, i: usize) -> bool {
        self.all.get(i + 1).is_some_and(|next| next.start == self.all[i].end)
    }

    /// Of a script without blanks, or a mark of one.
    #[inline]
    fn is_unspaced(&self, i: usize) -> bool {
        self.is_unspaced_text && self.all.get(i).is_some_and(|piece| piece.has & UNSPACED != 0)
    }

    /// A word of a script without blanks.
    fn is_unspaced_word(&self, i: usize) -> bool {
        self.is_unspaced(i) && self.all[i].mark == 0
    }
}

/// Judges `pieces` of `text` into `parts`, in order.
pub(super) fn classify(text: &[u8], pieces: &[Piece], is_wide: bool, parts: &mut Vec<MaskPart>) {
    parts.clear();
    let is_unspaced_text = is_wide && pieces.iter().any(|piece| piece.mark == 0 && piece.has & UNSPACED != 0);
    let all = Pieces { text, all: pieces, is_unspaced_text };
    let mut i = 0;
    while i < pieces.len() {
        i = match pieces[i].mark {
            0 => word(&all, i, parts),
            b'"' | b'\'' => quoted(&all, i, parts),
            OPEN => enclosed(&all, i, &[OPEN, CLOSE], parts),
            b'[' if i > 0 && all.touches(i - 1) && all.is_unspaced_word(i - 1) => enclosed(&all, i, b"]", parts),
            _ => i + 1,
        };
    }
}

/// From piece `from` to piece `to`, both included.
fn part(all: &Pieces<'_>, kind: PartKind, from: usize, to: usize) -> MaskPart {
    MaskPart { kind, start: all.all[from].start, end: all.all[to].end }
}

/// A quotation mark at `i` that opens: a quoted name is a variable, and so is all that is quoted
/// behind `=`.
fn quoted(all: &Pieces<'_>, i: usize, parts: &mut Vec<MaskPart>) -> usize {
    let opens = i == 0 || all.mark(i - 1) != 0 || !all.touches(i - 1);
    if opens {
        let behind_equals = i > 0 && all.mark(i - 1) == b'=';
        let most = if behind_equals { VALUE_PIECES } else { NAME_PIECES + 1 };
        let close = (i + 1..=i + most).find(|&j| all.mark(j) == all.mark(i));
        if let Some(close) = close.filter(|&close| behind_equals || close == i + 2 || is_name(all, i, close)) {
            let inside = MaskPart { kind: PartKind::Variable, start: all.all[i].end, end: all.all[close].start };
            parts.push(inside);
            return close + 1;
        }
    }
    i + 1
}

/// `「…」`, `“…”`, and behind a word that it touches `【…】`: a name, if nothing in it ends a
/// sentence or a part of one.
fn enclosed(all: &Pieces<'_>, i: usize, closing: &[u8], parts: &mut Vec<MaskPart>) -> usize {
    let close = (i + 1..=i + VALUE_PIECES).find(|&j| closing.contains(&all.mark(j)));
    let Some(close) = close.filter(|&close| close > i + 1) else { return i + 1 };
    let inside = &all.all[i + 1..close];
    let spaced = inside.iter().filter(|piece| piece.has & UNSPACED == 0).count();
    if spaced > NAME_PIECES || inside.iter().any(|piece| piece.mark == b',') {
        return i + 1;
    }
    let variable = MaskPart { kind: PartKind::Variable, start: all.all[i].end, end: all.all[close].start };
    parts.push(variable);
    close + 1
}

/// Words of letters between two quotation marks that touch what they quote and nothing outside: no
/// apostrophes as in `it's`, and no commands or requests, whose first word says much.
fn is_name(all: &Pieces<'_>, open: usize, close: usize) -> bool {
    close > open + 1
        && all.touches(open)
        && all.touches(close - 1)
        && !(all.touches(close) && all.mark(close + 1) == 0)
        && all.all[open + 1..close]
            .iter()
            .all(|word| word.mark == 0 && word.has & !(UPPER | LOWER | WIDE | UNSPACED) == 0)
}

/// The word at `i`, and what belongs to it.
#[inline]
fn word(all: &Pieces<'_>, i: usize, parts: &mut Vec<MaskPart>) -> usize {
    let piece = all.all[i];
    if piece.has & ALNUM == 0 {
        // A rule of dashes or stars says something, whatever its length; a single one does not.
        if piece.end - piece.start >= 3 {
            parts.push(MaskPart { kind: PartKind::Word, start: piece.start, end: piece.start + 3 });
        }
        return i + 1;
    }
    let (before, after) = (if i > 0 { all.mark(i - 1) } else { 0 }, all.mark(i + 1));
    if before == b'=' && (all.touches(i - 1) || after != b'=') {
        parts.push(part(all, PartKind::Variable, i, i));
        return i + 1;
    }
    let mut before_port = false;
    if after == b':' && all.touches(i) && all.touches(i + 1) {
        let next = all.all[i + 2].of(all.text);
        let letter = piece.end - piece.start == 1;
        if next.starts_with(b"//") || (letter && next[0] == b'\\') {
            return address(all, i, parts);
        }
        before_port = next[0].is_ascii_digit();
    }
    let mut kind = words::kind(&piece, all.text, before_port);
    if kind != PartKind::Variable {
        if all.is_unspaced_text && is_name_among_unspaced(all, i, kind, parts) {
            kind = PartKind::Variable;
        }
        if after == b'(' && is_call(all, i) {
            parts.push(part(all, PartKind::Variable, i, i + 3));
            return i + 4;
        }
        if (i == 0 || all.mark(i - 1) == 0) && is_named(all, i, parts) {
            kind = PartKind::Variable;
        }
    }
    let mut classified = part(all, kind, i, i);
    if piece.has & DOT != 0 && kind == PartKind::Word {
        // The marks that end a sentence are no part of its last word.
        classified.end = piece.start + trimmed(piece.of(all.text)).len() as u32;
    }
    parts.push(classified);
    i + 1
}

/// `http://…`, `C:\…`: all that touches, up to a mark that ends an address.
#[cold]
fn address(all: &Pieces<'_>, i: usize, parts: &mut Vec<MaskPart>) -> usize {
    let mut j = i + 2;
    while all.touches(j) && matches!(all.mark(j + 1), 0 | b'=' | b':' | b';' | b',') && !all.is_unspaced(j + 1) {
        j += 1;
    }
    parts.push(part(all, PartKind::Variable, i, j));
    j + 1
}

/// `CMD(1234)`: a program and its process id.
fn is_call(all: &Pieces<'_>, i: usize) -> bool {
    let name = trimmed(all.all[i].of(all.text));
    name.len() > 1
        && name.iter().all(u8::is_ascii_uppercase)
        && all.touches(i)
        && all.mark(i + 2) == 0
        && all.mark(i + 3) == b')'
        && all.all.get(i + 2).is_some_and(|piece| piece.of(all.text).iter().all(u8::is_ascii_digit))
}

/// In a message of Chinese or the like: a word with a number, an identifier, a city, and a name
/// behind what has one.
fn is_name_among_unspaced(all: &Pieces<'_>, i: usize, kind: PartKind, parts: &[MaskPart]) -> bool {
    let word = all.all[i].of(all.text);
    if all.all[i].has & WIDE == 0 {
        let names_what_follows = matches!(all.mark(i + 1), b'=' | b':');
        if kind == PartKind::Numbered || (!names_what_follows && han::is_identifier(trimmed(word))) {
            return true;
        }
    } else if han::is_city(word) {
        return true;
    }
    let Some(before) = i.checked_sub(1) else { return false };
    if all.mark(before) == b':' && is_paired(all, i) && han::is_proper_name(word) {
        return true;
    }
    let last = parts.last().filter(|last| last.kind == PartKind::Word);
    last.is_some_and(|last| han::is_name_behind(last.of(all.text), trimmed(word)))
        && (all.mark(before) == b':' || all.is_unspaced_word(before))
}

/// The value at `i`, behind a colon, and its name are all there is between two other marks:
/// `，科室：心内科，`.
fn is_paired(all: &Pieces<'_>, i: usize) -> bool {
    let is_border = |j: Option<usize>| j.and_then(|j| all.all.get(j)).is_none_or(|piece| piece.mark != 0);
    i > 1 && all.is_unspaced_word(i - 2) && is_border(i.checked_sub(3)) && is_border(Some(i + 1))
}

/// The word behind "user", or between "for" and "from".
#[inline]
fn is_named(all: &Pieces<'_>, i: usize, parts: &[MaskPart]) -> bool {
    let Some(last) = parts.last() else { return false };
    if last.kind != PartKind::Word || !matches!(last.end - last.start, 3 | 4) {
        return false;
    }
    let last = last.of(all.text);
    match last.len() {
        4 => last.eq_ignore_ascii_case(b"user"),
        3 => last == b"for" && all.all.get(i + 1).is_some_and(|next| next.of(all.text) == b"from"),
        _ => false,
    }
}

/// Makes one of neighbouring variables, with their units and the words of dates.
pub(super) fn join(text: &[u8], is_wide: bool, parts: &mut Vec<MaskPart>) {
    // Without a variable there is only a date of words to join, which begins with a capital.
    let may_join =
        |part: &MaskPart| part.kind == PartKind::Variable || part.of(text).first().is_some_and(u8::is_ascii_uppercase);
    if !parts.iter().any(may_join) {
        return;
    }
    let mut kept = 0;
    for k in 0..parts.len() {
        let mut part = parts[k];
        if part.kind == PartKind::Word {
            let word = part.of(text);
            let after_variable = kept > 0 && parts[kept - 1].kind == PartKind::Variable;
            if after_variable && (words::is_unit(word) || is_wide && han::is_unit(word)) {
                continue;
            }
            if words::is_date_word(word) {
                let next = parts.get(k + 1);
                let before = |next: &MaskPart| {
                    next.kind == PartKind::Variable || (next.kind == PartKind::Word && words::is_month(next.of(text)))
                };
                if after_variable || next.is_some_and(before) {
                    part.kind = PartKind::Variable;
                }
            }
        }
        if part.kind == PartKind::Variable && kept > 0 && parts[kept - 1].kind == PartKind::Variable {
            parts[kept - 1].end = part.end;
            continue;
        }
        parts[kept] = part;
        kept += 1;
    }
    parts.truncate(kept);
}
