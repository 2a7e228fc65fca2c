//! The light behind the panel through sysfs (Documentation/ABI/stable/sysfs-class-backlight).

use std::fs;
use std::path::PathBuf;

use crate::error::{Error, Fault, Result};
use crate::hal::Dimmer;

/// A folder below `/sys/class/backlight`, or of an LED: both have `brightness` and `max_brightness`.
#[derive(Debug)]
pub struct Backlight {
    folder: PathBuf,
}

impl Backlight {
    /// The light of `folder`.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What the kernel says of it.
    ///
    /// # Errors
    /// When there is no such light.
    pub fn probe(&self) -> Result<String> {
        let now = self.number("brightness")?;
        Ok(format!("{}, {now} of {}", self.folder.display(), self.most()?))
    }

    fn number(&self, name: &str) -> Result<u64> {
        let file = self.folder.join(name);
        let failed = || Error::new(Fault::Unavailable, format!("{} cannot be read", file.display()));
        let text = fs::read_to_string(&file).map_err(|e| failed().because(e))?;
        text.trim().parse().map_err(|e: std::num::ParseIntError| failed().because(e))
    }

    fn most(&self) -> Result<u64> {
        self.number("max_brightness")
    }
}

impl Dimmer for Backlight {
    fn set(&mut self, percent: u8) -> Result<()> {
        // What is not off is seen, however few steps the light has.
        let value = (self.most()? * u64::from(percent.min(100))).div_ceil(100);
        let file = self.folder.join("brightness");
        fs::write(&file, format!("{value}\n"))
            .map_err(|e| Error::new(Fault::Unavailable, format!("{} cannot be written", file.display())).because(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cents_are_steps_of_the_device() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut light = Backlight::new(folder.path().into());
        assert!(light.set(50).unwrap_err().detail.contains("max_brightness"));
        for (most, percent, expect) in
            [("255\n", 0, "0\n"), ("255\n", 100, "255\n"), ("255", 50, "128\n"), ("7", 5, "1\n"), ("1", 200, "1\n")]
        {
            fs::write(folder.path().join("max_brightness"), most).unwrap();
            light.set(percent).unwrap();
            assert_eq!(fs::read_to_string(folder.path().join("brightness")).unwrap(), expect, "{percent} of {most}");
        }
        assert!(light.probe().unwrap().ends_with("1 of 1"));
    }
}
