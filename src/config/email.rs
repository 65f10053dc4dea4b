//! `[[sink]]` of the type `email`: people are told by mail.

use super::HumanDuration;
use super::alert::{PER_MINUTE, TIMEOUT, WEBHOOK_WAIT, require_variable, timeout, webhook_per_minute, webhook_wait};
use super::filter::sink_table;
use crate::engine::finding::Severity;
use crate::message::mail::MailAddress;
use crate::message::template::PayloadTemplate;
use crate::setting::Require;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

/// The subject where none is given.
pub(super) const SUBJECT: &str = "{% if environment %}[{{ environment }}] {% endif %}{{ title }}";

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Plain at first, and TLS before anything is said; port 587.
    #[default]
    StartTls,
    /// TLS from the begin; port 465.
    Tls,
    /// No TLS, for a relay on this machine or in a network that is trusted; port 25.
    None,
}

impl MailTls {
    /// The port where the address gives none.
    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

sink_table! {
    /// `type = "email"`
    pub struct Email {
        /// The mail server: `mail.example.org`, `127.0.0.1:25`. By default at port 587, with
        /// `tls = "tls"` at 465, with `tls = "none"` at 25.
        #[schemars(length(min = 1))]
        pub server: String,
        /// How the connection is protected.
        #[serde(default)]
        pub tls: MailTls,
        /// The sender: `seismolog@example.org`, or `Logs of the shop <seismolog@example.org>`.
        #[schemars(length(min = 1))]
        pub from: String,
        /// Who gets it.
        #[schemars(length(min = 1))]
        pub to: Vec<String>,
        /// The subject, in Jinja's language.
        #[serde(default = "subject")]
        #[schemars(length(min = 1))]
        pub subject: String,
        /// The name of what is watched, for people: `production`, `shop in Frankfurt`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        pub environment: Option<String>,
        /// How long findings are gathered into one mail.
        #[serde(default = "webhook_wait")]
        #[schemars(transform = WEBHOOK_WAIT.range())]
        pub group_wait: HumanDuration,
        /// Most mails a minute; what comes meanwhile is one mail with a count.
        #[serde(default = "webhook_per_minute")]
        #[schemars(transform = PER_MINUTE.range())]
        pub per_minute: u32,
        /// How long sending one mail may take.
        #[serde(default = "timeout")]
        #[schemars(transform = TIMEOUT.range())]
        pub timeout: HumanDuration,
        /// A file for what could not be delivered; it is sent later, also after a restart.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        pub spool: Option<PathBuf>,
        /// A user's name at the mail server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub username: Option<String>,
        /// A file with the password.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        pub password_file: Option<PathBuf>,
        /// A variable with the password.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub password_env: Option<String>,
        /// A file with certificates (PEM) that are trusted in place of the system's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        pub ca_file: Option<PathBuf>,
    }
}

fn subject() -> String {
    SUBJECT.to_owned()
}

impl Email {
    /// The server's host and port; none where `server` is no address.
    #[must_use]
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        let (host, port) = match self.server.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
            _ => (self.server.as_str(), self.tls.port()),
        };
        let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_name =
            |host: &str| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        match inside {
            Some(inside) => inside.parse::<IpAddr>().is_ok().then_some((inside, port)),
            None => (is_name(host) || host.parse::<IpAddr>().is_ok()).then_some((host, port)),
        }
    }

    /// The files that the table names.
    pub(super) fn paths(&mut self) -> [Option<&mut PathBuf>; 5] {
        [self.spool.as_mut(), self.password_file.as_mut(), self.ca_file.as_mut(), None, None]
    }

    pub(super) fn require(&self, place: &str, require: &mut Require<'_>) {
        let at = |name: &str| format!("{place}.{name}");
        let server = self.host_and_port();
        require(
            server.is_some(),
            &at("server"),
            format!("{:?} is no mail server", self.server),
            "a host and, where it is another than usual, a port: mail.example.org or 127.0.0.1:2525",
        );
        let addresses = [("from", &self.from)].into_iter().chain(self.to.iter().map(|to| ("to", to)));
        for (name, address) in addresses {
            if let Err(wrong) = address.parse::<MailAddress>() {
                let hint = "such as ops@example.org or Operations <ops@example.org>";
                require(false, &at(name), format!("{address:?} {wrong}"), hint);
            }
        }
        require(!self.to.is_empty(), &at("to"), "nobody gets the mail".to_owned(), "name at least one address");
        if let Err(wrong) = PayloadTemplate::check(Some(&self.subject), "text/plain") {
            let hint = "variables are title, count, opened, resolved, severity, host, environment";
            require(false, &at("subject"), format!("the subject of a mail: {wrong}"), hint);
        }
        let passwords = usize::from(self.password_file.is_some()) + usize::from(self.password_env.is_some());
        require(
            passwords == usize::from(self.username.is_some()),
            &at("username"),
            "a user has one password, given in one way".to_owned(),
            "username with password_file or password_env, or none of them",
        );
        require_variable(&at("password_env"), self.password_env.as_deref(), require);
        let is_here = server.is_some_and(|(host, _)| {
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        require(
            self.tls != MailTls::None || passwords == 0 || is_here,
            &at("tls"),
            "a password would cross the network as it is".to_owned(),
            "\"starttls\" or \"tls\" where there is a password",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sink};

    fn parse(server: &str, more: &str) -> Result<Config, String> {
        let text = format!(
            "[[sink]]\ntype = \"email\"\nserver = \"{server}\"\nfrom = \"a@b.org\"\n{more}\n{}",
            if more.contains("to =") { "" } else { "to = [\"c@d.org\"]\n" }
        );
        Config::parse("s", &text).map_err(|problems| problems[0].to_string())
    }

    #[test]
    fn a_server_is_a_host_with_the_port_of_its_protection() {
        for (server, more, wanted) in [
            ("mail.example.org", "", Some(("mail.example.org", 587))),
            ("mail", "tls = \"tls\"", Some(("mail", 465))),
            ("127.0.0.1", "tls = \"none\"", Some(("127.0.0.1", 25))),
            ("mail:2525", "", Some(("mail", 2525))),
            ("[::1]:25", "", Some(("::1", 25))),
            ("[::1]", "", Some(("::1", 587))),
            ("::1", "", Some(("::1", 587))),
            ("smtp://mail", "", None),
            ("mail:x", "", None),
            ("a b", "", None),
            ("", "", None),
        ] {
            let parsed = parse(server, more);
            match wanted {
                None => assert!(parsed.as_ref().is_err_and(|said| said.starts_with("s:3:1")), "{server}: {parsed:?}"),
                Some(wanted) => {
                    let config = parsed.unwrap();
                    let Sink::Email(email) = &config.sinks[0] else { panic!() };
                    assert_eq!(email.host_and_port(), Some(wanted));
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_mail_is_said() {
        for (more, hint) in [
            ("to = []", "at least one"),
            ("to = [\"nobody\"]", "ops@example.org"),
            ("subject = \"{{ titel }}\"", "variables are title"),
            ("username = \"u\"", "password_file or password_env"),
            ("password_env = \"P\"", "password_file or password_env"),
            ("username = \"u\"\npassword_env = \"P\"\npassword_file = \"p\"", "password_file or password_env"),
            ("username = \"u\"\npassword_env = \"P\"\ntls = \"none\"", "\"starttls\" or \"tls\""),
            ("tls = \"ssl\"", "tls"),
        ] {
            let said = parse("mail", more).unwrap_err();
            assert!(said.contains(hint), "{more}: {said}");
        }
        parse("localhost", "username = \"u\"\npassword_env = \"P\"\ntls = \"none\"").unwrap();
    }
}
