//! What people before the terminal see, and who is told of what is said to them.
//!
//! `Presenter` is told what happens and passes it on: to the screen, to `sound` and to `light`. `Screen` keeps it,
//! `view` puts it into words as settings and language want them (`texts`), `draw` turns words and pictures into
//! pixels (`layout`, `canvas`, `lettering`; `turn` is how they lie on the panel), `Display` does all of it for one moment, and `showing` from moment to moment.

pub mod canvas;
mod display;
pub mod draw;
pub mod glyphs;
pub mod keypad;
pub mod layout;
pub mod lettering;
pub mod overlay;
#[cfg(test)]
mod rig;
pub mod showing;
pub mod texts;
pub mod turn;
pub mod view;
pub mod viewfinder;

use std::sync::{Arc, Mutex};

use crate::access::{Person, Reading};
use crate::clock::{Mono, Outbound, lock};
use crate::hal::Key;
use crate::light;
use crate::settings::Live;
use crate::sound::Sounds;
use crate::vision::{Frame, Rect};
pub use display::{Display, Moment};

/// What people before the terminal are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// May pass.
    Pass,
    /// Known, may not pass.
    Refused,
    /// Not on the lists.
    Stranger,
    /// Not a living face.
    NotAlive,
    /// A mask has to be worn and is not.
    NoMask,
    /// The temperature is too high.
    Fever,
    /// A card nobody bears.
    UnknownCard,
    /// A password that opens nothing.
    WrongPin,
    /// The face is not that of the card's bearer.
    NotBearer,
    /// A card has to be presented too.
    ShowCard,
    /// An identity card has to be presented too.
    ShowIdCard,
    /// The face has to be shown too.
    ShowFace,
    /// A mask has to be seen too.
    WearMask,
    /// The temperature is still to be measured.
    Measuring,
    /// Words of the platform (3.2.3, 3.20).
    Platform {
        /// The words.
        text: String,
        /// Whether the door opens with them.
        good: bool,
    },
}

/// What is said, to whom, and what goes with it.
#[derive(Clone, Debug)]
pub struct Message {
    /// What.
    pub said: Said,
    /// To whom.
    pub person: Option<Arc<Person>>,
    /// The picture just taken, and where the face is in it.
    pub taken: Option<(Frame, Rect)>,
    /// Number of the card that was read.
    pub card: Option<String>,
    /// Number of the identity card that was read.
    pub id_card: Option<String>,
    /// Temperature that was measured.
    pub temperature: Option<Reading>,
    /// Until when it is shown.
    pub until: Mono,
}

impl Message {
    /// A message to nobody in particular.
    #[must_use]
    pub const fn new(said: Said, until: Mono) -> Self {
        Self { said, person: None, taken: None, card: None, id_card: None, temperature: None, until }
    }
}

/// Tells people before the terminal what happens.
#[derive(Debug)]
pub struct Presenter {
    /// What the screen shows.
    pub screen: Arc<Screen>,
    /// What is heard.
    pub sounds: Arc<Sounds>,
    /// What shines.
    pub light: Outbound<light::Event>,
    /// The settings in force.
    pub settings: Arc<Live>,
    /// Width and height of the panel, pixels.
    pub size: (u32, u32),
}

impl Presenter {
    /// A face is before the camera.
    pub fn face(&self, face: Rect) {
        let shown = self.settings.now().system.show_face_box.on();
        self.screen.face(shown.then_some(face));
        self.light.send(light::Event::Face);
    }

    /// No face is before the camera any more.
    pub fn face_gone(&self) {
        self.screen.face(None);
        self.light.send(light::Event::Gone);
    }

    /// Shows the keypad with a dot for each digit that was entered, or no keypad.
    pub fn keypad(&self, digits: Option<usize>, until: Mono) {
        if digits.is_some() {
            self.light.send(light::Event::Said(until));
        }
        self.screen.keypad(digits);
    }

    /// The key of the keypad on the screen under a finger.
    #[must_use]
    pub fn key_at(&self, x: f32, y: f32) -> Option<Key> {
        keypad::hit(&layout::Layout::of(self.size.0, self.size.1), x, y)
    }

    /// Says something.
    pub fn say(&self, message: Message) {
        self.sounds.say(&message.said, &self.settings.now().panel);
        self.light.send(light::Event::Said(message.until));
        self.screen.say(message);
    }
}

