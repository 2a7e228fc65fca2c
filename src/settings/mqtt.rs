//! Connection to an MQTT server (3.31).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;
use crate::field::{Flag, HostName, Int, LocalTime, Text};
use crate::numbered;

numbered! {
    /// What of a control record is sent.
    pub enum RecordUpload {
        /// Nothing.
        Never = 0,
        /// The record and the picture taken.
        WithSnap = 1,
        /// The record alone.
        WithoutPicture = 2,
    }
}

numbered! {
    /// Which way people pass, as MQTT numbers it: otherwise than the general parameters (3.23).
    pub enum MqttDirection {
        /// In.
        In = 0,
        /// Out.
        Out = 1,
        /// It does not matter.
        Either = 2,
    }
}

/// Connection to an MQTT server (3.31).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Mqtt {
    /// Whether MQTT is spoken.
    #[serde(rename = "MQEnable")]
    pub enabled: Flag,
    /// Name or address of the server; needed with `MQEnable` 1.
    #[serde(rename = "MQAddr")]
    pub server: HostName<253>,
    /// Its port.
    #[serde(rename = "MQPort")]
    pub port: Int<1, 65_535>,
    /// User name.
    #[serde(rename = "MQUser")]
    pub user: Text<127>,
    /// Password.
    #[serde(rename = "MQPwd")]
    pub password: Text<127>,
    /// Topic; until one is set, `mqtt/face/` and the terminal's number.
    #[serde(rename = "MQTopic")]
    pub topic: Text<255>,
    /// The terminal's id at the server; until one is set, the terminal's number.
    #[serde(rename = "MQCloudID")]
    pub cloud_id: Text<63>,
    /// Whether captures of strangers are kept back: 0 sends them.
    #[serde(rename = "StrangerUploadType")]
    pub keeps_strangers: Flag,
    /// What of a control record is sent.
    #[serde(rename = "RecordUploadType")]
    pub records: RecordUpload,
    /// Which way people pass.
    #[serde(rename = "Direction")]
    pub direction: MqttDirection,
    /// Whether codes that were read are sent.
    #[serde(rename = "QRCode")]
    pub sends_codes: Flag,
    /// Whether every event waits for the server's acknowledgement.
    #[serde(rename = "ResumefromBreakpoint")]
    pub resume: Flag,
    /// Events before this local time are not sent; the moment resume or an upload was set, if not given.
    #[serde(rename = "BeginTime")]
    pub begin: LocalTime,
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            enabled: Flag::of(0),
            server: HostName::default(),
            port: Int::of(1883),
            user: Text::default(),
            password: Text::default(),
            topic: Text::default(),
            cloud_id: Text::default(),
            keeps_strangers: Flag::of(0),
            records: RecordUpload::WithSnap,
            direction: MqttDirection::Either,
            sends_codes: Flag::of(0),
            resume: Flag::of(0),
            begin: LocalTime::UNSET,
        }
    }
}

impl Rules for Mqtt {
    fn check(&self) -> Result<()> {
        if self.enabled.on() && self.server.as_str().is_empty() {
            crate::bail!(BadParameter, "MQAddr: is missing, MQEnable is 1");
        }
        Ok(())
    }
}
