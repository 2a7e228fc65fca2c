//! Cameras.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::size;
use crate::field::Int;
use crate::hal::{CameraMode, PixelFormat, Rotation};
use crate::strict::Section;

/// Width and height of the frame that the protocol's face parameters are given in (3.34).
const SENSOR: (u32, u32) = (960, 1280);

/// Who takes the pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraDriver {
    /// Video4Linux 2.
    V4l2,
    /// Pictures posted to the simulator.
    Sim,
}

/// What a camera sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraRole {
    /// Visible light.
    Color,
    /// Infrared, for liveness.
    Infrared,
}

/// A camera.
#[derive(Clone, Debug)]
pub struct Camera {
    /// What it sees.
    pub role: CameraRole,
    /// Who reads it.
    pub driver: CameraDriver,
    /// Device node; none in memory.
    pub node: Option<PathBuf>,
    /// Whether the screen shows it as a mirror would.
    pub mirror: bool,
    /// What is asked of it.
    pub mode: CameraMode,
}

pub(super) fn read(s: &mut Section<'_>) -> Option<Camera> {
    let (role, driver) = (s.need("role"), s.need("driver"));
    let node = s.may("node");
    let size = size(s);
    let fps = s.or::<Int<1, 120>>("fps", Int::of(25));
    let formats = s.need::<Vec<PixelFormat>>("formats");
    let (rotation, mirror) = (s.or("rotation", Rotation::NONE), s.or("mirror", false));
    let (serial, controls) = (s.may("serial"), s.or("controls", BTreeMap::new()));
    let frozen = s.or::<Int<0, 600>>("frozen_s", Int::of(10));
    if driver == Some(CameraDriver::V4l2) && node.is_none() {
        s.wrong("node", "is needed with driver = \"v4l2\"");
    }
    if formats.as_ref().is_some_and(Vec::is_empty) {
        s.wrong("formats", "names no format");
    }
    let (width, height) = size?;
    if role == Some(CameraRole::Color) && (width, height) != SENSOR {
        s.wrong("width", "and height should be 960 and 1280: face areas and widths are given in that frame (3.34)");
    }
    let (fps, formats) = (fps?.u32(), formats?);
    let frozen = Some(Duration::from_secs(frozen?.u32().into())).filter(|longest| !longest.is_zero());
    let (rotation, controls) = (rotation?, controls?);
    let mode = CameraMode { width, height, fps, formats, rotation, serial, controls, frozen };
    Some(Camera { role: role?, driver: driver?, node, mirror: mirror?, mode })
}

/// What holds of all cameras together.
pub(super) fn check(root: &mut Section<'_>, cameras: &[Option<Camera>]) {
    // One about which something is wrong may be meant for it.
    if !cameras.iter().any(|c| c.as_ref().is_none_or(|c| c.role == CameraRole::Color)) {
        root.wrong("camera", "at least one [[camera]] with role = \"color\" is needed");
    }
    for (number, one) in cameras.iter().enumerate() {
        let Some(one) = one else { continue };
        let before = || cameras[..number].iter().flatten();
        if before().any(|other| other.role == one.role) {
            root.wrong(&format!("camera[{number}].role"), "is another camera's: one of each is used");
        }
        if one.node.is_some() && before().any(|other| other.node == one.node) {
            root.wrong(&format!("camera[{number}].node"), "is another camera's");
        }
        if before().any(|other| other.driver != one.driver) {
            root.wrong(&format!("camera[{number}].driver"), "is \"sim\" for all cameras or for none");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::board::{Board, SIM};

    #[test]
    fn cameras_are_one_of_each_kind_and_all_of_hardware_or_none() {
        let second = |role: &str, driver: &str, more: &str| {
            let rest = "width = 480\nheight = 640\nformats = [\"RGB\"]";
            format!("{SIM}\n[[camera]]\nrole = \"{role}\"\ndriver = \"{driver}\"\n{rest}\n{more}\n")
        };
        let real = |more: &str| more.replace("driver = \"sim\"", "driver = \"v4l2\"\nnode = \"/dev/video0\"");
        for (text, part) in [
            (
                second("infrared", "v4l2", "node = \"/dev/video1\""),
                "camera[1].driver: is \"sim\" for all cameras or for none",
            ),
            (real(&second("infrared", "sim", "")), "camera[1].node: is another camera's"),
            (second("color", "sim", ""), "camera[1].role: is another camera's"),
        ] {
            let problems = Board::parse("a.toml", &text).unwrap_err().to_string();
            assert!(problems.contains(part), "{part} not in\n{problems}");
        }
        assert_eq!(Board::parse("a.toml", &second("infrared", "sim", "")).unwrap().cameras.len(), 2);
        let wrong = Board::parse("a.toml", &SIM.replace("formats = [\"RGB\"]", "formats = [\"RBG\"]")).unwrap_err();
        assert_eq!(wrong.list.len(), 1, "that there is no camera is not said of one that is wrong: {wrong}");
    }
}
