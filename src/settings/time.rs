//! Time zone and time servers (3.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;
use crate::field::{Flag, HostName, Int, LocalTime};

/// Time zone and time server (3.6); the protocol's zones are fixed offsets without summer time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ntp {
    /// Whether the clock follows a time server.
    #[serde(rename = "NtpEnable")]
    pub enabled: Flag,
    /// Name or address of the server, at most 64 bytes.
    #[serde(rename = "NtpUrl")]
    pub server: HostName<64>,
    /// Its port.
    #[serde(rename = "NtpPort")]
    pub port: Int<1, 65_535>,
    /// Row of the document's zone table: 14 is GMT, 25 is GMT+8.
    #[serde(rename = "NtpTimeZone")]
    pub zone: Int<1, 30>,
    /// Hours from one comparison to the next.
    #[serde(rename = "NtpInterval")]
    pub interval_h: Int<1, 8760>,
}

impl Default for Ntp {
    fn default() -> Self {
        Self {
            enabled: Flag::of(0),
            server: HostName::new("time.windows.com").unwrap_or_default(),
            port: Int::of(123),
            zone: Int::of(25),
            interval_h: Int::of(1),
        }
    }
}

/// Minutes east of Greenwich by row of the zone table, row 1 first (3.6).
const ZONE_MINUTES: [i32; 30] = [
    -720, -660, -600, -540, -480, -420, -360, -300, -240, -210, -180, -120, -60, 0, 60, 120, 180, 210, 240, 270, 300,
    330, 360, 420, 480, 540, 570, 600, 660, 720,
];

impl Ntp {
    fn offset(&self) -> jiff::tz::Offset {
        let minutes = usize::try_from(self.zone.get() - 1).ok().and_then(|row| ZONE_MINUTES.get(row));
        jiff::tz::Offset::from_seconds(minutes.copied().unwrap_or(0) * 60).unwrap_or(jiff::tz::Offset::UTC)
    }

    /// What the clock on the wall shows, whole seconds.
    #[must_use]
    pub fn local(&self, wall: jiff::Timestamp) -> LocalTime {
        let now = self.offset().to_datetime(wall);
        LocalTime(now.with().subsec_nanosecond(0).build().unwrap_or(now))
    }

    /// The moment at which the clock on the wall shows `local`.
    #[must_use]
    pub fn moment(&self, local: LocalTime) -> Option<jiff::Timestamp> {
        self.offset().to_timestamp(local.0).ok()
    }
}

impl Rules for Ntp {
    fn check(&self) -> Result<()> {
        if self.enabled.on() && self.server.as_str().is_empty() {
            crate::bail!(BadParameter, "NtpUrl: is missing, NtpEnable is 1");
        }
        Ok(())
    }
}
