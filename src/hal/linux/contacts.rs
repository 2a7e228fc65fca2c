//! Inputs of the door: edges with the kernel's time stamps, debounced.

use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::line::{EdgeDetection, Value};

use super::pins::Place;
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
}

impl InputLine {
    /// The input `role` at `place`; changes shorter than `debounce` are noise.
    #[must_use]
    pub const fn new(role: InputRole, place: Place, debounce: Duration) -> Self {
        Self { role, place, debounce, open: None }
    }

    /// What it tells.
    #[must_use]
    pub const fn role(&self) -> InputRole {
        self.role
    }

    /// What the kernel knows of the line, without taking it.
    ///
    /// # Errors
    /// When there is no such line, or somebody else holds it.
    pub fn probe(&self) -> Result<String> {
        self.place.probe()
    }

    fn take(&self) -> Result<(Request, bool)> {
        let request = self.place.request(self.place.input(EdgeDetection::BothEdges)?)?;
        let on = self.level(&request)?;
        Ok((request, on))
    }

    fn level(&self, request: &Request) -> Result<bool> {
        request.lone_value().map(|value| value == Value::Active).map_err(|e| self.place.failed(e))
    }

    /// Waits for the line to stand otherwise than `was`, for longer than noise does.
    fn wait(&self, request: &Request, was: bool, patience: Duration) -> Result<bool> {
        let failed = |e: gpiocdev::Error| self.place.failed(e);
        // The level has the last word: an edge may have been read that was not followed to its end.
        if !request.wait_edge_event(patience).map_err(failed)? && self.level(request)? == was {
            return Ok(was);
        }
        let mut first = None;
        // Every edge begins the wait anew: only a line that has come to rest counts.
        while request.wait_edge_event(self.debounce).map_err(failed)? {
            let edge = request.read_edge_event().map_err(failed)?.timestamp_ns;
            if Duration::from_nanos(edge.saturating_sub(*first.get_or_insert(edge))) > RESTLESS {
                // Hum on a broken wire, say. It is given up for now, so that the thread sees when it should end.
                return Ok(was);
            }
        }
        self.level(request)
    }
}

/// A contact comes to rest sooner than this.
const RESTLESS: Duration = Duration::from_secs(1);

impl Sensor for InputLine {
    fn is_urgent(&self) -> bool {
        true
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Sensed>> {
        let told = |on, first| Ok(Some(Sensed::Input(Input { role: self.role, on, first })));
        let Some((request, was)) = self.open.take() else {
            let (request, on) = self.take()?;
            self.open = Some((request, on));
            // A button that is stuck, or wired the other way round, must not open the door at every start.
            return if on && self.role == InputRole::Exit { Ok(None) } else { told(on, true) };
        };
        let on = self.wait(&request, was, patience)?;
        self.open = Some((request, on));
        if on == was { Ok(None) } else { told(on, false) }
    }
}
