//! Bit timing of the Wiegand interface over two pins (SIA AC-01): both lines idle high, a pulse to low on
//! DATA0 is a zero, on DATA1 a one. Knows no board.

use std::time::Duration;

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;

use crate::access::WiegandFrame;

/// Length and distance of the pulses.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a line is low, microseconds.
    pub pulse_us: u32,
    /// From the start of one pulse to the start of the next, microseconds.
    pub interval_us: u32,
}

/// Silence after a frame, so that the receiver sees where it ends.
pub const FRAME_GAP: Duration = Duration::from_millis(50);

/// Two data lines.
#[derive(Debug)]
pub struct Lines<P> {
    data0: P,
    data1: P,
    timing: Timing,
}

impl<P: OutputPin> Lines<P> {
    /// Takes over two lines and lets them idle.
    ///
    /// # Errors
    /// When a line cannot be driven.
    pub fn new(mut data0: P, mut data1: P, timing: Timing) -> Result<Self, P::Error> {
        data0.set_high()?;
        data1.set_high()?;
        Ok(Self { data0, data1, timing })
    }

    /// Sends one frame, first bit first, and keeps the silence behind it.
    ///
    /// # Errors
    /// When a line cannot be driven; both are let idle then, as far as they obey.
    pub fn send(&mut self, frame: WiegandFrame, delay: &mut impl DelayNs) -> Result<(), P::Error> {
        for one in frame.pulses() {
            let line = if one { &mut self.data1 } else { &mut self.data0 };
            let low = line.set_low();
            delay.delay_us(self.timing.pulse_us);
            line.set_high()?;
            low?;
            delay.delay_us(self.timing.interval_us.saturating_sub(self.timing.pulse_us));
        }
        delay.delay_us(u32::try_from(FRAME_GAP.as_micros()).unwrap_or(u32::MAX));
        Ok(())
    }
}
