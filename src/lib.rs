//! The software of a face-recognition access terminal.
pub mod access;
pub mod clock;
pub mod door;
pub mod error;
pub mod field;
pub mod settings;
pub mod store;
pub mod hal;
pub mod control;
