//! The two Wiegand lines of the terminal: out, timed by a real-time thread, and in, by the kernel's time stamps.

use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::line::EdgeDetection;

use super::pins::Place;
use super::realtime::{Urgency, hurry};
use crate::access::{FrameLayout, WiegandFrame};
use crate::clock::Pace;
use crate::error::{Error, Fault, Result};
use crate::hal::wiegand::{Collector, Lines, SILENCE, Timing};
use crate::hal::{Output, Sensed, Sensor, WiegandOut};

/// Lines to a door controller.
pub struct LinesOut {
    lines: Lines<Output>,
    layout: Option<FrameLayout>,
    hurried: bool,
}

impl LinesOut {
    /// Over two outputs that are high when the line idles; in frames of `layout`, where there is one.
    #[must_use]
    pub const fn new(data0: Output, data1: Output, timing: Timing, layout: Option<FrameLayout>) -> Self {
        Self { lines: Lines::new(data0, data1, timing), layout, hurried: false }
    }
}

impl WiegandOut for LinesOut {
    fn idle(&mut self) -> Result<()> {
        self.lines.idle().map_err(|e| Error::new(Fault::Unavailable, "the Wiegand lines do not idle").because(e))
    }

    fn send(&mut self, frame: WiegandFrame) -> Result<()> {
        if !std::mem::replace(&mut self.hurried, true) {
            hurry(Urgency::Pulses);
        }
        let frame = self.layout.as_ref().map_or(frame, |layout| layout.of(frame));
        let sent = self.lines.send(frame, &mut Pace::default());
        sent.map_err(|e| Error::new(Fault::Unavailable, "a Wiegand frame could not be sent").because(e))
    }
}

/// Lines from a card reader.
#[derive(Debug)]
pub struct LinesIn {
    places: [Place; 2],
    open: Option<[Request; 2]>,
    collector: Collector,
    hurried: bool,
}

impl LinesIn {
    /// DATA0 and DATA1, "on" while a pulse lasts.
    #[must_use]
    pub fn new(data0: Place, data1: Place) -> Self {
        Self { places: [data0, data1], open: None, collector: Collector::default(), hurried: false }
    }

    /// What the kernel knows of the lines, without taking them.
    ///
    /// # Errors
    /// When there are no such lines, or somebody else holds one.
    pub fn probe(&self) -> Result<String> {
        Ok(format!("{} and {}", self.places[0].probe()?, self.places[1].probe()?))
    }

    /// One request a line: the first version of the kernel's interface has no edges of two lines in one.
    fn take(places: &[Place; 2]) -> Result<[Request; 2]> {
        let take = |place: &Place| {
            let mut config = place.config()?;
            config.as_input().with_edge_detection(EdgeDetection::RisingEdge);
            place.request(config)
        };
        Ok([take(&places[0])?, take(&places[1])?])
    }

    /// Takes over what both lines have, and waits at most `patience` for the first of it.
    fn read(&mut self, lines: &[Request; 2], patience: Duration) -> Result<bool> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut waits = [PollFd::new(&lines[0], PollFlags::IN), PollFd::new(&lines[1], PollFlags::IN)];
        let longest = Timespec::try_from(patience).ok();
        let failed = |e| Error::new(Fault::Unavailable, "the Wiegand lines cannot be waited for").because(e);
        let any = match poll(&mut waits, longest.as_ref()) {
            Ok(ready) => ready > 0,
            Err(rustix::io::Errno::INTR) => false,
            Err(error) => return Err(failed(error)),
        };
        for (one, (line, place)) in [false, true].into_iter().zip(lines.iter().zip(&self.places)) {
            while line.has_edge_event().map_err(|e| place.failed(e))? {
                let event = line.read_edge_event().map_err(|e| place.failed(e))?;
                self.collector.pulse(Duration::from_nanos(event.timestamp_ns), one);
            }
        }
        Ok(any)
    }
}

impl Sensor for LinesIn {
    fn next(&mut self, patience: Duration) -> Result<Option<Sensed>> {
        if !std::mem::replace(&mut self.hurried, true) {
            hurry(Urgency::Input);
        }
        if let Some(frame) = self.collector.frame() {
            return Ok(Some(Sensed::Wiegand(frame)));
        }
        let lines = match self.open.take() {
            Some(lines) => lines,
            None => Self::take(&self.places)?,
        };
        let begun = self.read(&lines, patience)?;
        // A frame ends with silence.
        while begun && self.read(&lines, SILENCE)? {}
        self.open = Some(lines);
        if begun {
            self.collector.silence();
        }
        Ok(self.collector.frame().map(Sensed::Wiegand))
    }
}
