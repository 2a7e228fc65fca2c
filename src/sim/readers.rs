//! The pretend readers and inputs: what a client says was presented reaches the control loop as from a real device.

use std::sync::Arc;
use std::time::Duration;

use image::RgbImage;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{LONGEST_MS, SHOWN_MS, Sim, number};
use crate::access::{Card, CardFormat, IdCard, WiegandFrame};
use crate::api::picture;
use crate::control::{Credential, Event, ReadIdCard};
use crate::door::{Input, InputRole};
use crate::error::{Error, Fault, Result};
use crate::field::Date;
use crate::settings::WiegandProtocol;
use crate::vision::{PictureLimits, decode_picture};

/// A card at one of the readers: exactly one of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardAt {
    /// The levels on the Wiegand lines, first to last, as a text of 0 and 1.
    bits: Option<String>,
    /// A card number, sent as a Wiegand frame of 26 or 34 bits whose parity is right.
    wiegand: Option<u32>,
    /// 26 or 34, with `wiegand`; 34 if not given.
    length: Option<u32>,
    /// Number of a card at the RF reader, hexadecimal.
    rf: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Digits {
    pin: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    exit: Option<bool>,
    contact: Option<bool>,
    tamper: Option<bool>,
    fire: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    celsius: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Worn {
    worn: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    text: String,
}

/// An identity card; all but the number may be missing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdCardAt {
    number: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    gender: u8,
    nation: Option<u8>,
    birthday: Option<String>,
    #[serde(default)]
    address: String,
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    period: String,
    /// The photo on it, JPEG or PNG as base64.
    photo: Option<String>,
}

impl Sim {
    /// A card was held to a reader.
    pub(super) fn card(&self, body: &[u8]) -> Result<Value> {
        let credential = match read::<CardAt>(body)? {
            CardAt { bits: Some(bits), wiegand: None, length: None, rf: None } => Credential::Wiegand(frame_of(&bits)?),
            CardAt { wiegand: Some(card), bits: None, length, rf: None } => {
                let (format, protocol) = match length.unwrap_or(34) {
                    26 => (CardFormat::W26, WiegandProtocol::W26),
                    34 => (CardFormat::W34, WiegandProtocol::W34),
                    other => return Err(wrong(format!("length: {other} is neither 26 nor 34"))),
                };
                Credential::Wiegand(WiegandFrame::of_card(Card::new(format, None, card)?, protocol))
            }
            CardAt { rf: Some(rf), bits: None, wiegand: None, length: None } => {
                let digits = rf.trim().trim_start_matches("0x");
                let number = u64::from_str_radix(digits, 16);
                Credential::RfCard(number.map_err(|_| wrong(format!("rf: {rf:?} is no hexadecimal number")))?)
            }
            CardAt { .. } => return Err(wrong("one of bits, wiegand (with length) and rf is needed".to_owned())),
        };
        Ok(self.presented(credential))
    }

