//! `[roles]`: names in place of a role's default list, or in front of it.

use crate::event::Role;
use crate::event::roles::{RoleName, Unit};
use std::collections::BTreeMap;

/// The lists as written. A name with `+` before it comes in front of the default names; without,
/// the list takes their place.
pub(super) type Roles = BTreeMap<Role, Vec<String>>;

/// The names of one role, most telling first.
pub(super) fn names(roles: &Roles, role: Role) -> Vec<RoleName<'_>> {
    let defaults = role.default_names();
    let Some(written) = roles.get(&role) else { return defaults.to_vec() };
    let added = written.iter().filter_map(|name| name.strip_prefix('+'));
    let mut names: Vec<_> = added.map(|name| RoleName::configured(role, name)).collect();
    if names.is_empty() {
        return written.iter().map(|name| RoleName::configured(role, name)).collect();
    }
    names.extend_from_slice(defaults);
    names
}

/// Complains of lists that say nothing, or two things at once.
pub(super) fn require(roles: &Roles, require: &mut impl FnMut(bool, &str, String, &str)) {
    for (role, names) in roles {
        let (key, role) = (format!("roles.{}", role.name()), *role);
        require(
            !names.is_empty(),
            &key,
            format!("{key} has no name"),
            "list at least one member name, or leave the role out for the default names",
        );
        require(
            names.iter().all(|name| !name.strip_prefix('+').unwrap_or(name).is_empty()),
            &key,
            format!("{key} has an empty name"),
            "names are the names of members, or paths such as log.level; +name adds one to the default names",
        );
        let added = names.iter().filter(|name| name.starts_with('+')).count();
        require(
            added == 0 || added == names.len(),
            &key,
            format!("{key} adds names to the default ones and takes their place at once"),
            "write + before each name to keep the default names behind them, or before none to replace them",
        );
        for name in names {
            let unit = name.rsplit_once(':').map(|(_, unit)| unit).filter(|_| role == Role::Duration);
            let is_known = unit.is_none_or(|unit| Unit::from_name(unit).is_some());
            require(
                is_known,
                &key,
                format!("{key}: {:?} is no unit of {name:?}", unit.unwrap_or_default()),
                "a duration's unit stands behind a colon: ns, us, ms or s, as in \"+cost_time:s\"",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::roles::How;

    fn written(role: Role, list: &[&str]) -> Roles {
        [(role, list.iter().map(|name| (*name).to_owned()).collect())].into()
    }

    #[test]
    fn plus_adds_and_its_absence_replaces() {
        let defaults = Role::Module.default_names();
        let lists = written(Role::Module, &["+unit_name", "+part"]);
        let added = names(&lists, Role::Module);
        let texts: Vec<_> = added.iter().map(|name| name.text).collect();
        assert_eq!(texts[..3], ["unit_name", "part", defaults[0].text]);
        assert_eq!(added.len(), defaults.len() + 2);
        let lists = written(Role::Module, &["unit_name"]);
        let replaced = names(&lists, Role::Module);
        assert_eq!(replaced.len(), 1);
        assert_eq!(names(&Roles::new(), Role::Module), defaults);
    }

    #[test]
    fn what_is_wrong_says_what_to_write() {
        for (role, list, wanted) in [
            (Role::Module, &[][..], "at least one"),
            (Role::Module, &["+"], "+name adds"),
            (Role::Module, &[""], "paths such as"),
            (Role::Module, &["+a", "b"], "before each name"),
            (Role::Duration, &["+cost_time:sec"], "ns, us, ms or s"),
        ] {
            let mut hints = Vec::new();
            require(&written(role, list), &mut |holds, key, message, hint| {
                if !holds {
                    hints.push(format!("{key}: {message}: {hint}"));
                }
            });
            assert_eq!(hints.len(), 1, "{list:?}: {hints:?}");
            assert!(hints[0].contains(wanted), "{hints:?}");
        }
        require(&written(Role::Duration, &["+cost_time:s", "+took"]), &mut |holds, _, message, _| {
            assert!(holds, "{message}");
        });
    }

    /// What stands around the lists in the documentation.
    const BEGIN: &str = "<!-- Made from the table of names: UPDATE_DOCS=1 cargo test --lib roles -->";
    const END: &str = "<!-- End of what is made. -->";

    fn described(name: &RoleName<'_>) -> String {
        let unit = match (name.how, name.unit) {
            (How::Plain | How::AsSpelled, Unit::Nanoseconds) => " (ns)",
            (How::Plain | How::AsSpelled, Unit::Microseconds) => " (µs)",
            (How::Plain | How::AsSpelled, Unit::Seconds) => " (s)",
            (How::NeedsUnit, _) => " (text with a unit)",
            (How::TimeSpent, _) => " (of time spent)",
            (How::EnvelopeSeverity, _) => " (an envelope's)",
            _ => "",
        };
        let whose = name.of.whose().join(", ");
        let whose = if whose.is_empty() { whose } else { format!(" (in records of {whose})") };
        format!("`{}`{unit}{whose}", name.text)
    }

    #[test]
    fn the_documentation_lists_the_names() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/roles.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("docs/roles.md has no begin of the lists");
        let (_, after) = rest.split_once(END).expect("docs/roles.md has no end of the lists");
        let mut lists = String::from("\n| role | names, the most telling first |\n| --- | --- |\n");
        for role in Role::ALL {
            let names: Vec<_> = role.default_names().iter().map(described).collect();
            lists.push_str(&format!("| {} | {} |\n", role.name(), names.join(", ")));
        }
        let whole = format!("{before}{BEGIN}\n{lists}\n{END}{after}");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &whole).unwrap();
        }
        assert!(std::fs::read_to_string(&path).unwrap() == whole, "docs/roles.md is not that of the table; {BEGIN}");
    }
}
