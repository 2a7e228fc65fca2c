//! `facegate docs`: the API as a page to read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::document::{Described, subject};
use super::request::{self, Field};
use super::{answers, member_page, published};
use crate::api::codes::{self, GENERIC};
use crate::api::table::Operator;

const HEAD: &str = "\
# The API

Made by `facegate docs` from the table of operators; do not edit. The same as OpenAPI: [openapi.json](openapi.json), as
Postman collection: [facegate.postman_collection.json](facegate.postman_collection.json). What was decided where the
document is silent: [api-decisions.md](api-decisions.md).

`POST /action/<Operator>` with Basic login and a JSON body `{\"operator\": …, \"info\": {…}}`; who asks for settings
may leave the body out, searches need an `info`. Pushes and what is answered to them: [pushes.md](pushes.md). Answers have status 200: `info` with what was asked for and no `code`, or `code` 200 and `Result` `Ok`, or another
`code` with `Result` `Fail` and a `Detail` that names the field. Fields may be left out unless they are marked *needed*;
where one has a default, a setting that was never made has it, and what a Set leaves out stays as it is. Fields that an operator
does not have are passed over; with `RUST_LOG=debug` the log names those of `info`. A body has at most 24 MiB.

Without a login, or with a wrong one, the answer is 401. Who sends wrong ones five times is refused for a second, then for two, and
so on to a minute, whatever is sent meanwhile; `Retry-After` says for how long.

Every operator may fail with these numbers, unless its own list gives a number another meaning:

";

/// The page.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    numbers(&mut page, codes::numbers(GENERIC).into_iter());
    let mut generator = request::generator();
    let mut about = "";
    for (operator, described) in published() {
        let now = subject(described.chapter);
        if now != about {
            _ = writeln!(page, "\n## {now}");
            about = now;
        }
        let fields = request::fields(operator, described, &mut generator);
        section(&mut page, operator, described, &fields, generator.definitions());
    }
    page
}

fn section(
    page: &mut String,
    operator: &Operator,
    described: &Described,
    fields: &[Field],
    definitions: &Map<String, Value>,
) {
    _ = writeln!(page, "\n### {}\n\n{} Chapter {}.", operator.name, operator.about, described.chapter);
    if operator.answers_as != operator.name {
        _ = writeln!(page, "The answer's `operator` is `{}`, as the document has it.", operator.answers_as);
    }
    let (inside, beside): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.inside);
    for (fields, head) in [(inside, "in `info`"), (beside, "beside `operator`")] {
        if !fields.is_empty() {
            table(page, head, fields.into_iter());
        }
    }
    // Types that fields are made of, and theirs.
    let mut types = Vec::new();
    fields.iter().for_each(|field| request::references(&field.schema, &mut types));
    let mut at = 0;
    while let Some(name) = types.get(at).cloned() {
        if let Some(schema) = definitions.get(&name) {
            table(page, &format!("of `{name}`"), request::fields_of(schema).iter());
            request::references(schema, &mut types);
        }
        at += 1;
    }
    answered(page, operator);
    let pretty = |body: Value| format!("{body:#}");
    let request = described.example.and_then(|example| serde_json::from_str(example).ok()).map(pretty);
    let answer = described.shown_answer().map(pretty).or_else(|| Some(described.answer?.trim().to_owned()));
    for (said, body) in [("A request", request), ("An answer", answer)] {
        if let Some(body) = body {
            _ = writeln!(page, "\n{said}, as the document shows it:\n\n```json\n{body}\n```");
        }
    }
    let general = codes::numbers(GENERIC);
    let own: Vec<_> = codes::numbers(operator.page)
        .into_iter()
        .filter(|(number, meanings)| general.get(number) != Some(meanings))
        .collect();
    if !own.is_empty() {
        _ = writeln!(page, "\nFails with:\n");
        numbers(page, own.into_iter());
    }
    if let Some(members) = member_page(operator) {
        _ = writeln!(page, "\nThe `errcode` of one person:\n");
        numbers(page, codes::numbers(members).into_iter());
    }
}