    /// Digits and the enter key at the keypad.
    pub(super) fn pin(&self, body: &[u8]) -> Result<Value> {
        let Digits { pin } = read(body)?;
        if pin.is_empty() || pin.len() > 16 || !pin.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong("pin: 1 to 16 digits are needed".to_owned()));
        }
        Ok(self.presented(Credential::Pin(pin)))
    }

    /// A QR code before the camera: a picture of one, or `{"text":…}` of which the picture is made.
    pub(super) fn qr(&self, query: &str, body: &[u8]) -> Result<Value> {
        if body.trim_ascii_start().first() != Some(&b'{') {
            return self.frame(query, body);
        }
        let Code { text } = read(body)?;
        let code = qrcode::QrCode::new(text).map_err(|e| wrong(format!("text: makes no QR code, {e}")))?;
        let span = number(query, "ms", SHOWN_MS, LONGEST_MS)?;
        let since = self.decisions.last();
        self.world.show(super::fit(&picture_of(&code), self.world.sensor()), Duration::from_millis(span));
        Ok(json!({ "shown_ms": span, "events_since": since }))
    }

    /// An identity card was laid on its reader.
    pub(super) fn id_card(&self, body: &[u8]) -> Result<Value> {
        let read: IdCardAt = read(body)?;
        let birthday = read.birthday.as_deref().map(Date::parse).transpose();
        let birthday = birthday.map_err(|why| wrong(format!("birthday: {why}")))?;
        let mut photo = None;
        let mut embedding = None;
        if let Some(text) = &read.photo {
            let bytes = picture::decode(text, "photo")?;
            photo = Some(Arc::new(decode_picture(&bytes, PictureLimits::default()).map_err(|e| e.about("photo"))?));
            // A card whose photo shows no face is a card all the same.
            embedding = self.roster.portrait(&bytes).ok().map(|portrait| portrait.embedding);
        }
        let card = IdCard {
            number: read.number,
            name: read.name,
            gender: read.gender,
            nation: read.nation.unwrap_or(1),
            birthday,
            address: read.address,
            issuer: read.issuer,
            period: read.period,
        };
        let face = embedding.is_some();
        let mut answer = self.presented(Credential::IdCard(Box::new(ReadIdCard { card, photo, embedding })));
        answer["face"] = face.into();
        Ok(answer)
    }

    /// Inputs of the door that change.
    pub(super) fn input(&self, body: &[u8]) -> Result<Value> {
        let Inputs { exit, contact, tamper, fire } = read(body)?;
        let roles = [
            (InputRole::Exit, exit),
            (InputRole::Contact, contact),
            (InputRole::Tamper, tamper),
            (InputRole::Fire, fire),
        ];
        if roles.iter().all(|(_, on)| on.is_none()) {
            return Err(wrong("one of exit, contact, tamper and fire is needed".to_owned()));
        }
        let since = self.decisions.last();
        for (role, on) in roles {
            if let Some(on) = on {
                self.control.send(Event::Input(Input { role, on, first: false }));
            }
        }
        Ok(json!({ "events_since": since }))
    }

    /// The thermal sensor measures whoever stands before it.
    pub(super) fn temperature(&self, body: &[u8]) -> Result<Value> {
        let Measured { celsius } = read(body)?;
        if !(-40.0..=100.0).contains(&celsius) {
            return Err(wrong(format!("celsius: {celsius} is not within -40 and 100")));
        }
        Ok(self.happened(Event::Temperature(celsius)))
    }

    /// The mask detector looks at the face before the camera.
    pub(super) fn mask(&self, body: &[u8]) -> Result<Value> {
        let Worn { worn } = read(body)?;
        Ok(self.happened(Event::Mask(worn)))
    }

    fn presented(&self, credential: Credential) -> Value {
        self.happened(Event::Presented(credential))
    }

    fn happened(&self, event: Event) -> Value {
        let since = self.decisions.last();
        self.control.send(event);
        json!({ "events_since": since })
    }
}

fn wrong(detail: String) -> Error {
    Error::new(Fault::BadParameter, detail)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => wrong(e.to_string()),
        _ => Error::from(Fault::NotJson).because(e),
    })
}

fn frame_of(bits: &str) -> Result<WiegandFrame> {
    let bits = bits.trim();
    let value = Some(bits).filter(|bits| (4..=64).contains(&bits.len()));
    let value = value.and_then(|bits| u64::from_str_radix(bits, 2).ok());
    let value = value.ok_or_else(|| wrong("bits: 4 to 64 digits 0 and 1 are needed".to_owned()))?;
    Ok(WiegandFrame { bits: u32::try_from(bits.len()).unwrap_or(u32::MAX), value })
}

/// Black on white, with the quiet zone a reader needs.
fn picture_of(code: &qrcode::QrCode) -> RgbImage {
    const MODULE: u32 = 12;
    const QUIET: u32 = 4;
    let modules = u32::try_from(code.width()).unwrap_or(u32::MAX);
    let colours = code.to_colors();
    let size = (modules + 2 * QUIET) * MODULE;
    RgbImage::from_fn(size, size, |x, y| {
        let at = |p: u32| (p / MODULE).checked_sub(QUIET).filter(|p| *p < modules);
        let dark = at(x).zip(at(y)).is_some_and(|(x, y)| colours[(y * modules + x) as usize] == qrcode::Color::Dark);
        image::Rgb([if dark { 0 } else { 255 }; 3])
    })
}
