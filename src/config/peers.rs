//! `[peers]`: what the peers of network ends may use of this process.

use super::HumanDuration;
use super::output::EntryLimits;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MAX_CONNECTIONS: Setting<usize> = Setting::new(256, "from 1 to 65536").from(1).to(65_536);
const MAX_MESSAGE_BYTES: Setting<usize> = Setting::new(16 << 20, "from 4096 to 1073741824").from(4_096).to(1 << 30);
const MAX_PENDING_BYTES: Setting<usize> =
    Setting::new(64 << 20, "from 65536 to 4294967295").from(65_536).to(u32::MAX as usize);
const MAX_DEPTH: Setting<usize> = Setting::new(64, "from 2 to 128").from(2).to(128);
const NO_TIME: HumanDuration = HumanDuration::from_secs(0);
const MESSAGE_TIMEOUT: Setting<HumanDuration> =
    Setting::new(HumanDuration::from_secs(30), "a length of time above 0, by default \"30s\"").above(NO_TIME);
const IDLE_TIMEOUT: Setting<HumanDuration, Option<HumanDuration>> =
    Setting::new(None, "a length of time above 0, or leave it out").above(NO_TIME);

/// Bytes that an entry of the Forward protocol has besides its record: the time, and for a text the
/// map around it.
const ENTRY_FRAME: usize = 4 << 10;

/// Bytes that a message of the Forward protocol has besides its entries: its tag and its option.
const MESSAGE_FRAME: usize = 64 << 10;

/// What peers can take of us: `[peers]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Peers {
    /// Connections that one end serves at a time; further ones wait.
    #[schemars(transform = MAX_CONNECTIONS.range())]
    pub max_connections: usize,
    /// A message, a request body or a line of a network end may have so many bytes, also once
    /// unpacked.
    #[schemars(transform = MAX_MESSAGE_BYTES.range())]
    pub max_message_bytes: usize,
    /// Bodies of requests that wait to leave may hold so many bytes together; more is answered with
    /// 429. Forward messages and lines that are longer than 512 KiB and not whole yet may as well,
    /// each counted as the longest; further ones wait.
    #[schemars(transform = MAX_PENDING_BYTES.range())]
    pub max_pending_bytes: usize,
    /// MessagePack may be nested so deep.
    #[schemars(transform = MAX_DEPTH.range())]
    pub max_depth: usize,
    /// What a peer has begun, a handshake, a message or a request, it must finish in this time.
    #[schemars(transform = MESSAGE_TIMEOUT.range())]
    pub message_timeout: HumanDuration,
    /// Who says nothing for so long is let go, so that silent peers cannot take all places. Not
    /// set, nobody is: shippers that are quiet for hours do no harm, and a line that one writes in
    /// that very moment is lost without a Forward `chunk`. Requests have `message_timeout` anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = IDLE_TIMEOUT.range())]
    pub idle_timeout: Option<HumanDuration>,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            max_connections: MAX_CONNECTIONS.default,
            max_message_bytes: MAX_MESSAGE_BYTES.default,
            max_pending_bytes: MAX_PENDING_BYTES.default,
            max_depth: MAX_DEPTH.default,
            message_timeout: MESSAGE_TIMEOUT.default,
            idle_timeout: IDLE_TIMEOUT.default,
        }
    }
}

impl Peers {
    /// The limits of an entry of the Forward protocol: a record of `max_message_bytes` fits into
    /// one, whichever end it came from. The limits are the same for input and output, so that of
    /// two filters in a row the second accepts what the first does.
    #[must_use]
    pub const fn entry_limits(&self) -> EntryLimits {
        EntryLimits { deepest: self.max_depth, most_bytes: self.max_message_bytes + ENTRY_FRAME }
    }

    /// The longest message of the Forward protocol: the longest entry alone, with tag and option.
    #[must_use]
    pub const fn forward_message_bytes(&self) -> usize {
        self.entry_limits().most_bytes + MESSAGE_FRAME
    }
}
