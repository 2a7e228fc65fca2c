//! The two Wiegand lines of the terminal: out, timed by a real-time thread, and in, by the kernel's time stamps.

use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::line::EdgeDetection;

use super::pins::Place;
use super::wait;
use crate::access::{FrameLayout, WiegandFrame};
use crate::clock::Pace;
use crate::error::{Error, Fault, Result};
use crate::hal::wiegand::{Collector, Lines, SILENCE, Timing};
use crate::hal::{Output, Sensed, Sensor, WiegandOut};

/// Lines to a door controller.
pub struct LinesOut {
    lines: Lines<Output>,
    layout: Option<FrameLayout>,
}

impl LinesOut {
    /// Over two outputs that are high when the line idles; in frames of `layout`, where there is one.
    #[must_use]
    pub const fn new(data0: Output, data1: Output, timing: Timing, layout: Option<FrameLayout>) -> Self {
        Self { lines: Lines::new(data0, data1, timing), layout }
    }
}

impl WiegandOut for LinesOut {
    fn idle(&mut self) -> Result<()> {
        self.lines.idle().map_err(|e| Error::new(Fault::Unavailable, "the Wiegand lines do not idle").because(e))
    }

    fn send(&mut self, frame: WiegandFrame) -> Result<()> {
        let frame = self.layout.as_ref().map_or(frame, |layout| layout.of(frame));
        let sent = self.lines.send(frame, &mut Pace);
        sent.map_err(|e| Error::new(Fault::Unavailable, "a Wiegand frame could not be sent").because(e))
    }
}

/// Lines from a card reader.
#[derive(Debug)]
pub struct LinesIn {
    places: [Place; 2],
    open: Option<[Request; 2]>,
    collector: Collector,
}

impl LinesIn {
    /// DATA0 and DATA1, "on" while a pulse lasts.
    #[must_use]
    pub fn new(data0: Place, data1: Place) -> Self {
        Self { places: [data0, data1], open: None, collector: Collector::default() }
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
        let take = |place: &Place| place.request(place.input(EdgeDetection::RisingEdge)?);
        Ok([take(&places[0])?, take(&places[1])?])
    }

    /// Waits at most `patience` for a pulse and takes over all there are; whether there was one.
    fn read(&mut self, lines: &[Request; 2], patience: Duration) -> Result<bool> {
        let failed = |e| Error::new(Fault::Unavailable, "the Wiegand lines cannot be waited for").because(e);
        wait::either([&lines[0], &lines[1]], patience).map_err(failed)?;
        let mut any = false;
        for (one, (line, place)) in [false, true].into_iter().zip(lines.iter().zip(&self.places)) {
            while line.has_edge_event().map_err(|e| place.failed(e))? {
                let event = line.read_edge_event().map_err(|e| place.failed(e))?;
                self.collector.pulse(Duration::from_nanos(event.timestamp_ns), one);
                any = true;
            }
        }
        Ok(any)
    }

    /// Reads a frame, or several, to the silence behind them.
    fn frames(&mut self, lines: &[Request; 2], patience: Duration) -> Result<()> {
        if !self.read(lines, patience)? {
            return Ok(());
        }
        for _ in 0..RESTLESS {
            if !self.read(lines, SILENCE)? {
                self.collector.silence();
                return Ok(());
            }
        }
        // Hum on an open wire, say. It is given up for now, so that the thread sees when it should end.
        self.collector = Collector::default();
        Ok(())
    }
}

/// More pulses one by one than the longest frame and another one behind it have.
const RESTLESS: u32 = 130;

impl Sensor for LinesIn {
    fn is_urgent(&self) -> bool {
        true
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Sensed>> {
        if let Some(frame) = self.collector.frame() {
            return Ok(Some(Sensed::Wiegand(frame)));
        }
        let lines = match self.open.take() {
            Some(lines) => lines,
            None => Self::take(&self.places)?,
        };
        match self.frames(&lines, patience) {
            Ok(()) => self.open = Some(lines),
            Err(error) => {
                // Half a frame is none.
                self.collector = Collector::default();
                return Err(error);
            }
        }
        Ok(self.collector.frame().map(Sensed::Wiegand))
    }
}
