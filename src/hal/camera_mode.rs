//! What is asked of a camera.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::Rotation;

/// How the pixels of a picture lie in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PixelFormat {
    /// Motion JPEG.
    Mjpeg,
    /// 4:2:0, chroma interleaved U first.
    Nv12,
    /// 4:2:0, chroma interleaved V first.
    Nv21,
    /// 4:2:2 packed.
    Yuyv,
    /// Luma only.
    Grey,
    /// 8 bits a channel.
    Rgb,
}

/// The pictures a camera is to deliver, and how.
#[derive(Clone, Debug)]
pub struct CameraMode {
    /// Upright width after rotation, pixels.
    pub width: u32,
    /// Upright height after rotation, pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Formats by preference.
    pub formats: Vec<PixelFormat>,
    /// How far the picture is turned to stand upright.
    pub rotation: Rotation,
    /// Serial number of the device it has to be; `None`: whichever is at the node.
    pub serial: Option<String>,
    /// Controls to set, by the names of `v4l2-ctl -l`: exposure, gain, white balance.
    pub controls: BTreeMap<String, i64>,
    /// A picture that stays the same for so long is none: the camera is opened anew; `None`: it may.
    pub frozen: Option<Duration>,
}
