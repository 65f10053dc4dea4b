//! `[[sink]]`: where findings go besides the stream.

use super::filter::{SinkFilter, sink_table};
use super::{Alertmanager, Email, Webhook};
use crate::engine::finding::Severity;
use crate::setting::Setting;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// No default: a descriptor must be given.
const DESCRIPTOR: Setting<u32, ()> =
    Setting::new((), "from 3; 0 to 2 are the standard streams, which events and diagnostics use").from(3).to(1_048_576);
/// Most characters of a name.
const NAME_CHARACTERS: usize = 64;

/// One `[[sink]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Sink {
    /// The end of a file.
    File(Box<FileSink>),
    /// A file descriptor that whoever started the process has left open.
    Descriptor(Box<DescriptorSink>),
    /// An Alertmanager, by its API v2.
    Alertmanager(Box<Alertmanager>),
    /// Any server that takes messages by HTTP.
    Webhook(Box<Webhook>),
    /// People, by mail.
    Email(Box<Email>),
}

sink_table! {
    /// `type = "file"`
    pub struct FileSink {
        /// Which file; it is made if it is not there.
        #[schemars(length(min = 1))]
        pub path: PathBuf,
    }
}

sink_table! {
    /// `type = "descriptor"`
    pub struct DescriptorSink {
        /// Its number, from 3.
        #[schemars(transform = DESCRIPTOR.range())]
        pub descriptor: u32,
    }
}

impl Sink {
    /// What the sink is in the log: its type and where it leads.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::File(sink) => sink.path.display().to_string(),
            Self::Descriptor(sink) => format!("descriptor {}", sink.descriptor),
            Self::Alertmanager(sink) => format!("alertmanager {}", sink.url),
            Self::Webhook(sink) => match (&sink.url, &sink.url_file, &sink.url_env) {
                (Some(url), _, _) => format!("webhook {url}"),
                (_, Some(path), _) => format!("webhook of {}", path.display()),
                (_, _, variable) => format!("webhook of {}", variable.as_deref().unwrap_or("nowhere")),
            },
            Self::Email(sink) => format!("email by {}", sink.server),
        }
    }

    /// The name of its type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Descriptor(_) => "descriptor",
            Self::Alertmanager(_) => "alertmanager",
            Self::Webhook(_) => "webhook",
            Self::Email(_) => "email",
        }
    }

    /// The name that the configuration gives it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let name = match self {
            Self::File(sink) => &sink.name,
            Self::Descriptor(sink) => &sink.name,
            Self::Alertmanager(sink) => &sink.name,
            Self::Webhook(sink) => &sink.name,
            Self::Email(sink) => &sink.name,
        };
        name.as_deref()
    }

    /// The names of all `sinks`, in their order: those that they are given, or their types with a
    /// number from the second of a type on.
    #[must_use]
    pub fn names(sinks: &[Self]) -> Vec<String> {
        let number = |i: usize| sinks[..=i].iter().filter(|sink| sink.kind() == sinks[i].kind()).count();
        let name = |(i, sink): (usize, &Self)| match (sink.name(), number(i)) {
            (Some(name), _) => name.to_owned(),
            (None, 1) => sink.kind().to_owned(),
            (None, number) => format!("{}_{number}", sink.kind()),
        };
        sinks.iter().enumerate().map(name).collect()
    }

    /// The file for what could not be delivered.
    #[must_use]
    pub fn spool(&self) -> Option<&Path> {
        match self {
            Self::File(_) | Self::Descriptor(_) => None,
            Self::Alertmanager(sink) => sink.spool.as_deref(),
            Self::Webhook(sink) => sink.spool.as_deref(),
            Self::Email(sink) => sink.spool.as_deref(),
        }
    }

    /// Which findings it takes.
    #[must_use]
    pub fn filter(&self) -> SinkFilter {
        match self {
            Self::File(sink) => sink.filter(),
            Self::Descriptor(sink) => sink.filter(),
            Self::Alertmanager(sink) => sink.filter(),
            Self::Webhook(sink) => sink.filter(),
            Self::Email(sink) => sink.filter(),
        }
    }

    /// Makes the files that it names relative to `folder`, where they are not absolute.
    pub fn resolve(&mut self, folder: &Path) {
        let paths = match self {
            Self::File(sink) => [Some(&mut sink.path), None, None, None, None],
            Self::Descriptor(_) => [const { None }; 5],
            Self::Alertmanager(sink) => sink.paths(),
            Self::Webhook(sink) => sink.paths(),
            Self::Email(sink) => sink.paths(),
        };
        paths.into_iter().flatten().for_each(|path| *path = folder.join(&*path));
    }

    /// Checks what is no range of a setting, for sink `i`.
    pub(super) fn require(&self, i: usize, require: &mut impl FnMut(bool, &str, String, &str)) {
        let place = format!("sink.{i}");
        self.filter().require(&place, require);
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let is_name = |name: &str| (1..=NAME_CHARACTERS).contains(&name.len()) && name.chars().all(is_of_name);
        require(
            self.name().is_none_or(is_name),
            &format!("{place}.name"),
            format!("{:?} is no name of a sink", self.name().unwrap_or_default()),
            "up to 64 letters, digits, dots, dashes and underscores",
        );
        match self {
            Self::File(sink) => require(
                !sink.path.as_os_str().is_empty(),
                &format!("{place}.path"),
                "the path of a sink is empty".to_owned(),
                "name a file; it is made if it is not there",
            ),
            Self::Descriptor(_) => {}
            Self::Alertmanager(sink) => sink.require(&place, require),
            Self::Webhook(sink) => sink.require(&place, require),
            Self::Email(sink) => sink.require(&place, require),
        }
    }
}

/// Checks that each name is that of one sink.
pub(super) fn require_names(sinks: &[Sink], require: &mut impl FnMut(bool, &str, String, &str)) {
    let names = Sink::names(sinks);
    for (i, name) in names.iter().enumerate() {
        // Said of the one that is given its name, for that one can be changed.
        let is_taken = names
            .iter()
            .enumerate()
            .any(|(other, taken)| taken == name && (other < i || (other > i && sinks[other].name().is_none())));
        require(
            !is_taken || sinks[i].name().is_none(),
            &format!("sink.{i}.name"),
            format!("two sinks have the name {name:?}"),
            "give each a name of its own; without one its type is its name",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sink};

    #[test]
    fn sinks_have_names_of_their_own() {
        let file = |name: &str| format!("[[sink]]\ntype = \"file\"\npath = \"f\"\n{name}");
        let parse = |names: &[&str]| Config::parse("s", &names.iter().map(|name| file(name)).collect::<String>());
        let config = parse(&["", "name = \"b\"\n", ""]).unwrap();
        assert_eq!(Sink::names(&config.sinks), ["file", "b", "file_3"]);
        for (wrong, place) in [
            (&["name = \"a\"\n", "name = \"a\"\n"][..], "s:8:1"),
            (&["name = \"file_2\"\n", ""], "s:4:1"),
            (&["name = \"a b\"\n"], "s:4:1"),
            (&["name = \"\"\n"], "s:4:1"),
        ] {
            let said = parse(wrong).unwrap_err()[0].to_string();
            assert!(said.starts_with(place), "{said}");
        }
    }
}
