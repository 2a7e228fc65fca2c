//! All that can wake the control loop, on one page.

use std::sync::Arc;

use crate::access::{IdCard, Key, WiegandFrame};
use crate::clock::Outbound;
use crate::door::Input;
use crate::vision::{Embedding, Sighting, TrackId};
use crate::watchdog;

/// All that can wake the loop.
#[derive(Debug)]
pub enum Event {
    /// A face was looked at.
    Sighting(Sighting),
    /// A face has left the picture.
    Gone(TrackId),
    /// Somebody presented something else than a face.
    Presented(Credential),
    /// An input of the door has changed.
    Input(Input),
    /// The mask detector has looked at the face before the camera.
    Mask(bool),
    /// The thermal sensor has measured whoever stands before it, degrees Celsius as the sensor says.
    Temperature(f64),
    /// A key of a keypad was pressed.
    Key(Key),
    /// A finger on the panel, from its upper left corner (0, 0) to its lower right (1, 1).
    Touch {
        /// To the right.
        x: f32,
        /// Downwards.
        y: f32,
    },
    /// Somebody wants something done.
    Command(Command),
    /// The watchdog asks whether the loop still runs.
    Roll(Outbound<watchdog::Message>),
    /// The terminal stops.
    Stop,
}

/// What people present beside their face.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A card at the Wiegand reader.
    Wiegand(WiegandFrame),
    /// A card at the RF reader: its number.
    RfCard(u64),
    /// An identity card.
    IdCard(Box<ReadIdCard>),
    /// Digits at the keypad, the enter key pressed.
    Pin(String),
    /// A QR code before the camera.
    QrCode(String),
}

/// An identity card as its reader tells it (3.12.6).
#[derive(Clone, Debug)]
pub struct ReadIdCard {
    /// What it says.
    pub card: IdCard,
    /// The photo on it.
    pub photo: Option<Arc<image::RgbImage>>,
    /// Of that photo; `None` when it shows no face.
    pub embedding: Option<Embedding>,
}

/// What the platform, or an operator, wants done.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open the door as if somebody had been admitted (3.20); `text` is shown on the screen.
    Open {
        /// Shown on the screen; `None`: nothing is shown.
        text: Option<String>,
    },
    /// The platform's answer about a passage (`OpendoorWay` 3).
    Verdict {
        /// Of the record it answers.
        question: u64,
        /// Whether the door opens.
        open: bool,
        /// Shown on the screen.
        text: Option<String>,
    },
    /// Settings have changed: look at them again.
    Settings,
}
