//! Board profiles: `boards/NAME.toml` says everything that differs between devices, so that a new board
//! needs no code. Unknown keys are refused and all problems of a file reported at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::clock::Clock;
use crate::field::Int;
use crate::hal::sim::{Lamp, SimCamera, SimDimmer, SimHost, SimPlayer, SimRelay, SimWiegand, World};
use crate::hal::wiegand::Timing;
use crate::hal::{self, Devices, Interface, Interfaces};
use crate::store::Limits;
use crate::strict::{self, Problems, Section};
use crate::vision::EngineChoice;

/// Width and height of the frame that the protocol's face parameters are given in (3.34).
const SENSOR: (u32, u32) = (960, 1280);

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
    /// How much is kept.
    pub capacity: Capacity,
    /// Folder of all data.
    pub data: PathBuf,
    /// Address the API listens on.
    pub listen: SocketAddr,
}

/// Whether a driver talks to hardware or to memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraDriver {
    /// Video4Linux 2.
    V4l2,
    /// Pictures posted to the simulator.
    Sim,
}

/// Who draws on the panel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisplayDriver {
    /// Linux framebuffer.
    Framebuffer,
    /// A picture that can be fetched.
    Sim,
}

/// Who drives the pins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PinDriver {
    /// Raspberry Pi registers.
    Rppal,
    /// GPIO character device.
    Cdev,
    /// Memory.
    Sim,
}

/// What a camera sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraRole {
    /// Visible light.
    Color,
    /// Infrared, for liveness.
    Infrared,
}

/// Pixel formats, in the order a board prefers them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PixelFormat {
    /// Motion JPEG.
    Mjpeg,
    /// 4:2:0, chroma interleaved U first.
    Nv12,
    /// 4:2:0, chroma interleaved V first.
    Nv21,
    /// 4:2:2 packed.
    Yuyv,
    /// Luma only.
    Grey,
    /// 8 bits a channel.
    Rgb,
}

/// Clockwise rotation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub struct Rotation(u32);

impl Rotation {
    /// 0, 90, 180 or 270.
    #[must_use]
    pub const fn degrees(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Rotation {
    type Error = &'static str;
    fn try_from(degrees: u32) -> Result<Self, Self::Error> {
        match degrees {
            0 | 90 | 180 | 270 => Ok(Self(degrees)),
            _ => Err("should be 0, 90, 180 or 270"),
        }
    }
}

/// A camera.
#[derive(Clone, Debug)]
pub struct Camera {
    /// What it sees.
    pub role: CameraRole,
    /// Who reads it.
    pub driver: CameraDriver,
    /// Device node; none in memory.
    pub node: Option<PathBuf>,
    /// Upright width after rotation, pixels.
    pub width: u32,
    /// Upright height after rotation, pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Formats by preference.
    pub formats: Vec<PixelFormat>,
    /// How far the picture is turned to stand upright.
    pub rotation: Rotation,
    /// Whether the screen shows it as a mirror would.
    pub mirror: bool,
}

/// A panel.
#[derive(Clone, Debug)]
pub struct Display {
    /// Who draws on it.
    pub driver: DisplayDriver,
    /// Device node; none in memory.
    pub node: Option<PathBuf>,
    /// Upright width, pixels.
    pub width: u32,
    /// Upright height, pixels.
    pub height: u32,
    /// How far the picture is turned.
    pub rotation: Rotation,
    /// Font file whose letters come before the built-in ones.
    pub font: Option<PathBuf>,
}

/// Which level means "on".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Active {
    /// On is high.
    High,
    /// On is low.
    Low,
}

/// A line of a GPIO chip: a BCM number for `rppal`, an offset for `cdev`, a name in memory.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// Number of the line.
    Number(u32),
    /// Name of the line.
    Name(String),
}

/// A pin.
#[derive(Clone, PartialEq, Debug)]
pub struct Pin {
    /// Device node of the chip, for `cdev`.
    pub chip: Option<PathBuf>,
    /// The line.
    pub line: Line,
    /// Which level means "on".
    pub active: Active,
}

/// What the door does without power or daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fail {
    /// It stays locked.
    Secure,
    /// It opens.
    Safe,
}

/// The door's relay.
#[derive(Clone, Debug)]
pub struct Relay {
    /// The pin.
    pub pin: Pin,
    /// The state the daemon leaves it in.
    pub fail: Fail,
}

/// Lines to a door controller.
#[derive(Clone, Debug)]
pub struct WiegandOut {
    /// Line of the zeros.
    pub data0: Pin,
    /// Line of the ones.
    pub data1: Pin,
    /// Length of a pulse, microseconds.
    pub pulse_us: u32,
    /// From the start of one pulse to the start of the next, microseconds.
    pub interval_us: u32,
}

