//! Connection to a centre (3.7).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;
use crate::field::{Flag, HostName, Int, Text};

/// Connection to a centre (3.7).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Center {
    /// Whether the centre is connected to.
    #[serde(rename = "ConnectCenter")]
    pub enabled: Flag,
    /// Name or address of the centre, at most 64 bytes; needed with `ConnectCenter` 1.
    #[serde(rename = "CenterUrl")]
    pub server: HostName<64>,
    /// Its port.
    #[serde(rename = "CenterPort")]
    pub port: Int<1, 65_535>,
    /// User name, at most 29 characters.
    #[serde(rename = "CenterUser")]
    pub user: Text<29>,
    /// Password, at most 29 characters.
    #[serde(rename = "CenterPwd")]
    pub password: Text<29>,
    /// Whether pictures are sent as they are taken.
    #[serde(rename = "SendSnapImage")]
    pub sends_snaps: Flag,
    /// Whether verdicts are sent.
    #[serde(rename = "SendVerifyResult")]
    pub sends_verdicts: Flag,
}

impl Default for Center {
    fn default() -> Self {
        Self {
            enabled: Flag::of(0),
            server: HostName::default(),
            port: Int::of(6666),
            user: Text::default(),
            password: Text::default(),
            sends_snaps: Flag::of(1),
            sends_verdicts: Flag::of(1),
        }
    }
}

impl Rules for Center {
    fn check(&self) -> Result<()> {
        if self.enabled.on() && self.server.as_str().is_empty() {
            crate::bail!(BadParameter, "CenterUrl: is missing, ConnectCenter is 1");
        }
        Ok(())
    }
}
