//! Pixels as a device's bytes: where its channels lie. Pure; who writes the bytes and when is `framebuffer`'s matter.

/// Where a colour lies in a pixel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Channel {
    /// Lowest bit.
    pub offset: u32,
    /// Bits; 0 where there is no such channel.
    pub length: u32,
}

impl Channel {
    /// From its lowest bit and number of bits.
    #[must_use]
    pub const fn new(offset: u32, length: u32) -> Self {
        Self { offset, length }
    }

    const fn bits(self) -> u32 {
        ((1 << self.length) - 1) << self.offset
    }
}

/// How a pixel is stored: little-endian, as on every machine this runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    bytes: usize,
    red: Channel,
    green: Channel,
    blue: Channel,
    /// All ones in every pixel: nothing shines through.
    alpha: Channel,
}

impl Format {
    /// Eight bits a channel, blue first, the fourth byte unused.
    pub const XRGB8888: Self = Self {
        bytes: 4,
        red: Channel::new(16, 8),
        green: Channel::new(8, 8),
        blue: Channel::new(0, 8),
        alpha: Channel::new(0, 0),
    };

    /// Five bits of red, six of green, five of blue.
    pub const RGB565: Self = Self {
        bytes: 2,
        red: Channel::new(11, 5),
        green: Channel::new(5, 6),
        blue: Channel::new(0, 5),
        alpha: Channel::new(0, 0),
    };

    /// Eight bits a channel, blue first, without an unused byte.
    pub const RGB888: Self = Self { bytes: 3, ..Self::XRGB8888 };

    /// A format of `bits` a pixel with these channels, red, green, blue and alpha; `None` where pixels cannot be stored so.
    #[must_use]
    pub fn new(bits: u32, channels: [Channel; 4]) -> Option<Self> {
        let bytes = match bits {
            16 => 2,
            24 => 3,
            32 => 4,
            _ => return None,
        };
        let [red, green, blue, alpha] = channels;
        let fits = |c: Channel| c.length <= 8 && c.offset.saturating_add(c.length) <= bits;
        let coloured = [red, green, blue].iter().all(|c| c.length > 0);
        (coloured && channels.into_iter().all(fits)).then_some(Self { bytes, red, green, blue, alpha })
    }

    /// Bytes a pixel.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Converts pixels; both slices hold the same number of them.
    pub fn convert(self, rgb: &[u8], out: &mut [u8]) {
        match self {
            // The common ones by themselves: for a format the compiler knows it makes a loop that takes half the time.
            Self::XRGB8888 => {
                for (pixel, &[r, g, b]) in out.as_chunks_mut::<4>().0.iter_mut().zip(rgb.as_chunks::<3>().0) {
                    *pixel = [b, g, r, 0];
                }
            }
            Self::RGB565 => Self::RGB565.pack(rgb, out),
            other => other.pack(rgb, out),
        }
    }

    #[inline(always)]
    fn pack(self, rgb: &[u8], out: &mut [u8]) {
        // Shifts are known to fit; checked ones would be done pixel by pixel.
        let place = |channel: Channel| {
            let (down, up) = (8 - channel.length, channel.offset);
            move |value: u8| u32::from(value).wrapping_shr(down).wrapping_shl(up)
        };
        let (red, green, blue) = (place(self.red), place(self.green), place(self.blue));
        let opaque = self.alpha.bits();
        let pixels = rgb.as_chunks::<3>().0.iter().map(|&[r, g, b]| red(r) | green(g) | blue(b) | opaque);
        match self.bytes {
            2 => {
                for (out, pixel) in out.as_chunks_mut::<2>().0.iter_mut().zip(pixels) {
                    let [low, high, ..] = pixel.to_le_bytes();
                    *out = [low, high];
                }
            }
            3 => {
                for (out, pixel) in out.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    let [low, middle, high, _] = pixel.to_le_bytes();
                    *out = [low, middle, high];
                }
            }
            _ => {
                for (out, pixel) in out.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                    *out = pixel.to_le_bytes();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_lie_where_the_device_has_them() {
        let c = Channel::new;
        for (bits, channels, rgb, expect) in [
            (16, [c(11, 5), c(5, 6), c(0, 5), c(0, 0)], [0xFF, 0, 0], Some(&[0x00, 0xF8][..])),
            (16, [c(11, 5), c(5, 6), c(0, 5), c(0, 0)], [0x12, 0x34, 0x56], Some(&[0xAA, 0x11])),
            (16, [c(10, 5), c(5, 5), c(0, 5), c(15, 1)], [0, 0, 0xFF], Some(&[0x1F, 0x80])),
            (24, [c(16, 8), c(8, 8), c(0, 8), c(0, 0)], [1, 2, 3], Some(&[3, 2, 1])),
            (24, [c(0, 8), c(8, 8), c(16, 8), c(0, 0)], [1, 2, 3], Some(&[1, 2, 3])),
            (32, [c(16, 8), c(8, 8), c(0, 8), c(0, 0)], [1, 2, 3], Some(&[3, 2, 1, 0])),
            (32, [c(16, 8), c(8, 8), c(0, 8), c(24, 8)], [1, 2, 3], Some(&[3, 2, 1, 255])),
            (32, [c(0, 8), c(8, 8), c(16, 8), c(24, 8)], [1, 2, 3], Some(&[1, 2, 3, 255])),
            (32, [c(8, 8), c(16, 8), c(24, 8), c(0, 0)], [1, 2, 3], Some(&[0, 1, 2, 3])),
            (32, [c(12, 6), c(6, 6), c(0, 6), c(0, 0)], [0xFF, 0, 4], Some(&[1, 0xF0, 3, 0])),
            (8, [c(5, 3), c(2, 3), c(0, 2), c(0, 0)], [0; 3], None),
            (32, [c(20, 10), c(10, 10), c(0, 10), c(30, 2)], [0; 3], None),
            (32, [c(25, 8), c(8, 8), c(0, 8), c(0, 0)], [0; 3], None),
            (32, [c(u32::MAX, 8), c(8, 8), c(0, 8), c(0, 0)], [0; 3], None),
            (32, [c(0, 8), c(0, 0), c(0, 8), c(0, 0)], [0; 3], None),
        ] {
            let format = Format::new(bits, channels);
            let converted = format.map(|format| {
                let mut out = vec![0x55; format.bytes() * 2];
                format.convert(&[rgb, rgb].concat(), &mut out);
                let (first, second) = out.split_at(format.bytes());
                assert_eq!(first, second);
                first.to_vec()
            });
            assert_eq!(converted.as_deref(), expect, "{bits} {channels:?}");
        }
    }
}
