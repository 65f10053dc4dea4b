//! Overrides: other settings for keys that match a pattern. The first matching pattern applies;
//! this is decided once for each key.

use super::state::HeapSize;
use crate::event::{Fields, Role};
use std::borrow::Cow;

/// A pattern for keys: one glob per role, all of which must match. A role that the event lacks
/// matches no glob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPattern(Vec<(Role, String)>);

impl KeyPattern {
    /// A pattern of these globs; a role without a glob may have any value.
    #[must_use]
    pub fn new<'a>(globs: impl IntoIterator<Item = (Role, Option<&'a str>)>) -> Self {
        Self(globs.into_iter().filter_map(|(role, glob)| Some((role, glob?.to_owned()))).collect())
    }

    /// True when the text of every role matches its glob. `named` replaces the event's text of one
    /// role, for example an operation's path by its name.
    #[must_use]
    pub fn matches_named(&self, fields: &Fields<'_>, named: Option<(Role, &str)>) -> bool {
        self.matches_texts(|role| match named {
            Some((name, text)) if name == role => Some(text.into()),
            _ => fields.text(role),
        })
    }

    fn matches_texts<'a>(&self, text: impl Fn(Role) -> Option<Cow<'a, str>>) -> bool {
        self.0.iter().all(|(role, glob)| text(*role).is_some_and(|text| glob_matches(glob, &text)))
    }
}

/// Whether the whole of `text` matches `glob`: `*` stands for any number of characters, including
/// none, and `?` for exactly one.
///
/// On a mismatch only the last `*` is extended by one character, so the cost is at most the product
/// of the lengths.
#[must_use]
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let (mut glob, mut text) = (glob.chars(), text.chars());
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let (before_glob, before_text) = (glob.clone(), text.clone());
        match (glob.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                retry = Some((glob.clone(), before_text.clone()));
                text = before_text;
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            (_, None) if retry.is_none() || before_glob.as_str().is_empty() => return false,
            _ => {
                let Some((after_star, rest)) = &mut retry else { return false };
                if rest.next().is_none() {
                    return false;
                }
                (glob, text) = (after_star.clone(), rest.clone());
            }
        }
    }
}

/// Which settings a key uses; stored with the key in two bytes. Not part of a snapshot, because the
/// overrides may differ after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice(Option<std::num::NonZeroU16>);

impl HeapSize for Choice {}

impl Choice {
    /// The index of the settings plus 1: 1 for the default settings, 0 where undecided.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0.map_or(0, std::num::NonZeroU16::get)
    }
}

/// The default settings, and other settings for keys that match a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Overrides<T> {
    /// The first are the default settings, the others belong to `patterns` in order.
    settings: Vec<T>,
    patterns: Vec<KeyPattern>,
}

impl<T> Overrides<T> {
    /// Most overrides. Validation refuses more; here they would be ignored.
    pub const MOST: usize = 1_000;

    /// `usual` for all keys that match no pattern.
    #[must_use]
    pub fn new(usual: T, others: impl IntoIterator<Item = (KeyPattern, T)>) -> Self {
        let mut overrides = Self { settings: vec![usual], patterns: Vec::new() };
        for (pattern, settings) in others.into_iter().take(Self::MOST) {
            overrides.patterns.push(pattern);
            overrides.settings.push(settings);
        }
        overrides
    }

    /// The settings for a key with this `choice`; on the key's first event, `fields`, the choice is
    /// made.
    #[inline]
    pub fn of(&self, choice: &mut Choice, fields: &Fields<'_>) -> &T {
        self.of_named(choice, fields, None)
    }

    /// As [`Self::of`]; `named` replaces the event's text of one role.
    #[inline]
    pub fn of_named(&self, choice: &mut Choice, fields: &Fields<'_>, named: Option<(Role, &str)>) -> &T {
        let number = match choice.0 {
            Some(number) => number,
            None => self.decide(choice, fields, named),
        };
        // A choice made with other overrides is a caller's mistake; it gets the default settings.
        self.settings.get(usize::from(number.get()) - 1).unwrap_or(&self.settings[0])
    }

