//! Time zone and time servers (3.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;
use crate::field::{Flag, HostName, Int, LocalTime};

/// Time zone and time server (3.6); the protocol's zones are fixed offsets without summer time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_the_documents() {
        let zones = [
            "-12:00", "-11:00", "-10:00", "-09:00", "-08:00", "-07:00", "-06:00", "-05:00", "-04:00", "-03:30",
            "-03:00", "-02:00", "-01:00", "+00:00", "+01:00", "+02:00", "+03:00", "+03:30", "+04:00", "+04:30",
            "+05:00", "+05:30", "+06:00", "+07:00", "+08:00", "+09:00", "+09:30", "+10:00", "+11:00", "+12:00",
        ];
        for (row, zone) in (1..).zip(zones) {
            let ntp = Ntp { zone: Int::new(row).unwrap(), ..Ntp::default() };
            let moment: jiff::Timestamp = format!("2026-03-01T12:00:00{zone}").parse().unwrap();
            let local = LocalTime::parse("2026-03-01T12:00:00").unwrap();
            assert_eq!((ntp.local(moment), ntp.moment(local)), (local, Some(moment)), "row {row}, GMT{zone}");
        }
        assert!(Int::<1, 30>::new(31).is_none() && zones.len() == 30);
    }
}
