//! Checks that nothing hides a constant of the file.
//!
//! Without modules, a Rhai function cannot see the constants of its file. Rhai's optimizer replaces
//! constants by their values, which is also the fastest way to read them. It does so by name only,
//! even where a parameter, a loop variable or a caught error has the same name. So such names are
//! refused.

use super::location::Problems;
use rhai::{AST, ASTNode, Expr, Position, Scope, Stmt};
use std::collections::BTreeSet;

/// Reports variables, parameters and the like that have the name of a constant in `scope`.
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
    // Constants are variables of the file themselves.
    let tops: BTreeSet<Position> = ast.statements().iter().map(Stmt::position).collect();
    hidden.retain(|(_, position)| !tops.contains(position));
    for function in ast.iter_functions() {
        // A variable that a closure captures becomes one of its parameters.
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
