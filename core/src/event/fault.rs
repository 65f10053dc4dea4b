//! What can go wrong with one line. The line passes; the fault is counted.

/// A counted fault; the label `kind` of `seismolog_faults_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fault {
    /// Begins as a JSON object and is none: truncated or malformed.
    Json,
    /// JSON, but an array, a string, a number or a literal.
    NotAnObject,
    /// Not UTF-8.
    Utf8,
    /// Longer than `input.max_line_bytes`.
    LineTooLong,
    /// The annotation's member is there already and is no array, or is there twice; or the event is
    /// no strict JSON.
    Member,
    /// The annotated record would pass `output.max_record_bytes`.
    RecordTooLong,
    /// A rule failed or was over its budget.
    Rule,
    /// The engine or the pure stage panicked on this line.
    Panic,
    /// A sink could not be written to.
    Sink,
    /// A peer sent, or said that it would send, more than is taken at once.
    RefusedSize,
    /// A peer sent MessagePack nested too deep.
    RefusedDepth,
    /// A peer began something and did not finish it in time.
    RefusedTime,
    /// More peers connected, or more waited to leave, than are served at once.
    RefusedNumber,
    /// A peer does not know the shared key.
    RefusedKey,
    /// A peer spoke another protocol, or this one badly.
    RefusedProtocol,
    /// The one downstream refused an event for good.
    RefusedDownstream,
    /// An event is longer than what the one downstream takes.
    Oversized,
    /// An event that was set aside could not be written to the dead-letter file.
    DeadLetter,
    /// An event could not be masked as a rule wishes, and was withheld.
    Mask,
}

impl Fault {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Json,
        Self::NotAnObject,
        Self::Utf8,
        Self::LineTooLong,
        Self::Member,
        Self::RecordTooLong,
        Self::Rule,
        Self::Panic,
        Self::Sink,
        Self::RefusedSize,
        Self::RefusedDepth,
        Self::RefusedTime,
        Self::RefusedNumber,
        Self::RefusedKey,
        Self::RefusedProtocol,
        Self::RefusedDownstream,
        Self::Oversized,
        Self::DeadLetter,
        Self::Mask,
    ];

    /// The metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::NotAnObject => "not_an_object",
            Self::Utf8 => "utf8",
            Self::LineTooLong => "line_too_long",
            Self::Member => "member",
            Self::RecordTooLong => "record_too_long",
            Self::Rule => "rule",
            Self::Panic => "panic",
            Self::Sink => "sink",
            Self::RefusedSize => "refused_size",
            Self::RefusedDepth => "refused_depth",
            Self::RefusedTime => "refused_time",
            Self::RefusedNumber => "refused_number",
            Self::RefusedKey => "refused_key",
            Self::RefusedProtocol => "refused_protocol",
            Self::RefusedDownstream => "refused_downstream",
            Self::Oversized => "oversized",
            Self::DeadLetter => "dead_letter",
            Self::Mask => "mask",
        }
    }

    /// What the log says of it.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Json => "a line begins as a JSON object but is none (truncated?); it passed untouched",
            Self::NotAnObject => "a line is JSON but no object; it passed untouched",
            Self::Utf8 => "a line is not valid UTF-8; it passed untouched",
            Self::LineTooLong => "a line is longer than input.max_line_bytes; it passed in pieces, unanalysed",
            Self::Member => {
                "an event could not be annotated, its member for findings is no array or is there twice, or it is no strict JSON; the finding left as its own event"
            }
            Self::RecordTooLong => {
                "an annotated event would be longer than output.max_record_bytes; the finding left as its own event"
            }
            Self::Rule => "a rule failed on an event; the event passed",
            Self::Panic => "an internal error on an event; it passed untouched and the engine was restarted empty",
            Self::Sink => "findings could not be written to a sink; it is tried again",
            Self::RefusedSize => {
                "a peer sent more at once than peers.max_message_bytes, or a Forward tag or chunk that is too long; it was refused"
            }
            Self::RefusedDepth => "a peer sent values nested deeper than peers.max_depth; it was refused",
            Self::RefusedTime => {
                "a peer did not finish what it had begun or take its answers within peers.message_timeout, or was silent for peers.idle_timeout; it was refused"
            }
            Self::RefusedNumber => {
                "peers wait: there are more than peers.max_connections, or what they send holds more than peers.max_pending_bytes"
            }
            Self::RefusedKey => "a peer does not know the shared key; it was refused",
            Self::RefusedProtocol => "a peer spoke another protocol, or this one badly; it was refused",
            Self::Mask => "an event could not be masked (nested too deep?); it was withheld",
            Self::RefusedDownstream => "the one downstream refuses an event for good",
            Self::Oversized => {
                "an event is longer than a message to the one downstream may be (peers.max_message_bytes)"
            }
            Self::DeadLetter => "an event that was set aside could not be written to the dead-letter file; it is lost",
        }
    }
}
