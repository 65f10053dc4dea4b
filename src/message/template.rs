//! The payload template of a webhook: a Jinja template over the findings of one message.
//!
//! Variables: `title` (one line), `text` (some lines, for people), `count` (findings in all),
//! `opened` and `resolved` (how many of them), `more` (how many are not in `findings`), `severity`
//! (the worst), `findings`, each with the members of [`Notice`], and what [`MessageOrigin`] says:
//! `host`, `environment` and `page`. `| tojson` turns a value into JSON. Any other name is an
//! error.

use super::notice::Notice;
use crate::engine::finding::{Key, Severity, State};
use crate::narrate::quantity::{Noun, thousands};
use crate::narrate::{Language, fill};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use std::fmt::Write as _;

/// Most instructions for rendering one message.
const FUEL: u64 = 200_000;
/// Known variables and functions.
const KNOWN: [&str; 15] = [
    "version",
    "title",
    "text",
    "severity",
    "count",
    "opened",
    "resolved",
    "more",
    "findings",
    "host",
    "environment",
    "page",
    "range",
    "dict",
    "loop",
];
/// The name under which the template is registered.
const NAME: &str = "message";

/// What a sink says of every message: who sends it and where more is to be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MessageOrigin {
    /// The machine that sends it.
    pub host: String,
    /// The name of what is watched.
    pub environment: Option<String>,
    /// The address of the page.
    pub page: Option<String>,
}

impl MessageOrigin {
    /// Who sends it, in parts.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        let host = if self.host.is_empty() { "seismolog".to_owned() } else { format!("seismolog on {}", self.host) };
        [Some(host), self.environment.clone()].into_iter().flatten().collect()
    }
}

/// The variables of a message.
#[derive(Clone, Debug, Serialize)]
pub struct Digest<'a> {
    /// The version of this format.
    pub version: u32,
    /// The title, in one line.
    pub title: String,
    /// The text, in some lines.
    pub text: String,
    /// The worst severity of all findings.
    pub severity: Severity,
    /// How many findings there are in all.
    pub count: u64,
    /// How many of them are of open incidents.
    pub opened: u64,
    /// How many of them are of resolved incidents.
    pub resolved: u64,
    /// How many findings are counted but not listed.
    pub more: u64,
    /// The listed findings, the worst first.
    pub findings: &'a [Notice],
    /// Who sends it.
    #[serde(flatten)]
    pub origin: &'a MessageOrigin,
}

impl<'a> Digest<'a> {
    /// A digest of `findings` and of others that are only counted in `opened` and `resolved`.
    #[must_use]
    pub fn of(
        findings: &'a [Notice],
        opened: u64,
        resolved: u64,
        severity: Severity,
        origin: &'a MessageOrigin,
    ) -> Self {
        let count = opened + resolved;
        let left = count.saturating_sub(findings.len() as u64);
        let language = findings.first().map_or_else(Language::default, |notice| notice.language);
        let title = title(language, findings, opened, resolved, severity);
        let mut text = title.clone();
        for notice in findings {
            if count > 1 {
                let _ = write!(text, "\n\n{}", headline(notice));
            }
            put_details(notice, &mut text);
        }
        if left > 0 {
            let _ = write!(text, "\n\n{}", more(language, left));
        }
        Self { version: 1, title, text, severity, count, opened, resolved, more: left, findings, origin }
    }

    /// The language of its findings.
    #[must_use]
    pub fn language(&self) -> Language {
        self.findings.first().map_or_else(Language::default, |notice| notice.language)
    }

    /// Where the page shows it: the incident, where there is only one.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        match self.findings {
            [only] if self.count == 1 => self.link_of(only),
            _ => self.origin.page.clone(),
        }
    }

    /// Where the page shows the incident of this notice.
    #[must_use]
    pub fn link_of(&self, notice: &Notice) -> Option<String> {
        self.origin.page.as_ref().map(|page| format!("{page}#{}", notice.incident))
    }
}

/// How many more there are.
pub(super) fn more(language: Language, count: u64) -> String {
    fill(language.words().and_more, &[&thousands(count)])
}

