//! Devices of the kernel's input layer as sensors: keypads, card readers that type, touch panels. Finds them, keeps them
//! to itself and waits for their events; what events mean is left to `keys` and `touch`.

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use evdev::raw_stream::RawDevice;
use evdev::{AbsoluteAxisCode as Axis, EventSummary, InputEvent, KeyCode, SynchronizationCode};
use rustix::ioctl::{Setter, ioctl, opcode};
use serde::Deserialize;
use tracing::info;

use super::keys::{self, SILENCE, Wedge};
use super::number::Digits;
use super::touch::{Fingers, Way};
use super::wait::readable;
use crate::error::{Error, Fault, Result};
use crate::hal::Rotation;
use crate::hal::{Sensed, Sensor};

/// Where the kernel lists its input devices.
const CLASS: &str = "/sys/class/input";
/// Where their nodes are.
const NODES: &str = "/dev/input";
/// Stands before the name of a device.
const BY_NAME: &str = "name:";

/// Which device of the input layer.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum InputNode {
    /// Its node, or a link to it.
    Path(PathBuf),
    /// Its own name, whatever number it is plugged in under.
    Name(String),
}

impl TryFrom<String> for InputNode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.strip_prefix(BY_NAME) {
            Some(name) if !name.is_empty() => Ok(Self::Name(name.to_owned())),
            None if Path::new(&text).starts_with(NODES) => Ok(Self::Path(text.into())),
            _ => Err("should be a node below /dev/input, or name: and the name of a device"),
        }
    }
}

impl fmt::Display for InputNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Name(name) => write!(f, "{BY_NAME}{name}"),
        }
    }
}

impl InputNode {
    /// The nodes it may be: several parts of one device may bear its name.
    fn candidates(&self, class: &Path) -> Vec<PathBuf> {
        match self {
            Self::Path(path) => vec![path.clone()],
            Self::Name(name) => named(name, class),
        }
    }
}

/// Nodes of the devices of this name, the one longest plugged in first.
fn named(name: &str, class: &Path) -> Vec<PathBuf> {
    let mut numbers: Vec<u32> = fs::read_dir(class)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("event")?.parse().ok())
        .filter(|number| {
            let its = fs::read_to_string(class.join(format!("event{number}/device/name")));
            its.is_ok_and(|its| its.trim_end() == name)
        })
        .collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|number| Path::new(NODES).join(format!("event{number}"))).collect()
}

/// What the events of a kind of device mean.
pub trait Meaning: Send {
    /// The kind, in words that follow "is no".
    const KIND: &'static str;

    /// Begins anew with a device just opened; `None` when it is none of the kind.
    fn begin(&mut self, device: &RawDevice) -> Option<()>;

    /// Takes an event with the kernel's stamp.
    fn event(&mut self, event: InputEvent, at: Duration) -> Option<Sensed>;

    /// Events of the device were lost at `at`.
    fn lose(&mut self, device: &RawDevice, at: Duration);

    /// Whether it waits for [`SILENCE`].
    fn awaits_silence(&self) -> bool {
        false
    }

    /// There was a silence.
    fn silence(&mut self) -> Option<Sensed> {
        None
    }
}

/// A keypad: every key pressed is reported, however long it is held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys;

impl Meaning for Keys {
    const KIND: &'static str = "keypad: it has no digits";

    fn begin(&mut self, device: &RawDevice) -> Option<()> {
        has_digits(device).then_some(())
    }

    fn event(&mut self, event: InputEvent, _: Duration) -> Option<Sensed> {
        pressed(event).and_then(keys::key).map(Sensed::Key)
    }

    fn lose(&mut self, _: &RawDevice, _: Duration) {}
}

impl Meaning for Wedge {
    const KIND: &'static str = "card reader that types: it has no digits";

    fn begin(&mut self, device: &RawDevice) -> Option<()> {
        *self = Self::new(self.digits());
        has_digits(device).then_some(())
    }

    fn event(&mut self, event: InputEvent, at: Duration) -> Option<Sensed> {
        self.press(pressed(event)?, at).map(Sensed::RfCard)
    }

    fn lose(&mut self, _: &RawDevice, at: Duration) {
        self.spoil(at);
    }

    fn awaits_silence(&self) -> bool {
        self.is_typing()
    }

    fn silence(&mut self) -> Option<Sensed> {
        self.end().map(Sensed::RfCard)
    }
}

fn has_digits(device: &RawDevice) -> bool {
    let ones = [KeyCode::KEY_1, KeyCode::KEY_KP1, KeyCode::KEY_NUMERIC_1];
    device.supported_keys().is_some_and(|keys| ones.into_iter().any(|one| keys.contains(one)))
}

/// The key that went down; one that repeats itself is still the same press.
fn pressed(event: InputEvent) -> Option<KeyCode> {
    match event.destructure() {
        EventSummary::Key(_, code, 1) => Some(code),
        _ => None,
    }
}

