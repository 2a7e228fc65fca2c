//! The same traits in memory: pictures posted by a client are what the camera sees, and everything the
//! terminal does to its outputs is kept with its time.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{ErrorType, OutputPin};
use image::RgbImage;
use jiff::Timestamp;

use super::linux::interfaces;
use super::wiegand::{Lines, Timing};
use super::{Camera, Connection, Dimmer, Host, Link, PinError, Player, WiegandOut};
use crate::access::{FrameLayout, WiegandFrame};
use crate::clock::{Bell, Clock, Mono, lock};
use crate::error::Result;
use crate::field::Address;
use crate::settings::{Network, Wifi};
use crate::vision::Frame;

/// How many of each, relay changes, frames, sounds, are kept.
const LOG: usize = 10_000;

/// A change of the relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RelayChange {
    /// When.
    pub at: Mono,
    /// Whether the contact is closed since then.
    pub closed: bool,
}

/// A pulse on one of the Wiegand lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pulse {
    /// 0 or 1.
    pub line: u8,
    /// When the line went low.
    pub at: Mono,
    /// For how long.
    pub width: Duration,
}

/// A sound that was played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Played {
    /// When.
    pub at: Mono,
    /// The file.
    pub file: PathBuf,
    /// Volume, per cent.
    pub volume: u8,
}

/// A light of the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lamp {
    /// The white light.
    White,
    /// The one behind the panel.
    Panel,
}

/// A light that was set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dimmed {
    /// When.
    pub at: Mono,
    /// Which.
    pub lamp: Lamp,
    /// Brightness since then, per cent.
    pub percent: u8,
}

/// What is before the pretend camera and what the terminal did, shared with the control routes.
#[derive(Debug)]
pub struct World {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Rung when the scene changes or the world ends.
    changed: Bell,
}

#[derive(Debug)]
struct State {
    empty: Arc<RgbImage>,
    scene: Option<(Arc<RgbImage>, Mono)>,
    relay: VecDeque<RelayChange>,
    /// Frames, each as its pulses.
    wiegand: VecDeque<Vec<Pulse>>,
    played: VecDeque<Played>,
    dimmed: VecDeque<Dimmed>,
    machine: Machine,
    closed: bool,
}

impl World {
    /// An empty room before a sensor of `width` x `height` pixels.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, width: u32, height: u32) -> Arc<Self> {
        let state = State {
            empty: Arc::new(RgbImage::new(width, height)),
            scene: None,
            relay: VecDeque::new(),
            wiegand: VecDeque::new(),
            played: VecDeque::new(),
            dimmed: VecDeque::new(),
            machine: Machine::default(),
            closed: false,
        };
        Arc::new(Self { clock, state: Mutex::new(state), changed: Bell::default() })
    }

    /// Width and height of the sensor.
    #[must_use]
    pub fn sensor(&self) -> (u32, u32) {
        lock(&self.state).empty.dimensions()
    }

    /// Puts a picture of the sensor's size before the camera for a while, then the empty room again.
    pub fn show(&self, picture: RgbImage, span: Duration) {
        let until = self.clock.mono().after(span);
        lock(&self.state).scene = Some((Arc::new(picture), until));
        self.changed.ring();
    }

    /// Relay changes since the start or the last [`World::forget`].
    #[must_use]
    pub fn relay(&self) -> Vec<RelayChange> {
        lock(&self.state).relay.iter().copied().collect()
    }

    /// Wiegand frames as pulses, since the start or the last [`World::forget`].
    #[must_use]
    pub fn wiegand(&self) -> Vec<Vec<Pulse>> {
        lock(&self.state).wiegand.iter().cloned().collect()
    }

    /// Sounds since the start or the last [`World::forget`].
    #[must_use]
    pub fn played(&self) -> Vec<Played> {
        lock(&self.state).played.iter().cloned().collect()
    }

    /// Changes of lights since the start.
    #[must_use]
    pub fn dimmed(&self) -> Vec<Dimmed> {
        lock(&self.state).dimmed.iter().copied().collect()
    }

    /// What a light was last set to, per cent; `None`: not yet.
    #[must_use]
    pub fn brightness(&self, lamp: Lamp) -> Option<u8> {
        let state = lock(&self.state);
        state.dimmed.iter().rev().find(|dimmed| dimmed.lamp == lamp).map(|dimmed| dimmed.percent)
    }

    /// Forgets what the outputs did; what shines shines on.
    pub fn forget(&self) {
        let mut state = lock(&self.state);
        state.relay.clear();
        state.wiegand.clear();
        state.played.clear();
    }

    /// How often the terminal asked to be restarted.
    #[must_use]
    pub fn reboots(&self) -> u32 {
        lock(&self.state).machine.reboots
    }

    /// What was asked of the machine.
    #[must_use]
    pub fn machine(&self) -> Machine {
        lock(&self.state).machine.clone()
    }

    /// Ends the world: the camera delivers no more frames.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.ring();
    }
}

/// The pretend camera.
#[derive(Debug)]
pub struct SimCamera {
    world: Arc<World>,
    interval: Duration,
    due: Mono,
    number: u64,
}

