//! Body temperature (3.27).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;
use crate::field::{Flag, Hundredths, Int};

/// Temperature parameters (3.27), degrees Celsius.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Temperature {
    /// What the screen shows: 0 Celsius, 1 Fahrenheit.
    #[serde(rename = "TemperatureMode")]
    pub fahrenheit: Flag,
    /// Whether a temperature outside the limits is shown as a number.
    #[serde(rename = "ShowAbnormalTemp")]
    pub show_abnormal: Flag,
    /// Added to what the sensor says.
    #[serde(rename = "TemperatureCheck")]
    pub correction: Hundredths<-1000, 1000>,
    /// Below this it is no face: measured again.
    #[serde(rename = "TemperatureLow")]
    pub low: Hundredths<0, 5000>,
    /// Whether that limit follows the surroundings (special models; kept).
    #[serde(rename = "TempAutoLow")]
    pub auto_low: Flag,
    /// How it is measured (special models; kept): 0 exact, 1 fast.
    #[serde(rename = "TempWay")]
    pub fast: Flag,
    /// Of special models; kept.
    #[serde(rename = "BDHC")]
    pub bdhc: Hundredths<0, 10_000>,
    /// Of special models; kept.
    #[serde(rename = "BDLC")]
    pub bdlc: Hundredths<0, 10_000>,
    /// Above this it is fever.
    #[serde(rename = "TemperatureHigh")]
    pub high: Hundredths<0, 5000>,
    /// Temperature of the surroundings (reserved; kept).
    #[serde(rename = "EnvTemperature")]
    pub surroundings: Hundredths<-10_000, 10_000>,
    /// Correction of it (reserved; kept).
    #[serde(rename = "EnvTemperatureCheck")]
    pub surroundings_correction: Hundredths<-10_000, 10_000>,
    /// Whether a laser points at the spot measured (reserved; kept).
    #[serde(rename = "OpenLaser")]
    pub laser: Flag,
    /// Smallest width of a face that is measured, pixels.
    #[serde(rename = "TempFaceMinW")]
    pub face_min_width: Int<100, 500>,
    /// Lower edge of where a forehead is measured, pixels.
    #[serde(rename = "TempFaceMinH")]
    pub face_min_height: Int<50, 1000>,
}

impl Default for Temperature {
    fn default() -> Self {
        Self {
            fahrenheit: Flag::of(0),
            show_abnormal: Flag::of(0),
            correction: Hundredths::of(0),
            low: Hundredths::of(2800),
            auto_low: Flag::of(1),
            fast: Flag::of(0),
            bdhc: Hundredths::of(4000),
            bdlc: Hundredths::of(2800),
            high: Hundredths::of(3730),
            surroundings: Hundredths::of(0),
            surroundings_correction: Hundredths::of(0),
            laser: Flag::of(0),
            face_min_width: Int::of(350),
            face_min_height: Int::of(560),
        }
    }
}

impl Rules for Temperature {
    fn check(&self) -> Result<()> {
        if self.low >= Hundredths::of(5000) || self.low.get() >= self.high.get() {
            crate::bail!(
                BadParameter,
                "TemperatureLow: {} is not below TemperatureHigh {}",
                self.low.get(),
                self.high.get()
            );
        }
        Ok(())
    }
}
