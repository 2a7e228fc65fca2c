//! `facegate openapi`: the API as OpenAPI 3.1.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::document::{Described, subject};
use super::request::reference;
use super::{answers, published, request};
use crate::api::codes::{self, GENERIC, Page};
use crate::api::table::{self, Operator};

const ABOUT: &str = "The HTTP action API of the face-recognition access terminal, protocol document v1.36.\n\n\
    Every operator is a POST with a JSON body. Answers have HTTP status 200 whether or not the operation went well: \
    what was asked for comes without `code`, everything else carries an integer `code`, 200 if it is done. Bodies are \
    read patiently (numbers as text, trailing commas, `null` for what is left out); these schemas show the form the \
    document gives.";

/// The OpenAPI document.
#[must_use]
pub fn document() -> Value {
    let mut generator = request::generator();
    let mut paths = Map::new();
    let mut failures = Failures::default();
    let mut subjects = BTreeSet::new();
    let mut tags = Vec::new();
    for (operator, described) in published() {
        let about = subject(described.chapter);
        if subjects.insert(about) {
            tags.push(json!({ "name": about }));
        }
        let failure = failed(failures.of(operator), operator);
        let success = success(operator, described, &mut generator);
        let path = json!({ "post": {
            "operationId": operator.name,
            "tags": [about],
            "summary": operator.about,
            "description": format!("Chapter {} of the protocol document.", described.chapter),
            "requestBody": { "required": operator.needs_info, "content": content(operator, described, &mut generator) },
            "responses": {
                "200": {
                    "description": "How it went, or what was asked for.",
                    "content": { "application/json": answered(json!({ "oneOf": [success, failure] }), described) },
                },
                "401": { "$ref": "#/components/responses/Unauthorized" },
            },
        }});
        paths.insert(format!("/action/{}", operator.name), path);
    }
    let mut schemas = failures.schemas;
    schemas.insert("Done".into(), done(None));
    let mut definitions = generator.take_definitions(true);
    for (name, schema) in answers::definitions() {
        let taken = definitions.insert(name, schema);
        debug_assert!(taken.is_none(), "two types of one name");
    }
    let mut wanted = Vec::new();
    paths.values().for_each(|path| request::references(path, &mut wanted));
    let mut at = 0;
    while let Some(name) = wanted.get(at).cloned() {
        if let Some(schema) = definitions.get(&name) {
            request::references(schema, &mut wanted);
            schemas.insert(name, schema.clone());
        }
        at += 1;
    }
    schemas.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "facegate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{
            "url": "http://{terminal}",
            "variables": { "terminal": { "default": "127.0.0.1:8080", "description": "Address and port of the terminal." } },
        }],
        "security": [{ "login": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "login": { "type": "http", "scheme": "basic" } },
            "responses": { "Unauthorized": unauthorized() },
            "schemas": schemas,
        },
    })
}

/// The document as it is checked in.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", document())
}

fn content(operator: &Operator, described: &Described, generator: &mut schemars::SchemaGenerator) -> Value {
    let mut content = json!({ "schema": request::body(operator, described, generator) });
    if let Some(example) = described.example.and_then(|example| serde_json::from_str::<Value>(example).ok()) {
        content["example"] = example;
    }
    json!({ "application/json": content })
}

fn answered(schema: Value, described: &Described) -> Value {
    let mut content = json!({ "schema": schema });
    if let Some(answer) = described.shown_answer() {
        content["example"] = answer;
    }
    content
}