/// Lines from a card reader.
#[derive(Clone, Debug)]
pub struct WiegandIn {
    /// Line of the zeros.
    pub data0: Pin,
    /// Line of the ones.
    pub data1: Pin,
}

/// An input of the door.
#[derive(Clone, Debug)]
pub struct Input {
    /// The pin.
    pub pin: Pin,
    /// Changes shorter than this are noise, milliseconds.
    pub debounce_ms: u32,
}

/// Inputs of the door by role.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Request to exit.
    pub exit: Option<Input>,
    /// Door contact.
    pub contact: Option<Input>,
    /// Case contact.
    pub tamper: Option<Input>,
    /// Fire alarm.
    pub fire: Option<Input>,
}

/// Who plays sounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SoundDriver {
    /// A program.
    Command,
    /// Nobody: what would be heard is told.
    Sim,
}

/// A loudspeaker.
#[derive(Clone, Debug)]
pub struct Sound {
    /// Who plays.
    pub driver: SoundDriver,
    /// Program and arguments that play the file named last; empty in memory.
    pub player: Vec<String>,
    /// Folder of sounds that come before the built-in ones of the same names.
    pub folder: Option<PathBuf>,
}

/// Readers by device node.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    /// RF card reader: an event node or a serial line.
    pub card: Option<PathBuf>,
    /// Keypad: an event node.
    pub keypad: Option<PathBuf>,
}

/// A thermal array on an I²C bus.
#[derive(Clone, Debug)]
pub struct Thermal {
    /// Device node of the bus.
    pub bus: PathBuf,
    /// 7-bit address.
    pub address: u8,
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
            let name = root.need("name");
            let description = root.or("description", String::new());
            let display = root.section("display", display);
            let cameras = root.sections("camera", camera);
            if !cameras.iter().any(|c| c.role == CameraRole::Color) {
                root.wrong("camera", "at least one [[camera]] with role = \"color\" is needed");
            }
            let gpio = root.need_section("gpio", |s| s.need("driver"));
            let relay = root.section("relay", |s| {
                let (pin, fail) = (pin(s), s.or("fail", Fail::Secure));
                Some(Relay { pin: pin?, fail: fail? })
            });
            let wiegand_out = root.section("wiegand_out", wiegand_out);
            let wiegand_in = root.section("wiegand_in", |s| {
                let (data0, data1) = pins(s)?;
                Some(WiegandIn { data0, data1 })
            });
            let lamp = root.section("lamp", pin);
            let backlight = root.section("backlight", |s| s.need("node"));
            let inputs = root
                .section("inputs", |s| {
                    let (exit, contact) = (s.section("exit", input), s.section("contact", input));
                    let (tamper, fire) = (s.section("tamper", input), s.section("fire", input));
                    Some(Inputs { exit, contact, tamper, fire })
                })
                .unwrap_or_default();
            let sound = root.section("sound", |s| {
                let driver = s.or("driver", SoundDriver::Command);
                let (player, folder) = (s.or("player", Vec::<String>::new()), s.may("folder"));
                if driver == Some(SoundDriver::Command) && player.as_ref().is_some_and(Vec::is_empty) {
                    s.wrong("player", "names no program");
                }
                Some(Sound { driver: driver?, player: player?, folder })
            });
            let readers = root.section("readers", |s| {
                let (card, keypad) = (s.may("card"), s.may("keypad"));
                Some(Readers { card, keypad })
            });
            let thermal = root.section("thermal", |s| {
                let (bus, address) = (s.need("bus"), s.or::<Int<8, 0x77>>("address", Int::of(0x33)));
                Some(Thermal { bus: bus?, address: u8::try_from(address?.get()).ok()? })
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
            let capacity = root.need_section("capacity", |s| {
                let mut count = |key| s.need::<Int<1, 10_000_000>>(key).and_then(|n| usize::try_from(n.get()).ok());
                let (people, control_records, captures) =
                    (count("people"), count("control_records"), count("captures"));
                let notices = s.or("notices", Int::<1, 10_000_000>::of(10_000));
                let notices = notices.and_then(|n| usize::try_from(n.get()).ok())?;
                Some(Capacity { people: people?, control_records: control_records?, captures: captures?, notices })
            });
            let data = root.need_section("storage", |s| s.need("data"));
            let listen = root.need_section("http", |s| s.need("listen"));
            let mut used: Vec<(&str, &Pin)> = Vec::new();
            used.extend(relay.iter().map(|r| ("relay.line", &r.pin)));
            used.extend(
                wiegand_out.iter().flat_map(|w| [("wiegand_out.data0", &w.data0), ("wiegand_out.data1", &w.data1)]),
            );
            used.extend(
                wiegand_in.iter().flat_map(|w| [("wiegand_in.data0", &w.data0), ("wiegand_in.data1", &w.data1)]),
            );
            used.extend(lamp.iter().map(|pin| ("lamp.line", pin)));
            let by_role = [("exit", &inputs.exit), ("contact", &inputs.contact), ("tamper", &inputs.tamper)];
            let by_role = by_role.into_iter().chain([("fire", &inputs.fire)]);
            used.extend(by_role.filter_map(|(role, input)| Some((role, &input.as_ref()?.pin))));
            for (number, (role, pin)) in used.iter().enumerate() {
                let same = |other: &&(&str, &Pin)| (&other.1.chip, &other.1.line) == (&pin.chip, &pin.line);
                if let Some((other, _)) = used[..number].iter().find(same) {
                    root.wrong(role, &format!("is the same line as {other}"));
                }
            }
            Some(Self {
                name: name?,
                description: description?,
                display,
                cameras,
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
                capacity: capacity?,
                data: data?,
                listen: listen?,
            })
        })
    }
}

