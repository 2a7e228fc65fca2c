//! Board profiles: `boards/NAME.toml` says everything that differs between devices, so that a new board
//! needs no code. Unknown keys are refused and all problems of a file reported at once.

mod open;
mod upgrade;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::access::FrameLayout;
use crate::field::Int;
use crate::hal::linux::input::InputNode;
use crate::hal::linux::mlx90640::RefreshRate;
use crate::hal::linux::number::Digits;
use crate::hal::linux::serial::Framing;
use crate::hal::{Interface, Interfaces};
use crate::store::Limits;
use crate::strict::{self, Problems, Section};
use crate::vision::EngineChoice;

pub use open::{Finding, OpenError};
pub use upgrade::{Essentials, Upgrade};

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

/// Who takes the pictures.
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

/// How the pixels of a picture lie in memory.
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
    /// As it stands.
    pub const NONE: Self = Self(0);

    /// 0, 90, 180 or 270.
    #[must_use]
    pub const fn degrees(self) -> u32 {
        self.0
    }

    /// Whether width and height change places.
    #[must_use]
    pub const fn is_sideways(self) -> bool {
        self.0 % 180 == 90
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
    /// Serial number of the device it has to be; `None`: whichever is at the node.
    pub serial: Option<String>,
    /// Controls to set, by the names of `v4l2-ctl -l`: exposure, gain, white balance.
    pub controls: BTreeMap<String, i64>,
    /// A picture that stays the same for so long is none: the camera is opened anew; `None`: it may.
    pub frozen: Option<Duration>,
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

impl Active {
    /// The other level.
    #[must_use]
    pub const fn inverted(self) -> Self {
        match self {
            Self::High => Self::Low,
            Self::Low => Self::High,
        }
    }
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
    /// What an input is drawn to while nothing drives it; `None`: what the board does.
    pub pull: Option<Pull>,
}

/// A resistor inside the chip.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// To high.
    Up,
    /// To low.
    Down,
    /// None.
    Off,
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
    /// The controller's own frames; `None`: those of 26 and 34 bits.
    pub layout: Option<FrameLayout>,
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

/// What people present things at.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    /// RF card reader.
    pub card: Option<CardReader>,
    /// Keypad.
    pub keypad: Option<InputNode>,
    /// Touch panel before the display.
    pub touch: Option<InputNode>,
}

/// An RF card reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CardReader {
    /// One that types its numbers like a keyboard.
    Input {
        /// The device.
        node: InputNode,
        /// How numbers are written.
        digits: Digits,
    },
    /// One on a serial line.
    Serial {
        /// Device node of the line.
        node: PathBuf,
        /// Bits a second.
        baud: u32,
        /// How numbers are sent.
        framing: Framing,
    },
}

