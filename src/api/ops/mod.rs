//! The operators by subject: what each reads, what it does, what it answers.

pub mod device;
pub mod door;
pub mod list;
pub mod person;
pub mod picture;
pub mod record;
pub mod subscribe;

use schemars::JsonSchema;
use serde::Deserialize;

/// The request of an operator that reads nothing.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Nothing {}
