//! Network ends, which listen and connect on a thread of their own.
//!
//! | end | takes | sends |
//! | --- | --- | --- |
//! | `tcp://`, `unix://` | `lines_in` | `lines_out` |
//! | `http://` | `http_in` | `http_out` |
//! | `forward://`, `forward+unix://` | `forward_in` | `forward_out` |
//!
//! One runtime runs all ends. Received events go as batches to the thread that looks at records,
//! and from there to the engine. Both queues are bounded, so events that are not taken stay with
//! their sender. Events to send come from the engine's thread by one bounded queue for each end.

mod flight;
mod forward_in;
mod forward_out;
mod handshake;
mod http_in;
mod http_out;
mod lines_in;
mod lines_out;
mod peer;
mod refusal;
mod stream;
mod way;

use super::dead_letter::DeadLetters;
use super::log::Log;
use super::outputs::{Form, QUEUE, Queue};
use super::shutdown::Progress;
use super::socket::Listener;
use super::source::{BatchSender, Source};
use crate::config::Peers;
use crate::config::ends::{Mode, Protocol, Remote};
use crate::event::{Batch, EventParser, Fault};
use peer::Shared;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::{self, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use way::Way;

/// Batches between the network's thread and the thread that looks at them.
const INTAKE: usize = 4;
/// What one read returns at most.
const READ_BYTES: usize = super::source::READ_BYTES;

/// An end that cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct EdgeError {
    message: String,
    hint: String,
}

impl EdgeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// Counts what is refused to peers.
pub trait CountFaults: Send + Sync {
    /// Counts one fault.
    fn count(&self, fault: Fault);
}

/// What all network ends share.
pub struct EdgeContext {
    /// Limits on peers.
    pub peers: Peers,
    /// A longer line passes unanalysed.
    pub max_line_bytes: usize,
    /// Diagnostics.
    pub log: Log,
    /// Where refusals are counted.
    pub metrics: Option<Arc<dyn CountFaults>>,
    /// Lines read and delivered.
    pub progress: Arc<Progress>,
    /// Where events go that the peer downstream refuses for good.
    pub dead_letters: DeadLetters,
    /// Becomes true when no more events are to be taken.
    pub stop: watch::Receiver<bool>,
}

/// Network ends that run.
#[derive(Debug)]
pub struct Edges {
    thread: JoinHandle<()>,
    /// One output for each end that events leave by.
    pub queues: Vec<Queue>,
    /// The source of received events, if there is an end that takes some.
    pub source: Option<Intake>,
}

/// The batches of all ends, before they are looked at.
#[derive(Debug)]
pub struct Intake {
    batches: mpsc::Receiver<Batch>,
}

/// The source with the parser that looks at its batches.
pub struct ParsedSource {
    /// The bytes that were taken.
    pub intake: Intake,
    /// Looks at it.
    pub parser: EventParser,
}

impl Source for ParsedSource {
    fn run(mut self: Box<Self>, sender: &BatchSender) -> io::Result<()> {
        while let Some(mut batch) = self.intake.batches.blocking_recv() {
            sender.parse(&mut self.parser, &mut batch);
            if !sender.put(batch) {
                break;
            }
        }
        Ok(())
    }
}

impl Edges {
    /// Starts these ends. Listening sockets are open when it returns; connections may not be yet.
    ///
    /// # Errors
    /// [`EdgeError`] when an address cannot be listened at, a key not be read, a thread not be
    /// started.
    pub fn start(from: &[Remote], to: &[Remote], circumstances: EdgeContext) -> Result<Self, EdgeError> {
        let failed = |error: io::Error| EdgeError {
            message: format!("cannot start the network ends: {error}"),
            hint: "raise the limit of open files or threads".into(),
        };
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(failed)?;
        let progress = Arc::clone(&circumstances.progress);
        let shared = Shared::new(circumstances);
        let (taken, batches) = mpsc::channel(INTAKE);
        let way = Way::new(taken, &shared.peers, progress);
        let (mut tasks, mut queues) = (JoinSet::new(), Vec::new());
        {
            let _inside = runtime.enter();
            for (i, remote) in from.iter().enumerate() {
                spawn_source(remote, i, &shared, way.clone(), &mut tasks)?;
            }
            for remote in to {
                queues.push(spawn_exit(remote, &shared, &mut tasks)?);
            }
        }
        drop(way);
        let thread = std::thread::Builder::new()
            .name("network ends".into())
            .spawn(move || run(runtime, tasks))
            .map_err(failed)?;
        let source = (!from.is_empty()).then_some(Intake { batches });
        Ok(Self { thread, queues, source })
    }

