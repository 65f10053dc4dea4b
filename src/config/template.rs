//! `[template]`: what a user tells the miner.

use crate::engine::template::TemplateOptions;
use crate::event::masked_message::{Masks, VARIABLE};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most masks and most seeds.
const MOST: usize = 1_000;

/// `[template]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Template {
    /// Regular expressions; what one matches in a message is a variable of its template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub masks: Vec<String>,
    /// Templates known from the start, with `<*>` for each variable of one word or several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub seeds: Vec<String>,
}

impl Template {
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        for (name, count) in [("masks", self.masks.len()), ("seeds", self.seeds.len())] {
            require(count <= MOST, name, format!("template.{name} has {count} entries"), "at most 1000");
        }
        if let Err(error) = Masks::new(&self.masks) {
            let mask = self.masks.get(error.index).map_or("", String::as_str);
            require(
                false,
                "masks",
                format!("template.masks[{}] {mask:?}: {error}", error.index),
                "a regular expression of the Rust crate regex, without look-around, that matches at least one character",
            );
        }
        for (i, seed) in self.seeds.iter().enumerate() {
            let has_word = seed.replace(VARIABLE, "").bytes().any(|byte| byte.is_ascii_alphabetic() || byte >= 0x80);
            require(
                has_word && seed.len() <= 4096,
                "seeds",
                format!("template.seeds[{i}] is {seed:?}"),
                "a text of at most 4096 bytes with at least one word, such as \"user <*> logged in\"",
            );
        }
    }

    /// What the miner is told; without masks where they are invalid, which validation has refused
    /// before.
    #[must_use]
    pub fn options(&self) -> TemplateOptions {
        TemplateOptions { masks: Masks::new(&self.masks).unwrap_or_default(), seeds: self.seeds.clone() }
    }
}
