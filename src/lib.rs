//! The software of a face-recognition access terminal.
pub mod access;
pub mod board;
pub mod camera;
pub mod clock;
pub mod control;
pub mod door;
pub mod error;
pub mod field;
pub mod hal;
pub mod settings;
pub mod sim;
pub mod store;
pub mod strict;
pub mod ui;
pub mod vision;
