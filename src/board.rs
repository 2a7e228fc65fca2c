//! Board profiles: `boards/NAME.toml` says everything that differs between devices, so that a new board
//! needs no code. Unknown keys are refused and all problems of a file reported at once.

mod camera;
mod check;
mod display;
#[cfg(test)]
mod documented;
mod door;
mod open;
mod pins;
mod readers;
mod sound;
mod upgrade;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::field::Int;
use crate::hal::linux::mlx90640::RefreshRate;
use crate::hal::{Interface, Interfaces, Pin};
use crate::package;
use crate::store::Limits;
use crate::strict::{self, Problems, Section};
use crate::vision::EngineChoice;

pub use camera::{Camera, CameraDriver, CameraRole};
pub use check::Finding;
pub use display::{Display, DisplayDriver};
pub use door::{Fail, Input, Inputs, Relay, WiegandIn, WiegandOut};
pub use open::OpenError;
pub use pins::PinDriver;
use pins::Pins;
pub use readers::{CardReader, Readers};
pub use sound::{Sound, SoundDriver};
pub use upgrade::{Essentials, Upgrade};

/// The simulated terminal's profile, compiled in.
pub const SIM: &str = include_str!("../boards/sim.toml");

/// A board: every device by role, and what the terminal may hold.
#[derive(Clone, Debug)]
pub struct Board {
    /// Short name, as in upgrade packages.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// The panel; `None`: a terminal without a screen.
    pub display: Option<Display>,
    /// Cameras, at least a colour one.
    pub cameras: Vec<Camera>,
    /// Who drives the pins.
    pub gpio: PinDriver,
    /// The door's relay.
    pub relay: Option<Relay>,
    /// Lines to a door controller.
    pub wiegand_out: Option<WiegandOut>,
    /// Lines from a card reader.
    pub wiegand_in: Option<WiegandIn>,
    /// White light.
    pub lamp: Option<Pin>,
    /// Folder of the backlight in sysfs.
    pub backlight: Option<PathBuf>,
    /// Door inputs.
    pub inputs: Inputs,
    /// Loudspeaker.
    pub sound: Option<Sound>,
    /// Card readers and keypads.
    pub readers: Readers,
    /// Thermal array.
    pub thermal: Option<Thermal>,
    /// Hardware watchdog.
    pub watchdog: Option<Watchdog>,
    /// Network interfaces.
    pub network: Interfaces,
    /// Models and engine.
    pub vision: Vision,
    /// New software.
    pub upgrade: Upgrade,
    /// How much is kept.
    pub capacity: Capacity,
    /// Folder of all data.
    pub data: PathBuf,
    /// Address the API listens on.
    pub listen: SocketAddr,
    /// Whether the login of the document has to be changed before the API does anything else.
    pub require_password_change: bool,
}

/// A thermal array on an I²C bus.
#[derive(Clone, Debug)]
pub struct Thermal {
    /// Device node of the bus.
    pub bus: PathBuf,
    /// 7-bit address.
    pub address: u8,
    /// How often it measures.
    pub refresh: RefreshRate,
}

/// A hardware watchdog.
#[derive(Clone, Debug)]
pub struct Watchdog {
    /// Device node.
    pub node: PathBuf,
    /// Reset after this long without a sign of life, seconds.
    pub timeout_s: u32,
}

/// Models and engine.
#[derive(Clone, Debug)]
pub struct Vision {
    /// Id of the model pack, or `auto`: the first whose files are all there.
    pub pack: String,
    /// Folder of the weights.
    pub models: PathBuf,
    /// Which inference engine.
    pub engine: EngineChoice,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// People.
    pub people: usize,
    /// Control records.
    pub control_records: usize,
    /// Captures.
    pub captures: usize,
    /// Notices of cards, passwords and codes.
    pub notices: usize,
}

impl Capacity {
    /// The same in the store's terms.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits {
            people: self.people,
            control_records: self.control_records,
            captures: self.captures,
            notices: self.notices,
        }
    }
}

