//! Where the keys of the keypad on the screen stand, and which one a finger meets.

use super::layout::{Area, Layout};
use crate::hal::Key;

/// The keys as they stand, row by row.
const KEYS: [[Key; 3]; 4] = [
    [Key::Digit(1), Key::Digit(2), Key::Digit(3)],
    [Key::Digit(4), Key::Digit(5), Key::Digit(6)],
    [Key::Digit(7), Key::Digit(8), Key::Digit(9)],
    [Key::Back, Key::Digit(0), Key::Enter],
];
/// How much of the keypad lies above the keys: the words, and a dot for each digit.
const HEAD: f32 = 0.26;

/// What lies above the keys.
#[must_use]
pub fn head(layout: &Layout) -> Area {
    let pad = layout.keypad;
    Area { h: pad.h * HEAD, ..pad }
}

/// Every key and its place. The places touch: between keys there is no gap where a finger meets none.
pub fn keys(layout: &Layout) -> impl Iterator<Item = (Key, Area)> + use<> {
    let (pad, top) = (layout.keypad, head(layout).bottom());
    let (across, down) = (pad.w / 3.0, (pad.bottom() - top) / 4.0);
    let rows = KEYS.into_iter().zip([0.0, 1.0, 2.0, 3.0]);
    rows.flat_map(move |(row, y)| {
        let keys = row.into_iter().zip([0.0, 1.0, 2.0]);
        keys.map(move |(key, x)| (key, Area::new(pad.x + x * across, top + y * down, across, down)))
    })
}

/// The key under a finger, whose place is given as a touch panel does: from the upper left corner of the picture (0, 0) to the
/// lower right (1, 1).
#[must_use]
pub fn hit(layout: &Layout, x: f32, y: f32) -> Option<Key> {
    let (x, y) = (x * layout.width, y * layout.height);
    let meets = |area: &Area| area.x <= x && x < area.right() && area.y <= y && y < area.bottom();
    keys(layout).find(|(_, area)| meets(area)).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(u32, u32); 5] = [(720, 1280), (800, 1280), (1024, 600), (480, 800), (600, 640)];

    #[test]
    fn a_finger_on_a_key_meets_it() {
        for (width, height) in SIZES {
            let layout = Layout::of(width, height);
            let (w, h) = (width as f32, height as f32);
            let mut found = Vec::new();
            for (key, area) in keys(&layout) {
                for (dx, dy) in [(0.5, 0.5), (0.01, 0.01), (0.99, 0.99), (0.01, 0.99)] {
                    let (x, y) = ((area.x + dx * area.w) / w, (area.y + dy * area.h) / h);
                    assert_eq!(hit(&layout, x, y), Some(key), "{width}x{height}");
                }
                // A finger is about as wide as an eighth of such a panel.
                assert!(area.w >= w.min(h) / 8.0 && area.h >= h.min(w) / 14.0, "{width}x{height}: {area:?}");
                found.push(key);
            }
            let all = (0..10).map(Key::Digit).chain([Key::Back, Key::Enter]);
            assert!(found.len() == 12 && all.into_iter().all(|key| found.contains(&key)), "{found:?}");
        }
    }

    #[test]
    fn a_finger_beside_the_keys_meets_none() {
        for (width, height) in SIZES {
            let layout = Layout::of(width, height);
            let head = head(&layout);
            let (w, h) = (width as f32, height as f32);
            for (x, y) in [
                (head.mid_x() / w, head.mid_y() / h),
                (0.001, 0.5),
                (0.999, 0.6),
                (0.7, 0.999),
                (-1.0, 0.7),
                (0.7, 2.0),
                (f32::NAN, 0.7),
            ] {
                assert_eq!(hit(&layout, x, y), None, "{width}x{height}: {x}, {y}");
            }
        }
    }
}