/// A device of the profile could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{board}: {device}: {why}")]
pub struct OpenError {
    board: String,
    device: &'static str,
    why: String,
}

impl Board {
    /// Opens every device of the profile.
    ///
    /// # Errors
    /// The first device the terminal cannot do without that does not open.
    pub fn open(&self, clock: Arc<dyn Clock>) -> Result<Devices, OpenError> {
        let fails = |device, why: &str| OpenError { board: self.name.clone(), device, why: why.to_owned() };
        let camera = self.cameras.iter().find(|c| c.role == CameraRole::Color);
        let camera = camera.ok_or_else(|| fails("camera", "there is no colour camera"))?;
        match (camera.driver, self.gpio) {
            (CameraDriver::Sim, PinDriver::Sim) => {
                if self.sound.as_ref().is_some_and(|sound| sound.driver != SoundDriver::Sim) {
                    return Err(fails("sound", "its driver is \"sim\" where the camera's is"));
                }
                let world = World::new(clock, camera.width, camera.height);
                let light = |lamp| Box::new(SimDimmer { world: world.clone(), lamp }) as Box<dyn hal::Dimmer>;
                let wiegand = self.wiegand_out.as_ref().map(|out| {
                    let timing = Timing { pulse_us: out.pulse_us, interval_us: out.interval_us };
                    Box::new(SimWiegand::new(world.clone(), timing)) as Box<dyn hal::WiegandOut>
                });
                Ok(Devices {
                    camera: Box::new(SimCamera::new(world.clone(), camera.fps)),
                    relay: self.relay.as_ref().map(|_| Box::new(SimRelay(world.clone())) as hal::Output),
                    wiegand,
                    player: self.sound.as_ref().map(|_| Box::new(SimPlayer(world.clone())) as Box<dyn hal::Player>),
                    lamp: self.lamp.as_ref().map(|_| light(Lamp::White)),
                    backlight: self.backlight.as_ref().map(|_| light(Lamp::Panel)),
                    // Pretend readers cost nothing: the control routes speak for each.
                    abilities: hal::Abilities {
                        id_card: true,
                        rf_card: true,
                        wiegand_in: true,
                        keypad: true,
                        mask: true,
                        temperature: true,
                    },
                    host: Arc::new(SimHost(world.clone())),
                    sim: Some(world),
                })
            }
            (CameraDriver::Sim, _) | (_, PinDriver::Sim) => {
                Err(fails("gpio", "camera and gpio are either both \"sim\" or both not"))
            }
            (CameraDriver::V4l2, PinDriver::Rppal | PinDriver::Cdev) => {
                Err(fails("camera", "this version has no drivers for real devices; run `facegate sim`"))
            }
        }
    }
}

fn size(s: &mut Section<'_>) -> Option<(u32, u32)> {
    let (width, height) = (s.need::<Int<16, 8192>>("width"), s.need::<Int<16, 8192>>("height"));
    Some((width?.u32(), height?.u32()))
}

fn display(s: &mut Section<'_>) -> Option<Display> {
    let driver = s.need("driver");
    let node = s.may("node");
    let size = size(s);
    let rotation = s.or("rotation", Rotation(0));
    let font = s.may("font");
    if driver == Some(DisplayDriver::Framebuffer) && node.is_none() {
        s.wrong("node", "is needed with driver = \"framebuffer\"");
    }
    let (width, height) = size?;
    Some(Display { driver: driver?, node, width, height, rotation: rotation?, font })
}

