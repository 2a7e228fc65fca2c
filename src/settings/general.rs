//! What the general parameters (3.23) add to door and network: direction and the weekly restart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::field::{Int, LocalTime};
use crate::numbered;

numbered! {
    /// Which way people pass the terminal.
    pub enum Direction {
        /// It does not matter.
        Either = 0,
        /// In.
        In = 1,
        /// Out.
        Out = 2,
    }
}

/// Direction and restart (3.23).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct General {
    /// When the terminal restarts by itself: 0 never, 1 every day, 2 to 8 on Monday to Sunday.
    #[serde(rename = "AutoRebootDay")]
    pub reboot_day: Int<0, 8>,
    /// At which full hour.
    #[serde(rename = "AutoRebootHour")]
    pub reboot_hour: Int<0, 23>,
    /// Which way people pass.
    #[serde(rename = "Direction")]
    pub direction: Direction,
}

impl Default for General {
    fn default() -> Self {
        Self { reboot_day: Int::of(0), reboot_hour: Int::of(0), direction: Direction::Either }
    }
}

impl General {
    /// Whether a restart falls into the hour that has begun at `now`.
    #[must_use]
    pub fn reboots_in_hour(&self, now: LocalTime) -> bool {
        let today = i64::from(now.0.date().weekday().to_monday_one_offset()) + 1;
        let day = self.reboot_day.get();
        (day == 1 || day == today) && i64::from(now.0.hour()) == self.reboot_hour.get()
    }
}

impl Rules for General {}

/// When the terminal last restarted by itself: kept, so that it does not again in the same hour.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Restarted {
    /// The full hour it did so at.
    pub hour: Option<LocalTime>,
}

impl Rules for Restarted {}
