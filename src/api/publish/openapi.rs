//! `facegate openapi`: the API as OpenAPI 3.1.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::document::{Described, subject};
use super::{published, request};
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
        let failure = failures.of(operator);
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
                    "content": { "application/json": answered(json!({ "oneOf": [success, reference(&failure)] }), described) },
                },
                "401": { "$ref": "#/components/responses/Unauthorized" },
            },
        }});
        paths.insert(format!("/action/{}", operator.name), path);
    }
    let mut schemas = failures.schemas;
    schemas.insert("Done".into(), done());
    let definitions = generator.take_definitions(true);
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

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
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

/// What a Get answers is what its Set takes, where there is one.
fn success(operator: &Operator, described: &Described, generator: &mut schemars::SchemaGenerator) -> Value {
    if !described.is_query {
        return reference("Done");
    }
    let subject = operator.name.strip_prefix("Get").filter(|_| described.is_paired);
    let twin = subject.and_then(|subject| table::find(&format!("Set{subject}")));
    let info = twin.map(|twin| (twin.schema)(generator).to_value()).filter(|info| request::named(info).is_some());
    json!({
        "type": "object",
        "properties": {
            "operator": { "const": operator.answers_as },
            "info": info.unwrap_or_else(|| json!({ "type": "object" })),
        },
        "required": ["operator", "info"],
        "not": { "required": ["code"] },
    })
}

fn done() -> Value {
    json!({
        "description": "It is done. Batches tell more in `info`.",
        "type": "object",
        "properties": {
            "operator": { "type": "string" },
            "code": { "const": 200 },
            "info": { "type": "object", "properties": { "Result": { "const": "Ok" } }, "required": ["Result"] },
        },
        "required": ["operator", "code", "info"],
    })
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
    json!({ "description": "The login is missing or wrong.", "content": { "application/json": { "schema": schema } } })
}

/// One schema a page of error numbers.
#[derive(Default)]
struct Failures {
    schemas: Map<String, Value>,
    pages: Vec<(Page, String)>,
}

impl Failures {
    /// The name of the schema of an operator's failures.
    fn of(&mut self, operator: &Operator) -> String {
        if let Some((_, name)) = self.pages.iter().find(|(page, _)| *page == operator.page) {
            return name.clone();
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
        self.schemas.insert(name.clone(), schema);
        self.pages.push((operator.page, name.clone()));
        name
    }
}
