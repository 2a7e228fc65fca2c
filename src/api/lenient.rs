//! Reads JSON as platforms write it: strictly where it is JSON, with repairs where it is nearly so.
//!
//! Repaired is what the protocol's own examples and known platforms send: trailing and doubled commas,
//! `//` and `/* */` comments, full-width `，` and `：` between members, values and keys without quotes
//! (`9A`, `018B2D`), raw line breaks in texts; dots that stand for more members of a list are passed over. A value without quotes that is no JSON number becomes a text,
//! so `018B2D` keeps its zeros. Depth and number of values are bounded: a small body must not unfold into
//! more memory than the terminal has.

use serde_json::{Map, Value};

use crate::bail;
use crate::error::{Error, Fault, Result};

/// Deepest nesting; the protocol's deepest request has four.
const MAX_DEPTH: usize = 32;
/// Most values of one body; the largest batch (500 people) has some 15 000.
const MAX_VALUES: usize = 150_000;

/// The value of `bytes`; keys without surrounding blanks, members that are `null` left out, and of members
/// of one name the last one.
///
/// # Errors
/// [`Fault::NotJson`], saying what stands where.
pub fn read(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| Error::new(Fault::NotJson, format!("no UTF-8 from byte {} on", e.valid_up_to())))?;
    let text = text.trim_start_matches('\u{feff}');
    check_size(text)?;
    match serde_json::from_str(text) {
        Ok(value) => Ok(tidy(value)),
        Err(_) => Reader { text, at: 0, values: 0 }.document().map(tidy),
    }
}

/// Counts what begins a value, outside of texts: exact for JSON. The patient reader counts for itself.
fn check_size(text: &str) -> Result<()> {
    let (mut values, mut inside, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b',' | b'[' | b'{' if !inside => values += 1,
            _ => {}
        }
    }
    if values > MAX_VALUES {
        bail!(NotJson, "more than {MAX_VALUES} values");
    }
    Ok(())
}

