//! The whole screen of one moment: everything that is to be seen is gathered here and drawn.

use std::io::Cursor;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use image::{ImageFormat, RgbImage};
use tracing::warn;

use super::draw::{self, Painter, Pictures};
use super::layout::Area;
use super::lettering::Fonts;
use super::view::{Facts, View};
use super::{Message, Screen};
use crate::camera::Newest;
use crate::clock::{Clock, lock};
use crate::error::{Error, Fault, Result};
use crate::hal::Rotation;
use crate::network::Port;
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
    /// The letters it has.
    pub fonts: Arc<Fonts>,
    /// Whether the camera's picture is shown as a mirror would show it.
    pub mirror: bool,
    /// The address the API listens on.
    pub ip: IpAddr,
    /// Its port, which may move.
    pub port: Arc<dyn Port>,
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

/// All that is to be seen at one moment, not drawn yet.
#[derive(Debug)]
pub struct Moment {
    view: View,
    frame: Option<Frame>,
    mirror: bool,
    portrait: Option<Arc<RgbImage>>,
}

impl Moment {
    /// Whether it looks the same as another one: nothing has moved in between.
    #[must_use]
    pub fn looks_like(&self, other: &Self) -> bool {
        let number = |moment: &Self| moment.frame.as_ref().map(|frame| frame.number);
        let portrait = |moment: &Self| moment.portrait.as_ref().map(Arc::as_ptr);
        number(self) == number(other) && portrait(self) == portrait(other) && self.view == other.view
    }

    /// Draws it, as it lies on the painter's panel.
    pub fn paint<'p>(&self, painter: &'p mut Painter) -> &'p RgbImage {
        let (camera, portrait) = (self.frame.as_ref(), self.portrait.as_ref());
        painter.paint(&self.view, Pictures { camera, mirror: self.mirror, portrait })
    }
}

impl Display {
    /// All that is to be seen now.
    #[must_use]
    pub fn moment(&self) -> Moment {
        let settings = self.settings.now();
        let scene = self.screen.scene(self.clock.mono());
        let view = View::new(&scene, &settings, &self.facts(&settings));
        let frame = if view.shows_camera() { self.newest.get() } else { None };
        let portrait = self.portrait(scene.message.as_ref().filter(|m| m.is_pictured()), settings.panel.picture);
        Moment { view, frame, mirror: self.mirror, portrait }
    }

    /// Draws its moments as they lie on a panel, turned clockwise by `rotation`.
    #[must_use]
    pub fn painter(&self, rotation: Rotation) -> Painter {
        Painter::new(self.size, rotation, self.fonts.clone())
    }

    /// What the panel shows now, upright.
    #[must_use]
    pub fn picture(&self) -> RgbImage {
        self.moment().paint(&mut self.painter(Rotation::NONE)).clone()
    }

    /// The same as a PNG file.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] when it cannot be encoded.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut png = Cursor::new(Vec::new());
        self.picture()
            .write_to(&mut png, ImageFormat::Png)
            .map_err(|e| Error::new(Fault::Unavailable, "the screen cannot be encoded").because(e))?;
        Ok(png.into_inner())
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
    fn address(&self, settings: &Settings) -> Option<(IpAddr, u16)> {
        let port = self.port.current();
        if !self.ip.is_unspecified() {
            return Some((self.ip, port));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::field::Flag;
    use crate::settings::Panel;
    use crate::ui::Said;
    use crate::ui::rig::{At, BLUE, RED, display};

    fn shown(picture: &RgbImage, colour: [u8; 3]) -> bool {
        picture.pixels().filter(|p| p.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 8)).count() > 20_000
    }

    #[test]
    fn the_picture_beside_a_tip_is_the_one_asked_for_and_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let (display, message) = display(folder.path(), Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH)));
        let id = message.person.as_ref().unwrap().id;
        display.screen.say(message);
        let drawn = display.picture();
        assert!(shown(&drawn, BLUE) && !shown(&drawn, RED), "the one just taken");
        display
            .settings
            .change::<Panel>(|panel| {
                panel.picture = ShownPicture::Registered;
                Ok(())
            })
            .unwrap();
        let drawn = display.picture();
        assert!(shown(&drawn, RED) && !shown(&drawn, BLUE), "the registered one");
        // The photo is gone, the tip that shows it is not.
        display.store.remove(&[id]).unwrap();
        assert!(shown(&display.picture(), RED), "it is not read again");
        display
            .settings
            .change::<Panel>(|panel| {
                panel.pass_tip = Flag::of(0);
                Ok(())
            })
            .unwrap();
        assert!(!shown(&display.picture(), RED), "a tip that is not wanted shows nobody");
    }

    #[test]
    fn who_is_refused_is_shown_without_picture() {
        let folder = tempfile::tempdir().unwrap();
        let (display, message) = display(folder.path(), Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH)));
        display.screen.say(Message { said: Said::Refused, ..message });
        let drawn = display.picture();
        assert!(!shown(&drawn, BLUE) && !shown(&drawn, RED));
    }

    #[test]
    fn the_address_is_where_the_api_listens_or_the_one_that_was_set() {
        let folder = tempfile::tempdir().unwrap();
        let (mut display, _) = display(folder.path(), Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH)));
        let settings = |display: &Display| Settings::clone(&display.settings.now());
        let all = settings(&display);
        assert_eq!(display.address(&all), Some(([127, 0, 0, 1].into(), 8080)));
        (display.ip, display.port) = ([0, 0, 0, 0].into(), Arc::new(At(80)));
        assert_eq!(display.address(&all), None);
        let set = serde_json::Map::from_iter([("IPAddr".to_owned(), "192.168.2.10".into())]);
        display.settings.patch::<crate::settings::Network>(&set).unwrap();
        assert_eq!(display.address(&settings(&display)), Some(([192, 168, 2, 10].into(), 80)));
    }
}
