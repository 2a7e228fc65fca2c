//! The kinds of values the protocol document uses: ranged integers, bounded texts, local times.
//!
//! Each type reads what real platforms send (a number as text, a text as number, one-digit hours) and
//! writes what the document shows. A value that breaks its range never becomes one of these types, so
//! code behind them does not check again. Errors say what was expected; the caller adds which field.

mod address;

use std::borrow::Cow;
use std::fmt;

use jiff::civil;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

pub use address::{Address, Bytes, HostName, Hundredths, Netmask};

/// An integer within `MIN..=MAX`, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Int<const MIN: i64, const MAX: i64>(i64);

/// A switch: 0 or 1 on the wire.
pub type Flag = Int<0, 1>;

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    /// `value` if it lies in the range.
    #[must_use]
    pub const fn new(value: i64) -> Option<Self> {
        if value < MIN || value > MAX { None } else { Some(Self(value)) }
    }

    /// For constants in code: a value outside the range does not compile in a `const`.
    ///
    /// # Panics
    /// When `value` lies outside the range.
    #[must_use]
    pub const fn of(value: i64) -> Self {
        assert!(value >= MIN && value <= MAX, "constant outside its range");
        Self(value)
    }

    /// The value.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The value as an unsigned 32-bit number; negative values become 0, larger ones the maximum.
    #[must_use]
    pub fn u32(self) -> u32 {
        u32::try_from(self.0.max(0)).unwrap_or(u32::MAX)
    }
}

impl Flag {
    /// The switch as a truth value.
    #[must_use]
    pub const fn on(self) -> bool {
        self.0 != 0
    }
}

impl From<bool> for Flag {
    fn from(on: bool) -> Self {
        Self(i64::from(on))
    }
}

impl<const MIN: i64, const MAX: i64> Serialize for Int<MIN, MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(self.0)
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Int<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = d.deserialize_any(IntVisitor)?;
        Self::new(value).ok_or_else(|| de::Error::custom(format_args!("{value} is outside {MIN}..{MAX}")))
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for Int<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Int{MIN}To{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// Reads an integer from a number, a number with an empty fraction, a boolean, or a text holding one.
pub(crate) struct IntVisitor;

impl Visitor<'_> for IntVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }
    fn visit_bool<E: de::Error>(self, v: bool) -> Result<i64, E> {
        Ok(i64::from(v))
    }
    fn visit_i64<E: de::Error>(self, v: i64) -> Result<i64, E> {
        Ok(v)
    }
    fn visit_u64<E: de::Error>(self, v: u64) -> Result<i64, E> {
        i64::try_from(v).map_err(|_| E::custom(format_args!("{v} is too large")))
    }
    fn visit_f64<E: de::Error>(self, v: f64) -> Result<i64, E> {
        #[expect(clippy::cast_possible_truncation, reason = "bounded right here")]
        if v.fract() == 0.0 && v.abs() < 9e15 {
            Ok(v as i64)
        } else {
            Err(E::custom(format_args!("{v} is not an integer")))
        }
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<i64, E> {
        v.trim().parse().map_err(|_| E::custom(format_args!("{v:?} is not an integer")))
    }
}

/// An integer within `MIN..=MAX` that the document's answers write as text (`"recDistance": "200"`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IntText<const MIN: i64, const MAX: i64>(pub Int<MIN, MAX>);

impl<const MIN: i64, const MAX: i64> Serialize for IntText<MIN, MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0.get())
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for IntText<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Int::deserialize(d).map(Self)
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for IntText<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("IntText{MIN}To{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "pattern": "^-?[0-9]+$" })
    }
}

/// A text of at most `MAX` characters (what the document counts with its terminator is one less here).
///
/// A number is taken as its text, because platforms send `"Name": 123`. Control characters are refused.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// `text` if it is short enough and holds no control characters.
    ///
    /// # Errors
    /// What is wrong, as a phrase that follows the field's name.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err("holds control characters".into());
        }
        let length = text.chars().count();
        if length > MAX {
            return Err(format!("has {length} characters, at most {MAX} are allowed"));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, by value.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> Serialize for Text<MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(d.deserialize_any(TextVisitor)?).map_err(de::Error::custom)
    }
}

impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Text{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX })
    }
}

/// Reads a text from a string or from a number.
pub(crate) struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<String, E> {
        Ok(v.to_owned())
    }
    fn visit_string<E: de::Error>(self, v: String) -> Result<String, E> {
        Ok(v)
    }
    fn visit_i64<E: de::Error>(self, v: i64) -> Result<String, E> {
        Ok(v.to_string())
    }
    fn visit_u64<E: de::Error>(self, v: u64) -> Result<String, E> {
        Ok(v.to_string())
    }
    fn visit_f64<E: de::Error>(self, v: f64) -> Result<String, E> {
        Ok(v.to_string())
    }
}

/// A local time, `YYYY-MM-DDThh:mm:ss` on the wire, in the zone of the terminal.
///
/// Reading is as patient as the `scanf` of the terminals platforms were written against: digits need no
/// leading zero, and blanks may stand for or behind the `T`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalTime(pub civil::DateTime);

impl LocalTime {
    /// `1970-01-01T08:00:00`, what the document shows where no time is set.
    pub const UNSET: Self = Self(civil::DateTime::constant(1970, 1, 1, 8, 0, 0, 0));

