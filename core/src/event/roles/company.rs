//! Which encoder wrote a record, told by the company that its members keep.
//!
//! A name alone says little: `name` is the logger in Python's records and a person elsewhere, `s`
//! a level in MongoDB's alone, and `duration` is in the unit of whoever wrote it. Members that only
//! one encoder writes are its signs.

use std::ops::{BitOr, BitOrAssign};

/// Signs that were seen in one record, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Company(pub(in crate::event) u32);

impl Company {
    /// No sign.
    pub const NONE: Self = Self(0);
    /// A shipper or collector has wrapped what a program said.
    pub const ENVELOPE: Self = Self(1);
    /// An epoch in seconds with a fraction under `ts`, as zap writes it.
    pub const EPOCH_TS: Self = Self(1 << 2);
    /// Caddy, whose durations are seconds.
    pub const CADDY: Self = Self(1 << 3);
    /// Traefik, whose durations are nanoseconds.
    pub const TRAEFIK: Self = Self(1 << 4);
    /// nginx, whose times are seconds.
    pub const NGINX: Self = Self(1 << 5);
    /// Fastly, whose times are microseconds.
    pub const FASTLY: Self = Self(1 << 6);
    /// Python's logging, where `name` is the logger.
    pub const PYTHON: Self = Self(1 << 7);
    /// Bunyan and pino, where `name` is the logger: told once the whole record is known.
    pub const BUNYAN: Self = Self(1 << 8);
    /// A record's version as Bunyan and old pino write it.
    pub const VERSION: Self = Self(1 << 9);
    /// Ruby's semantic_logger, where `name` is the logger.
    pub const RUBY: Self = Self(1 << 10);
    /// MongoDB, whose names are single letters.
    pub const MONGODB: Self = Self(1 << 11);
    /// The event log of Windows, where level 2 is an error.
    pub const WINDOWS: Self = Self(1 << 12);
    /// An event of Kubernetes, whose type says how bad it is.
    pub const KUBERNETES_EVENT: Self = Self(1 << 13);
    /// Datadog, where the status is the level.
    pub const DATADOG: Self = Self(1 << 14);
    /// Syslog, whose severity is whatever the sender's default is.
    pub const SYSLOG: Self = Self(1 << 15);
    /// OpenTelemetry's data model, where severities are 1 to 24.
    pub const OTEL: Self = Self(1 << 16);
    /// Echo, where `id` is the request's.
    pub const ECHO: Self = Self(1 << 17);
    /// Nextcloud, which counts levels from 0 for debug.
    pub const NEXTCLOUD: Self = Self(1 << 18);

    /// The record has a name that means something in some company only.
    pub(in crate::event) const LATER: Self = Self(1 << 24);
    /// The unit of the duration is its encoder's.
    pub(in crate::event) const OPEN_UNIT: Self = Self(1 << 25);
    /// A part of the time stands in a member of its own.
    pub(in crate::event) const PART_OF_TIME: Self = Self(1 << 26);
    /// The message is an array of bytes.
    pub(in crate::event) const BYTES: Self = Self(1 << 27);

