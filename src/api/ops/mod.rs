//! What the operators do, by subject: a request struct and a handler each.
//!
//! A field whose being missing has a number of its own in the document has a default, so that the handler can say so; schemas
//! name it in `required` all the same.

pub mod batch;
pub mod capture;
pub mod center;
pub mod control;
pub mod device;
pub mod door;
pub mod factory;
pub mod general;
pub mod list;
pub mod mqtt;
pub mod network;
pub mod password;
pub mod person;
pub mod picture;
pub mod push;
pub mod server;
pub mod settings;
pub mod signature;
pub mod sound;
pub mod subscribe;
pub mod time;
pub mod upgrade;

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::Value;

use super::wire::{Fields, is_blank};
use crate::field::Int;

/// A request without fields.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Nothing {}

/// A request that changes some fields of a group of settings.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Changes<G> {
    fields: Fields,
    #[serde(skip)]
    group: PhantomData<G>,
}

impl<G: JsonSchema> JsonSchema for Changes<G> {
    fn schema_name() -> Cow<'static, str> {
        G::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = G::json_schema(generator);
        // Whatever the group's answers always have, a change may leave out.
        schema.remove("required");
        schema
    }
}

/// The text of a field that was given as a text or a number, without blanks around it; `None` where there is
/// nothing in it. For fields whose every fault has a number of its own.
fn text_of(given: Option<&Value>) -> Option<String> {
    let text = match given? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// For fields that platforms send empty instead of leaving them out.
fn blank<'de, T: DeserializeOwned, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(d)?;
    if is_blank(&value) { Ok(None) } else { serde_json::from_value(value).map(Some).map_err(D::Error::custom) }
}

/// Where a page of results begins and how long it is.
fn page_of(begin: Option<Int<0, { i64::MAX }>>, count: Option<Int<0, { i64::MAX }>>, usual: usize) -> (usize, usize) {
    const MOST: i64 = 100;
    let begin = begin.map_or(0, |n| usize::try_from(n.get()).unwrap_or(usize::MAX));
    let count = count.map_or(0, |n| usize::try_from(n.get().min(MOST)).unwrap_or(0));
    (begin, if count == 0 { usual } else { count })
}
