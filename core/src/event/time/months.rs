//! Names of months and weekdays, in English and in the languages that `date`, `journalctl` and
//! loggers write where they follow the locale.
//!
//! Many of them are words of their own (`set`, `out`, `mag`, `do`), so they mean something only
//! where the rest of a date is around them.

use super::cursor::Cursor;

/// The longest name of a month or weekday, in bytes.
const LONGEST: usize = 12;

impl Cursor<'_> {
    /// The name of a month in any case, whole or short, with the point of an abbreviation.
    pub(super) fn month(&mut self) -> Option<u32> {
        const MONTHS: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";
        let name = self.three_letters()?;
        let place = MONTHS.as_chunks::<3>().0.iter().position(|month| *month == name);
        let (month, length) = match place {
            Some(place) if !self.is_letter(self.at + 3) => (place as u32 + 1, 3),
            _ => {
                let (word, length) = self.word()?;
                (month_of(&word[..length])?, length)
            }
        };
        self.at += length;
        // `janv. 2026`, but not `02.Jan.2026`.
        if self.peek() == b'.' && self.text.get(self.at + 1) == Some(&b' ') {
            self.at += 1;
        }
        Some(month)
    }

    /// The name of a weekday, whole or short.
    pub(super) fn weekday(&mut self) -> Option<()> {
        let (word, length) = self.word()?;
        let name = &word[..length];
        let days: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
        let english =
            (length == 3 || name.ends_with(b"day")) && name.get(..3).is_some_and(|short| days.contains(&short));
        if !(english || length <= 4 && is_weekday_abroad(name)) {
            return None;
        }
        self.at += length;
        if !english {
            self.one_of(b".");
        }
        Some(())
    }

    /// The word at this place in small letters, and its length; none if no name is that long.
    fn word(&self) -> Option<([u8; LONGEST], usize)> {
        let mut word = [0; LONGEST];
        let mut length = 0;
        while self.is_letter(self.at + length) {
            let byte = self.text[self.at + length];
            // The capitals of `é` and its like stand 32 before the small letters.
            let is_latin = length > 0 && word[length - 1] == 0xC3 && matches!(byte, 0x80..=0x9E);
            *word.get_mut(length)? = if is_latin { byte + 0x20 } else { byte.to_ascii_lowercase() };
            length += 1;
        }
        Some((word, length))
    }

    fn is_letter(&self, at: usize) -> bool {
        self.text.get(at).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80)
    }

    fn three_letters(&self) -> Option<[u8; 3]> {
        let name: [u8; 3] = *self.text.get(self.at..)?.first_chunk()?;
        Some(name.map(|byte| byte.to_ascii_lowercase()))
    }
}

/// The month of a name that is not one of the English three letters: whole English names, and those
/// of German, French, Spanish, Italian, Dutch and Portuguese.
fn month_of(name: &[u8]) -> Option<u32> {
    Some(match std::str::from_utf8(name).ok()? {
        "january" | "januar" | "jän" | "jänner" | "janvier" | "janv" | "enero" | "ene" | "gennaio" | "gen" => 1,
        "januari" | "janeiro" => 1,
        "february" | "februar" | "février" | "févr" | "fév" | "febrero" | "febbraio" | "februari" => 2,
        "fevereiro" | "fev" => 2,
        "march" | "märz" | "mär" | "mrz" | "mars" | "marzo" | "maart" | "mrt" | "março" => 3,
        "april" | "avril" | "avr" | "abril" | "abr" | "aprile" => 4,
        "mai" | "mayo" | "maggio" | "mag" | "mei" | "maio" => 5,
        "june" | "juni" | "juin" | "junio" | "giugno" | "giu" | "junho" => 6,
        "july" | "juli" | "juillet" | "juil" | "julio" | "luglio" | "lug" | "julho" => 7,
        "august" | "août" | "aoû" | "aout" | "agosto" | "ago" | "augustus" => 8,
        "september" | "sept" | "septembre" | "septiembre" | "settembre" | "set" | "setembro" => 9,
        "october" | "oktober" | "okt" | "octobre" | "octubre" | "ottobre" | "ott" | "outubro" | "out" => 10,
        "november" | "novembre" | "noviembre" | "novembro" => 11,
        "december" | "dezember" | "dez" | "décembre" | "déc" | "diciembre" | "dicembre" | "dic" | "dezembro" => 12,
        _ => return None,
    })
}

/// Weekdays of the same languages as `date` writes them.
fn is_weekday_abroad(name: &[u8]) -> bool {
    let days = [
        "mo", "di", "mi", "do", "fr", "sa", "so", "lun", "mar", "mer", "jeu", "ven", "sam", "dim", "mié", "jue", "vie",
        "sáb", "dom", "gio", "sab", "ma", "wo", "vr", "za", "zo", "seg", "ter", "qua", "qui", "sex",
    ];
    days.iter().any(|day| day.as_bytes() == name)
}
