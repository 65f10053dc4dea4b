//! `lookup`, `find_in`: search in lookup tables.

use super::arguments::{Failure, failure};
use super::table::{Function, FunctionGroup, overload};
use crate::diagnostic::nearest;
use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::{RuleContext, SharedContext};
use crate::engine::rules::value::scalar::text_of;
use crate::engine::rules::value::table::Table;
use rhai::{Dynamic, Position};

/// Searching this many bytes of text counts as one operation.
const BYTES_AN_OPERATION: u64 = 64;

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
    title: "memory and tables",
    functions: &[
        Function {
            name: "lookup",
            arguments: (2, 2),
            expects: &[(0, Argument::Table)],
            reference: &[("`lookup(table, key)`", "the row of a table as a map, or `()`")],
            register: |to| {
                overload!(to, |context, position, table: &str, key: Dynamic| lookup(context, position, table, &key));
            },
        },
        Function {
            name: "find_in",
            arguments: (2, 2),
            expects: &[(0, Argument::Table)],
            reference: &[(
                "`find_in(table, text)`",
                "the row of the first key that the text mentions as a whole word, with `key`",
            )],
            register: |to| {
                overload!(to, |context, position, table: &str, text: Dynamic| find_in(context, position, table, &text));
            },
        },
    ],
    others: &[],
};

fn lookup(context: &SharedContext, position: Position, table: &str, key: &Dynamic) -> Result<Dynamic, Failure> {
    let context = context.lock();
    let table = table_of(&context, table).map_err(|message| failure(message, position))?;
    Ok(text_of(key).and_then(|key| table.row(&key)).map_or(Dynamic::UNIT, |row| row.clone().into()))
}

fn find_in(context: &SharedContext, position: Position, table: &str, text: &Dynamic) -> Result<Dynamic, Failure> {
    let context = context.lock();
    let table = table_of(&context, table).map_err(|message| failure(message, position))?;
    let Some(text) = text_of(text) else { return Ok(Dynamic::UNIT) };
    context.spend(text.len() as u64 / BYTES_AN_OPERATION);
    Ok(table.find_in(&text).map_or(Dynamic::UNIT, |(key, row)| {
        let mut row = row.clone();
        row.insert("key".into(), key.into());
        row.into()
    }))
}

fn table_of<'a>(context: &'a RuleContext, name: &str) -> Result<&'a Table, String> {
    let tables = context.set.tables();
    tables.iter().find(|table| table.name == name).ok_or_else(|| {
        let hint = nearest(name, tables.iter().map(|table| table.name.as_str()))
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        format!("unknown table `{name}`{hint}")
    })
}