/// A touch panel under a picture turned by `rotation`.
#[derive(Debug)]
pub struct Touch {
    rotation: Rotation,
    fingers: Option<Fingers>,
}

impl Meaning for Touch {
    const KIND: &'static str = "touch panel: it has no axes of a finger";

    fn begin(&mut self, device: &RawDevice) -> Option<()> {
        self.fingers = None;
        let has_button = device.supported_keys().is_some_and(|keys| keys.contains(KeyCode::BTN_TOUCH));
        let axes: Vec<_> = device.get_absinfo().ok()?.collect();
        let find = |axis| axes.iter().find(|(its, _)| *its == axis).map(|(_, info)| (axis, info));
        let pair = |x, y| Some((find(x)?, find(y)?)).filter(|((_, x), (_, y))| !(empty(x) || empty(y)));
        let contacts = pair(Axis::ABS_MT_POSITION_X, Axis::ABS_MT_POSITION_Y);
        let slot = find(Axis::ABS_MT_TRACKING_ID).map(|_| find(Axis::ABS_MT_SLOT).map_or(0, |(_, info)| info.value()));
        let (way, x, y) = match (has_button, pair(Axis::ABS_X, Axis::ABS_Y), contacts, slot) {
            (_, None, Some((x, y)), Some(slot)) | (false, _, Some((x, y)), Some(slot)) => {
                (Way::Contacts { slot }, x.1, y.1)
            }
            (true, Some((x, y)), ..) | (true, None, Some((x, y)), None) => {
                (Way::Plain { x: (x.0, x.1.value()), y: (y.0, y.1.value()) }, x.1, y.1)
            }
            _ => return None,
        };
        let range = [x.minimum()..=x.maximum(), y.minimum()..=y.maximum()];
        self.fingers = Some(Fingers::new(way, range, self.rotation));
        Some(())
    }

    fn event(&mut self, event: InputEvent, _: Duration) -> Option<Sensed> {
        self.fingers.as_mut()?.event(event).map(|(x, y)| Sensed::Touch { x, y })
    }

    /// Fingers that left may be among what was lost: the next one is a first one again.
    fn lose(&mut self, device: &RawDevice, _: Duration) {
        // A device that does not even say how its axes stand fails when it is read next.
        let _ = self.begin(device);
    }
}

fn empty(axis: &evdev::AbsInfo) -> bool {
    axis.minimum() >= axis.maximum()
}

/// A device of the input layer, opened when it is first asked and again after it failed.
#[derive(Debug)]
pub struct Input<M> {
    node: InputNode,
    meaning: M,
    device: Option<RawDevice>,
    /// What was sensed and not yet told.
    found: VecDeque<Sensed>,
    /// Whether what follows lost events is passed over, up to the end of their report.
    losing: bool,
    /// How long the device has been silent, at least.
    quiet: Duration,
}

impl Input<Keys> {
    /// A keypad.
    #[must_use]
    pub fn keypad(node: InputNode) -> Self {
        Self::new(node, Keys)
    }
}

impl Input<Wedge> {
    /// A card reader that types its numbers.
    #[must_use]
    pub fn card_reader(node: InputNode, digits: Digits) -> Self {
        Self::new(node, Wedge::new(digits))
    }
}

impl Input<Touch> {
    /// A touch panel under a picture that is turned clockwise by `rotation`.
    #[must_use]
    pub fn touch(node: InputNode, rotation: Rotation) -> Self {
        Self::new(node, Touch { rotation, fingers: None })
    }
}

impl<M: Meaning> Input<M> {
    fn new(node: InputNode, meaning: M) -> Self {
        Self { node, meaning, device: None, found: VecDeque::new(), losing: false, quiet: Duration::ZERO }
    }

    fn open(&mut self) -> Result<RawDevice> {
        let mut why = self.fails("is not there; `cat /proc/bus/input/devices` lists what is", None);
        for path in self.node.candidates(Path::new(CLASS)) {
            let mut device = match RawDevice::open(&path) {
                Ok(device) => device,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    why = self.fails("may not be opened; let the daemon's user into the group input", Some(error));
                    continue;
                }
                Err(error) => {
                    why = self.fails("is no device of the input layer", Some(error));
                    continue;
                }
            };
            if self.meaning.begin(&device).is_none() {
                why = self.fails(&format!("is no {}", M::KIND), None);
                continue;
            }
            // So that no console gets a password, or a card for one.
            if let Err(error) = device.grab() {
                why = self.fails("is held by another program; end that, or name another device", Some(error));
                continue;
            }
            stamp_by_monotonic_clock(&device);
            (self.losing, self.quiet) = (false, Duration::ZERO);
            self.found.clear();
            info!(node = %self.node, path = %path.display(), name = device.name(), "opened");
            return Ok(device);
        }
        Err(why)
    }

    fn fails(&self, what: &str, error: Option<io::Error>) -> Error {
        let said = error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
        let fails = Error::new(Fault::Unavailable, format!("{}: {what}{said}", self.node));
        match error {
            Some(error) => fails.because(error),
            None => fails,
        }
    }

    /// Waits once, and takes what has come.
    fn wait(&mut self, device: &mut RawDevice, patience: Duration) -> io::Result<()> {
        let awaits = self.meaning.awaits_silence();
        let wait = if awaits { patience.min(SILENCE.saturating_sub(self.quiet)) } else { patience };
        if !readable(&*device, wait)? {
            self.quiet += wait;
            if awaits && self.quiet >= SILENCE {
                self.found.extend(self.meaning.silence());
            }
            return Ok(());
        }
        self.quiet = Duration::ZERO;
        let events: Vec<_> = device.fetch_events()?.collect();
        for event in events {
            let at = event.timestamp().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            match event.destructure() {
                EventSummary::Synchronization(_, SynchronizationCode::SYN_DROPPED, _) => {
                    self.losing = true;
                    self.meaning.lose(device, at);
                }
                EventSummary::Synchronization(_, SynchronizationCode::SYN_REPORT, _) if self.losing => {
                    self.losing = false;
                }
                _ if self.losing => {}
                _ => self.found.extend(self.meaning.event(event, at)),
            }
        }
        Ok(())
    }
}

