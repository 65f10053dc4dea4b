//! `[[sink]]` of the types `alertmanager` and `webhook`: people are told by HTTP.

use super::HumanDuration;
use super::filter::sink_table;
use super::url::Url;
use crate::engine::finding::Severity;
use crate::message::format::Format;
use crate::message::template::PayloadTemplate;
use crate::setting::{Require, Setting};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const TIMEOUT: Setting<HumanDuration> =
    Setting::new(HumanDuration::from_secs(10), "from 100ms to 5m, by default 10s")
        .from(HumanDuration::from_millis(100))
        .to(HumanDuration::from_secs(300));
const ALERTMANAGER_REPEAT: Setting<HumanDuration> = Setting::new(
    HumanDuration::from_secs(60),
    "from 1s to 24h, and well below Alertmanager's resolve_timeout; by default 1m",
)
.from(HumanDuration::from_secs(1))
.to(HumanDuration::from_secs(86_400));
const ALERTMANAGER_WAIT: Setting<HumanDuration> = group_wait(1);
pub(super) const WEBHOOK_WAIT: Setting<HumanDuration> = group_wait(5);
pub(super) const PER_MINUTE: Setting<u32> = Setting::new(6, "from 1 to 600 messages, by default 6").from(1).to(600);

/// How long findings are gathered, by default so many seconds.
const fn group_wait(seconds: u64) -> Setting<HumanDuration> {
    Setting::new(HumanDuration::from_secs(seconds), "at most 10m").to(HumanDuration::from_secs(600))
}

sink_table! {
    /// `type = "alertmanager"`
    http pub struct Alertmanager {
        /// Where Alertmanager is, without the path of its API: `http://127.0.0.1:9093`.
        pub url: Url,
        /// Labels that every alert has besides its own.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub labels: BTreeMap<String, String>,
        /// How long alerts are gathered before they are sent.
        #[serde(default = "alertmanager_wait")]
        #[schemars(transform = ALERTMANAGER_WAIT.range())]
        pub group_wait: HumanDuration,
        /// How often an alert is sent again while its incident is open. Alertmanager takes one that
        /// is not sent again within its `resolve_timeout` (5m) for over.
        #[serde(default = "alertmanager_repeat")]
        #[schemars(transform = ALERTMANAGER_REPEAT.range())]
        pub repeat: HumanDuration,
    }
}

sink_table! {
    /// `type = "webhook"`
    http pub struct Webhook {
        /// Where messages go. `seismolog config` prints no more of it than the host; for an address
        /// that is itself a secret there are `url_file` and `url_env`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub url: Option<Url>,
        /// A file with the address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        pub url_file: Option<PathBuf>,
        /// A variable with the address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub url_env: Option<String>,
        /// Whose message is sent, and how the answer is read; by default that of the service which
        /// the address is known for, and `json` elsewhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub format: Option<Format>,
        /// The name of what is watched, for people: `production`, `shop in Frankfurt`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        pub environment: Option<String>,
        /// What is sent, in Jinja's language, in place of the format's message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub template: Option<String>,
        /// The content type of what is sent.
        #[serde(default = "content_type")]
        #[schemars(length(min = 1))]
        pub content_type: String,
        /// How long findings are gathered into one message.
        #[serde(default = "webhook_wait")]
        #[schemars(transform = WEBHOOK_WAIT.range())]
        pub group_wait: HumanDuration,
        /// Most messages a minute; what comes meanwhile is one message with a count.
        #[serde(default = "webhook_per_minute")]
        #[schemars(transform = PER_MINUTE.range())]
        pub per_minute: u32,
    }
}

/// How the server of a sink is reached, whatever the type of the sink.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// How long one request may take.
    pub timeout: Duration,
    /// Where the token is.
    pub token: (Option<&'a PathBuf>, Option<&'a str>),
    /// A user and where the password is.
    pub user: Option<(&'a str, &'a PathBuf)>,
    /// Certificates in place of the system's.
    pub ca_file: Option<&'a PathBuf>,
}

pub(super) fn timeout() -> HumanDuration {
    TIMEOUT.default
}

fn alertmanager_wait() -> HumanDuration {
    ALERTMANAGER_WAIT.default
}

fn alertmanager_repeat() -> HumanDuration {
    ALERTMANAGER_REPEAT.default
}

