//! Pictures: comparing, searching, detecting, and what the camera sees (3.25).

use std::time::Duration;

use image::imageops;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

use super::person::name_picture;
use crate::access::Person;
use crate::api::wire::{Answer, Fields, fields};
use crate::api::{Context, picture};
use crate::bail;
use crate::clock::Bell;
use crate::error::{Error, Fault, Result};
use crate::field::{Flag, Int};
use crate::roster::encode_jpeg;
use crate::shown::{self, person_fields, rounded};
use crate::vision::{Frame, Rect, Similarity};

/// How alike the faces of two pictures are.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["picinfo1", "picinfo2"]))]
pub struct GetPictureSimilarity {
    /// First picture, base64, at most 1 MiB.
    #[serde(rename = "picinfo1", default)]
    pub first: String,
    /// Second picture, base64, at most 1 MiB.
    #[serde(rename = "picinfo2", default)]
    pub second: String,
}

pub fn similarity(cx: &Context, request: GetPictureSimilarity) -> Result<Answer> {
    const NAMES: [&str; 2] = ["picinfo1", "picinfo2"];
    let first = picture::decode(&request.first, NAMES[0])?;
    let second = picture::decode(&request.second, NAMES[1])?;
    let similarity = cx.roster.compare([&first, &second], NAMES)?;
    fields(json!({ "Similarity": rounded(similarity.get()) })).map(Answer::Data)
}

/// People who look like the face of a picture.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["picinfo"]))]
pub struct GetPictureSearch {
    /// Similarity from which on somebody is found, 0 to 100; the terminal's own threshold if not given.
    #[serde(rename = "MaxSimilarity", default, deserialize_with = "super::blank")]
    pub least: Option<Percent>,
    /// Most people found; 1 if not given.
    #[serde(rename = "MaxNum", default, deserialize_with = "super::blank")]
    pub most: Option<Int<1, { i64::MAX }>>,
    /// Picture, base64, at most 1 MiB.
    #[serde(rename = "picinfo", default)]
    pub picture: String,
}

/// A similarity of 0 to 100, as number or text.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Percent(f32);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(d)?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
        match number {
            Some(number) if (0.0..=100.0).contains(&number) => Ok(Self(number as f32)),
            _ => Err(serde::de::Error::custom("a number from 0 to 100 is needed")),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.serialize_f32(self.0)
    }
}

impl JsonSchema for Percent {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0, "maximum": 100 })
    }
}

pub fn search(cx: &Context, request: GetPictureSearch) -> Result<Answer> {
    const MOST: i64 = 100;
    let picture = picture::decode(&request.picture, "picinfo")?;
    #[expect(clippy::cast_precision_loss, reason = "50 to 100")]
    let usual = || cx.settings.now().door.face_threshold.get() as f32;
    let least = Similarity::new(request.least.map_or_else(usual, |least| least.0));
    let most = usize::try_from(request.most.map_or(1, |most| most.get().min(MOST))).unwrap_or(1);
    let found = cx.roster.search(&picture, least, most).map_err(name_picture)?;
    let mut list = Vec::new();
    for (id, similarity) in found {
        if let Some(person) = cx.store.person(id) {
            list.push(found_person(cx, &person, similarity)?);
        }
    }
    if list.is_empty() {
        bail!(NothingFound, "MaxSimilarity: nobody is {:.1} or more similar", least.get());
    }
    fields(json!({ "TotalNum": list.len(), "SearchInfo": list })).map(Answer::Data)
}

