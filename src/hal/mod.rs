//! The hardware as small traits, and `Devices`, what a board profile opened.
//!
//! Pins are `embedded-hal` traits; ours are only what Linux has no standard for. What a board lacks is
//! `None`, never an error "not supported".

mod camera_mode;
pub mod linux;
mod pin;
mod rotation;
pub mod rpi;
pub mod sim;
pub mod wiegand;

use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use embedded_hal::digital::{self, OutputPin};
use jiff::Timestamp;
use serde::Deserialize;

pub use camera_mode::{CameraMode, PixelFormat};
pub use pin::{Active, Line, Pin, Pull};
pub use rotation::Rotation;

pub use crate::access::Key;
use crate::access::WiegandFrame;
use crate::door::Input;
use crate::error::{Error, Result};
use crate::field::{Address, Netmask};
use crate::settings::{Network, Wifi};
use crate::vision::Frame;

/// A source of upright frames.
pub trait Camera: Send {
    /// The next frame; blocks until there is one. `None` when the camera was closed for good.
    ///
    /// # Errors
    /// When the device fails; the caller may ask again.
    fn next(&mut self) -> Result<Option<Frame>>;

    /// What the device is, as far as it says: name, place on its bus, serial number. Another one at the same place says
    /// something else.
    fn identity(&self) -> Option<&str> {
        None
    }
}

/// Something that reports by itself: inputs of the door, readers, keypads, thermal sensors.
///
/// One that is not there when the terminal starts, or goes away, is opened anew by the call after the one that failed;
/// so nothing of it is kept but its name.
pub trait Sensor: Send {
    /// The next thing it reports; `None` when `patience` passed without one.
    ///
    /// # Errors
    /// When the device is missing or fails; the caller asks again.
    fn next(&mut self, patience: Duration) -> Result<Option<Sensed>>;

    /// Whether its thread goes before everything that can wait.
    fn is_urgent(&self) -> bool {
        false
    }
}

/// What sensors report.
#[derive(Clone, PartialEq, Debug)]
pub enum Sensed {
    /// How an input of the door stands: when it is first looked at, and whenever it changes.
    Input(Input),
    /// A card at the Wiegand reader, its parity not looked at.
    Wiegand(WiegandFrame),
    /// A card at the RF reader: its number.
    RfCard(u64),
    /// A key of a keypad.
    Key(Key),
    /// A finger on the panel, from its upper left corner (0, 0) to its lower right (1, 1), as the picture stands.
    Touch {
        /// To the right.
        x: f32,
        /// Downwards.
        y: f32,
    },
    /// The thermal sensor has measured somebody, degrees Celsius.
    Temperature(f64),
}

/// A panel that shows pictures of its own size, as it lies in the case.
pub trait Panel: Send {
    /// How far upright pictures are turned clockwise to lie as it does.
    fn rotation(&self) -> Rotation;

    /// Shows a picture that is turned already.
    ///
    /// # Errors
    /// When the device is missing or fails; the next call opens it anew.
    fn show(&mut self, picture: &image::RgbImage) -> Result<()>;
}

/// The machine the daemon runs on.
pub trait Host: Send + Sync + fmt::Debug {
    /// Sets the wall clock.
    ///
    /// # Errors
    /// When the system refuses.
    fn set_time(&self, to: Timestamp) -> Result<()>;

    /// Restarts the terminal soon; an answer under way still gets out.
    ///
    /// # Errors
    /// When the system refuses.
    fn reboot(&self) -> Result<()>;

    /// Brings the wired network and WiFi in force, and again after every start of the machine. What is in
    /// force already is left alone.
    ///
    /// # Errors
    /// When the system refuses.
    fn set_network(&self, network: &Network, wifi: &Wifi) -> Result<()>;

    /// What an interface is at now, however it came by it.
    ///
    /// # Errors
    /// When the system cannot be asked.
    fn connection(&self, link: Link) -> Result<Connection>;

    /// Whether the machine can use WiFi.
    fn has_wifi(&self) -> bool;
}

/// Which of the machine's interfaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// Cable.
    Wired,
    /// WiFi.
    Wifi,
}

/// Where an interface is in the network: [`Address::NONE`] for what it does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection {
    /// Address.
    pub address: Address,
    /// Netmask.
    pub mask: Netmask,
    /// Gateway.
    pub gateway: Address,
    /// Name servers, those asked first in front.
    pub dns: [Address; 2],
}

impl Connection {
    /// Without a network.
    pub const NONE: Self =
        Self { address: Address::NONE, mask: Netmask::NONE, gateway: Address::NONE, dns: [Address::NONE; 2] };

    /// Whether `other` lies in the same network.
    #[must_use]
    pub fn reaches(&self, other: Ipv4Addr) -> bool {
        let network = u32::MAX.checked_shl(32 - u32::from(self.mask.prefix())).unwrap_or(0);
        self.address.is_some() && (self.address.0.to_bits() ^ other.to_bits()) & network == 0
    }
}

