//! Commands about people: `customId` is HTTP's `PersonUUID`, and most other members have names of their own too.

use serde_json::{Value, json};

use super::codes::{self, Page, code};
use super::device::needed;
use super::{Answer, Batch, Command, Desk, Fields, as_texts};
use crate::access::LibId;
use crate::api::ops::list::{self, SearchPersonNum};
use crate::api::wire::{self, is_blank};
use crate::api::{self, Context};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::Int;

type Run = fn(&Context, &Desk, &Command) -> Result<Answer>;

/// Most people of a batch that adds or changes.
const MOST_CHANGED: usize = 1000;
/// Most people of one that removes.
const MOST_REMOVED: usize = 200;
/// People of a page, where nothing else is asked for, and at most.
const PAGE: i64 = 1000;
const LONGEST_PAGE: i64 = 2000;

/// The commands.
const COMMANDS: &[(&str, Page, Run)] = &[
    ("EditPerson", codes::EDIT, edit),
    ("AddPerson", codes::EDIT, edit),
    ("DelPerson", codes::DELETE, delete),
    ("EditPersonsNew", codes::BATCH, edit_many),
    ("AddPersons", codes::BATCH, add_many),
    ("DeletePersons", codes::BATCH, delete_many),
    ("DeleteAllPerson", codes::DELETE, delete_all),
    ("QueryPerson", codes::QUERY, query),
    ("SearchPerson", codes::QUERY, search),
    ("SearchPersonList", codes::QUERY, search_list),
    ("QueryProgress", codes::QUERY, progress),
];

/// What members are called here and over HTTP. Of several names for one the first is written.
const NAMES: &[(&str, &str)] = &[
    ("customId", "PersonUUID"),
    ("name", "Name"),
    ("personType", "PersonType"),
    ("gender", "Gender"),
    ("nation", "Nation"),
    ("cardType", "CardType"),
    ("idCard", "IdCard"),
    ("birthday", "Birthday"),
    ("telnum1", "Telnum"),
    ("telnum", "Telnum"),
    ("native", "Native"),
    ("address", "Address"),
    ("notes", "Notes"),
    ("cardType2", "MjCardFrom"),
    ("cardNum2", "MjCardNo"),
    ("tempCardType", "Tempvalid"),
    ("tempValid", "Tempvalid"),
    ("cardValidBegin", "ValidBegin"),
    ("validBegin", "ValidBegin"),
    ("cardValidEnd", "ValidEnd"),
    ("validEnd", "ValidEnd"),
    ("effectNumber", "EffectNumber"),
    ("pic", "picinfo"),
    ("personId", "LibID"),
];

/// The command of that name.
pub(super) fn find(operator: &str) -> Option<(Page, Run)> {
    COMMANDS.iter().find(|(name, ..)| *name == operator).map(|(_, page, run)| (*page, *run))
}

/// The members of a person as HTTP names them. What platforms send empty counts as not sent.
fn person(info: &Fields) -> Result<Fields> {
    let mut person = Fields::new();
    for (name, value) in info.iter().filter(|(_, value)| !is_blank(value)) {
        let over_http = NAMES.iter().find(|(here, _)| here == name).map_or(name.as_str(), |(_, there)| there);
        // The terminal's number of the person is not the platform's to choose.
        if over_http != "LibID" && name != "PersonUUID" {
            person.entry(over_http).or_insert_with(|| value.clone());
        }
    }
    if person.get("Tempvalid").and_then(as_number) == Some(4) {
        bail!(BadParameter, "tempCardType: 4, daily times and a number of passages, is not known here");
    }
    needed(&person, "PersonUUID", Fault::NoUuid).map_err(|error| Error::new(error.fault, "customId: is missing"))?;
    person.insert("IdType".into(), 2.into());
    Ok(person)
}

/// The members of a person as MQTT names them.
fn told(person: Fields) -> Fields {
    let name = |there: &str| NAMES.iter().find(|(_, http)| *http == there).map_or(there, |(here, _)| here).to_owned();
    person.into_iter().filter(|(there, _)| there != "DeviceID").map(|(there, value)| (name(&there), value)).collect()
}

