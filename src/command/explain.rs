//! `seismolog explain`: explains the findings of a file in sentences.

use crate::cli::ExplainArgs;
use crate::engine::finding::Finding;
use crate::error::Failure;
use crate::explain::explain as tell;
use crate::narrate::Language;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// The text's width, in characters, where standard output is no terminal.
const WIDTH: usize = 80;
/// The least and the greatest width of the text, in characters.
const WIDTHS: (usize, usize) = (40, 100);
/// Most incidents that are explained.
const INCIDENTS: usize = 10_000;
/// Most bytes of findings that are kept in memory, approximately.
const BYTES: usize = 64 << 20;

/// Explains every incident in the file, or the one that `--id` picks.
///
/// # Errors
/// [`Failure::Cannot`] when the file cannot be read or has no such finding.
pub fn explain(args: &ExplainArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let name = args.file.display();
    let hint = "give a file of findings, annotated events, or one finding as JSON; - is standard input";
    let cannot = |error: io::Error| Failure::cannot(format!("cannot read {name}: {error}"), hint);
    let mut input: Box<dyn BufRead> = if args.file.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(&args.file).map_err(cannot)?))
    };
    let mut told = Told { id: args.id.as_deref().unwrap_or_default(), ..Told::default() };
    told.read(&mut input).map_err(cannot)?;
    if told.incidents.is_empty() {
        return Err(match &args.id {
            Some(id) => {
                Failure::cannot(format!("{name} has no finding whose id begins with {id}"), "leave --id out to see all")
            }
            None => Failure::cannot(format!("{name} has no finding"), hint),
        });
    }
    let width = rustix::termios::tcgetwinsize(io::stdout()).map_or(WIDTH, |size| usize::from(size.ws_col));
    let width = width.clamp(WIDTHS.0, WIDTHS.1);
    let rule = format!("{}\n\n", "-".repeat(width));
    let mut incidents: Vec<_> = std::mem::take(&mut told.incidents).into_values().collect();
    incidents.sort_by_key(|(place, _)| *place);
    let language = args.language.or_else(language_of_environment);
    let mut write = || {
        for (i, (_, finding)) in incidents.iter().enumerate() {
            if i > 0 {
                out.write_all(rule.as_bytes())?;
            }
            let finding = finding.clone().in_language(language.unwrap_or(finding.language));
            out.write_all(tell(&finding, width).as_bytes())?;
        }
        if told.left_out > 0 {
            writeln!(out, "\n{} findings of further incidents are left out; --id picks one.", told.left_out)?;
        }
        out.flush()
    };
    match write() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Failure::cannot(format!("cannot write: {error}"), "check standard output")),
    }
}

/// The language that the setting's variable names. No configuration is read here, so a wrong one is
/// left to the commands that read it.
fn language_of_environment() -> Option<Language> {
    let name = std::env::var("SEISMOLOG_OUTPUT_LANGUAGE").ok()?;
    Language::ALL.into_iter().find(|language| language.name() == name)
}

/// The latest finding of each incident, in the order in which incidents first occurred.
#[derive(Default)]
struct Told<'a> {
    /// Only incidents whose ids begin with this text are taken.
    id: &'a str,
    incidents: BTreeMap<String, (usize, Finding)>,
    /// The size of the kept findings in bytes, approximately.
    bytes: usize,
    /// Findings that were dropped because a limit was reached.
    left_out: u64,
}