impl SimCamera {
    /// Looks into `world`, `fps` times a second.
    #[must_use]
    pub fn new(world: Arc<World>, fps: u32) -> Self {
        let due = world.clock.mono();
        Self { world, interval: Duration::from_secs(1) / fps.max(1), due, number: 0 }
    }
}

impl Camera for SimCamera {
    fn next(&mut self) -> Result<Option<Frame>> {
        let clock = self.world.clock.clone();
        while clock.mono() < self.due && !lock(&self.world.state).closed {
            clock.wait(&self.world.changed, Some(self.due));
        }
        let now = clock.mono();
        self.due = self.due.after(self.interval).max(now);
        self.number += 1;
        let mut state = lock(&self.world.state);
        if state.closed {
            return Ok(None);
        }
        if state.scene.as_ref().is_some_and(|(_, until)| now >= *until) {
            state.scene = None;
        }
        let pixels = state.scene.as_ref().map_or_else(|| state.empty.clone(), |(picture, _)| picture.clone());
        Ok(Some(Frame { pixels, at: now, number: self.number }))
    }
}

/// The pretend relay.
#[derive(Debug)]
pub struct SimRelay(pub Arc<World>);

impl SimRelay {
    fn set(&self, closed: bool) {
        let at = self.0.clock.mono();
        keep(&mut lock(&self.0.state).relay, RelayChange { at, closed });
    }
}

impl ErrorType for SimRelay {
    type Error = PinError;
}

impl OutputPin for SimRelay {
    fn set_low(&mut self) -> Result<(), PinError> {
        self.set(false);
        Ok(())
    }
    fn set_high(&mut self) -> Result<(), PinError> {
        self.set(true);
        Ok(())
    }
}

/// Keeps an entry of a bounded list.
fn keep<T>(log: &mut VecDeque<T>, entry: T) {
    if log.len() == LOG {
        log.pop_front();
    }
    log.push_back(entry);
}

/// The pretend loudspeaker: every sound is over at once.
#[derive(Debug)]
pub struct SimPlayer(pub Arc<World>);

impl Player for SimPlayer {
    fn play(&mut self, file: &Path, volume: u8) -> Result<()> {
        let at = self.0.clock.mono();
        keep(&mut lock(&self.0.state).played, Played { at, file: file.to_owned(), volume });
        Ok(())
    }
}

/// A pretend light.
#[derive(Debug)]
pub struct SimDimmer {
    /// Where it shines.
    pub world: Arc<World>,
    /// Which it is.
    pub lamp: Lamp,
}

impl Dimmer for SimDimmer {
    fn set(&mut self, percent: u8) -> Result<()> {
        let at = self.world.clock.mono();
        keep(&mut lock(&self.world.state).dimmed, Dimmed { at, lamp: self.lamp, percent });
        Ok(())
    }
}

/// The time on the pretend lines: it starts with each frame and moves only by the delays between edges, so
/// that a waveform shows exactly the timing asked for.
#[derive(Debug, Default)]
struct LineTime {
    now: Mono,
    pulses: Vec<Pulse>,
}

#[derive(Debug)]
struct SimLine {
    number: u8,
    time: Arc<Mutex<LineTime>>,
    low_since: Option<Mono>,
}

impl ErrorType for SimLine {
    type Error = Infallible;
}

impl OutputPin for SimLine {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.low_since = Some(lock(&self.time).now);
        Ok(())
    }
    fn set_high(&mut self) -> Result<(), Infallible> {
        if let Some(at) = self.low_since.take() {
            let mut time = lock(&self.time);
            let width = time.now.since(at);
            time.pulses.push(Pulse { line: self.number, at, width });
        }
        Ok(())
    }
}

struct SimDelay(Arc<Mutex<LineTime>>);

impl DelayNs for SimDelay {
    fn delay_ns(&mut self, ns: u32) {
        let mut time = lock(&self.0);
        time.now = time.now.after(Duration::from_nanos(ns.into()));
    }
}

/// The pretend Wiegand lines, driven by the same bit timing as real ones.
#[derive(Debug)]
pub struct SimWiegand {
    world: Arc<World>,
    lines: Lines<SimLine>,
    layout: Option<FrameLayout>,
    time: Arc<Mutex<LineTime>>,
}

impl SimWiegand {
    /// Two lines of `world`; in frames of `layout`, where there is one.
    #[must_use]
    pub fn new(world: Arc<World>, timing: Timing, layout: Option<FrameLayout>) -> Self {
        let time = Arc::<Mutex<LineTime>>::default();
        let line = |number| SimLine { number, time: time.clone(), low_since: None };
        let lines = Lines::new(line(0), line(1), timing);
        Self { world, lines, layout, time }
    }
}

impl WiegandOut for SimWiegand {
    fn idle(&mut self) -> Result<()> {
        let Ok(()) = self.lines.idle();
        Ok(())
    }

