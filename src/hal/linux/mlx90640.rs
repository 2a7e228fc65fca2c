//! The thermal array MLX90640 on an I²C bus: takes pictures of 32 x 24 temperatures. What they say of a person is left
//! to `warmth`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use embedded_hal::i2c::I2c;
use embedded_hal_02::blocking::i2c::{Write, WriteRead};
use linux_embedded_hal::I2cdev;
use mlx9064x::mlx90640::Mlx90640Calibration;
use mlx9064x::{FrameRate, Mlx90640Driver};
use serde::Deserialize;
use tracing::info;

use super::wait::pause;
use super::warmth::{self, PIXELS};
use crate::error::{Error, Fault, Result};
use crate::hal::{Sensed, Sensor};

/// Emissivity of human skin, whatever its colour.
const SKIN: f32 = 0.98;
/// Looks for a new half of a picture come this many times as often as halves do.
const LOOKS: u32 = 4;
/// Halves that fail to come before the chip is given up and set up anew.
const MISSED: u32 = 20;

/// Half pictures a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub struct RefreshRate(FrameRate);

impl Default for RefreshRate {
    /// Two whole pictures a second, which a bus of 100 kHz carries.
    fn default() -> Self {
        Self(FrameRate::Four)
    }
}

impl TryFrom<u32> for RefreshRate {
    type Error = &'static str;

    fn try_from(hertz: u32) -> Result<Self, &'static str> {
        Ok(Self(match hertz {
            1 => FrameRate::One,
            2 => FrameRate::Two,
            4 => FrameRate::Four,
            8 => FrameRate::Eight,
            16 => FrameRate::Sixteen,
            32 => FrameRate::ThirtyTwo,
            _ => return Err("should be 1, 2, 4, 8, 16 or 32"),
        }))
    }
}

impl RefreshRate {
    /// From one half picture to the next.
    const fn period(self) -> Duration {
        Duration::from_millis(match self.0 {
            FrameRate::Half => 2000,
            FrameRate::One => 1000,
            FrameRate::Two => 500,
            FrameRate::Four => 250,
            FrameRate::Eight => 125,
            FrameRate::Sixteen => 62,
            FrameRate::ThirtyTwo => 31,
            FrameRate::SixtyFour => 15,
        })
    }
}

/// A bus of embedded-hal 1.0 as one of 0.2, which the chip's crate asks for.
#[derive(Debug)]
struct Bus<I>(I);

impl<I: I2c> Write for Bus<I> {
    type Error = I::Error;

    fn write(&mut self, address: u8, bytes: &[u8]) -> Result<(), I::Error> {
        self.0.write(address, bytes)
    }
}

impl<I: I2c> WriteRead for Bus<I> {
    type Error = I::Error;

    fn write_read(&mut self, address: u8, bytes: &[u8], buffer: &mut [u8]) -> Result<(), I::Error> {
        self.0.write_read(address, bytes, buffer)
    }
}

/// The chip, set up.
struct Chip<I: I2c> {
    driver: Mlx90640Driver<Bus<I>>,
    /// Degrees Celsius, row by row; NaN before they are first measured.
    pixels: Box<[f32; PIXELS]>,
    /// Whether one half of the picture is new and the other still to come.
    half: bool,
    /// How long no half has come.
    idle: Duration,
}

/// What keeps the chip from measuring.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl<I: I2c<Error: Send + Sync + 'static> + 'static> Chip<I> {
    fn set_up(bus: I, address: u8, rate: RefreshRate) -> Result<Self, Trouble> {
        let mut bus = Bus(bus);
        let calibration = calibration(&mut bus, address)?;
        let mut driver = Mlx90640Driver::new_with_calibration(bus, address, calibration).map_err(trouble)?;
        driver.set_frame_rate(rate.0).map_err(trouble)?;
        driver.override_emissivity(SKIN);
        Ok(Self { driver, pixels: Box::new([f32::NAN; PIXELS]), half: false, idle: Duration::ZERO })
    }

    /// Takes a half picture over when there is a new one; whether the picture is whole and new now.
    fn look(&mut self) -> Result<Look, Trouble> {
        let look = || self.driver.generate_image_if_ready(self.pixels.as_mut_slice()).map_err(trouble);
        if !checked(look)? {
            return Ok(Look::Nothing);
        }
        self.idle = Duration::ZERO;
        self.half = !self.half;
        Ok(if self.half { Look::Half } else { Look::Whole })
    }
}

