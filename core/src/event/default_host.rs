//! A host for events that name none: what they were read from.
//!
//! Files are often named after the machine, the container or the program that wrote them, and say
//! so nowhere else. A name that the events themselves give is never replaced, and where some of a
//! batch give one, those that do not are left as they are: the lines of a trace would otherwise be
//! of another host than the event they belong to.

use super::parsed::{Form, Slot};
use super::{Batch, Role, Shape, Span};
use xxhash_rust::xxh3::xxh3_64;

impl Batch {
    /// Whether an event of the batch names its host.
    #[must_use]
    pub fn names_hosts(&self) -> bool {
        self.parsed.iter().any(|parsed| parsed.slots[Role::Host as usize].form != Form::Absent)
    }

    /// Makes `host` the host of every event of a batch that was looked at and names none. Text
    /// lines that say neither when nor who belong to the line before them and stay as they are.
    pub fn set_default_host(&mut self, host: &str) {
        let span = Span::new(self.arena.len(), self.arena.len() + host.len());
        self.arena.extend_from_slice(host.as_bytes());
        let hash = xxh3_64(host.as_bytes());
        for parsed in &mut self.parsed {
            let is_bare = parsed.shape == Shape::Text && parsed.time.is_none() && parsed.actor_hash == 0;
            if !matches!(parsed.shape, Shape::Json | Shape::Text) || is_bare {
                continue;
            }
            parsed.slots[Role::Host as usize] = Slot { span, form: Form::Text, in_arena: true };
            parsed.add_host(hash);
            // Filters of rules were asked before it had one.
            parsed.unmatched_roles &= !(1 << Role::Host as u16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{parsed_batch, parser};

    /// The same as if each event had named it.
    #[test]
    fn a_default_is_as_good_as_a_name() {
        let lines = ["{\"msg\":\"m\",\"module\":\"a\"}", "{\"msg\":\"m\",\"thread\":\"t\"}"];
        let mut batch = parsed_batch(&mut parser(), &lines.join("\n"));
        assert!(!batch.names_hosts());
        batch.set_default_host("web-1");
        let named = lines.map(|line| line.replace('}', ",\"host\":\"web-1\"}"));
        let named = parsed_batch(&mut parser(), &named.join("\n"));
        assert!(named.names_hosts());
        for i in 0..lines.len() {
            let (ours, theirs) = (batch.fields(i), named.fields(i));
            assert_eq!(ours.text(Role::Host).as_deref(), Some("web-1"));
            assert_eq!(ours.hash(Role::Host), theirs.hash(Role::Host));
            assert_eq!(ours.hash(Role::Module), theirs.hash(Role::Module));
            assert_eq!(ours.parsed().actor_hash, theirs.parsed().actor_hash);
        }
    }

    #[test]
    fn lines_that_belong_to_others_get_none() {
        let mut batch =
            parsed_batch(&mut parser(), "2026-03-02 08:00:00 ERROR a.b.C: x\n\tat a.b.C.d(C.java:1)\n\n[1]\n");
        batch.set_default_host("app");
        let hosts: Vec<_> = (0..4).map(|i| batch.fields(i).text(Role::Host).is_some()).collect();
        assert_eq!(hosts, [true, false, false, false]);
    }
}
