//! The terminal's name (3.9) and who may call it (3.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::field::Text;

/// The terminal's name (3.9).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Device {
    /// Shown to platforms, at most 63 characters.
    #[serde(rename = "Name")]
    pub name: Text<63>,
}

impl Default for Device {
    fn default() -> Self {
        Self { name: Text::new("facegate").unwrap_or_default() }
    }
}

impl Rules for Device {}

/// Who may call the API (3.3). The password is kept as a salted hash only.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// User name; empty until the first password is set, which means the document's default applies.
    pub user: String,
    /// PHC string of the password's Argon2id hash.
    pub password_hash: String,
}

impl Account {
    /// One that no password fits, for when the stored one cannot be read.
    #[must_use]
    pub fn locked() -> Self {
        Self { user: "locked".to_owned(), password_hash: "*".to_owned() }
    }

    /// Whether nobody has set a login yet.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.user.is_empty()
    }

    /// The user name that applies; the document's default (2.4) until one is set.
    #[must_use]
    pub fn user_name(&self) -> &str {
        if self.user.is_empty() { "admin" } else { &self.user }
    }
}

impl Rules for Account {}
