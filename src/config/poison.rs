//! What happens to an event that the peer downstream refuses for good: part of `[output]`.

use super::Output;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most bytes of the dead-letter file.
pub(super) const DEAD_LETTER_BYTES: Setting<u64> =
    Setting::new(1 << 30, "at least 4096, by default 1073741824 (1 GiB)").from(4_096);

/// Where an event goes that can never be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnPoison {
    /// To the end of `output.dead_letter_file`.
    File,
    /// Nowhere. It is counted.
    Drop,
}

impl Output {
    /// What happens to such an event: by default it goes to the file, where there is one.
    #[must_use]
    pub fn on_poison(&self) -> OnPoison {
        let usual = if self.dead_letter_file.is_some() { OnPoison::File } else { OnPoison::Drop };
        self.on_poison.unwrap_or(usual)
    }

    /// Checks what is no range of a setting.
    pub(super) fn require_poison(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        require(
            self.on_poison != Some(OnPoison::File) || self.dead_letter_file.is_some(),
            "output.on_poison",
            "output.on_poison is \"file\", and no file is named".into(),
            "name one, such as dead_letter_file = \"dead-letters.ndjson\", or set on_poison = \"drop\"",
        );
        require(
            self.dead_letter_file.as_ref().is_none_or(|path| !path.as_os_str().is_empty()),
            "output.dead_letter_file",
            "output.dead_letter_file is empty".into(),
            "name a file; it is made if it is not there",
        );
    }
}
