//! `seismolog templates`: lists the message templates of a log.

use super::{Loaded, load, not_read, not_written, paint_and_width, read_in_part};
use crate::cli::TemplatesArgs;
use crate::engine::template::{Template, TemplateId, Templates};
use crate::error::Failure;
use crate::event::{Encoding, Shape};
use crate::narrate::quantity::{bytes, counted, number, thousands};
use crate::plain::plain_document;
use crate::replay::source::{BytesRead, LogSource, open};
use crate::terminal::layout::{clip, without_control};
use serde::Serialize;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The table's width, in characters, where standard output is no terminal.
const WIDTH: usize = 120;
/// Characters of a row before the template's text.
const COLUMNS: usize = 46;

/// Mines the files, or standard input, and prints a table, JSON, or one JSON object for each line.
///
/// # Errors
/// [`Failure::Cannot`] when a file cannot be read or output cannot be written.
pub fn templates(args: &TemplatesArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let loaded = load(&args.settings)?;
    let started = Instant::now();
    let mut out = BufWriter::new(out);
    let mut mined = Mined::new(&loaded);
    let files = if args.files.is_empty() { &[PathBuf::from("-")][..] } else { &args.files };
    for path in files {
        mined.file(&loaded, path, args.lines.then_some(&mut out as &mut dyn Write))?;
    }
    let printed = match (args.lines, args.json) {
        (true, _) => Ok(()),
        (false, true) => mined.print_json(&mut out),
        (false, false) => mined.print_table(&mut out, args.limit, started.elapsed().as_secs_f64()),
    };
    printed.and_then(|()| out.flush()).map_err(|error| not_written(&error))
}

/// The templates that were mined.
struct Mined {
    templates: Templates,
    lines: u64,
    bytes: u64,
    /// Lines without a message: blank, malformed or over-long ones.
    without: u64,
}

/// One row of the table.
#[derive(Serialize)]
struct Row<'a> {
    template_id: String,
    template: &'a str,
    count: u64,
    /// The share of all events, from 0 to 1.
    share: f64,
    level: Option<&'static str>,
    first_seen: Option<String>,
    last_seen: Option<String>,
    example: &'a str,
}

/// One line of `--lines`.
#[derive(Serialize)]
struct Line<'a> {
    line: std::borrow::Cow<'a, str>,
    template_id: Option<String>,
    template: Option<&'a str>,
}

impl Mined {
    fn new(loaded: &Loaded) -> Self {
        let templates = Templates::new(loaded.config.limits.keys, &loaded.config.template.options());
        Self { templates, lines: 0, bytes: 0, without: 0 }
    }

    /// Mines one file; prints each line to `lines` if that is set.
    fn file(&mut self, loaded: &Loaded, path: &Path, mut lines: Option<&mut dyn Write>) -> Result<(), Failure> {
        let cannot = |error: io::Error| not_read(path, &error);
        let opened = open(path, &BytesRead::default()).map_err(cannot)?;
        let cut = loaded.single_lines();
        let mut source = LogSource::new(opened, cut, loaded.parser()?, 0).map_err(cannot)?;
        let mut merges = Vec::new();
        while source.advance() {
            for i in 0..source.batch.records.len() {
                let fields = source.batch.fields(i);
                if fields.record().encoding == Encoding::Rest {
                    continue;
                }
                self.lines += 1;
                let seen = self.templates.see(&fields, source.places[i], &mut merges);
                merges.clear();
                let found = (seen.id != TemplateId::default()).then_some(seen.id);
                self.without += u64::from(found.is_none() && fields.parsed().shape != Shape::Own);
                if let Some(out) = &mut lines {
                    let said = Line {
                        line: String::from_utf8_lossy(fields.line()),
                        template_id: found.map(|id| id.to_string()),
                        template: found.and_then(|id| self.templates.text(id)),
                    };
                    let said = serde_json::to_string(&said).map_err(|error| not_written(&error.into()))?;
                    out.write_all((plain_document(&said) + "\n").as_bytes()).map_err(|error| not_written(&error))?;
                }
            }
        }
        self.bytes += source.given.bytes;
        match &source.given.damage {
            None => Ok(()),
            Some(damage) => Err(Failure::cannot(
                read_in_part(&source.name, source.given.lines, damage),
                "get a whole copy of the file",
            )),
        }
    }