/// How a card reader sends numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CardText {
    Decimal,
    Hex,
    Rdm6300,
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
            let name = root.need("name");
            let description = root.or("description", String::new());
            let display = root.section("display", display);
            let cameras = root.sections("camera", camera);
            if !cameras.iter().any(|c| c.role == CameraRole::Color) {
                root.wrong("camera", "at least one [[camera]] with role = \"color\" is needed");
            }
            for (number, one) in cameras.iter().enumerate() {
                let before = &cameras[..number];
                if before.iter().any(|other| other.role == one.role) {
                    root.wrong(&format!("camera[{number}].role"), "is another camera's: one of each is used");
                }
                if one.node.is_some() && before.iter().any(|other| other.node == one.node) {
                    root.wrong(&format!("camera[{number}].node"), "is another camera's");
                }
                if before.iter().any(|other| other.driver != one.driver) {
                    root.wrong(&format!("camera[{number}].driver"), "is \"sim\" for all cameras or for none");
                }
            }
            let gpio = root.need_section("gpio", |s| s.need("driver"));
            let relay = root.section("relay", |s| {
                let (pin, fail) = (pin(s), s.or("fail", Fail::Secure));
                Some(Relay { pin: pin?, fail: fail? })
            });
            let wiegand_out = root.section("wiegand_out", wiegand_out);
            let wiegand_in = root.section("wiegand_in", |s| {
                let (pins, pull) = (pins(s), s.may("pull"));
                let (data0, data1) = pins?;
                let drawn = |pin| Pin { pull, ..pin };
                Some(WiegandIn { data0: drawn(data0), data1: drawn(data1) })
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
                let (card, keypad, touch) = (card_reader(s), s.may("keypad"), s.may("touch"));
                if touch.is_some() && display.is_none() {
                    s.wrong("touch", "there is no [display] to touch");
                }
                Some(Readers { card, keypad, touch })
            });
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
            let data = root.need_section("storage", |s| s.need("data"));
            let http = root.need_section("http", |s| {
                let listen = s.need("listen");
                let require = s.or("require_password_change", false);
                Some((listen?, require?))
            });
            let mut used: Vec<(&str, &Pin)> = Vec::new();
            used.extend(relay.iter().map(|r| ("relay.line", &r.pin)));
            used.extend(
                wiegand_out.iter().flat_map(|w| [("wiegand_out.data0", &w.data0), ("wiegand_out.data1", &w.data1)]),
            );
            used.extend(
                wiegand_in.iter().flat_map(|w| [("wiegand_in.data0", &w.data0), ("wiegand_in.data1", &w.data1)]),
            );
            used.extend(lamp.iter().map(|pin| ("lamp.line", pin)));
            let by_role = [
                ("inputs.exit.line", &inputs.exit),
                ("inputs.contact.line", &inputs.contact),
                ("inputs.tamper.line", &inputs.tamper),
                ("inputs.fire.line", &inputs.fire),
            ];
            let by_role = by_role.into_iter();
            used.extend(by_role.filter_map(|(role, input)| Some((role, &input.as_ref()?.pin))));
            for (role, pin) in &used {
                let chip = format!("{}.chip", role.rsplit_once('.').map_or(*role, |(section, _)| section));
                match (gpio, &pin.chip) {
                    (Some(PinDriver::Cdev), None) => root.wrong(&chip, "is needed with driver = \"cdev\""),
                    (Some(PinDriver::Cdev), Some(node)) if node.is_relative() => {
                        root.wrong(&chip, "should be a device node, as \"/dev/gpiochip0\"");
                    }
                    (Some(PinDriver::Rppal | PinDriver::Sim), Some(_)) => {
                        root.wrong(&chip, "is for driver = \"cdev\" alone");
                    }
                    _ => {}
                }
            }
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
    let (serial, controls) = (s.may("serial"), s.or("controls", BTreeMap::new()));
    let frozen = s.or::<Int<0, 600>>("frozen_s", Int::of(10));
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
    let frozen = Some(Duration::from_secs(frozen?.u32().into())).filter(|longest| !longest.is_zero());
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
        serial,
        controls: controls?,
        frozen,
    })
}

fn pin(s: &mut Section<'_>) -> Option<Pin> {
    let (chip, line, active) = (s.may("chip"), s.need("line"), s.or("active", Active::High));
    Some(Pin { chip, line: line?, active: active?, pull: None })
}

/// Two data lines that idle high.
fn pins(s: &mut Section<'_>) -> Option<(Pin, Pin)> {
    let chip: Option<PathBuf> = s.may("chip");
    let (data0, data1) = (s.need("data0"), s.need("data1"));
    let active = s.or("active", Active::Low)?;
    let pin = |line| Pin { chip: chip.clone(), line, active, pull: None };
    Some((pin(data0?), pin(data1?)))
}

fn wiegand_out(s: &mut Section<'_>) -> Option<WiegandOut> {
    let pins = pins(s);
    let pulse = s.or::<Int<20, 200>>("pulse_us", Int::of(100));
    let interval = s.or::<Int<200, 20_000>>("interval_us", Int::of(1000));
    let layout = s.may("layout");
    let ((data0, data1), pulse_us, interval_us) = (pins?, pulse?.u32(), interval?.u32());
    if interval_us < pulse_us * 2 {
        s.wrong("interval_us", "should be at least twice pulse_us");
    }
    Some(WiegandOut { data0, data1, pulse_us, interval_us, layout })
}

