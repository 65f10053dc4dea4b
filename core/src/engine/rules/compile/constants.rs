//! A file's constants, as its functions see them.
//!
//! Without modules, Rhai's functions see nothing outside themselves. Its optimizer puts the
//! constants' values in their place, which is also the fastest way to read them; but it does so by
//! name, without regard to parameters, loop variables and caught errors of that name. So a name
//! that is a constant's is refused for anything else.

use super::location::Problems;
use rhai::{AST, ASTNode, Expr, Position, Scope, Stmt};
use std::collections::BTreeSet;

/// Reports what has the name of a constant in `scope` and is none.
pub(crate) fn check_hidden(ast: &AST, scope: &Scope<'_>, problems: &mut Problems<'_>) {
    let constants: BTreeSet<&str> = scope.iter_raw().map(|(name, ..)| name).collect();
    let mut hidden: Vec<(String, Position)> = Vec::new();
    let mut captured = BTreeSet::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        let Some(ASTNode::Stmt(statement)) = path.last() else { return true };
        match statement {
            Stmt::Var(var, _, position) => hidden.push((var.0.name.to_string(), *position)),
            Stmt::For(parts, _) => {
                hidden.push((parts.0.name.to_string(), parts.0.pos));
                hidden.extend(parts.1.iter().map(|counter| (counter.name.to_string(), counter.pos)));
            }
            Stmt::TryCatch(parts, _) => {
                if let Expr::Variable(caught, _, position) = &parts.expr {
                    hidden.push((caught.1.to_string(), *position));
                }
            }
            Stmt::Share(names) => captured.extend(names.iter().map(|(name, _)| name.name.to_string())),
            _ => {}
        }
        true
    });
    // The constants themselves are variables of the file.
    let tops: BTreeSet<Position> = ast.statements().iter().map(Stmt::position).collect();
    hidden.retain(|(_, position)| !tops.contains(position));
    for function in ast.iter_functions() {
        // What a closure captures becomes a parameter of it.
        let closure = function.name.starts_with("anon$");
        let parameters = function.params.iter().filter(|name| !(closure && captured.contains(**name)));
        hidden.extend(parameters.map(|name| ((*name).to_owned(), Position::NONE)));
    }
    for (name, position) in hidden.into_iter().filter(|(name, _)| constants.contains(name.as_str())) {
        problems.add(
            position,
            format!("`{name}` hides the constant of that name"),
            Some("give it another name".into()),
        );
    }
}