    /// Reads `YYYY-MM-DDThh:mm:ss`.
    ///
    /// # Errors
    /// What is wrong, as a phrase that follows the field's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a time like 2018-03-12T09:09:20");
        let (date, time) = text.trim().split_once(['T', ' ']).ok_or_else(wrong)?;
        let mut numbers = [0_i16; 6];
        let (date, time): (Vec<_>, Vec<_>) = (date.split('-').collect(), time.trim().split(':').collect());
        if date.len() != 3 || time.len() != 3 {
            return Err(wrong());
        }
        for (slot, part) in numbers.iter_mut().zip(date.iter().chain(&time)) {
            *slot = part.trim().parse().map_err(|_| wrong())?;
        }
        let small = |n: i16| i8::try_from(n).map_err(|_| wrong());
        let [year, month, day, hour, minute, second] = numbers;
        civil::DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0)
            .map(Self)
            .map_err(|_| wrong())
    }

    /// Seconds since 1970-01-01T00:00:00 of the same calendar: orders and indexes local times.
    #[must_use]
    pub fn seconds(self) -> i64 {
        let days = self.0.date().duration_since(civil::Date::constant(1970, 1, 1)).as_secs();
        days + i64::from(self.0.hour()) * 3600 + i64::from(self.0.minute()) * 60 + i64::from(self.0.second())
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.0;
        let (y, m, d) = (t.year(), t.month(), t.day());
        write!(f, "{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&d.deserialize_any(TextVisitor)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for LocalTime {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "LocalTime".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["2018-03-12T09:09:20"] })
    }
}

/// A calendar day, `YYYY-MM-DD` on the wire, read without leading zeros too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Date(pub civil::Date);

impl Date {
    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// What is wrong, as a phrase that follows the field's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a date like 1990-11-04");
        let parts: Vec<i16> =
            text.trim().split('-').map(|p| p.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let small = |n: i16| i8::try_from(n).map_err(|_| wrong());
        match parts[..] {
            [y, m, d] => civil::Date::new(y, small(m)?, small(d)?).map(Self).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&d.deserialize_any(TextVisitor)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["1990-11-04"] })
    }
}

/// A time of day, `hh:mm:ss` on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DayTime(pub civil::Time);

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0.hour(), self.0.minute(), self.0.second())
    }
}

impl Serialize for DayTime {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DayTime {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = d.deserialize_any(TextVisitor)?;
        let wrong = || de::Error::custom(format_args!("{text:?} is not a time of day like 07:00:00"));
        let parts: Vec<i8> =
            text.split(':').map(|p| p.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match parts[..] {
            [h, m, s] => civil::Time::new(h, m, s, 0).map(Self).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

impl JsonSchema for DayTime {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "DayTime".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["07:00:00"] })
    }
}

/// Derives the number form of a closed set of meanings: `serde` as the document's number, refusing others.
///
/// ```ignore
/// numbered! { /// What opens the door.
///     pub enum ControlType { Wiegand = 0, Relay = 1, Both = 2 } }
/// ```
#[macro_export]
macro_rules! numbered {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[doc = $meaning:literal])* $variant:ident = $number:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        $vis enum $name { $($(#[doc = $meaning])* $variant = $number),+ }

        impl $name {
            /// The document's number for it.
            #[must_use]
            pub const fn number(self) -> i64 {
                self as i64
            }

            /// The meaning of the document's `number`, if it has one.
            #[must_use]
            pub const fn from_number(number: i64) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_i64(self.number())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let number = $crate::field::Int::<{ i64::MIN }, { i64::MAX }>::deserialize(d)?.get();
                Self::from_number(number).ok_or_else(|| {
                    serde::de::Error::custom(format_args!("{number} is none of {:?}", [$($number),+]))
                })
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let meanings = [$(concat!($($meaning),*).trim()),+];
                // JSON Schema has no word for it; this one is widely understood.
                schemars::json_schema!({ "type": "integer", "enum": [$($number),+], "x-enum-descriptions": meanings })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_are_read_as_platforms_send_them() {
        for (value, expect) in [
            (json!(80), Ok(80)),
            (json!("80"), Ok(80)),
            (json!(" 80 "), Ok(80)),
            (json!(80.0), Ok(80)),
            (json!(49), Err("49 is outside 50..100")),
            (json!("101"), Err("101 is outside 50..100")),
            (json!(80.5), Err("80.5 is not an integer")),
            (json!("x"), Err("\"x\" is not an integer")),
        ] {
            let read = serde_json::from_value::<Int<50, 100>>(value.clone()).map(Int::get);
            match expect {
                Ok(number) => assert_eq!(read.ok(), Some(number), "{value}"),
                Err(text) => assert_eq!(read.map_err(|e| e.to_string()), Err(text.to_owned()), "{value}"),
            }
        }
    }

    #[test]
    fn times_are_read_patiently_and_written_exactly() {
        for (text, expect) in [
            ("2018-03-12T09:09:20", Some("2018-03-12T09:09:20")),
            ("2018-3-12T9:09:20", Some("2018-03-12T09:09:20")),
            ("2020-06-24T 08:00:00", Some("2020-06-24T08:00:00")),
            ("2020-06-24 08:00:00", Some("2020-06-24T08:00:00")),
            ("2020-02-30T08:00:00", None),
            ("2020-06-24", None),
            ("2020-06-24T08:00", None),
            ("", None),
        ] {
            assert_eq!(LocalTime::parse(text).ok().map(|t| t.to_string()).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn seconds_order_local_times() {
        assert_eq!(LocalTime::parse("1970-01-02T00:00:01").map(LocalTime::seconds), Ok(86_401));
    }

    #[test]
    fn texts_count_characters() {
        assert!(Text::<3>::new("张三丰").is_ok());
        assert!(Text::<3>::new("张三丰风").is_err());
        assert!(Text::<9>::new("a\u{0}b").is_err());
    }
}
