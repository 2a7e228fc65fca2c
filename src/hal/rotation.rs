//! How panels and cameras are built in.

use serde::Deserialize;

/// Clockwise rotation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub struct Rotation(u32);

impl Rotation {
    /// As it stands.
    pub const NONE: Self = Self(0);

    /// 0, 90, 180 or 270.
    #[must_use]
    pub const fn degrees(self) -> u32 {
        self.0
    }

    /// Whether width and height change places.
    #[must_use]
    pub const fn is_sideways(self) -> bool {
        self.0 % 180 == 90
    }
}

impl TryFrom<u32> for Rotation {
    type Error = &'static str;
    fn try_from(degrees: u32) -> Result<Self, Self::Error> {
        match degrees {
            0 | 90 | 180 | 270 => Ok(Self(degrees)),
            _ => Err("should be 0, 90, 180 or 270"),
        }
    }
}
