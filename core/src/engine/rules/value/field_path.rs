//! Where a rule reads a value of an event.

use crate::event::Role;

/// Where a rule reads a value: one of the eleven roles, or the literal member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldPath {
    Role(Role),
    Member(String),
}

impl FieldPath {
    /// As written in `select` and `key`: a role's name, `.x` for the literal member `x`, any other
    /// name for itself.
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
