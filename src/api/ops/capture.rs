//! Captures of strangers (3.26).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::control::SearchControlNum;
use super::page_of;
use crate::api::Context;
use crate::api::wire::{Answer, fields};
use crate::error::Result;
use crate::field::{Flag, Int, LocalTime};
use crate::shown::{self, measured};
use crate::store::Range;

pub fn count(cx: &Context, request: SearchControlNum) -> Result<Answer> {
    let number = cx.store.count_captures(request.begin, request.end);
    fields(json!({ "DeviceID": cx.device_id, "CaptureNum": number })).map(Answer::Data)
}

/// A page of the captures between two times.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SearchCapture {
    /// First moment.
    #[serde(rename = "BeginTime")]
    pub begin: LocalTime,
    /// Last moment.
    #[serde(rename = "EndTime")]
    pub end: LocalTime,
    /// 0 oldest first, 1 newest first.
    #[serde(rename = "Ascending", default, deserialize_with = "super::blank")]
    pub descending: Option<Flag>,
    /// How many captures are passed over.
    #[serde(rename = "BeginNO", default, deserialize_with = "super::blank")]
    pub skip: Option<Int<0, { i64::MAX }>>,
    /// How many are wanted, at most 100; 0 or nothing means 15.
    #[serde(rename = "RequestCount", default, deserialize_with = "super::blank")]
    pub count: Option<Int<0, { i64::MAX }>>,
}

pub fn page(cx: &Context, request: SearchCapture) -> Result<Answer> {
    let (skip, limit) = page_of(request.skip, request.count, 15);
    let descending = request.descending.is_some_and(Flag::on);
    let range = Range { begin: request.begin, end: request.end, descending, skip, limit };
    let mut list = Vec::new();
    for capture in cx.store.captures(range)? {
        let mut entry = fields(json!({ "LibSnapID": capture.id, "CreateTime": capture.time.to_string() }))?;
        entry.extend(measured(capture.temperature));
        if let Some(snap) = capture.snap.as_deref()
            && let Some(jpeg) = cx.store.snap(snap)?
        {
            entry.insert("SnapPicinfo".into(), shown::picture(&jpeg).into());
        }
        list.push(entry);
    }
    let total = cx.store.count_captures(request.begin, request.end);
    let info = json!({ "DeviceID": cx.device_id, "CaptureNum": total, "Listnum": list.len(), "List": list });
    fields(info).map(Answer::Data)
}
