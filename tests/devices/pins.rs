//! Pins, inputs and Wiegand lines on the kernel's simulated GPIO chips.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;
use facegate::access::WiegandFrame;
use facegate::clock::Pace;
use facegate::door::{Input, InputRole};
use facegate::hal::linux::contacts::InputLine;
use facegate::hal::linux::pins::{OutputLine, Place};
use facegate::hal::linux::wiegand::LinesIn;
use facegate::hal::{Active, Line, Pin};
use facegate::hal::{Sensed, Sensor};
use facegate::settings::WiegandProtocol;

use crate::skip;

/// As long as any change may take to be seen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// As long as nothing may come.
const QUIET: Duration = Duration::from_millis(200);

/// A chip of eight lines, there until it is dropped.
struct Chip {
    config: PathBuf,
}

impl Chip {
    /// `None` where the kernel has no simulated chips, or may not be asked for one.
    fn new(name: &str) -> Option<Self> {
        let root = Path::new("/sys/kernel/config/gpio-sim");
        if !root.exists() {
            skip("no /sys/kernel/config/gpio-sim here; `make qemu` has it");
            return None;
        }
        let chip = Self { config: root.join(name) };
        fs::create_dir_all(chip.config.join("bank0")).unwrap();
        fs::write(chip.config.join("bank0/num_lines"), "8").unwrap();
        chip.live(true);
        Some(chip)
    }

    fn live(&self, live: bool) {
        fs::write(self.config.join("live"), if live { "1" } else { "0" }).unwrap();
    }

    fn name(&self) -> String {
        fs::read_to_string(self.config.join("bank0/chip_name")).unwrap().trim().to_owned()
    }

    fn place(&self, line: u32, active: Active) -> Place {
        let chip = Some(Path::new("/dev").join(self.name()));
        Place::new(&Pin { chip, line: Line::Number(line), active, pull: None }, None)
    }

    fn file(&self, line: u32, file: &str) -> PathBuf {
        let device = fs::read_to_string(self.config.join("dev_name")).unwrap();
        let chip = Path::new("/sys/devices/platform").join(device.trim()).join(self.name());
        chip.join(format!("sim_gpio{line}")).join(file)
    }

    fn level(&self, line: u32) -> String {
        fs::read_to_string(self.file(line, "value")).unwrap().trim().to_owned()
    }

    fn pull(&self, line: u32, up: bool) {
        fs::write(self.file(line, "pull"), if up { "pull-up" } else { "pull-down" }).unwrap();
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        let _ = fs::write(self.config.join("live"), "0");
        let _ = fs::remove_dir(self.config.join("bank0"));
        let _ = fs::remove_dir(&self.config);
    }
}

#[test]
fn outputs_follow_their_active_level() {
    let Some(chip) = Chip::new("outputs") else { return };
    for (active, on, off) in [(Active::High, "1", "0"), (Active::Low, "0", "1")] {
        let mut pin = OutputLine::new(chip.place(1, active));
        pin.set_high().unwrap();
        assert_eq!(chip.level(1), on);
        pin.set_low().unwrap();
        assert_eq!(chip.level(1), off);
    }
    assert!(chip.place(1, Active::High).probe().unwrap().contains("line 1"));
}

#[test]
fn an_output_that_was_away_works_again() {
    let Some(chip) = Chip::new("away") else { return };
    let mut missing = OutputLine::new(Place::new(
        &Pin { chip: Some("/dev/gpiochip99".into()), line: Line::Number(0), active: Active::High, pull: None },
        None,
    ));
    let why = missing.set_high().unwrap_err();
    assert!(why.to_string().contains("gpiochip99"), "{why}");
    let mut pin = OutputLine::new(chip.place(2, Active::High));
    pin.set_high().unwrap();
    let name = chip.name();
    chip.live(false);
    assert!(pin.set_low().is_err(), "the chip is gone");
    chip.live(true);
    if chip.name() == name {
        pin.set_high().unwrap();
        assert_eq!(chip.level(2), "1");
    } else {
        skip("the kernel gave the chip another number");
    }
}

#[test]
fn inputs_are_told_once_they_rest() {
    let Some(chip) = Chip::new("inputs") else { return };
    let told = |role, on| Some(Sensed::Input(Input { role, on, first: false }));
    let mut contact = InputLine::new(InputRole::Contact, chip.place(3, Active::Low), Duration::from_millis(20));
    // Pulled down, and active low: on when it is first looked at.
    let found = Input { role: InputRole::Contact, on: true, first: true };
    assert_eq!(contact.next(PATIENCE).unwrap(), Some(Sensed::Input(found)));
    assert_eq!(contact.next(QUIET).unwrap(), None);
    chip.pull(3, true);
    assert_eq!(contact.next(PATIENCE).unwrap(), told(InputRole::Contact, false));
    // A contact that chatters and comes to rest where it was has not changed.
    for up in [false, true, false, true, false, true] {
        chip.pull(3, up);
    }
    assert_eq!(contact.next(PATIENCE).unwrap(), None);
    for up in [false, true, false, true, false] {
        chip.pull(3, up);
    }
    assert_eq!(contact.next(PATIENCE).unwrap(), told(InputRole::Contact, true));
}

#[test]
fn a_button_that_is_stuck_at_the_start_opens_nothing() {
    let Some(chip) = Chip::new("stuck") else { return };
    chip.pull(4, true);
    let mut exit = InputLine::new(InputRole::Exit, chip.place(4, Active::High), Duration::from_millis(5));
    assert_eq!(exit.next(PATIENCE).unwrap(), None);
    chip.pull(4, false);
    assert_eq!(
        exit.next(PATIENCE).unwrap(),
        Some(Sensed::Input(Input { role: InputRole::Exit, on: false, first: false }))
    );
    chip.pull(4, true);
    assert_eq!(
        exit.next(PATIENCE).unwrap(),
        Some(Sensed::Input(Input { role: InputRole::Exit, on: true, first: false }))
    );
}

#[test]
fn cards_at_the_wiegand_reader_are_read_and_noise_is_not() {
    let Some(chip) = Chip::new("reader") else { return };
    for line in [5, 6] {
        chip.pull(line, true);
    }
    let mut reader = LinesIn::new(chip.place(5, Active::Low), chip.place(6, Active::Low));
    assert_eq!(reader.next(QUIET).unwrap(), None, "lines that idle say nothing");
    for protocol in [WiegandProtocol::W26, WiegandProtocol::W34] {
        let frame = WiegandFrame::of_number(0x00A5_1234, protocol);
        let mut pace = Pace;
        for one in frame.pulses() {
            let line = if one { 6 } else { 5 };
            chip.pull(line, false);
            pace.delay_us(100);
            chip.pull(line, true);
            pace.delay_us(900);
        }
        assert_eq!(reader.next(PATIENCE).unwrap(), Some(Sensed::Wiegand(frame)));
        assert!(frame.data().is_some());
    }
    chip.pull(5, false);
    chip.pull(5, true);
    assert_eq!(reader.next(PATIENCE).unwrap(), None, "one pulse is no frame");
}
