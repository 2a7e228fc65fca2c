//! The API's server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, warn};

use super::Failure;
use crate::api::Context;
use crate::api::server::{Extra, Listening, ServerLimits, serve};
use crate::api::web::Web;
use crate::settings::Live;

/// How long the server has to finish what is under way at the end.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// The server while it runs.
pub(super) struct Serving {
    listening: Arc<Listening>,
    shutdown: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Serving {
    pub(super) fn start(
        listening: Arc<Listening>,
        context: Arc<Context>,
        extra: Option<Extra>,
        web: Web,
        runtime: &Runtime,
    ) -> Self {
        let (shutdown, mut ended) = watch::channel(false);
        let serving = listening.clone();
        let server = runtime.spawn(async move {
            let stop = async move {
                let _ = ended.wait_for(|ended| *ended).await;
            };
            let limits = ServerLimits::default();
            if let Err(error) = serve(&serving, context, limits, extra, Some(web), stop).await {
                error!(%error, "the API has stopped");
            }
        });
        Self { listening, shutdown, server }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listening.address()
    }

    /// Nothing more is taken on.
    pub(super) fn close(&self) {
        let _ = self.shutdown.send(true);
    }

    /// Waits until what was taken on is done.
    pub(super) fn stop(self, runtime: &Runtime) {
        runtime.block_on(async {
            if tokio::time::timeout(GRACE, self.server).await.is_err() {
                warn!("requests under way were cut off");
            }
        });
    }
}

/// Listens on the board's address, at the port that was set for it if that works; with the board's own port.
pub(super) fn listen(board: SocketAddr, settings: &Live, runtime: &Handle) -> Result<(Arc<Listening>, u16), Failure> {
    let set = u16::try_from(settings.now().network.web_port.get()).unwrap_or(0);
    if set != 0 {
        let address = SocketAddr::new(board.ip(), set);
        match Listening::open(address, runtime.clone()) {
            Ok(listening) => return Ok((Arc::new(listening), board.port())),
            // Better reached at the board's port than not at all.
            Err(error) => error!(%address, %error, "the port that was set cannot be listened on"),
        }
    }
    let listening = Listening::open(board, runtime.clone())
        .map_err(|e| format!("{board} cannot be listened on: {e}; choose another with --listen"))?;
    let port = listening.address()?.port();
    Ok((Arc::new(listening), port))
}
