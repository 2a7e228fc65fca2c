//! Many people at once: AddPersons (3.10.2) and EditPersonsNew (3.10.6).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::person::{self, AnyId, PersonFields};
use super::text_of;
use crate::access::Person;
use crate::api::Context;
use crate::api::codes::{self, code};
use crate::api::wire::{self, Answer, Fields, said};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::Int;

/// Most people of one AddPersons; with photos inside, the size of a body ends it sooner.
const MAX_ADDED: i64 = 1000;
/// Most people of one EditPersonsNew (3.10.6).
const MAX_REPLACED: i64 = 500;

/// Adds several people.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct AddPersons {
    /// How many there are.
    #[serde(rename = "Total", default, deserialize_with = "super::blank")]
    pub total: Option<Int<1, MAX_ADDED>>,
    /// `Personinfo_0`, `Personinfo_1` and so on: the people, each as for AddPerson.
    #[serde(flatten)]
    #[schemars(with = "Numbered")]
    pub people: Fields,
}

/// Whom a schema shows for all of them.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "described, not read: each person is read alone, so that the others are added all the same"
)]
struct Numbered {
    /// The first person, with the fields of AddPerson's `info`. `Personinfo_1`, `Personinfo_2` and so on are the others.
    #[serde(rename = "Personinfo_0")]
    first: PersonFields,
}

