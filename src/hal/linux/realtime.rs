//! Precedence for the few threads that must act in time: real-time scheduling and memory that is never paged out.
//!
//! Without the right to it (`CAP_SYS_NICE`, `CAP_IPC_LOCK`) everything works as well as the machine's load allows, and
//! the log says so once.

use std::sync::Once;

use rustix::mm::{MlockAllFlags, mlockall};
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};
use tracing::{info, warn};

/// How urgent a thread is, of the kernel's 1 to 99: below the kernel's own threads for interrupts, which have 50.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Urgency {
    /// Decides what the outputs do.
    Door = 30,
    /// Sees the door's inputs.
    Input = 35,
    /// Times pulses of microseconds.
    Pulses = 40,
}

/// Gives the calling thread precedence over everything that can wait.
pub fn hurry(urgency: Urgency) {
    static MEMORY: Once = Once::new();
    static REFUSED: Once = Once::new();
    MEMORY.call_once(|| {
        // Only what is there now: locking what is yet to come would load the whole of the models' files too.
        if let Err(error) = mlockall(MlockAllFlags::CURRENT) {
            info!(%error, "memory is not locked; a door may be late by the time a page takes to be read");
        }
    });
    let value = ThreadPriorityValue::try_from(urgency as u8);
    let set = value.and_then(|value| {
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), policy)
            .map_err(|error| format!("{error:?}"))
    });
    if let Err(error) = set {
        REFUSED.call_once(|| warn!(%error, "no real-time scheduling; pulses and inputs follow the machine's load"));
    }
}
