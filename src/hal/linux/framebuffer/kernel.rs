//! What the kernel says of a framebuffer, and panning: the calls of `linux/fb.h`, nothing else.

use std::fs::File;
use std::io;

use rustix::ioctl::{Getter, Updater, ioctl};

use super::Geometry;
use super::pixels::{Channel, Format};

const FBIOGET_VSCREENINFO: u32 = 0x4600;
const FBIOGET_FSCREENINFO: u32 = 0x4602;
const FBIOPAN_DISPLAY: u32 = 0x4606;
/// `FB_VISUAL_TRUECOLOR` and `FB_VISUAL_DIRECTCOLOR`: pixels hold their colours themselves.
const VISUALS: [u32; 2] = [2, 4];

/// `struct fb_bitfield`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Bitfield {
    offset: u32,
    length: u32,
    msb_right: u32,
}

/// `struct fb_var_screeninfo`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Variable {
    xres: u32,
    yres: u32,
    xres_virtual: u32,
    yres_virtual: u32,
    xoffset: u32,
    yoffset: u32,
    bits_per_pixel: u32,
    grayscale: u32,
    red: Bitfield,
    green: Bitfield,
    blue: Bitfield,
    transp: Bitfield,
    /// `nonstd` to `colorspace`: timing of the signal and the like.
    timing: [u32; 16],
    reserved: [u32; 4],
}

/// `struct fb_fix_screeninfo`; `unsigned long` is as wide as an address.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Fixed {
    id: [u8; 16],
    smem_start: usize,
    smem_len: u32,
    kind: u32,
    type_aux: u32,
    visual: u32,
    xpanstep: u16,
    ypanstep: u16,
    ywrapstep: u16,
    line_length: u32,
    mmio_start: usize,
    mmio_len: u32,
    accel: u32,
    capabilities: u16,
    reserved: [u16; 2],
}

fn variable(file: &File) -> io::Result<Variable> {
    // SAFETY: the kernel fills a `fb_var_screeninfo`, whose layout is that of `Variable`; any bits are valid in it.
    Ok(unsafe { ioctl(file, Getter::<FBIOGET_VSCREENINFO, Variable>::new()) }?)
}

fn fixed(file: &File) -> io::Result<Fixed> {
    // SAFETY: the kernel fills a `fb_fix_screeninfo`, whose layout is that of `Fixed`; any bits are valid in it.
    Ok(unsafe { ioctl(file, Getter::<FBIOGET_FSCREENINFO, Fixed>::new()) }?)
}

/// Asks for size, format and memory of the device.
///
/// # Errors
/// What the system says; `InvalidData` where pixels are stored in a way that is not written here.
pub fn geometry(file: &File) -> io::Result<Geometry> {
    let (variable, fixed) = (variable(file)?, fixed(file)?);
    understood(&variable, &fixed).ok_or_else(|| {
        let (bits, visual) = (variable.bits_per_pixel, fixed.visual);
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("stores pixels in an unknown way ({bits} bits, visual {visual})"),
        )
    })
}

fn understood(variable: &Variable, fixed: &Fixed) -> Option<Geometry> {
    let channel = |field: Bitfield| Channel { offset: field.offset, length: field.length };
    let channels = [variable.red, variable.green, variable.blue, variable.transp].map(channel);
    let format = Format::new(variable.bits_per_pixel, channels)?;
    let stride = u64::from(fixed.line_length);
    let bytes = u64::try_from(format.bytes()).ok()?;
    let left = u64::from(variable.xoffset) * bytes;
    let (width, height) = (variable.xres, variable.yres);
    // A second picture below the first one, in memory that is really there.
    let doubled = 2 * u64::from(height);
    let double = u64::from(variable.yres_virtual) >= doubled
        && doubled * stride <= u64::from(fixed.smem_len)
        && fixed.ypanstep > 0
        && (variable.yoffset == 0 || variable.yoffset == height);
    let sound = VISUALS.contains(&fixed.visual) && width > 0 && height > 0 && stride >= left + u64::from(width) * bytes;
    sound.then_some(Geometry { width, height, stride, left, format, top: variable.yoffset, double })
}

