//! The pins of a Raspberry Pi, written to through its registers: no call into the kernel for an edge.

use std::path::PathBuf;
use std::sync::OnceLock;

use embedded_hal::digital::{ErrorType, OutputPin};
use rppal::gpio::{self, Gpio};

use super::PinError;
use crate::error::{Error, Fault, Result};
use crate::hal::{Active, Line, Pin};

/// An output; high means on.
#[derive(Debug)]
pub struct RpiPin {
    number: u8,
    active: Active,
    pin: Option<gpio::OutputPin>,
}

impl RpiPin {
    /// The pin of a BCM number.
    ///
    /// # Errors
    /// When the profile names no such number.
    pub fn new(pin: &Pin) -> Result<Self, String> {
        let number = match &pin.line {
            Line::Number(number) => u8::try_from(*number).ok(),
            Line::Name(name) => name.strip_prefix("GPIO").unwrap_or(name).parse().ok(),
        };
        let number = number.filter(|number| *number < 54).ok_or("is no BCM number, 0 to 53")?;
        Ok(Self { number, active: pin.active, pin: None })
    }

    /// The same pin with the other level meaning "on".
    #[must_use]
    pub fn inverted(mut self) -> Self {
        self.active = self.active.inverted();
        self
    }

    /// Which machine it is on.
    ///
    /// # Errors
    /// When this is no Raspberry Pi.
    pub fn probe(&self) -> Result<String> {
        let machine = rppal::system::DeviceInfo::new().map_err(failed)?;
        registers()?;
        Ok(format!("GPIO{} of {}", self.number, machine.model()))
    }

    fn drive(&mut self, on: bool) -> Result<()> {
        let high = on == (self.active == Active::High);
        if let Some(pin) = &mut self.pin {
            pin.write(high.into());
            return Ok(());
        }
        let pin = registers()?.get(self.number).map_err(failed)?;
        let mut pin = if high { pin.into_output_high() } else { pin.into_output_low() };
        // The door stays as it was left: whether it locks is decided before, not by who lets go of the pin.
        pin.set_reset_on_drop(false);
        self.pin = Some(pin);
        Ok(())
    }
}

/// The chip of the 40-pin header, which has another number on each model; `None` where there is none.
#[must_use]
pub fn header() -> Option<PathBuf> {
    let is_header = |label: &str| label.starts_with("pinctrl-bcm") || label.starts_with("pinctrl-rp1");
    gpiocdev::chip::chips().ok()?.into_iter().find(|path| {
        let info = gpiocdev::Chip::from_path(path).and_then(|chip| chip.info());
        info.is_ok_and(|info| is_header(&info.label))
    })
}

/// The registers are opened once for all pins.
fn registers() -> Result<Gpio> {
    static OPEN: OnceLock<Gpio> = OnceLock::new();
    if let Some(open) = OPEN.get() {
        return Ok(open.clone());
    }
    let open = Gpio::new().map_err(failed)?;
    Ok(OPEN.get_or_init(|| open).clone())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Fault::Unavailable, "the Raspberry Pi's pins cannot be driven").because(error)
}

impl ErrorType for RpiPin {
    type Error = PinError;
}

impl OutputPin for RpiPin {
    fn set_low(&mut self) -> Result<(), PinError> {
        self.drive(false).map_err(PinError::from)
    }

    fn set_high(&mut self) -> Result<(), PinError> {
        self.drive(true).map_err(PinError::from)
    }
}
