//! The drivers of real devices on real devices of the kernel: simulated GPIO chips, virtual cameras, programs. Each test
//! says when it skips because the kernel has no such thing; the emulated machine has them all (`make qemu`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod camera;
mod pins;
mod sound;

/// Says that a test is skipped, and why.
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
