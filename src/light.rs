//! White light and the light behind the panel: when they shine (3.30), and the thread that dims them.
//!
//! The terminal has no light sensor of its own: the mean brightness of the camera's picture stands for it.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil;
use serde_json::json;

use crate::camera::Newest;
use crate::clock::{Clock, Inbox, Mono};
use crate::condition::{Condition, Conditions};
use crate::hal::Dimmer;
use crate::settings::{Live, System};
use crate::ui::Screen;
use crate::vision::Frame;

/// Below this mean brightness of the picture, 0 to 255, it is dark.
const DARK: u8 = 45;
/// Above this it is light again: the white light itself brightens the picture, and must not switch itself off.
const LIGHT: u8 = 110;
/// How often picture and wall clock are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// `ScreenBrightness` 0 is still to be read.
const DIMMEST: i64 = 5;

/// What the light follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A face is before the camera.
    Face,
    /// No face is any more.
    Gone,
    /// Something is shown until then.
    Said(Mono),
    /// Settings have changed.
    Settings,
    /// The terminal stops.
    Stop,
}

/// Whether a face is there, or since when not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    /// One is before the camera.
    Here,
    /// The last one left so long ago.
    Gone(Duration),
    /// None has come since the terminal started, so long ago.
    Never(Duration),
}

/// Brightness of the white light, per cent, at a local time of day.
///
/// The window of a time mode includes its beginning and not its end, may reach over midnight, and is the whole
/// day where both are the same. A face counts until `LedDisableAfterSec` after it left.
#[must_use]
pub fn lamp(system: &System, time: civil::Time, face: Face, dark: bool) -> u8 {
    let (begin, end) = (system.led_begin.0, system.led_end.0);
    let in_time = if begin < end { begin <= time && time < end } else { begin <= time || time < end };
    let faced = match face {
        Face::Here => true,
        Face::Gone(since) => since < Duration::from_secs(system.led_off_after_s.u32().into()),
        Face::Never(_) => false,
    };
    let shines = match system.led_mode.get() {
        1 => in_time,
        2 => dark,
        3 => faced,
        4 => faced || in_time,
        5 => faced || dark,
        _ => false,
    };
    if shines { percent(system.led_brightness.get()) } else { 0 }
}

/// Brightness of the panel, per cent: 0 where it saves light and neither a face nor a tip is to be seen.
#[must_use]
pub fn backlight(system: &System, face: Face, told: bool) -> u8 {
    let patience = Duration::from_secs(system.backlight_off_after_s.u32().into());
    let alone = matches!(face, Face::Gone(since) | Face::Never(since) if since >= patience);
    if system.backlight_saves.on() && alone && !told { 0 } else { percent(system.screen_brightness.get().max(DIMMEST)) }
}

fn percent(value: i64) -> u8 {
    u8::try_from(value.clamp(0, 100)).unwrap_or(100)
}

/// Whether it is dark, with a memory: between the two limits it stays as it was.
#[must_use]
pub const fn dusk(was: bool, brightness: u8) -> bool {
    brightness < DARK || (was && brightness <= LIGHT)
}

/// Mean brightness of a picture, 0 to 255, from some hundreds of its pixels.
#[must_use]
pub fn brightness(frame: &Frame) -> u8 {
    let (width, height) = frame.pixels.dimensions();
    let (dx, dy) = ((width / 24).max(1), (height / 24).max(1));
    let (mut sum, mut count) = (0_u32, 0_u32);
    for y in (dy / 2..height).step_by(dy as usize) {
        for x in (dx / 2..width).step_by(dx as usize) {
            let [r, g, b] = frame.pixels.get_pixel(x, y).0.map(u32::from);
            sum += (299 * r + 587 * g + 114 * b) / 1000;
            count += 1;
        }
    }
    u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX)
}

/// One light and what it was last set to.
struct Light {
    name: &'static str,
    condition: Condition,
    dimmer: Option<Box<dyn Dimmer>>,
    percent: Option<u8>,
}

/// The thread that dims.
pub struct Lights {
    /// Where events arrive.
    pub inbox: Inbox<Event>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The settings in force.
    pub settings: Arc<Live>,
    /// The camera's picture.
    pub newest: Arc<Newest>,
    /// Shows nothing while its light is out.
    pub screen: Arc<Screen>,
    /// Told of every change.
    pub conditions: Arc<Conditions>,
    /// White light, where the board has one.
    pub lamp: Option<Box<dyn Dimmer>>,
    /// Light behind the panel, where the board has one.
    pub backlight: Option<Box<dyn Dimmer>>,
}

impl std::fmt::Debug for Lights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lights").finish_non_exhaustive()
    }
}

