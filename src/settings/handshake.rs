//! What a platform leaves on the terminal for itself (3.28).

use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;

/// Most bytes a platform may leave (3.28).
pub const MOST_HANDSHAKE_BYTES: usize = 4096;

/// Data of the platform's own, often encrypted, given back as they are (3.28).
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handshake {
    /// Any text of at most 4096 bytes, control characters included.
    #[serde(rename = "HandSharkInfo")]
    pub data: String,
}

/// The data may be a credential, so only their length is shown.
impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake").field("bytes", &self.data.len()).finish()
    }
}

impl Rules for Handshake {
    fn check(&self) -> Result<()> {
        let length = self.data.len();
        if length > MOST_HANDSHAKE_BYTES {
            crate::bail!(BadParameter, "HandSharkInfo: has {length} bytes, at most {MOST_HANDSHAKE_BYTES} are allowed");
        }
        Ok(())
    }
}
