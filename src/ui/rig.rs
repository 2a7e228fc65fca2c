//! A display to try things on: a store with one person, and no camera.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;

use super::display::{Display, Portrait};
use super::{Message, Said};
use crate::access::Person;
use crate::clock::{Clock, Mono};
use crate::error::Result;
use crate::field::LocalTime;
use crate::network::Port;
use crate::roster::encode_jpeg;
use crate::settings::Live;
use crate::store::{Limits, Registered, Store};
use crate::vision::{Frame, Rect};

/// Colour of the registered photo.
pub const RED: [u8; 3] = [200, 30, 30];
/// Colour of the picture just taken.
pub const BLUE: [u8; 3] = [30, 30, 200];

fn flat(colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(480, 640, image::Rgb(colour))
}

/// A display, and a message about somebody whose photo is red and who is blue before the camera.
pub fn display(folder: &Path, clock: Arc<dyn Clock>) -> (Display, Message) {
    let limits = Limits { people: 5, control_records: 5, captures: 5, notices: 5 };
    let store = Arc::new(Store::open(folder, limits, clock.clone()).unwrap());
    let person = Person { name: "Li Wei".into(), ..Person::new(LocalTime::UNSET) };
    let photo =
        Registered { jpeg: encode_jpeg(&flat(RED), 90).unwrap(), embedding: vec![1.0, 0.0, 0.0], pack: "plain".into() };
    let id = store.add(person, Some(photo)).unwrap();
    let frame = Frame { pixels: Arc::new(flat(BLUE)), at: Mono(0), number: 1 };
    let message = Message {
        person: store.person(id),
        taken: Some((frame, Rect::sized(150.0, 200.0, 150.0, 200.0))),
        ..Message::new(Said::Pass, Mono(1000))
    };
    let display = Display {
        screen: Arc::default(),
        settings: Arc::new(Live::load(store.clone()).unwrap()),
        store,
        newest: Arc::default(),
        clock,
        size: (720, 1280),
        mirror: false,
        ip: [127, 0, 0, 1].into(),
        port: Arc::new(At(8080)),
        device_id: 1_300_001,
        version: "v1".into(),
        portrait: Portrait::default(),
    };
    (display, message)
}

/// A port that stays where it is.
#[derive(Debug)]
pub struct At(pub u16);

impl Port for At {
    fn current(&self) -> u16 {
        self.0
    }
    fn check(&self, _: u16) -> Result<()> {
        Ok(())
    }
    fn move_to(&self, _: u16) -> Result<()> {
        Ok(())
    }
}
