//! `seismolog inspect`: shows how each line is parsed, or summarizes whole files.

use super::{Loaded, load_config, not_read, not_written, paint_and_width, read_in_part};
use crate::cli::{InspectArgs, Settings};
use crate::engine::rules::RuleSet;
use crate::engine::template::Templates;
use crate::error::Failure;
use crate::event::inspect::Inspector;
use crate::event::{Encoding, Role};
use crate::inspect::document::LineDocument;
use crate::inspect::evidence::Evidence;
use crate::inspect::layout_evidence::LayoutEvidence;
use crate::inspect::show::LineView;
use crate::inspect::summary::InspectSummary;
use crate::plain::plain_document;
use crate::replay::source::{BytesRead, LogSource, open};
use serde::Serialize;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The output's width, in characters, where standard output is no terminal.
const WIDTH: usize = 120;

/// Reads the files, or standard input, and prints how each line is parsed, or a summary.
///
/// # Errors
/// [`Failure::Cannot`] when a file cannot be read or output cannot be written.
pub fn inspect(args: &InspectArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let settings = Settings { config: args.config.clone(), ..Settings::default() };
    let config = load_config(&settings).map_err(Failure::Invalid)?;
    let loaded = Loaded::new(config, RuleSet::empty());
    let templates = Templates::new(loaded.config.limits.keys, &loaded.config.template.options());
    let mut inspection = Inspection {
        args,
        loaded: &loaded,
        view: view(),
        summary: InspectSummary::new(
            Evidence::new(loaded.time_context()?),
            LayoutEvidence::new(loaded.time_context()?),
            templates,
        ),
        out: BufWriter::new(out),
        damage: None,
    };
    let files = if args.files.is_empty() { &[PathBuf::from("-")][..] } else { &args.files };
    let ended = files.iter().try_for_each(|path| inspection.file(path)).and_then(|()| inspection.finish());
    match ended {
        // The reader of the output has closed the pipe, as `head` does: that is no error.
        Err(Interruption::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Interruption::Output(error)) => Err(not_written(&error)),
        Err(Interruption::Failure(failure)) => Err(failure),
        Ok(()) => Ok(()),
    }
}

fn view() -> LineView {
    let (paint, width) = paint_and_width();
    LineView { width: width.map_or(WIDTH, |width| width.max(60)), paint }
}

/// Why the inspection ended early.
enum Interruption {
    Output(io::Error),
    Failure(Failure),
}

impl From<io::Error> for Interruption {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

struct Inspection<'a> {
    args: &'a InspectArgs,
    loaded: &'a Loaded,
    view: LineView,
    summary: InspectSummary,
    out: BufWriter<&'a mut dyn Write>,
    /// The first file that could not be read to its end.
    damage: Option<String>,
}

impl Inspection<'_> {
    fn file(&mut self, path: &Path) -> Result<(), Interruption> {
        let cannot = |error: io::Error| Interruption::Failure(not_read(path, &error));
        let opened = open(path, &BytesRead::default()).map_err(cannot)?;
        let cut = self.loaded.single_lines();
        let parser = self.loaded.parser().map_err(Interruption::Failure)?;
        let mut inspector = self.loaded.inspector().map_err(Interruption::Failure)?;
        let mut source = LogSource::new(opened, cut, parser, 0).map_err(cannot)?;
        self.summary.file(&source.name);
        let mut number = 0;
        while source.advance() {
            for i in 0..source.batch.records.len() {
                if source.batch.records[i].encoding != Encoding::Rest {
                    number += 1;
                    self.line(&source, i, number, &mut inspector)?;
                }
            }
            // Lines that arrive slowly through a pipe are shown as they arrive.
            if !self.args.summary {
                self.out.flush()?;
            }
        }
        if let Some(damage) = &source.given.damage {
            let says = read_in_part(&source.name, source.given.lines, damage);
            self.damage.get_or_insert(says);
        }
        Ok(())
    }

    fn line(&mut self, source: &LogSource, i: usize, number: u64, inspector: &mut Inspector) -> io::Result<()> {
        let fields = source.batch.fields(i);
        let reading = inspector.read(&fields);
        if self.args.summary {
            self.summary.line(&fields, source.places[i], &reading);
            return Ok(());
        }
        if self.args.json {
            return write_document(&mut self.out, &LineDocument::new(&source.name, number, &fields, &reading));
        }
        let line = String::from_utf8_lossy(fields.line());
        let shown = self.view.line(number, &line, &reading, fields.duration_ms());
        self.out.write_all(shown.as_bytes())
    }

    fn finish(self) -> Result<(), Interruption> {
        let mut out = self.out;
        if self.args.summary {
            let (LineView { width, paint }, summary) = (self.view, self.summary.finish());
            if self.args.json {
                write_document(&mut out, &summary)?;
            } else {
                out.write_all(summary.render(width, paint).as_bytes())?;
            }
        }
        out.flush()?;
        match self.damage {
            Some(damage) => Err(Interruption::Failure(Failure::cannot(damage, "get a whole copy of the file"))),
            None => Ok(()),
        }
    }
}

fn write_document(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", plain_document(&serde_json::to_string(document)?))
}

impl Loaded {
    /// Makes an inspector that parses lines as [`Self::parser`] does.
    ///
    /// # Errors
    /// As [`Self::parser`].
    pub fn inspector(&self) -> Result<Inspector, Failure> {
        let names = |role: Role| self.config.role_names(role).iter().map(|name| name.text.to_owned()).collect();
        Ok(Inspector::new(Role::ALL.map(|role| (role, names(role))).into(), self.time_context()?)
            .with_layouts(&self.config.layouts()))
    }
}
