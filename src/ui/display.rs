//! The whole screen of one moment: everything that is to be seen is gathered here and drawn.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use image::RgbImage;
use tracing::warn;

use super::draw::{self, Pictures};
use super::layout::Area;
use super::view::{Facts, View};
use super::{Message, Screen};
use crate::camera::Newest;
use crate::clock::{Clock, lock};
use crate::settings::{Live, Settings, ShownPicture};
use crate::store::Store;
use crate::vision::{Frame, PictureLimits, Rect, decode_picture};

/// A panel and what it shows.
#[derive(Debug)]
pub struct Display {
    /// What is said, and the face before the camera.
    pub screen: Arc<Screen>,
    /// The settings in force.
    pub settings: Arc<Live>,
    /// Registered people and their photos.
    pub store: Arc<Store>,
    /// The camera's picture.
    pub newest: Arc<Newest>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Width and height of the panel, pixels.
    pub size: (u32, u32),
    /// Whether the camera's picture is shown as a mirror would show it.
    pub mirror: bool,
    /// Where the API listens.
    pub address: SocketAddr,
    /// The terminal's number.
    pub device_id: u32,
    /// Version of the software.
    pub version: String,
    /// The picture beside the tip that was drawn last.
    pub portrait: Portrait,
}

/// A picture that is made once for each tip, by who draws: the door's loop waits neither for disk nor decoder.
#[derive(Debug, Default)]
pub struct Portrait(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    message: Arc<Message>,
    kind: ShownPicture,
    picture: Option<Arc<RgbImage>>,
}

impl Display {
    /// What the panel shows now.
    #[must_use]
    pub fn picture(&self) -> RgbImage {
        let settings = self.settings.now();
        let scene = self.screen.scene(self.clock.mono());
        let view = View::new(&scene, &settings, &self.facts(&settings));
        let frame = self.newest.get();
        let portrait = self.portrait(scene.message.as_ref().filter(|m| m.is_pictured()), settings.panel.picture);
        let pictures = Pictures { camera: frame.as_ref(), mirror: self.mirror, portrait: portrait.as_deref() };
        draw::draw(&view, pictures, self.size)
    }

    fn facts(&self, settings: &Settings) -> Facts {
        Facts {
            now: settings.ntp.local(self.clock.wall()),
            address: self.address(settings),
            device_id: self.device_id,
            people: self.store.count(),
            version: self.version.clone(),
        }
    }

    /// The address the API listens on; where it listens on all, the one that was set.
    fn address(&self, settings: &Settings) -> Option<(std::net::IpAddr, u16)> {
        let (ip, port) = (self.address.ip(), self.address.port());
        if !ip.is_unspecified() {
            return Some((ip, port));
        }
        let set = settings.network.address;
        let set = if set.is_some() { set.to_string().parse().ok() } else { None };
        set.map(|ip| (ip, port))
    }

    /// The picture beside a tip, from the tip before where it is the same.
    fn portrait(&self, message: Option<&Arc<Message>>, kind: ShownPicture) -> Option<Arc<RgbImage>> {
        let made = &mut *lock(&self.portrait.0);
        let Some(message) = message else {
            *made = None;
            return None;
        };
        let same = |made: &&Made| made.kind == kind && Arc::ptr_eq(&made.message, message);
        if let Some(made) = made.as_ref().filter(same) {
            return made.picture.clone();
        }
        let picture = match kind {
            ShownPicture::Taken => self.taken(message),
            ShownPicture::Registered => self.registered(message),
        };
        let picture = picture.map(Arc::new);
        *made = Some(Made { message: message.clone(), kind, picture: picture.clone() });
        picture
    }

    fn taken(&self, message: &Message) -> Option<RgbImage> {
        let (frame, face) = message.taken.as_ref()?;
        draw::cover(&frame.pixels, around(frame, *face), draw::portrait_size(self.size))
    }

    fn registered(&self, message: &Message) -> Option<RgbImage> {
        let person = message.person.as_ref()?;
        let read = self
            .store
            .photo(person.id)
            .and_then(|bytes| bytes.map(|bytes| decode_picture(&bytes, PictureLimits::default())).transpose());
        match read {
            Ok(photo) => {
                let photo = photo?;
                draw::cover(&photo, whole(&photo), draw::portrait_size(self.size))
            }
            Err(error) => {
                warn!(%error, person = person.id.0, "the photo cannot be shown");
                None
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "picture sizes")]
fn whole(picture: &RgbImage) -> Area {
    Area::new(0.0, 0.0, picture.width() as f32, picture.height() as f32)
}

/// A face with hair and shoulders, as far as the frame reaches.
fn around(frame: &Frame, face: Rect) -> Area {
    let frame = whole(&frame.pixels);
    let (dx, above, below) = (face.width() * 0.35, face.height() * 0.4, face.height() * 0.3);
    let (x1, x2) = ((face.x1 - dx).max(0.0), (face.x2 + dx).min(frame.w));
    let (y1, y2) = ((face.y1 - above).max(0.0), (face.y2 + below).min(frame.h));
    Area::new(x1, y1, (x2 - x1).max(0.0), (y2 - y1).max(0.0))
}