/// The chip's calibration. It bears no checksum, and a bit read wrongly would make every temperature wrong until the chip
/// is set up anew, so it is read twice.
fn calibration<I: I2c<Error: Send + Sync + 'static>>(
    bus: &mut Bus<I>,
    address: u8,
) -> Result<Mlx90640Calibration, Trouble> {
    /// Where it lies in the chip (data sheet, 10.2).
    const START: [u8; 2] = 0x2400_u16.to_be_bytes();
    const BYTES: usize = 832 * 2;
    let mut readings = [[0; BYTES]; 2];
    for reading in &mut readings {
        bus.write_read(address, &START, reading).map_err(|e| trouble::<I>(mlx9064x::Error::I2cWriteReadError(e)))?;
    }
    if readings[0] != readings[1] {
        return Err("its calibration is read differently each time".into());
    }
    checked(|| Mlx90640Calibration::from_data(&readings[0]).map_err(|error| error.to_string().into()))
}

/// Runs the crate's arithmetic, which overflows, and so panics, where a disturbed bus delivers numbers the chip never
/// has; such a number must not end the terminal.
fn checked<T>(arithmetic: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(arithmetic));
    result.unwrap_or_else(|_| Err("it sends numbers that cannot be".into()))
}

enum Look {
    Nothing,
    Half,
    Whole,
}

fn trouble<I: I2c>(error: mlx9064x::Error<Bus<I>>) -> Trouble {
    error.to_string().into()
}

/// Opens a bus.
type Open<I> = Box<dyn Fn() -> Result<I, Trouble> + Send>;

/// A thermal array as a sensor of body temperature, set up when it is first asked and again after it failed.
pub struct Thermal<I: I2c> {
    /// Bus and address, for people.
    name: String,
    address: u8,
    rate: RefreshRate,
    open: Open<I>,
    chip: Option<Chip<I>>,
}

impl Thermal<I2cdev> {
    /// The array at `address` of the bus with the device node `bus`.
    #[must_use]
    pub fn new(bus: PathBuf, address: u8, rate: RefreshRate) -> Self {
        let name = bus.display().to_string();
        Self::on(&name, address, rate, move || Ok(I2cdev::new(&bus)?))
    }
}

impl<I: I2c<Error: Send + Sync + 'static> + 'static> Thermal<I> {
    fn on(bus: &str, address: u8, rate: RefreshRate, open: impl Fn() -> Result<I, Trouble> + Send + 'static) -> Self {
        Self { name: format!("{bus} address {address:#04x}"), address, rate, open: Box::new(open), chip: None }
    }

    fn set_up(&self) -> Result<Chip<I>> {
        let bus = (self.open)().map_err(|error| {
            self.fails("the bus cannot be opened; see that its driver is loaded and the user in the group i2c", error)
        })?;
        let chip = Chip::set_up(bus, self.address, self.rate)
            .map_err(|error| self.fails("no MLX90640 answers; see its wires and the key thermal.address", error))?;
        info!(name = self.name, rate = ?self.rate.0, "set up");
        Ok(chip)
    }

    fn fails(&self, what: &str, error: Trouble) -> Error {
        Error::new(Fault::Unavailable, format!("{}: {what} ({error})", self.name)).because(error)
    }

    /// Waits for a whole picture; the body temperature in it, or `None` for a picture without anybody and when
    /// `patience` has passed.
    fn measure(&self, chip: &mut Chip<I>, patience: Duration) -> Result<Option<f64>, Trouble> {
        let period = self.rate.period();
        let mut left = patience;
        loop {
            match chip.look()? {
                Look::Whole => return Ok(warmth::body(&chip.pixels)),
                Look::Half => continue,
                Look::Nothing if left.is_zero() => return Ok(None),
                Look::Nothing if chip.idle >= period * MISSED => return Err("it takes no pictures any more".into()),
                Look::Nothing => {}
            }
            let nap = left.min(period / LOOKS);
            pause(nap)?;
            left -= nap;
            chip.idle += nap;
        }
    }
}

/// `None` comes early after a picture without anybody.
impl<I: I2c<Error: Send + Sync + 'static> + Send + 'static> Sensor for Thermal<I> {
    fn next(&mut self, patience: Duration) -> Result<Option<Sensed>> {
        let mut chip = match self.chip.take() {
            Some(chip) => chip,
            None => self.set_up()?,
        };
        let celsius =
            self.measure(&mut chip, patience).map_err(|error| self.fails("does not answer any more", error))?;
        // The chip is put back only when it works: the next call sets it up anew.
        self.chip = Some(chip);
        Ok(celsius.map(Sensed::Temperature))
    }
}

