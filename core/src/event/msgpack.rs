//! MessagePack, read in place and written: heads of values, whole values passed over, nothing
//! copied.
//!
//! A length that a head declares is believed only as far as there are bytes: nothing is reserved
//! for it.

/// The bytes are no MessagePack, or not a whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Values nested deeper are refused: the readers here recurse.
pub const DEEPEST: usize = 128;

/// The first bytes of a value: what it is, and how much follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Head {
    /// Nothing.
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A floating-point number.
    Float(f64),
    /// So many bytes of text follow.
    Text(usize),
    /// So many bytes follow.
    Binary(usize),
    /// So many values follow.
    Array(usize),
    /// So many pairs of values follow.
    Map(usize),
    /// So many bytes of this type follow.
    Extension(i8, usize),
}

impl Head {
    /// Bytes of content that follow.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Text(length) | Self::Binary(length) | Self::Extension(_, length) => length,
            _ => 0,
        }
    }

    /// Values that follow.
    #[must_use]
    pub const fn values(self) -> usize {
        match self {
            Self::Array(length) => length,
            Self::Map(length) => length.saturating_mul(2),
            _ => 0,
        }
    }
}

/// Reads values one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at `at`.
    #[must_use]
    pub const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where it stands.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let bytes = self.bytes.get(self.at..self.at + N).ok_or(Malformed)?;
        self.at += N;
        bytes.try_into().map_err(|_| Malformed)
    }

    fn length(&mut self, width: u8) -> Result<usize, Malformed> {
        Ok(match width {
            0 => usize::from(u8::from_be_bytes(self.number()?)),
            1 => usize::from(u16::from_be_bytes(self.number()?)),
            _ => u32::from_be_bytes(self.number()?) as usize,
        })
    }

    /// The head of the value here; the reader then stands at its content.
    ///
    /// # Errors
    /// [`Malformed`] at the end of the bytes or at the one byte that means nothing. Content may
    /// still be missing.
    #[inline]
    pub fn head(&mut self) -> Result<Head, Malformed> {
        let [first] = self.number()?;
        Ok(match first {
            0x00..=0x7f => Head::Integer(first.into()),
            0x80..=0x8f => Head::Map(usize::from(first & 0x0f)),
            0x90..=0x9f => Head::Array(usize::from(first & 0x0f)),
            0xa0..=0xbf => Head::Text(usize::from(first & 0x1f)),
            0xc0 => Head::Nil,
            0xc1 => return Err(Malformed),
            0xc2 | 0xc3 => Head::Bool(first == 0xc3),
            0xc4..=0xc6 => Head::Binary(self.length(first - 0xc4)?),
            0xc7..=0xc9 => {
                let length = self.length(first - 0xc7)?;
                Head::Extension(i8::from_be_bytes(self.number()?), length)
            }
            0xca => Head::Float(f32::from_be_bytes(self.number()?).into()),
            0xcb => Head::Float(f64::from_be_bytes(self.number()?)),
            0xcc => Head::Integer(u8::from_be_bytes(self.number()?).into()),
            0xcd => Head::Integer(u16::from_be_bytes(self.number()?).into()),
            0xce => Head::Integer(u32::from_be_bytes(self.number()?).into()),
            0xcf => Head::Integer(u64::from_be_bytes(self.number()?).into()),
            0xd0 => Head::Integer(i8::from_be_bytes(self.number()?).into()),
            0xd1 => Head::Integer(i16::from_be_bytes(self.number()?).into()),
            0xd2 => Head::Integer(i32::from_be_bytes(self.number()?).into()),
            0xd3 => Head::Integer(i64::from_be_bytes(self.number()?).into()),
            0xd4..=0xd8 => Head::Extension(i8::from_be_bytes(self.number()?), 1 << (first - 0xd4)),
            0xd9..=0xdb => Head::Text(self.length(first - 0xd9)?),
            0xdc | 0xdd => Head::Array(self.length(first - 0xdc + 1)?),
            0xde | 0xdf => Head::Map(self.length(first - 0xde + 1)?),
            0xe0..=0xff => Head::Integer((first as i8).into()),
        })
    }

    /// The content of a value whose head said so many bytes.
    ///
    /// # Errors
    /// [`Malformed`] when they are not there.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(Malformed)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        Ok(bytes)
    }

    /// Text or binary here.
    ///
    /// # Errors
    /// [`Malformed`] when it is something else.
    #[inline]
    pub fn text(&mut self) -> Result<&'a [u8], Malformed> {
        match self.head()? {
            Head::Text(length) | Head::Binary(length) => self.take(length),
            _ => Err(Malformed),
        }
    }

    /// Passes over one whole value.
    ///
    /// # Errors
    /// [`Malformed`] when it is not whole.
    #[inline]
    pub fn skip(&mut self) -> Result<(), Malformed> {
        let mut left = 1_usize;
        while left > 0 {
            left = left - 1 + self.pass()?;
            if left > self.bytes.len() {
                return Err(Malformed);
            }
        }
        Ok(())
    }

    /// The same for a value that is nested at most so deep.
    ///
    /// # Errors
    /// [`Refused`] when it is not whole, or nested deeper.
    #[inline]
    pub fn skip_within(&mut self, deepest: usize) -> Result<(), Refused> {
        let values = self.pass()?;
        for _ in 0..values {
            self.skip_within(deepest.checked_sub(1).ok_or(Refused::TooDeep)?)?;
        }
        Ok(())
    }

    /// Passes over a head and its content; how many values follow. Most of what is read is passed
    /// over: this knows of a head only what that takes.
    #[inline]
    fn pass(&mut self) -> Result<usize, Malformed> {
        let [first] = self.number()?;
        let bytes = match first {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => return Ok(0),
            0xa0..=0xbf => usize::from(first & 0x1f),
            0x80..=0x8f => return Ok(2 * usize::from(first & 0x0f)),
            0x90..=0x9f => return Ok(usize::from(first & 0x0f)),
            0xd9..=0xdb => self.length(first - 0xd9)?,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xca | 0xce | 0xd2 => 4,
            0xcb | 0xcf | 0xd3 => 8,
            0xd4..=0xd8 => 1 + (1 << (first - 0xd4)),
            0xc4..=0xc6 => self.length(first - 0xc4)?,
            0xc7..=0xc9 => 1 + self.length(first - 0xc7)?,
            0xdc | 0xdd => return self.length(first - 0xdc + 1),
            0xde | 0xdf => return Ok(self.length(first - 0xde + 1)?.saturating_mul(2)),
            0xc1 => return Err(Malformed),
        };
        self.take(bytes)?;
        Ok(0)
    }
}

