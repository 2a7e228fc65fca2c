//! Where the server listens.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::error::{Error, Fault, Result};
use crate::network::Port;

/// Where the server listens; may be moved to another port while it serves.
#[derive(Debug)]
pub struct Listening {
    pub(super) listener: watch::Sender<Arc<TcpListener>>,
    runtime: Handle,
}

impl Listening {
    /// Listens on `address`.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(address: SocketAddr, runtime: Handle) -> io::Result<Self> {
        let listener = watch::Sender::new(Arc::new(listen(address, &runtime)?));
        Ok(Self { listener, runtime })
    }

    /// Where that is now.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.borrow().local_addr()
    }

    /// The same address with another port.
    fn elsewhere(&self, port: u16) -> io::Result<TcpListener> {
        let mut address = self.address()?;
        address.set_port(port);
        listen(address, &self.runtime)
    }
}

impl Port for Listening {
    fn current(&self) -> u16 {
        self.address().map_or(0, |address| address.port())
    }

    fn check(&self, port: u16) -> Result<()> {
        self.elsewhere(port)
            .map(drop)
            .map_err(|e| Error::new(Fault::BadParameter, format!("WebPort: {port} cannot be listened on: {e}")))
    }

    fn move_to(&self, port: u16) -> Result<()> {
        let listener = self
            .elsewhere(port)
            .map_err(|e| Error::new(Fault::Unavailable, format!("the API cannot move to port {port}")).because(e))?;
        self.listener.send_replace(Arc::new(listener));
        tracing::info!(port, "the API has moved");
        Ok(())
    }
}

fn listen(address: SocketAddr, runtime: &Handle) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let _inside = runtime.enter();
    TcpListener::from_std(listener)
}
