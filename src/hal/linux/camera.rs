//! Cameras through Video4Linux 2: finding the device, agreeing on a format, and its pictures, upright.
//!
//! The device is opened by the call that needs it and again after it failed, so that a camera that was unplugged goes on
//! when it is back. What the pixels mean is `pixels`' matter.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use v4l::buffer::Type;
use v4l::control::{Control, Value};
use v4l::format::{Colorspace, Quantization};
use v4l::framesize::FrameSizeEnum;
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::pixels::{Colours, Converter, Layout};
use crate::clock::{Clock, Mono};
use crate::error::{Error, Fault, Result};
use crate::hal::{Camera, CameraMode, PixelFormat};
use crate::vision::Frame;

/// A camera that delivers nothing for so long has failed.
const SILENT: Duration = Duration::from_secs(3);
/// So many pictures without a good one between them, and the camera has failed.
const BROKEN: u32 = 50;
/// Buffers of the kernel: one being filled, one waiting, one being looked at, one to spare.
const BUFFERS: u32 = 4;

/// A camera of the profile.
#[derive(Debug)]
pub struct V4lCamera {
    mode: CameraMode,
    node: PathBuf,
    clock: Arc<dyn Clock>,
    open: Option<Open>,
    identity: Option<String>,
    number: u64,
}

/// The device while it works.
struct Open {
    stream: Closing,
    converter: Converter,
    fps: u32,
    last: Sum,
    broken: u32,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("layout", self.converter.layout()).finish_non_exhaustive()
    }
}

/// The stream's own end panics, and its buffers' end within that, when the device refuses to stop: one that does is
/// forgotten, which costs its buffers.
struct Closing(Option<Stream<'static>>);

impl Drop for Closing {
    fn drop(&mut self) {
        let Some(mut stream) = self.0.take() else { return };
        match stream.stop() {
            Err(error) if error.raw_os_error() != Some(UNPLUGGED) => {
                tracing::warn!(%error, "the camera does not stop");
                std::mem::forget(stream);
            }
            _ => drop(stream),
        }
    }
}

/// `ENODEV`, which the stream's own end expects.
const UNPLUGGED: i32 = 19;

/// By what a picture is known again, and since when it is the same.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: Option<u32>,
    since: Mono,
}

impl V4lCamera {
    /// The camera at `node`, of which `mode` is asked; it is opened when a picture is asked for.
    #[must_use]
    pub const fn new(mode: CameraMode, node: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { mode, node, clock, open: None, identity: None, number: 0 }
    }

    /// Opens the camera, takes one picture, and says what it is.
    ///
    /// # Errors
    /// What does not work, and what to do.
    pub fn probe(&mut self) -> Result<String> {
        let frame = self.picture(true)?;
        let identity = self.identity.clone().unwrap_or_default();
        let Some(open) = &self.open else { return Ok(identity) };
        let layout = open.converter.layout();
        let kind = format!("{:?}", layout.format).to_uppercase();
        let (width, height) = frame.map_or((0, 0), |frame| frame.pixels.dimensions());
        Ok(format!(
            "{identity}, {kind} {}x{} at {} fps, {width}x{height} upright",
            layout.width, layout.height, open.fps
        ))
    }

    fn failed(&self, what: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::new(Fault::Unavailable, format!("{} {what}", self.node.display())).because(error)
    }

