//! People who were enrolled before the machine starts: a disk with the terminal's data, made on the host past the models,
//! which would take 25 seconds a photo in the machine.

use std::io::Cursor;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use facegate::access::Person;
use facegate::clock::SystemClock;
use facegate::field::LocalTime;
use facegate::store::{Limits, Registered, Store};
use facegate::vision::Pack;
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use tempfile::TempDir;

use crate::Setup;

/// The card of the first of them, a decimal number.
pub const CARD: &str = "1046239";
/// Who adds them, side by side: those who wait for the disk together wait once.
const HANDS: u32 = 8;

/// Makes a disk with so many people, whose numbers of the platform's are 1 and following.
pub fn disk(setup: &Setup, count: u32) -> PathBuf {
    // In memory where there is such a folder: every person is synchronised with the disk several times.
    let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    let pack = Pack::locate(&setup.models, None).unwrap();
    let limits = Limits { people: count as usize, control_records: 1000, captures: 200, notices: 1000 };
    let store = Store::open(folder.path(), limits, Arc::new(SystemClock::default())).unwrap();
    let mut photo = Cursor::new(Vec::new());
    JpegEncoder::new(&mut photo).encode_image(&RgbImage::from_pixel(48, 64, Rgb([90, 120, 150]))).unwrap();
    std::thread::scope(|scope| {
        for hand in 0..HANDS {
            let (store, pack, photo) = (&store, &pack, photo.get_ref());
            scope.spawn(move || {
                for number in (1..=count).filter(|number| number % HANDS == hand) {
                    let embedding = face(number, pack.embedding.length);
                    let registered = Registered { jpeg: photo.clone(), embedding, pack: pack.mark() };
                    store.add(person(number), Some(registered)).unwrap();
                }
            });
        }
    });
    drop(store);
    let disk = setup.sockets.path().join("people.img");
    let made = Command::new("mke2fs")
        .args(["-q", "-t", "ext4", "-m", "0", "-N", &(2 * count + 1000).to_string(), "-d"])
        .args([folder.path(), disk.as_path()])
        .arg("1G")
        .stdout(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "mke2fs; `scripts/packages machine` installs it");
    disk
}

fn person(number: u32) -> Person {
    Person {
        name: format!("Person {number}"),
        custom_id: Some(number),
        rf_card: (number == 1).then(|| CARD.to_owned()),
        rf_decimal: number == 1,
        ..Person::new(LocalTime::parse("2026-01-01T08:00:00").unwrap())
    }
}

/// A face like nobody else's: a direction by chance, always the same for a number.
fn face(number: u32, length: usize) -> Vec<f32> {
    let mut state = u64::from(number);
    let mut raw: Vec<f32> = (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from((state >> 48) as u16) - 32_767.5
        })
        .collect();
    let norm = raw.iter().map(|value| value * value).sum::<f32>().sqrt();
    raw.iter_mut().for_each(|value| *value /= norm);
    raw
}
