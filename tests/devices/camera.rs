//! Cameras on the kernel's virtual one, `vivid`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use facegate::board::{Board, CameraRole};
use facegate::clock::{SystemClock, lock};
use facegate::hal::linux::camera::V4lCamera;
use facegate::hal::{Camera as _, CameraMode, PixelFormat};
use image::RgbImage;

use crate::skip;

/// One camera, and tests that take it away from each other.
static TURN: Mutex<()> = Mutex::new(());

/// The capture node of `vivid`, where the kernel has it.
fn vivid() -> Option<PathBuf> {
    let nodes = std::fs::read_dir("/sys/class/video4linux").into_iter().flatten().flatten();
    let mut names: Vec<_> = nodes
        .filter(|node| std::fs::read_to_string(node.path().join("name")).is_ok_and(|name| name.contains("vid-cap")))
        .map(|node| node.file_name())
        .collect();
    names.sort();
    let found = names.first().map(|name| Path::new("/dev").join(name));
    if found.is_none() {
        skip("the kernel has no vivid camera here; `make qemu` has it");
    }
    found
}

fn mode(formats: &[PixelFormat]) -> CameraMode {
    let color = Board::sim().unwrap().cameras.into_iter().find(|camera| camera.role == CameraRole::Color).unwrap();
    CameraMode { formats: formats.to_vec(), frozen: None, ..color.mode }
}

fn opened(node: &Path, mode: CameraMode) -> V4lCamera {
    V4lCamera::new(mode, node.to_owned(), Arc::new(SystemClock::default()))
}

fn picture(node: &Path, mode: CameraMode) -> RgbImage {
    let mut camera = opened(node, mode);
    // The first ones of a stream may still be of the one before.
    let frames = (0..3).map(|_| camera.next().unwrap().unwrap());
    frames.last().map(|frame| (*frame.pixels).clone()).unwrap()
}

/// Mean difference of two pictures, outside the text that `vivid` writes over them.
fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    let lower = |picture: &RgbImage| picture.as_raw()[picture.as_raw().len() / 2..].to_vec();
    let (one, other) = (lower(one), lower(other));
    let sum: u64 = one.iter().zip(&other).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.len() as f64
}

#[test]
fn every_format_shows_the_same_picture() {
    let _turn = lock(&TURN);
    let Some(node) = vivid() else { return };
    let rgb = picture(&node, mode(&[PixelFormat::Rgb]));
    assert_eq!(rgb.dimensions(), (960, 1280));
    let distinct: std::collections::HashSet<_> = rgb.pixels().map(|pixel| pixel.0.map(|c| c / 32)).collect();
    assert!(distinct.len() > 4, "colour bars, not one colour");
    for format in [PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::Yuyv] {
        let other = picture(&node, mode(&[format]));
        let off = difference(&rgb, &other);
        assert!(off < 12.0, "{format:?} is off by {off:.1} on the average");
    }
    let grey = picture(&node, mode(&[PixelFormat::Grey]));
    assert!(grey.pixels().all(|pixel| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]));
}

#[test]
fn the_first_format_of_the_profile_that_there_is_counts() {
    let _turn = lock(&TURN);
    let Some(node) = vivid() else { return };
    let mut camera = opened(&node, mode(&[PixelFormat::Mjpeg, PixelFormat::Nv21]));
    let found = camera.probe().unwrap();
    assert!(found.contains("NV21") && found.contains("960x1280 upright"), "{found}");
    let why = opened(&node, mode(&[PixelFormat::Mjpeg])).probe().unwrap_err();
    assert!(why.detail.contains("none of the profile's formats") && why.detail.contains("YUYV"), "{}", why.detail);
    let other = CameraMode { serial: Some("4711".into()), ..mode(&[PixelFormat::Nv21]) };
    let why = opened(&node, other).probe().unwrap_err();
    assert!(why.detail.contains("not the camera with serial 4711"), "{}", why.detail);
    let why = opened(Path::new("/dev/video99"), mode(&[PixelFormat::Rgb])).probe().unwrap_err();
    assert!(why.detail.contains("/dev/video99"), "{}", why.detail);
}

#[test]
fn a_camera_that_was_unplugged_goes_on_when_it_is_back() {
    let _turn = lock(&TURN);
    let Some(node) = vivid() else { return };
    let driver = Path::new("/sys/bus/platform/drivers/vivid");
    let mut camera = opened(&node, mode(&[PixelFormat::Yuyv]));
    camera.next().unwrap().unwrap();
    std::fs::write(driver.join("unbind"), "vivid.0").unwrap();
    // A few pictures may still be in the kernel's buffers.
    assert!((0..20).any(|_| camera.next().is_err()), "it notices");
    assert!(camera.next().unwrap_err().detail.contains("cannot be opened"));
    std::fs::write(driver.join("bind"), "vivid.0").unwrap();
    let back = (0..1000).find_map(|_| camera.next().ok().flatten());
    assert_eq!(back.expect("it goes on").pixels.dimensions(), (960, 1280));
    assert!(camera.identity().unwrap().contains("vivid"));
}
