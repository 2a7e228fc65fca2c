//! What requests and replies look like on the wire, whatever carries them: the envelope around `info`, and
//! the only shapes an answer has.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::codes::{Page, code};
use super::lenient;
use crate::bail;
use crate::error::{Error, Fault, Result};

/// Members of a request: those of `info`, and those that stand beside it (pictures, batches).
pub type Fields = Map<String, Value>;

/// A request body, taken apart.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Envelope {
    /// The operator the body names, if it does.
    pub operator: Option<String>,
    /// Whether there is an `info` at all, be it empty.
    pub has_info: bool,
    /// What was asked. A list under `info` (`EditPersonsNew`) stays a member of that name.
    pub fields: Fields,
}

impl Envelope {
    /// Reads a body; an empty one is a request without anything.
    ///
    /// # Errors
    /// [`Fault::NotJson`], or [`Fault::BadParameter`] when it is JSON but no request.
    pub fn read(body: &[u8]) -> Result<Self> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let Value::Object(mut members) = lenient::read(body)? else {
            bail!(NotJson, "a request is an object");
        };
        let operator = match members.shift_remove("operator") {
            Some(Value::String(name)) => Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
            Some(_) => bail!(UnknownOperator, "operator: a text is needed"),
            None => None,
        };
        // Removing a null `info` leaves none; PHP writes an empty one as `[]`.
        let info = members.shift_remove("info");
        let has_info = info.is_some();
        match info {
            Some(Value::Object(info)) => {
                for (key, value) in info {
                    // A picture may stand inside or beside; the empty one of both does not count.
                    if !is_blank(&value) || !members.contains_key(&key) {
                        members.insert(key, value);
                    }
                }
            }
            Some(Value::Array(list)) if list.is_empty() => {}
            Some(list @ Value::Array(_)) => {
                members.insert("info".into(), list);
            }
            Some(Value::String(text)) if text.trim().is_empty() => {}
            Some(_) => bail!(BadParameter, "info: an object is needed"),
            None => {}
        }
        Ok(Self { operator, has_info, fields: members })
    }
}

/// Whether a value says nothing.
#[must_use]
pub fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// What a handler found or did.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// It is done.
    Done,
    /// It is done, and there is something to tell about it (batches).
    DoneWith(Fields),
    /// Parts of it failed: what the first one failed by, how, and what there is to tell.
    Partly {
        /// Its number goes into `code`.
        fault: Fault,
        /// What goes into `Detail`.
        detail: String,
        /// Members of `info` beside `Result` and `Detail`.
        members: Fields,
    },
    /// What was asked for.
    Data(Fields),
    /// What was asked for, and a picture beside `info`.
    DataBeside(Fields, Fields),
}

/// An answer ready to be sent: its body and, for the log, its `code` (200 for data, which carries none).
#[derive(Clone, PartialEq, Debug)]
pub struct Reply {
    /// The body.
    pub body: Value,
    /// How it went.
    pub code: i64,
}

/// Makes the answer to `operator`: the one place where its shapes are made.
#[must_use]
pub fn reply(operator: &str, page: Page, result: Result<Answer>) -> Reply {
    let (code, info, beside) = match result {
        Ok(Answer::Data(info)) => (None, info, Fields::new()),
        Ok(Answer::DataBeside(info, beside)) => (None, info, beside),
        Ok(Answer::Done) => (Some(200), verdict("Ok", None), Fields::new()),
        Ok(Answer::DoneWith(members)) => (Some(200), joined(verdict("Ok", None), members), Fields::new()),
        Ok(Answer::Partly { fault, detail, members }) => {
            (Some(code(page, fault)), joined(verdict("Fail", Some(detail)), members), Fields::new())
        }
        Err(error) => (Some(code(page, error.fault)), verdict("Fail", Some(said(&error))), Fields::new()),
    };
    let mut body = Fields::new();
    body.insert("operator".into(), operator.into());
    if let Some(code) = code {
        body.insert("code".into(), code.into());
    }
    body.insert("info".into(), Value::Object(info));
    Reply { body: Value::Object(joined(body, beside)), code: code.unwrap_or(200) }
}

/// The answer to somebody who may not call (appendix B.1): it bears no `code`.
#[must_use]
pub fn unauthenticated(detail: &str) -> Value {
    json!({ "operator": "authentication", "info": { "Result": "Fail", "Detail": detail } })
}

fn verdict(result: &str, detail: Option<String>) -> Fields {
    let mut info = Fields::new();
    info.insert("Result".into(), result.into());
    if let Some(detail) = detail {
        info.insert("Detail".into(), detail.into());
    }
    info
}

