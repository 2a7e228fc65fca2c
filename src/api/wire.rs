//! Bodies: read patiently, answered in a few exact shapes.
//!
//! Strict JSON is tried first. What platforms and the document's own examples send beside it is repaired:
//! trailing commas, comments, full-width punctuation, bare tokens such as `9A`, blanks in keys, broken
//! lines inside texts. That patience lives here alone.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::codes::{self, Page};
use crate::error::{Error, Fault, Result};

/// A request as its operator sees it: the members of `info` and what stands beside it in one map, because
/// platforms put pictures now here, now there. Members that are `null` are absent.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Request {
    /// The operator the body names, if it does.
    pub operator: Option<String>,
    /// Whether there is an `info` at all.
    pub has_info: bool,
    /// All members.
    pub fields: Map<String, Value>,
}

impl Request {
    /// Reads a body; an empty one is an empty request.
    ///
    /// # Errors
    /// [`Fault::NotJson`] when it cannot be repaired, [`Fault::BadParameter`] when it is no object.
    pub fn read(body: &[u8]) -> Result<Self> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let Value::Object(outer) = parse(body)? else {
            return Err(Error::new(Fault::BadParameter, "the body is no JSON object"));
        };
        let mut request = Self::default();
        let mut info = Map::new();
        for (key, value) in outer {
            match (key.as_str(), value) {
                (_, Value::Null) => {}
                ("operator" | "cmd", Value::String(name)) => request.operator = Some(name.trim().to_owned()),
                ("info", Value::Object(members)) => {
                    request.has_info = true;
                    info = members;
                }
                // PHP writes an empty object as an empty array.
                ("info", Value::Array(items)) if items.is_empty() => request.has_info = true,
                ("info", value) => {
                    request.has_info = true;
                    request.fields.insert("info".into(), value);
                }
                (_, value) => {
                    request.fields.insert(key, value);
                }
            }
        }
        request.fields.extend(info.into_iter().filter(|(_, value)| !value.is_null()));
        Ok(request)
    }
}

/// Strict JSON, or what can be repaired into it; keys lose surrounding blanks.
fn parse(body: &[u8]) -> Result<Value> {
    let not_json = |error: serde_json::Error| Error::from(Fault::NotJson).because(error);
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let mut value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(strict) => {
            let text = std::str::from_utf8(body).ok().filter(|text| text.trim_start().starts_with(['{', '[']));
            let Some(text) = text else { return Err(not_json(strict)) };
            serde_json::from_str(&repair(text)).map_err(not_json)?
        }
    };
    trim_keys(&mut value);
    Ok(value)
}

fn trim_keys(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.keys().any(|key| key.trim() != key) {
                *members = std::mem::take(members).into_iter().map(|(key, v)| (key.trim().to_owned(), v)).collect();
            }
            members.values_mut().for_each(trim_keys);
        }
        Value::Array(items) => items.iter_mut().for_each(trim_keys),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Rewrites almost-JSON as JSON; what it cannot mend stays as it is and fails the parser.
fn repair(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let width = c.len_utf8();
        match c {
            '"' => {
                let end = string_end(rest);
                out.extend(rest[..end].chars().filter(|c| !matches!(c, '\r' | '\n')));
                rest = &rest[end..];
                continue;
            }
            '/' if rest.starts_with("//") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            ',' | '，' => comma(&mut out),
            '：' => out.push(':'),
            '}' | ']' => {
                drop_comma(&mut out);
                out.push(c);
            }
            '{' | '[' | ':' => out.push(c),
            c if c.is_whitespace() => out.push(' '),
            _ => {
                let end = rest.find(|c: char| is_boundary(c)).unwrap_or(rest.len()).max(width);
                token(&mut out, &rest[..end]);
                rest = &rest[end..];
                continue;
            }
        }
        rest = &rest[width..];
    }
    out
}

fn is_boundary(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | '，' | '：' | ':' | '{' | '}' | '[' | ']' | '"')
}

/// Where the string that begins `text` ends, its closing quote included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn comma(out: &mut String) {
    if !matches!(out.trim_end().chars().last(), Some(',' | '{' | '[') | None) {
        out.push(',');
    }
}

fn drop_comma(out: &mut String) {
    let kept = out.trim_end().len();
    if out[..kept].ends_with(',') {
        out.truncate(kept - 1);
    }
}

