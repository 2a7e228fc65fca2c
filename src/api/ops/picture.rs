//! Comparing and searching by picture, and what the camera sees (3.25).

use std::io::Cursor;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, RgbImage};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::person::decode_base64;
use crate::access::{LibId, Person};
use crate::api::Context;
use crate::api::person_view::card_fields;
use crate::api::wire::Answer;
use crate::clock::Bell;
use crate::error::{Error, Fault, Result};
use crate::field::{Flag, Int, blank};
use crate::vision::{Face, Frame, PictureLimits, decode_picture};

/// How long a face is waited for; platforms give up after two seconds.
const FACE_WAIT: Duration = Duration::from_millis(1500);
/// From one look for a face to the next.
const FACE_POLL: Duration = Duration::from_millis(100);
/// Quality of the JPEG files given out.
const JPEG_QUALITY: u8 = 85;

/// A JPEG file as the protocol carries it.
#[must_use]
pub fn as_picture(jpeg: Vec<u8>) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))
}

/// Somebody's registered photo as the protocol carries it; empty where there is none.
///
/// # Errors
/// When it cannot be read from the disk.
pub fn picture_of(cx: &Context, person: &Person) -> Result<String> {
    Ok(cx.store.photo(person.id)?.map_or_else(String::new, as_picture))
}

/// A picture sent inline.
fn read(field: &str, text: Option<&String>) -> Result<RgbImage> {
    let text = text.ok_or_else(|| Error::new(Fault::NoPicture, format!("{field}: is missing")))?;
    let bytes = decode_base64(field, text)?;
    decode_picture(&bytes, PictureLimits::default()).map_err(|e| named(field, e))
}

/// Puts the field's name into an error about its picture.
fn named(field: &str, error: Error) -> Error {
    Error { detail: format!("{field}: {}", error.detail).trim_end_matches([':', ' ']).to_owned(), ..error }
}

/// Two pictures.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct GetPictureSimilarity {
    /// One, base64.
    #[serde(default, deserialize_with = "blank")]
    pub picinfo1: Option<String>,
    /// The other, base64.
    #[serde(default, deserialize_with = "blank")]
    pub picinfo2: Option<String>,
}

/// How similar the largest faces of two pictures are, 0 to 100.
///
/// # Errors
/// A picture that cannot be read or shows no face.
pub fn similarity(cx: &Context, request: GetPictureSimilarity) -> Result<Answer> {
    let embed = |field: &str, text: Option<&String>| {
        cx.roster.portrait(&read(field, text)?).map_err(|e| named(field, e)).map(|portrait| portrait.embedding)
    };
    let one = embed("picinfo1", request.picinfo1.as_ref())?;
    let other = embed("picinfo2", request.picinfo2.as_ref())?;
    let similarity = cx.roster.similarity(one.cosine(&other));
    Ok(Answer::Data(json!({ "Similarity": tenths(similarity) })))
}

fn tenths(similarity: f32) -> f64 {
    (f64::from(similarity) * 10.0).round() / 10.0
}

/// A picture and how similar people have to be.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct GetPictureSearch {
    /// Smallest similarity, 0 to 100.
    #[serde(rename = "MaxSimilarity", default, deserialize_with = "blank")]
    pub threshold: Option<f32>,
    /// People to return at the most.
    #[serde(rename = "MaxNum", default, deserialize_with = "blank")]
    pub most: Option<Int<1, 100>>,
    /// The picture, base64.
    #[serde(default, deserialize_with = "blank")]
    pub picinfo: Option<String>,
}

