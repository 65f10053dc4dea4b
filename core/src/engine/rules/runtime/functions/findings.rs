//! `finding`, `resolve`: open and end incidents.

use super::arguments::{LONGEST_TEXT, failure, key_map};
use super::table::{Function, FunctionGroup, overload};
use crate::diagnostic::nearest;
use crate::engine::finding::Severity;
use crate::engine::recent::LINES;
use crate::engine::rules::compile::declaration::severity_of;
use crate::engine::rules::compile::signature::{Argument, FINDING};
use crate::engine::rules::runtime::context::FindingRequest;
use rhai::{INT, Map};

/// Most lines of context that a finding can request: as many as are kept.
const MOST_CONTEXT: INT = LINES as INT;

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
    title: "output",
    functions: &[
        Function {
            name: "finding",
            arguments: (1, 1),
            expects: &[(0, Argument::Finding)],
            reference: &[(
                "`finding(#{ summary, severity, cause, remedy, context, key, reset, state })`",
                "opens the incident of the rule and its key, or joins it; `context: 20` shows the 20 lines before, of the last 64; `reset: true` clears the key's windows; `key: #{…}` in place of the event's",
            )],
            register: |to| {
                overload!(to, |context, position, members: Map| request(&members)
                    .and_then(|request| context.lock().finding(request))
                    .map_err(|message| failure(message, position)));
            },
        },
        Function {
            name: "resolve",
            arguments: (0, 1),
            expects: &[],
            reference: &[(
                "`resolve()`, `resolve(#{key})`",
                r#"ends the incident now; as `finding(#{ state: "resolved" })`"#,
            )],
            register: |to| {
                overload!(to, |context, position| context
                    .lock()
                    .finding(resolution(None))
                    .map_err(|message| failure(message, position)));
                overload!(to, |context, position, key: Map| key_map(&key)
                    .and_then(|key| context.lock().finding(resolution(Some(key))))
                    .map_err(|message| failure(message, position)));
            },
        },
    ],
    others: &[("`print(text)`", "a line in the log, for the author")],
};

fn request(map: &Map) -> Result<FindingRequest, String> {
    let mut asked = FindingRequest::default();
    let mut has_summary = false;
    for (name, value) in map {
        // A missing value, from a table's row or from the event, counts as not given.
        if value.is_unit() && name != "summary" && FINDING.contains(&name.as_str()) {
            continue;
        }
        let text = || {
            let text = value
                .as_immutable_string_ref()
                .map_err(|found| format!("`{name}` of a finding is text, not {found}"))?;
            Ok::<_, String>(text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned())
        };
        match name.as_str() {
            "summary" => (asked.summary, has_summary) = (text()?, true),
            "cause" => asked.cause = Some(text()?),
            "remedy" => asked.remedy = Some(text()?),
            "severity" => {
                let name = text()?;
                let known = Severity::ALL.map(Severity::name).join(", ");
                asked.severity =
                    Some(severity_of(&name).ok_or_else(|| format!("unknown severity `{name}`; known: {known}"))?);
            }
            "context" => {
                let lines = value
                    .as_int()
                    .map_err(|found| format!("`context` of a finding is a number of lines, not {found}"))?;
                asked.context = lines.clamp(0, MOST_CONTEXT) as usize;
            }
            "reset" => {
                asked.reset =
                    value.as_bool().map_err(|found| format!("`reset` of a finding is true or false, not {found}"))?
            }
            "key" => {
                let map = value
                    .as_map_ref()
                    .map_err(|found| format!("`key` of a finding is a map of names and values, not {found}"))?;
                asked.key = Some(key_map(&map)?);
            }
            "state" => {
                asked.resolved = match text()?.as_str() {
                    "open" => false,
                    "resolved" => true,
                    other => return Err(format!("`state` of a finding is \"open\" or \"resolved\", not `{other}`")),
                }
            }
            _ => {
                let hint = nearest(name, FINDING)
                    .map_or_else(|| format!("known: {}", FINDING.join(", ")), |near| format!("did you mean `{near}`?"));
                return Err(format!("unknown member of a finding `{name}`; {hint}"));
            }
        }
    }
    if has_summary || asked.resolved { Ok(asked) } else { Err("a finding has a `summary`".to_owned()) }
}

/// Resolves the incident with this key; without one, with the key of the event.
fn resolution(key: Option<Vec<(String, String)>>) -> FindingRequest {
    FindingRequest { resolved: true, key, ..FindingRequest::default() }
}
