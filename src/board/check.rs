//! What `facegate check` finds of a profile's devices.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use super::open::{OpenError, v4l};
use super::{Board, CameraRole, Pin, PinDriver};
use crate::clock::Clock;
use crate::error::{Error, Fault, Result, reason};
use crate::hal::linux::backlight::Backlight;
use crate::hal::linux::pins::Place;
use crate::hal::rpi::RpiPin;
use crate::store;
use crate::ui::lettering::Fonts;
use crate::vision::Pack;

/// What `facegate check` found of one device.
#[derive(Debug)]
pub struct Finding {
    /// Its role.
    pub device: &'static str,
    /// What it is, or why it does not work.
    pub found: Result<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Ok(what) => write!(f, "ok    {:<16} {what}", self.device),
            Err(error) => write!(f, "FAILS {:<16} {}", self.device, reason(error)),
        }
    }
}

impl Board {
    /// Tries every device of a real board, the door's own first.
    ///
    /// # Errors
    /// When the profile's parts do not fit together.
    pub fn check(&self, clock: &Arc<dyn Clock>) -> Result<Vec<Finding>, OpenError> {
        let mut found = Vec::new();
        let mut add = |device, what| found.push(Finding { device, found: what });
        for (device, input) in self.inputs() {
            add(device, input.probe());
        }
        let pins = [("relay", self.relay.as_ref().map(|relay| &relay.pin)), ("lamp", self.lamp.as_ref())];
        for (device, pin) in pins.into_iter().filter_map(|(device, pin)| Some((device, pin?))) {
            add(device, self.probe(device, pin)?);
        }
        if let Some(out) = &self.wiegand_out {
            add("wiegand DATA0", self.probe("wiegand_out", &out.data0)?);
            add("wiegand DATA1", self.probe("wiegand_out", &out.data1)?);
        }
        if let Some(lines) = self.wiegand_reader() {
            add("wiegand reader", lines.probe());
        }
        for (device, role) in [("camera", CameraRole::Color), ("infrared camera", CameraRole::Infrared)] {
            if let Some(mut camera) = self.camera(role).and_then(|camera| v4l(camera, clock)) {
                add(device, camera.probe());
            }
        }
        if let Some(mut panel) = self.panel() {
            add("panel", panel.probe());
        }
        for (device, node, mut sensor) in self.readers() {
            add(device, sensor.next(Duration::ZERO).map(|_| node));
        }
        if let Some(node) = &self.backlight {
            add("backlight", Backlight::new(node.clone()).probe());
        }
        if let Some(font) = self.display.as_ref().and_then(|display| display.font.as_ref()) {
            let read = Fonts::load(font).map(|_| font.display().to_string());
            add("font", read);
        }
        let pack = (self.vision.pack != "auto").then_some(self.vision.pack.as_str());
        let models = self.vision.models.display();
        add("face models", Pack::locate(&self.vision.models, pack).map(|pack| format!("{} in {models}", pack.id)));
        if let Some(player) = self.player(clock) {
            add("sound", player.probe());
        }
        if let Some(watchdog) = self.watchdog() {
            add("watchdog", watchdog.probe());
        }
        add("data folder", store::probe(&self.data));
        add("port", self.probe_port());
        Ok(found)
    }

    fn probe(&self, device: &'static str, pin: &Pin) -> Result<Result<String>, OpenError> {
        match self.gpio {
            PinDriver::Rppal => Ok(RpiPin::new(pin).map_err(|why| self.fails(device, why))?.probe()),
            PinDriver::Cdev | PinDriver::Sim => Ok(Place::new(pin, None).probe()),
        }
    }

    /// Whether the API can be listened for.
    fn probe_port(&self) -> Result<String> {
        let listened = TcpListener::bind(self.listen).map(|_| self.listen.to_string());
        listened.map_err(|error| {
            let advice = match error.kind() {
                io::ErrorKind::AddrInUse => "end the program that listens there, or write another port into listen in the section [http]",
                io::ErrorKind::PermissionDenied => "give the daemon CAP_NET_BIND_SERVICE, or write a port from 1024 on into listen in the section [http]",
                io::ErrorKind::AddrNotAvailable => "write an address of this machine, or 0.0.0.0, into listen in the section [http]",
                _ => "look at listen in the section [http]",
            };
            Error::new(Fault::Unavailable, format!("{} cannot be listened on: {advice}", self.listen)).because(error)
        })
    }
}
