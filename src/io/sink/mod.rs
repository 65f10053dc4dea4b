//! Sinks: where findings go besides the event stream, which never waits for one.
//!
//! [`local`] writes them to files and descriptors, one JSON object a line, as far as those take it
//! at once. A [`delivery`] tells a server, from a thread of its own: [`alertmanager`] and
//! [`webhook`] decide what and when, and a [`transport`] brings it, by HTTP ([`client`]) or by SMTP
//! ([`smtp`]). [`trial`] sends a test message.

pub mod alertmanager;
pub mod breaker;
pub mod client;
pub mod delivery;
pub mod local;
pub mod smtp;
pub mod spool;
pub mod transport;
pub mod trial;
pub mod webhook;

use crate::config::url::Url;
use crate::config::{self, Config, SinkFilter};
use crate::engine::finding::{Finding, State};
use crate::io::machine;
use crate::message::format::Format;
use crate::message::notice::Notice;
use crate::message::template::{MessageOrigin, PayloadTemplate};
use client::{Client, variable_secret};
use delivery::{Delivery, DeliveryQueue, DeliveryStats, Messages};
use local::LocalSinks;
pub use local::{SinkError, SinkFailure};
use smtp::Mailer;
use spool::Spool;
use std::collections::HashSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use transport::Transport;
use webhook::{Gathered, Payload};

/// Most incidents that a sink knows it has not been told of.
const WITHHELD: usize = 10_000;

/// All sinks of a filter.
#[derive(Debug, Default)]
pub struct Sinks {
    local: LocalSinks,
    remote: Vec<Remote>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Remote {
    /// In metrics.
    label: String,
    /// In the log.
    name: String,
    filter: SinkFilter,
    /// It takes an incident for over of which it is not told again.
    needs_repeats: bool,
    post: Arc<DeliveryQueue>,
    /// Open situations of which nothing has passed its filters so far.
    withheld: HashSet<String>,
    /// Open situations that it was told of.
    told: HashSet<String>,
}

/// How a sink that tells a server has fared.
#[derive(Clone, Debug)]
pub struct SinkReport {
    /// Its name in metrics: that which it is given, or its type, with a number from the second on.
    pub label: String,
    /// How deliveries went since the last report.
    pub fared: DeliveryStats,
}

impl Sinks {
    /// Opens every sink, and starts the thread that tells servers.
    ///
    /// Call it before anything else opens a descriptor: a number that was not inherited is then
    /// found to be closed.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub fn open(config: &Config) -> Result<Self, SinkError> {
        let local = LocalSinks::open(&config.sinks)?;
        let (mut remote, mut deliveries) = (Vec::new(), Vec::<Delivery>::new());
        let machine = Machine::new(config);
        for (sink, label) in config.sinks.iter().zip(config::Sink::names(&config.sinks)) {
            let Some(link) = link(sink, &machine) else { continue };
            let name = match sink.name() {
                Some(name) => format!("{name} ({})", sink.title()),
                None => sink.title(),
            };
            let queue = Arc::new(DeliveryQueue::default());
            let delivery = link.and_then(|Link { transport, messages }| {
                Ok(Delivery::new(Arc::clone(&queue), transport, messages, open_spool(sink.spool())?))
            });
            deliveries.push(delivery.map_err(|why| SinkError::Remote { sink: name.clone(), why })?);
            let needs_repeats = matches!(sink, config::Sink::Alertmanager(_));
            remote.push(Remote {
                label,
                name,
                filter: sink.filter(),
                needs_repeats,
                post: queue,
                withheld: HashSet::new(),
                told: HashSet::new(),
            });
        }
        let thread = if deliveries.is_empty() { None } else { Some(start(deliveries)?) };
        Ok(Self { local, remote, thread })
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.local.is_empty() && self.remote.is_empty()
    }

    /// Takes a finding, which leaves when its sinks take it. Of one that `is_silenced` files are
    /// told and people are not.
    pub fn take(&mut self, finding: &Finding, is_silenced: bool) {
        self.local.take(finding);
        self.remote.iter_mut().for_each(|remote| remote.take(finding, is_silenced));
    }

