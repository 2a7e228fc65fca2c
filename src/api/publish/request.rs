//! The schema of a request, taken apart: which fields there are, and whether each stands in `info` or beside it.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::document::{Described, Place};
use crate::api::table::Operator;

/// Where OpenAPI keeps schemas that have a name.
const DEFINITIONS: &str = "/components/schemas/";

/// A field of a request or of a type used in one.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) schema: Value,
    pub(super) required: bool,
    /// Whether it stands in `info`.
    pub(super) inside: bool,
}

/// A generator whose named schemas can be referred to from an OpenAPI document.
pub(super) fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = DEFINITIONS.trim_end_matches('/').into();
        settings.meta_schema = None;
    });
    settings.into_generator()
}

/// A schema that refers to a named one.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#{DEFINITIONS}{name}") })
}

/// The name a schema refers to, if that is all it does.
pub(super) fn named(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix('#')?.strip_prefix(DEFINITIONS)
}

/// What a schema refers to, else the schema itself.
pub(super) fn resolved<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    named(schema).and_then(|name| definitions.get(name)).unwrap_or(schema)
}

/// The fields of an object's schema, in their order.
pub(super) fn fields_of(schema: &Value) -> Vec<Field> {
    let required = |name: &str| {
        let required = schema.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|field| field == name))
    };
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        schema: schema.clone(),
        required: required(name),
        inside: false,
    };
    properties.map(field).collect()
}

/// The fields of an operator's request, `DeviceID` first where it is checked.
pub(super) fn fields(operator: &Operator, described: &Described, generator: &mut SchemaGenerator) -> Vec<Field> {
    let schema = (operator.schema)(generator).to_value();
    let mut fields = fields_of(resolved(&schema, generator.definitions()));
    if operator.checks_device && !fields.iter().any(|field| field.name == "DeviceID") {
        fields.insert(0, device_id());
    }
    for field in &mut fields {
        field.inside = match described.place {
            Place::Info => true,
            Place::Beside(names) => !names.contains(&field.name.as_str()),
            Place::Top => false,
        };
    }
    fields
}

fn device_id() -> Field {
    let schema = json!({
        "description": "The terminal's number, as GetSysParam tells it; a request for another terminal is refused.",
        "type": ["integer", "string"],
    });
    Field { name: "DeviceID".into(), schema, required: false, inside: true }
}

/// The schema of an operator's whole body.
pub(super) fn body(operator: &Operator, described: &Described, generator: &mut SchemaGenerator) -> Value {
    let own = (operator.schema)(generator).to_value();
    let (inside, beside): (Vec<_>, Vec<_>) =
        fields(operator, described, generator).into_iter().partition(|field| field.inside);
    let mut properties = Map::new();
    properties.insert("operator".into(), json!({ "const": operator.name }));
    // A type that has a name is referred to where all its fields, and no other, stand in `info`.
    let info = match described.place {
        Place::Top => None,
        Place::Info if named(&own).is_some() && !operator.checks_device => Some(own),
        Place::Info | Place::Beside(_) => Some(object(&inside)),
    };
    let mut required = Vec::new();
    if let Some(info) = info {
        properties.insert("info".into(), info);
        if operator.needs_info {
            required.push(Value::from("info"));
        }
    }
    for field in beside {
        if field.required {
            required.push(field.name.clone().into());
        }
        properties.insert(field.name, field.schema);
    }
    let mut body = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        body["required"] = required.into();
    }
    body
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.clone(), field.schema.clone())).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| &*field.name).collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// The names a schema refers to anywhere within.
pub(super) fn references(schema: &Value, found: &mut Vec<String>) {
    if let Some(name) = named(schema)
        && !found.iter().any(|known| known == name)
    {
        found.push(name.to_owned());
    }
    match schema {
        Value::Object(members) => members.values().for_each(|member| references(member, found)),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