/// How a tip is meant, and so its colour and sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    /// May pass.
    Good,
    /// May not pass.
    Bad,
    /// Unknown.
    Unsure,
    /// Something is still to be done.
    Prompt,
}

impl Said {
    /// How it is meant.
    #[must_use]
    pub const fn mood(&self) -> Mood {
        match self {
            Self::Pass | Self::Platform { good: true, .. } => Mood::Good,
            Self::Refused
            | Self::NotAlive
            | Self::NoMask
            | Self::Fever
            | Self::WrongPin
            | Self::NotBearer
            | Self::Platform { good: false, .. } => Mood::Bad,
            Self::Stranger | Self::UnknownCard => Mood::Unsure,
            Self::ShowCard | Self::ShowIdCard | Self::ShowFace | Self::WearMask | Self::Measuring => Mood::Prompt,
        }
    }
}

impl Message {
    /// Whether a picture of the person goes with it: with an admission, whoever gives it (`DisplayPicture`).
    #[must_use]
    pub const fn is_pictured(&self) -> bool {
        matches!(self.said.mood(), Mood::Good) && (self.taken.is_some() || self.person.is_some())
    }
}

/// What is to be seen beside the camera's picture.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Box around the face, in pixels of the camera frame.
    pub face: Option<Rect>,
    /// What is said.
    pub message: Option<Arc<Message>>,
    /// How many digits of a password were entered; `None`: no keypad is shown.
    pub keypad: Option<usize>,
    /// The terminal starts, and these parts do not work; `None`: it runs.
    pub start: Option<Arc<[Part]>>,
    /// What is being done to the software, and how far it is, per cent.
    pub progress: Option<(Work, u8)>,
    /// Whether the light behind the panel is out.
    pub dark: bool,
}

/// Parts of the terminal that may not work when it starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Colour or infrared camera.
    Camera,
    /// Models and engine.
    Recognition,
    /// The relay, or the lines to a door controller.
    Lock,
    /// Exit button, door contact and the like.
    Inputs,
    /// Reader of cards.
    CardReader,
    /// Keypad.
    Keypad,
    /// Thermal sensor.
    Thermometer,
    /// Loudspeaker.
    Loudspeaker,
    /// White light, or the one behind the panel.
    Light,
    /// Cable and WiFi.
    Network,
}

/// What is done to the software during an upgrade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// It is fetched.
    Fetching,
    /// It is installed.
    Installing,
    /// The terminal restarts with it.
    Restarting,
}

/// The screen's contents, shared between who changes and who draws them.
#[derive(Debug, Default)]
pub struct Screen(Mutex<Scene>);

impl Screen {
    /// Frames a face, or not.
    pub fn face(&self, face: Option<Rect>) {
        lock(&self.0).face = face;
    }

    /// Shows what is said, until its time is over.
    pub fn say(&self, message: Message) {
        lock(&self.0).message = Some(Arc::new(message));
    }

    /// Shows the keypad with a dot for each digit that was entered, or no keypad.
    pub fn keypad(&self, digits: Option<usize>) {
        lock(&self.0).keypad = digits;
    }

    /// Shows that the terminal starts, and which parts do not work; or that it runs.
    pub fn start(&self, faults: Option<Vec<Part>>) {
        lock(&self.0).start = faults.map(Arc::from);
    }

    /// Shows how far an upgrade is, in per cent, or that there is none.
    pub fn progress(&self, progress: Option<(Work, u8)>) {
        lock(&self.0).progress = progress;
    }

    /// Whether the light behind the panel is out.
    pub fn dark(&self, dark: bool) {
        lock(&self.0).dark = dark;
    }

    /// What is shown at `now`. What is over is forgotten, with its picture.
    #[must_use]
    pub fn scene(&self, now: Mono) -> Scene {
        let mut scene = lock(&self.0);
        if scene.message.as_ref().is_some_and(|message| message.until <= now) {
            scene.message = None;
        }
        scene.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tips_go_with_their_time() {
        let screen = Screen::default();
        screen.say(Message::new(Said::Pass, Mono(2000)));
        assert!(screen.scene(Mono(1999)).message.is_some());
        assert!(screen.scene(Mono(2000)).message.is_none());
    }
}
