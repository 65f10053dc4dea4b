//! Text lines.
