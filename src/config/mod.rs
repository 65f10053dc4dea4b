//! The typed configuration file: its tables, their defaults, and what is valid.
//!
//! A file, variables and flags are merged in that order. Every value is checked, and every problem
//! has a location and a hint.

pub mod address;
mod alert;
mod email;
pub mod ends;
mod filter;
mod input;
mod layout;
mod limits;
mod metrics;
mod output;
mod peers;
mod poison;
mod policy;
mod problem;
mod ranges;
mod redact;
mod roles;
mod rules;
pub mod schema;
mod sink;
mod state;
mod template;
pub mod url;
mod variables;

use crate::diagnostic::Diagnostic;
use crate::engine::EngineOptions;
use crate::engine::detector::DetectorOptions;
use crate::engine::incident::Policy as EnginePolicy;
use crate::engine::rules::Budget;
use crate::engine::situation::SituationOptions;
use crate::event::Role;
use crate::event::layout::OwnLayout;
use crate::event::roles::{Names, RoleName};
use crate::event::time::TimeContext;
pub use crate::human_duration::HumanDuration;
pub use alert::{Access, Alertmanager, Webhook};
pub use email::{Email, MailTls};
pub use filter::SinkFilter;
pub use input::Input;
pub use limits::{Limits, PAGE_BYTES};
pub use metrics::Metrics;
pub use output::{EncoderOptions, EntryLimits, Output, Reply, SyntheticMode, TextMode};
pub use peers::Peers;
pub use poison::OnPoison;
pub use policy::Policy;
pub use problem::Problem;
pub use rules::Rules;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use sink::{DescriptorSink, FileSink, Sink};
pub use state::State;
use std::collections::BTreeMap;
pub use template::Template;

/// All that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How input is read.
    pub input: Input,
    /// How events leave.
    pub output: Output,
    /// What those who connect may take of us.
    pub peers: Peers,
    /// Names of each role, in place of its default list, or in front of it: `"+name"`. A
    /// duration's unit stands behind a colon: `"+cost_time:s"`.
    #[schemars(schema_with = "schema::roles")]
    pub roles: BTreeMap<Role, Vec<String>>,
    /// Caps.
    pub limits: Limits,
    /// The template miner.
    pub template: Template,
    /// One table for each detector.
    pub detector: DetectorOptions,
    /// Incidents with one cause are told as one.
    pub situation: SituationOptions,
    /// Which rules.
    pub rules: Rules,
    /// Where metrics are served.
    pub metrics: Metrics,
    /// How soon somebody should look.
    pub policy: Policy,
    /// What is kept across restarts.
    pub state: State,
    /// Where findings go besides the stream.
    #[serde(rename = "sink", skip_serializing_if = "Vec::is_empty")]
    pub sinks: Vec<Sink>,
}

/// The problem of joining lines that leave as they came, and its hint.
pub(crate) const JOIN_AND_RAW: (&str, &str) = (
    "input.join makes one event of several lines, and with output.text = \"raw\" lines leave as they came",
    "leave one of them out: stack traces are joined for detection without join as well",
);

impl Config {
    /// Reads the text of the file `path`.
    ///
    /// # Errors
    /// Every problem that could be found, with its place.
    pub fn parse(path: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let config: Self = toml::from_str(text).map_err(|error| vec![problem::explain(path, text, &error)])?;
        let problems = config.problems();
        if problems.is_empty() {
            return Ok(config);
        }
        let mut problems: Vec<_> = problems.into_iter().map(|problem| problem.in_file(path, text)).collect();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Err(problems)
    }