/// The most similar people on the lists.
///
/// # Errors
/// A picture that cannot be read or shows no face, or nobody similar enough.
pub fn search(cx: &Context, request: GetPictureSearch) -> Result<Answer> {
    let threshold = request.threshold.unwrap_or(0.0);
    if !(0.0..=100.0).contains(&threshold) {
        crate::bail!(BadParameter, "MaxSimilarity: {threshold} is outside 0..100");
    }
    let most = request.most.map_or(1, Int::u32) as usize;
    let picture = read("picinfo", request.picinfo.as_ref())?;
    let portrait = cx.roster.portrait(&picture).map_err(|e| named("picinfo", e))?;
    let rules = cx.settings.now().door.clone();
    let mut found: Vec<Value> = Vec::new();
    for (id, similarity) in cx.roster.most_similar(&portrait.embedding, most) {
        let Some(person) = cx.store.person(LibId(id)).filter(|_| similarity >= threshold) else { continue };
        let (_, card) = card_fields(&person, &rules);
        found.push(json!({
            "Uid": id, "Type": person.list.number(), "Name": person.name, "Cardtype": person.card.number(),
            "MjCardNo": card, "Sex": person.gender, "Nation": person.nation, "Certype": person.document_type,
            "Cernumber": person.document_number, "Birth": person.birthday.map(|b| b.to_string()).unwrap_or_default(),
            "Phone": person.phone, "Place": person.origin, "Addr": person.address, "Notes": person.notes,
            "Filetype": 0, "Fileindex": 0, "Filepos": 0,
            "CustomizeID": person.custom_id.unwrap_or(0), "PersonUUID": person.uuid.clone().unwrap_or_default(),
            "Time": person.created.to_string().replace('T', "/"), "Similarity": tenths(similarity),
        }));
    }
    if found.is_empty() {
        crate::bail!(NothingFound, "MaxSimilarity: nobody is {threshold} or more similar");
    }
    Ok(Answer::Data(json!({ "TotalNum": found.len(), "SearchInfo": found })))
}

/// A picture.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DetectFaceFromPic {
    /// The picture, base64.
    #[serde(default, deserialize_with = "blank")]
    pub picinfo: Option<String>,
}

/// Whether a picture shows a face.
///
/// # Errors
/// A picture that cannot be read.
pub fn detect(cx: &Context, request: DetectFaceFromPic) -> Result<Answer> {
    let picture = read("picinfo", request.picinfo.as_ref())?;
    let faces = cx.roster.faces(&picture)?;
    Ok(Answer::Data(json!({ "DetectFace": u8::from(!faces.is_empty()) })))
}

/// What is wanted of the camera.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct FrontalFaceSnap {
    /// 0 a face, 1 the whole picture.
    #[serde(rename = "Overall", default, deserialize_with = "blank")]
    pub overall: Option<Flag>,
}

/// What the camera sees now: the whole picture, or the face before it.
///
/// # Errors
/// When the camera gives no picture, or no face comes within a second and a half.
pub fn snap(cx: &Context, request: FrontalFaceSnap) -> Result<Answer> {
    let frame = || cx.newest.get().ok_or_else(|| Error::new(Fault::Unavailable, "the camera gives no picture"));
    if request.overall.is_none_or(Flag::on) {
        return face_pic(&frame()?.pixels);
    }
    let (bell, deadline) = (Bell::default(), cx.clock.mono().after(FACE_WAIT));
    loop {
        let frame = frame()?;
        if let Some(face) = cx.roster.faces(&frame.pixels)?.first() {
            return face_pic(&cut(&frame, face));
        }
        if cx.clock.mono() >= deadline {
            crate::bail!(NoFace, "Overall: no face came before the camera in time");
        }
        cx.clock.wait(&bell, Some(cx.clock.mono().after(FACE_POLL)));
    }
}

fn face_pic(picture: &RgbImage) -> Result<Answer> {
    Ok(Answer::Data(json!({ "FacePic": as_picture(encode_jpeg(picture)?) })))
}

/// A JPEG file.
///
/// # Errors
/// When the picture has no pixels.
pub fn encode_jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut jpeg = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode_image(picture)
        .map_err(|e| Error::new(Fault::Unavailable, "the picture cannot be encoded").because(e))?;
    Ok(jpeg.into_inner())
}

/// The face with some of its surroundings.
fn cut(frame: &Frame, face: &Face) -> RgbImage {
    let (x, y, width, height) = crate::control::surroundings(frame, face.bbox);
    DynamicImage::from(frame.pixels.as_ref().clone()).crop_imm(x, y, width, height).into_rgb8()
}