pub fn add(cx: &Context, request: AddPersons) -> Result<Answer> {
    let mut people = Vec::new();
    for (name, value) in request.people {
        let Some(number) = name.strip_prefix("Personinfo_") else {
            wire::passed_over(&name);
            continue;
        };
        let Ok(number) = number.parse::<u32>() else { bail!(BadParameter, "{name}: a number must follow Personinfo_") };
        people.push((number, value));
    }
    people.sort_by_key(|(number, _)| *number);
    if people.is_empty() {
        bail!(BadParameter, "Personinfo_0: is missing");
    }
    if let Some(total) = request.total.filter(|total| usize::try_from(total.get()) != Ok(people.len())) {
        bail!(BadParameter, "Total: is {}, but {} people are given", total.get(), people.len());
    }
    let (mut added, mut failed, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let mut first = None;
    for (number, value) in people {
        let ids = ids_of(&value);
        let given = read_person(value);
        match given.and_then(|given| person::add_one(cx, &given)) {
            Ok(_) => added.push(joined(json!({ "Personinfo": number }), ids)),
            Err(error) => {
                first.get_or_insert(error.fault);
                let text = batch_text(&error);
                let errcode = code(codes::PERSON, error.fault).to_string();
                failed.push(joined(json!({ "errcode": errcode, "errorItem": number, "errordesc": text }), ids));
                texts.push(format!("Personinfo_{number}: {text}"));
            }
        }
    }
    let Some(fault) = first else { return Ok(Answer::Done) };
    tracing::info!(added = added.len(), failed = failed.len(), "not everybody could be added");
    let members = wire::fields(json!({
        "SuccessCount": added.len(), "ErrCount": failed.len(), "SuccessInfo": added, "errorInfo": failed,
    }))?;
    Ok(Answer::Partly { fault, detail: texts.join("; "), members })
}

/// The text of one failure. Platforms look for these fragments, which differ from AddPerson's wording.
fn batch_text(error: &Error) -> String {
    let fragment = match error.fault {
        Fault::NoPicture | Fault::PictureTooLarge => "Unkonw Picinfo and get picURI error",
        Fault::NoFace | Fault::BadPicture => "GetPersonFeature err",
        Fault::IdExists => "PersonUUID had existed",
        _ => return said(error),
    };
    said(&Error::new(error.fault, error.detail.clone())).replacen(error.fault.text(), fragment, 1)
}

fn read_person(value: Value) -> Result<PersonFields> {
    match value {
        Value::Object(fields) => wire::parse(fields),
        _ => bail!(BadParameter, "an object is needed"),
    }
}

/// The ids a member of a batch gives, also of one that cannot be read otherwise.
fn ids_of(given: &Value) -> Value {
    let mut ids = Fields::new();
    let id = given.get("CustomizeID").and_then(|id| serde_json::from_value::<AnyId>(id.clone()).ok());
    if let Some(id) = id.map(AnyId::get).filter(|id| *id > 0) {
        ids.insert("CustomizeID".into(), id.into());
    }
    if let Some(uuid) = text_of(given.get("PersonUUID")) {
        ids.insert("PersonUUID".into(), uuid.into());
    }
    Value::Object(ids)
}

fn joined(mut into: Value, more: Value) -> Value {
    if let (Value::Object(into), Value::Object(more)) = (&mut into, more) {
        into.extend(more);
    }
    into
}

/// Adds people, or replaces those whose id is known.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["IdType", "Total", "info"]))]
pub struct EditPersonsNew {
    /// Which id the people are known by: 0 `CustomizeID`, 2 `PersonUUID`.
    #[serde(rename = "IdType", default, deserialize_with = "super::blank")]
    pub id_type: Option<Value>,
    /// How many there are.
    #[serde(rename = "Total", default, deserialize_with = "super::blank")]
    pub total: Option<Value>,
    /// The people, each as for AddPerson; what is left out is as for a new person, but for photo and the other id, which stay.
    #[serde(rename = "info", default)]
    pub people: Option<Vec<Value>>,
}

pub fn replace(cx: &Context, request: EditPersonsNew) -> Result<Answer> {
    let number = |value: Option<Value>, missing: Fault, name: &str| match value {
        Some(value) => serde_json::from_value::<Int<{ i64::MIN }, { i64::MAX }>>(value)
            .map(Int::get)
            .map_err(|e| Error::new(missing, format!("{name}: {e}"))),
        None => Err(Error::new(missing, name)),
    };
    let total = number(request.total, Fault::NoTotal, "Total")?;
    if !(1..=MAX_REPLACED).contains(&total) {
        bail!(TotalOutOfRange, "Total: {total} is outside 1..{MAX_REPLACED}");
    }
    let id_type = number(request.id_type, Fault::NoIdType, "IdType")?;
    if id_type != 0 && id_type != 2 {
        bail!(BadIdType, "IdType: {id_type} is none of 0 and 2");
    }
    let people = request.people.unwrap_or_default();
    if usize::try_from(total) != Ok(people.len()) {
        bail!(TotalMismatch, "Total: is {total}, but {} people are given", people.len());
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for value in people {
        let ids = ids_of(&value);
        let given = read_person(value);
        match given.and_then(|given| replace_one(cx, id_type, given)) {
            Ok(()) => done.push(ids),
            Err(error) => {
                let errcode = code(codes::BATCH_ITEM, error.fault).to_string();
                failed.push(joined(ids, json!({ "errcode": errcode, "errordesc": said(&error) })));
            }
        }
    }
    // The document's twin over MQTT writes the counts as texts.
    let mut members = Fields::new();
    members.insert("AddErrNum".into(), failed.len().to_string().into());
    members.insert("AddSucNum".into(), done.len().to_string().into());
    members.insert("AddErrInfo".into(), failed.into());
    members.insert("AddSucInfo".into(), done.into());
    Ok(Answer::DoneWith(members))
}

/// The request is to be complete (3.10.6), so what it leaves out is not kept from the person that is there;
/// only number, date of entry, the other id and, without a new one, the photo are.
fn replace_one(cx: &Context, id_type: i64, mut given: PersonFields) -> Result<()> {
    given.id_type = Int::new(id_type);
    let known = if id_type == 0 {
        let Some(id) = given.custom_id() else { bail!(NoCustomizeId, "CustomizeID: is missing") };
        cx.store.by_custom_id(id)
    } else {
        let Some(uuid) = given.uuid()? else { bail!(NoUuid, "PersonUUID: is missing") };
        cx.store.by_uuid(&uuid)
    };
    match known {
        None => person::add_one(cx, &given).map(drop),
        Some(known) => {
            let kept = |now: &Person| Person {
                id: now.id,
                custom_id: now.custom_id,
                uuid: now.uuid.clone(),
                // A card given out stays with its bearer if another is to be given out.
                card: if given.card_from.map(Int::get) == Some(1) { now.card } else { Person::new(now.created).card },
                ..Person::new(now.created)
            };
            person::edit_one(cx, &given, known.id, kept)
        }
    }
}