    /// All problems of the values, whether they came from the file, from variables or from flags.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, key: &str, message: String, hint: &str| {
            if !holds {
                problems.push(Problem::new(key, message, hint));
            }
        };
        self.check_ranges(&mut require);
        if let Err(error) = TimeContext::new(&self.input.timezone, 2000) {
            require(
                false,
                "input.timezone",
                error.to_string(),
                "an IANA name such as Europe/Berlin, UTC, or an offset such as +02:00",
            );
        }
        for (i, layout) in self.input.layout.iter().enumerate() {
            layout.require(i, &mut require);
        }
        ends::require(&self.input.from, &self.output.to, &mut require);
        let member = &self.output.member;
        let taken =
            ["timestamp", "level", "source", "message", "header", "severity_text", "timestamp_text", "facility"];
        require(
            !taken.contains(&member.as_str()),
            "member",
            format!("output.member is {member:?}, which events of our own and text lines have anyway"),
            "another name, by default \"anomalies\"",
        );
        self.metrics.require(&mut require);
        require(
            !member.is_empty() && member.len() <= 128,
            "output.member",
            format!("output.member is {member:?}"),
            "a name of 1 to 128 bytes, by default \"anomalies\"",
        );
        self.output.require_poison(&mut require);
        let raw = self.output.text == TextMode::Raw;
        require(!(self.input.join && raw), "join", JOIN_AND_RAW.0.to_owned(), JOIN_AND_RAW.1);
        self.detector.check(&mut require);
        self.state.require(&mut require);
        roles::require(&self.roles, &mut require);
        rules::require(&self.rules, &mut require);
        self.template.require(&mut require);
        for (i, sink) in self.sinks.iter().enumerate() {
            sink.require(i, &mut require);
        }
        sink::require_names(&self.sinks, &mut require);
        problems
    }

    /// The formats of one's own. Those that are wrong, which validation has found, are left out.
    #[must_use]
    pub fn layouts(&self) -> Vec<OwnLayout> {
        self.input.layout.iter().filter_map(|layout| layout.compile().ok()).collect()
    }

    /// The table of role names.
    #[must_use]
    pub fn names(&self) -> Names {
        Names::new(Role::ALL.map(|role| (role, self.role_names(role))), &self.output.member)
    }

    /// The names of a role, the most telling first: those that are configured, in place of the
    /// default list, or in front of it where they begin with a plus.
    #[must_use]
    pub fn role_names(&self, role: Role) -> Vec<RoleName<'_>> {
        roles::names(&self.roles, role)
    }

    /// The options of the engine.
    #[must_use]
    pub fn engine_options(&self) -> EngineOptions {
        let keys = self.limits.keys;
        EngineOptions {
            allowed_lateness_s: self.input.allowed_lateness.0.as_secs_f64(),
            keys,
            open_incidents: self.limits.open_incidents,
            language: self.output.language,
            table_bytes: self.limits.table_bytes,
            policy: EnginePolicy {
                fatal: self.policy.fatal.to_string(),
                error: self.policy.error.to_string(),
                warn: self.policy.warn.to_string(),
            },
            detector: self.detector.clone(),
            situation: self.situation,
            template: self.template.options(),
            budget: Budget { keys, ..Budget::default() },
            ..EngineOptions::default()
        }
    }

    /// The options of the encoder.
    #[must_use]
    pub fn encoder_options(&self) -> EncoderOptions {
        EncoderOptions {
            member: self.output.member.clone(),
            text: self.output.text,
            synthetic: self.output.synthetic,
            max_record_bytes: self.output.max_record_bytes,
            entries: self.peers.entry_limits(),
            reply: Reply::Event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_problem(text: &str) -> String {
        Config::parse("s.toml", text).unwrap_err()[0].to_string()
    }

    #[test]
    fn the_defaults_survive_being_written_and_read() {
        let config = Config::default();
        assert_eq!(Config::parse("d", &toml::to_string(&config).unwrap()).unwrap(), config);
        assert_eq!(Config::parse("d", "").unwrap(), config);
    }

    #[test]
    fn unknown_names_are_errors_with_the_nearest_known() {
        let said = first_problem("[input]\ntimezon = \"UTC\"\n");
        assert!(
            said.starts_with("s.toml:2:1: unknown name `timezon`") && said.contains("did you mean `timezone`?"),
            "{said}"
        );
        let said = first_problem("[detector.lop]\nenabled = false\n");
        assert!(said.contains("did you mean `loop`?"), "{said}");
        let said = first_problem("[roles]\nlevle = [\"sev\"]\n");
        assert!(said.contains("did you mean `level`?"), "{said}");
        let said = first_problem("[output]\ntext = \"jsn\"\n");
        assert!(said.contains("did you mean `json`?"), "{said}");
    }

    #[test]
    fn values_out_of_range_have_a_place_and_a_hint() {
        for (text, place, hint) in [
            ("[limits]\nkeys = 3\n", "s.toml:2:1", "from 100"),
            ("[input]\n  year = 20\n", "s.toml:2:3", "1970"),
            ("[input]\nmax_line_bytes = 10\n", "s.toml:2:1", "1 KiB"),
            ("[input]\nallowed_lateness = \"soon\"\n", "s.toml:2:20", "such as \"10s\""),
            ("[detector.loop]\nthreshold = 2.0\n", "s.toml:2:1", "1e-10"),
            ("[detector]\nfalse_alarms_per_day = 0.0\n", "s.toml:2:1", "by default 1"),
            ("[detector.burst]\nthreshold = 0.0\n", "s.toml:2:1", "1e-8"),
            ("[detector.burst]\nlevel = \"eror\"\n", "s.toml:2:9", "did you mean `error`?"),
            ("[detector.spread]\ndimensions = [\"hots\"]\n", "s.toml:2:1", "\".zone\""),
            ("[detector.spread]\ndimensions = []\n", "s.toml:2:1", "by default [\"host\"]"),
            ("[[detector.burst.override]]\nenabled = false\n", "s.toml:1:1", "add module"),
            ("[[detector.burst.override]]\nmodule = \"a\"\n", "s.toml:1:1", "min_errors"),
            ("[[detector.spread.override]]\nhost = \"a\"\nmin_failures = 1\n", "s.toml:3:1", "from 2"),
            ("[[detector.spread.override]]\nhost = \"a\"\n", "s.toml:1:1", "changes nothing"),
            ("[detector.burst]\nwindows = [\"1m\", \"10s\"]\n", "s.toml:2:1", "ascending"),
            ("[detector.latency]\noutlier_threshold = 0.0\n", "s.toml:2:1", "1e-5"),
            ("[detector.latency]\ntolerance = 0.5\n", "s.toml:2:1", "1.25"),
            ("[detector.silence]\nkeys = [\"host\", \"host\"]\n", "s.toml:2:1", "one to eight"),
            ("[detector.silence]\nthreshold = 0.5\n", "s.toml:2:1", "1e-9"),
            ("[detector.silence]\nleast = \"0s\"\n", "s.toml:2:1", "at least 1s"),
            ("[[detector.silence.override]]\nkey = \"pod\"\nname = \"a\"\nenabled = false\n", "s.toml:2:1", "keys"),
            ("[[detector.silence.override]]\nkey = \"host\"\nname = \"a\"\n", "s.toml:1:1", "least"),
            ("[detector.novelty]\nthreshold = 0.0\n", "s.toml:2:1", "0.05"),
            ("[[detector.novelty.override]]\nenabled = false\n", "s.toml:1:1", "module, host"),
            ("[detector.input]\nthreshold = 1.0\n", "s.toml:2:1", "1e-9"),
            ("[output]\non_poison = \"file\"\n", "s.toml:2:1", "dead_letter_file = "),
            ("[output]\non_poison = \"fiel\"\n", "s.toml:2:13", "did you mean `file`?"),
            ("[output]\ndead_letter_file = \"\"\n", "s.toml:2:1", "name a file"),
            ("[output]\ndead_letter_max_bytes = 1\n", "s.toml:2:1", "1 GiB"),
            ("[state]\npath = \"\"\n", "s.toml:2:1", "name a directory"),
            ("[state]\ninterval = \"10ms\"\n", "s.toml:2:1", "at least 1s"),
            ("[roles]\nlevel = []\n", "s.toml:2:1", "at least one"),
            ("[[sink]]\ntype = \"file\"\npath = \"\"\n", "s.toml:3:1", "name a file"),
            (
                "[[sink]]\ntype = \"file\"\npath = \"f\"\n\n[[sink]]\ntype = \"descriptor\"\ndescriptor = 1\n",
                "s.toml:7:1",
                "from 3",
            ),
            (
                "[detector.loop]\nmin_repeats = 8\n[[detector.loop.override]]\nmodule = \"a*\"\nmin_repeats = 1\n",
                "s.toml:5:1",
                "from 3",
            ),
            ("[[detector.loop.override]]\nenabled = false\n", "s.toml:1:1", "module, host, thread"),
            ("[[detector.loop.override]]\nhost = \"a\"\n", "s.toml:1:1", "min_repeats"),
            ("[[detector.loop.override]]\nmodul = \"a\"\n", "s.toml:2:1", "did you mean `module`?"),
            ("[[sink]]\ntype = \"fiel\"\n", "s.toml:", "did you mean `file`?"),
            ("[metrics]\ntoken_env = \"SEISMOLOG_TOKEN\"\n", "s.toml:2:1", "SEISMOLOG_"),
            ("[[sink]]\ntype = \"alertmanager\"\nurl = \"am:9093\"\n", "s.toml:3:1", "http://127.0.0.1:9093"),
            ("[[sink]]\ntype = \"alertmanager\"\nurl = \"http://a:b@am\"\n", "s.toml:3:1", "http://127.0.0.1:9093"),
            ("[[sink]]\ntype = \"alertmanager\"\nurl = \"http://am\"\nrepeat = \"0s\"\n", "s.toml:4:1", "1m"),
            (
                "[[sink]]\ntype = \"alertmanager\"\nurl = \"http://am\"\nlabels = { \"a-b\" = \"c\" }\n",
                "s.toml:4:1",
                "letters",
            ),
            (
                "[[sink]]\ntype = \"alertmanager\"\nurl = \"http://am\"\nurll = \"\"\n",
                "s.toml:1:1",
                "did you mean `url`?",
            ),
            ("[[sink]]\ntype = \"webhook\"\n", "s.toml:1:1", "url_file"),
            ("[[sink]]\ntype = \"webhook\"\nurl = \"http://h\"\ntemplate = \"{{ txt }}\"\n", "s.toml:4:1", "tojson"),
            ("[[sink]]\ntype = \"webhook\"\nurl = \"http://h\"\nper_minute = 0\n", "s.toml:4:1", "600"),
            ("[[sink]]\ntype = \"webhook\"\nurl = \"http://h\"\nusername = \"u\"\n", "s.toml:4:1", "both"),
            ("[[input.layout]]\nname = \"a\"\n", "s.toml:1:1", "pattern = "),
            ("[[input.layout]]\nname = \"a\"\npattern = \"{time} {level\"\n", "s.toml:3:1", "inspect"),
            ("[[input.layout]]\nname = \"a\"\ncsv = [\"time\"]\n", "s.toml:3:1", "inspect"),
            ("[[input.layout]]\npattern = \"{time} {message}\"\n", "s.toml:1:1", "name = "),
            ("[input\n", "s.toml:1:7", "hint"),
        ] {
            let said = first_problem(text);
            assert!(said.starts_with(place) && said.contains(hint), "{said}");
        }
    }

    #[test]
    fn spans_are_read_and_written_as_people_do() {
        for text in ["250ms", "10s", "5m", "1h", "24h", "2d", "90s", "0ms"] {
            assert_eq!(text.parse::<HumanDuration>().unwrap().to_string(), text);
        }
        assert_eq!("1d".parse::<HumanDuration>().unwrap().to_string(), "24h");
        for text in ["", "10", "s", "-1s", "1y", "1e99s", "400d"] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
    }
}
