//! The hardware as Linux shows it, one file a driver.

pub mod files;
pub mod framebuffer;
pub mod host;
pub mod interfaces;
pub mod network;
