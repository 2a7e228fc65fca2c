//! Small things kept under a name: groups of settings, positions of sinks, secrets.

use super::Store;
use super::db::{Change, from_json, to_json};
use super::frame::Tree;
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::settings::Keeper;

impl Keeper for Store {
    fn load(&self, group: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.core.db.get(Tree::Settings, group))
    }

    fn save(&self, groups: &[(&'static str, Vec<u8>)]) -> Result<()> {
        let mut change = Change::default();
        for (group, value) in groups {
            change.put(Tree::Settings, group.as_bytes(), value);
        }
        self.core.db.commit(&change)
    }

    fn tell(&self, what: &str) {
        self.core.db.tell(what);
    }
}

impl Store {
    /// The place up to which `sink` is done.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub fn position(&self, sink: &str) -> Result<Option<u64>> {
        Ok(self.core.db.get(Tree::Sinks, sink).and_then(|value| from_json("sinks", &sink, &value)))
    }

    /// Moves a sink on from `after`, unless it was set elsewhere meanwhile; on the disk when it returns.
    ///
    /// # Errors
    /// As [`Store::set_position`].
    pub fn advance(&self, sink: &str, after: u64, seq: u64) -> Result<()> {
        let _places = lock(&self.core.places);
        if self.position(sink)? == Some(after) {
            self.core.db.set(Tree::Sinks, sink, &to_json(&seq)?)?;
        }
        Ok(())
    }

    /// Moves a sink on; on the disk when it returns.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; after a restart the sink may then be where it was.
    pub fn set_position(&self, sink: &str, seq: u64) -> Result<()> {
        let _places = lock(&self.core.places);
        self.core.db.set(Tree::Sinks, sink, &to_json(&seq)?)
    }

    /// As [`Store::secret`]; where the disk does not take it, one that lasts until the next start, which is said: the
    /// terminal runs all the same.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] when the system gives no randomness.
    pub fn secret_or_passing(&self, name: &str, length: usize) -> Result<Vec<u8>> {
        self.secret(name, length).or_else(|error| {
            let bytes = drawn(length)?;
            self.core.db.remember(Tree::Secrets, name, &bytes);
            self.core.db.tell(&format!("the secret '{name}' lasts until the next start only: {error}"));
            Ok(bytes)
        })
    }

    /// `length` random bytes, drawn at the first call and the same ever after.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; [`Fault::Unavailable`] when the system gives no randomness.
    pub fn secret(&self, name: &str, length: usize) -> Result<Vec<u8>> {
        let _turn = lock(&self.core.turn);
        if let Some(kept) = self.core.db.get(Tree::Secrets, name).filter(|kept| kept.len() == length) {
            return Ok(kept);
        }
        let bytes = drawn(length)?;
        self.core.db.set(Tree::Secrets, name, &bytes)?;
        Ok(bytes)
    }
}

fn drawn(length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(|e| Error::new(Fault::Unavailable, "no randomness").because(e.to_string()))?;
    Ok(bytes)
}