/// Whether it is over, or else how bad it is.
pub(super) fn word(notice: &Notice) -> &'static str {
    match notice.state {
        State::Resolved => notice.language.words().resolved,
        _ => notice.language.severity(notice.severity),
    }
}

/// What is told below the headline: the numbers, since when, what to do, and some lines.
fn put_details(notice: &Notice, text: &mut String) {
    let words = notice.language.words();
    let mut put = |line: &str| {
        let _ = write!(text, "\n{line}");
    };
    let is_open = notice.state != State::Resolved;
    if is_open && !notice.evidence.is_empty() {
        put(&notice.evidence);
    }
    let within = notice.respond_within.as_ref().filter(|_| is_open);
    let within = within
        .map_or_else(String::new, |within| format!("{}{}", words.semicolon, fill(words.respond_within, &[within])));
    put(&format!("{}{within}", fill(words.since, &[&notice.since()])));
    let next_step = notice.next_step.as_ref().filter(|_| is_open);
    let known =
        [(words.cause, notice.cause.as_ref()), (words.remedy, notice.remedy.as_ref()), (words.next_step, next_step)];
    for (name, known) in known {
        if let Some(known) = known {
            put(&fill(words.colon, &[&name, known]));
        }
    }
    for line in notice.lines.iter().take(if is_open { 3 } else { 0 }) {
        put(&format!("| {line}"));
    }
}

/// `critical: 12 errors in shop`
pub(super) fn headline(notice: &Notice) -> String {
    // A summary of what is over says so itself.
    if notice.state == State::Resolved {
        return notice.summary.clone();
    }
    fill(notice.language.words().colon, &[&notice.language.severity(notice.severity), &notice.summary])
}

fn title(language: Language, findings: &[Notice], opened: u64, resolved: u64, severity: Severity) -> String {
    match (findings, opened + resolved) {
        ([only], 1) => headline(only),
        _ => {
            let words = language.words();
            let mut parts = Vec::new();
            if opened > 0 {
                let incidents = language.counted(opened, Noun::Incident);
                parts.push(fill(words.worst, &[&incidents, &language.severity(severity)]));
            }
            if resolved > 0 {
                parts.push(fill(words.count_resolved, &[&thousands(resolved)]));
            }
            parts.join(words.semicolon)
        }
    }
}

/// A compiled template; `None` writes the whole digest as JSON.
#[derive(Debug)]
pub struct PayloadTemplate(Option<Environment<'static>>);

impl PayloadTemplate {
    /// Compiles the template.
    ///
    /// # Errors
    /// The error and its line.
    pub fn new(source: Option<&str>) -> Result<Self, String> {
        let Some(source) = source else { return Ok(Self(None)) };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| in_words(&error))?;
        let template = environment.get_template(NAME).map_err(|error| in_words(&error))?;
        // Undefined names are refused here because `tojson` turns them into null, so that a
        // misspelt name would only show in sent messages.
        let undefined = template.undeclared_variables(false).into_iter().filter(|name| !KNOWN.contains(&name.as_str()));
        if let Some(name) = undefined.min() {
            return Err(format!("{name} is undefined"));
        }
        Ok(Self(Some(environment)))
    }

    /// Compiles the template and tries it on one finding and on a storm. If the content type is
    /// JSON, the result must be valid JSON.
    ///
    /// # Errors
    /// The error.
    pub fn check(source: Option<&str>, content_type: &str) -> Result<(), String> {
        let template = Self::new(source)?;
        let sample = |severity, state| Notice {
            id: "9f2c8d0e11aa0b37".into(),
            incident: String::new(),
            incidents: 1,
            detector: "burst".into(),
            kind: "surge".into(),
            rule: None,
            state,
            severity,
            respond_within: Some("1h".into()),
            key: Key(vec![("module".into(), "shop.\"db\"".into())]),
            opened_at: "2026-03-02T08:41:12Z".into(),
            said_at: "2026-03-02T08:41:12Z".into(),
            opened_ns: 1_772_440_872_000_000_000,
            said_ns: 1_772_440_872_000_000_000,
            count: 75,
            score: 0.83,
            summary: "75 errors of shop.\"db\"\tin a minute".into(),
            language: Language::En,
            evidence: "75 errors in 1 min".into(),
            next_step: None,
            cause: None,
            remedy: Some("look\nhere".into()),
            lines: vec!["a \\ line".into()],
        };
        let origin = MessageOrigin { host: "node-1".into(), environment: None, page: Some("http://page/".into()) };
        let samples = [sample(Severity::Critical, State::Open), sample(Severity::Info, State::Resolved)];
        for (findings, opened) in [(&samples[..1], 1), (&samples[1..], 0), (&samples[..], 500)] {
            let resolved = findings.len() as u64 - opened.min(1);
            let digest = Digest::of(findings, opened, resolved, Severity::Critical, &origin);
            let text = template.render(&digest)?;
            if content_type.contains("json") {
                serde_json::from_str::<serde::de::IgnoredAny>(&text)
                    // The result itself is not quoted, because templates may hold API keys.
                    .map_err(|error| format!("makes no JSON: {error}"))?;
            }
        }
        Ok(())
    }

    /// Renders the message.
    ///
    /// # Errors
    /// An error that a template only has for some findings.
    pub fn render(&self, digest: &Digest<'_>) -> Result<String, String> {
        match &self.0 {
            None => serde_json::to_string(digest).map_err(|error| error.to_string()),
            Some(environment) => environment
                .get_template(NAME)
                .and_then(|template| template.render(Serde(digest)))
                .map_err(|error| in_words(&error)),
        }
    }
}

