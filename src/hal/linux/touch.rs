//! What the events of a touch panel mean: a finger that comes down, once, and where the picture is under it. Knows no
//! device.
//!
//! Panels that tell of a first finger the plain way (`BTN_TOUCH`, `ABS_X`, `ABS_Y`) are read that way, as the kernel
//! makes it of most multitouch ones; the others by their contacts (type B of the kernel's multi-touch protocol), or, where
//! contacts are not told apart (type A), by the place of the last one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use evdev::{AbsoluteAxisCode as Axis, EventSummary, InputEvent, KeyCode, SynchronizationCode};

use crate::hal::Rotation;

/// How a panel tells of fingers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// `BTN_TOUCH` and the axes that hold the place of the first finger, with their values now.
    Plain {
        /// Axis to the right.
        x: (Axis, i32),
        /// Axis downwards.
        y: (Axis, i32),
    },
    /// `ABS_MT_TRACKING_ID` of each contact.
    Contacts {
        /// The contact that events are about now, which the kernel tells only when it changes.
        slot: i32,
    },
}

/// A panel's fingers.
#[derive(Debug)]
pub struct Fingers {
    way: Way,
    range: [RangeInclusive<i32>; 2],
    rotation: Rotation,
    /// Which contact the events are about; 0 the plain way.
    slot: i32,
    /// Where each contact was last; the kernel tells what changes only, also from one finger to the next.
    at: BTreeMap<i32, [Option<i32>; 2]>,
    /// Contacts that touch.
    down: Vec<i32>,
    /// The contact that is to be reported.
    fresh: Option<i32>,
}

impl Fingers {
    /// A panel untouched, whose axes have these ranges, under a picture turned by `rotation`.
    #[must_use]
    pub fn new(way: Way, range: [RangeInclusive<i32>; 2], rotation: Rotation) -> Self {
        let (slot, at) = match &way {
            Way::Plain { x, y } => (0, BTreeMap::from([(0, [Some(x.1), Some(y.1)])])),
            Way::Contacts { slot } => (*slot, BTreeMap::new()),
        };
        Self { way, range, rotation, slot, at, down: Vec::new(), fresh: None }
    }

    /// Takes an event. Where the picture was touched, of its width and height, when a first finger has come down.
    pub fn event(&mut self, event: InputEvent) -> Option<(f32, f32)> {
        match (event.destructure(), &self.way) {
            (EventSummary::Key(_, KeyCode::BTN_TOUCH, value), Way::Plain { .. }) => self.touch(value != 0),
            (EventSummary::AbsoluteAxis(_, axis, value), Way::Plain { x, y }) => {
                let place = self.at.entry(0).or_default();
                if axis == x.0 {
                    place[0] = Some(value);
                } else if axis == y.0 {
                    place[1] = Some(value);
                }
            }
            (EventSummary::AbsoluteAxis(_, axis, value), Way::Contacts { .. }) => match axis {
                Axis::ABS_MT_SLOT => self.slot = value,
                Axis::ABS_MT_TRACKING_ID => self.touch(value >= 0),
                Axis::ABS_MT_POSITION_X => self.at.entry(self.slot).or_default()[0] = Some(value),
                Axis::ABS_MT_POSITION_Y => self.at.entry(self.slot).or_default()[1] = Some(value),
                _ => {}
            },
            (EventSummary::Synchronization(_, SynchronizationCode::SYN_REPORT, _), _) => return self.report(),
            _ => {}
        }
        None
    }

    fn touch(&mut self, down: bool) {
        self.down.retain(|slot| *slot != self.slot);
        if down {
            if self.down.is_empty() {
                self.fresh = Some(self.slot);
            }
            self.down.push(self.slot);
        } else if self.fresh == Some(self.slot) {
            self.fresh = None;
        }
    }

    /// Not before both coordinates are known: a touch at a wrong place is worse than none.
    fn report(&mut self) -> Option<(f32, f32)> {
        let [Some(x), Some(y)] = *self.at.get(&self.fresh?)? else { return None };
        self.fresh = None;
        let (x, y) = (share(x, &self.range[0]), share(y, &self.range[1]));
        // The picture was turned clockwise to lie on the panel, so the place is turned back.
        Some(match self.rotation.degrees() {
            90 => (y, 1.0 - x),
            180 => (1.0 - x, 1.0 - y),
            270 => (1.0 - y, x),
            _ => (x, y),
        })
    }
}

