//! Looking up control records (3.22) and captures (3.26).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::list::{age_range, has_age};
use super::picture::as_picture;
use crate::access::record::{ControlRecord, REMOTE_NAME, VERIFY_REMOTE, VerifyStatus};
use crate::access::{CaptureRecord, LibId, Person};
use crate::api::Context;
use crate::api::person_view::person_fields;
use crate::api::wire::Answer;
use crate::error::{Error, Fault, Result};
use crate::field::{Flag, Int, LocalTime, Text, blank};
use crate::store::Range;

/// Records of one page at the most.
const PAGE: i64 = 100;
/// Control records of a page when nothing is said (3.22).
const CONTROL_PAGE: i64 = 20;
/// Captures of a page when nothing is said (3.26).
const CAPTURE_PAGE: i64 = 15;

/// A stretch of records.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Stretch {
    /// First moment.
    #[serde(rename = "BeginTime")]
    pub begin: LocalTime,
    /// Last moment.
    #[serde(rename = "EndTime")]
    pub end: LocalTime,
    /// 0 oldest first, 1 newest first.
    #[serde(rename = "Ascending", default, deserialize_with = "blank")]
    pub descending: Option<Flag>,
    /// Matches to pass over.
    #[serde(rename = "BeginNO", default, deserialize_with = "blank")]
    pub skip: Option<Int<0, 4_294_967_295>>,
    /// Matches to return; more than 100 count as 100.
    #[serde(rename = "RequestCount", default, deserialize_with = "blank")]
    pub count: Option<Int<0, 4_294_967_295>>,
}

fn range(
    (begin, end): (LocalTime, LocalTime),
    descending: Option<Flag>,
    skip: Option<Int<0, 4_294_967_295>>,
    count: Option<Int<0, 4_294_967_295>>,
    usual: i64,
) -> Range {
    Range {
        begin,
        end,
        descending: descending.is_some_and(Flag::on),
        skip: skip.map_or(0, Int::u32) as usize,
        limit: usize::try_from(count.map_or(usual, Int::get).min(PAGE)).unwrap_or(0),
    }
}

/// Counts control records.
///
/// # Errors
/// A time that is missing or wrong.
pub fn control_count(cx: &Context, stretch: Stretch) -> Result<Answer> {
    let number = cx.store.count_control(stretch.begin, stretch.end);
    Ok(Answer::Data(json!({ "DeviceID": cx.device_id, "ControlNum": number })))
}

/// Control records by conditions, or of one person.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SearchControl {
    /// First moment.
    #[serde(rename = "BeginTime")]
    pub begin: LocalTime,
    /// Last moment.
    #[serde(rename = "EndTime")]
    pub end: LocalTime,
    /// 0 by conditions, 1 of one person.
    #[serde(rename = "SearchType", default, deserialize_with = "blank")]
    pub kind: Option<Flag>,
    /// Which id, with `SearchType` 1: 0 `CustomizeID`, 1 `LibID`, 2 `PersonUUID`.
    #[serde(rename = "IdType", default, deserialize_with = "blank")]
    pub id_type: Option<Int<0, 2>>,
    /// The platform's number.
    #[serde(rename = "CustomizeID", default, deserialize_with = "blank")]
    pub custom_id: Option<Int<0, 4_294_967_295>>,
    /// The terminal's number.
    #[serde(rename = "LibID", default, deserialize_with = "blank")]
    pub lib_id: Option<Int<0, 4_294_967_295>>,
    /// The platform's text id.
    #[serde(rename = "PersonUUID", default, deserialize_with = "blank")]
    pub uuid: Option<Text<48>>,
    /// Part of the name; `远程开门` finds remote openings.
    #[serde(rename = "Name", default, deserialize_with = "blank")]
    pub name: Option<Text<31>>,
    /// Wiegand card; 0 is no condition.
    #[serde(rename = "MjCardNo", default, deserialize_with = "blank")]
    pub card: Option<Int<0, 4_294_967_295>>,
    /// 0 male, 1 female, 2 both.
    #[serde(rename = "Gender", default, deserialize_with = "blank")]
    pub gender: Option<Int<0, 2>>,
    /// 0 all, 1 opened, 2 refused.
    #[serde(rename = "OpenDoor", default, deserialize_with = "blank")]
    pub opened: Option<Int<0, 2>>,
    /// Channel of a server with many; a terminal has one.
    #[serde(rename = "Channel", default, deserialize_with = "blank")]
    pub channel: Option<Int<0, 8>>,
    /// Range of ages, `1-100`.
    #[serde(rename = "Age", default, deserialize_with = "blank")]
    pub age: Option<Text<16>>,
    /// 0 oldest first, 1 newest first.
    #[serde(rename = "Ascending", default, deserialize_with = "blank")]
    pub descending: Option<Flag>,
    /// Matches to pass over.
    #[serde(rename = "BeginNO", default, deserialize_with = "blank")]
    pub skip: Option<Int<0, 4_294_967_295>>,
    /// Matches to return, 20 if absent; more than 100 count as 100.
    #[serde(rename = "RequestCount", default, deserialize_with = "blank")]
    pub count: Option<Int<0, 4_294_967_295>>,
    /// 0 no pictures, 1 registered, 2 taken, 3 both.
    #[serde(rename = "Picture", default, deserialize_with = "blank")]
    pub pictures: Option<Int<0, 3>>,
}

