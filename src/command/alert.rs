//! `seismolog alert test`: sends a test message through a sink.

use super::load_config;
use crate::cli::{AlertCommand, AlertTestArgs};
use crate::config::Sink;
use crate::diagnostic::{Diagnostic, nearest};
use crate::error::Failure;
use crate::io::sink::transport::Message;
use crate::io::sink::trial::{self, Trial};
use std::io::{self, Write};

/// Runs a command about alerts.
///
/// # Errors
/// [`Failure::Invalid`] for a bad configuration and an unknown sink; [`Failure::Cannot`] when the
/// message is not delivered.
pub fn alert(command: &AlertCommand, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        AlertCommand::Test(args) => test(args, out),
    }
}

fn test(args: &AlertTestArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let config = load_config(&args.settings).map_err(Failure::Invalid)?;
    let names = Sink::names(&config.sinks);
    let Some(index) = names.iter().position(|name| *name == args.sink) else {
        return Err(Failure::Invalid(vec![unknown(args, &names)]));
    };
    let (name, title) = (&names[index], config.sinks[index].title());
    let tried = trial::send(&config, index, name, args.severity)
        .map_err(|error| Failure::cannot(error.to_string(), error.hint()))?;
    let written = match &tried {
        Trial::Opened => {
            writeln!(out, "{name} ({title}): it can be written to; nothing was, for its readers expect findings")
        }
        Trial::Taken { sent, .. } | Trial::NotTaken { sent, .. } => {
            writeln!(out, "{name} ({title}): sent {}", shown(sent))
        }
    };
    written.map_err(|error| unwritable(&error))?;
    match tried {
        Trial::Opened => Ok(()),
        Trial::Taken { answer, but, .. } => {
            let but = but.map_or(String::new(), |but| format!("\nbut {but}"));
            writeln!(out, "it answered: {}{but}", answer.trim_start_matches("it answered "))
                .map_err(|error| unwritable(&error))
        }
        Trial::NotTaken { why, is_tried_again, .. } => {
            let hint = if is_tried_again {
                "a finding would be sent again later, for this can pass"
            } else {
                "a finding would be lost, for this does not pass by itself"
            };
            Err(Failure::cannot(format!("{name} did not take the test message: {why}"), hint))
        }
    }
}

/// What was sent, as a person can read it.
fn shown(message: &Message) -> String {
    match message {
        Message::Post { content_type, body, .. } => format!("{} bytes of {content_type}\n{body}", body.len()),
        Message::Mail(mail) => format!("a mail\nSubject: {}\n\n{}", mail.subject, mail.text.trim_end()),
    }
}

fn unknown(args: &AlertTestArgs, names: &[String]) -> Diagnostic {
    let place = args.settings.config.as_ref().map_or("configuration".to_owned(), |path| path.display().to_string());
    let there_are = match names {
        [] => "the configuration has no [[sink]]; -c names the file that has".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    let hint = match nearest(&args.sink, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? {there_are}"),
        None => there_are,
    };
    Diagnostic::of_file(&place, format!("no sink has the name `{}`", args.sink)).with_hint(hint)
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::cannot(format!("cannot write: {error}"), "check standard output")
}