fn in_words(error: &minijinja::Error) -> String {
    match (error.line(), error.detail()) {
        (Some(line), Some(detail)) => format!("line {line}: {detail}"),
        (Some(line), None) => format!("line {line}: {}", error.kind()),
        (None, detail) => detail.map_or_else(|| error.kind().to_string(), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::super::notice::tests::notice;
    use super::*;

    #[test]
    fn templates_are_checked_before_anything_goes_wrong() {
        let json = "application/json";
        for (source, wrong) in [
            (r#"{"text": {{ text | tojson }}}"#, None),
            (r#"{"all": {{ findings | tojson }}, "n": {{ count }}}"#, None),
            (r#"{% for f in findings %}{% endfor %}{"t": {{ title|tojson }}}"#, None),
            (r#"{"e": {{ environment | tojson }}, "h": {{ host | tojson }}, "p": {{ page | tojson }}}"#, None),
            (r#"{"text": "{{ text }}"}"#, Some("no JSON")),
            (r#"{"text": {{ txet | tojson }}}"#, Some("undefined")),
            ("{% for %}", Some("line 1")),
            ("{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}", Some("fuel")),
        ] {
            let got = PayloadTemplate::check(Some(source), json);
            match wrong {
                None => assert_eq!(got, Ok(()), "{source}"),
                Some(part) => assert!(got.as_ref().unwrap_err().contains(part), "{source}: {got:?}"),
            }
        }
        assert_eq!(PayloadTemplate::check(Some("{{ text }}"), "text/plain"), Ok(()));
        assert_eq!(PayloadTemplate::check(None, json), Ok(()));
    }

    #[test]
    fn a_storm_is_told_with_its_count_and_one_finding_in_full() {
        let origin = MessageOrigin::default();
        let one = [notice(1, State::Open, Severity::Critical)];
        let digest = Digest::of(&one, 1, 0, Severity::Critical, &origin);
        let expected = "critical: 12 errors of shop.1\n12 errors in 10 s: 1.2 a second, usually 36 an hour\n\
                        since 2023-11-14 22:13:21 UTC; respond within 1h\ncause: the \"pool\" is empty\n\
                        | connection refused";
        assert_eq!((digest.text.as_str(), digest.more), (expected, 0));
        let storm: Vec<_> = (0..3).map(|id| notice(id, State::Open, Severity::Warning)).collect();
        let digest = Digest::of(&storm, 4_998, 2, Severity::Critical, &origin);
        assert_eq!(digest.title, "4,998 incidents, the worst critical; 2 resolved");
        assert!(digest.text.ends_with("and 4,997 more"), "{}", digest.text);
    }
}
