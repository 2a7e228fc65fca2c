//! Bit timing of the Wiegand interface (SIA AC-01): both lines idle high, a pulse to low on DATA0 is a zero, on DATA1
//! a one. Frames out over two pins, and pulses in to frames. Knows no board.

use std::collections::VecDeque;
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

impl<P> Lines<P> {
    /// Takes over two lines as they are.
    #[must_use]
    pub const fn new(data0: P, data1: P, timing: Timing) -> Self {
        Self { data0, data1, timing }
    }
}

impl<P: OutputPin> Lines<P> {
    /// Lets both lines idle.
    ///
    /// # Errors
    /// When a line cannot be driven.
    pub fn idle(&mut self) -> Result<(), P::Error> {
        self.data0.set_high()?;
        self.data1.set_high()
    }

    /// Sends one frame, first bit first, and keeps the silence behind it.
    ///
    /// # Errors
    /// When a line cannot be driven; both are let idle then, as far as they obey.
    pub fn send(&mut self, frame: WiegandFrame, delay: &mut impl DelayNs) -> Result<(), P::Error> {
        let sent = frame.pulses().try_for_each(|one| self.pulse(one, delay));
        let idles = if sent.is_err() { self.idle() } else { Ok(()) };
        // Behind part of a frame too: the next one must not be taken for its end.
        delay.delay_us(u32::try_from(FRAME_GAP.as_micros()).unwrap_or(u32::MAX));
        sent.and(idles)
    }

    fn pulse(&mut self, one: bool, delay: &mut impl DelayNs) -> Result<(), P::Error> {
        let line = if one { &mut self.data1 } else { &mut self.data0 };
        let low = line.set_low();
        delay.delay_us(self.timing.pulse_us);
        line.set_high()?;
        low?;
        delay.delay_us(self.timing.interval_us.saturating_sub(self.timing.pulse_us));
        Ok(())
    }
}

/// A frame is over when nothing came for so long.
pub const SILENCE: Duration = Duration::from_millis(25);
/// Pulses closer than this are noise on the line: the shortest interval of readers is 200 microseconds.
const NOISE: Duration = Duration::from_micros(100);
/// A frame has at least so many bits: a key of a keypad is the shortest.
const FEWEST: usize = 4;
/// And at most so many.
const MOST: usize = 64;

/// Puts pulses together into frames, by the time at which each began.
#[derive(Debug, Default)]
pub struct Collector {
    /// Both lines are read one after the other, so pulses may come out of order.
    pulses: Vec<(Duration, bool)>,
    frames: VecDeque<WiegandFrame>,
}

impl Collector {
    /// A pulse began `at`, on DATA1 if it is a `one`. Any clock will do, as long as it is the same one.
    pub fn pulse(&mut self, at: Duration, one: bool) {
        // A line that never rests must not fill the memory: what is longer than any frame is none.
        if self.pulses.len() < 4 * MOST {
            self.pulses.push((at, one));
        }
    }

    /// Nothing has come for [`SILENCE`].
    pub fn silence(&mut self) {
        self.pulses.sort_by_key(|(at, _)| *at);
        let mut pulses = std::mem::take(&mut self.pulses).into_iter().peekable();
        while let Some((mut last, one)) = pulses.next() {
            // Who reads late finds two frames at once.
            let mut bits = vec![one];
            while let Some((at, one)) = pulses.next_if(|(at, _)| at.saturating_sub(last) < SILENCE) {
                if at.saturating_sub(last) >= NOISE {
                    bits.push(one);
                    last = at;
                }
            }
            if (FEWEST..=MOST).contains(&bits.len()) {
                let value = bits.iter().fold(0, |value, one| value << 1 | u64::from(*one));
                #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
                self.frames.push_back(WiegandFrame { bits: bits.len() as u32, value });
            }
        }
    }

    /// The oldest frame that is complete. Its parity is not looked at.
    pub fn frame(&mut self) -> Option<WiegandFrame> {
        self.frames.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pulses at microseconds.
    fn collected(pulses: &[(u64, bool)]) -> Vec<(u32, u64)> {
        let mut collector = Collector::default();
        pulses.iter().for_each(|(at, one)| collector.pulse(Duration::from_micros(*at), *one));
        collector.silence();
        std::iter::from_fn(|| collector.frame()).map(|frame| (frame.bits, frame.value)).collect()
    }

    #[test]
    fn pulses_become_frames() {
        let key = [(0, true), (1000, false), (2000, true), (3000, true)];
        assert_eq!(collected(&key), [(4, 0b1011)]);
        let unordered = [key[2], key[3], key[0], key[1]];
        assert_eq!(collected(&unordered), [(4, 0b1011)], "both lines are read one after the other");
        let late: Vec<_> = key.iter().copied().chain(key.map(|(at, one)| (at + 28_000, one))).collect();
        assert_eq!(collected(&late), [(4, 0b1011), (4, 0b1011)], "25 ms apart are two frames");
        let noisy = [(0, true), (60, true), (1000, false), (1030, true), (2000, true), (3000, true)];
        assert_eq!(collected(&noisy), [(4, 0b1011)], "what is too close is noise");
        assert_eq!(collected(&[(0, true), (5000, true), (10_000, false)]), [], "too short for a frame");
        let endless: Vec<_> = (0..1000).map(|n| (n * 1000, n % 2 == 0)).collect();
        assert_eq!(collected(&endless), [], "too long for a frame");
    }

    #[test]
    fn cards_come_back_as_they_were_sent() {
        use crate::access::{Card, CardFormat};
        use crate::settings::WiegandProtocol::{W26, W34};
        for (format, protocol, number) in [(CardFormat::W26, W26, 0x00A5_5A81), (CardFormat::W34, W34, 0xDEAD_BEEF)] {
            let sent = WiegandFrame::of_card(Card::new(format, None, number).unwrap(), protocol);
            let pulses: Vec<_> = (0..).map(|n| n * 1000).zip(sent.pulses()).collect();
            assert_eq!(collected(&pulses), [(sent.bits, sent.value)]);
            assert_eq!(sent.data(), Some(number));
        }
    }
}
