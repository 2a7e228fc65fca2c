//! Waiting in the kernel, for a device or for nothing: never longer than a sensor's caller has patience.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether `device` has something to read, an end or an error included, before `patience` has passed.
///
/// # Errors
/// What the kernel says.
pub fn readable(device: impl AsFd, patience: Duration) -> io::Result<bool> {
    let mut one = [PollFd::new(&device, PollFlags::IN)];
    uninterrupted(&mut one, patience).map(|ready| ready > 0)
}

/// Waits for one of two devices to have something to read, until `patience` has passed.
///
/// # Errors
/// What the kernel says.
pub fn either(devices: [impl AsFd; 2], patience: Duration) -> io::Result<()> {
    let [first, second] = &devices;
    uninterrupted(&mut [PollFd::new(first, PollFlags::IN), PollFd::new(second, PollFlags::IN)], patience).map(drop)
}

/// Waits for `span` to pass.
///
/// # Errors
/// What the kernel says.
pub fn pause(span: Duration) -> io::Result<()> {
    uninterrupted(&mut [], span).map(drop)
}

/// A signal starts the wait anew: whoever counts silence must not be told of more than there was.
fn uninterrupted(devices: &mut [PollFd<'_>], span: Duration) -> io::Result<usize> {
    // Longer than the kernel can count is as good as for ever.
    let span = Timespec::try_from(span).ok();
    loop {
        match poll(devices, span.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}