    /// All templates, the most frequent first; those of equal counts by id.
    fn sorted(&self) -> Vec<(TemplateId, &Template)> {
        let mut all: Vec<_> = self.templates.all().collect();
        all.sort_unstable_by_key(|(id, template)| (std::cmp::Reverse(template.count), *id));
        all
    }

    fn share(&self, template: &Template) -> f64 {
        template.count as f64 / self.lines.max(1) as f64
    }

    fn print_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let time = |time: crate::event::Timestamp| (time.0 != i64::MIN).then(|| time.to_string());
        let rows = self.sorted().into_iter().map(|(id, template)| Row {
            template_id: id.to_string(),
            template: &template.text,
            count: template.count,
            share: self.share(template),
            level: template.level.map(crate::event::Level::name),
            first_seen: time(template.first),
            last_seen: time(template.last),
            example: template.example(),
        });
        let rows = serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?;
        out.write_all((plain_document(&rows) + "\n").as_bytes())
    }

    fn print_table(&self, out: &mut dyn Write, limit: usize, seconds: f64) -> io::Result<()> {
        let width = paint_and_width().1.map_or(WIDTH, |width| width.max(80));
        let rows = self.sorted();
        writeln!(out, "{:>11}  {:>6}  {:5}  {:16}  template", "count", "share", "level", "id")?;
        for (id, template) in rows.iter().take(limit) {
            let level = template.level.map_or("", crate::event::Level::name);
            let share = format!("{:.1} %", 100.0 * self.share(template));
            let text = clip(&without_control(&template.text), width.saturating_sub(COLUMNS).max(20));
            writeln!(out, "{:>11}  {share:>6}  {level:5}  {id}  {text}", thousands(template.count))?;
            let seen = seen_between(template);
            let example = clip(&without_control(template.example()), width.saturating_sub(28 + seen.len()).max(20));
            writeln!(out, "{:>27}{seen}{example}", "")?;
        }
        if rows.len() > limit {
            let more = (rows.len() - limit) as u64;
            writeln!(out, "  {} more; --limit shows more, --json has all", counted(more, "template"))?;
        }
        let merged = self.templates.merged();
        writeln!(
            out,
            "{} in {}, {}{}; {} lines/s",
            counted(rows.len() as u64, "template"),
            counted(self.lines, "line"),
            bytes(self.bytes),
            if merged > 0 { format!(", {} merged into others", thousands(merged)) } else { String::new() },
            number((self.lines as f64 / seconds.max(1e-9)).round()),
        )?;
        if self.without > 0 {
            writeln!(out, "{} without a message", counted(self.without, "line"))?;
        }
        let evicted = self.templates.evictions();
        if evicted > 0 {
            writeln!(out, "{} forgotten: raise limits.keys to count them all", counted(evicted, "template"))?;
        }
        Ok(())
    }
}

/// `08:00:03 to 08:59:59  `, or nothing if the lines have no times.
fn seen_between(template: &Template) -> String {
    let clock = |time: crate::event::Timestamp| time.to_string().get(..19).map(|text| text.replace('T', " "));
    match (template.first.0, clock(template.first), clock(template.last)) {
        (i64::MIN, ..) | (_, None, _) | (_, _, None) => String::new(),
        (_, Some(first), Some(last)) if first.get(..10) == last.get(..10) => {
            format!("{first} to {}  ", last.get(11..).unwrap_or_default())
        }
        (_, Some(first), Some(last)) => format!("{first} to {last}  "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Settings;

    #[test]
    fn the_table_says_how_much_of_the_log_each_template_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.log");
        let line = |i: usize, what: &str| format!("2026-03-02T08:00:{i:02}Z {what}\n");
        let text: String = (0..9).map(|i| line(i, &format!("INFO took {i} ms"))).collect();
        std::fs::write(&file, format!("{text}{}\n", line(9, "ERROR disk full on /dev/sda"))).unwrap();
        let loaded = load(&Settings::default()).unwrap();
        let mut mined = Mined::new(&loaded);
        mined.file(&loaded, &file, None).unwrap();
        let mut out = Vec::new();
        mined.print_table(&mut out, 1, 0.001).unwrap();
        let expected = "      count   share  level  id                template
          9  81.8 %  INFO   ID  took <*> ms
                           2026-03-02 08:00:00 to 08:00:08  took 0 ms
  1 template more; --limit shows more, --json has all
2 templates in 11 lines, 374 bytes; 11,000 lines/s
1 line without a message
";
        let id = mined.sorted()[0].0.to_string();
        assert_eq!(String::from_utf8(out).unwrap().replace(&id, "ID"), expected);
    }
}
