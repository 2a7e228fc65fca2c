//! Small things kept under a name: groups of settings, positions of sinks, secrets.

use super::Store;
use super::db::{failed, from_json, to_json};
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::settings::Keeper;

impl Keeper for Store {
    fn load(&self, group: &str) -> Result<Option<Vec<u8>>> {
        let value = self.core.db.settings.get(group).map_err(failed("read settings"))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn save(&self, groups: &[(&'static str, Vec<u8>)]) -> Result<()> {
        self.core.db.put_all(&self.core.db.settings, groups)
    }
}

impl Store {
    /// The place up to which `sink` is done.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub fn position(&self, sink: &str) -> Result<Option<u64>> {
        let value = self.core.db.sinks.get(sink).map_err(failed("read a position"))?;
        Ok(value.and_then(|value| from_json("sinks", &sink, &value)))
    }

    /// Moves a sink on; on the disk when it returns.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; after a restart the sink may then be where it was.
    pub fn set_position(&self, sink: &str, seq: u64) -> Result<()> {
        self.core.db.put(&self.core.db.sinks, sink, &to_json(&seq)?)
    }

    /// `length` random bytes, drawn at the first call and the same ever after.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; [`Fault::Unavailable`] when the system gives no randomness.
    pub fn secret(&self, name: &str, length: usize) -> Result<Vec<u8>> {
        let _turn = lock(&self.core.turn);
        let secrets = &self.core.db.secrets;
        if let Some(kept) = secrets.get(name).map_err(failed("read a secret"))?.filter(|kept| kept.len() == length) {
            return Ok(kept.to_vec());
        }
        let mut bytes = vec![0; length];
        getrandom::fill(&mut bytes)
            .map_err(|e| Error::new(Fault::Unavailable, "no randomness").because(e.to_string()))?;
        self.core.db.put(secrets, name, &bytes)?;
        Ok(bytes)
    }
}
