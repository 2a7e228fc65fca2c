//! The passwords that open the door at the keypad (3.21), as keyed digests only.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Rules;
use crate::access::pin::MOST_PASSWORDS;
use crate::error::Result;

/// The passwords that are kept, each as the hexadecimal digest of [`crate::access::pin::Key`].
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Passwords {
    /// The digests.
    pub digests: BTreeSet<String>,
}

impl Rules for Passwords {
    fn check(&self) -> Result<()> {
        if self.digests.len() > MOST_PASSWORDS {
            crate::bail!(BadParameter, "AccessPwd: at most {MOST_PASSWORDS} passwords are kept");
        }
        Ok(())
    }
}
