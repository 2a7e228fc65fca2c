//! Control records: who passed or was refused (3.22).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::list::{AgeRange, bears_card, wanted_card};
use super::page_of;
use crate::access::record::{REMOTE_NAME, VERIFY_REMOTE};
use crate::access::{ControlRecord, LibId, Person, VerifyStatus};
use crate::api::Context;
use crate::api::wire::{Answer, Fields, fields};
use crate::bail;
use crate::error::Result;
use crate::field::{Flag, Int, LocalTime, Text};
use crate::settings::Door;
use crate::shown::{self, measured, person_fields, rounded};
use crate::store::Range;

/// How many control records lie between two times.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SearchControlNum {
    /// First moment.
    #[serde(rename = "BeginTime")]
    pub begin: LocalTime,
    /// Last moment.
    #[serde(rename = "EndTime")]
    pub end: LocalTime,
}

pub fn count(cx: &Context, request: SearchControlNum) -> Result<Answer> {
    let number = cx.store.count_control(request.begin, request.end);
    fields(json!({ "DeviceID": cx.device_id, "ControlNum": number })).map(Answer::Data)
}

/// A page of the control records that match.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SearchControl {
    /// 0 by conditions, 1 by a person's id.
    #[serde(rename = "SearchType", default, deserialize_with = "super::blank")]
    pub search_type: Option<Flag>,
    /// Which id: 0 `CustomizeID`, 1 `LibID`, 2 `PersonUUID`; needed with `SearchType` 1.
    #[serde(rename = "IdType", default, deserialize_with = "super::blank")]
    pub id_type: Option<Int<0, 2>>,
    /// The platform's number of the person.
    #[serde(rename = "CustomizeID", default, deserialize_with = "super::blank")]
    pub custom_id: Option<Int<{ i64::MIN }, 4_294_967_295>>,
    /// The terminal's number of the person; 0 finds records without one.
    #[serde(rename = "LibID", default, deserialize_with = "super::blank")]
    pub lib_id: Option<Int<{ i64::MIN }, 4_294_967_295>>,
    /// The platform's text id of the person.
    #[serde(rename = "PersonUUID", default, deserialize_with = "super::blank")]
    pub uuid: Option<Text<63>>,
    /// Part of the name; `远程开门` finds doors opened by the platform.
    #[serde(rename = "Name", default, deserialize_with = "super::blank")]
    pub name: Option<Text<32>>,
    /// Card number as the terminal shows it; 0 is none.
    #[serde(rename = "MjCardNo", default, deserialize_with = "super::blank")]
    pub card: Option<Value>,
    /// 0 male, 1 female, 2 both.
    #[serde(rename = "Gender", default, deserialize_with = "super::blank")]
    pub gender: Option<Int<0, 2>>,
    /// 0 all, 1 admitted, 2 refused.
    #[serde(rename = "OpenDoor", default, deserialize_with = "super::blank")]
    pub outcome: Option<Int<0, 2>>,
    /// Channel of an analysis server; a terminal has none, so it has no effect.
    #[serde(rename = "Channel", default, deserialize_with = "super::blank")]
    #[expect(dead_code, reason = "only checked")]
    pub channel: Option<Int<0, 8>>,
    /// First moment.
    #[serde(rename = "BeginTime")]
    pub begin: LocalTime,
    /// Last moment.
    #[serde(rename = "EndTime")]
    pub end: LocalTime,
    /// 0 oldest first, 1 newest first.
    #[serde(rename = "Ascending", default, deserialize_with = "super::blank")]
    pub descending: Option<Flag>,
    /// Years, `from-to`.
    #[serde(rename = "Age", default, deserialize_with = "super::blank")]
    pub age: Option<AgeRange>,
    /// How many matches are passed over.
    #[serde(rename = "BeginNO", default, deserialize_with = "super::blank")]
    pub skip: Option<Int<0, { i64::MAX }>>,
    /// How many are wanted, at most 100; 0 or nothing means 20.
    #[serde(rename = "RequestCount", default, deserialize_with = "super::blank")]
    pub count: Option<Int<0, { i64::MAX }>>,
    /// Which pictures are wanted: 0 none, 1 the registered, 2 the taken, 3 both.
    #[serde(rename = "Picture", default, deserialize_with = "super::blank")]
    pub pictures: Option<Int<0, 3>>,
}