impl Lights {
    /// Runs until [`Event::Stop`]; leaves the white light off and the panel lit.
    pub fn run(mut self) {
        let light = |name, dimmer| Light { name, condition: self.conditions.of(name), dimmer, percent: None };
        let dimmers = (self.lamp.take(), self.backlight.take());
        let (mut lamp_light, mut panel_light) = (light("lamp", dimmers.0), light("backlight", dimmers.1));
        let start = self.clock.mono();
        let (mut left, mut here, mut said_until, mut dark) = (None, false, start, false);
        loop {
            let now = self.clock.mono();
            let settings = self.settings.now();
            let face = match (here, left) {
                (true, _) => Face::Here,
                (false, Some(left)) => Face::Gone(now.since(left)),
                (false, None) => Face::Never(now.since(start)),
            };
            if let Some(frame) = self.newest.get() {
                dark = dusk(dark, brightness(&frame));
            }
            let time = settings.ntp.local(self.clock.wall()).0.time();
            self.set(&mut lamp_light, lamp(&settings.system, time, face, dark));
            let panel = backlight(&settings.system, face, now < said_until);
            self.set(&mut panel_light, panel);
            self.screen.dark(panel == 0);
            match self.inbox.next(&*self.clock, Some(now.after(LOOK))) {
                None | Some(Event::Settings) => {}
                Some(Event::Face) => here = true,
                Some(Event::Gone) => {
                    here = false;
                    left = Some(self.clock.mono());
                }
                Some(Event::Said(until)) => said_until = until.max(said_until),
                Some(Event::Stop) => break,
            }
        }
        self.set(&mut lamp_light, 0);
        let bright = percent(self.settings.now().system.screen_brightness.get().max(DIMMEST));
        self.set(&mut panel_light, bright);
    }