/// A bare word: a JSON literal stays, anything else becomes a text and so keeps its leading zeros.
fn token(out: &mut String, word: &str) {
    if serde_json::from_str::<Value>(word).is_ok() {
        out.push_str(word);
    } else {
        out.push_str(&Value::from(word).to_string());
    }
}

/// What an operator has to say.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// A setting was made.
    Done,
    /// The members of `info`.
    Data(Value),
    /// The members of `info`, and a picture beside it.
    WithPicture {
        /// The members of `info`.
        info: Value,
        /// The picture's key.
        key: &'static str,
        /// The picture as text.
        picture: String,
    },
    /// A batch of which some or all members failed or succeeded: its code and the members of `info`.
    Batch {
        /// 200, or the code of the first failure.
        code: i64,
        /// The members of `info`.
        info: Value,
    },
}

impl Answer {
    /// The members of `info` from a struct.
    ///
    /// # Errors
    /// Never for the structs of this crate.
    pub fn data(info: impl Serialize) -> Result<Self> {
        serde_json::to_value(info).map(Self::Data).map_err(|e| Error::new(Fault::Unavailable, "answer").because(e))
    }
}

/// The body of an answer. Query answers carry no `code`; all others carry an integer (appendix B.2, C.10).
#[must_use]
pub fn reply(operator: &str, page: Page, result: Result<Answer>) -> Value {
    match result {
        Ok(Answer::Done) => json!({ "operator": operator, "code": 200, "info": { "Result": "Ok" } }),
        Ok(Answer::Data(info)) => json!({ "operator": operator, "info": info }),
        Ok(Answer::WithPicture { info, key, picture }) => {
            json!({ "operator": operator, "info": info, key: picture })
        }
        Ok(Answer::Batch { code, info }) => json!({ "operator": operator, "code": code, "info": info }),
        Err(error) => json!({
            "operator": operator,
            "code": codes::number(page, error.fault),
            "info": { "Result": "Fail", "Detail": error.to_string() },
        }),
    }
}

/// The body of a refused login (appendix B.1).
#[must_use]
pub fn login_refused(detail: &str) -> Value {
    json!({ "operator": "authentication", "info": { "Result": "Fail", "Detail": detail } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn almost_json_is_read() {
        for (text, expect) in [
            (r#"{"a":1,}"#, json!({ "a": 1 })),
            (r#"{"a":[1,2,],}"#, json!({ "a": [1, 2] })),
            ("{\"a\":1, // why\n\"b\":2}", json!({ "a": 1, "b": 2 })),
            (r#"{"a":1，"b"：2}"#, json!({ "a": 1, "b": 2 })),
            (r#"{"a":9A,"b": 018B2D, "c":0192B3}"#, json!({ "a": "9A", "b": "018B2D", "c": "0192B3" })),
            (r#"{" ChannelAuthority0":"1"}"#, json!({ "ChannelAuthority0": "1" })),
            ("{\"a\":\"x\r\ny\",}", json!({ "a": "xy" })),
            (r#"{"a":"，: //x,}",}"#, json!({ "a": "，: //x,}" })),
            (r#"{"a":"\/x\"",}"#, json!({ "a": "/x\"" })),
            (r#"{"a":1,,"b":true,"c":null,}"#, json!({ "a": 1, "b": true, "c": null })),
            ("\u{feff}{\"a\":1}", json!({ "a": 1 })),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_said_so() {
        for text in ["{", "hello world", "{\"a\":\"x", "}{", "{\"a\" 1 2}", "\u{0}\u{1}"] {
            assert_eq!(parse(text.as_bytes()).map_err(|e| e.fault), Err(Fault::NotJson), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parse(deep.as_bytes()).map_err(|e| e.fault), Err(Fault::NotJson));
    }

    #[test]
    fn members_of_info_and_beside_it_are_one() {
        let request = Request::read(br#"{"operator":"X","info":{"a":1,"b":null},"picinfo":"p","c":null}"#).unwrap();
        assert_eq!(request.operator.as_deref(), Some("X"));
        assert_eq!(Value::Object(request.fields), json!({ "picinfo": "p", "a": 1 }));
        for (body, has_info) in [("", false), ("{}", false), (r#"{"info":[]}"#, true), (r#"{"info":null}"#, false)] {
            let request = Request::read(body.as_bytes()).unwrap();
            assert_eq!((request.has_info, request.fields.is_empty()), (has_info, true), "{body}");
        }
    }
}
