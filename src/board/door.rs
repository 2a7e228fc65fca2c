//! What is wired to the door: relay, Wiegand lines, inputs.

use serde::Deserialize;

use super::pins::Pins;
use crate::access::FrameLayout;
use crate::field::Int;
use crate::hal::Pin;
use crate::strict::Section;

/// What the door does without power or daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fail {
    /// It stays locked.
    Secure,
    /// It opens.
    Safe,
}

/// The door's relay.
#[derive(Clone, Debug)]
pub struct Relay {
    /// The pin.
    pub pin: Pin,
    /// The state the daemon leaves it in.
    pub fail: Fail,
}

/// Lines to a door controller.
#[derive(Clone, Debug)]
pub struct WiegandOut {
    /// Line of the zeros.
    pub data0: Pin,
    /// Line of the ones.
    pub data1: Pin,
    /// Length of a pulse, microseconds.
    pub pulse_us: u32,
    /// From the start of one pulse to the start of the next, microseconds.
    pub interval_us: u32,
    /// The controller's own frames; `None`: those of 26 and 34 bits.
    pub layout: Option<FrameLayout>,
}

/// Lines from a card reader.
#[derive(Clone, Debug)]
pub struct WiegandIn {
    /// Line of the zeros.
    pub data0: Pin,
    /// Line of the ones.
    pub data1: Pin,
}

/// An input of the door.
#[derive(Clone, Debug)]
pub struct Input {
    /// The pin.
    pub pin: Pin,
    /// Changes shorter than this are noise, milliseconds.
    pub debounce_ms: u32,
}

/// Inputs of the door by role.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Request to exit.
    pub exit: Option<Input>,
    /// Door contact.
    pub contact: Option<Input>,
    /// Case contact.
    pub tamper: Option<Input>,
    /// Fire alarm.
    pub fire: Option<Input>,
}

pub(super) fn relay(s: &mut Section<'_>, pins: &Pins) -> Option<Relay> {
    let (pin, fail) = (pins.one(s), s.or("fail", Fail::Secure));
    Some(Relay { pin: pin?, fail: fail? })
}

pub(super) fn wiegand_out(s: &mut Section<'_>, pins: &Pins) -> Option<WiegandOut> {
    let lines = pins.pair(s);
    let pulse = s.or::<Int<20, 200>>("pulse_us", Int::of(100));
    let interval = s.or::<Int<200, 20_000>>("interval_us", Int::of(1000));
    let layout = s.may("layout");
    let ((data0, data1), pulse_us, interval_us) = (lines?, pulse?.u32(), interval?.u32());
    if interval_us < pulse_us * 2 {
        s.wrong("interval_us", "should be at least twice pulse_us");
    }
    Some(WiegandOut { data0, data1, pulse_us, interval_us, layout })
}

pub(super) fn wiegand_in(s: &mut Section<'_>, pins: &Pins) -> Option<WiegandIn> {
    let (lines, pull) = (pins.pair(s), s.may("pull"));
    let (data0, data1) = lines?;
    let drawn = |pin| Pin { pull, ..pin };
    Some(WiegandIn { data0: drawn(data0), data1: drawn(data1) })
}

pub(super) fn inputs(s: &mut Section<'_>, pins: &Pins) -> Option<Inputs> {
    let mut of = |role| s.section(role, |s| input(s, pins));
    Some(Inputs { exit: of("exit"), contact: of("contact"), tamper: of("tamper"), fire: of("fire") })
}

fn input(s: &mut Section<'_>, pins: &Pins) -> Option<Input> {
    let (pin, pull) = (pins.one(s), s.may("pull"));
    let debounce = s.or::<Int<0, 5000>>("debounce_ms", Int::of(20));
    Some(Input { pin: Pin { pull, ..pin? }, debounce_ms: debounce?.u32() })
}
