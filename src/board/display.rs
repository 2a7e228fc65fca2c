//! The panel.

use std::path::PathBuf;

use serde::Deserialize;

use super::size;
use crate::hal::Rotation;
use crate::strict::Section;

/// Who draws on the panel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisplayDriver {
    /// Linux framebuffer.
    Framebuffer,
    /// A picture that can be fetched.
    Sim,
}

/// A panel.
#[derive(Clone, Debug)]
pub struct Display {
    /// Who draws on it.
    pub driver: DisplayDriver,
    /// Device node; none in memory.
    pub node: Option<PathBuf>,
    /// Upright width, pixels.
    pub width: u32,
    /// Upright height, pixels.
    pub height: u32,
    /// How far the picture is turned.
    pub rotation: Rotation,
    /// Font file whose letters come before the built-in ones.
    pub font: Option<PathBuf>,
}

pub(super) fn read(s: &mut Section<'_>) -> Option<Display> {
    let driver = s.need("driver");
    let node = s.may("node");
    let size = size(s);
    let rotation = s.or("rotation", Rotation::NONE);
    let font = s.may("font");
    if driver == Some(DisplayDriver::Framebuffer) && node.is_none() {
        s.wrong("node", "is needed with driver = \"framebuffer\"");
    }
    let (width, height) = size?;
    Some(Display { driver: driver?, node, width, height, rotation: rotation?, font })
}