fn tidy(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            let mut tidied = Map::new();
            for (key, value) in members {
                let key = if key.trim().len() == key.len() { key } else { key.trim().to_owned() };
                tidied.insert(key, tidy(value));
            }
            Value::Object(tidied)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(tidy).collect()),
        other => other,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    fn document(mut self) -> Result<Value> {
        self.blanks();
        let value = self.value(0)?;
        self.blanks();
        if self.at < self.text.len() {
            return Err(self.wrong("nothing more"));
        }
        Ok(value)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn wrong(&self, expected: &str) -> Error {
        let line = self.text[..self.at].matches('\n').count() + 1;
        // What stands there may be a password: its place is enough.
        let column = self.text[..self.at].rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        Error::new(Fault::NotJson, format!("line {line}, column {column}: expected {expected}"))
    }

    /// Passes over blanks and comments.
    fn blanks(&mut self) {
        loop {
            let trimmed = self.rest().trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            self.at = self.text.len() - trimmed.len();
            let end = if trimmed.starts_with("//") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                trimmed.find("*/").map_or(trimmed.len(), |end| end + 2)
            } else {
                return;
            };
            self.at += end;
        }
    }

    /// Passes over any commas; whether there was one.
    fn commas(&mut self) -> bool {
        let mut any = false;
        self.blanks();
        while matches!(self.peek(), Some(',' | '，')) {
            self.next();
            self.blanks();
            any = true;
        }
        any
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            bail!(NotJson, "nested deeper than {MAX_DEPTH}");
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            bail!(NotJson, "more than {MAX_VALUES} values");
        }
        match self.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => self.string().map(Value::String),
            _ => {
                let token = self.token()?;
                Ok(literal(token))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value> {
        self.next();
        let mut members = Map::new();
        self.commas();
        loop {
            if self.peek() == Some('}') {
                self.next();
                return Ok(Value::Object(members));
            }
            let key = if self.peek() == Some('"') { self.string()? } else { self.token()?.to_owned() };
            self.blanks();
            if !matches!(self.peek(), Some(':' | '：')) {
                return Err(self.wrong("a colon"));
            }
            self.next();
            self.blanks();
            let value = self.value(depth + 1)?;
            members.insert(key, value);
            if !self.commas() && self.peek() != Some('}') {
                return Err(self.wrong("a comma or }"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value> {
        self.next();
        let mut items = Vec::new();
        self.commas();
        loop {
            if self.peek() == Some(']') {
                self.next();
                return Ok(Value::Array(items));
            }
            let item =
                if matches!(self.peek(), Some('.' | '…')) { self.omission()? } else { Some(self.value(depth + 1)?) };
            items.extend(item);
            if !self.commas() && self.peek() != Some(']') {
                return Err(self.wrong("a comma or ]"));
            }
        }
    }

    /// Dots in a list (`[1, 2, 3, .....]`) are what the document writes for "and so on"; a value otherwise.
    fn omission(&mut self) -> Result<Option<Value>> {
        let token = self.token()?;
        Ok(if token.chars().all(|c| matches!(c, '.' | '…')) { None } else { Some(literal(token)) })
    }

    /// A value or key without quotes.
    fn token(&mut self) -> Result<&'a str> {
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '，' | ':' | '：' | '{' | '}' | '[' | ']' | '"');
        let length = self.rest().find(ends).unwrap_or(self.rest().len());
        if length == 0 {
            return Err(self.wrong("a value"));
        }
        let start = self.at;
        self.at += length;
        Ok(&self.text[start..self.at])
    }

    fn string(&mut self) -> Result<String> {
        self.next();
        let mut text = String::new();
        loop {
            // Pictures are megabytes of plain letters: copied in one go.
            let plain = self.rest().find(['"', '\\']).ok_or_else(|| self.wrong("a closing quote"))?;
            text.push_str(&self.rest()[..plain]);
            self.at += plain;
            if self.next() == Some('"') {
                return Ok(text);
            }
            match self.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('b') => text.push('\u{8}'),
                Some('f') => text.push('\u{c}'),
                Some('u') => text.push(self.unicode()?),
                Some(other) => text.push(other),
                None => return Err(self.wrong("a closing quote")),
            }
        }
    }

    fn unicode(&mut self) -> Result<char> {
        let first = self.hex()?;
        if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
            self.at += 2;
            let second = self.hex()?;
            let pair = char::decode_utf16([first, second]).next();
            return Ok(pair.and_then(std::result::Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        Ok(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u16> {
        let digits = self.rest().get(..4).and_then(|d| u16::from_str_radix(d, 16).ok());
        let value = digits.ok_or_else(|| self.wrong("four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }
}

/// What a token means. Hexadecimal digits with an `E` among them (`1E5`) are a card, not a power of ten.
fn literal(token: &str) -> Value {
    let looks_like_card = token.bytes().all(|b| b.is_ascii_hexdigit()) && token.contains(['e', 'E']);
    match serde_json::from_str::<Value>(token) {
        Ok(value) if !looks_like_card => value,
        _ => Value::String(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_platforms_send_is_read() {
        for (text, expect) in [
            (r#"{"a":1,}"#, json!({"a": 1})),
            (r#"{"a":1,,"b":[1,2,],}"#, json!({"a": 1, "b": [1, 2]})),
            ("{\"a\":1，\"b\"：2}", json!({"a": 1, "b": 2})),
            ("[\"a\",...]", json!(["a"])),
            ("[{},\n……\n]", json!([{}])),
            ("[.5, 1]", json!([".5", 1])),
            ("{\"a\": 0, // about 2，\"b\"\r\n\"b\":/* no */2}", json!({"a": 0, "b": 2})),
            (
                r#"{"a":9A,"b":018B2D,"c":0192B3,"d":007,"e":1E5}"#,
                json!({"a": "9A", "b": "018B2D", "c": "0192B3", "d": "007", "e": "1E5"}),
            ),
            (r#"{"a":[1, 2, .....],"b":N}"#, json!({"a": [1, 2], "b": "N"})),
            (r#"{a:1,"b":true,"c":-1.5,}"#, json!({"a": 1, "b": true, "c": -1.5})),
            ("{\"a\":\"line\r\nline\",\"b\":\"http:\\/\\/h\"}", json!({"a": "line\r\nline", "b": "http://h"})),
            (r#"{"a":"\u5f20\uD83D\uDE00\ud800",}"#, json!({"a": "张😀\u{fffd}"})),
            (r#"{" a ":1,"a":2}"#, json!({"a": 2})),
            (r#"{"a":null,"b":{"c":null},"d":[null]}"#, json!({"b": {}, "d": [null]})),
            ("\u{feff}{}", json!({})),
            (r#"{"a":null,"b":1,}"#, json!({"b": 1})),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        for (text, detail) in [
            (&b""[..], "line 1, column 1: expected a value"),
            (b"{", "line 1, column 2: expected a value"),
            (b"{\"a\"", "line 1, column 5: expected a colon"),
            (b"{\"a\":1\n\"b\":2}", "line 2, column 1: expected a comma or }"),
            (b"{\"a\":\"x}", "line 1, column 7: expected a closing quote"),
            (b"{\"a\":\"\\u12\",}", "line 1, column 9: expected four hexadecimal digits"),
            (b"{}{}", "line 1, column 3: expected nothing more"),
            (b"[1}", "line 1, column 3: expected a comma or ]"),
            (b"{\"a\":\xff}", "no UTF-8 from byte 5 on"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!((error.fault, error.detail.as_str()), (Fault::NotJson, detail));
        }
    }

    #[test]
    fn small_bodies_cannot_unfold_into_much() {
        let deep = "[".repeat(100_000);
        assert_eq!(read(deep.as_bytes()).map_err(|e| e.fault), Err(Fault::NotJson));
        let deep = format!("{}{}", "{\"a\":".repeat(200), "}".repeat(200));
        assert!(read(deep.as_bytes()).is_err());
        let wide = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(read(wide.as_bytes()).is_err());
        let text = format!("[\"{}\"]", ",[{".repeat(MAX_VALUES));
        assert!(read(text.as_bytes()).is_ok());
    }

    #[test]
    fn any_cut_or_change_of_a_body_is_an_answer_not_a_panic() {
        let body = "{\"operator\": \"张\\u5f20\", // c\n\"info\":{\"a\":9A，\"b\":[1,2.5e3,\"x\"],},}";
        for cut in 0..body.len() {
            let _ = read(&body.as_bytes()[..cut]);
            for byte in [0, b'"', b'\\', b'{', 0xff] {
                let mut changed = body.as_bytes().to_vec();
                changed[cut] = byte;
                let _ = read(&changed);
            }
        }
    }
}