/// The reader that the keys beginning with `card`, and `baud`, describe.
fn card_reader(s: &mut Section<'_>) -> Option<CardReader> {
    let (node, format) = (s.may::<String>("card"), s.may("card_format"));
    let baud = s.may::<Int<300, 921_600>>("baud");
    let Some(node) = node else {
        let alone = [("card_format", format.is_some()), ("baud", baud.is_some())];
        alone
            .into_iter()
            .filter(|(_, given)| *given)
            .for_each(|(key, _)| s.wrong(key, "is about a card that is missing"));
        return None;
    };
    let digits = if format == Some(CardText::Hex) { Digits::Hex } else { Digits::Decimal };
    if let Ok(node) = InputNode::try_from(node.clone()) {
        if baud.is_some() {
            s.wrong("baud", "is for a reader on a serial line");
        }
        if format == Some(CardText::Rdm6300) {
            s.wrong("card_format", "is for a reader on a serial line");
        }
        return Some(CardReader::Input { node, digits });
    }
    let node = PathBuf::from(node);
    if node.is_relative() {
        s.wrong("card", "should be a device node, or name: and the name of an input device");
    }
    let framing = if format == Some(CardText::Rdm6300) { Framing::Rdm6300 } else { Framing::Line(digits) };
    Some(CardReader::Serial { node, baud: baud.map_or(9600, Int::u32), framing })
}

