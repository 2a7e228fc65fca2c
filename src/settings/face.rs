//! Face recognition parameters (3.34).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;
use crate::field::{Int, IntText};

/// Face recognition parameters (3.34), in pixels of the 960x1280 sensor frame.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Face {
    /// Largest distance at which faces are verified, centimetres.
    #[serde(rename = "recDistance")]
    pub distance_cm: IntText<30, 200>,
    /// Smallest face width, pixels; given up by the document in favour of the distance.
    #[serde(rename = "faceMinPixel")]
    pub min_width_px: IntText<0, 960>,
    /// Left edge of the area in which faces are looked for.
    #[serde(rename = "detectArea_x")]
    pub area_x: Int<0, 960>,
    /// Upper edge of the area.
    #[serde(rename = "detectArea_y")]
    pub area_y: Int<0, 1280>,
    /// Width of the area.
    #[serde(rename = "detectArea_w")]
    pub area_w: Int<0, 960>,
    /// Height of the area.
    #[serde(rename = "detectArea_h")]
    pub area_h: IntText<0, 1280>,
}

/// Face width in pixels of the sensor frame times distance in centimetres: the document pairs 200 cm with
/// 122 pixels in its own example.
const WIDTH_TIMES_DISTANCE: i64 = 122 * 200;

impl Default for Face {
    fn default() -> Self {
        Self {
            distance_cm: IntText(Int::of(200)),
            min_width_px: IntText(Int::of(122)),
            area_x: Int::of(0),
            area_y: Int::of(0),
            area_w: Int::of(960),
            area_h: IntText(Int::of(1280)),
        }
    }
}

impl Face {
    /// The face width that stands at `distance_cm` before the camera, pixels of the sensor frame.
    #[must_use]
    pub fn width_at(distance_cm: i64) -> i64 {
        (WIDTH_TIMES_DISTANCE / distance_cm.max(1)).min(960)
    }
}

impl Rules for Face {
    fn check(&self) -> Result<()> {
        let area = [
            ("detectArea_x", self.area_x.get()),
            ("detectArea_y", self.area_y.get()),
            ("detectArea_w", self.area_w.get()),
            ("detectArea_h", self.area_h.0.get()),
        ];
        if let Some((name, value)) = area.iter().find(|(_, value)| value % 2 != 0) {
            crate::bail!(BadParameter, "{name}: {value} is odd, an even number is needed");
        }
        if self.area_x.get() + self.area_w.get() > 960 {
            crate::bail!(
                BadParameter,
                "detectArea_w: reaches beyond the frame, detectArea_x + detectArea_w is over 960"
            );
        }
        if self.area_y.get() + self.area_h.0.get() > 1280 {
            crate::bail!(
                BadParameter,
                "detectArea_h: reaches beyond the frame, detectArea_y + detectArea_h is over 1280"
            );
        }
        Ok(())
    }
}