    /// Takes an incident that an earlier process told of and that is still open, for those that
    /// must hear of it again.
    pub fn take_still_open(&mut self, finding: &Finding, is_silenced: bool) {
        for remote in self.remote.iter_mut().filter(|remote| remote.filter.passes(finding)) {
            let notice = Notice::of(finding);
            remote.told.insert(notice.id.clone());
            if remote.needs_repeats {
                remote.post.put(notice, is_silenced);
            }
        }
    }

    /// Writes what was taken, as far as the sinks take it without being waited for; what went
    /// wrong.
    #[must_use]
    pub fn flush(&mut self) -> Vec<SinkFailure> {
        self.local.flush()
    }

    /// How each sink that tells a server has fared since the last call, and what went wrong.
    pub fn report(&mut self) -> (Vec<SinkReport>, Vec<SinkFailure>) {
        let (mut reports, mut failures) = (Vec::new(), Vec::new());
        for remote in &self.remote {
            let fared = remote.post.take_stats();
            if fared.why.is_some() || fared.lost > 0 {
                let why = fared.why.clone().unwrap_or_else(|| "too many findings wait".to_owned());
                failures.push(SinkFailure { sink: remote.name.clone(), why, lost: fared.lost });
            }
            reports.push(SinkReport { label: remote.label.clone(), fared });
        }
        (reports, failures)
    }

    /// Writes the last of it, with a short wait for slow readers and servers; what could not be
    /// delivered.
    #[must_use]
    pub fn finish(&mut self) -> Vec<SinkFailure> {
        let mut failures = self.local.finish();
        self.remote.iter().for_each(|remote| remote.post.end());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its own hook.
            let _ = thread.join();
            failures.extend(self.report().1);
        }
        failures
    }
}

impl Remote {
    /// Takes a finding that its filters let pass. A situation of which nothing has passed so far is
    /// one that opens: nobody has been told of it before. Once told, its end is told too, whichever
    /// incident it ends with.
    fn take(&mut self, finding: &Finding, is_silenced: bool) {
        let mut notice = Notice::of(finding);
        let is_over = notice.state == State::Resolved;
        let passes = self.filter.passes(finding);
        if !passes && notice.state == State::Open && self.withheld.len() < WITHHELD {
            self.withheld.insert(notice.id.clone());
        }
        let is_told = self.told.contains(&notice.id);
        if !(passes || is_over && is_told) {
            if is_over {
                self.withheld.remove(&notice.id);
            }
            return;
        }
        if self.withheld.remove(&notice.id) && notice.state == State::Ongoing {
            notice.state = State::Open;
        }
        if is_over {
            self.told.remove(&notice.id);
        } else if !is_told && self.told.len() < WITHHELD {
            self.told.insert(notice.id.clone());
        }
        self.post.put(notice, is_silenced);
    }
}

/// What a sink that tells a server consists of: who decides what is told, and who brings it.
struct Link {
    transport: Transport,
    messages: Box<dyn Messages>,
}

/// What messages say of where they come from, for any sink.
struct Machine {
    host: String,
    page: Option<String>,
}

impl Machine {
    fn new(config: &Config) -> Self {
        let host = machine::name();
        let page = config.metrics.page(&host);
        Self { host, page }
    }

    fn origin(&self, environment: Option<&String>) -> MessageOrigin {
        MessageOrigin { host: self.host.clone(), environment: environment.cloned(), page: self.page.clone() }
    }
}

/// The link to the server of a sink; none for a sink of this machine.
fn link(sink: &config::Sink, machine: &Machine) -> Option<Result<Link, String>> {
    match sink {
        config::Sink::File(_) | config::Sink::Descriptor(_) => None,
        config::Sink::Alertmanager(sink) => Some(to_alertmanager(sink, machine)),
        config::Sink::Webhook(sink) => Some(to_webhook(sink, machine)),
        config::Sink::Email(sink) => Some(to_mail(sink, machine)),
    }
}