    /// Sets a light that is there and changes; one that cannot be set is tried again with the next look.
    fn set(&self, light: &mut Light, percent: u8) {
        let Some(dimmer) = light.dimmer.as_mut().filter(|_| light.percent != Some(percent)) else { return };
        let set = dimmer.set(percent);
        light.condition.note(&set);
        if set.is_ok() {
            light.percent = Some(percent);
            self.conditions.tell("light", json!({ "light": light.name, "percent": percent }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use image::RgbImage;

    use super::*;
    use crate::clock::ManualClock;
    use crate::control::decisions::Decisions;
    use crate::error::Result;
    use crate::field::{DayTime, Flag, Int};

    const FACES: [Face; 5] = [
        Face::Here,
        Face::Gone(Duration::from_secs(29)),
        Face::Gone(Duration::from_secs(30)),
        Face::Never(Duration::ZERO),
        Face::Never(Duration::from_secs(999)),
    ];

    fn system(mode: i64) -> System {
        System { led_mode: Int::of(mode), ..System::default() }
    }

    #[test]
    fn the_lamp_follows_its_mode() {
        // 19:00 to 07:00, 50 per cent, 30 s
        let (day, night) = (civil::time(12, 0, 0, 0), civil::time(23, 0, 0, 0));
        let near = |face: Face| matches!(face, Face::Here) || face == FACES[1];
        for (time, by_time) in [(day, false), (night, true)] {
            for dark in [false, true] {
                for face in FACES {
                    for (mode, shines) in [
                        (0, false),
                        (1, by_time),
                        (2, dark),
                        (3, near(face)),
                        (4, near(face) || by_time),
                        (5, near(face) || dark),
                    ] {
                        let expect = if shines { 50 } else { 0 };
                        assert_eq!(lamp(&system(mode), time, face, dark), expect, "{mode} {time} {face:?} {dark}");
                    }
                }
            }
        }
    }

    #[test]
    fn windows_may_reach_over_midnight() {
        let at = |text: &str| text.parse::<civil::Time>().unwrap();
        for (begin, end, time, shines) in [
            ("19:00:00", "07:00:00", "18:59:59", false),
            ("19:00:00", "07:00:00", "19:00:00", true),
            ("19:00:00", "07:00:00", "00:00:00", true),
            ("19:00:00", "07:00:00", "06:59:59", true),
            ("19:00:00", "07:00:00", "07:00:00", false),
            ("08:00:00", "17:00:00", "07:59:59", false),
            ("08:00:00", "17:00:00", "08:00:00", true),
            ("08:00:00", "17:00:00", "17:00:00", false),
            ("08:00:00", "08:00:00", "03:00:00", true),
        ] {
            let system = System { led_begin: DayTime(at(begin)), led_end: DayTime(at(end)), ..system(1) };
            let lit = lamp(&system, at(time), Face::Never(Duration::ZERO), false) > 0;
            assert_eq!(lit, shines, "{begin} {end} {time}");
        }
    }

    #[test]
    fn the_panel_goes_dark_when_nobody_is_there() {
        let saving = System {
            backlight_saves: Flag::of(1),
            backlight_off_after_s: Int::of(30),
            screen_brightness: Int::of(70),
            ..System::default()
        };
        for (face, told, percent) in [
            (Face::Here, false, 70),
            (Face::Gone(Duration::from_secs(29)), false, 70),
            (Face::Gone(Duration::from_secs(30)), false, 0),
            (Face::Gone(Duration::from_secs(30)), true, 70),
            (Face::Never(Duration::from_secs(29)), false, 70),
            (Face::Never(Duration::from_secs(30)), false, 0),
        ] {
            assert_eq!(backlight(&saving, face, told), percent, "{face:?} {told}");
            let never = System { backlight_saves: Flag::of(0), ..saving.clone() };
            assert_eq!(backlight(&never, face, told), 70);
        }
        let dim = System { screen_brightness: Int::of(0), ..System::default() };
        assert_eq!(backlight(&dim, Face::Here, false), 5);
    }

    #[test]
    fn dusk_does_not_flicker() {
        let mut dark = false;
        for (brightness, expect) in
            [(120, false), (46, false), (44, true), (46, true), (110, true), (111, false), (46, false)]
        {
            dark = dusk(dark, brightness);
            assert_eq!(dark, expect, "at {brightness}");
        }
    }

    #[test]
    fn brightness_is_that_of_the_whole_picture() {
        for (left, right, expect) in [([0; 3], [0; 3], 0), ([255; 3], [255; 3], 255), ([0; 3], [200; 3], 100)] {
            for (width, height) in [(960, 1280), (24, 10)] {
                let half = |x, _| image::Rgb(if x < width / 2 { left } else { right });
                let pixels = Arc::new(RgbImage::from_fn(width, height, half));
                let frame = Frame { pixels, at: Mono(0), number: 1 };
                assert_eq!(brightness(&frame), expect, "{width}x{height}");
            }
        }
        let nothing = Frame { pixels: Arc::default(), at: Mono(0), number: 1 };
        assert_eq!(brightness(&nothing), 0);
    }

    /// Says what it is set to.
    struct Told(&'static str, Sender<(&'static str, u8)>);

    impl Dimmer for Told {
        fn set(&mut self, percent: u8) -> Result<()> {
            self.1.send((self.0, percent)).unwrap();
            Ok(())
        }
    }

    #[test]
    fn lights_come_and_go_with_a_face() {
        let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
        let settings = Live::unkept();
        let change = |system: &mut System| {
            (system.led_mode, system.led_off_after_s) = (Int::of(3), Int::of(30));
            (system.backlight_saves, system.backlight_off_after_s) = (Flag::of(1), Int::of(60));
            Ok(())
        };
        settings.change::<System>(change).unwrap();
        let (tell, told) = channel();
        let decisions = Arc::<Decisions>::default();
        let lights = Lights {
            inbox: Inbox::default(),
            clock: clock.clone(),
            conditions: Conditions::new(decisions.clone(), settings.clone(), clock.clone()),
            settings,
            newest: Arc::default(),
            screen: Arc::default(),
            lamp: Some(Box::new(Told("lamp", tell.clone()))),
            backlight: Some(Box::new(Told("backlight", tell))),
        };
        let (events, screen) = (lights.inbox.sender(), lights.screen.clone());
        let thread = std::thread::spawn(move || lights.run());
        assert_eq!((told.recv().unwrap(), told.recv().unwrap()), (("lamp", 0), ("backlight", 50)));
        events.send(Event::Face);
        assert_eq!(told.recv().unwrap(), ("lamp", 50));
        events.send(Event::Gone);
        // Whenever the thread hears of it, the light stays for its time from then on.
        let wait = || {
            let begin = clock.mono();
            loop {
                clock.advance(Duration::from_secs(1));
                if let Ok(change) = told.try_recv() {
                    return (change, clock.mono().since(begin));
                }
                std::thread::yield_now();
            }
        };
        let (change, after) = wait();
        assert_eq!(change, ("lamp", 0));
        assert!(after >= Duration::from_secs(30), "{after:?}");
        assert_eq!(wait().0, ("backlight", 0));
        events.send(Event::Said(clock.mono().after(Duration::from_secs(3600))));
        assert_eq!(told.recv().unwrap(), ("backlight", 50), "what is said is to be seen");
        events.send(Event::Stop);
        thread.join().unwrap();
        assert!(!screen.scene(clock.mono()).dark);
        let lines = decisions.lines(0);
        let told: Vec<_> =
            lines.iter().map(|l| (l["light"].as_str().unwrap(), l["percent"].as_u64().unwrap())).collect();
        let expect = [("lamp", 0), ("backlight", 50), ("lamp", 50), ("lamp", 0), ("backlight", 0), ("backlight", 50)];
        assert_eq!(told, expect);
        assert!(lines.iter().all(|line| line["event"] == "light"));
    }
}