/// What the operator's answer holds, where no group of settings says it.
fn answered(page: &mut String, operator: &Operator) {
    let Some(own) = answers::of(operator.name) else { return };
    let definitions = answers::definitions();
    let said =
        if own.is_failure { "of the answer, where somebody failed, in `info`" } else { "of the answer, in `info`" };
    let mut tables = vec![(said.to_owned(), own.info.clone())];
    tables.push(("of the answer, beside `info`".into(), own.beside));
    let mut types = Vec::new();
    request::references(&own.info, &mut types);
    let named = types.iter().filter_map(|name| Some((format!("of `{name}`"), definitions.get(name)?.clone())));
    tables.extend(named);
    for (head, schema) in tables {
        let fields = request::fields_of(&schema);
        if fields.is_empty() {
            continue;
        }
        _ = writeln!(page, "\n| {head} | type | |\n|---|---|---|");
        for Field { name, schema, required, .. } in fields {
            let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            let sometimes = if required { "" } else { "*Not always.* " };
            _ = writeln!(
                page,
                "| `{name}` | {} | {sometimes}{} |",
                type_of(&schema),
                cell(&format!("{about}{}", meanings(&schema)))
            );
        }
    }
}

fn numbers<'a>(page: &mut String, numbers: impl Iterator<Item = (i64, Vec<&'a str>)>) {
    _ = writeln!(page, "| code | meaning |\n|---|---|");
    for (number, meanings) in numbers {
        _ = writeln!(page, "| {number} | {} |", meanings.join("; "));
    }
}

fn table<'a>(page: &mut String, head: &str, fields: impl Iterator<Item = &'a Field>) {
    _ = writeln!(page, "\n| {head} | type | range | default | |\n|---|---|---|---|---|");
    for field in fields {
        let meaning = field.schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
        let needed = if field.required { "*Needed.* " } else { "" };
        _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {needed}{} |",
            field.name,
            type_of(&field.schema),
            range(&field.schema),
            default(&field.schema),
            cell(&format!("{meaning}{}", meanings(&field.schema))),
        );
    }
}

/// What each number of a closed set stands for.
fn meanings(schema: &Value) -> String {
    let schema = needed(schema);
    let list = |name: &str| schema.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let each = list("enum").iter().zip(list("x-enum-descriptions"));
    let each: Vec<_> = each
        .filter_map(|(value, meaning)| Some(format!("{} {}", plain(value), meaning.as_str()?.trim_end_matches('.'))))
        .collect();
    if each.is_empty() { String::new() } else { format!(" {}.", each.join("; ")) }
}

/// What may stand in one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The schema behind an optional one: `null` only says that a field may be left out.
fn needed(schema: &Value) -> &Value {
    let choices = schema.get("anyOf").and_then(Value::as_array);
    choices.and_then(|all| all.iter().find(|one| one["type"] != "null")).unwrap_or(schema)
}

fn type_of(schema: &Value) -> String {
    let schema = needed(schema);
    if let Some(name) = request::named(schema) {
        return format!("`{name}`");
    }
    let types: BTreeSet<&str> = match schema.get("type") {
        Some(Value::String(one)) => BTreeSet::from([one.as_str()]),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        _ => BTreeSet::new(),
    };
    let names = types.iter().map(|name| match *name {
        "string" => "text".to_owned(),
        "array" => schema.get("items").map_or("list".to_owned(), |items| format!("list of {}", type_of(items))),
        other => other.to_owned(),
    });
    let names: Vec<_> = names.collect();
    if names.is_empty() { "any".to_owned() } else { names.join(" or ") }
}

fn range(schema: &Value) -> String {
    let schema = needed(schema);
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<_> = values.iter().filter(|value| !value.is_null()).map(plain).collect();
        return values.join(", ");
    }
    // Bounds that are only the type's say nothing.
    let bound = |name: &str| schema.get(name).filter(|n| n.as_i64() != Some(i64::MIN) && n.as_i64() != Some(i64::MAX));
    match (bound("minimum"), bound("maximum"), schema.get("maxLength"), schema.get("items")) {
        (Some(least), Some(most), ..) => format!("{least} to {most}"),
        (Some(least), None, ..) => format!("from {least}"),
        (None, Some(most), ..) => format!("to {most}"),
        (None, None, Some(longest), _) => format!("at most {longest} characters"),
        (None, None, None, Some(items)) => range(items),
        (None, None, None, None) => example(schema),
    }
}

fn example(schema: &Value) -> String {
    let example = schema.get("examples").and_then(|examples| examples.get(0));
    example.map_or(String::new(), |example| format!("like {}", plain(example)))
}

fn default(schema: &Value) -> String {
    match schema.get("default") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.is_empty() => "empty".to_owned(),
        Some(value) => plain(value),
    }
}

fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("`{}`", cell(&text))
}
