//! The sources under test, included by path.

#[path = "../../src/package/mod.rs"]
pub mod package;