/// True for UTF-8. Most text in logs is short and ASCII, which is told sooner.
#[must_use]
#[inline]
pub fn is_utf8(bytes: &[u8]) -> bool {
    bytes.is_ascii() || simdutf8::basic::from_utf8(bytes).is_ok()
}

/// Why a value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no MessagePack, or nothing that was expected.
    Malformed,
    /// It is longer, or says that it will be, than what is taken.
    TooLong,
    /// It is nested too deep.
    TooDeep,
}

impl From<Malformed> for Refused {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// Finds the end of one value in bytes that come bit by bit. Each byte is looked at once, however
/// they are cut.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    at: usize,
    /// Values that are still to come, of each container that is open.
    left: Vec<usize>,
}

impl Scanner {
    /// Goes on behind what it has seen of `bytes`, which begin with the value; its end once it is
    /// whole.
    ///
    /// # Errors
    /// [`Refused`] as soon as it is certain, however little has come: a declared length counts.
    pub fn advance(&mut self, bytes: &[u8], most_bytes: usize, deepest: usize) -> Result<Option<usize>, Refused> {
        if self.left.is_empty() {
            self.left.push(1);
        }
        while let Some(left) = self.left.last_mut() {
            if *left == 0 {
                self.left.pop();
                continue;
            }
            let mut reader = Reader::new(bytes, self.at);
            let head = match reader.head() {
                Ok(head) => head,
                Err(Malformed) if bytes.get(self.at) == Some(&0xc1) => return Err(Refused::Malformed),
                Err(Malformed) => return self.waiting(bytes, most_bytes),
            };
            let end = reader.at().saturating_add(head.bytes());
            // A value that is declared takes at least a byte.
            if end.saturating_add(head.values()) > most_bytes {
                return Err(Refused::TooLong);
            }
            if end > bytes.len() {
                return self.waiting(bytes, most_bytes);
            }
            *left -= 1;
            self.at = end;
            if head.values() > 0 {
                if self.left.len() > deepest {
                    return Err(Refused::TooDeep);
                }
                self.left.push(head.values());
            }
        }
        let end = std::mem::take(&mut self.at);
        Ok(Some(end))
    }

    fn waiting(&self, bytes: &[u8], most_bytes: usize) -> Result<Option<usize>, Refused> {
        if bytes.len() > most_bytes { Err(Refused::TooLong) } else { Ok(None) }
    }
}

/// Appends the head of a map of `length` pairs.
pub fn put_map(length: usize, out: &mut Vec<u8>) {
    match length {
        0..=15 => out.push(0x80 | length as u8),
        16..=0xffff => put(0xde, &(length as u16).to_be_bytes(), out),
        _ => put(0xdf, &(length as u32).to_be_bytes(), out),
    }
}

/// Appends the head of an array of `length` values.
pub fn put_array(length: usize, out: &mut Vec<u8>) {
    match length {
        0..=15 => out.push(0x90 | length as u8),
        16..=0xffff => put(0xdc, &(length as u16).to_be_bytes(), out),
        _ => put(0xdd, &(length as u32).to_be_bytes(), out),
    }
}

/// Appends text.
pub fn put_text(text: &[u8], out: &mut Vec<u8>) {
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length @ 32..=0xff => put(0xd9, &[length as u8], out),
        length @ 0x100..=0xffff => put(0xda, &(length as u16).to_be_bytes(), out),
        length => put(0xdb, &(length as u32).to_be_bytes(), out),
    }
    out.extend_from_slice(text);
}