    fn open(&mut self) -> Result<Open> {
        let node = self.node.clone();
        let device = Device::with_path(&node).map_err(|e| self.failed("cannot be opened", e))?;
        let identity = identify(&node, &device).map_err(|e| self.failed("is no camera", e))?;
        if let Some(serial) = &self.mode.serial
            && identity.serial.as_deref() != Some(serial)
        {
            let why = format!("{} is {}, not the camera with serial {serial}", node.display(), identity.name);
            return Err(Error::new(Fault::Unavailable, why));
        }
        let format = self.agree(&device)?;
        let fps = self.pace(&device);
        self.adjust(&device);
        let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS)
            .map_err(|e| self.failed("gives no buffers; does another program use it?", e))?;
        stream.set_timeout(SILENT);
        self.identity = Some(identity.name);
        Ok(Open {
            stream: Closing(Some(stream)),
            converter: Converter::new(format, self.mode.rotation, (self.mode.width, self.mode.height)),
            fps,
            last: Sum::default(),
            broken: 0,
        })
    }

    /// Sets the first of the profile's formats that the camera has, in the smallest size that covers what is wanted.
    fn agree(&self, device: &Device) -> Result<Layout> {
        let offered = device.enum_formats().map_err(|e| self.failed("tells no formats", e))?;
        let has =
            |format: PixelFormat| codes(format).iter().find(|code| offered.iter().any(|o| o.fourcc.repr == ***code));
        let found = self.mode.formats.iter().find_map(|format| Some((*format, FourCC::new(has(*format)?))));
        let Some((format, code)) = found else {
            let names: Vec<_> = offered.iter().map(|o| o.fourcc.to_string()).collect();
            let names = if names.is_empty() { "none at all".to_owned() } else { names.join(", ") };
            let why = format!("{} has none of the profile's formats, but {names}", self.node.display());
            return Err(Error::new(Fault::Unavailable, why));
        };
        let (mut width, mut height) = (self.mode.width, self.mode.height);
        if self.mode.rotation.is_sideways() {
            (width, height) = (height, width);
        }
        let told = device.enum_framesizes(code).unwrap_or_default().into_iter();
        let sizes: Vec<_> = told.map(|size| nearest(&size.size, (width, height))).collect();
        (width, height) = best(&sizes, (width, height));
        let set =
            device.set_format(&Format::new(width, height, code)).map_err(|e| self.failed("refuses its format", e))?;
        if set.fourcc != code {
            return Err(self.failed("does not keep its format", format!("{code} became {}", set.fourcc)));
        }
        let full = matches!(set.quantization, Quantization::FullRange) || matches!(set.colorspace, Colorspace::JPEG);
        let colours = Colours::new(matches!(set.colorspace, Colorspace::Rec709), full);
        let stride = set.stride.max(set.width * bytes_per_pixel(format));
        Ok(Layout { format, width: set.width, height: set.height, stride, colours })
    }

    /// Asks for the profile's rate; a camera that has only one of its own keeps it.
    fn pace(&self, device: &Device) -> u32 {
        let set = device.set_params(&Parameters::with_fps(self.mode.fps)).or_else(|_| device.params());
        let interval = set.map(|set| set.interval);
        interval.ok().and_then(|i| i.denominator.checked_div(i.numerator)).unwrap_or(self.mode.fps)
    }

    /// Sets the profile's controls where the camera has them.
    fn adjust(&self, device: &Device) {
        if self.mode.controls.is_empty() {
            return;
        }
        let controls = device.query_controls().unwrap_or_default();
        for (name, value) in &self.mode.controls {
            let Some(control) = controls.iter().find(|control| plain(&control.name) == plain(name)) else {
                let names: Vec<_> = controls.iter().map(|control| plain(&control.name)).collect();
                tracing::warn!(node = %self.node.display(), control = name, has = names.join(" "), "no such control");
                continue;
            };
            let control = Control { id: control.id, value: Value::Integer(*value) };
            if let Err(error) = device.set_control(control) {
                tracing::warn!(node = %self.node.display(), control = name, value, %error, "the control is refused");
            }
        }
    }

    /// The next good picture; whether it must move is only asked of one that runs.
    fn picture(&mut self, still: bool) -> Result<Option<Frame>> {
        let mut open = match self.open.take() {
            Some(open) => open,
            // What a device says of itself may be more than the crate expects, and it panics then.
            None => std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.open()))
                .unwrap_or_else(|_| Err(self.failed("says of itself what cannot be", "see the panic above")))?,
        };
        let pixels = loop {
            let Some(stream) = open.stream.0.as_mut() else { return Ok(None) };
            let (raw, about) = stream.next().map_err(|e| self.failed("delivers no picture", e))?;
            let filled = raw.get(..about.bytesused as usize).unwrap_or(raw);
            let now = self.clock.mono();
            if !still && self.is_frozen(&mut open.last, filled, now) {
                return Err(self.failed("shows a frozen picture", "it is opened anew"));
            }
            let converted = if about.flags.contains(v4l::buffer::Flags::ERROR) {
                Err(Error::new(Fault::BadPicture, "the camera says its picture is damaged"))
            } else {
                open.converter.convert(filled)
            };
            match converted {
                Ok(picture) => break picture,
                // A damaged picture now and then is the way of long cables.
                Err(_) if open.broken < BROKEN => open.broken += 1,
                Err(error) => return Err(error),
            }
        };
        open.broken = 0;
        self.open = Some(open);
        self.number += 1;
        Ok(Some(Frame { pixels: Arc::new(pixels), at: self.clock.mono(), number: self.number }))
    }

    /// Whether the picture has been the same, to the last bit looked at, for longer than any sensor's noise allows.
    fn is_frozen(&self, last: &mut Sum, raw: &[u8], now: Mono) -> bool {
        let Some(longest) = self.mode.frozen else { return false };
        let mut hasher = crc32fast::Hasher::new();
        // An eighth of it, spread over all of it, is enough and costs less than a millisecond.
        raw.chunks(8 * 512).for_each(|part| hasher.update(&part[..part.len().min(512)]));
        let sum = Some(hasher.finalize());
        if last.sum != sum {
            *last = Sum { sum, since: now };
        }
        now.since(last.since) >= longest
    }
}

