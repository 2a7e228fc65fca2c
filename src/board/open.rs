//! From a profile to its devices: which driver serves which role.
//!
//! Drivers of real devices open what they drive when it is needed and anew after it failed, so opening a board fails only
//! for a profile that makes no sense.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Board, Camera, CameraDriver, CameraRole, CardReader, DisplayDriver, Input, Pin, PinDriver, SoundDriver};
use crate::clock::Clock;
use crate::door::InputRole;
use crate::error::Result;
use crate::hal::linux::backlight::Backlight;
use crate::hal::linux::camera::V4lCamera;
use crate::hal::linux::contacts::InputLine;
use crate::hal::linux::framebuffer::Framebuffer;
use crate::hal::linux::host::{Kernel, LinuxHost};
use crate::hal::linux::mlx90640::Thermal;
use crate::hal::linux::pins::{OutputLine, Place, Switched};
use crate::hal::linux::player::ProgramPlayer;
use crate::hal::linux::serial::SerialReader;
use crate::hal::linux::watchdog::WatchdogNode;
use crate::hal::linux::wiegand::{LinesIn, LinesOut};
use crate::hal::rpi::{self, RpiPin};
use crate::hal::sim::{Lamp, SimCamera, SimDimmer, SimHost, SimPlayer, SimRelay, SimWiegand, World};
use crate::hal::wiegand::Timing;
use crate::hal::{self, Abilities, Devices, Output, Sensor, linux};

/// A profile whose devices cannot be opened together.
#[derive(Debug, thiserror::Error)]
#[error("{board}: {device}: {why}")]
pub struct OpenError {
    board: String,
    device: &'static str,
    why: String,
}

impl Board {
    /// The devices of the profile.
    ///
    /// # Errors
    /// When the profile's parts do not fit together.
    pub fn open(&self, clock: Arc<dyn Clock>) -> Result<Devices, OpenError> {
        let color = self.camera(CameraRole::Color).ok_or_else(|| self.fails("camera", "there is no colour camera"))?;
        match (color.driver, self.gpio) {
            (CameraDriver::Sim, PinDriver::Sim) => self.simulated(color, clock),
            (CameraDriver::V4l2, PinDriver::Rppal | PinDriver::Cdev) => self.real(color, clock),
            _ => Err(self.fails("gpio", "camera and gpio are either both \"sim\" or both not")),
        }
    }

    pub(super) fn fails(&self, device: &'static str, why: impl Into<String>) -> OpenError {
        OpenError { board: self.name.clone(), device, why: why.into() }
    }

    pub(super) fn camera(&self, role: CameraRole) -> Option<&Camera> {
        self.cameras.iter().find(|camera| camera.role == role)
    }

