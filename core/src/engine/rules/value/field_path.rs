//! The field of an event that a rule names.

use crate::event::Role;

/// A field of an event: one of the roles, or a literal member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldPath {
    Role(Role),
    Member(String),
}

impl FieldPath {
    /// Parses a name in `select` or `key`: the name of a role is that role, `.x` is the literal
    /// member `x`, and any other name is the member of that name.
    pub(crate) fn of(name: &str) -> Self {
        match (name.strip_prefix('.'), Role::from_name(name)) {
            (Some(literal), _) => Self::Member(literal.to_owned()),
            (None, Some(role)) => Self::Role(role),
            (None, None) => Self::Member(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_roles_unless_dotted() {
        assert_eq!(FieldPath::of("level"), FieldPath::Role(Role::Level));
        assert_eq!(FieldPath::of(".level"), FieldPath::Member("level".into()));
        assert_eq!(FieldPath::of("http.status"), FieldPath::Member("http.status".into()));
    }
}
