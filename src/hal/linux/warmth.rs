//! From a thermal picture to the temperature of whoever stands before it. Knows no chip and no limits: whether it is
//! fever is left to the settings, whose correction is added there (3.27).
//!
//! Somebody is a connected patch that stands out against the room and has the temperature of skin. Its own temperature
//! is the mean of its hottest pixels, which are forehead and inner corners of the eyes where a face is seen. What is
//! reported is the temperature of the body under that skin, for which the heat balance of perfused tissue serves (as in
//! US patent 6,056,435): the skin is cooler than the blood by a part of what it is warmer than the room,
//!
//! ```text
//! body = skin + 0.2 · (skin − room)
//! ```
//!
//! The factor makes 36.8 °C of the 34.5 °C that a forehead has at a room's 23 °C. It is not fitted to a group of people,
//! and wind, sun and a fresh sweat are not in it: each terminal is to be trimmed with `TemperatureCheck` where it hangs.

/// Columns of the picture.
pub const WIDTH: usize = 32;
/// Rows of the picture.
pub const HEIGHT: usize = 24;
/// Pixels of the picture, row by row.
pub const PIXELS: usize = WIDTH * HEIGHT;

/// Degrees that skin is warmer than what is behind it, at least.
const CONTRAST: f32 = 2.0;
/// Skin is not colder, even of who comes from the frost, nor hotter: a lamp, a cup.
const SKIN: std::ops::RangeInclusive<f32> = 25.0..=43.0;
/// A smaller patch is too far away, or no person.
const SMALLEST: usize = 12;
/// The hottest pixels of a patch: a tenth, and at least these many.
const HOTTEST: usize = 4;
/// By how much the body is warmer than the skin, for each degree the skin is warmer than the room.
const BODY: f32 = 0.2;

/// Body temperature of whoever stands before the sensor, degrees Celsius, from the temperatures of its pixels;
/// `None` when nobody does. Pixels that are broken may be NaN.
#[must_use]
pub fn body(pixels: &[f32; PIXELS]) -> Option<f64> {
    let coldest = quantile(pixels.iter().copied(), 10)?;
    let warm: Vec<bool> = pixels.iter().map(|t| SKIN.contains(t) && *t >= coldest + CONTRAST).collect();
    let patch = largest_patch(&warm);
    if patch.len() < SMALLEST {
        return None;
    }
    let mut heat: Vec<f32> = patch.iter().map(|at| pixels[*at]).collect();
    heat.sort_unstable_by(|a, b| b.total_cmp(a));
    heat.truncate(HOTTEST.max(heat.len() / 10));
    let skin = mean(&heat);
    // The window at the edge of the picture is not the room: it is the middle of all that is not the person.
    let room = quantile((0..PIXELS).filter(|at| !patch.contains(at)).map(|at| pixels[at]), 50).unwrap_or(coldest);
    Some(f64::from(skin + BODY * (skin - room).max(0.0)))
}

/// The value that `percent` of the numbers among `values` do not reach.
fn quantile(values: impl Iterator<Item = f32>, percent: usize) -> Option<f32> {
    let mut values: Vec<f32> = values.filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f32::total_cmp);
    values.get(values.len() * percent / 100).copied()
}

fn mean(values: &[f32]) -> f32 {
    let (sum, count) = values.iter().fold((0.0, 0.0_f32), |(sum, count), value| (sum + value, count + 1.0));
    sum / count.max(1.0)
}