fn camera(s: &mut Section<'_>) -> Option<Camera> {
    let (role, driver) = (s.need("role"), s.need("driver"));
    let node = s.may("node");
    let size = size(s);
    let fps = s.or::<Int<1, 120>>("fps", Int::of(25));
    let formats = s.need::<Vec<PixelFormat>>("formats");
    let (rotation, mirror) = (s.or("rotation", Rotation(0)), s.or("mirror", false));
    if driver == Some(CameraDriver::V4l2) && node.is_none() {
        s.wrong("node", "is needed with driver = \"v4l2\"");
    }
    if formats.as_ref().is_some_and(Vec::is_empty) {
        s.wrong("formats", "names no format");
    }
    let (width, height) = size?;
    if role == Some(CameraRole::Color) && (width, height) != SENSOR {
        s.wrong("width", "and height should be 960 and 1280: face areas and widths are given in that frame (3.34)");
    }
    let (fps, formats) = (fps?.u32(), formats?);
    Some(Camera {
        role: role?,
        driver: driver?,
        node,
        width,
        height,
        fps,
        formats,
        rotation: rotation?,
        mirror: mirror?,
    })
}

fn pin(s: &mut Section<'_>) -> Option<Pin> {
    let (chip, line, active) = (s.may("chip"), s.need("line"), s.or("active", Active::High));
    Some(Pin { chip, line: line?, active: active? })
}

/// Two data lines that idle high.
fn pins(s: &mut Section<'_>) -> Option<(Pin, Pin)> {
    let chip: Option<PathBuf> = s.may("chip");
    let (data0, data1) = (s.need("data0"), s.need("data1"));
    let active = s.or("active", Active::Low)?;
    let pin = |line| Pin { chip: chip.clone(), line, active };
    Some((pin(data0?), pin(data1?)))
}

fn wiegand_out(s: &mut Section<'_>) -> Option<WiegandOut> {
    let pins = pins(s);
    let pulse = s.or::<Int<20, 200>>("pulse_us", Int::of(100));
    let interval = s.or::<Int<200, 20_000>>("interval_us", Int::of(1000));
    let ((data0, data1), pulse_us, interval_us) = (pins?, pulse?.u32(), interval?.u32());
    if interval_us < pulse_us * 2 {
        s.wrong("interval_us", "should be at least twice pulse_us");
    }
    Some(WiegandOut { data0, data1, pulse_us, interval_us })
}

fn input(s: &mut Section<'_>) -> Option<Input> {
    let pin = pin(s);
    let debounce = s.or::<Int<0, 5000>>("debounce_ms", Int::of(20));
    Some(Input { pin: pin?, debounce_ms: debounce?.u32() })
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
        assert_eq!(names, ["hi3516dv300", "rpi4", "sim"]);
    }

    #[test]
    fn a_line_has_one_use() {
        for (line, other) in [("relay", "wiegand-d1"), ("wiegand-d0", "wiegand-d1"), ("wiegand-d0", "relay")] {
            let text = SIM.replace(&format!("\"{line}\""), &format!("\"{other}\""));
            let problems = Board::parse("bad.toml", &text).unwrap_err().to_string();
            assert!(problems.contains("is the same line as"), "{line} {other}: {problems}");
        }
    }

    #[test]
    fn all_problems_of_a_profile_are_reported_with_key_and_value() {
        let text = SIM
            .replace("width = 720", "width = \"wide\"")
            .replace("rotation = 0", "rotation = 45")
            .replace("pulse_us = 100", "pulse_us = 10\npulse = 3")
            .replace("people = 24576\n", "")
            .replace("data1 = \"wiegand-d1\"", "data1 = \"wiegand-d0\"")
            .replace("[capacity]", "[network]\nwired = \"eth 0\"\nradio = \"wlan0\"\n[capacity]");
        let problems = Board::parse("bad.toml", &text).unwrap_err().to_string();
        for part in [
            "bad.toml: display.width = \"wide\": ",
            "bad.toml: display.rotation = 45: should be 0, 90, 180 or 270",
            "bad.toml: camera[0].rotation = 45: ",
            "bad.toml: wiegand_out.pulse_us = 10: 10 is outside 20..200",
            "bad.toml: wiegand_out.pulse = 3: unknown key",
            "bad.toml: capacity.people: is missing",
            "bad.toml: network.wired = \"eth 0\": should be the name of an interface, like eth0",
            "bad.toml: network.radio = \"wlan0\": unknown key",
        ] {
            assert!(problems.contains(part), "{part} not in\n{problems}");
        }
    }
}
