//! Holds a value against a published schema: just the keywords our schemas use; another one is an error, so that
//! none goes unchecked. (A crate for all of JSON Schema would switch on features of `serde_json` that the
//! terminal does not have.)

use serde_json::Value;

/// What is wrong with `value`, or nothing. `root` is the document that `$ref` points into.
pub fn check(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    at("", value, schema, (root, false))
}

/// The same, and members that no schema knows are wrong too.
pub fn check_all(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    at("", value, schema, (root, true))
}

/// With the root comes whether unknown members are wrong.
fn at(path: &str, value: &Value, schema: &Value, root: (&Value, bool)) -> Result<(), String> {
    let keywords = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Object(keywords) => keywords,
        other => return Err(format!("{path}: {other} is no schema")),
    };
    for (keyword, rule) in keywords {
        let holds = |schema: &Value| at(path, value, schema, root).is_ok();
        let list = || rule.as_array().map(Vec::as_slice).unwrap_or_default();
        let length = |text: &Value| text.as_str().map(|text| text.chars().count() as u64);
        let fine = match keyword.as_str() {
            "description" | "default" | "examples" | "title" | "format" | "x-enum-descriptions" => true,
            "$ref" => {
                let target = rule.as_str().and_then(|rule| root.0.pointer(rule.strip_prefix('#')?));
                at(path, value, target.ok_or(format!("{path}: {rule} leads nowhere"))?, root)?;
                true
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|one| is(value, one)),
                one => is(value, one),
            },
            "const" => value == rule,
            "enum" => list().contains(value),
            "minimum" => value.as_f64().is_none_or(|n| rule.as_f64().is_some_and(|least| n >= least)),
            "maximum" => value.as_f64().is_none_or(|n| rule.as_f64().is_some_and(|most| n <= most)),
            "minLength" => length(value).is_none_or(|n| rule.as_u64().is_some_and(|least| n >= least)),
            "maxLength" => length(value).is_none_or(|n| rule.as_u64().is_some_and(|most| n <= most)),
            "minItems" => value.as_array().is_none_or(|l| rule.as_u64().is_some_and(|least| l.len() as u64 >= least)),
            "maxItems" => value.as_array().is_none_or(|l| rule.as_u64().is_some_and(|most| l.len() as u64 <= most)),
            "uniqueItems" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                items.iter().enumerate().all(|(n, item)| !items[..n].contains(item))
            }
            "pattern" => value.as_str().is_none_or(|text| matches(text, rule.as_str().unwrap_or_default())),
            "required" => list().iter().all(|name| value.get(name.as_str().unwrap_or_default()).is_some()),
            "properties" => {
                for (name, schema) in rule.as_object().into_iter().flatten() {
                    if let Some(member) = value.get(name) {
                        at(&format!("{path}/{name}"), member, schema, root)?;
                    }
                }
                let is_known = |name: &&String| rule.get(name.as_str()).is_some();
                let mut names = value.as_object().into_iter().flat_map(|members| members.keys());
                if root.1
                    && !keywords.contains_key("additionalProperties")
                    && let Some(name) = names.find(|name| !is_known(name))
                {
                    return Err(format!("{path}/{name}: is in no schema"));
                }
                true
            }
            "additionalProperties" => {
                let known = keywords.get("properties");
                for (name, member) in value.as_object().into_iter().flatten() {
                    if known.is_none_or(|known| known.get(name).is_none()) {
                        at(&format!("{path}/{name}"), member, rule, root)?;
                    }
                }
                true
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    at(&format!("{path}/{n}"), item, rule, root)?;
                }
                true
            }
            "anyOf" => list().iter().any(holds),
            "allOf" => list().iter().all(holds),
            "oneOf" => list().iter().filter(|one| holds(one)).count() == 1,
            "not" => !holds(rule),
            other => return Err(format!("{path}: the keyword {other} is not known here")),
        };
        if !fine {
            return Err(format!("{path}: {value} against {keyword} {rule}"));
        }
    }
    Ok(())
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