    /// In whose records a name means something: for people.
    #[must_use]
    pub fn whose(self) -> Vec<&'static str> {
        [
            (Self::PYTHON, "Python"),
            (Self::BUNYAN, "Bunyan and pino"),
            (Self::RUBY, "semantic_logger"),
            (Self::MONGODB, "MongoDB"),
            (Self::KUBERNETES_EVENT, "events of Kubernetes"),
            (Self::DATADOG, "Datadog"),
            (Self::ECHO, "Echo"),
        ]
        .into_iter()
        .filter_map(|(company, name)| self.has(company).then_some(name))
        .collect()
    }

    /// True without any sign.
    #[inline]
    pub(in crate::event) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when one of `others` is among these signs.
    #[inline]
    pub(in crate::event) const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Both, in constants.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Company {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl BitOrAssign for Company {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What kind of value makes a member a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignKind {
    /// Any.
    Any,
    /// An object.
    Object,
    /// A number.
    Number,
    /// A number of ten digits and a fraction.
    EpochSeconds,
}

/// Members that tell who wrote a record.
pub(super) const SIGNS: &[(&str, SignKind, Company)] = &[
    ("kubernetes", SignKind::Any, Company::ENVELOPE),
    ("docker", SignKind::Any, Company::ENVELOPE),
    ("stream", SignKind::Any, Company::ENVELOPE),
    ("logtag", SignKind::Any, Company::ENVELOPE),
    ("attrs", SignKind::Object, Company::ENVELOPE),
    ("container_id", SignKind::Any, Company::ENVELOPE),
    ("container_name", SignKind::Any, Company::ENVELOPE),
    ("ecs_task_arn", SignKind::Any, Company::ENVELOPE),
    ("ecs_cluster", SignKind::Any, Company::ENVELOPE),
    ("log_processed", SignKind::Any, Company::ENVELOPE),
    ("source_type", SignKind::Any, Company::ENVELOPE),
    ("sourcetype", SignKind::Any, Company::ENVELOPE),
    ("logGroup", SignKind::Any, Company::ENVELOPE),
    ("logStream", SignKind::Any, Company::ENVELOPE),
    ("resourceLogs", SignKind::Any, Company::ENVELOPE),
    ("jsonPayload", SignKind::Any, Company::ENVELOPE),
    ("textPayload", SignKind::Any, Company::ENVELOPE),
    ("_SYSTEMD_UNIT", SignKind::Any, Company::ENVELOPE),
    ("_TRANSPORT", SignKind::Any, Company::ENVELOPE),
    ("_HOSTNAME", SignKind::Any, Company::ENVELOPE),
    ("SYSLOG_IDENTIFIER", SignKind::Any, Company::ENVELOPE),
    ("__CURSOR", SignKind::Any, Company::ENVELOPE),
    ("__REALTIME_TIMESTAMP", SignKind::Any, Company::ENVELOPE),
    ("agent.type", SignKind::Any, Company::ENVELOPE),
    ("short_message", SignKind::Any, Company::ENVELOPE),
    ("facility", SignKind::Any, Company::ENVELOPE.or(Company::SYSLOG)),
    ("facility_label", SignKind::Any, Company::ENVELOPE.or(Company::SYSLOG)),
    ("syslogfacility", SignKind::Any, Company::ENVELOPE.or(Company::SYSLOG)),
    ("syslogseverity", SignKind::Any, Company::ENVELOPE.or(Company::SYSLOG)),
    ("ts", SignKind::EpochSeconds, Company::EPOCH_TS),
    ("resp_headers", SignKind::Object, Company::CADDY),
    ("DownstreamStatus", SignKind::Any, Company::TRAEFIK),
    ("DownstreamContentSize", SignKind::Any, Company::TRAEFIK),
    ("OriginDuration", SignKind::Any, Company::TRAEFIK),
    ("RouterName", SignKind::Any, Company::TRAEFIK),
    ("time_iso8601", SignKind::Any, Company::NGINX),
    ("time_local", SignKind::Any, Company::NGINX),
    ("msec", SignKind::Any, Company::NGINX),
    ("body_bytes_sent", SignKind::Any, Company::NGINX),
    ("upstream_addr", SignKind::Any, Company::NGINX),
    ("upstream_status", SignKind::Any, Company::NGINX),
    ("upstream_response_time", SignKind::Any, Company::NGINX),
    ("fastly_server", SignKind::Any, Company::FASTLY),
    ("fastly_is_edge", SignKind::Any, Company::FASTLY),
    ("levelname", SignKind::Any, Company::PYTHON),
    ("levelno", SignKind::Any, Company::PYTHON),
    ("asctime", SignKind::Any, Company::PYTHON),
    ("funcName", SignKind::Any, Company::PYTHON),
    ("processName", SignKind::Any, Company::PYTHON),
    ("v", SignKind::Number, Company::VERSION),
    ("level_index", SignKind::Any, Company::RUBY),
    ("t", SignKind::Object, Company::MONGODB),
    ("ProviderName", SignKind::Any, Company::WINDOWS),
    ("EventRecordID", SignKind::Any, Company::WINDOWS),
    ("involvedObject", SignKind::Object, Company::KUBERNETES_EVENT),
    ("regarding", SignKind::Object, Company::KUBERNETES_EVENT),
    ("ddsource", SignKind::Any, Company::DATADOG),
    ("ddtags", SignKind::Any, Company::DATADOG),
    ("severity_number", SignKind::Any, Company::OTEL),
    ("SeverityText", SignKind::Any, Company::OTEL),
    ("observed_timestamp", SignKind::Any, Company::OTEL),
    ("observedTimeUnixNano", SignKind::Any, Company::OTEL),
    ("latency_human", SignKind::Any, Company::ECHO),
    ("remoteAddr", SignKind::Any, Company::NEXTCLOUD),
];
