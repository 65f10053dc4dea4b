//! Sinks: where findings go besides the event stream, which never waits for one.
//!
//! [`local`] writes them to files and descriptors, one JSON object a line, as far as those take it
//! at once. A [`delivery`] tells a server, from a thread of its own: [`alertmanager`] and
//! [`webhook`] decide what and when.

pub mod alertmanager;
pub mod breaker;
pub mod client;
pub mod delivery;
pub mod local;
pub mod notice;
pub mod spool;
pub mod template;
pub mod url;
pub mod webhook;

use crate::config;
use crate::engine::finding::{Finding, Severity};
use client::{Client, variable_secret};
use delivery::{Delivery, DeliveryQueue, DeliveryStats};
use local::LocalSinks;
pub use local::{SinkError, SinkFailure};
use notice::Notice;
use spool::Spool;
use std::sync::Arc;
use std::thread::JoinHandle;
use template::PayloadTemplate;
use url::Url;

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
    least: Severity,
    /// It takes an incident for over of which it is not told again.
    needs_repeats: bool,
    post: Arc<DeliveryQueue>,
}

/// How a sink that tells a server has fared.
#[derive(Clone, Debug)]
pub struct SinkReport {
    /// Its name in metrics: its type, with a number from the second on.
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
    pub fn open(sinks: &[config::Sink]) -> Result<Self, SinkError> {
        let local = LocalSinks::open(sinks)?;
        let (mut remote, mut deliveries) = (Vec::new(), Vec::<Delivery>::new());
        for sink in sinks {
            let post = Arc::new(DeliveryQueue::default());
            let Some(delivery) = delivery(sink, &post) else { continue };
            let name = sink.name();
            deliveries.push(delivery.map_err(|why| SinkError::Remote { sink: name.clone(), why })?);
            let needs_repeats = matches!(sink, config::Sink::Alertmanager(_));
            let kind = if needs_repeats { "alertmanager" } else { "webhook" };
            let before = remote.iter().filter(|other: &&Remote| other.label.starts_with(kind)).count();
            let label = if before == 0 { kind.to_owned() } else { format!("{kind}_{}", before + 1) };
            remote.push(Remote { label, name, least: sink.min_severity(), needs_repeats, post });
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
        for remote in self.remote.iter().filter(|remote| finding.severity >= remote.least) {
            remote.post.put(Notice::of(finding), is_silenced);
        }
    }

    /// Takes an incident that an earlier process told of and that is still open, for those that
    /// must hear of it again.
    pub fn take_still_open(&mut self, finding: &Finding, is_silenced: bool) {
        let remotes = self.remote.iter().filter(|remote| remote.needs_repeats && finding.severity >= remote.least);
        remotes.for_each(|remote| remote.post.put(Notice::of(finding), is_silenced));
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

/// The delivery of a sink that tells a server; none for the others.
fn delivery(sink: &config::Sink, post: &Arc<DeliveryQueue>) -> Option<Result<Delivery, String>> {
    match sink {
        config::Sink::File { .. } | config::Sink::Descriptor { .. } => None,
        config::Sink::Alertmanager(sink) => Some(to_alertmanager(sink, post)),
        config::Sink::Webhook(sink) => Some(to_webhook(sink, post)),
    }
}

fn to_alertmanager(sink: &config::Alertmanager, post: &Arc<DeliveryQueue>) -> Result<Delivery, String> {
    let alerts = alertmanager::Alerts::new(sink.labels.clone(), sink.group_wait.0, sink.repeat.0);
    let client = Client::new(&sink.url, &sink.access())?;
    Ok(Delivery::new(Arc::clone(post), client, Box::new(alerts), open_spool(sink.spool.as_deref())?))
}

fn to_webhook(sink: &config::Webhook, post: &Arc<DeliveryQueue>) -> Result<Delivery, String> {
    let url = match (&sink.url, &sink.url_file, &sink.url_env) {
        (Some(url), _, _) => url.clone(),
        (_, Some(file), _) => Url::new(&client::read_secret(file)?),
        (_, _, variable) => Url::new(&variable_secret(variable.as_deref().unwrap_or_default())?),
    };
    let template = PayloadTemplate::new(sink.template.as_deref())?;
    let gathered = webhook::Gathered::new(template, sink.content_type.clone(), sink.group_wait.0, sink.per_minute);
    let client = Client::new(&url, &sink.access())?;
    Ok(Delivery::new(Arc::clone(post), client, Box::new(gathered), open_spool(sink.spool.as_deref())?))
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
