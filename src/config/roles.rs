//! `[roles]`: names in place of a role's default list, or in front of it.

use crate::event::Role;
use crate::event::roles::{Name, Unit};
use std::collections::BTreeMap;

/// The lists as written. A name with `+` before it comes in front of the default names; without,
/// the list takes their place.
pub(super) type Roles = BTreeMap<Role, Vec<String>>;

/// The names of one role, most telling first.
pub(super) fn names(roles: &Roles, role: Role) -> Vec<Name<'_>> {
    let defaults = role.default_names();
    let Some(written) = roles.get(&role) else { return defaults.to_vec() };
    let added = written.iter().filter_map(|name| name.strip_prefix('+'));
    let mut names: Vec<_> = added.map(|name| Name::configured(role, name)).collect();
    if names.is_empty() {
        return written.iter().map(|name| Name::configured(role, name)).collect();
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

    fn written(role: Role, list: &[&str]) -> Roles {
        [(role, list.iter().map(|name| (*name).to_owned()).collect())].into()
    }

    #[test]
    fn plus_adds_and_its_absence_replaces() {
        let defaults = Role::Module.default_names();
        let added = names(&written(Role::Module, &["+unit_name", "+part"]), Role::Module);
        let texts: Vec<_> = added.iter().map(|name| name.text).collect();
        assert_eq!(texts[..3], ["unit_name", "part", defaults[0].text]);
        assert_eq!(added.len(), defaults.len() + 2);
        let replaced = names(&written(Role::Module, &["unit_name"]), Role::Module);
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
}