/// Finds control records.
///
/// # Errors
/// A condition that is missing or wrong, nobody of the id, or the store.
pub fn control(cx: &Context, request: SearchControl) -> Result<Answer> {
    let range = range((request.begin, request.end), request.descending, request.skip, request.count, CONTROL_PAGE);
    let pictures = request.pictures.map_or(0, Int::get);
    if request.kind.is_some_and(Flag::on) {
        return control_of(cx, &request, range, pictures);
    }
    let filter = conditions(&request, cx.local())?;
    let records = cx.store.control_records(range, None, filter.as_deref())?;
    let found = records.iter().map(|record| entry(cx, record, pictures)).collect::<Result<Vec<_>>>()?;
    Ok(Answer::Data(json!({ "DeviceID": cx.device_id, "TotalNum": found.len(), "SearchInfo": found })))
}

type Filter<'r> = Box<dyn Fn(&ControlRecord) -> bool + 'r>;

/// What a record has to meet; `None` when time is the only condition.
fn conditions(request: &SearchControl, today: LocalTime) -> Result<Option<Filter<'_>>> {
    let ages = age_range(request.age.as_ref())?.filter(|range| *range != (0, 200));
    let name = request.name.as_ref().map_or("", |n| n.as_str().trim());
    let gender = request.gender.map(Int::get).filter(|gender| *gender != 2);
    let card = request.card.map(Int::u32).filter(|card| *card != 0);
    let status = match request.opened.map_or(0, Int::get) {
        1 => Some(VerifyStatus::Allowed),
        2 => Some(VerifyStatus::Refused),
        _ => None,
    };
    if name.is_empty() && gender.is_none() && card.is_none() && status.is_none() && ages.is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(move |record| {
        let person = record.person.as_deref();
        let named = person.map_or(REMOTE_NAME, |p| &p.name).contains(name);
        named
            && status.is_none_or(|status| record.status == status)
            && gender.is_none_or(|gender| person.is_some_and(|p| i64::from(p.gender) == gender))
            && card.is_none_or(|card| person.and_then(|p| p.card.card()).is_some_and(|c| c.whole() == card))
            && (ages.is_none() || person.is_some_and(|p| has_age(p, ages, today)))
    })))
}

/// The records of one person: who it is once, then when.
fn control_of(cx: &Context, request: &SearchControl, range: Range, pictures: i64) -> Result<Answer> {
    let needed = |name: &str, kind: i64| Error::new(Fault::BadParameter, format!("{name}: needed with IdType {kind}"));
    let id_type = request.id_type.ok_or_else(|| Error::new(Fault::BadParameter, "IdType: needed with SearchType 1"))?;
    let (person, shown) = match id_type.get() {
        0 => {
            let id = request.custom_id.ok_or_else(|| needed("CustomizeID", 0))?;
            (cx.store.by_custom_id(id.u32()), format!("CustomizeID: nobody has {}", id.get()))
        }
        1 => {
            let id = request.lib_id.ok_or_else(|| needed("LibID", 1))?;
            (cx.store.person(LibId(id.u32())), format!("LibID: nobody has {}", id.get()))
        }
        _ => {
            let id = request.uuid.as_ref().ok_or_else(|| needed("PersonUUID", 2))?.as_str().trim();
            (cx.store.by_uuid(id), format!("PersonUUID: nobody has {id:?}"))
        }
    };
    let person = person.ok_or_else(|| Error::new(Fault::NoPerson, shown))?;
    let records = cx.store.control_records(range, Some(person.id), None)?;
    let mut info = Map::new();
    info.insert("DeviceID".into(), cx.device_id.into());
    let newest = records.iter().max_by_key(|record| record.id);
    info.append(&mut about(cx, &person, newest));
    info.insert("CustomizeID".into(), person.custom_id.unwrap_or(0).into());
    info.insert("PersonUUID".into(), person.uuid.clone().unwrap_or_else(|| " ".to_owned()).into());
    let mut found = Vec::new();
    for record in &records {
        let mut entry = Map::new();
        entry.insert("Time".into(), json!(record.time));
        add_pictures(cx, record, pictures, &mut entry)?;
        found.push(Value::from(entry));
    }
    info.insert("TotalNum".into(), found.len().into());
    info.insert("SearchInfo".into(), found.into());
    Ok(Answer::Data(info.into()))
}

