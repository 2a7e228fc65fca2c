//! Inputs of the door: edges with the kernel's time stamps, debounced.

use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::line::{EdgeDetection, Value};

use super::pins::Place;
use super::realtime::{Urgency, hurry};
use crate::door::{Input, InputRole};
use crate::error::Result;
use crate::hal::{Sensed, Sensor};

/// One input.
#[derive(Debug)]
pub struct InputLine {
    role: InputRole,
    place: Place,
    debounce: Duration,
    /// The line, and how it stood when it was last reported.
    open: Option<(Request, bool)>,
    hurried: bool,
}

impl InputLine {
    /// The input `role` at `place`; changes shorter than `debounce` are noise.
    #[must_use]
    pub const fn new(role: InputRole, place: Place, debounce: Duration) -> Self {
        Self { role, place, debounce, open: None, hurried: false }
    }

    /// What the kernel knows of the line, without taking it.
    ///
    /// # Errors
    /// When there is no such line, or somebody else holds it.
    pub fn probe(&self) -> Result<String> {
        self.place.probe()
    }

    fn take(&self) -> Result<(Request, bool)> {
        let mut config = self.place.config()?;
        config.as_input().with_edge_detection(EdgeDetection::BothEdges);
        let request = self.place.request(config)?;
        let on = self.level(&request)?;
        Ok((request, on))
    }

    fn level(&self, request: &Request) -> Result<bool> {
        request.lone_value().map(|value| value == Value::Active).map_err(|e| self.place.failed(e))
    }

    /// Waits for the line to stand otherwise than `was`, for longer than noise does.
    fn wait(&self, request: &Request, was: bool, patience: Duration) -> Result<bool> {
        let failed = |e: gpiocdev::Error| self.place.failed(e);
        if !request.wait_edge_event(patience).map_err(failed)? {
            return Ok(was);
        }
        // Every edge begins the wait anew: only a line that has come to rest counts. A chattering one gives up its
        // turn after a while, so that the thread still sees when it should end.
        for _ in 0..EDGES {
            request.read_edge_event().map_err(failed)?;
            if !request.wait_edge_event(self.debounce).map_err(failed)? {
                break;
            }
        }
        self.level(request)
    }
}

/// How many edges without rest are one change.
const EDGES: u32 = 1000;

impl Sensor for InputLine {
    fn next(&mut self, patience: Duration) -> Result<Option<Sensed>> {
        if !std::mem::replace(&mut self.hurried, true) {
            hurry(Urgency::Input);
        }
        let told = |on| Ok(Some(Sensed::Input(Input { role: self.role, on })));
        let Some((request, was)) = self.open.take() else {
            let (request, on) = self.take()?;
            self.open = Some((request, on));
            // A button that is stuck, or wired the other way round, must not open the door at every start.
            return if on && self.role == InputRole::Exit { Ok(None) } else { told(on) };
        };
        let on = self.wait(&request, was, patience)?;
        self.open = Some((request, on));
        if on == was { Ok(None) } else { told(on) }
    }
}