/// Where `value` lies in `range`, 0 to 1.
fn share(value: i32, range: &RangeInclusive<i32>) -> f32 {
    let (from, to) = (f64::from(*range.start()), f64::from(*range.end()));
    if to <= from {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
    let share = ((f64::from(value) - from) / (to - from)).clamp(0.0, 1.0) as f32;
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use evdev::EventType;

    const RANGE: [RangeInclusive<i32>; 2] = [0..=800, 100..=500];

    fn plain() -> Way {
        Way::Plain { x: (Axis::ABS_X, 400), y: (Axis::ABS_Y, 100) }
    }

    fn contacts(slot: i32) -> Way {
        Way::Contacts { slot }
    }

    /// Events of a line: `d` and `u` `BTN_TOUCH` down and up, `x`, `y` the plain axes, `s` slot, `t` tracking id,
    /// `X`, `Y` the contact's axes, `.` the end of a report.
    fn events(line: &str) -> Vec<InputEvent> {
        let axis = |axis: Axis, value| InputEvent::new(EventType::ABSOLUTE.0, axis.0, value);
        let event = |word: &str| {
            let value = word.get(1..).and_then(|value| value.parse().ok()).unwrap_or_default();
            match &word[..1] {
                "d" => InputEvent::new(EventType::KEY.0, KeyCode::BTN_TOUCH.0, 1),
                "u" => InputEvent::new(EventType::KEY.0, KeyCode::BTN_TOUCH.0, 0),
                "x" => axis(Axis::ABS_X, value),
                "y" => axis(Axis::ABS_Y, value),
                "s" => axis(Axis::ABS_MT_SLOT, value),
                "t" => axis(Axis::ABS_MT_TRACKING_ID, value),
                "X" => axis(Axis::ABS_MT_POSITION_X, value),
                "Y" => axis(Axis::ABS_MT_POSITION_Y, value),
                "." => InputEvent::new(EventType::SYNCHRONIZATION.0, SynchronizationCode::SYN_REPORT.0, 0),
                other => panic!("no event {other}"),
            }
        };
        line.split(' ').map(event).collect()
    }

    #[test]
    fn a_finger_is_reported_once_when_it_comes_down() {
        for (way, line, touches) in [
            (plain(), "d x200 y300 .", &[(0.25, 0.5)][..]),
            (plain(), "x200 y300 d . x400 . y100 . u .", &[(0.25, 0.5)]),
            (plain(), "d x0 y500 . u . d .", &[(0.0, 1.0), (0.0, 1.0)]),
            // What has not changed since the panel was opened is not told.
            (plain(), "d y300 .", &[(0.5, 0.5)]),
            // Beyond the ranges the panel promised.
            (plain(), "d x900 y50 .", &[(1.0, 0.0)]),
            (plain(), "x200 y300 .", &[]),
            // A panel of type A: two contacts in one report.
            (
                Way::Plain { x: (Axis::ABS_MT_POSITION_X, 0), y: (Axis::ABS_MT_POSITION_Y, 0) },
                "d X1 Y1 X200 Y300 . u . d X400 Y100 .",
                &[(0.25, 0.5), (0.5, 0.0)],
            ),
            // The contact axes of a panel that tells both ways.
            (plain(), "t5 X800 Y500 d x200 y300 .", &[(0.25, 0.5)]),
            (contacts(0), "s0 t7 X200 Y300 . X210 . t-1 .", &[(0.25, 0.5)]),
            (contacts(0), "t7 X200 Y300 . s1 t8 X0 Y100 . t-1 . s0 t-1 .", &[(0.25, 0.5)]),
            (contacts(0), "t7 X200 Y300 . t-1 . t8 X400 .", &[(0.25, 0.5), (0.5, 0.5)]),
            // The first finger leaves, the second stays; the third is no first one.
            (contacts(0), "t7 X200 Y300 . s1 t8 X0 Y100 . s0 t-1 . t9 X800 Y500 .", &[(0.25, 0.5)]),
            (contacts(0), "t7 X200 . Y300 .", &[(0.25, 0.5)]),
            (contacts(0), "t7 X200 . t-1 .", &[]),
            // Opened while the kernel was about another contact.
            (contacts(1), "t7 X200 Y300 . s0 t8 X0 Y100 . s1 t-1 . s0 t-1 .", &[(0.25, 0.5)]),
        ] {
            let mut fingers = Fingers::new(way.clone(), RANGE, Rotation::try_from(0).unwrap());
            let reported: Vec<_> = events(line).into_iter().filter_map(|event| fingers.event(event)).collect();
            assert_eq!(reported, touches, "{way:?} {line}");
        }
    }

    #[test]
    fn the_place_is_the_pictures_however_it_is_turned() {
        // Near the panel's upper left corner, seen by who looks at the picture.
        for (degrees, place) in [(0, (0.25, 0.0)), (90, (0.0, 0.75)), (180, (0.75, 1.0)), (270, (1.0, 0.25))] {
            let mut fingers = Fingers::new(plain(), RANGE, Rotation::try_from(degrees).unwrap());
            let reported = events("d x200 y100 .").into_iter().find_map(|event| fingers.event(event));
            assert_eq!(reported, Some(place), "{degrees}");
        }
    }
}
