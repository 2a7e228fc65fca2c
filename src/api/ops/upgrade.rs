//! New software (3.29).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::text_of;
use crate::api::Context;
use crate::api::wire::Answer;
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::Text;

/// Fetches a package of new software and installs it; the terminal restarts with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["Name", "Path"]))]
pub struct Upgrade {
    /// Name of the version, at most 63 characters; for the log.
    #[serde(rename = "Name", default)]
    pub name: Value,
    /// Address of the package, http or https, ending in `.swx`, at most 1024 characters.
    #[serde(rename = "Path", default)]
    pub path: Value,
}

pub fn start(cx: &Context, request: Upgrade) -> Result<Answer> {
    let Some(path) = text_of(Some(&request.path)) else { bail!(BadPath, "Path: is missing") };
    let path = Text::<1024>::new(path).map_err(|why| Error::new(Fault::BadPath, format!("Path: {why}")))?;
    let Some(name) = text_of(Some(&request.name)) else { bail!(BadName, "Name: is missing") };
    let name = Text::<63>::new(name).map_err(|why| Error::new(Fault::BadName, format!("Name: {why}")))?;
    cx.upgrade.start(name.as_str(), path.as_str())?;
    Ok(Answer::Done)
}
