//! The verbs that need more than a line of `main.rs`.

pub mod package;
pub mod release;