fn joined(mut into: Fields, more: Fields) -> Fields {
    into.extend(more);
    into
}

/// The words of an error, kept short: a detail may quote what was sent.
#[must_use]
pub fn said(error: &Error) -> String {
    const LONGEST: usize = 240;
    let text = error.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The members of a struct or map made for an answer.
///
/// # Errors
/// [`Fault::Unavailable`] when it is neither.
pub fn fields(value: impl serde::Serialize) -> Result<Fields> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => bail!(Unavailable, "an answer is an object"),
        Err(error) => Err(Error::new(Fault::Unavailable, "").because(error)),
    }
}

/// Says in the log that a field of a request means nothing to its operator.
pub fn passed_over(field: &str) {
    // The terminal's number was looked at for all operators.
    if field != "DeviceID" {
        tracing::debug!(field, "not known to this operator, passed over");
    }
}

/// Names the fields that `Q` does not have; what takes any field names those it has no use for itself.
fn tell_unknown<Q: JsonSchema>(given: &Fields) {
    let mut generator = SchemaGenerator::default();
    let schema = Q::json_schema(&mut generator);
    if schema.get("additionalProperties").is_some() {
        return;
    }
    let known = schema.get("properties").and_then(Value::as_object);
    let unknown = |name: &&String| !known.is_some_and(|known| known.contains_key(*name));
    given.keys().filter(unknown).for_each(|name| passed_over(name));
}

/// Reads a request's fields into its struct; an error names the field.
///
/// # Errors
/// [`Fault::BadParameter`].
pub fn parse<Q: serde::de::DeserializeOwned + JsonSchema>(fields: Fields) -> Result<Q> {
    if tracing::enabled!(tracing::Level::DEBUG) {
        tell_unknown::<Q>(&fields);
    }
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        let why = error.inner().to_string();
        let missing = why.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match missing {
            Some(field) if path == "." => Error::new(Fault::BadParameter, format!("{field}: is missing")),
            Some(field) => Error::new(Fault::BadParameter, format!("{path}.{field}: is missing")),
            None => Error::new(Fault::BadParameter, format!("{path}: {why}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codes;

    fn envelope(body: &str) -> Envelope {
        Envelope::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn an_empty_info_may_be_written_in_many_ways() {
        for (body, has_info) in [
            ("", false),
            (" \r\n", false),
            ("{}", false),
            (r#"{"operator":"X","info":null}"#, false),
            (r#"{"info":[]}"#, true),
            (r#"{"info":{}}"#, true),
            (r#"{"info":""}"#, true),
        ] {
            let read = envelope(body);
            assert_eq!((read.has_info, read.fields), (has_info, Fields::new()), "{body}");
        }
    }

    #[test]
    fn pictures_stand_inside_or_beside() {
        for body in [
            r#"{"info":{"Name":"a"},"picinfo":"p"}"#,
            r#"{"info":{"picinfo":"p","Name":"a"}}"#,
            r#"{"info":{"picinfo":"","Name":"a"},"picinfo":"p"}"#,
            r#"{"picinfo":"","info":{"picinfo":"p","Name":"a"}}"#,
        ] {
            assert_eq!(Value::Object(envelope(body).fields), json!({ "Name": "a", "picinfo": "p" }), "{body}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (body, fault) in [
            ("[]", Fault::NotJson),
            ("7", Fault::NotJson),
            ("hello", Fault::NotJson),
            ("{\"info\":", Fault::NotJson),
            (r#"{"info":7}"#, Fault::BadParameter),
            (r#"{"operator":{}}"#, Fault::UnknownOperator),
        ] {
            assert_eq!(Envelope::read(body.as_bytes()).map_err(|e| e.fault), Err(fault), "{body}");
        }
    }

    #[test]
    fn answers_have_these_shapes_only() {
        let data = fields(json!({ "PersonNum": 0 })).unwrap();
        for (result, expect) in [
            (Ok(Answer::Done), json!({ "operator": "X", "code": 200, "info": { "Result": "Ok" } })),
            (Ok(Answer::Data(data.clone())), json!({ "operator": "X", "info": { "PersonNum": 0 } })),
            (
                Ok(Answer::DataBeside(data.clone(), fields(json!({ "picinfo": "p" })).unwrap())),
                json!({ "operator": "X", "info": { "PersonNum": 0 }, "picinfo": "p" }),
            ),
            (
                Err(Error::new(Fault::NoFace, "picinfo")),
                json!({ "operator": "X", "code": 473, "info": { "Result": "Fail", "Detail": "Face Undetected: picinfo" } }),
            ),
        ] {
            assert_eq!(reply("X", codes::PERSON, result).body, expect);
        }
    }
}
