//! What the screen shows, as plain data, and how it is drawn.
//!
//! `Screen` is told what happens; `draw` turns it into pixels; `texts` holds the words by language.

pub mod draw;
pub mod texts;

use std::sync::{Arc, Mutex};

use crate::access::{Person, Reading};
use crate::clock::{Mono, lock};
use crate::settings::Live;
use crate::vision::{Frame, Rect};

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
    /// The settings in force.
    pub settings: Arc<Live>,
}

impl Presenter {
    /// A face is before the camera.
    pub fn face(&self, face: Rect) {
        let shown = self.settings.now().system.show_face_box.on();
        self.screen.face(shown.then_some(face));
    }

    /// No face is before the camera any more.
    pub fn face_gone(&self) {
        self.screen.face(None);
    }

    /// Says something.
    pub fn say(&self, message: Message) {
        let tips = texts::tips(self.settings.now().system.language.get());
        let (text, mood) = match message.said {
            Said::Pass => (tips.pass.to_owned(), Mood::Good),
            Said::Stranger => (tips.stranger.to_owned(), Mood::Unsure),
            Said::NotAlive => (tips.not_alive.to_owned(), Mood::Bad),
            Said::Platform { text, good } => (text, if good { Mood::Good } else { Mood::Bad }),
            _ => (tips.refused.to_owned(), Mood::Bad),
        };
        let name = message.person.map(|p| p.name.clone()).unwrap_or_default();
        self.screen.tip(text, name, mood, message.until);
    }
}

/// How a tip is meant, and so its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    /// May pass.
    Good,
    /// May not pass.
    Bad,
    /// Unknown.
    Unsure,
}

/// A text shown for a while.
#[derive(Clone, PartialEq, Debug)]
pub struct Tip {
    /// What is said.
    pub text: String,
    /// To whom; empty for strangers.
    pub name: String,
    /// How it is meant.
    pub mood: Mood,
    /// Until when.
    pub until: Mono,
}

/// What is to be seen beside the camera's picture.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scene {
    /// Box around the face, in pixels of the camera frame.
    pub face: Option<Rect>,
    /// The tip.
    pub tip: Option<Tip>,
}

/// The screen's contents, shared between who changes and who draws them.
#[derive(Debug, Default)]
pub struct Screen(Mutex<Scene>);

impl Screen {
    /// Frames a face, or not.
    pub fn face(&self, face: Option<Rect>) {
        lock(&self.0).face = face;
    }

    /// Shows a tip until a moment.
    pub fn tip(&self, text: String, name: String, mood: Mood, until: Mono) {
        lock(&self.0).tip = Some(Tip { text, name, mood, until });
    }

    /// What is shown at `now`.
    #[must_use]
    pub fn scene(&self, now: Mono) -> Scene {
        let mut scene = lock(&self.0).clone();
        scene.tip = scene.tip.filter(|tip| now < tip.until);
        scene
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tips_go_with_their_time() {
        let screen = Screen::default();
        screen.tip("请通行".into(), "张三".into(), Mood::Good, Mono(2000));
        assert!(screen.scene(Mono(1999)).tip.is_some());
        assert_eq!(screen.scene(Mono(2000)).tip, None);
    }
}
