//! The hardware as Linux shows it, one file a driver.

pub mod backlight;
pub mod camera;
pub mod files;
pub mod host;
pub mod input;
pub mod inputs;
pub mod interfaces;
pub mod keys;
pub mod network;
pub mod pins;
pub mod pixels;
pub mod player;
pub mod realtime;
pub mod touch;
pub mod wait;
pub mod watchdog;
pub mod wiegand;
