//! Who may pass: pure rules over values. No input, no output, no clock, no lock in here, so every rule of
//! the protocol document is a row of a table-driven test.
//!
//! `person` is who is known, `card` the number a door controller is told, `layout` in frames of its own kind, `decide` the verdict over one face,
//! `mode` what else has to be presented, `session` when all of it is ripe for a verdict, `keypad` how keys become
//! digits, `pin` the passwords they may be, `record` what is kept.

pub mod card;
pub mod decide;
pub mod keypad;
pub mod layout;
pub mod mode;
pub mod person;
pub mod pin;
pub mod record;
pub mod session;

pub use card::{Card, CardFormat, WiegandFrame};
pub use decide::{Decision, Refusal, Verdict};
pub use keypad::{Key, Keypad};
pub use layout::FrameLayout;
pub use mode::{CardNumber, CardReader, Verified, Wanted};
pub use person::{CardSource, LibId, List, Person, Validity};
pub use record::{CaptureRecord, ControlRecord, IdCard, Notice, PictureType, Reading, VerifyStatus, What};