impl SearchControl {
    fn range(&self) -> Range {
        let (skip, limit) = page_of(self.skip, self.count, 20);
        let descending = self.descending.is_some_and(Flag::on);
        Range { begin: self.begin, end: self.end, descending, skip, limit }
    }
}

pub fn page(cx: &Context, request: SearchControl) -> Result<Answer> {
    if request.search_type.is_some_and(Flag::on) { by_person(cx, &request) } else { by_conditions(cx, &request) }
}

fn by_conditions(cx: &Context, request: &SearchControl) -> Result<Answer> {
    let rules = &cx.settings.now().door;
    let card = wanted_card(request.card.as_ref(), rules)?;
    let today = cx.now();
    let gender = request.gender.map(Int::get).filter(|gender| *gender != 2);
    let outcome = request.outcome.map(Int::get).filter(|outcome| *outcome != 0);
    // Ids that are no conditions are sent as 0 or a negative number.
    let id = |id: Option<Int<{ i64::MIN }, 4_294_967_295>>| id.map(Int::get).filter(|id| *id > 0);
    let (custom_id, lib_id) = (id(request.custom_id), id(request.lib_id));
    let uuid = request.uuid.as_ref().map(|uuid| uuid.as_str().trim());
    let name = request.name.as_ref().map(|name| name.as_str().trim());
    // Everybody is 0 to 200 years old, which is the default.
    let age = request.age.filter(|age| !age.holds(&Person::new(today), today));
    let filter = |record: &ControlRecord| {
        let person = record.person.as_deref();
        outcome.is_none_or(|outcome| match outcome {
            1 => record.status == VerifyStatus::Allowed,
            _ => record.status == VerifyStatus::Refused,
        }) && name.is_none_or(|name| person.map_or(nobody(record), |p| &p.name).contains(name))
            && gender.is_none_or(|gender| person.is_some_and(|p| i64::from(p.gender) == gender))
            && card.is_none_or(|card| person.is_some_and(|p| bears_card(p, card, rules)))
            && custom_id.is_none_or(|id| person.and_then(|p| p.custom_id).map(i64::from) == Some(id))
            && lib_id.is_none_or(|id| person.map(|p| i64::from(p.id.0)) == Some(id))
            && uuid.is_none_or(|uuid| person.and_then(|p| p.uuid.as_deref()) == Some(uuid))
            && request.age.is_none_or(|range| match person {
                Some(person) => range.holds(person, today),
                None => age.is_none(),
            })
    };
    let narrowed = name.is_some()
        || gender.is_some()
        || outcome.is_some()
        || card.is_some()
        || request.age.is_some()
        || custom_id.is_some()
        || lib_id.is_some()
        || uuid.is_some();
    let filter: Option<&dyn Fn(&ControlRecord) -> bool> = if narrowed { Some(&filter) } else { None };
    let records = cx.store.control_records(request.range(), None, filter)?;
    let mut found = Vec::new();
    for record in &records {
        let mut entry = fields(json!({
            "LibID": record.id,
            "VerfyType": record.verify_type,
            "Time": record.time.to_string(),
        }))?;
        entry.extend(bearer(record, rules));
        entry.extend(measured(record.temperature));
        entry.extend(pictures(cx, record, request)?);
        found.push(entry);
    }
    let info = json!({ "DeviceID": cx.device_id, "TotalNum": found.len(), "SearchInfo": found });
    fields(info).map(Answer::Data)
}