impl Board {
    /// Reads a profile from a file.
    ///
    /// # Errors
    /// Every problem found, or why the file cannot be read.
    pub fn load(file: &Path) -> Result<Self, Problems> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Problems { file: name.clone(), list: vec![format!("cannot be read: {error}")] })?;
        Self::parse(&name, &text)
    }

    /// The simulated terminal.
    ///
    /// # Errors
    /// Never in a released build: a test reads it.
    pub fn sim() -> Result<Self, Problems> {
        Self::parse("boards/sim.toml", SIM)
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// Every problem found.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        strict::read(file, text, |root| {
            let name: Option<String> = root.need("name");
            if name.as_ref().is_some_and(|name| name.contains('/') || !package::is_path(name)) {
                root.wrong(
                    "name",
                    "should be of A-Z, a-z, 0-9, dot, dash and underscore, as upgrade packages name boards",
                );
            }
            let description = root.or("description", String::new());
            let display = root.section("display", display::read);
            let cameras = root.sections("camera", camera::read);
            camera::check(root, &cameras);
            let pins = Pins::default();
            let gpio = root.need_section("gpio", |s| s.need("driver"));
            let relay = root.section("relay", |s| door::relay(s, &pins));
            let wiegand_out = root.section("wiegand_out", |s| door::wiegand_out(s, &pins));
            let wiegand_in = root.section("wiegand_in", |s| door::wiegand_in(s, &pins));
            let lamp = root.section("lamp", |s| pins.one(s));
            let backlight = root.section("backlight", |s| s.need("node"));
            let inputs = root.section("inputs", |s| door::inputs(s, &pins)).unwrap_or_default();
            let sound = root.section("sound", sound::read);
            let readers = root.section("readers", |s| readers::read(s, display.is_some()));
            let thermal = root.section("thermal", |s| {
                let (bus, address) = (s.need("bus"), s.or::<Int<8, 0x77>>("address", Int::of(0x33)));
                let refresh = s.or("refresh_hz", RefreshRate::default());
                Some(Thermal { bus: bus?, address: u8::try_from(address?.get()).ok()?, refresh: refresh? })
            });
            let watchdog = root.section("watchdog", |s| {
                let (node, timeout) = (s.need("node"), s.or::<Int<1, 600>>("timeout_s", Int::of(15)));
                Some(Watchdog { node: node?, timeout_s: timeout?.u32() })
            });
            let network = root.section("network", |s| {
                let (wired, wifi) = (s.may("wired"), s.may::<Interface>("wifi"));
                if wired.is_some() && wired == wifi {
                    s.wrong("wifi", "is the same interface as wired");
                }
                Some(Interfaces { wired, wifi })
            });
            let vision = root.need_section("vision", |s| {
                let (pack, models) = (s.or("pack", "auto".to_owned()), s.need("models"));
                let engine = s.or("engine", "auto".to_owned());
                let engine = engine.and_then(|text| text.parse().map_err(|why: String| s.wrong("engine", &why)).ok());
                Some(Vision { pack: pack?, models: models?, engine: engine? })
            });
            let upgrade = root.section("upgrade", upgrade::read).unwrap_or_default();
            let capacity = root.need_section("capacity", |s| {
                let mut count = |key| s.need::<Int<1, 10_000_000>>(key).and_then(|n| usize::try_from(n.get()).ok());
                let (people, control_records, captures) =
                    (count("people"), count("control_records"), count("captures"));
                let notices = s.or("notices", Int::<1, 10_000_000>::of(10_000));
                let notices = notices.and_then(|n| usize::try_from(n.get()).ok())?;
                Some(Capacity { people: people?, control_records: control_records?, captures: captures?, notices })
            });
            let data = root.need_section("storage", |s| {
                let data: Option<PathBuf> = s.need("data");
                if data.as_ref().is_some_and(|data| data.as_os_str().is_empty()) {
                    s.wrong("data", "should be a folder");
                }
                data
            });
            let http = root.need_section("http", |s| {
                let listen = s.need("listen");
                let require = s.or("require_password_change", false);
                Some((listen?, require?))
            });
            pins.check(root, gpio);
            Some(Self {
                name: name?,
                description: description?,
                display,
                cameras: cameras.into_iter().flatten().collect(),
                gpio: gpio?,
                relay,
                wiegand_out,
                wiegand_in,
                lamp,
                backlight,
                inputs,
                sound,
                readers: readers.unwrap_or_default(),
                thermal,
                watchdog,
                network: network.unwrap_or_default(),
                vision: vision?,
                upgrade,
                capacity: capacity?,
                data: data?,
                listen: http?.0,
                require_password_change: http?.1,
            })
        })
    }
}

fn size(s: &mut Section<'_>) -> Option<(u32, u32)> {
    let (width, height) = (s.need::<Int<16, 8192>>("width"), s.need::<Int<16, 8192>>("height"));
    Some((width?.u32(), height?.u32()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_in_the_tree_is_read() {
        let mut names = Vec::new();
        for entry in std::fs::read_dir("boards").unwrap() {
            let board = Board::load(&entry.unwrap().path()).unwrap_or_else(|problems| panic!("{problems}"));
            names.push(board.name);
        }
        names.sort();
        assert_eq!(names, ["hi3516dv300", "qemu-virt", "rpi4", "sim"]);
    }

    #[test]
    fn all_problems_of_a_profile_are_reported_with_key_and_value() {
        let text = SIM
            .replace("data = \"facegate-data\"", "data = \"\"")
            .replace("name = \"sim\"", "name = \"door 1\"")
            .replace("width = 720", "width = \"wide\"")
            .replace("rotation = 0", "rotation = 45")
            .replace("pulse_us = 100", "pulse_us = 10\npulse = 3")
            .replace("people = 24576\n", "")
            .replace("data1 = \"wiegand-d1\"", "data1 = \"wiegand-d0\"")
            .replace("[capacity]", "[network]\nwired = \"eth 0\"\nradio = \"wlan0\"\n[capacity]");
        let problems = Board::parse("bad.toml", &text).unwrap_err().to_string();
        for part in [
            "bad.toml: name: should be of A-Z",
            "bad.toml: display.width = \"wide\": ",
            "bad.toml: display.rotation = 45: should be 0, 90, 180 or 270",
            "bad.toml: camera[0].rotation = 45: ",
            "bad.toml: wiegand_out.pulse_us = 10: 10 is outside 20..200",
            "bad.toml: wiegand_out.pulse = 3: unknown key",
            "bad.toml: capacity.people: is missing",
            "bad.toml: storage.data: should be a folder",
            "bad.toml: network.wired = \"eth 0\": should be the name of an interface, like eth0",
            "bad.toml: network.radio = \"wlan0\": unknown key",
        ] {
            assert!(problems.contains(part), "{part} not in\n{problems}");
        }
    }
}