fn to_alertmanager(sink: &config::Alertmanager, machine: &Machine) -> Result<Link, String> {
    let page = machine.page.clone();
    let alerts = alertmanager::Alerts::new(sink.labels.clone(), page, sink.group_wait.0, sink.repeat.0);
    let client = Client::new(&sink.url, &sink.access())?;
    Ok(Link { transport: Transport::Http(Box::new(client), Format::Json), messages: Box::new(alerts) })
}

fn to_webhook(sink: &config::Webhook, machine: &Machine) -> Result<Link, String> {
    let url = match (&sink.url, &sink.url_file, &sink.url_env) {
        (Some(url), _, _) => url.clone(),
        (_, Some(file), _) => Url::new(&client::read_secret(file)?),
        (_, _, variable) => Url::new(&variable_secret(variable.as_deref().unwrap_or_default())?),
    };
    let client = Client::new(&url, &sink.access())?;
    let format = sink.format.unwrap_or_else(|| Format::of_host(client.host()));
    let content_type = sink.content_type.clone();
    let payload = match &sink.template {
        None => Payload::Format(format, content_type),
        Some(template) => Payload::Template(PayloadTemplate::new(Some(template))?, format, content_type),
    };
    let origin = machine.origin(sink.environment.as_ref());
    let gathered = Gathered::new(payload, origin, sink.group_wait.0, sink.per_minute);
    Ok(Link { transport: Transport::Http(Box::new(client), format), messages: Box::new(gathered) })
}

fn to_mail(sink: &config::Email, machine: &Machine) -> Result<Link, String> {
    let payload = Payload::Mail(PayloadTemplate::new(Some(&sink.subject))?);
    let origin = machine.origin(sink.environment.as_ref());
    let gathered = Gathered::new(payload, origin, sink.group_wait.0, sink.per_minute);
    let mailer = Mailer::new(sink, &machine.host)?;
    Ok(Link { transport: Transport::Smtp(Arc::new(mailer)), messages: Box::new(gathered) })
}

fn open_spool(path: Option<&std::path::Path>) -> Result<Spool, String> {
    Spool::open(path).map_err(|error| {
        format!("cannot open its spool {}: {error}", path.unwrap_or(std::path::Path::new("")).display())
    })
}

/// The thread on which all deliveries run.
fn start(deliveries: Vec<Delivery>) -> Result<JoinHandle<()>, SinkError> {
    let unstartable = |error: std::io::Error| SinkError::Remote { sink: "alerts".into(), why: error.to_string() };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(unstartable)?;
    std::thread::Builder::new()
        .name("alerts".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let mut running = tokio::task::JoinSet::new();
                deliveries.into_iter().for_each(|delivery| drop(running.spawn(delivery.run())));
                while running.join_next().await.is_some() {}
            });
            // A name that is still being looked up holds nothing back.
            runtime.shutdown_background();
        })
        .map_err(unstartable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::Severity;

    #[test]
    fn an_incident_that_becomes_severe_enough_opens_for_the_sink() {
        let sink = "type = \"webhook\"\nurl = \"http://h\"\nmin_severity = \"critical\"";
        let filter = toml::from_str::<config::Sink>(sink).unwrap().filter();
        let (label, name, post) = (String::new(), String::new(), Arc::new(DeliveryQueue::default()));
        let mut remote =
            Remote { label, name, filter, needs_repeats: false, post, withheld: HashSet::new(), told: HashSet::new() };
        let finding = |state, severity| Finding { state, severity, ..local::tests::findings(severity, 1).remove(0) };
        for (state, severity) in [
            (State::Open, Severity::Warning),
            (State::Ongoing, Severity::Warning),
            (State::Ongoing, Severity::Critical),
            (State::Ongoing, Severity::Critical),
            (State::Resolved, Severity::Critical),
        ] {
            remote.take(&finding(state, severity), false);
        }
        let told: Vec<State> = remote.post.notices().iter().map(|notice| notice.state).collect();
        assert_eq!(told, [State::Open, State::Ongoing, State::Resolved]);
        // One that ends before it is severe enough leaves nothing behind.
        remote.take(&finding(State::Open, Severity::Warning), false);
        remote.take(&finding(State::Resolved, Severity::Warning), false);
        assert!(remote.withheld.is_empty() && remote.post.notices().len() == 3);
    }
}
