//! Parameters of the multi-channel server (3.15, 3.17): lists, of which a request changes or adds members.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::Nothing;
use crate::api::Context;
use crate::api::wire::{Answer, Fields, fields, is_blank};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::Int;
use crate::settings::{EnterIpc, IpCamera, Member, Worktype, Worktypes, put};

type Count = Int<0, { i64::MAX }>;

/// Changes or adds cameras.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SetEnterIpc {
    /// How many; the list itself counts.
    #[serde(rename = "TotalNum", default, deserialize_with = "super::blank")]
    #[expect(dead_code, reason = "only checked")]
    pub total: Option<Count>,
    /// The cameras, each with its `IPC_Channel` (0 to 15) and what of `IPC_Enable`, `IPC_URL`, `IPC_Port`,
    /// `IPC_Username`, `IPC_Password` and `IPC_Name` is to change.
    #[serde(rename = "IPC_Info", default)]
    pub cameras: Vec<Fields>,
}

pub fn cameras(cx: &Context, _: Nothing) -> Result<Answer> {
    let cameras = &cx.settings.now().enter_ipc.cameras;
    fields(json!({ "TotalNum": cameras.len(), "IPC_Info": cameras })).map(Answer::Data)
}

pub fn set_cameras(cx: &Context, request: SetEnterIpc) -> Result<Answer> {
    let numbered = number::<IpCamera>(request.cameras, "IPC_Info", |_| None)?;
    cx.settings.change::<EnterIpc>(|group| put_all(&mut group.cameras, &numbered, "IPC_Info"))?;
    Ok(Answer::Done)
}

/// Changes or adds kinds of people.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SetWorktype {
    /// How many; the list itself counts.
    #[serde(rename = "TotalNum", default, deserialize_with = "super::blank")]
    #[expect(dead_code, reason = "only checked")]
    pub total: Option<Count>,
    /// The kinds, at most 10, each with what of `WorktypeEnable`, `Worktype` and `Num` is to change, and its
    /// `WorkTypeIndex` (0 to 9); without one its place in the list counts.
    #[serde(rename = "WorkTypeInfo", default)]
    pub kinds: Vec<Fields>,
}

pub fn worktypes(cx: &Context, _: Nothing) -> Result<Answer> {
    let kinds = &cx.settings.now().worktypes.kinds;
    fields(json!({ "TotalNum": kinds.len(), "WorkTypeInfo": kinds })).map(Answer::Data)
}

pub fn set_worktypes(cx: &Context, request: SetWorktype) -> Result<Answer> {
    let numbered = number::<Worktype>(request.kinds, "WorkTypeInfo", |place| i64::try_from(place).ok())?;
    cx.settings.change::<Worktypes>(|group| put_all(&mut group.kinds, &numbered, "WorkTypeInfo"))?;
    Ok(Answer::Done)
}

/// The members of a list with their numbers, each once. `usual` gives the number of one that has none by its
/// place in the list.
fn number<T: Member>(
    list: Vec<Fields>,
    name: &str,
    usual: impl Fn(usize) -> Option<i64>,
) -> Result<Vec<(i64, Fields)>> {
    let (mut numbered, mut seen) = (Vec::new(), BTreeSet::new());
    for (place, given) in list.into_iter().enumerate() {
        let wrong = |why: String| Error::new(Fault::BadParameter, format!("{name}[{place}]: {}: {why}", T::NUMBER));
        let number = match given.get(T::NUMBER).filter(|number| !is_blank(number)) {
            Some(number) => serde_json::from_value(number.clone()).map(Count::get).map_err(|e| wrong(e.to_string()))?,
            None => usual(place).ok_or_else(|| wrong("is missing".into()))?,
        };
        if !seen.insert(number) {
            return Err(wrong(format!("{number} is there twice")));
        }
        numbered.push((number, given));
    }
    if numbered.is_empty() {
        bail!(BadParameter, "{name}: is missing or empty");
    }
    Ok(numbered)
}

fn put_all<T: Member>(list: &mut Vec<T>, numbered: &[(i64, Fields)], name: &str) -> Result<()> {
    for (place, (number, given)) in numbered.iter().enumerate() {
        put(list, *number, given).map_err(|e| e.about(&format!("{name}[{place}]")))?;
    }
    Ok(())
}
