//! The verbs that need more than a line of `main.rs`.

pub mod evaluate;
pub mod models;
pub mod package;

/// What a verb ends with when it cannot be done.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
