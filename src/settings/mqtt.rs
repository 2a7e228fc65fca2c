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

impl Mqtt {
    /// Whether there is a server to speak to.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.enabled.on() && !self.server.as_str().is_empty()
    }

    /// The terminal's id at the server; by default its number.
    #[must_use]
    pub fn id(&self, device_id: u32) -> String {
        match self.cloud_id.as_str().trim() {
            "" => device_id.to_string(),
            id => id.to_owned(),
        }
    }

    /// The terminal's topic.
    #[must_use]
    pub fn topic(&self, device_id: u32) -> String {
        match self.topic.as_str().trim().trim_end_matches('/') {
            "" => format!("mqtt/face/{device_id}"),
            topic => topic.to_owned(),
        }
    }

    /// Whether going from `other` to this takes a new connection.
    #[must_use]
    pub fn differs_in_connection(&self, other: &Self) -> bool {
        let of = |mqtt: &Self| (mqtt.enabled, mqtt.server.clone(), mqtt.port, mqtt.user.clone(), mqtt.password.clone());
        of(self) != of(other) || self.topic != other.topic || self.cloud_id != other.cloud_id
    }
}

/// What the MQTT protocol sets beyond the document: topics all terminals share, and how often they say that they live.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MqttMore {
    /// Seconds after which a silent connection is checked.
    #[serde(rename = "KeepAliveInterval")]
    pub keep_alive_s: Int<5, 3600>,
    /// Topic of Online and Offline.
    #[serde(rename = "OnlineTopic")]
    pub online_topic: Text<255>,
    /// Topic of heartbeats.
    #[serde(rename = "HeartbeatTopic")]
    pub heartbeat_topic: Text<255>,
    /// Seconds between heartbeats.
    #[serde(rename = "HeartbeatInterval")]
    pub heartbeat_s: Int<1, 3600>,
}

impl Default for MqttMore {
    fn default() -> Self {
        let text = |text: &str| Text::new(text).unwrap_or_default();
        Self {
            keep_alive_s: Int::of(60),
            online_topic: text("mqtt/face/basic"),
            heartbeat_topic: text("mqtt/face/heartbeat"),
            heartbeat_s: Int::of(60),
        }
    }
}

impl Rules for MqttMore {
    fn check(&self) -> Result<()> {
        for (name, topic) in [("OnlineTopic", &self.online_topic), ("HeartbeatTopic", &self.heartbeat_topic)] {
            check_topic(name, topic.as_str())?;
            if topic.as_str().trim().is_empty() {
                crate::bail!(BadParameter, "{name}: is empty");
            }
        }
        Ok(())
    }
}

/// Topics that are published to and taken as they are written: no wildcards.
fn check_topic(name: &str, topic: &str) -> Result<()> {
    if topic.chars().any(|c| matches!(c, '+' | '#') || c.is_control()) {
        crate::bail!(BadParameter, "{name}: + and # are no parts of a topic of one's own");
    }
    Ok(())
}

impl Rules for Mqtt {
    fn check(&self) -> Result<()> {
        if self.enabled.on() && self.server.as_str().is_empty() {
            crate::bail!(BadParameter, "MQAddr: is missing, MQEnable is 1");
        }
        check_topic("MQTopic", self.topic.as_str())
    }
}