    fn simulated(&self, camera: &Camera, clock: Arc<dyn Clock>) -> Result<Devices, OpenError> {
        if self.sound.as_ref().is_some_and(|sound| sound.driver != SoundDriver::Sim) {
            return Err(self.fails("sound", "its driver is \"sim\" where the camera's is"));
        }
        let world = World::new(clock, camera.mode.width, camera.mode.height);
        let light = |lamp| Box::new(SimDimmer { world: world.clone(), lamp }) as Box<dyn hal::Dimmer>;
        let layout = self.wiegand_out.as_ref().and_then(|out| out.layout.clone());
        let wiegand = self
            .wiegand_timing()
            .map(|timing| Box::new(SimWiegand::new(world.clone(), timing, layout.clone())) as Box<dyn hal::WiegandOut>);
        Ok(Devices {
            camera: Box::new(SimCamera::new(world.clone(), camera.mode.fps)),
            infrared: None,
            sensors: Vec::new(),
            panel: None,
            watchdog: None,
            relay: self.relay.as_ref().map(|_| Output::new(SimRelay(world.clone()))),
            wiegand,
            player: self.sound.as_ref().map(|_| Box::new(SimPlayer(world.clone())) as Box<dyn hal::Player>),
            lamp: self.lamp.as_ref().map(|_| light(Lamp::White)),
            backlight: self.backlight.as_ref().map(|_| light(Lamp::Panel)),
            // Pretend readers cost nothing: the control routes speak for each.
            abilities: Abilities {
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

    fn real(&self, color: &Camera, clock: Arc<dyn Clock>) -> Result<Devices, OpenError> {
        if self.display.as_ref().is_some_and(|display| display.driver == DisplayDriver::Sim) {
            return Err(self.fails("display", "its driver is \"sim\" where the camera's is not"));
        }
        if self.sound.as_ref().is_some_and(|sound| sound.driver == SoundDriver::Sim) {
            return Err(self.fails("sound", "its driver is \"sim\" where the camera's is not"));
        }
        let camera = |camera: &Camera| Some(Box::new(v4l(camera, &clock)?) as Box<dyn hal::Camera>);
        let mut sensors: Vec<(String, Box<dyn Sensor>)> = Vec::new();
        for (device, input) in self.inputs() {
            sensors.push((device.to_owned(), Box::new(input)));
        }
        if let Some(lines) = self.wiegand_reader() {
            sensors.push(("wiegand reader".to_owned(), Box::new(lines)));
        }
        sensors.extend(self.readers().into_iter().map(|(device, _, sensor)| (device.to_owned(), sensor)));
        let relay = self.relay.as_ref().map(|relay| self.output("relay", &relay.pin, false)).transpose()?;
        let lamp = self.lamp.as_ref().map(|pin| self.output("lamp", pin, false)).transpose()?;
        let mut wiegand = None;
        if let (Some(out), Some(timing)) = (&self.wiegand_out, self.wiegand_timing()) {
            // Lines idle high: what the profile calls active is the pulse.
            let data0 = self.output("wiegand_out", &out.data0, true)?;
            let data1 = self.output("wiegand_out", &out.data1, true)?;
            wiegand =
                Some(Box::new(LinesOut::new(data0, data1, timing, out.layout.clone())) as Box<dyn hal::WiegandOut>);
        }
        let backlight = self.backlight.clone().map(|node| Box::new(Backlight::new(node)) as Box<dyn hal::Dimmer>);
        Ok(Devices {
            camera: camera(color).ok_or_else(|| self.fails("camera", "it has no node"))?,
            infrared: self.camera(CameraRole::Infrared).and_then(camera),
            sensors,
            panel: self.panel().map(|panel| Box::new(panel) as Box<dyn hal::Panel>),
            watchdog: self.watchdog().map(|watchdog| Box::new(watchdog) as Box<dyn hal::Watchdog>),
            relay,
            wiegand,
            player: self.player(&clock).map(|player| Box::new(player) as Box<dyn hal::Player>),
            lamp: lamp.map(|pin| Box::new(Switched(pin)) as Box<dyn hal::Dimmer>),
            backlight,
            abilities: Abilities {
                rf_card: self.readers.card.is_some(),
                wiegand_in: self.wiegand_in.is_some(),
                keypad: self.readers.keypad.is_some() || self.wiegand_in.is_some(),
                temperature: self.thermal.is_some(),
                ..Abilities::default()
            },
            host: Arc::new(LinuxHost::new("/", self.network.clone(), clock.clone(), Arc::new(Kernel))),
            sim: None,
        })
    }

    /// The two lines of a door controller as outputs that are high when they idle.
    ///
    /// # Errors
    /// When the profile has none, or names no such pins.
    pub fn wiegand_lines(&self) -> Result<(Output, Output, Timing), OpenError> {
        let missing = || self.fails("wiegand_out", "the profile has no such lines");
        let (out, timing) = self.wiegand_out.as_ref().zip(self.wiegand_timing()).ok_or_else(missing)?;
        let line = |pin| self.output("wiegand_out", pin, true);
        Ok((line(&out.data0)?, line(&out.data1)?, timing))
    }

    /// The relay alone.
    ///
    /// # Errors
    /// When the profile names no such pin.
    pub fn relay_alone(&self) -> Result<Option<Output>, OpenError> {
        self.relay.as_ref().map(|relay| self.output("relay", &relay.pin, false)).transpose()
    }

    /// Whether the fire alarm is given, as its input stands now; `false` without one.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn is_fire(&self) -> Result<bool> {
        let Some((_, mut input)) = self.inputs().into_iter().find(|(_, input)| input.role() == InputRole::Fire) else {
            return Ok(false);
        };
        Ok(matches!(input.next(Duration::ZERO)?, Some(hal::Sensed::Input(input)) if input.on))
    }

    fn wiegand_timing(&self) -> Option<Timing> {
        let out = self.wiegand_out.as_ref()?;
        Some(Timing { pulse_us: out.pulse_us, interval_us: out.interval_us })
    }

    fn output(&self, device: &'static str, pin: &Pin, inverted: bool) -> Result<Output, OpenError> {
        match self.gpio {
            PinDriver::Cdev => {
                let place = Place::new(pin, None);
                Ok(Output::new(OutputLine::new(if inverted { place.inverted() } else { place })))
            }
            PinDriver::Rppal => {
                let pin = RpiPin::new(pin).map_err(|why| self.fails(device, why))?;
                Ok(Output::new(if inverted { pin.inverted() } else { pin }))
            }
            PinDriver::Sim => Err(self.fails(device, "the simulated board has no pins of its own")),
        }
    }

    /// Where edges are seen: a Raspberry Pi's registers know none, so that its inputs go by the character device too.
    fn place(&self, pin: &Pin) -> Place {
        let chip: Option<PathBuf> = if self.gpio == PinDriver::Rppal { rpi::header() } else { None };
        Place::new(pin, chip)
    }

    pub(super) fn inputs(&self) -> Vec<(&'static str, InputLine)> {
        let line = |role, input: &Input| {
            let debounce = Duration::from_millis(input.debounce_ms.into());
            InputLine::new(role, self.place(&input.pin), debounce)
        };
        let all = [
            ("exit button", InputRole::Exit, &self.inputs.exit),
            ("fire alarm", InputRole::Fire, &self.inputs.fire),
            ("door contact", InputRole::Contact, &self.inputs.contact),
            ("tamper contact", InputRole::Tamper, &self.inputs.tamper),
        ];
        let there = all.into_iter().filter_map(|(device, role, input)| Some((device, role, input.as_ref()?)));
        there.map(|(device, role, input)| (device, line(role, input))).collect()
    }

    pub(super) fn wiegand_reader(&self) -> Option<LinesIn> {
        let lines = self.wiegand_in.as_ref()?;
        Some(LinesIn::new(self.place(&lines.data0), self.place(&lines.data1)))
    }

    /// Readers and sensors with a device node of their own, each with its name and where it is.
    pub(super) fn readers(&self) -> Vec<(&'static str, String, Box<dyn Sensor>)> {
        let mut all: Vec<(&'static str, String, Box<dyn Sensor>)> = Vec::new();
        match self.readers.card.clone() {
            Some(CardReader::Input { node, digits }) => {
                all.push(("card reader", node.to_string(), Box::new(linux::input::Input::card_reader(node, digits))));
            }
            Some(CardReader::Serial { node, baud, framing }) => {
                let name = format!("{} at {baud} baud", node.display());
                all.push(("card reader", name, Box::new(SerialReader::new(node, baud, framing))));
            }
            None => {}
        }
        if let Some(node) = self.readers.keypad.clone() {
            all.push(("keypad", node.to_string(), Box::new(linux::input::Input::keypad(node))));
        }
        if let Some((node, display)) = self.readers.touch.clone().zip(self.display.as_ref()) {
            let touch = linux::input::Input::touch(node.clone(), display.rotation);
            all.push(("touch panel", node.to_string(), Box::new(touch)));
        }
        if let Some(thermal) = &self.thermal {
            let name = format!("{} at {:#04x}", thermal.bus.display(), thermal.address);
            let sensor = Thermal::new(thermal.bus.clone(), thermal.address, thermal.refresh);
            all.push(("thermal sensor", name, Box::new(sensor)));
        }
        all
    }

    pub(super) fn panel(&self) -> Option<Framebuffer> {
        let display = self.display.as_ref().filter(|display| display.driver == DisplayDriver::Framebuffer)?;
        Some(Framebuffer::new(display.node.clone()?, (display.width, display.height), display.rotation))
    }

    pub(super) fn player(&self, clock: &Arc<dyn Clock>) -> Option<ProgramPlayer> {
        let sound = self.sound.as_ref().filter(|sound| sound.driver == SoundDriver::Command)?;
        Some(ProgramPlayer::new(sound.player.clone(), clock.clone()))
    }

    pub(super) fn watchdog(&self) -> Option<WatchdogNode> {
        let watchdog = self.watchdog.as_ref()?;
        Some(WatchdogNode::new(watchdog.node.clone(), Duration::from_secs(watchdog.timeout_s.into())))
    }
}

/// The driver of a real camera.
pub(super) fn v4l(camera: &Camera, clock: &Arc<dyn Clock>) -> Option<V4lCamera> {
    let node = camera.node.clone().filter(|_| camera.driver == CameraDriver::V4l2)?;
    Some(V4lCamera::new(camera.mode.clone(), node, clock.clone()))
}