impl<I: I2c> fmt::Debug for Thermal<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thermal").field("name", &self.name).field("rate", &self.rate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use embedded_hal::i2c::{ErrorKind, ErrorType, NoAcknowledgeSource, Operation};

    use super::*;

    const ADDRESS: u8 = 0x33;
    const STATUS: u16 = 0x8000;
    const CONTROL: u16 = 0x800D;
    const NEW_DATA: u16 = 1 << 3;
    const EEPROM: &[u8] = include_bytes!("../../../tests/data/mlx90640/eeprom.bin");
    const HALVES: [&[u8]; 2] = [
        include_bytes!("../../../tests/data/mlx90640/subpage0.bin"),
        include_bytes!("../../../tests/data/mlx90640/subpage1.bin"),
    ];

    /// The chip's memory, as the wires show it: the halves of a real picture come in turn, one for each time the last
    /// one was taken, as often as `halves` says.
    struct Memory {
        eeprom: Vec<u8>,
        pixels: [Vec<u8>; 2],
        status: u16,
        control: u16,
        halves: usize,
        /// The bus is cut.
        cut: bool,
    }

    #[derive(Clone)]
    struct FakeBus(Arc<Mutex<Memory>>);

    impl ErrorType for FakeBus {
        type Error = ErrorKind;
    }

    impl FakeBus {
        fn new() -> Self {
            let (eeprom, pixels) = (EEPROM.to_vec(), HALVES.map(<[u8]>::to_vec));
            Self(Arc::new(Mutex::new(Memory { eeprom, pixels, status: 0, control: 0x1901, halves: 0, cut: false })))
        }

        /// Lets the chip take so many halves of the picture.
        fn take(&self, halves: usize) {
            let mut memory = self.0.lock().unwrap();
            memory.halves = halves;
            memory.status = u16::from(halves > 0) * NEW_DATA;
        }

        fn sensor(&self) -> Thermal<Self> {
            let bus = self.clone();
            Thermal::on("fake", ADDRESS, RefreshRate(FrameRate::ThirtyTwo), move || Ok(bus.clone()))
        }
    }

    impl Memory {
        fn read(&self, from: u16, buffer: &mut [u8]) -> Option<()> {
            let half = usize::from(self.status & 1);
            let register;
            let (base, bytes) = match from {
                0x2400..=0x273F => (0x2400, self.eeprom.as_slice()),
                0x0400..=0x073F => (0x0400, self.pixels[half].as_slice()),
                STATUS => (STATUS, {
                    register = self.status.to_be_bytes();
                    register.as_slice()
                }),
                CONTROL => (CONTROL, {
                    register = self.control.to_be_bytes();
                    register.as_slice()
                }),
                _ => return None,
            };
            buffer.copy_from_slice(bytes.get(usize::from(from - base) * 2..)?.get(..buffer.len())?);
            Some(())
        }

        fn write(&mut self, to: u16, value: u16) -> Option<()> {
            match to {
                STATUS => {
                    self.halves = self.halves.saturating_sub(usize::from(self.status & !value & NEW_DATA != 0));
                    // The next half.
                    self.status = value ^ 1 | if self.halves > 0 { NEW_DATA } else { 0 };
                }
                CONTROL => self.control = value,
                _ => return None,
            }
            Some(())
        }
    }

    impl I2c for FakeBus {
        fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
            let mut memory = self.0.lock().unwrap();
            if address != ADDRESS || memory.cut {
                return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
            }
            let word = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
            match operations {
                [Operation::Write(to), Operation::Read(buffer)] => memory.read(word(to), buffer),
                [Operation::Write(bytes)] if bytes.len() == 4 => memory.write(word(bytes), word(&bytes[2..])),
                _ => None,
            }
            .ok_or(ErrorKind::Other)
        }
    }

    /// Far more than any test needs, so that a busy machine spoils none.
    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn pictures_are_what_the_makers_program_makes_of_them() {
        let bus = FakeBus::new();
        bus.take(2);
        let mut chip = Chip::set_up(bus, ADDRESS, RefreshRate::default()).unwrap();
        chip.driver.override_emissivity(1.0);
        assert!(matches!(chip.look().unwrap(), Look::Half));
        assert!(chip.pixels.iter().any(|t| t.is_nan()), "the other half is still to come");
        assert!(matches!(chip.look().unwrap(), Look::Whole));
        assert!(matches!(chip.look().unwrap(), Look::Nothing));
        let expected = include_str!("../../../tests/data/mlx90640/celsius.txt");
        for (place, (celsius, expected)) in chip.pixels.iter().zip(expected.split_whitespace()).enumerate() {
            let expected: f32 = expected.parse().unwrap();
            assert!((celsius - expected).abs() < 0.002, "pixel {place}: {celsius}, not {expected}");
        }
    }

    #[test]
    fn a_warm_shape_has_its_temperature() {
        let bus = FakeBus::new();
        let mut sensor = bus.sensor();
        assert_eq!(sensor.next(Duration::ZERO).unwrap(), None, "no picture yet");
        bus.take(1);
        assert_eq!(sensor.next(Duration::ZERO).unwrap(), None, "half a picture");
        bus.take(3);
        let Some(Sensed::Temperature(celsius)) = sensor.next(PATIENCE).unwrap() else { panic!("nothing was measured") };
        // A little above what an emissivity of 1 makes of it.
        assert!((35.0..35.6).contains(&celsius), "{celsius}");
        assert_eq!(bus.0.lock().unwrap().control >> 7 & 7, 6, "32 half pictures a second");
    }

    #[test]
    fn a_chip_that_goes_away_is_set_up_anew() {
        let bus = FakeBus::new();
        let cut = |is| bus.0.lock().unwrap().cut = is;
        let mut sensor = bus.sensor();
        cut(true);
        let error = sensor.next(Duration::ZERO).unwrap_err();
        assert!(error.detail.starts_with("fake address 0x33: no MLX90640 answers; "), "{error}");
        cut(false);
        assert_eq!(sensor.next(Duration::ZERO).unwrap(), None);
        cut(true);
        let error = sensor.next(Duration::ZERO).unwrap_err();
        assert!(error.detail.contains("does not answer any more"), "{error}");
        cut(false);
        // Switched off and on again: its registers are as they were at first.
        bus.0.lock().unwrap().control = 0x1901;
        bus.take(2);
        assert!(sensor.next(PATIENCE).unwrap().is_some());
        assert_eq!(bus.0.lock().unwrap().control >> 7 & 7, 6, "set up anew");
    }

    #[test]
    fn a_chip_that_hangs_is_an_error() {
        let bus = FakeBus::new();
        let error = bus.sensor().next(PATIENCE).unwrap_err();
        assert!(error.detail.contains("takes no pictures any more"), "{error}");
    }

    type Spoil<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

    #[test]
    fn numbers_the_chip_never_has_measure_nobody() {
        let noise = |bytes: &[u8]| -> Vec<u8> {
            let mixed = |(at, byte): (usize, &u8)| byte.rotate_left(at as u32 % 7) ^ at.to_le_bytes()[0];
            bytes.iter().enumerate().map(mixed).collect()
        };
        let same = |byte: u8| move |bytes: &[u8]| vec![byte; bytes.len()];
        let spoilings: [(&str, Spoil<'_>); 5] = [
            ("zeros", &same(0)),
            ("an open bus", &same(0xFF)),
            ("greatest", &same(0x7F)),
            ("smallest", &same(0x80)),
            ("noise", &noise),
        ];
        for (what, spoil) in spoilings {
            let bus = FakeBus::new();
            bus.0.lock().unwrap().eeprom = spoil(EEPROM);
            bus.take(2);
            assert!(matches!(bus.sensor().next(PATIENCE), Ok(None) | Err(_)), "calibration: {what}");

            let bus = FakeBus::new();
            bus.0.lock().unwrap().pixels = HALVES.map(spoil);
            bus.take(2);
            assert!(matches!(bus.sensor().next(PATIENCE), Ok(None) | Err(_)), "pixels: {what}");
        }
    }

    #[test]
    fn a_bus_that_is_not_there_is_said() {
        let mut sensor = Thermal::new("/dev/i2c-none".into(), ADDRESS, RefreshRate::default());
        let error = sensor.next(Duration::ZERO).unwrap_err();
        assert!(error.detail.starts_with("/dev/i2c-none address 0x33: the bus cannot be opened; "), "{error}");
    }

    #[test]
    fn refresh_rates_are_the_chips() {
        for (hertz, period) in [(1, Some(1000)), (4, Some(250)), (32, Some(31)), (0, None), (3, None), (64, None)] {
            let rate = RefreshRate::try_from(hertz).ok();
            assert_eq!(rate.map(|rate| rate.period().as_millis()), period, "{hertz}");
        }
    }
}