/// A person under the names this one answer has for their fields. `Filetype`, `Fileindex` and `Filepos` are what
/// `GetImage` finds the photo by.
fn found_person(cx: &Context, person: &Person, similarity: Similarity) -> Result<Fields> {
    let shown = person_fields(person, &cx.settings.now().door);
    let mut entry = fields(json!({
        "Uid": person.id.0,
        "Type": shown["PersonType"],
        "Name": shown["Name"],
        "Cardtype": shown["MjCardFrom"],
        "MjCardNo": shown["MjCardNo"],
        "Sex": shown["Gender"],
        "Nation": shown["Nation"],
        "Certype": shown["CardType"],
        "Cernumber": shown["IdCard"],
        "Birth": shown["Birthday"],
        "Phone": shown["Telnum"],
        "Place": shown["Native"],
        "Addr": shown["Address"],
        "Notes": shown["Notes"],
        "Filetype": 0,
        "Fileindex": person.id.0,
        "Filepos": 0,
        "CustomizeID": shown["CustomizeID"],
        "PersonUUID": shown["PersonUUID"],
        "Time": person.created.to_string().replace('T', "/"),
    }))?;
    entry.insert("Similarity".into(), rounded(similarity.get()).into());
    Ok(entry)
}

/// Whether a picture shows a face.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["picinfo"]))]
pub struct DetectFaceFromPic {
    /// Picture, base64, at most 1 MiB.
    #[serde(rename = "picinfo", default)]
    pub picture: String,
}

pub fn detect(cx: &Context, request: DetectFaceFromPic) -> Result<Answer> {
    let picture = picture::decode(&request.picture, "picinfo")?;
    let faces = cx.roster.count_faces(&picture).map_err(name_picture)?;
    fields(json!({ "DetectFace": u8::from(faces > 0) })).map(Answer::Data)
}

/// What the camera sees.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct FrontalFaceSnap {
    /// 0 the face before the camera, 1 the whole picture.
    #[serde(rename = "Overall")]
    pub overall: Flag,
}

/// How long a face is waited for.
const FACE_WAIT: Duration = Duration::from_millis(1500);
/// How often the camera's latest picture is looked at meanwhile.
const FACE_POLL: Duration = Duration::from_millis(60);
const SNAP_QUALITY: u8 = 85;

pub fn snap(cx: &Context, request: FrontalFaceSnap) -> Result<Answer> {
    let no_camera = || Error::new(Fault::Unavailable, "no picture came from the camera yet");
    let jpeg = if request.overall.on() {
        let frame = cx.newest.get().ok_or_else(no_camera)?;
        encode_jpeg(&frame.pixels, SNAP_QUALITY)?
    } else {
        face_snap(cx)?
    };
    fields(json!({ "FacePic": shown::picture(&jpeg) })).map(Answer::Data)
}

fn face_snap(cx: &Context) -> Result<Vec<u8>> {
    let (bell, deadline) = (Bell::default(), cx.clock.mono().after(FACE_WAIT));
    let mut last = None;
    loop {
        if let Some(frame) = cx.newest.get().filter(|frame| last != Some(frame.number)) {
            last = Some(frame.number);
            if let Some(face) = cx.roster.faces(&frame.pixels)?.first() {
                return crop(&frame, &face.bbox);
            }
        }
        if cx.clock.mono() >= deadline {
            match last {
                Some(_) => bail!(NoFace, "no face came before the camera within {} ms", FACE_WAIT.as_millis()),
                None => bail!(Unavailable, "no picture came from the camera yet"),
            }
        }
        cx.clock.wait(&bell, Some(cx.clock.mono().after(FACE_POLL).min(deadline)));
    }
}

/// A face with as much around it as makes it a portrait.
fn crop(frame: &Frame, face: &Rect) -> Result<Vec<u8>> {
    let (width, height) = frame.pixels.dimensions();
    let margin = 0.5;
    let (dx, dy) = (face.width() * margin, face.height() * margin);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the picture")]
    let place = |at: f32, end: u32| at.clamp(0.0, end as f32) as u32;
    let (x1, y1) = (place(face.x1 - dx, width), place(face.y1 - dy, height));
    let (x2, y2) = (place(face.x2 + dx, width), place(face.y2 + dy, height));
    if x2 <= x1 || y2 <= y1 {
        bail!(NoFace, "the face lies outside the picture");
    }
    encode_jpeg(&imageops::crop_imm(&*frame.pixels, x1, y1, x2 - x1, y2 - y1).to_image(), SNAP_QUALITY)
}
