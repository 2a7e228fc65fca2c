//! When a terminal ends, and why.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::warn;

/// Why a terminal ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// It was asked to.
    Asked,
    /// New software is there to be started.
    Upgraded,
    /// The release on trial does not work as the one before did.
    Unfit,
}

/// Ends the terminal.
pub(super) type Leave = Arc<dyn Fn(Ending) + Send + Sync>;

/// Why it is to end.
pub(super) type Asked = watch::Receiver<Option<Ending>>;

/// The way from the parts that end the terminal to whoever waits for that.
pub(super) fn channel() -> (Leave, Asked) {
    let (end, ending) = watch::channel(None);
    let leave = move |why| {
        end.send_replace(Some(why));
    };
    (Arc::new(leave), ending)
}

/// Waits until the process is asked to end, or the terminal has a reason of its own.
pub(super) async fn wait(mut ending: Asked) -> Ending {
    use tokio::signal::unix::{SignalKind, signal};
    let asked = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(error) => {
                warn!(%error, "cannot listen for SIGTERM");
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    };
    tokio::select! {
        () = asked => Ending::Asked,
        Ok(why) = ending.wait_for(Option::is_some) => (*why).unwrap_or(Ending::Asked),
    }
}
