//! What the screen shows, as plain data, and how it is drawn.
//!
//! `Screen` is told what happens; `draw` turns it into pixels; `texts` holds the words by language.

pub mod draw;
pub mod texts;

use std::sync::Mutex;

use crate::clock::{Mono, lock};
use crate::vision::Rect;

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

    /// No face is in the picture any more.
    pub fn face_gone(&self) {
        lock(&self.0).face = None;
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