impl Told<'_> {
    /// Reads all of the input: one JSON document, or one on each line. Lines that are no JSON are
    /// skipped.
    fn read(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        while line.trim_ascii().is_empty() {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
        }
        if serde_json::from_slice::<Value>(&line).is_err() && matches!(line.trim_ascii(), [b'{' | b'[', ..]) {
            // The first line is no complete document, so the input is documents over several lines;
            // if those cannot be parsed, each line is tried on its own.
            input.read_to_end(&mut line)?;
            let documents: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&line).into_iter().collect();
            match documents {
                Ok(documents) => documents.into_iter().for_each(|document| self.take(document)),
                Err(_) => line.split(|byte| *byte == b'\n').for_each(|line| self.take_line(line)),
            }
            return Ok(());
        }
        loop {
            self.take_line(&line);
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
        }
    }

    fn take_line(&mut self, line: &[u8]) {
        // Most lines of an annotated stream carry no finding.
        if memchr::memmem::find(line, b"\"detector\"").is_some()
            && let Ok(value) = serde_json::from_slice(line)
        {
            self.take(value);
        }
    }

    /// Takes a finding, an array of findings, or an event that carries findings in any member.
    fn take(&mut self, value: Value) {
        match value {
            Value::Array(values) => values.into_iter().for_each(|value| self.take(value)),
            Value::Object(members) if ["id", "detector", "summary"].iter().all(|name| members.contains_key(*name)) => {
                if let Ok(finding) = serde_json::from_value::<Finding>(Value::Object(members)) {
                    self.take_finding(finding);
                }
            }
            Value::Object(members) => {
                let lists = members.into_iter().map(|(_, member)| member).filter(Value::is_array);
                lists.for_each(|list| self.take(list));
            }
            _ => {}
        }
    }

    fn take_finding(&mut self, finding: Finding) {
        if !finding.id.starts_with(self.id) {
            return;
        }
        let (count, place) = (self.incidents.len(), self.incidents.get_mut(&finding.id));
        match place {
            Some((_, known)) => {
                let context = std::mem::take(&mut known.context);
                *known = finding;
                // Only the first finding of an incident has the lines before it.
                if known.context.is_empty() {
                    known.context = context;
                }
            }
            None if count < INCIDENTS && self.bytes < BYTES => {
                self.bytes += finding.context.iter().map(String::len).sum::<usize>() + finding.summary.sentence.len();
                self.incidents.insert(finding.id.clone(), (count, finding));
            }
            None => self.left_out += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, state: &str) -> String {
        format!(
            r#"{{"id":"{id}","detector":"loop","kind":"exact","state":"{state}","severity":"info","opened_at":"2026-03-02T08:41:12Z","summary":"s","context":{}}}"#,
            if state == "open" { r#"["before"]"# } else { "[]" }
        )
    }

    fn told(text: &str, id: &str) -> Vec<String> {
        let mut told = Told { id, ..Told::default() };
        told.read(&mut text.as_bytes()).unwrap();
        let mut incidents: Vec<_> = std::mem::take(&mut told.incidents).into_values().collect();
        incidents.sort_by_key(|(place, _)| *place);
        incidents
            .into_iter()
            .map(|(_, finding)| format!("{} {:?} {}", finding.id, finding.state, finding.context.len()))
            .collect()
    }

    #[test]
    fn what_is_too_much_to_tell_is_counted() {
        let mut told = Told::default();
        let more = 7;
        let text: String = (0..INCIDENTS + more).map(|i| finding(&format!("{i:08x}"), "open") + "\n").collect();
        told.read(&mut text.as_bytes()).unwrap();
        assert_eq!((told.incidents.len(), told.left_out), (INCIDENTS, more as u64));
    }

    #[test]
    fn findings_are_found_in_every_form() {
        let (one, two) = (finding("b1", "open"), finding("a2", "open"));
        let over = finding("b1", "resolved");
        for text in [
            format!("{one}\n{two}\n"),
            format!("[{one},{two}]"),
            format!("\n  [\n{one},\n{two}\n]\n"),
            format!("{{\"message\":\"x\",\"anomalies\":[{one},{two}]}}\n"),
            format!("plain text\n{one}\nmore of it\n{{\"other\":[{two}]}}\n{{broken\n"),
            format!("{{\"message\":\"x\",\n\"anomalies\":[{one},{two}]}}\n"),
            format!("{{broken\n{one}\n{two}"),
        ] {
            assert_eq!(told(&text, ""), ["b1 Open 1", "a2 Open 1"], "{text}");
        }
        assert_eq!(told(&format!("{one}\n{two}\n{over}\n"), ""), ["b1 Resolved 1", "a2 Open 1"]);
        assert_eq!(told(&format!("{one}\n{two}\n"), "a"), ["a2 Open 1"]);
        assert_eq!(told("", ""), Vec::<String>::new());
        assert_eq!(told("{\"id\":1}\n[]\n7\n", ""), Vec::<String>::new());
    }
}