/// Places of the most pixels that hang together, corners included: the sensor measures in a chess pattern, and the
/// halves differ a little.
fn largest_patch(warm: &[bool]) -> std::collections::BTreeSet<usize> {
    let mut seen = vec![false; warm.len()];
    let mut largest = Vec::new();
    for start in 0..warm.len() {
        let mut patch = Vec::new();
        let mut next = vec![start];
        while let Some(at) = next.pop() {
            if !warm[at] || std::mem::replace(&mut seen[at], true) {
                continue;
            }
            patch.push(at);
            let (row, column) = (at / WIDTH, at % WIDTH);
            for row in row.saturating_sub(1)..=(row + 1).min(HEIGHT - 1) {
                for column in column.saturating_sub(1)..=(column + 1).min(WIDTH - 1) {
                    next.push(row * WIDTH + column);
                }
            }
        }
        if patch.len() > largest.len() {
            largest = patch;
        }
    }
    largest.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A room of one temperature with rectangles in it: column, row, width, height, temperature.
    fn scene(room: f32, things: &[(usize, usize, usize, usize, f32)]) -> [f32; PIXELS] {
        let mut pixels = [room; PIXELS];
        for (left, top, width, height, temperature) in things {
            for row in *top..top + height {
                pixels[row * WIDTH + left..][..*width].fill(*temperature);
            }
        }
        pixels
    }

    #[test]
    fn who_stands_there_is_measured_and_nobody_is_not() {
        let nan = f32::NAN;
        for (what, pixels, expected) in [
            ("nobody", scene(23.0, &[]), None),
            ("a warm room", scene(33.0, &[]), None),
            ("a face", scene(23.0, &[(10, 5, 8, 10, 34.5)]), Some(36.8)),
            ("a face and cooler clothes", scene(23.0, &[(5, 15, 20, 9, 28.0), (10, 5, 8, 10, 34.5)]), Some(36.8)),
            ("fever", scene(23.0, &[(10, 5, 8, 10, 36.5)]), Some(39.2)),
            ("a face in a warm room", scene(31.0, &[(10, 5, 8, 10, 35.5)]), Some(36.4)),
            ("a face in a room as warm", scene(34.0, &[(10, 5, 8, 10, 35.0)]), None),
            ("somebody from the frost", scene(23.0, &[(10, 5, 8, 10, 26.0)]), Some(26.6)),
            (
                "a forehead warmer than the rest",
                { scene(23.0, &[(10, 5, 8, 10, 33.0), (11, 5, 4, 2, 35.0)]) },
                Some(37.4),
            ),
            ("two, one behind the other", scene(23.0, &[(2, 2, 4, 4, 36.0), (12, 5, 8, 10, 34.5)]), Some(36.8)),
            ("somebody far away", scene(23.0, &[(10, 5, 3, 3, 34.5)]), None),
            ("a lamp", scene(23.0, &[(0, 0, 6, 6, 80.0)]), None),
            ("a face under a lamp", scene(23.0, &[(0, 0, 6, 6, 80.0), (6, 5, 8, 10, 34.5)]), Some(36.8)),
            ("a face before a cold window", scene(23.0, &[(20, 0, 12, 24, -5.0), (6, 5, 8, 10, 34.5)]), Some(36.8)),
            ("a face with a broken pixel", scene(23.0, &[(10, 5, 8, 10, 34.5), (12, 7, 1, 1, nan)]), Some(36.8)),
            ("a face that fills the picture", scene(34.5, &[(0, 0, 32, 4, 24.5)]), Some(36.5)),
            ("a sensor that says nothing", [nan; PIXELS], None),
            ("a sensor that is over the top", [f32::INFINITY; PIXELS], None),
        ] {
            let measured = body(&pixels).map(|t| (t * 10.0).round() / 10.0);
            assert_eq!(measured, expected, "{what}");
        }
    }

    #[test]
    fn patches_end_at_the_edges_of_the_picture() {
        // Both edges of two rows: neighbours in memory, not in the picture.
        let pixels = scene(23.0, &[(26, 5, 6, 1, 34.5), (0, 6, 6, 1, 34.5)]);
        assert_eq!(body(&pixels), None);
        // Corner to corner they hang together.
        let chess: [f32; PIXELS] = std::array::from_fn(|at| {
            if at / WIDTH < 5 && (at / WIDTH + at % WIDTH).is_multiple_of(2) { 34.5 } else { 23.0 }
        });
        assert!(body(&chess).is_some());
    }

    #[test]
    fn a_warm_shape_before_a_real_sensor() {
        let text = include_str!("../../../tests/data/mlx90640/celsius.txt");
        let pixels: Vec<f32> = text.split_whitespace().map(|t| t.parse().unwrap()).collect();
        let measured = body(pixels.as_slice().try_into().unwrap()).unwrap();
        // Its hottest tenth is 33.9 °C, the room 28.5 °C.
        assert!((measured - 35.0).abs() < 0.15, "{measured}");
    }
}