/// Appends the head of `length` bytes.
pub fn put_binary(length: usize, out: &mut Vec<u8>) {
    match length {
        0..=0xff => put(0xc4, &[length as u8], out),
        0x100..=0xffff => put(0xc5, &(length as u16).to_be_bytes(), out),
        _ => put(0xc6, &(length as u32).to_be_bytes(), out),
    }
}

/// Appends a whole number, as short as it can be.
pub fn put_integer(number: i128, out: &mut Vec<u8>) {
    match number {
        0..=0x7f => out.push(number as u8),
        -32..=-1 => out.push(number as i8 as u8),
        0x80..=0xff => put(0xcc, &[number as u8], out),
        0x100..=0xffff => put(0xcd, &(number as u16).to_be_bytes(), out),
        0x1_0000..=0xffff_ffff => put(0xce, &(number as u32).to_be_bytes(), out),
        0x1_0000_0000.. => put(0xcf, &(number as u64).to_be_bytes(), out),
        -128..=-33 => put(0xd0, &[number as i8 as u8], out),
        -32_768..=-129 => put(0xd1, &(number as i16).to_be_bytes(), out),
        -2_147_483_648..=-32_769 => put(0xd2, &(number as i32).to_be_bytes(), out),
        _ => put(0xd3, &(number as i64).to_be_bytes(), out),
    }
}

/// Appends a floating-point number.
pub fn put_float(number: f64, out: &mut Vec<u8>) {
    put(0xcb, &number.to_be_bytes(), out);
}

fn put(first: u8, rest: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Into::into),
            ".{0,40}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 64, 20, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..20).prop_map(Into::into),
                prop::collection::btree_map(".{0,8}", inner, 0..20)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_end_where_they_end_however_they_are_cut(value in value(), step in 1_usize..9) {
            let bytes = rmp_serde::to_vec(&value).unwrap();
            let mut reader = Reader::new(&bytes, 0);
            prop_assert_eq!(reader.skip(), Ok(()));
            prop_assert_eq!(reader.at(), bytes.len());
            let mut reader = Reader::new(&bytes, 0);
            prop_assert_eq!(reader.skip_within(DEEPEST), Ok(()));
            prop_assert_eq!(reader.at(), bytes.len());
            let (mut scanner, mut came) = (Scanner::default(), 0);
            loop {
                came = (came + step).min(bytes.len());
                let end = scanner.advance(&bytes[..came], 1 << 20, DEEPEST).unwrap();
                prop_assert_eq!(end.is_some(), came == bytes.len());
                if let Some(end) = end {
                    prop_assert_eq!(end, bytes.len());
                    break;
                }
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes, 0);
            let end = reader.skip().ok().map(|()| reader.at());
            let mut within = Reader::new(&bytes, 0);
            prop_assert_eq!(within.skip_within(1_000).ok().map(|()| within.at()), end);
            prop_assert_eq!(Scanner::default().advance(&bytes, usize::MAX, 1_000).ok().flatten(), end);
            let _ = Scanner::default().advance(&bytes, 100, 8);
        }

        #[test]
        fn integers_are_written_as_others_read_them(number in any::<i64>()) {
            let mut out = Vec::new();
            put_integer(number.into(), &mut out);
            prop_assert_eq!(rmp_serde::from_slice::<i64>(&out).unwrap(), number);
        }
    }

    #[test]
    fn bombs_are_refused_at_their_first_bytes() {
        let scan = |bytes: &[u8]| Scanner::default().advance(bytes, 1 << 20, 64);
        assert_eq!(scan(&[0xdd, 0xff, 0xff, 0xff, 0xff]), Err(Refused::TooLong));
        assert_eq!(scan(&[0xdf, 0xff, 0xff, 0xff, 0xff]), Err(Refused::TooLong));
        assert_eq!(scan(&[0xc6, 0xff, 0xff, 0xff, 0xff]), Err(Refused::TooLong));
        assert_eq!(scan(&[0x91; 100]), Err(Refused::TooDeep));
        assert_eq!(scan(&[0xc1]), Err(Refused::Malformed));
        assert_eq!(scan(&[0x92, 0x01]), Ok(None));
        assert_eq!(scan(&[]), Ok(None));
        let skip = |bytes: &[u8]| Reader::new(bytes, 0).skip_within(64);
        assert_eq!(skip(&[0xdd, 0xff, 0xff, 0xff, 0xff]), Err(Refused::Malformed));
        assert_eq!(skip(&[0x91; 100]), Err(Refused::TooDeep));
        assert_eq!(skip(&[[0x91; 63].as_slice(), &[0x90]].concat()), Ok(()));
        assert_eq!(skip(&[[0x91; 64].as_slice(), &[0x01]].concat()), Ok(()));
        assert_eq!(skip(&[[0x91; 65].as_slice(), &[0x01]].concat()), Err(Refused::TooDeep));
        assert_eq!(scan(&[[0x91; 64].as_slice(), &[0x01]].concat()), Ok(Some(65)));
        assert_eq!(scan(&[[0x91; 65].as_slice(), &[0x01]].concat()), Err(Refused::TooDeep));
    }
}