fn custom_id(info: &Fields) -> Result<String> {
    text(needed(info, "customId", Fault::NoUuid)?)
        .ok_or_else(|| Error::new(Fault::NoUuid, "customId: a text is needed"))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn as_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Adds or changes one person.
fn edit(cx: &Context, desk: &Desk, command: &Command) -> Result<Answer> {
    let mut info = command.fields()?;
    for picture in ["pic", "picURI"] {
        if let Some(beside) = command.beside.get(picture) {
            info.entry(picture).or_insert_with(|| beside.clone());
        }
    }
    let person = person(&info)?;
    let id = custom_id(&info)?;
    let _turn = desk.single()?;
    put(cx, person, &id)?;
    let person_id = cx.store.by_uuid(&id).map_or_else(String::new, |person| person.id.to_string());
    let mut told = Fields::new();
    told.insert("personId".into(), person_id.into());
    told.insert("customId".into(), id.into());
    Ok(told.into())
}

/// Adds a person, or changes who bears the id.
fn put(cx: &Context, person: Fields, id: &str) -> Result<()> {
    let operator = if cx.store.by_uuid(id).is_some() { "EditPerson" } else { "AddPerson" };
    api::call(cx, operator, person).map(drop)
}

fn delete(cx: &Context, desk: &Desk, command: &Command) -> Result<Answer> {
    let id = custom_id(&command.fields()?)?;
    let _turn = desk.single()?;
    let Some(person) = cx.store.by_uuid(&id) else { bail!(NoPerson, "customId: nobody bears it") };
    cx.roster.remove(&[person.id])?;
    let mut told = Fields::new();
    told.insert("personId".into(), person.id.to_string().into());
    told.insert("customId".into(), id.into());
    Ok(told.into())
}

fn delete_all(cx: &Context, desk: &Desk, command: &Command) -> Result<Answer> {
    let info = command.fields()?;
    let wanted = needed(&info, "deleteall", Fault::BadParameter)?.clone();
    let _turn = desk.single()?;
    let mut request = Fields::new();
    request.insert("DeleteAllPersonCheck".into(), wanted);
    api::call(cx, "DeleteAllPerson", request).map(|_| Answer::default()).map_err(|error| match error.fault {
        Fault::BadParameter => Error::new(Fault::BadParameter, "deleteall: must be 1"),
        _ => error,
    })
}

/// The members of a batch, after its markers were looked at.
fn members(command: &Command, list: Option<&Value>, most: usize) -> Result<Vec<Value>> {
    let marker = |name: &str, wanted: &str, fault: Fault| match command.beside.get(name).and_then(Value::as_str) {
        Some(given) if given.trim() == wanted => Ok(()),
        _ => Err(Error::new(fault, format!("{name}: must be {wanted}"))),
    };
    marker("DataBegin", "BeginFlag", Fault::NoBegin)?;
    marker("DataEnd", "EndFlag", Fault::NoEnd)?;
    if command.info.is_none() {
        bail!(NoInfo, "info: is missing");
    }
    let total = needed(&command.beside, "PersonNum", Fault::NoTotal)?;
    let total = as_number(total).ok_or_else(|| Error::new(Fault::NoTotal, "PersonNum: a number is needed"))?;
    if total < 1 || usize::try_from(total).is_ok_and(|total| total > most) {
        bail!(TotalOutOfRange, "PersonNum: {total} is outside 1..{most}");
    }
    let Some(Value::Array(list)) = list else { bail!(BadParameter, "info: a list is needed") };
    if usize::try_from(total) != Ok(list.len()) {
        bail!(TotalMismatch, "PersonNum: is {total}, but {} people are given", list.len());
    }
    Ok(list.clone())
}

fn edit_many(cx: &Context, desk: &Desk, command: &Command) -> Result<Answer> {
    many(cx, desk, command, Batch::EditPersonsNew)
}

fn add_many(cx: &Context, desk: &Desk, command: &Command) -> Result<Answer> {
    many(cx, desk, command, Batch::AddPersons)
}

/// Adds or changes people one after the other; who cannot be is named, the others stand.
fn many(cx: &Context, desk: &Desk, command: &Command, batch: Batch) -> Result<Answer> {
    let list = members(command, command.info.as_ref(), MOST_CHANGED)?;
    let _turn = desk.batch(batch)?;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for value in list {
        let id = value.get("customId").and_then(text).unwrap_or_default();
        let stops = || Error::new(Fault::Unavailable, "the terminal stops");
        match if desk.is_closed() { Err(stops()) } else { one_of_many(cx, value, &id, batch) } {
            Ok(()) => done.push(json!({ "customId": id })),
            Err(error) => {
                let errcode = code(codes::ITEM, error.fault).to_string();
                failed.push(json!({ "customId": id, "errcode": errcode, "detail": wire::said(&error) }));
            }
        }
    }
    Ok(counted("Add", done, failed))
}

fn one_of_many(cx: &Context, value: Value, id: &str, batch: Batch) -> Result<()> {
    let Value::Object(mut info) = value else { bail!(BadParameter, "an object is needed") };
    // Batches take addresses of pictures only.
    info.retain(|name, _| name != "pic");
    let person = person(&info)?;
    if batch == Batch::AddPersons && cx.store.by_uuid(id).is_some() {
        bail!(IdExists, "customId: somebody bears it");
    }
    put(cx, person, id)
}

fn delete_many(cx: &Context, desk: &Desk, command: &Command) -> Result<Answer> {
    let ids = command.info.as_ref().and_then(|info| info.get("customId"));
    let list = members(command, ids, MOST_REMOVED)?;
    let _turn = desk.batch(Batch::DeletePersons)?;
    let (mut known, mut done, mut failed) = (Vec::<LibId>::new(), Vec::new(), Vec::new());
    for id in list.iter().map(|id| text(id).unwrap_or_default()) {
        match cx.store.by_uuid(&id).filter(|person| !known.contains(&person.id)) {
            Some(person) => {
                known.push(person.id);
                done.push(json!({ "customId": id }));
            }
            None => failed.push(json!({ "customId": id })),
        }
    }
    cx.roster.remove(&known)?;
    Ok(counted("Del", done, failed))
}

/// The answer of a batch: it went well as a whole, whatever became of its members.
fn counted(what: &str, done: Vec<Value>, failed: Vec<Value>) -> Answer {
    let mut info = Fields::new();
    info.insert(format!("{what}ErrNum"), failed.len().to_string().into());
    info.insert(format!("{what}SucNum"), done.len().to_string().into());
    info.insert(format!("{what}ErrInfo"), failed.into());
    info.insert(format!("{what}SucInfo"), done.into());
    Answer { info, without_code: true, ..Answer::default() }
}

fn query(cx: &Context, _: &Desk, _: &Command) -> Result<Answer> {
    let people = cx.store.people();
    let ids: Vec<&str> = people.iter().filter_map(|person| person.uuid.as_deref()).collect();
    let mut info = Fields::new();
    info.insert("TotalPersonNum".into(), people.len().to_string().into());
    info.insert("QueryPersonNum".into(), ids.len().to_string().into());
    info.insert("customId".into(), ids.join(",").into());
    Ok(info.into())
}

fn search(cx: &Context, _: &Desk, command: &Command) -> Result<Answer> {
    let info = command.fields()?;
    let id = custom_id(&info)?;
    let created = cx.store.by_uuid(&id).map(|person| person.created);
    let mut request = Fields::new();
    request.insert("SearchType".into(), 1.into());
    request.insert("SearchID".into(), id.into());
    if let Some(picture) = info.get("Picture").or_else(|| info.get("picture")) {
        request.insert("Picture".into(), picture.clone());
    }
    let (person, beside) = match api::call(cx, "SearchPerson", request)? {
        wire::Answer::Data(person) => (person, Fields::new()),
        wire::Answer::DataBeside(person, beside) => (person, told(beside)),
        _ => bail!(NoPerson, "customId: nobody bears it"),
    };
    let mut info = as_texts(told(person));
    if let Some(created) = created {
        info.insert("creatTime".into(), created.to_string().replacen('T', " ", 1).into());
    }
    Ok(Answer { info, beside, ..Answer::default() })
}

fn search_list(cx: &Context, _: &Desk, command: &Command) -> Result<Answer> {
    let info = command.fields()?;
    let number = |name: &str, default: i64, most: i64| -> Result<usize> {
        let given = info.get(name).filter(|value| !is_blank(value)).cloned();
        let number = given.map(serde_json::from_value::<Int<0, { i64::MAX }>>).transpose();
        let number = number.map_err(|why| Error::new(Fault::BadParameter, format!("{name}: {why}")))?;
        let number = number.map_or(default, Int::get).min(most);
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    };
    let begin = number("BeginNO", 0, i64::MAX)?;
    let count = number("RequestCount", PAGE, LONGEST_PAGE)?;
    let mut wanted = Fields::new();
    for (name, value) in info.iter().filter(|(_, value)| !is_blank(value)) {
        let over_http = NAMES.iter().find(|(here, _)| here == name).map_or(name.as_str(), |(_, there)| there);
        wanted.insert(over_http.to_owned(), value.clone());
    }
    let filter = wire::parse::<SearchPersonNum>(wanted)?;
    let (total, people) = list::matching(cx, &filter, begin, count)?;
    if people.is_empty() {
        bail!(NothingFound, "{total} people match, BeginNO is {begin}");
    }
    let rules = &cx.settings.now().door;
    let list: Vec<_> = people.iter().map(|person| Value::Object(told(list::entry(cx, person, rules)))).collect();
    let mut info = Fields::new();
    info.insert("TotalPersonNum".into(), total.into());
    info.insert("PersonNum".into(), list.len().into());
    info.insert("List".into(), list.into());
    Ok(info.into())
}

fn progress(_: &Context, desk: &Desk, _: &Command) -> Result<Answer> {
    let status = match desk.under_way() {
        Some(Batch::AddPersons) => 1,
        // Numbered by nobody: it is a batch like the others.
        Some(Batch::DeletePersons) => 2,
        Some(Batch::EditPersonsNew) => 3,
        None => 0,
    };
    let mut info = Fields::new();
    info.insert("QueryType".into(), "0".into());
    info.insert("Status".into(), status.to_string().into());
    Ok(info.into())
}
