//! The panel through the kernel's framebuffer: which rows of a picture are written, where, and when they are shown.
//! `kernel` asks the device, `pixels` makes its bytes.
//!
//! Everything is written with `write`, never mapped: a panel behind a slow bus is told of what changes in this way
//! alone. So a plain file serves as well, and holds 32-bit pixels without anything between the rows.

mod kernel;
pub mod pixels;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use image::RgbImage;

use self::pixels::Format;
use super::console;
use crate::error::{Error, Fault, Result};
use crate::hal::Panel;
use crate::hal::Rotation;

/// Rows that are compared, converted and written together.
const BAND: u32 = 16;

/// How a device's memory is laid out, as it lies, not as it hangs on the wall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// From one row to the next, bytes.
    pub stride: u64,
    /// Before the first pixel that is seen of each row, bytes.
    pub left: u64,
    /// Of a pixel.
    pub format: Format,
    /// The first row that is seen.
    pub top: u32,
    /// Whether there is a second picture below the first one, and the device can be told to show it.
    pub double: bool,
}

/// The panel of a board.
pub struct Framebuffer {
    node: PathBuf,
    /// Upright.
    size: (u32, u32),
    rotation: Rotation,
    screen: Box<dyn Screen>,
    open: Option<Open>,
}

impl fmt::Debug for Framebuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framebuffer").field("node", &self.node).finish_non_exhaustive()
    }
}

/// What only the device itself can say and do.
trait Screen: Send {
    /// How the memory of an opened node is laid out.
    fn geometry(&self, file: &File, plain: Geometry) -> io::Result<Geometry>;
    /// Shows the memory from row `top` on.
    fn pan(&mut self, file: &File, top: u32) -> io::Result<()>;
}

struct Kernel;

impl Screen for Kernel {
    fn geometry(&self, file: &File, plain: Geometry) -> io::Result<Geometry> {
        if file.metadata()?.is_file() { Ok(plain) } else { kernel::geometry(file) }
    }

    fn pan(&mut self, file: &File, top: u32) -> io::Result<()> {
        kernel::pan(file, top)
    }
}

impl Framebuffer {
    /// A panel of `size` (upright), on which pictures lie turned clockwise by `rotation`. Nothing is opened yet.
    #[must_use]
    pub fn new(node: PathBuf, size: (u32, u32), rotation: Rotation) -> Self {
        Self { node, size, rotation, screen: Box::new(Kernel), open: None }
    }

    /// Opens the panel and says what it is; nothing is shown.
    ///
    /// # Errors
    /// When it cannot be opened, is no framebuffer, or has another size than the profile says.
    pub fn probe(&mut self) -> Result<String> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.opened()?,
        };
        let Geometry { width, height, double, .. } = open.geometry;
        let buffers = if double { "two buffers" } else { "one buffer" };
        self.open = Some(open);
        Ok(format!("{}, {width}x{height}, {buffers}", self.node.display()))
    }

    /// The panel's size as the device lies.
    fn lying(&self) -> (u32, u32) {
        let (width, height) = self.size;
        if self.rotation.is_sideways() { (height, width) } else { (width, height) }
    }

    fn opened(&self) -> Result<Open> {
        let file = OpenOptions::new().write(true).open(&self.node);
        let file = file.map_err(|e| self.fails("cannot be opened", e))?;
        let (width, height) = self.lying();
        let format = Format::XRGB8888;
        let stride = u64::from(width) * 4;
        let plain = Geometry { width, height, stride, left: 0, format, top: 0, double: false };
        let geometry = self.screen.geometry(&file, plain).map_err(|e| self.fails("is no usable framebuffer", e))?;
        if (geometry.width, geometry.height) != (width, height) {
            return Err(Error::new(Fault::Unavailable, self.misfit((geometry.width, geometry.height))));
        }
        if !file.metadata().is_ok_and(|about| about.is_file()) {
            console::give_way();
        }
        Ok(Open::new(file, geometry))
    }

    fn fails(&self, what: &str, error: io::Error) -> Error {
        let node = self.node.display();
        Error::new(Fault::Unavailable, format!("the panel {node} {what}: {error}")).because(error)
    }

    /// The sizes differ: which they are, and what to write into the profile.
    fn misfit(&self, (width, height): (u32, u32)) -> String {
        let (node, degrees) = (self.node.display(), self.rotation.degrees());
        let ((wide, high), lying) = (self.size, self.lying());
        let advice = if (height, width) == lying {
            let turned = if degrees.is_multiple_of(180) { "90 or 270" } else { "0 or 180" };
            format!("rotation = {turned}")
        } else {
            let (width, height) = if lying == self.size { (width, height) } else { (height, width) };
            format!("width = {width} and height = {height}")
        };
        format!(
            "the panel {node} is {width} x {height} pixels, and the profile says {wide} x {high} with rotation {degrees}: \
             write {advice} in its section [display]"
        )
    }
}