/// All records of one person: their fields stand once, above the list.
fn by_person(cx: &Context, request: &SearchControl) -> Result<Answer> {
    let number = |id: Option<Int<{ i64::MIN }, 4_294_967_295>>| id.and_then(|id| u32::try_from(id.get()).ok());
    let Some(id_type) = request.id_type else { bail!(BadParameter, "IdType: is missing, SearchType is 1") };
    let person = match id_type.get() {
        0 => match request.custom_id {
            Some(_) => number(request.custom_id).and_then(|id| cx.store.by_custom_id(id)),
            None => bail!(BadParameter, "CustomizeID: is missing, IdType is 0"),
        },
        1 => match request.lib_id {
            Some(_) => number(request.lib_id).and_then(|id| cx.store.person(LibId(id))),
            None => bail!(BadParameter, "LibID: is missing, IdType is 1"),
        },
        _ => match &request.uuid {
            Some(uuid) => cx.store.by_uuid(uuid.as_str().trim()),
            None => bail!(BadParameter, "PersonUUID: is missing, IdType is 2"),
        },
    };
    let nobody = |record: &ControlRecord| record.person.is_none();
    let records = match &person {
        Some(person) => cx.store.control_records(request.range(), Some(person.id), None)?,
        None if request.lib_id.is_some_and(|id| id.get() == 0) && id_type.get() == 1 => {
            cx.store.control_records(request.range(), None, Some(&nobody))?
        }
        None => Vec::new(),
    };
    let mut info = Fields::new();
    info.insert("DeviceID".into(), cx.device_id.into());
    if let Some(first) = records.first() {
        info.insert("LibID".into(), person.as_ref().map_or(0, |p| p.id.0).into());
        info.insert("VerfyType".into(), first.verify_type.into());
        info.extend(bearer(first, &cx.settings.now().door));
    }
    let mut found = Vec::new();
    for record in &records {
        // What differs from record to record would be lost above the list.
        let mut entry = fields(json!({
            "Time": record.time.to_string(),
            "VerfyType": record.verify_type,
            "VerifyStatus": record.status.number(),
            "Similarity": rounded(record.similarity),
        }))?;
        entry.extend(measured(record.temperature));
        entry.extend(pictures(cx, record, request)?);
        found.push(entry);
    }
    info.insert("TotalNum".into(), found.len().into());
    info.insert("SearchInfo".into(), found.into());
    Ok(Answer::Data(info))
}

/// How a record ended and whom it is about, in the document's order.
fn bearer(record: &ControlRecord, rules: &Door) -> Fields {
    const SHOWN: [&str; 16] = [
        "PersonType",
        "Name",
        "MjCardFrom",
        "WGFacilityCode",
        "MjCardNo",
        "RFIDCard",
        "Gender",
        "Nation",
        "CardType",
        "IdCard",
        "Birthday",
        "Telnum",
        "Native",
        "Address",
        "CustomizeID",
        "PersonUUID",
    ];
    let mut person = match &record.person {
        Some(person) => person_fields(person, rules),
        None => person_fields(&Person { name: nobody(record).into(), ..Person::new(record.time) }, rules),
    };
    // Records show 0 for a CustomizeID nobody gave, lists -2; the document's examples have it so.
    if record.person.as_ref().is_none_or(|p| p.custom_id.is_none()) {
        person.insert("CustomizeID".into(), 0.into());
    }
    let mut entry = Fields::new();
    entry.insert("VerifyStatus".into(), record.status.number().into());
    entry.insert("Similarity".into(), rounded(record.similarity).into());
    for name in SHOWN {
        if let Some(value) = person.shift_remove(name) {
            entry.insert(name.into(), value);
        }
    }
    if record.verify_type == VERIFY_REMOTE {
        entry.insert("RemoteOpenDoor".into(), 1.into());
    }
    entry
}

/// What a record about nobody in particular calls them.
const fn nobody(record: &ControlRecord) -> &'static str {
    if record.verify_type == VERIFY_REMOTE { REMOTE_NAME } else { "" }
}

fn pictures(cx: &Context, record: &ControlRecord, request: &SearchControl) -> Result<Fields> {
    let wanted = request.pictures.map_or(0, Int::get);
    let mut pictures = Fields::new();
    if wanted & 2 != 0
        && let Some(snap) = record.snap.as_deref()
        && let Some(jpeg) = cx.store.snap(snap)?
    {
        pictures.insert("SnapPicinfo".into(), shown::picture(&jpeg).into());
    }
    if wanted & 1 != 0
        && let Some(person) = &record.person
        && let Some(jpeg) = cx.store.photo(person.id)?
    {
        pictures.insert("RegPicinfo".into(), shown::picture(&jpeg).into());
    }
    Ok(pictures)
}