/// `None` comes early after events that mean nothing, so that a device that has many does not outlast any patience.
impl<M: Meaning> Sensor for Input<M> {
    fn next(&mut self, patience: Duration) -> Result<Option<Sensed>> {
        let mut device = match self.device.take() {
            Some(device) => device,
            None => self.open()?,
        };
        if self.found.is_empty() {
            // The device is put back only when it works: the next call opens it anew.
            self.wait(&mut device, patience).map_err(|error| self.fails("does not answer any more", Some(error)))?;
        }
        self.device = Some(device);
        Ok(self.found.pop_front())
    }
}

/// Has the kernel stamp events by a clock nobody sets. A kernel that cannot goes on with the wall clock: a number
/// being typed while that is set is passed over or cut short then.
fn stamp_by_monotonic_clock(device: impl AsFd) {
    /// `EVIOCSCLOCKID` of linux/input.h.
    const SET_CLOCK: rustix::ioctl::Opcode = opcode::write::<std::ffi::c_int>(b'E', 0xA0);
    /// `CLOCK_MONOTONIC` of linux/time.h.
    const MONOTONIC: std::ffi::c_int = 1;
    // SAFETY: this request reads one int, which is what it is given; the descriptor is that of an input device.
    let _ = unsafe { ioctl(device, Setter::<SET_CLOCK, std::ffi::c_int>::new(MONOTONIC)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_node_or_by_name() {
        for (text, node) in [
            ("/dev/input/event3", Some(InputNode::Path("/dev/input/event3".into()))),
            ("/dev/input/by-id/usb-x-event-kbd", Some(InputNode::Path("/dev/input/by-id/usb-x-event-kbd".into()))),
            ("name:Sycreader USB", Some(InputNode::Name("Sycreader USB".into()))),
            ("name:", None),
            ("/dev/ttyS0", None),
            ("/dev/inputs/event0", None),
            ("", None),
        ] {
            let read = InputNode::try_from(text.to_owned()).ok();
            assert_eq!(read, node, "{text}");
            assert!(read.is_none_or(|node| node.to_string() == text), "{text} is shown as it was written");
        }
    }

    #[test]
    fn a_name_finds_every_part_of_its_device_in_order() {
        let class = tempfile::tempdir().unwrap();
        for (entry, name) in [
            ("event10", "Reader"),
            ("event2", "Reader"),
            ("event3", "Readers"),
            ("mouse0", "Reader"),
            ("eventx", "Reader"),
        ] {
            let device = class.path().join(entry).join("device");
            fs::create_dir_all(&device).unwrap();
            fs::write(device.join("name"), format!("{name}\n")).unwrap();
        }
        fs::create_dir(class.path().join("event7")).unwrap();
        assert_eq!(named("Reader", class.path()), [Path::new("/dev/input/event2"), Path::new("/dev/input/event10")]);
        assert_eq!(named("Keypad", class.path()), [] as [&Path; 0]);
        assert_eq!(named("Reader", &class.path().join("nowhere")), [] as [&Path; 0]);
    }

    #[test]
    fn what_cannot_be_opened_says_what_to_do_and_is_tried_again() {
        let missing = InputNode::Path("/dev/input/no-such-event".into());
        let mut keypad = Input::keypad(missing);
        for _ in 0..2 {
            let error = keypad.next(Duration::ZERO).unwrap_err();
            assert_eq!(error.fault, Fault::Unavailable);
            assert!(error.detail.starts_with("/dev/input/no-such-event: is not there; "), "{error}");
        }
        let plain = tempfile::NamedTempFile::new().unwrap();
        let mut reader = Input::card_reader(InputNode::Path(plain.path().into()), Digits::Decimal);
        let error = reader.next(Duration::ZERO).unwrap_err();
        assert!(error.detail.contains("is no device of the input layer"), "{error}");
    }
}