/// Verdict and person as a record shows them.
fn about(cx: &Context, person: &Person, record: Option<&ControlRecord>) -> Map<String, Value> {
    let mut fields = person_fields(person, &cx.settings.now().door);
    let mut entry = Map::new();
    entry.insert("LibID".into(), person.id.0.into());
    entry.insert("VerifyStatus".into(), record.map_or(0, |r| r.status.number()).into());
    entry.insert("Similarity".into(), record.map_or(0.0, |r| tenths(r.similarity)).into());
    for key in [
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
    ] {
        if let Some(value) = fields.remove(key) {
            entry.insert(key.into(), value);
        }
    }
    entry
}

fn tenths(similarity: f32) -> f64 {
    (f64::from(similarity) * 10.0).round() / 10.0
}

fn entry(cx: &Context, record: &ControlRecord, pictures: i64) -> Result<Value> {
    let nobody = Person { name: REMOTE_NAME.to_owned(), ..Person::new(record.time) };
    let person = record.person.as_deref().unwrap_or(&nobody);
    let mut entry = about(cx, person, Some(record));
    entry.shift_insert(1, "Time".into(), json!(record.time));
    entry.shift_insert(2, "VerfyType".into(), record.verify_type.into());
    entry.insert("CustomizeID".into(), person.custom_id.unwrap_or(0).into());
    entry.insert("PersonUUID".into(), person.uuid.clone().unwrap_or_else(|| " ".to_owned()).into());
    if record.verify_type == VERIFY_REMOTE {
        entry.insert("RemoteOpenDoor".into(), 1.into());
    }
    add_pictures(cx, record, pictures, &mut entry)?;
    Ok(entry.into())
}

fn add_pictures(cx: &Context, record: &ControlRecord, which: i64, entry: &mut Map<String, Value>) -> Result<()> {
    let mut put = |key: &str, jpeg: Option<Vec<u8>>| {
        entry.insert(key.to_owned(), jpeg.map_or_else(String::new, as_picture).into());
    };
    if which & 2 != 0 {
        put("SnapPicinfo", record.snap.as_deref().map_or(Ok(None), |name| cx.store.snap(name))?);
    }
    if which & 1 != 0 {
        put("RegPicinfo", record.person.as_ref().map_or(Ok(None), |person| cx.store.photo(person.id))?);
    }
    Ok(())
}

/// Counts captures.
///
/// # Errors
/// A time that is missing or wrong.
pub fn capture_count(cx: &Context, stretch: Stretch) -> Result<Answer> {
    let number = cx.store.count_captures(stretch.begin, stretch.end);
    Ok(Answer::Data(json!({ "DeviceID": cx.device_id, "CaptureNum": number })))
}

/// Finds captures of strangers, with their pictures.
///
/// # Errors
/// A time that is missing or wrong, or the store.
pub fn captures(cx: &Context, stretch: Stretch) -> Result<Answer> {
    let range = range((stretch.begin, stretch.end), stretch.descending, stretch.skip, stretch.count, CAPTURE_PAGE);
    let entry = |record: &CaptureRecord| -> Result<Value> {
        let jpeg = record.snap.as_deref().map_or(Ok(None), |name| cx.store.snap(name))?;
        let picture = jpeg.map_or_else(String::new, as_picture);
        Ok(json!({ "LibSnapID": record.id, "CreateTime": record.time, "SnapPicinfo": picture }))
    };
    let list = cx.store.captures(range)?.iter().map(entry).collect::<Result<Vec<_>>>()?;
    Ok(Answer::Data(json!({ "DeviceID": cx.device_id, "Listnum": list.len(), "List": list })))
}