    /// The settings for roles with these texts.
    pub fn of_texts<'a>(&self, text: impl Fn(Role) -> Option<Cow<'a, str>>) -> &T {
        let matching = self.patterns.iter().position(|pattern| pattern.matches_texts(&text));
        &self.settings[matching.map_or(0, |i| i + 1)]
    }

    /// Calls `change` with all settings, the default ones first.
    pub fn for_each_mut(&mut self, change: impl FnMut(&mut T)) {
        self.settings.iter_mut().for_each(change);
    }

    /// All settings, the default ones first.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.settings.iter()
    }

    #[cold]
    fn decide(&self, choice: &mut Choice, fields: &Fields<'_>, named: Option<(Role, &str)>) -> std::num::NonZeroU16 {
        let matching = self.patterns.iter().position(|pattern| pattern.matches_named(fields, named));
        let place = matching.map_or(0, |i| i + 1);
        let number = std::num::NonZeroU16::MIN.saturating_add(place as u16);
        choice.0 = Some(number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::lines::Lines;
    use crate::event::time::TimeContext;
    use crate::event::{Batch, EventParser};
    use proptest::prelude::*;

    #[test]
    fn globs_match_whole_texts() {
        for (glob, text, matches) in [
            ("batch.*", "batch.import", true),
            ("batch.*", "batch.", true),
            ("batch.*", "batch", false),
            ("batch.*", "my.batch.import", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "ü", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("*.c*1", "retry.c41", true),
            ("*aab", "aaaab", true),
            ("a*b*c", "a-b-b-c-c", true),
            ("a*b*c", "a-c-b", false),
            ("**", "x", true),
            ("x*", "", false),
        ] {
            assert_eq!(glob_matches(glob, text), matches, "{glob:?} {text:?}");
        }
    }

    proptest! {
        #[test]
        fn globs_agree_with_their_definition(glob in "[ab*?]{0,6}", text in "[ab]{0,8}") {
            fn defined(glob: &[u8], text: &[u8]) -> bool {
                match (glob.split_first(), text.split_first()) {
                    (None, rest) => rest.is_none(),
                    (Some((b'*', after)), rest) => defined(after, text) || rest.is_some_and(|(_, rest)| defined(glob, rest)),
                    (Some((wanted, after)), Some((found, rest))) => (*wanted == b'?' || wanted == found) && defined(after, rest),
                    _ => false,
                }
            }
            prop_assert_eq!(glob_matches(&glob, &text), defined(glob.as_bytes(), text.as_bytes()));
        }
    }

    fn with_event<R>(line: &str, check: impl FnOnce(&Fields<'_>) -> R) -> R {
        let names = crate::engine::testing::names();
        let mut batch = Batch { filled: line.len(), bytes: line.as_bytes().to_vec(), ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        EventParser::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap()).parse(&mut batch);
        check(&batch.fields(0))
    }

    #[test]
    fn the_first_match_wins_and_is_decided_once() {
        let overrides = Overrides::new(
            "usual",
            [
                (KeyPattern::new([(Role::Module, Some("batch.*")), (Role::Host, Some("night-?"))]), "both"),
                (KeyPattern::new([(Role::Module, Some("batch.*")), (Role::Host, None)]), "module"),
                (KeyPattern::new([(Role::Module, Some("*"))]), "any"),
            ],
        );
        for (line, settings) in [
            (r#"{"module":"batch.x","host":"night-1"}"#, "both"),
            (r#"{"module":"batch.x","host":"day-1"}"#, "module"),
            (r#"{"module":"batch.x"}"#, "module"),
            (r#"{"module":"web"}"#, "any"),
            (r#"{"host":"night-1"}"#, "usual"),
        ] {
            with_event(line, |fields| assert_eq!(*overrides.of(&mut Choice::default(), fields), settings, "{line}"));
        }
        let mut choice = Choice::default();
        with_event(r#"{"module":"web"}"#, |fields| overrides.of(&mut choice, fields).to_owned());
        with_event(r#"{"module":"batch.x"}"#, |fields| assert_eq!(*overrides.of(&mut choice, fields), "any"));
        assert_eq!((overrides.all().count(), size_of::<Choice>()), (4, 2));
    }
}
