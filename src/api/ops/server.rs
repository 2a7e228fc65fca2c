//! Parameters of the multi-channel server (3.15, 3.17): lists, of which a request changes or adds members.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Nothing;
use crate::api::Context;
use crate::api::wire::{Answer, Fields, fields, is_blank};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::Int;
use crate::settings::{EnterIpc, MOST_WORKTYPES, Member, Worktypes, put};

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
    let numbered = number(request.cameras, "IPC_Info", |_, given| match given.get("IPC_Channel") {
        Some(channel) if !is_blank(channel) => read(channel, "IPC_Channel"),
        _ => bail!(BadParameter, "IPC_Channel: is missing"),
    })?;
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
    let numbered = number(request.kinds, "WorkTypeInfo", |place, given| match given.get("WorkTypeIndex") {
        Some(index) if !is_blank(index) => read(index, "WorkTypeIndex"),
        _ => Ok(Count::new(i64::try_from(place).unwrap_or(i64::MAX)).unwrap_or(Count::of(0))),
    })?;
    if let Some((index, _)) = numbered.iter().find(|(index, _)| index.get() >= MOST_WORKTYPES) {
        bail!(BadParameter, "WorkTypeIndex: {} is outside 0..{}", index.get(), MOST_WORKTYPES - 1);
    }
    cx.settings.change::<Worktypes>(|group| put_all(&mut group.kinds, &numbered, "WorkTypeInfo"))?;
    Ok(Answer::Done)
}

fn read(given: &Value, name: &str) -> Result<Count> {
    serde_json::from_value(given.clone()).map_err(|e| Error::new(Fault::BadParameter, format!("{name}: {e}")))
}

/// The members of a list with their numbers, each once.
fn number(
    list: Vec<Fields>,
    name: &str,
    number_of: impl Fn(usize, &Fields) -> Result<Count>,
) -> Result<Vec<(Int<0, 15>, Fields)>> {
    const MOST: i64 = 15;
    let (mut numbered, mut seen) = (Vec::new(), BTreeSet::new());
    for (place, given) in list.into_iter().enumerate() {
        let within = |error: Error| error.about(&format!("{name}[{place}]"));
        let number = number_of(place, &given).map_err(within)?;
        let Some(number) = Int::new(number.get()) else {
            bail!(BadParameter, "{name}[{place}]: number {} is outside 0..{MOST}", number.get());
        };
        if !seen.insert(number) {
            bail!(BadParameter, "{name}[{place}]: number {} is there twice", number.get());
        }
        numbered.push((number, given));
    }
    if numbered.is_empty() {
        bail!(BadParameter, "{name}: is missing or empty");
    }
    Ok(numbered)
}

fn put_all<T: Member>(list: &mut Vec<T>, numbered: &[(Int<0, 15>, Fields)], name: &str) -> Result<()> {
    for (place, (number, given)) in numbered.iter().enumerate() {
        put(list, *number, given).map_err(|e| e.about(&format!("{name}[{place}]")))?;
    }
    Ok(())
}
