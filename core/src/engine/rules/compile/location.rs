//! Locations in a rule's file, and the problems reported for them.

use crate::diagnostic::Diagnostic;
use rhai::{ASTNode, Expr, Position, Stmt};

/// The problems of one file.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    path: &'a str,
    text: &'a str,
    pub(crate) found: Vec<Diagnostic>,
}

impl<'a> Problems<'a> {
    pub(crate) fn of(path: &'a str, text: &'a str) -> Self {
        Self { path, text, found: Vec::new() }
    }

    /// Adds a problem at `position`, or with the whole file if that is `NONE`.
    pub(crate) fn add(&mut self, position: Position, message: impl Into<String>, hint: Option<String>) {
        let line = position.line().unwrap_or(0);
        let mut problem = Diagnostic::of_file(self.path, message);
        if line > 0 {
            problem.line = line;
            problem.column = position.position().unwrap_or(1);
            problem.source = self.text.lines().nth(line - 1).unwrap_or_default().to_owned();
        }
        problem.hint = hint;
        self.found.push(problem);
    }

    /// Reports that `name` is not one of `known`, with the most similar name or else all as a hint.
    pub(crate) fn unknown(&mut self, position: Position, what: &str, name: &str, known: &[&str]) {
        let hint = crate::diagnostic::nearest(name, known.iter().copied())
            .map_or_else(|| format!("known: {}", known.join(", ")), |nearest| format!("did you mean `{nearest}`?"));
        self.add(position, format!("unknown {what} `{name}`"), Some(hint));
    }
}

/// The location of a value in a constant of a rule's file, with its expression where it is a
/// literal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileLocation<'a> {
    expression: Option<&'a Expr>,
    /// The position for diagnostics.
    pub(crate) position: Position,
}

impl<'a> FileLocation<'a> {
    /// The location of the top-level constant `name`.
    pub(crate) fn of_constant(ast: &'a rhai::AST, name: &str) -> Option<Self> {
        ast.statements().iter().find_map(|statement| match statement {
            Stmt::Var(var, _, position) if var.0.name == name => {
                Some(Self { expression: Some(&var.1), position: *position })
            }
            _ => None,
        })
    }

    /// The position of the key and the location of the value of the member `name` of a map.
    pub(crate) fn member(&self, name: &str) -> (Position, Self) {
        if let Some(Expr::Map(map, _)) = self.expression
            && let Some((key, value)) = map.0.iter().find(|(key, _)| key.name == name)
        {
            return (key.pos, Self { expression: Some(value), position: value.start_position() });
        }
        (self.position, Self { expression: None, ..*self })
    }

    /// The location of element `i` of an array.
    pub(crate) fn item(&self, i: usize) -> Self {
        match self.expression {
            Some(Expr::Array(items, _)) if i < items.len() => {
                Self { expression: Some(&items[i]), position: items[i].start_position() }
            }
            _ => Self { expression: None, ..*self },
        }
    }
}

/// Visits every expression of the file, including those in functions.
pub(crate) fn walk(ast: &rhai::AST, mut see: impl FnMut(&Expr)) {
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(expression)) = path.last() {
            see(expression);
        }
        true
    });
}
