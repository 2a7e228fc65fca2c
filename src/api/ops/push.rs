//! Pushing control records once more on request (3.32).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::text_of;
use crate::api::Context;
use crate::api::wire::{Answer, fields};
use crate::error::{Error, Fault, Result};
use crate::field::LocalTime;

/// Pushes the control records between two times once more.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["TimeS", "TimeE"]))]
pub struct ManualPushRecords {
    /// First moment, included.
    #[serde(rename = "TimeS", default)]
    pub begin: Value,
    /// Last moment, included.
    #[serde(rename = "TimeE", default)]
    pub end: Value,
}

pub fn manual(cx: &Context, request: ManualPushRecords) -> Result<Answer> {
    let begin = moment(&request.begin, Fault::BadTimeS, "TimeS")?;
    let end = moment(&request.end, Fault::BadTimeE, "TimeE")?;
    if begin > end {
        return Err(Error::new(Fault::BadTimeE, format!("TimeE: {end} lies before TimeS {begin}")));
    }
    let found = cx.manual.start(begin, end)?;
    fields(json!({
        "RecordNum": found.to_string(),
        "Detail": format!("Confirm connection to HTTP server is Ok ? Find {found} records, try to push now"),
    }))
    .map(Answer::DoneWith)
}

fn moment(given: &Value, fault: Fault, name: &str) -> Result<LocalTime> {
    let text = text_of(Some(given)).ok_or_else(|| Error::new(fault, format!("{name}: is missing")))?;
    LocalTime::parse(&text).map_err(|why| Error::new(fault, format!("{name}: {why}")))
}