    /// Waits until all ends have sent what was queued, and all peers have their answers. The queues
    /// must be dropped before.
    pub fn finish(self) {
        drop(self.queues);
        // The panic hook has reported a panic there.
        let _ = self.thread.join();
    }
}

fn run(runtime: Runtime, mut tasks: JoinSet<()>) {
    runtime.block_on(async { while tasks.join_next().await.is_some() {} });
    runtime.shutdown_background();
}

fn spawn_source(
    remote: &Remote,
    number: usize,
    shared: &Arc<Shared>,
    way: Way,
    tasks: &mut JoinSet<()>,
) -> Result<(), EdgeError> {
    // Source 0 is standard input.
    let source = crate::event::Source(u16::try_from(number + 1).unwrap_or(u16::MAX));
    let shared = Arc::clone(shared);
    if remote.mode == Mode::Connect {
        tasks.spawn(lines_in::connect(remote.clone(), source, shared, way));
        return Ok(());
    }
    let listener = listen(remote, &shared)?;
    match &remote.protocol {
        Protocol::Lines => {
            tasks.spawn(peer::accept(listener, Arc::clone(&shared), move |stream| {
                lines_in::read(stream, source, Arc::clone(&shared), way.clone())
            }));
        }
        Protocol::Http { path } => {
            let door = Arc::new(http_in::HttpInput::new(path.clone(), source, Arc::clone(&shared), way));
            tasks.spawn(peer::accept(listener, shared, move |stream| http_in::serve(stream, Arc::clone(&door))));
        }
        Protocol::Forward(forward) => {
            let door = Arc::new(forward_in::ForwardInput::new(forward, source, Arc::clone(&shared), way)?);
            tasks.spawn(peer::accept(listener, shared, move |stream| forward_in::serve(stream, Arc::clone(&door))));
        }
    }
    Ok(())
}

fn spawn_exit(remote: &Remote, shared: &Arc<Shared>, tasks: &mut JoinSet<()>) -> Result<Queue, EdgeError> {
    let (parcels, queue) = mpsc::channel(QUEUE);
    let shared = Arc::clone(shared);
    let form = match &remote.protocol {
        Protocol::Lines => {
            let listener = if remote.mode == Mode::Listen { Some(listen(remote, &shared)?) } else { None };
            tasks.spawn(lines_out::send(remote.clone(), listener, shared, queue));
            Form::Lines
        }
        Protocol::Http { path } => {
            let client = http_out::Client::new(&remote.url, &remote.place, path, shared)?;
            tasks.spawn(http_out::send(client, queue));
            Form::Lines
        }
        Protocol::Forward(forward) => {
            let end = forward_out::End::new(remote, forward, shared)?;
            tasks.spawn(forward_out::send(end, queue));
            Form::Entries
        }
    };
    Ok(Queue { form, parcels })
}

fn listen(remote: &Remote, shared: &Shared) -> Result<Listener, EdgeError> {
    let listener = Listener::bind(&remote.place).map_err(|error| EdgeError {
        message: format!("cannot listen at {}: {error}", remote.url),
        hint: match error.kind() {
            io::ErrorKind::AddrInUse => "another process listens there; choose another place or end it".into(),
            io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address".into(),
            io::ErrorKind::PermissionDenied => "it takes more rights, as for ports below 1024".into(),
            _ => "check the host, the port, or the folder of the socket".into(),
        },
    })?;
    let scheme = remote.url.split("://").next().unwrap_or_default();
    shared.log.say(&format!("listening at {scheme}://{}", listener.name()));
    Ok(listener)
}
