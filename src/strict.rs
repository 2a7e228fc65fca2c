//! Reads our own TOML files strictly and patiently at once: unknown keys and wrong values are refused, and
//! all problems of a file come in one report, each with its key and value.

use std::cell::RefCell;
use std::fmt;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// What is wrong in a file, one line a problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems {
    /// The file.
    pub file: String,
    /// `key = value: what is wrong`.
    pub list: Vec<String>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} to mend", self.file, if self.list.len() == 1 { "one thing" } else { "several things" })?;
        self.list.iter().try_for_each(|problem| write!(f, "\n  {}: {problem}", self.file))
    }
}

impl std::error::Error for Problems {}

/// Reads the file's text with `read`, which takes keys out of the root section.
///
/// # Errors
/// Every problem found, when there is any.
pub fn read<T>(file: &str, text: &str, read: impl FnOnce(&mut Section<'_>) -> Option<T>) -> Result<T, Problems> {
    let failed = |list| Problems { file: file.to_owned(), list };
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        failed(vec![format!("line {line}: {}", error.message())])
    })?;
    let problems = RefCell::default();
    let mut root = Section { path: String::new(), table, problems: &problems };
    let value = read(&mut root);
    root.finish();
    let list = problems.take();
    match value {
        Some(value) if list.is_empty() => Ok(value),
        _ => Err(failed(list)),
    }
}

/// A table of the file from which known keys are taken; what is left is unknown.
#[derive(Debug)]
pub struct Section<'p> {
    path: String,
    table: Table,
    problems: &'p RefCell<Vec<String>>,
}

impl<'p> Section<'p> {
    /// Whether there is a value, right or wrong, that nobody has taken yet.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A value that must be there.
    pub fn need<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.problem(&format!("{}: is missing", self.name(key)));
        }
        self.may(key)
    }

    /// A value that may be there.
    pub fn may<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let value = self.table.remove(key)?;
        let shown = value.to_string();
        let wrong = |error: toml::de::Error| {
            // The parser ends some of its messages with a line of its own.
            self.problem(&format!("{} = {shown}: {}", self.name(key), error.to_string().trim_end()));
        };
        value.try_into().map_err(wrong).ok()
    }

    /// A value with a default.
    pub fn or<T: DeserializeOwned>(&mut self, key: &str, default: T) -> Option<T> {
        if self.table.contains_key(key) { self.may(key) } else { Some(default) }
    }

    /// A section that may be there, read by `read`.
    pub fn section<T>(&mut self, key: &str, read: impl FnOnce(&mut Section<'p>) -> Option<T>) -> Option<T> {
        match self.table.remove(key)? {
            Value::Table(table) => self.enter(self.name(key), table, read),
            other => {
                self.problem(&format!("{} = {other}: should be a section [{key}]", self.name(key)));
                None
            }
        }
    }

    /// A section that must be there.
    pub fn need_section<T>(&mut self, key: &str, read: impl FnOnce(&mut Section<'p>) -> Option<T>) -> Option<T> {
        if !self.table.contains_key(key) {
            self.problem(&format!("[{}]: is missing", self.name(key)));
        }
        self.section(key, read)
    }

    /// All sections `[[key]]`, in order; one about which something is wrong is `None`.
    pub fn sections<T>(&mut self, key: &str, read: impl Fn(&mut Section<'p>) -> Option<T>) -> Vec<Option<T>> {
        let Some(value) = self.table.remove(key) else { return Vec::new() };
        let Value::Array(items) = value else {
            self.problem(&format!("{}: should be sections [[{key}]]", self.name(key)));
            return vec![None];
        };
        let mut read_all = Vec::new();
        for (number, item) in items.into_iter().enumerate() {
            let name = format!("{}[{number}]", self.name(key));
            match item {
                Value::Table(table) => read_all.push(self.enter(name, table, &read)),
                other => {
                    self.problem(&format!("{name} = {other}: should be a section [[{key}]]"));
                    read_all.push(None);
                }
            }
        }
        read_all
    }

    /// Says that `key` has a value that cannot be.
    pub fn wrong(&self, key: &str, why: &str) {
        self.problem(&format!("{}: {why}", self.name(key)));
    }

    fn enter<T>(&self, path: String, table: Table, read: impl FnOnce(&mut Section<'p>) -> Option<T>) -> Option<T> {
        let mut section = Section { path, table, problems: self.problems };
        let value = read(&mut section);
        section.finish();
        value
    }

    fn finish(self) {
        for (key, value) in &self.table {
            self.problem(&format!("{} = {value}: unknown key", self.name(key)));
        }
    }

    /// The whole name of `key`, as problems have it.
    #[must_use]
    pub fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn problem(&self, text: &str) {
        self.problems.borrow_mut().push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Int;

    #[test]
    fn all_problems_come_at_once_with_key_and_value() {
        let text = "name = 3\ncolour = \"red\"\n[size]\nwidth = 5000\n[[pin]]\nline = \"x\"\n";
        let problems = read("a.toml", text, |root| {
            let name = root.need::<String>("name");
            let size = root.need_section("size", |s| Some((s.need::<Int<1, 4096>>("width"), s.need::<u32>("height"))));
            let pins = root.sections("pin", |s| s.need::<u32>("line"));
            Some((name?, size?, pins))
        })
        .unwrap_err();
        assert_eq!(problems.list.len(), 5, "{problems}");
        for (number, part) in [
            "name = 3: ",
            "size.width = 5000: 5000 is outside 1..4096",
            "size.height: is missing",
            "pin[0].line = \"x\": ",
            "colour = \"red\": unknown key",
        ]
        .iter()
        .enumerate()
        {
            assert!(problems.list[number].starts_with(part), "{}", problems.list[number]);
        }
    }

    #[test]
    fn broken_toml_names_its_line() {
        let problems = read("a.toml", "a = 1\nb = = 2\n", |_| Some(())).unwrap_err();
        assert!(problems.list[0].starts_with("line 2: "), "{problems}");
    }
}
