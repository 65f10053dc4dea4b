//! Mails by SMTP: a connection for each, with TLS where it is not declined, and an answer for each
//! recipient.
//!
//! The library speaks the protocol on a thread that may wait. One recipient whom the server does
//! not know keeps the mail from nobody else.

use super::client::{read_secret, variable_secret};
use super::transport::{Delivered, Undelivered};
use crate::config::{Email, MailTls};
use crate::io::http_client::tls;
use crate::io::random;
use crate::message::mail::{MailAddress, MailText};
use crate::terminal::layout::clip;
use lettre::Address;
use lettre::message::header::{
    Date, From, Header, HeaderName, HeaderValue, Headers, MIME_VERSION_1_0, MessageId, Subject, To,
};
use lettre::message::{Mailbox, Mailboxes, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

/// Most characters of what a server says.
const SAID: usize = 200;

/// What is needed to send mails by one server.
pub struct Mailer {
    host: String,
    port: u16,
    /// What the server calls itself in its certificate, and whether TLS begins the connection.
    tls: Option<(TlsParameters, bool)>,
    credentials: Option<Credentials>,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
    /// The name of this machine.
    name: String,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Says that no person wrote the mail, so that nobody's absence answers it (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Mailer {
    /// Reads the password and the certificates. `name` is that of this machine.
    ///
    /// # Errors
    /// What cannot be read or used.
    pub fn new(sink: &Email, name: &str) -> Result<Self, String> {
        let (host, port) = sink.host_and_port().ok_or("its server is no address")?;
        let password = match (&sink.password_file, &sink.password_env) {
            (Some(file), _) => Some(read_secret(file)?),
            (_, Some(variable)) => Some(variable_secret(variable)?),
            _ => None,
        };
        let credentials = sink.username.clone().zip(password).map(|(user, password)| Credentials::new(user, password));
        let tls = match sink.tls {
            MailTls::None => None,
            MailTls::StartTls => Some((tls_parameters(host, sink)?, false)),
            MailTls::Tls => Some((tls_parameters(host, sink)?, true)),
        };
        let to = sink.to.iter().map(|to| mailbox(to)).collect::<Result<_, _>>()?;
        let (host, from, timeout) = (host.to_owned(), mailbox(&sink.from)?, sink.timeout.0);
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        let name = if is_name(name) { name } else { "localhost" }.to_owned();
        Ok(Self { host, port, tls, credentials, from, to, timeout, name })
    }

    /// Sends a mail to all recipients.
    ///
    /// # Errors
    /// [`Undelivered`], when no recipient gets it.
    pub async fn send(self: &Arc<Self>, mail: MailText) -> Result<Delivered, Undelivered> {
        let mailer = Arc::clone(self);
        let sent = tokio::task::spawn_blocking(move || mailer.send_now(&mail));
        match tokio::time::timeout(self.timeout, sent).await {
            Ok(Ok(sent)) => sent,
            Ok(Err(_)) => Err(later("sending it failed; please report this as a bug".to_owned())),
            Err(_) => Err(later(format!("no answer within {} s", self.timeout.as_secs_f64()))),
        }
    }

    fn send_now(&self, mail: &MailText) -> Result<Delivered, Undelivered> {
        let letter = self.letter(mail);
        let mut connection = self.connect().map_err(|error| self.judge(&error))?;
        let sent = self.hand_over(&mut connection, &letter);
        match &sent {
            // It has been taken; whether the farewell is heard does not matter.
            Ok(_) => drop(connection.quit()),
            Err(_) => connection.abort(),
        }
        sent
    }

    fn connect(&self) -> Result<SmtpConnection, Error> {
        let name = ClientId::Domain(self.name.clone());
        let at_once = self.tls.as_ref().filter(|(_, at_once)| *at_once).map(|(tls, _)| tls);
        let server = (self.host.as_str(), self.port);
        let mut connection = SmtpConnection::connect(server, Some(self.timeout), &name, at_once, None)?;
        if let Some((tls, false)) = &self.tls {
            connection.starttls(tls, &name)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials)?;
        }
        Ok(connection)
    }

    fn hand_over(&self, connection: &mut SmtpConnection, letter: &[u8]) -> Result<Delivered, Undelivered> {
        let failed = |error: Error| self.judge(&error);
        connection.command(Mail::new(Some(self.from.email.clone()), Vec::new())).map_err(failed)?;
        let (mut taken, mut refused) = (0, Vec::new());
        for to in &self.to {
            match connection.command(Rcpt::new(to.email.clone(), Vec::new())) {
                Ok(_) => taken += 1,
                Err(error) if error.status().is_some() => refused.push((to, error)),
                Err(error) => return Err(self.judge(&error)),
            }
        }
        let why = refused.iter().map(|(to, error)| format!("{}: {}", to.email, said(error))).collect::<Vec<_>>();
        let why = (!why.is_empty()).then(|| clip(&format!("it does not take mail for {}", why.join("; ")), 2 * SAID));
        if taken == 0 {
            let why = why.unwrap_or_default();
            let passes = refused.iter().any(|(_, error)| error.is_transient());
            return Err(if passes { later(why) } else { Undelivered::Refused(format!("{why}; check from and to")) });
        }
        connection.command(Data).map_err(failed)?;
        let response = connection.message(letter).map_err(failed)?;
        let text = response.message().collect::<Vec<_>>().join(" ");
        Ok(Delivered { answer: clip(&format!("{} {text}", response.code()), SAID), but: why })
    }

    /// The mail as it goes over the wire.
    fn letter(&self, mail: &MailText) -> Vec<u8> {
        let mut letter = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        let headers: &mut Headers = letter.headers_mut();
        headers.set(From::from(Mailboxes::from(self.from.clone())));
        headers.set(To::from(Mailboxes::from(self.to.clone())));
        headers.set(Subject::from(mail.subject.clone()));
        headers.set(Date::now());
        headers.set(MessageId::from(format!("<{:016x}{:016x}@{}>", random::number(), random::number(), self.name)));
        headers.set(AutoSubmitted);
        headers.set(MIME_VERSION_1_0);
        letter.formatted()
    }

    /// What an error means, and what to do about it.
    fn judge(&self, error: &Error) -> Undelivered {
        let (address, tls) = (format!("{}:{}", self.host, self.port), self.tls.as_ref().map(|(_, at_once)| *at_once));
        if let Some(code) = error.status().map(|code| code.to_string()) {
            let hint = match code.as_str() {
                "530" if tls.is_none() => "; it may want tls = \"starttls\", or username and a password",
                "530" | "550" | "553" | "554" if self.credentials.is_none() => {
                    "; it may want username and a password, or another from"
                }
                "534" | "535" | "538" => "; check username and the password",
                "550" | "553" => "; check from, which the user may not be allowed to use",
                "552" => "; it takes no mails of this size, or the mailbox is full",
                _ => "",
            };
            let why = format!("it answered {}{hint}", said(error));
            return if error.is_permanent() { Undelivered::Refused(why) } else { later(why) };
        }
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        let hint = match &*cause.to_ascii_lowercase() {
            said if said.contains("starttls is not supported") => {
                "; it offers no STARTTLS: set tls = \"tls\" for a server that begins with TLS, or \"none\" for a relay \
                 that is trusted"
            }
            said if said.contains("authentication mechanism") => {
                "; it takes no password at this port: check server and tls"
            }
            said if said.contains("certificate") => "; set ca_file where the server has a certificate of its own",
            said if tls == Some(true) && (said.contains("corrupt message") || said.contains("invalid")) => {
                "; it does not begin with TLS: set tls = \"starttls\""
            }
            said if tls == Some(false) && (said.contains("incomplete") || said.contains("timed out")) => {
                "; it may begin with TLS: set tls = \"tls\""
            }
            said if said.contains("refused") || said.contains("lookup") || said.contains("resolve") => "; check server",
            _ => "",
        };
        later(format!("{address}: {}{hint}", clip(&cause, SAID)))
    }
}

fn later(why: String) -> Undelivered {
    Undelivered::Later { why, retry_after: None }
}

/// What the server answered.
fn said(error: &Error) -> String {
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    clip(format!("{code} {text}").trim(), SAID)
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    let MailAddress { name, user, domain } = text.parse().map_err(|wrong| format!("the address {text:?} {wrong}"))?;
    // It has been checked: `lettre`'s own check brings Unicode's tables with it.
    Ok(Mailbox::new(name, Address::new_dangerous(user, domain)))
}

fn tls_parameters(host: &str, sink: &Email) -> Result<TlsParameters, String> {
    let certificates = tls::trusted(sink.ca_file.as_deref())?;
    let unusable = |error: Error| format!("TLS cannot be used: {error}");
    let mut builder = TlsParametersBuilder::new(host.to_owned()).certificate_store(CertificateStore::None);
    for certificate in certificates {
        builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec()).map_err(unusable)?);
    }
    builder.build().map_err(unusable)
}