/// Shows the memory from row `top` on.
///
/// # Errors
/// What the system says: drivers that cannot refuse.
pub fn pan(file: &File, top: u32) -> io::Result<()> {
    let mut to = Variable { yoffset: top, ..variable(file)? };
    // SAFETY: the kernel reads and writes a `fb_var_screeninfo`, whose layout is that of `Variable`.
    unsafe { ioctl(file, Updater::<FBIOPAN_DISPLAY, Variable>::new(&mut to)) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Bitfield = Bitfield { offset: 0, length: 0, msb_right: 0 };

    fn byte(offset: u32) -> Bitfield {
        Bitfield { offset, length: 8, ..NONE }
    }

    /// A panel of 720 x 1280 pixels in 32 bits, with memory for two pictures.
    fn panel() -> (Variable, Fixed) {
        let variable = Variable {
            xres: 720,
            yres: 1280,
            xres_virtual: 720,
            yres_virtual: 2560,
            xoffset: 0,
            yoffset: 0,
            bits_per_pixel: 32,
            grayscale: 0,
            red: byte(16),
            green: byte(8),
            blue: byte(0),
            transp: NONE,
            timing: [0; 16],
            reserved: [0; 4],
        };
        let fixed = Fixed {
            id: *b"panel\0\0\0\0\0\0\0\0\0\0\0",
            smem_start: 0,
            smem_len: 2880 * 2560,
            kind: 0,
            type_aux: 0,
            visual: 2,
            xpanstep: 1,
            ypanstep: 1,
            ywrapstep: 0,
            line_length: 2880,
            mmio_start: 0,
            mmio_len: 0,
            accel: 0,
            capabilities: 0,
            reserved: [0; 2],
        };
        (variable, fixed)
    }

    #[test]
    fn structs_have_the_kernels_sizes() {
        assert_eq!(size_of::<Variable>(), 160);
        assert_eq!(size_of::<Fixed>(), if size_of::<usize>() == 8 { 80 } else { 68 });
        assert_eq!(std::mem::offset_of!(Fixed, line_length), if size_of::<usize>() == 8 { 48 } else { 44 });
    }

    #[test]
    fn what_the_kernel_says_is_checked_before_it_is_believed() {
        type Change = fn(&mut Variable, &mut Fixed);
        let seen = |change: Change| {
            let (mut variable, mut fixed) = panel();
            change(&mut variable, &mut fixed);
            understood(&variable, &fixed)
        };
        let whole = Geometry {
            width: 720,
            height: 1280,
            stride: 2880,
            left: 0,
            format: Format::XRGB8888,
            top: 0,
            double: true,
        };
        assert_eq!(seen(|_, _| {}), Some(whole));
        assert_eq!(seen(|v, _| v.yoffset = 1280), Some(Geometry { top: 1280, ..whole }));
        for (change, why) in [
            ((|v, _| v.yres_virtual = 2559) as Change, "no room below"),
            (|_, f| f.smem_len -= 1, "no memory for it"),
            (|_, f| f.ypanstep = 0, "cannot pan"),
        ] {
            assert_eq!(seen(change), Some(Geometry { double: false, ..whole }), "{why}");
        }
        assert_eq!(seen(|v, _| v.yoffset = 10), Some(Geometry { double: false, top: 10, ..whole }));
        let wider = seen(|v, f| (v.xoffset, f.line_length, f.smem_len) = (4, 4096, 4096 * 2560));
        assert_eq!(wider, Some(Geometry { stride: 4096, left: 16, ..whole }));
        for (change, why) in [
            ((|_, f| f.visual = 3) as Change, "a palette"),
            (|v, _| v.bits_per_pixel = 8, "a byte a pixel"),
            (|v, _| v.red.length = 0, "no red"),
            (|_, f| f.line_length = 2879, "rows that overlap"),
            (|v, _| (v.xres, v.yres) = (0, 0), "nothing"),
        ] {
            assert_eq!(seen(change), None, "{why}");
        }
    }

    #[test]
    fn what_is_no_framebuffer_says_so() {
        let null = File::options().write(true).open("/dev/null").unwrap();
        assert_eq!(geometry(&null).unwrap_err().raw_os_error(), Some(rustix::io::Errno::NOTTY.raw_os_error()));
        assert!(pan(&null, 0).is_err());
    }
}
