//! `facegate bench wiegand`: how well the pulses of a board's lines are timed, measured where they are made.
//!
//! The moments are those at which the driver had done its work; what the wire shows follows at the same distance. Another
//! machine's eye on the wire is still better.

use std::fmt;
use std::time::Duration;

use embedded_hal::digital::{ErrorType, OutputPin};
use serde_json::{Value, json};

use crate::access::WiegandFrame;
use crate::app::Failure;
use crate::board::Board;
use crate::clock::{Pace, Stamps};
use crate::hal::linux::realtime::{Urgency, hurry};
use crate::hal::wiegand::{Lines, Timing};
use crate::hal::{Output, PinError};
use crate::settings::WiegandProtocol::{W26, W34};

/// How many frames are sent, half of them of 26 bits, half of 34.
const FRAMES: u32 = 40;

/// A pin that notes when it was driven.
struct Noted {
    pin: Output,
    stamps: Stamps,
}

impl ErrorType for Noted {
    type Error = PinError;
}

impl OutputPin for Noted {
    fn set_low(&mut self) -> Result<(), PinError> {
        let done = self.pin.set_low();
        self.stamps.note();
        done
    }

    fn set_high(&mut self) -> Result<(), PinError> {
        let done = self.pin.set_high();
        self.stamps.note();
        done
    }
}

/// Least, middle, 99th percentile and greatest of a series, microseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Jitter {
    asked: f64,
    least: f64,
    p50: f64,
    p99: f64,
    most: f64,
}

impl Jitter {
    fn of(mut spans: Vec<Duration>, asked_us: u32) -> Self {
        spans.sort();
        let at = |part: usize| spans.get((spans.len() * part / 100).min(spans.len().saturating_sub(1)));
        let us = |part| at(part).map_or(0.0, |span: &Duration| span.as_secs_f64() * 1e6);
        Self { asked: asked_us.into(), least: us(0), p50: us(50), p99: us(99), most: us(100) }
    }

    fn to_json(self) -> Value {
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        json!({ "asked": self.asked, "min": tenth(self.least), "p50": tenth(self.p50), "p99": tenth(self.p99), "max": tenth(self.most) })
    }
}

/// The figures.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pulse: Jitter,
    interval: Jitter,
}

impl Report {
    /// As one line.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "frames": FRAMES, "pulse_us": self.pulse.to_json(), "interval_us": self.interval.to_json() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FRAMES} frames of 26 and 34 bits   asked     min     p50     p99     max  (microseconds)")?;
        for (name, Jitter { asked, least, p50, p99, most }) in [("pulse", self.pulse), ("interval", self.interval)] {
            writeln!(f, "{name:<28} {asked:>7.0} {least:>7.1} {p50:>7.1} {p99:>7.1} {most:>7.1}")?;
        }
        Ok(())
    }
}

/// Sends frames over the lines of `board` as the terminal does, and measures them.
///
/// # Errors
/// When the board has no such lines, or they cannot be driven.
pub fn run(board: &Board) -> Result<Report, Failure> {
    let (data0, data1, timing) = board.wiegand_lines()?;
    hurry(Urgency::Pulses);
    let stamps = Stamps::default();
    let noted = |pin| Noted { pin, stamps: stamps.clone() };
    measure(Lines::new(noted(data0), noted(data1), timing), &stamps, timing)
}

fn measure(mut lines: Lines<Noted>, stamps: &Stamps, timing: Timing) -> Result<Report, Failure> {
    let (mut pulses, mut intervals) = (Vec::new(), Vec::new());
    lines.idle()?;
    for number in 0..FRAMES {
        let card = WiegandFrame::of_number(number * 0x0101_0101, if number % 2 == 0 { W26 } else { W34 });
        // With the wrong parity at its end: a door controller at the lines must not take it for a card.
        let frame = WiegandFrame { value: card.value ^ 1, ..card };
        let _ = stamps.spans();
        lines.send(frame, &mut Pace)?;
        // Low and high by turns: a pulse, the rest of its interval, the next pulse.
        let spans = stamps.spans();
        pulses.extend(spans.iter().step_by(2));
        intervals.extend(spans.chunks_exact(2).map(|pair| pair[0] + pair[1]));
    }
    Ok(Report { pulse: Jitter::of(pulses, timing.pulse_us), interval: Jitter::of(intervals, timing.interval_us) })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl ErrorType for Nowhere {
        type Error = PinError;
    }

    impl OutputPin for Nowhere {
        fn set_low(&mut self) -> Result<(), PinError> {
            Ok(())
        }
        fn set_high(&mut self) -> Result<(), PinError> {
            Ok(())
        }
    }

    /// Every pulse is counted, and none is shorter than asked for, however busy the machine is.
    #[test]
    fn pulses_are_never_too_short() {
        let (stamps, timing) = (Stamps::default(), Timing { pulse_us: 20, interval_us: 200 });
        let noted = || Noted { pin: Output::new(Nowhere), stamps: stamps.clone() };
        let report = measure(Lines::new(noted(), noted(), timing), &stamps, timing).unwrap();
        assert!(report.pulse.least >= 20.0 && report.interval.least >= 200.0, "{report}");
        assert_eq!(report.to_json()["frames"], FRAMES);
    }
}