impl Panel for Framebuffer {
    fn rotation(&self) -> Rotation {
        self.rotation
    }

    fn show(&mut self, picture: &RgbImage) -> Result<()> {
        if picture.dimensions() != self.lying() {
            let ((w, h), (width, height)) = (picture.dimensions(), self.lying());
            let detail = format!("a picture of {w} x {h} pixels does not fit a panel of {width} x {height}");
            return Err(Error::new(Fault::Unavailable, detail));
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.opened()?,
        };
        open.show(picture, &mut *self.screen).map_err(|e| self.fails("cannot be written", e))?;
        self.open = Some(open);
        Ok(())
    }
}

/// An opened device, and what its memory holds.
struct Open {
    file: File,
    geometry: Geometry,
    /// One, or two of which one is seen.
    pages: Vec<Page>,
    /// Which is seen.
    front: usize,
    bytes: Vec<u8>,
}

/// Memory of one whole picture.
struct Page {
    /// Its first row.
    top: u32,
    /// What was written there; `None`: not known.
    holds: Option<RgbImage>,
}

impl Open {
    fn new(file: File, geometry: Geometry) -> Self {
        let tops = if geometry.double { vec![0, geometry.height] } else { vec![geometry.top] };
        let front = tops.iter().position(|top| *top == geometry.top).unwrap_or(0);
        let pages = tops.into_iter().map(|top| Page { top, holds: None }).collect();
        Self { file, geometry, pages, front, bytes: Vec::new() }
    }

    fn show(&mut self, picture: &RgbImage, screen: &mut dyn Screen) -> io::Result<()> {
        if self.pages[self.front].holds.as_ref() == Some(picture) {
            return Ok(());
        }
        let back = (self.front + 1) % self.pages.len();
        self.write(back, picture)?;
        if back == self.front {
            return Ok(());
        }
        if screen.pan(&self.file, self.pages[back].top).is_ok() {
            self.front = back;
            return Ok(());
        }
        // It cannot pan after all: what is seen is written from now on.
        let seen = self.pages.swap_remove(self.front);
        self.pages = vec![seen];
        self.front = 0;
        self.write(0, picture)
    }

