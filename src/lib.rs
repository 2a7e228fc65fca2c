//! The software of a face-recognition access terminal.
pub mod clock;
pub mod error;
pub mod field;
pub mod settings;
pub mod vision;
