//! The JSON Schema (draft 2020-12) of a finding, made from the types that write it.

use super::json::{FindingJson, SCHEMA_VERSION};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The description of the member that [`super::Finding::write_line`] adds.
const AT: &str = "When this is said: RFC 3339, in UTC. In the lines of sinks and of `--findings`, which have no event around \
                  them; the first member there.";

/// The schema, with the version of the contract as `schema`.
#[must_use]
pub fn schema() -> Value {
    // The schema of the written form: members that are always written are required.
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<FindingJson>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".into(), "a finding of seismolog".into());
        schema.insert("schema".into(), SCHEMA_VERSION.into());
        if let Some(Value::Object(members)) = schema.get_mut("properties") {
            members.insert("at".into(), json!({ "type": "string", "description": AT }));
        }
    }
    schema
}
