//! `[[sink]]`: where findings go besides the stream.

use super::{Alertmanager, Webhook};
use crate::engine::finding::Severity;
use crate::setting::Setting;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// No default: a descriptor must be given.
const DESCRIPTOR: Setting<u32, ()> =
    Setting::new((), "from 3; 0 to 2 are the standard streams, which events and diagnostics use").from(3).to(1_048_576);

/// One `[[sink]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Sink {
    /// The end of a file.
    File {
        /// Which file; it is made if it is not there.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// The least severity that it takes; by default all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_severity: Option<Severity>,
    },
    /// A file descriptor that whoever started the process has left open.
    Descriptor {
        /// Its number, from 3.
        #[schemars(transform = DESCRIPTOR.range())]
        descriptor: u32,
        /// The least severity that it takes; by default all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_severity: Option<Severity>,
    },
    /// An Alertmanager, by its API v2.
    Alertmanager(Box<Alertmanager>),
    /// Any server that takes messages by HTTP.
    Webhook(Box<Webhook>),
}

impl Sink {
    /// The name of the sink in the log.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            Self::Descriptor { descriptor, .. } => format!("descriptor {descriptor}"),
            Self::Alertmanager(sink) => format!("alertmanager {}", sink.url),
            Self::Webhook(sink) => match (&sink.url, &sink.url_file, &sink.url_env) {
                (Some(url), _, _) => format!("webhook {url}"),
                (_, Some(path), _) => format!("webhook of {}", path.display()),
                (_, _, variable) => format!("webhook of {}", variable.as_deref().unwrap_or("nowhere")),
            },
        }
    }

    /// The least severity that it takes.
    #[must_use]
    pub fn min_severity(&self) -> Severity {
        let min_severity = match self {
            Self::File { min_severity, .. } | Self::Descriptor { min_severity, .. } => *min_severity,
            Self::Alertmanager(sink) => sink.min_severity,
            Self::Webhook(sink) => sink.min_severity,
        };
        min_severity.unwrap_or(Severity::Info)
    }

    /// Makes the files that it names relative to `folder`, where they are not absolute.
    pub fn resolve(&mut self, folder: &Path) {
        let paths = match self {
            Self::File { path, .. } => [Some(path), None, None, None, None],
            Self::Descriptor { .. } => [const { None }; 5],
            Self::Alertmanager(sink) => sink.paths(),
            Self::Webhook(sink) => sink.paths(),
        };
        paths.into_iter().flatten().for_each(|path| *path = folder.join(&*path));
    }

    /// Checks what is no range of a setting, for sink `i`.
    pub(super) fn require(&self, i: usize, require: &mut impl FnMut(bool, &str, String, &str)) {
        match self {
            Self::File { path, .. } => require(
                !path.as_os_str().is_empty(),
                &format!("sink.{i}.path"),
                "the path of a sink is empty".to_owned(),
                "name a file; it is made if it is not there",
            ),
            Self::Descriptor { .. } => {}
            Self::Alertmanager(sink) => sink.require(&format!("sink.{i}"), require),
            Self::Webhook(sink) => sink.require(&format!("sink.{i}"), require),
        }
    }
}