/// Patterns as they occur: literal letters, sets in brackets, each maybe with `+`, `?`, or a number of times.
fn matches(text: &str, pattern: &str) -> bool {
    fn rest(text: &[char], pattern: &[char]) -> bool {
        let (set, after) = match pattern {
            [] => return true,
            ['$'] => return text.is_empty(),
            ['[', more @ ..] => {
                let end = more.iter().position(|c| *c == ']').expect("a set has an end");
                (&more[..end], &more[end + 1..])
            }
            [_, after @ ..] => (&pattern[..1], after),
        };
        let in_set = |c: char| {
            set.iter().enumerate().any(|(n, one)| match set.get(n + 1..n + 3) {
                Some(['-', to]) => (*one..=*to).contains(&c),
                _ => *one == c && !(*one == '-' && n > 0 && n + 1 < set.len()),
            })
        };
        let run = text.iter().take_while(|c| in_set(**c)).count();
        let (least, most, after) = match after {
            ['+', after @ ..] => (1, run, after),
            ['*', after @ ..] => (0, run, after),
            ['?', after @ ..] => (0, run.min(1), after),
            ['{', more @ ..] => {
                let end = more.iter().position(|c| *c == '}').expect("a count has an end");
                let count: String = more[..end].iter().collect();
                let (least, most) = count.split_once(',').unwrap_or((&count, &count));
                let most = if most.is_empty() { run } else { run.min(most.parse().expect("a number")) };
                (least.parse().expect("a number"), most, &more[end + 1..])
            }
            after => (1, run.min(1), after),
        };
        (least..=most).rev().any(|taken| rest(&text[taken..], after))
    }
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    match &pattern[..] {
        ['^', pattern @ ..] => rest(&text, pattern),
        pattern => (0..=text.len()).any(|from| rest(&text[from..], pattern)),
    }
}

#[test]
fn values_are_told_apart() {
    use serde_json::json;
    let root = json!({ "components": { "schemas": { "N": { "type": "integer", "minimum": 2, "maximum": 4 } } } });
    let n = json!({ "$ref": "#/components/schemas/N" });
    for (value, schema, fine) in [
        (json!(3), n.clone(), true),
        (json!(5), n.clone(), false),
        (json!("3"), n.clone(), false),
        (json!({ "a": 3 }), json!({ "properties": { "a": n }, "required": ["a"] }), true),
        (json!({ "b": 3 }), json!({ "properties": { "a": n }, "required": ["a"] }), false),
        (json!([2, 9]), json!({ "items": n }), false),
        (json!({ "x": 9 }), json!({ "properties": {}, "additionalProperties": n }), false),
        (json!("1-100"), json!({ "pattern": "^[0-9]+-[0-9]+$" }), true),
        (json!("1-"), json!({ "pattern": "^[0-9]+-[0-9]+$" }), false),
        (json!("-7"), json!({ "pattern": "^-?[0-9]+$" }), true),
        (json!("12345"), json!({ "pattern": "^[0-9]{4,8}$" }), true),
        (json!("123"), json!({ "pattern": "^[0-9]{4,8}$" }), false),
        (json!(1), json!({ "oneOf": [{ "const": 1 }, { "type": "integer" }] }), false),
        (json!(1), json!({ "not": { "const": 1 } }), false),
        (json!(1), json!({ "surprise": 1 }), false),
    ] {
        assert_eq!(check(&value, &schema, &root).is_ok(), fine, "{value} {schema}");
    }
    let (value, schema) = (json!({ "a": { "b": 1 } }), json!({ "properties": { "a": { "properties": {} } } }));
    assert_eq!(check(&value, &schema, &root), Ok(()));
    assert_eq!(check_all(&value, &schema, &root), Err("/a/b: is in no schema".into()));
}
