//! The software of a face-recognition access terminal.
pub mod access;
pub mod api;
pub mod clock;
pub mod control;
pub mod door;
pub mod error;
pub mod fetch;
pub mod field;
pub mod hal;
pub mod roster;
pub mod settings;
pub mod store;
pub mod vision;