/// What a Get answers is what its Set takes, where there is one, and what `answers` has beside it.
fn success(operator: &Operator, described: &Described, generator: &mut schemars::SchemaGenerator) -> Value {
    let own = answers::of(operator.name).filter(|own| !own.is_failure);
    if !described.is_query {
        return own.map_or_else(|| reference("Done"), |own| done(Some(own.info)));
    }
    let subject = operator.name.strip_prefix("Get").filter(|_| described.is_paired);
    let twin = subject.and_then(|subject| table::find(&format!("Set{subject}")));
    let twin = twin.map(|twin| (twin.schema)(generator).to_value()).filter(|info| request::named(info).is_some());
    let (info, beside) = match (own, twin) {
        (Some(own), Some(twin)) => {
            let mut twin = request::resolved(&twin, generator.definitions()).clone();
            // Of what is answered it says only a part.
            twin.as_object_mut().map(|twin| twin.shift_remove("description"));
            (joined(twin, Some(own.info)), own.beside)
        }
        (Some(own), None) => (own.info, own.beside),
        (None, twin) => (twin.unwrap_or_else(|| json!({ "type": "object" })), json!({})),
    };
    let answer = json!({
        "type": "object",
        "properties": { "operator": { "const": operator.answers_as }, "info": info },
        "required": ["operator", "info"],
        "not": { "required": ["code"] },
    });
    joined(answer, Some(beside))
}

/// That it is done; `more` stands in `info` too.
fn done(more: Option<Value>) -> Value {
    json!({
        "description": "It is done.",
        "type": "object",
        "properties": {
            "operator": { "type": "string" },
            "code": { "const": 200 },
            "info": joined(json!({ "type": "object", "properties": { "Result": { "const": "Ok" } }, "required": ["Result"] }), more),
        },
        "required": ["operator", "code", "info"],
    })
}

/// That it failed, with what the operator tells then.
fn failed((name, mut schema): (String, Value), operator: &Operator) -> Value {
    let Some(own) = answers::of(operator.name).filter(|own| own.is_failure) else { return reference(&name) };
    let info = schema["properties"]["info"].take();
    schema["properties"]["info"] = joined(info, Some(own.info));
    schema
}

/// One schema of an object with the members of both.
fn joined(mut schema: Value, more: Option<Value>) -> Value {
    let Some(more) = more else { return schema };
    if let (Some(into), Some(more)) = (schema["properties"].as_object_mut(), more["properties"].as_object()) {
        into.extend(more.clone());
    }
    if let Some(more) = more["required"].as_array().filter(|more| !more.is_empty()) {
        let before = schema["required"].as_array().into_iter().flatten();
        schema["required"] = before.chain(more).cloned().collect();
    }
    schema
}

fn unauthorized() -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "operator": { "const": "authentication" },
            "info": {
                "type": "object",
                "properties": { "Result": { "const": "Fail" }, "Detail": { "type": "string" } },
                "required": ["Result", "Detail"],
            },
        },
        "required": ["operator", "info"],
    });
    let retry = json!({
        "description": "After too many wrong logins: seconds for which none is taken, the right one included.",
        "schema": { "type": "integer" },
    });
    json!({
        "description": "The login is missing or wrong, or too many wrong ones came before it.",
        "headers": { "Retry-After": retry },
        "content": { "application/json": { "schema": schema } },
    })
}

/// One schema a page of error numbers.
#[derive(Default)]
struct Failures {
    schemas: Map<String, Value>,
    pages: Vec<(Page, String)>,
}

impl Failures {
    /// The schema of an operator's failures, and its name.
    fn of(&mut self, operator: &Operator) -> (String, Value) {
        if let Some((_, name)) = self.pages.iter().find(|(page, _)| *page == operator.page) {
            return (name.clone(), self.schemas.get(name).cloned().unwrap_or_default());
        }
        let name = if operator.page == GENERIC { "Failure".to_owned() } else { format!("Failure{}", operator.name) };
        let numbers: Vec<Value> = codes::numbers(operator.page)
            .into_iter()
            .map(|(number, meanings)| json!({ "const": number, "description": meanings.join("; ") }))
            .collect();
        let schema = json!({
            "description": "It failed, and nothing was changed; a batch answers for each of its members.",
            "type": "object",
            "properties": {
                "operator": { "type": "string" },
                "code": { "type": "integer", "oneOf": numbers },
                "info": {
                    "type": "object",
                    "properties": {
                        "Result": { "const": "Fail" },
                        "Detail": { "type": "string", "description": "The document's wording, then the field and what is wrong with it." },
                    },
                    "required": ["Result", "Detail"],
                },
            },
            "required": ["operator", "code", "info"],
        });
        self.schemas.insert(name.clone(), schema.clone());
        self.pages.push((operator.page, name.clone()));
        (name, schema)
    }
}