impl Camera for V4lCamera {
    fn next(&mut self) -> Result<Option<Frame>> {
        self.picture(false)
    }

    fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }
}

/// The codes a format goes by.
const fn codes(format: PixelFormat) -> &'static [&'static [u8; 4]] {
    match format {
        PixelFormat::Mjpeg => &[b"MJPG", b"JPEG"],
        PixelFormat::Nv12 => &[b"NV12"],
        PixelFormat::Nv21 => &[b"NV21"],
        PixelFormat::Yuyv => &[b"YUYV"],
        PixelFormat::Grey => &[b"GREY"],
        PixelFormat::Rgb => &[b"RGB3"],
    }
}

/// Of one row of what the stride counts.
const fn bytes_per_pixel(format: PixelFormat) -> u32 {
    match format {
        PixelFormat::Mjpeg => 0,
        PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::Grey => 1,
        PixelFormat::Yuyv => 2,
        PixelFormat::Rgb => 3,
    }
}

/// The smallest size that covers the one wanted, else the largest; the one wanted where none is told.
fn best(sizes: &[(u32, u32)], (width, height): (u32, u32)) -> (u32, u32) {
    let area = |size: &&(u32, u32)| u64::from(size.0) * u64::from(size.1);
    let covering = sizes.iter().filter(|size| size.0 >= width && size.1 >= height).min_by_key(area);
    covering.or_else(|| sizes.iter().max_by_key(area)).copied().unwrap_or((width, height))
}

/// The size told, or of a range the smallest one in it that covers the one wanted, as far as it goes.
fn nearest(told: &FrameSizeEnum, (width, height): (u32, u32)) -> (u32, u32) {
    let within = |wanted: u32, least: u32, most: u32, step: u32| {
        let steps = wanted.saturating_sub(least).div_ceil(step.max(1));
        least.saturating_add(steps.saturating_mul(step.max(1))).min(most.max(least))
    };
    match told {
        FrameSizeEnum::Discrete(size) => (size.width, size.height),
        FrameSizeEnum::Stepwise(range) => (
            within(width, range.min_width, range.max_width, range.step_width),
            within(height, range.min_height, range.max_height, range.step_height),
        ),
    }
}

/// A control's name as `v4l2-ctl -l` writes it.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// What a device is.
struct Identity {
    /// Name, place on its bus, and serial number where it has one.
    name: String,
    serial: Option<String>,
}

fn identify(node: &Path, device: &Device) -> std::io::Result<Identity> {
    let told = device.query_caps()?;
    let serial = node.canonicalize().ok().and_then(|node| {
        let file = PathBuf::from("/sys/class/video4linux").join(node.file_name()?).join("device/../serial");
        Some(std::fs::read_to_string(file).ok()?.trim().to_owned())
    });
    let parts = [Some(told.card.trim()), Some(&*told.bus), serial.as_deref()];
    let name = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Ok(Identity { name, serial })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_size_that_covers_is_taken() {
        let sizes = [(640, 480), (1280, 960), (1920, 1080), (1280, 720)];
        for (wanted, expect) in [
            ((1280, 960), (1280, 960)),
            ((1280, 700), (1280, 720)),
            ((600, 400), (640, 480)),
            ((960, 1280), (1920, 1080)),
        ] {
            assert_eq!(best(&sizes, wanted), expect, "{wanted:?}");
        }
        assert_eq!(best(&[], (960, 1280)), (960, 1280), "a camera that tells no sizes");
    }

    #[test]
    fn of_a_range_the_size_wanted_is_taken_as_far_as_it_goes() {
        use v4l::framesize::Stepwise;
        let range = |step| {
            FrameSizeEnum::Stepwise(Stepwise {
                min_width: 64,
                max_width: 1920,
                step_width: step,
                min_height: 48,
                max_height: 1080,
                step_height: step,
            })
        };
        for (step, wanted, expect) in [
            (1, (1280, 960), (1280, 960)),
            (16, (1281, 953), (1296, 960)),
            (0, (640, 480), (640, 480)),
            (8, (4000, 4000), (1920, 1080)),
            (8, (10, 10), (64, 48)),
        ] {
            assert_eq!(nearest(&range(step), wanted), expect, "{wanted:?} in steps of {step}");
        }
    }

    #[test]
    fn controls_go_by_their_plain_names() {
        for name in ["Exposure, Auto", "exposure_auto", "Exposure Auto"] {
            assert_eq!(plain(name), "exposure_auto");
        }
    }
}
