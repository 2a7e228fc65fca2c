//! The hardware as Linux shows it, one file a driver.

pub mod backlight;
pub mod camera;
pub mod console;
pub mod contacts;
pub mod files;
pub mod framebuffer;
pub mod host;
pub mod input;
pub mod interfaces;
pub mod keys;
pub mod mlx90640;
pub mod network;
pub mod number;
pub mod pins;
pub mod pixels;
pub mod player;
pub mod process;
pub mod realtime;
pub mod serial;
pub mod supervisor;
pub mod touch;
pub mod wait;
pub mod warmth;
pub mod watchdog;
pub mod wiegand;
