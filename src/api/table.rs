//! The whole API on one screen. A row gives dispatch, the numbers of its page, and the schema of its request.

use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tracing::{info, warn};

use super::Context;
use super::codes::{self, Page};
use super::ops::{device, door, list, person, picture, record, subscribe};
use super::wire::{self, Answer, Request};
use crate::error::{Error, Fault, Result};

/// An operator.
pub struct Operator {
    /// Its name, as in the path.
    pub name: &'static str,
    /// Where its numbers stand.
    pub page: Page,
    /// Whether a `DeviceID` that is not this terminal's is refused: where the document lists the field.
    pub checks_device: bool,
    /// The JSON Schema of its request's members.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    run: Box<dyn Fn(&Context, Request) -> Result<Answer> + Send + Sync>,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("name", &self.name).finish_non_exhaustive()
    }
}

fn op<Q: DeserializeOwned + JsonSchema + 'static>(
    name: &'static str,
    page: Page,
    run: fn(&Context, Q) -> Result<Answer>,
) -> Operator {
    let run = Box::new(move |cx: &Context, request: Request| run(cx, parse(request.fields)?));
    Operator { name, page, checks_device: true, schema: Q::json_schema, run }
}

/// The same for an operator that real platforms call with the `DeviceID` of another terminal.
fn any_device<Q: DeserializeOwned + JsonSchema + 'static>(
    name: &'static str,
    page: Page,
    run: fn(&Context, Q) -> Result<Answer>,
) -> Operator {
    Operator { checks_device: false, ..op(name, page, run) }
}

/// Every operator.
pub static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    use codes::{BATCH, DELETE, EDIT, GENERIC, PERSON, PICTURE, SEARCH, SUBSCRIBE};
    vec![
        any_device("GetDoorCondition", GENERIC, door::get_condition),
        any_device("SetDoorCondition", GENERIC, door::set_condition),
        op("OpenDoor", GENERIC, door::open),
        any_device("SetUserPwd", GENERIC, device::set_login),
        any_device("GetSysTime", GENERIC, device::get_time),
        any_device("SetSysTime", GENERIC, device::set_time),
        any_device("GetSysParam", GENERIC, device::get_info),
        any_device("SetSysParam", GENERIC, device::set_info),
        any_device("GetSysCfg", GENERIC, device::get_system),
        any_device("SetSysCfg", GENERIC, device::set_system),
        any_device("GetFaceParam", GENERIC, device::get_face),
        any_device("SetFaceParam", GENERIC, device::set_face),
        op("AddPerson", PERSON, person::add),
        op("AddPersons", PERSON, person::add_many),
        op("EditPerson", EDIT, person::edit),
        op("EditPersonsNew", BATCH, person::edit_many),
        op("DeletePerson", DELETE, person::delete),
        op("DeleteAllPerson", DELETE, person::delete_all),
        any_device("GetDatabaseVer", GENERIC, list::database_version),
        op("SearchPerson", SEARCH, list::one),
        op("SearchPersonNum", SEARCH, list::count),
        op("SearchPersonList", SEARCH, list::page),
        op("Subscribe", SUBSCRIBE, subscribe::subscribe),
        op("GetSubscribe", SUBSCRIBE, subscribe::get),
        op("Unsubscribe", SUBSCRIBE, subscribe::unsubscribe),
        op("SearchControlNum", SEARCH, record::control_count),
        op("SearchControl", SEARCH, record::control),
        op("SearchCaptureNum", SEARCH, record::capture_count),
        op("SearchCapture", SEARCH, record::captures),
        op("GetPictureSimilarity", PICTURE, picture::similarity),
        op("GetPictureSearch", PICTURE, picture::search),
        op("DetectFaceFromPic", PICTURE, picture::detect),
        op("FrontalFaceSnap", PICTURE, picture::snap),
    ]
});

/// Answers a request, whatever carried it.
#[must_use]
pub fn dispatch(cx: &Context, name: &str, body: &[u8]) -> Value {
    let Some(operator) = OPERATORS.iter().find(|o| o.name == name) else {
        return wire::reply(name, codes::GENERIC, Err(Fault::UnknownOperator.into()));
    };
    let result = answer(cx, operator, body);
    match &result {
        Ok(_) => info!(operator = name, "answered"),
        Err(error) => {
            let cause = error.source.as_ref().map(ToString::to_string);
            warn!(operator = name, %error, cause, "refused");
        }
    }
    wire::reply(name, operator.page, result)
}

fn answer(cx: &Context, operator: &Operator, body: &[u8]) -> Result<Answer> {
    let request = Request::read(body)?;
    if let Some(other) = request.operator.as_deref().filter(|other| *other != operator.name) {
        return Err(Error::new(
            Fault::UnknownOperator,
            format!("operator: the body names {other:?}, the path {:?}", operator.name),
        ));
    }
    if operator.checks_device
        && let Some(id) = request.fields.get("DeviceID")
        && !is_device(id, cx.device_id)
    {
        return Err(Error::new(Fault::WrongDevice, format!("DeviceID: {id} is not {}", cx.device_id)));
    }
    (operator.run)(cx, request)
}

/// The id as a number or as text; an empty text is no id.
fn is_device(id: &Value, own: u32) -> bool {
    match id {
        Value::String(text) => text.trim().is_empty() || text.trim().parse() == Ok(own),
        other => other.as_f64() == Some(f64::from(own)),
    }
}

/// Reads the members an operator knows; the first wrong one is named.
///
/// # Errors
/// [`Fault::BadParameter`] with the member's name and what is wrong.
pub fn parse<Q: DeserializeOwned>(fields: Map<String, Value>) -> Result<Q> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        let detail = if path == "." { inner } else { format!("{path}: {inner}") };
        Error::new(Fault::BadParameter, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = OPERATORS.iter().map(|o| o.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPERATORS.len());
    }

    #[test]
    fn a_device_is_a_number_or_its_text() {
        for (id, expect) in [
            (Value::from(1_300_001), true),
            (Value::from("1300001"), true),
            (Value::from(" 1300001 "), true),
            (Value::from(""), true),
            (Value::from(1_300_002), false),
            (Value::from("x"), false),
            (Value::Null, false),
        ] {
            assert_eq!(is_device(&id, 1_300_001), expect, "{id}");
        }
    }
}