/// The kernel's name of an interface, safe to stand in files and their names.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Interface(String);

impl Interface {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Interface {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !(1..=15).contains(&name.len()) || !name.chars().all(safe) || name.starts_with(['-', '.']) {
            return Err("should be the name of an interface, like eth0".into());
        }
        Ok(Self(name))
    }
}

/// The machine's interfaces by role.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Interfaces {
    /// Cable.
    pub wired: Option<Interface>,
    /// WiFi.
    pub wifi: Option<Interface>,
}

/// Plays sounds.
pub trait Player: Send {
    /// Plays a WAV file to its end at `volume` per cent; blocks meanwhile.
    ///
    /// # Errors
    /// When the file or the loudspeaker does not work.
    fn play(&mut self, file: &Path, volume: u8) -> Result<()>;
}

/// A light of adjustable brightness.
pub trait Dimmer: Send {
    /// Sets the brightness, 0 to 100 per cent.
    ///
    /// # Errors
    /// When the device refuses.
    fn set(&mut self, percent: u8) -> Result<()>;
}

/// What this terminal can sense: a setting that needs more is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Abilities {
    /// Reads identity cards.
    pub id_card: bool,
    /// Reads RF cards.
    pub rf_card: bool,
    /// Reads cards over Wiegand lines.
    pub wiegand_in: bool,
    /// Has a keypad.
    pub keypad: bool,
    /// Sees whether a mask is worn.
    pub mask: bool,
    /// Measures body temperature.
    pub temperature: bool,
}

/// Why a pin could not be driven.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct PinError {
    /// Which pin, and what the system said.
    #[from]
    pub source: Error,
}

impl digital::Error for PinError {
    fn kind(&self) -> digital::ErrorKind {
        digital::ErrorKind::Other
    }
}

/// An output of any driver.
pub struct Output(Box<dyn OutputPin<Error = PinError> + Send>);

impl Output {
    /// Of this driver.
    #[must_use]
    pub fn new(pin: impl OutputPin<Error = PinError> + Send + 'static) -> Self {
        Self(Box::new(pin))
    }
}

impl digital::ErrorType for Output {
    type Error = PinError;
}

impl OutputPin for Output {
    fn set_low(&mut self) -> Result<(), PinError> {
        self.0.set_low()
    }

    fn set_high(&mut self) -> Result<(), PinError> {
        self.0.set_high()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

/// Sends frames to a door controller.
pub trait WiegandOut: Send {
    /// Lets both lines idle.
    ///
    /// # Errors
    /// When a line cannot be driven.
    fn idle(&mut self) -> Result<()>;

    /// Sends a frame and keeps the silence behind it; blocks for tens of milliseconds.
    ///
    /// # Errors
    /// When a line cannot be driven: part of the frame may be out.
    fn send(&mut self, frame: WiegandFrame) -> Result<()>;
}

/// A hardware timer that restarts the machine when nobody feeds it.
pub trait Watchdog: Send {
    /// How long it waits at most.
    fn patience(&self) -> Duration;

    /// Says that all is well; the first time it starts the timer.
    ///
    /// # Errors
    /// When the device is missing or fails; the next call opens it anew.
    fn feed(&mut self) -> Result<()>;

    /// Stops the timer, where the device can be stopped.
    ///
    /// # Errors
    /// When the device fails.
    fn disarm(&mut self) -> Result<()>;
}

/// What a board profile opened.
pub struct Devices {
    /// The colour camera.
    pub camera: Box<dyn Camera>,
    /// An infrared camera, for liveness.
    pub infrared: Option<Box<dyn Camera>>,
    /// What reports by itself, each with its name; the inputs of the door first.
    pub sensors: Vec<(String, Box<dyn Sensor>)>,
    /// The panel.
    pub panel: Option<Box<dyn Panel>>,
    /// Restarts the machine when the terminal hangs.
    pub watchdog: Option<Box<dyn Watchdog>>,
    /// The door's relay: high closes its contact.
    pub relay: Option<Output>,
    /// Lines to a door controller.
    pub wiegand: Option<Box<dyn WiegandOut>>,
    /// Loudspeaker.
    pub player: Option<Box<dyn Player>>,
    /// White light.
    pub lamp: Option<Box<dyn Dimmer>>,
    /// Light behind the panel.
    pub backlight: Option<Box<dyn Dimmer>>,
    /// What else it can sense.
    pub abilities: Abilities,
    /// The machine.
    pub host: Arc<dyn Host>,
    /// The simulator's side of the devices, on the simulated board.
    pub sim: Option<Arc<sim::World>>,
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devices")
            .field("relay", &self.relay.is_some())
            .field("wiegand", &self.wiegand.is_some())
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
