//! Signatures of faces, and the pictures searches point to (3.18).
//!
//! A signature is the embedding of the installed model pack, little-endian `f32`s in base64: it can be compared
//! with others of the same pack only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::person::name_picture;
use crate::access::LibId;
use crate::api::wire::{Answer, fields};
use crate::api::{Context, picture};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::Int;
use crate::shown::{self, rounded};
use crate::vision::Embedding;

/// `Gender` of 3.18.1 for "not sure": no model of the terminal estimates it.
const NOT_SURE: i64 = 1;

/// Extracts the signature of a picture's face.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["picinfo"]))]
pub struct GetFaceSignature {
    /// Picture, base64, at most 1 MiB.
    #[serde(rename = "picinfo", default)]
    pub picture: String,
}

pub fn extract(cx: &Context, request: GetFaceSignature) -> Result<Answer> {
    let picture = picture::decode(&request.picture, "picinfo")?;
    let signature = cx.roster.signature(&picture).map_err(name_picture)?;
    let text = STANDARD.encode(signature.to_bytes());
    // The length is that of the text, and a text itself, as in the document's answer.
    let length = text.len().to_string();
    fields(json!({ "FeatureData": text, "FeatureLen": length, "Gender": NOT_SURE, "Age": 0 })).map(Answer::Data)
}

/// Compares two signatures.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["Signature1", "Signature2"]))]
pub struct GetSignatureSimilarity {
    /// First signature, as `GetFaceSignature` gives it.
    #[serde(rename = "Signature1", default)]
    pub first: String,
    /// Second signature.
    #[serde(rename = "Signature2", default)]
    pub second: String,
}

pub fn compare(cx: &Context, request: GetSignatureSimilarity) -> Result<Answer> {
    let first = read(cx, &request.first).map_err(|e| e.about("Signature1"))?;
    let second = read(cx, &request.second).map_err(|e| e.about("Signature2"))?;
    let similarity = cx.roster.compare_signatures(&first, &second)?;
    fields(json!({ "Similarity": rounded(similarity.get()) })).map(Answer::Data)
}

fn read(cx: &Context, text: &str) -> Result<Embedding> {
    let text = text.trim();
    if text.is_empty() {
        bail!(BadParameter, "is missing");
    }
    let bytes =
        STANDARD.decode(text).map_err(|e| Error::new(Fault::BadParameter, format!("is no base64 text: {e}")))?;
    let (length, metric) = cx.roster.signature_kind();
    let needed = length * size_of::<f32>();
    if bytes.len() != needed {
        bail!(BadParameter, "holds {} bytes, signatures of this terminal have {needed}", bytes.len());
    }
    match Embedding::from_bytes(&bytes, metric) {
        Some(signature) => Ok(signature),
        None => bail!(BadParameter, "holds no signature: its numbers are all zero, or not all of them finite"),
    }
}

/// Names a picture by the place `GetPictureSearch` answers with.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct GetImage {
    /// 0 registered photo, 1 photo of an identity card, 2 picture taken; searches answer 0.
    #[serde(rename = "Filetype")]
    pub kind: Int<0, 2>,
    /// `Fileindex` of the search: the person's `LibID`.
    #[serde(rename = "Fileindex")]
    pub index: Int<0, 4_294_967_295>,
    /// `Filepos` of the search: 0.
    #[serde(rename = "Filepos", default, deserialize_with = "super::blank")]
    pub position: Option<Int<0, 4_294_967_295>>,
}

pub fn image(cx: &Context, request: GetImage) -> Result<Answer> {
    if request.kind.get() != 0 {
        bail!(NothingFound, "Filetype: {} is never answered by a search", request.kind.get());
    }
    if let Some(position) = request.position.map(Int::get).filter(|position| *position != 0) {
        bail!(NothingFound, "Filepos: {position} is never answered by a search");
    }
    let id = LibId(request.index.u32());
    match cx.store.photo(id)? {
        Some(jpeg) => fields(json!({ "FeatureData1": shown::picture(&jpeg) })).map(Answer::Data),
        None => bail!(NothingFound, "Fileindex: there is no photo {id}"),
    }
}