fn input(s: &mut Section<'_>) -> Option<Input> {
    let (pin, pull) = (pin(s), s.may("pull"));
    let debounce = s.or::<Int<0, 5000>>("debounce_ms", Int::of(20));
    Some(Input { pin: Pin { pull, ..pin? }, debounce_ms: debounce?.u32() })
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

    /// Sections and keys of the tables in the documentation.
    fn documented() -> Vec<(String, String)> {
        let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let (mut sections, mut keys) = (Vec::new(), Vec::new());
        for line in include_str!("../docs/boards.md").lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                sections = quoted(heading);
            } else if let Some(row) = line.strip_prefix("| `") {
                let named = quoted(&format!("`{}", row.split(" | ").next().unwrap_or_default()));
                let root = [String::new()];
                let sections = if sections.is_empty() { &root[..] } else { &sections };
                keys.extend(sections.iter().flat_map(|s| named.iter().map(|key| (s.clone(), key.clone()))));
            }
        }
        keys
    }

    #[test]
    fn every_key_of_the_documentation_is_one() {
        let documented = documented();
        assert!(documented.len() > 70, "the tables are found: {documented:?}");
        for (section, key) in documented {
            let problems = Board::parse("a.toml", &format!("{section}\n{key} = nan\n")).unwrap_err().to_string();
            assert!(problems.contains(&format!("{key} = nan: ")), "{section} {key} is looked at: {problems}");
            assert!(!problems.contains("unknown key"), "{section} {key}: {problems}");
        }
    }

    #[test]
    fn every_key_of_a_profile_is_documented() {
        fn walk(section: &str, table: &toml::Table, found: &mut Vec<(String, String)>) {
            for (key, value) in table {
                let name = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
                match value {
                    toml::Value::Table(table) => walk(&name, table, found),
                    toml::Value::Array(items) if items.iter().all(toml::Value::is_table) => {
                        items.iter().filter_map(toml::Value::as_table).for_each(|table| walk(&name, table, found));
                    }
                    _ => found.push((section.to_owned(), key.clone())),
                }
            }
        }
        let documented: Vec<_> =
            documented().into_iter().map(|(section, key)| (section.trim_matches(['[', ']']).to_owned(), key)).collect();
        for entry in std::fs::read_dir("boards").unwrap() {
            let path = entry.unwrap().path();
            let mut found = Vec::new();
            walk("", &std::fs::read_to_string(&path).unwrap().parse().unwrap(), &mut found);
            for key in found {
                assert!(documented.contains(&key), "{}: {key:?}", path.display());
            }
        }
    }

    #[test]
    fn readers_are_told_apart_by_their_nodes() {
        let typing = |node: &str, digits| CardReader::Input { node: node.to_owned().try_into().unwrap(), digits };
        let serial = |baud, framing| CardReader::Serial { node: "/dev/ttyAMA2".into(), baud, framing };
        for (keys, card) in [
            ("", None),
            ("card = \"/dev/ttyAMA2\"", Some(serial(9600, Framing::Line(Digits::Decimal)))),
            (
                "card = \"/dev/ttyAMA2\"\ncard_format = \"hex\"\nbaud = 19200",
                Some(serial(19200, Framing::Line(Digits::Hex))),
            ),
            ("card = \"/dev/ttyAMA2\"\ncard_format = \"rdm6300\"", Some(serial(9600, Framing::Rdm6300))),
            ("card = \"/dev/input/event4\"", Some(typing("/dev/input/event4", Digits::Decimal))),
            ("card = \"name:A Reader\"\ncard_format = \"hex\"", Some(typing("name:A Reader", Digits::Hex))),
        ] {
            let board = Board::parse("a.toml", &format!("{SIM}\n[readers]\n{keys}\n")).unwrap();
            assert_eq!(board.readers.card, card, "{keys}");
        }
    }

    #[test]
    fn readers_that_cannot_be_are_refused() {
        for (keys, part) in [
            ("card_format = \"hex\"", "readers.card_format: is about a card that is missing"),
            ("baud = 9600", "readers.baud: is about a card that is missing"),
            ("card = \"ttyAMA2\"", "readers.card: should be a device node, or name: and"),
            ("card = \"name:\"", "readers.card: should be a device node, or name: and"),
            ("card = \"name:R\"\nbaud = 9600", "readers.baud: is for a reader on a serial line"),
            ("card = \"name:R\"\ncard_format = \"rdm6300\"", "readers.card_format: is for a reader on a serial"),
            ("card = \"/dev/ttyS0\"\ncard_format = \"octal\"", "readers.card_format = \"octal\": unknown variant"),
            ("card = \"/dev/ttyS0\"\nbaud = 7", "readers.baud = 7: 7 is outside 300..921600"),
            ("keypad = \"/dev/ttyS0\"", "readers.keypad = \"/dev/ttyS0\": should be a node below /dev/input"),
            ("touch = \"panel\"", "readers.touch = \"panel\": should be a node below /dev/input"),
            ("[thermal]\nbus = \"/dev/i2c-1\"\nrefresh_hz = 3", "thermal.refresh_hz = 3: should be 1, 2, 4, 8, 16"),
        ] {
            let problems = Board::parse("a.toml", &format!("{SIM}\n[readers]\n{keys}\n")).unwrap_err().to_string();
            assert!(problems.contains(part), "{part} not in\n{problems}");
        }
        let blind = SIM.replace("[display]\ndriver = \"sim\"\nwidth = 720\nheight = 1280\nrotation = 0\n", "");
        let blind = format!("{blind}\n[readers]\ntouch = \"name:Panel\"\n");
        let problems = Board::parse("a.toml", &blind).unwrap_err().to_string();
        assert!(problems.contains("readers.touch: there is no [display] to touch"), "{problems}");
    }

    #[test]
    fn cameras_are_one_of_each_kind_and_all_of_hardware_or_none() {
        let second = |role: &str, driver: &str, more: &str| {
            let rest = "width = 480\nheight = 640\nformats = [\"RGB\"]";
            format!("{SIM}\n[[camera]]\nrole = \"{role}\"\ndriver = \"{driver}\"\n{rest}\n{more}\n")
        };
        let real = |more: &str| more.replace("driver = \"sim\"", "driver = \"v4l2\"\nnode = \"/dev/video0\"");
        for (text, part) in [
            (
                second("infrared", "v4l2", "node = \"/dev/video1\""),
                "camera[1].driver: is \"sim\" for all cameras or for none",
            ),
            (real(&second("infrared", "sim", "")), "camera[1].node: is another camera's"),
            (second("color", "sim", ""), "camera[1].role: is another camera's"),
        ] {
            let problems = Board::parse("a.toml", &text).unwrap_err().to_string();
            assert!(problems.contains(part), "{part} not in\n{problems}");
        }
        assert_eq!(Board::parse("a.toml", &second("infrared", "sim", "")).unwrap().cameras.len(), 2);
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
