//! The camera's picture as an RTSP stream (3.35).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::field::{Flag, Int};

/// The camera's picture as an RTSP stream (3.35).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Rtsp {
    /// Whether the stream is offered.
    #[serde(rename = "OpenVerify")]
    pub enabled: Flag,
    /// Size of a packet, bytes.
    #[serde(rename = "PackSize")]
    pub packet_bytes: Int<1, 1500>,
    /// Port it is offered on.
    #[serde(rename = "RTSPPort")]
    pub port: Int<1, 65_535>,
}

impl Default for Rtsp {
    fn default() -> Self {
        Self { enabled: Flag::of(0), packet_bytes: Int::of(1500), port: Int::of(554) }
    }
}

impl Rules for Rtsp {}