    fn send(&mut self, frame: WiegandFrame) -> Result<()> {
        {
            let mut time = lock(&self.time);
            time.now = time.now.max(self.world.clock.mono());
        }
        let frame = self.layout.as_ref().map_or(frame, |layout| layout.of(frame));
        let Ok(()) = self.lines.send(frame, &mut SimDelay(self.time.clone()));
        let pulses = std::mem::take(&mut lock(&self.time).pulses);
        keep(&mut lock(&self.world.state).wiegand, pulses);
        Ok(())
    }
}

/// What was asked of the pretend machine.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Machine {
    /// How often to restart.
    pub reboots: u32,
    /// How often to set the clock.
    pub times_set: u32,
    /// Networks to bring in force, the last one at the end; what was in force already is not repeated.
    pub networks: VecDeque<(Network, Wifi)>,
}

/// The pretend machine: its clock is the terminal's own, and a restart or another network is only noted.
#[derive(Debug)]
pub struct SimHost(pub Arc<World>);

impl Host for SimHost {
    fn set_time(&self, to: Timestamp) -> Result<()> {
        self.0.clock.set_wall(to);
        lock(&self.0.state).machine.times_set += 1;
        Ok(())
    }

    fn reboot(&self) -> Result<()> {
        lock(&self.0.state).machine.reboots += 1;
        tracing::info!("restart asked for; the simulated terminal goes on");
        Ok(())
    }

    fn set_network(&self, network: &Network, wifi: &Wifi) -> Result<()> {
        let networks = &mut lock(&self.0.state).machine.networks;
        let new = Default::default();
        if networks.back().unwrap_or(&new) != &(network.clone(), wifi.clone()) {
            if networks.len() == LOG {
                networks.pop_front();
            }
            networks.push_back((network.clone(), wifi.clone()));
        }
        Ok(())
    }

    /// What was last set; else where the machine really is that this runs on.
    fn connection(&self, link: Link) -> Result<Connection> {
        let last = lock(&self.0.state).machine.networks.back().cloned().unwrap_or_default();
        match (link, last) {
            (Link::Wired, (set, _)) if set.address.is_some() && !set.dhcp() => Ok(Connection {
                address: set.address,
                mask: set.mask,
                gateway: set.gateway,
                dns: [set.dns, Address::NONE],
            }),
            (Link::Wired, _) => Ok(interfaces::connection(Path::new("/"), &interfaces::assigned()?, None)),
            (Link::Wifi, (_, set)) if set.enabled.on() && !set.dhcp.on() => {
                Ok(Connection { address: set.address, mask: set.mask, gateway: set.gateway, dns: [set.dns1, set.dns2] })
            }
            (Link::Wifi, _) => Ok(Connection::NONE),
        }
    }

    fn has_wifi(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn world() -> (Arc<ManualClock>, Arc<World>) {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        (clock.clone(), World::new(clock, 8, 8))
    }

    #[test]
    fn a_picture_is_seen_for_its_time() {
        let (clock, world) = world();
        let mut camera = SimCamera::new(world.clone(), 25);
        let mut shown = || camera.next().unwrap().map(|f| f.pixels.get_pixel(0, 0)[0]);
        assert_eq!(shown(), Some(0));
        world.show(RgbImage::from_pixel(8, 8, image::Rgb([9, 9, 9])), Duration::from_millis(60));
        clock.advance(Duration::from_millis(40));
        assert_eq!(shown(), Some(9));
        clock.advance(Duration::from_millis(40));
        assert_eq!(shown(), Some(0));
        world.close();
        assert_eq!(shown(), None);
    }

    #[test]
    fn sounds_and_lights_are_recorded() {
        let (clock, world) = world();
        SimPlayer(world.clone()).play(Path::new("a/welcome.wav"), 35).unwrap();
        let mut lamp = SimDimmer { world: world.clone(), lamp: Lamp::White };
        lamp.set(70).unwrap();
        clock.advance(Duration::from_micros(5));
        lamp.set(0).unwrap();
        assert_eq!(world.played(), [Played { at: Mono(0), file: "a/welcome.wav".into(), volume: 35 }]);
        let set = |at, percent| Dimmed { at: Mono(at), lamp: Lamp::White, percent };
        assert_eq!(world.dimmed(), [set(0, 70), set(5, 0)]);
        assert_eq!((world.brightness(Lamp::White), world.brightness(Lamp::Panel)), (Some(0), None));
    }

    #[test]
    fn frames_are_recorded_as_waveforms() {
        let (_, world) = world();
        let mut lines = SimWiegand::new(world.clone(), Timing { pulse_us: 100, interval_us: 1000 }, None);
        lines.send(WiegandFrame { bits: 4, value: 0b0110 }).unwrap();
        lines.send(WiegandFrame { bits: 4, value: 0b0001 }).unwrap();
        let frames = world.wiegand();
        let first: Vec<_> = frames[0].iter().map(|p| (p.line, p.at.0, p.width.as_micros())).collect();
        assert_eq!(first, [(0, 0, 100), (1, 1000, 100), (1, 2000, 100), (0, 3000, 100)]);
        assert_eq!(frames[1][0].at, Mono(4000 + 50_000), "frames keep a gap");
    }
}
