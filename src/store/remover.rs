//! The thread that removes files no row speaks of any more.
//!
//! Removing takes some file systems milliseconds a file, and nobody has to wait for it: the rows are gone,
//! so the files cannot be reached. What is left when the store closes is found again at the next open.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(test)]
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use crate::clock::{Clock, Inbox, Outbound};
use crate::error::{Error, Fault, Result};

enum Chore {
    Remove(Vec<PathBuf>),
    #[cfg(test)]
    Answer(SyncSender<()>),
    /// Nothing more comes.
    Stop,
}

/// Takes files to be removed.
#[derive(Clone)]
pub(super) struct Remover(Outbound<Chore>);

/// The thread; dropping it leaves the rest for the next open.
pub(super) struct RemoverThread {
    queue: Outbound<Chore>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Remover {
    pub(super) fn start(clock: Arc<dyn Clock>) -> Result<(Self, RemoverThread)> {
        let (inbox, stop) = (Inbox::default(), Arc::new(AtomicBool::new(false)));
        let queue = inbox.sender();
        let thread = std::thread::Builder::new()
            .name("store-remover".into())
            .spawn({
                let stop = stop.clone();
                move || run(&inbox, &*clock, &stop)
            })
            .map_err(|e| Error::new(Fault::StoreFailed, "no thread for removing files").because(e))?;
        Ok((Self(queue.clone()), RemoverThread { queue, stop, thread: Some(thread) }))
    }

    /// Removes files one day soon. Their names must not be given out again before the next open.
    pub(super) fn remove(&self, files: Vec<PathBuf>) {
        if !files.is_empty() {
            self.0.send(Chore::Remove(files));
        }
    }

    /// Waits until all is removed.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        let (done, wait) = std::sync::mpsc::sync_channel(1);
        self.0.send(Chore::Answer(done));
        wait.recv().unwrap();
    }
}

impl Drop for RemoverThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.queue.send(Chore::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that removes files has panicked");
        }
    }
}

fn run(inbox: &Inbox<Chore>, clock: &dyn Clock, stop: &AtomicBool) {
    loop {
        match inbox.next(clock, None) {
            Some(Chore::Remove(files)) => {
                for file in files {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if let Err(error) = std::fs::remove_file(&file)
                        && error.kind() != ErrorKind::NotFound
                    {
                        tracing::warn!(path = %file.display(), %error, "file stays until the next start");
                    }
                }
            }
            #[cfg(test)]
            Some(Chore::Answer(done)) => drop(done.send(())),
            Some(Chore::Stop) => return,
            None => {}
        }
    }
}
