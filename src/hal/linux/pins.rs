//! Pins of GPIO chips through the kernel's character device, both versions of its interface.
//!
//! A pin is taken when it is first driven and again after it failed; nothing is kept of one that does not work but its
//! name.

use std::path::PathBuf;

use embedded_hal::digital::{ErrorType, OutputPin};
use gpiocdev::Request;
use gpiocdev::chip::Chip;
use gpiocdev::line::{Bias, EdgeDetection, Offset, Value};
use gpiocdev::request::Config;

use crate::error::{Error, Fault, Result};
use crate::hal::{Active, Line, Pin, Pull};
use crate::hal::{Dimmer, Output, PinError};

/// What the kernel shows as the user of our lines.
const CONSUMER: &str = "facegate";

/// Edges the kernel keeps of a line until they are read: several frames of a card reader. Old kernels keep 16, whatever
/// is asked.
const EVENTS: u32 = 256;

/// Where a line is: its chip and its place there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    chip: PathBuf,
    line: Line,
    active: Active,
    pull: Option<Pull>,
}

impl Place {
    /// Of a pin of the profile, on `chip` where the profile names none.
    #[must_use]
    pub fn new(pin: &Pin, chip: Option<PathBuf>) -> Self {
        Self {
            chip: pin.chip.clone().or(chip).unwrap_or_else(|| PathBuf::from("/dev/gpiochip0")),
            line: pin.line.clone(),
            active: pin.active,
            pull: pin.pull,
        }
    }

    /// The same line with the other level meaning "on".
    #[must_use]
    pub fn inverted(mut self) -> Self {
        self.active = self.active.inverted();
        self
    }

    /// A request of this line alone as an input whose edges are told.
    pub(super) fn input(&self, edges: EdgeDetection) -> Result<Config> {
        let mut config = self.config()?;
        config.as_input().with_edge_detection(edges);
        if let Some(pull) = self.pull {
            config.with_bias(match pull {
                Pull::Up => Bias::PullUp,
                Pull::Down => Bias::PullDown,
                Pull::Off => Bias::Disabled,
            });
        }
        Ok(config)
    }

    /// A request of this line alone, its direction still to be said.
    fn config(&self) -> Result<Config> {
        let mut config = Config::default();
        config.on_chip(&self.chip).with_line(self.offset()?);
        match self.active {
            Active::High => config.as_active_high(),
            Active::Low => config.as_active_low(),
        };
        Ok(config)
    }

    /// Takes the line.
    pub(super) fn request(&self, config: Config) -> Result<Request> {
        Request::from_config(config)
            .with_consumer(CONSUMER)
            .with_kernel_event_buffer_size(EVENTS)
            .request()
            .map_err(|e| self.failed(e))
    }

    fn offset(&self) -> Result<Offset> {
        match &self.line {
            Line::Number(offset) => Ok(*offset),
            Line::Name(name) => {
                let chip = Chip::from_path(&self.chip).map_err(|e| self.failed(e))?;
                let line = chip.find_line_info(name);
                line.map(|info| info.offset).ok_or_else(|| {
                    let chip = self.chip.display();
                    Error::new(Fault::Unavailable, format!("{chip} has no line named {name}; see `gpioinfo`"))
                })
            }
        }
    }

    pub(super) fn failed(&self, error: gpiocdev::Error) -> Error {
        Error::new(Fault::Unavailable, format!("{self} does not work")).because(error)
    }

    /// What the kernel knows of the line, without taking it.
    ///
    /// # Errors
    /// When there is no such chip or line, or somebody else holds it.
    pub fn probe(&self) -> Result<String> {
        let chip = Chip::from_path(&self.chip).map_err(|e| self.failed(e))?;
        let info = chip.line_info(self.offset()?).map_err(|e| self.failed(e))?;
        if info.used && info.consumer != CONSUMER {
            return Err(Error::new(Fault::Unavailable, format!("{self} is held by {:?}", info.consumer)));
        }
        let label = chip.info().map(|info| info.label).unwrap_or_default();
        let name = if info.name.is_empty() { "unnamed".to_owned() } else { info.name };
        Ok(format!("{self} ({label}, {name})"))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.line {
            Line::Number(number) => write!(f, "{} line {number}", self.chip.display()),
            Line::Name(name) => write!(f, "{} line {name}", self.chip.display()),
        }
    }
}

/// An output.
#[derive(Debug)]
pub struct OutputLine {
    place: Place,
    request: Option<Request>,
}

impl OutputLine {
    /// An output at `place`; high means on.
    #[must_use]
    pub const fn new(place: Place) -> Self {
        Self { place, request: None }
    }

    fn drive(&mut self, value: Value) -> Result<()> {
        if let Some(request) = &self.request {
            match request.set_lone_value(value) {
                Ok(()) => return Ok(()),
                // Its chip has gone; perhaps it has come back.
                Err(_) => self.request = None,
            }
        }
        let mut config = self.place.config()?;
        config.as_output(value);
        self.request = Some(self.place.request(config)?);
        Ok(())
    }
}

impl ErrorType for OutputLine {
    type Error = PinError;
}

impl OutputPin for OutputLine {
    fn set_low(&mut self) -> Result<(), PinError> {
        self.drive(Value::Inactive).map_err(PinError::from)
    }

    fn set_high(&mut self) -> Result<(), PinError> {
        self.drive(Value::Active).map_err(PinError::from)
    }
}

/// A light that is on or off.
pub struct Switched(pub Output);

impl Dimmer for Switched {
    fn set(&mut self, percent: u8) -> Result<()> {
        let driven = if percent > 0 { self.0.set_high() } else { self.0.set_low() };
        driven.map_err(|e| Error::new(Fault::Unavailable, "the lamp cannot be switched").because(e))
    }
}