    /// Brings the rows of a page up to date that do not hold the picture yet.
    fn write(&mut self, page: usize, picture: &RgbImage) -> io::Result<()> {
        let Geometry { width, height, stride, left, format, .. } = self.geometry;
        let (page, width) = (&mut self.pages[page], width as usize);
        // A page that fails half-way holds nobody knows what.
        let mut holds = page.holds.take();
        for first in (0..height).step_by(BAND as usize) {
            let rows = first..(first + BAND).min(height);
            let part = first as usize * width * 3..rows.end as usize * width * 3;
            let shown = picture.get(part.clone()).unwrap_or_default();
            let held = holds.as_mut().and_then(|holds| holds.get_mut(part));
            if held.as_ref().is_some_and(|held| **held == *shown) {
                continue;
            }
            self.bytes.resize(rows.len() * width * format.bytes(), 0);
            format.convert(shown, &mut self.bytes);
            let start = |row: u32| u64::from(page.top + row) * stride + left;
            let row_bytes = width * format.bytes();
            if stride == row_bytes as u64 {
                self.file.write_all_at(&self.bytes, start(first))?;
            } else {
                for (row, bytes) in rows.zip(self.bytes.chunks_exact(row_bytes)) {
                    self.file.write_all_at(bytes, start(row))?;
                }
            }
            if let Some(held) = held {
                held.copy_from_slice(shown);
            }
        }
        page.holds = Some(holds.unwrap_or_else(|| picture.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use super::pixels::Channel;
    use super::*;
    use crate::clock::lock;

    /// A device made up: its memory is a file, and it keeps where it was panned to.
    struct MadeUp {
        geometry: Geometry,
        pans: Arc<Mutex<Vec<u32>>>,
        refuses: bool,
    }

    impl Screen for MadeUp {
        fn geometry(&self, _: &File, _: Geometry) -> io::Result<Geometry> {
            Ok(self.geometry)
        }

        fn pan(&mut self, _: &File, top: u32) -> io::Result<()> {
            lock(&self.pans).push(top);
            if self.refuses { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
        }
    }

    fn rotation(degrees: u32) -> Rotation {
        Rotation::try_from(degrees).unwrap()
    }

    fn made_up(node: &Path, size: (u32, u32), degrees: u32, screen: MadeUp) -> Framebuffer {
        Framebuffer { screen: Box::new(screen), ..Framebuffer::new(node.into(), size, rotation(degrees)) }
    }

    fn memory(folder: &Path) -> PathBuf {
        let node = folder.join("fb");
        File::create(&node).unwrap();
        node
    }

    fn picture(width: u32, height: u32, salt: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x * 7 + salt) as u8, (y * 5 + salt) as u8, (x + y * 3) as u8])
        })
    }

    #[test]
    fn pixels_of_every_depth_lie_where_they_should() {
        let c = Channel::new;
        let formats = [
            Format::RGB565,
            Format::RGB888,
            Format::XRGB8888,
            Format::new(32, [c(0, 8), c(8, 8), c(16, 8), c(24, 8)]).unwrap(),
        ];
        for (format, degrees) in formats.into_iter().flat_map(|format| [(format, 0), (format, 90)]) {
            for (left, gap) in [(0, 0), (8, 20)] {
                let size = if degrees == 90 { (21, 37) } else { (37, 21) };
                let (width, height) = (37, 21);
                let shown = picture(width, height, 1);
                let stride = u64::from(width) * format.bytes() as u64 + left + gap;
                let geometry = Geometry { width, height, stride, left, format, top: 0, double: false };
                let folder = tempfile::tempdir().unwrap();
                let node = memory(folder.path());
                let screen = MadeUp { geometry, pans: Arc::default(), refuses: true };
                made_up(&node, size, degrees, screen).show(&shown).unwrap();
                let bytes = fs::read(&node).unwrap();
                for (x, y, pixel) in shown.enumerate_pixels() {
                    let mut expect = vec![0; format.bytes()];
                    format.convert(&pixel.0, &mut expect);
                    let at = u64::from(y) * stride + left + u64::from(x) * format.bytes() as u64;
                    let found = &bytes[at as usize..][..format.bytes()];
                    assert_eq!(found, expect, "{format:?} {degrees} stride {stride}: {x}, {y}");
                }
                // Before, between and behind the rows nothing is written.
                let last = u64::from(height - 1) * stride + left + u64::from(width) * format.bytes() as u64;
                assert_eq!(bytes.len() as u64, last);
                assert!(bytes[..left as usize].iter().all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn a_plain_file_has_the_profiles_size_in_32_bits() {
        let folder = tempfile::tempdir().unwrap();
        let node = memory(folder.path());
        let mut panel = Framebuffer::new(node.clone(), (2, 1), rotation(90));
        panel.show(&RgbImage::from_raw(1, 2, vec![1, 2, 3, 4, 5, 6]).unwrap()).unwrap();
        assert_eq!(fs::read(&node).unwrap(), [3, 2, 1, 0, 6, 5, 4, 0]);
    }

    #[test]
    fn only_what_changed_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let node = memory(folder.path());
        let (width, height) = (48, 60);
        let mut panel = Framebuffer::new(node.clone(), (width, height), rotation(0));
        let mut shown = picture(width, height, 1);
        panel.show(&shown).unwrap();
        // What was written before is wiped out: what is there afterwards was written anew.
        let blank = vec![0xEE; fs::read(&node).unwrap().len()];
        for (row, written) in [(33, 32..48), (59, 48..60)] {
            fs::write(&node, &blank).unwrap();
            panel.show(&shown).unwrap();
            assert_eq!(fs::read(&node).unwrap(), blank, "nothing changed");
            shown.put_pixel(20, row, image::Rgb([9, 9, 9]));
            panel.show(&shown).unwrap();
            let bytes = fs::read(&node).unwrap();
            let stride = width as usize * 4;
            let touched: Vec<_> =
                (0..bytes.len() / stride).filter(|row| bytes[row * stride..][..stride] != blank[..stride]).collect();
            assert_eq!(touched, written.collect::<Vec<_>>());
        }
    }

    #[test]
    fn two_pages_take_turns_and_each_gets_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let node = memory(folder.path());
        let (width, height) = (8, 20);
        let format = Format::XRGB8888;
        let geometry = Geometry { width, height, stride: 32, left: 0, format, top: 0, double: true };
        let pans = Arc::new(Mutex::default());
        let screen = MadeUp { geometry, pans: pans.clone(), refuses: false };
        let mut panel = made_up(&node, (width, height), 0, screen);
        let page = |number: usize| {
            let bytes = fs::read(&node).unwrap();
            bytes.chunks(32 * height as usize).nth(number).unwrap_or_default().to_vec()
        };
        let as_bytes = |picture: &RgbImage| {
            let mut bytes = vec![0; picture.len() / 3 * 4];
            format.convert(picture, &mut bytes);
            bytes
        };
        let [first, second, third] = [1, 90, 170].map(|salt| picture(width, height, salt));
        for (shown, pan) in
            [(&first, Some(20)), (&second, Some(0)), (&second, None), (&third, Some(20)), (&second, Some(0))]
        {
            let before = lock(&pans).len();
            panel.show(shown).unwrap();
            let new = lock(&pans)[before..].to_vec();
            assert_eq!(new, pan.into_iter().collect::<Vec<_>>());
            let front = lock(&pans).last().map_or(0, |top| *top as usize / 20);
            assert_eq!(page(front), as_bytes(shown));
        }
        assert_eq!(page(1), as_bytes(&third), "the page behind still holds the picture before");
    }

    #[test]
    fn a_device_that_does_not_pan_after_all_shows_what_is_written() {
        for top in [0, 20] {
            let folder = tempfile::tempdir().unwrap();
            let node = memory(folder.path());
            let geometry =
                Geometry { width: 8, height: 20, stride: 32, left: 0, format: Format::XRGB8888, top, double: true };
            let pans = Arc::new(Mutex::default());
            let screen = MadeUp { geometry, pans: pans.clone(), refuses: true };
            let mut panel = made_up(&node, (8, 20), 0, screen);
            for salt in [1, 90, 170] {
                let shown = picture(8, 20, salt);
                panel.show(&shown).unwrap();
                let mut expect = vec![0; 8 * 20 * 4];
                Format::XRGB8888.convert(&shown, &mut expect);
                assert_eq!(fs::read(&node).unwrap()[top as usize * 32..][..expect.len()], expect);
            }
            assert_eq!(lock(&pans).len(), 1, "it is not asked again");
        }
    }

    #[test]
    fn a_panel_of_another_size_says_what_to_write() {
        for (size, degrees, device, advice) in [
            ((720, 1280), 0, (1280, 720), "write rotation = 90 or 270 in"),
            ((720, 1280), 90, (720, 1280), "write rotation = 0 or 180 in"),
            ((720, 1280), 0, (800, 1280), "write width = 800 and height = 1280 in"),
            ((720, 1280), 270, (1280, 800), "write width = 800 and height = 1280 in"),
            ((1024, 600), 180, (800, 480), "write width = 800 and height = 480 in"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let node = memory(folder.path());
            let (width, height) = device;
            let stride = u64::from(width) * 4;
            let geometry = Geometry { width, height, stride, left: 0, format: Format::XRGB8888, top: 0, double: false };
            let screen = MadeUp { geometry, pans: Arc::default(), refuses: true };
            let mut panel = made_up(&node, size, degrees, screen);
            let lying = panel.lying();
            let error = panel.show(&RgbImage::new(lying.0, lying.1)).unwrap_err().to_string();
            let (is, says) = (format!("is {width} x {height} "), format!("says {} x {} ", size.0, size.1));
            for part in [node.to_str().unwrap(), &is, &says, advice] {
                assert!(error.contains(part), "{part} is not in {error}");
            }
        }
    }

    #[test]
    fn a_device_that_was_missing_is_opened_when_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("fb");
        let mut panel = Framebuffer::new(node.clone(), (4, 4), rotation(0));
        let shown = picture(4, 4, 1);
        let error = panel.show(&shown).unwrap_err().to_string();
        assert!(error.contains(node.to_str().unwrap()) && error.contains("cannot be opened"), "{error}");
        assert!(!node.exists(), "a missing device is not made up");
        memory(folder.path());
        panel.show(&shown).unwrap();
        assert_eq!(fs::metadata(&node).unwrap().len(), 64);
    }

    #[test]
    fn a_device_that_fails_is_opened_anew_and_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (node, full) = (memory(folder.path()), PathBuf::from("/dev/full"));
        let geometry =
            Geometry { width: 4, height: 4, stride: 16, left: 0, format: Format::XRGB8888, top: 0, double: false };
        let screen = MadeUp { geometry, pans: Arc::default(), refuses: true };
        let mut panel = made_up(&node, (4, 4), 0, screen);
        let shown = picture(4, 4, 1);
        panel.show(&shown).unwrap();
        if let Some(open) = &mut panel.open {
            open.file = File::options().write(true).open(full).unwrap();
        }
        let changed = picture(4, 4, 2);
        let error = panel.show(&changed).unwrap_err().to_string();
        assert!(error.contains("cannot be written"), "{error}");
        panel.show(&changed).unwrap();
        let mut expect = vec![0; 64];
        Format::XRGB8888.convert(&changed, &mut expect);
        assert_eq!(fs::read(&node).unwrap(), expect);
    }

    #[test]
    fn pictures_of_another_size_are_refused() {
        let mut panel = Framebuffer::new("/dev/null".into(), (4, 4), rotation(0));
        let error = panel.show(&RgbImage::new(4, 5)).unwrap_err().to_string();
        assert!(error.contains("4 x 5") && error.contains("4 x 4"), "{error}");
    }
}