pub(super) fn webhook_wait() -> HumanDuration {
    WEBHOOK_WAIT.default
}

pub(super) fn webhook_per_minute() -> u32 {
    PER_MINUTE.default
}

fn content_type() -> String {
    "application/json".to_owned()
}

impl Alertmanager {
    /// The files that the table names.
    pub(super) fn paths(&mut self) -> [Option<&mut PathBuf>; 5] {
        [self.spool.as_mut(), self.token_file.as_mut(), self.password_file.as_mut(), self.ca_file.as_mut(), None]
    }

    pub(super) fn require(&self, place: &str, require: &mut Require<'_>) {
        require_url(&format!("{place}.url"), &self.url, require);
        for name in self.labels.keys() {
            let is_name = name
                .bytes()
                .enumerate()
                .all(|(i, byte)| byte == b'_' || byte.is_ascii_alphabetic() || (i > 0 && byte.is_ascii_digit()));
            require(
                is_name && !name.is_empty(),
                &format!("{place}.labels"),
                format!("{name:?} is no name of a label"),
                "letters, digits and underscores, no digit first",
            );
        }
        require_access(place, &self.access(), self.username.is_some(), self.password_file.is_some(), require);
    }
}

impl Webhook {
    /// The files that the table names.
    pub(super) fn paths(&mut self) -> [Option<&mut PathBuf>; 5] {
        let Self { spool, token_file, password_file, ca_file, url_file, .. } = self;
        [spool.as_mut(), token_file.as_mut(), password_file.as_mut(), ca_file.as_mut(), url_file.as_mut()]
    }

    pub(super) fn require(&self, place: &str, require: &mut Require<'_>) {
        let given = [self.url.is_some(), self.url_file.is_some(), self.url_env.is_some()];
        require(
            given.into_iter().filter(|given| *given).count() == 1,
            &format!("{place}.url"),
            "a webhook has one address, given in one way".to_owned(),
            "one of url, url_file (a file with the address) and url_env (a variable with it)",
        );
        if let Some(url) = &self.url {
            require_url(&format!("{place}.url"), url, require);
        }
        require_variable(&format!("{place}.url_env"), self.url_env.as_deref(), require);
        let is_text = |c: char| (' '..='~').contains(&c);
        require(
            !self.content_type.is_empty() && self.content_type.chars().all(is_text),
            &format!("{place}.content_type"),
            format!("{:?} is no content type", self.content_type),
            "such as application/json, which is the default",
        );
        if let Err(wrong) = PayloadTemplate::check(self.template.as_deref(), &self.content_type) {
            let hint = "variables are title, text, count, opened, resolved, findings, host, environment, page; \
                        `| tojson` makes a JSON string of one";
            require(false, &format!("{place}.template"), format!("the template of a sink: {wrong}"), hint);
        }
        require_access(place, &self.access(), self.username.is_some(), self.password_file.is_some(), require);
    }
}

fn require_url(place: &str, url: &Url, require: &mut Require<'_>) {
    if let Err(wrong) = url.uri() {
        require(
            false,
            place,
            format!("the url of a sink {wrong}"),
            "such as http://127.0.0.1:9093 or https://host/path",
        );
    }
}

fn require_access(place: &str, access: &Access<'_>, user: bool, password: bool, require: &mut Require<'_>) {
    let ways = [access.token.0.is_some(), access.token.1.is_some(), user || password];
    require(
        ways.into_iter().filter(|given| *given).count() <= 1,
        &format!("{place}.token_file"),
        "a sink says who it is in one way".to_owned(),
        "one of token_file, token_env, and username with password_file",
    );
    require(
        user == password,
        &format!("{place}.username"),
        "username and password_file belong together".to_owned(),
        "give both or neither",
    );
    require_variable(&format!("{place}.token_env"), access.token.1, require);
}

/// A variable with a secret must not look like a setting, because every setting is known.
pub(super) fn require_variable(place: &str, name: Option<&str>, require: &mut Require<'_>) {
    let Some(name) = name else { return };
    require(
        !name.is_empty() && !name.starts_with("SEISMOLOG_") && !name.contains(['=', '\0']),
        place,
        // The name is left out, because it may be the secret itself.
        "this is no name for a variable with a secret".to_owned(),
        "any name but SEISMOLOG_…, which are settings",
    );
}
