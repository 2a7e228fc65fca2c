//! Network addresses, texts counted in bytes and decimal numbers, as the document writes them.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use super::{Text, TextVisitor};

/// An IPv4 address, `0.0.0.0` where there is none; an empty text says the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address(pub Ipv4Addr);

impl Address {
    /// No address.
    pub const NONE: Self = Self(Ipv4Addr::UNSPECIFIED);

    /// Whether there is one.
    #[must_use]
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = d.deserialize_any(TextVisitor)?;
        match text.trim() {
            "" => Ok(Self::NONE),
            text => text
                .parse()
                .map(Self)
                .map_err(|_| de::Error::custom(format_args!("{text:?} is not an address like 192.168.2.10"))),
        }
    }
}

impl JsonSchema for Address {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "ipv4", "examples": ["192.168.2.10"] })
    }
}

/// A netmask: ones, then zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Netmask(u8);

impl Netmask {
    /// The mask of no network in particular.
    pub const NONE: Self = Self(0);

    /// The mask with that many leading ones, at most 32.
    #[must_use]
    pub const fn new(prefix: u8) -> Option<Self> {
        if prefix > 32 { None } else { Some(Self(prefix)) }
    }

    /// Number of leading ones.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Netmask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(self.0)).unwrap_or(0)).fmt(f)
    }
}

impl Serialize for Netmask {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Netmask {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = d.deserialize_any(TextVisitor)?;
        let wrong = || de::Error::custom(format_args!("{text:?} is not a mask like 255.255.255.0"));
        let bits = text.trim().parse::<Ipv4Addr>().map_err(|_| wrong())?.to_bits();
        let prefix = u8::try_from(bits.leading_ones()).unwrap_or(0);
        if bits.leading_ones() + bits.trailing_zeros() != 32 {
            return Err(wrong());
        }
        Ok(Self(prefix))
    }
}

impl JsonSchema for Netmask {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Netmask".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "ipv4", "examples": ["255.255.255.0"] })
    }
}

/// The name or address of a server, at most `MAX` bytes; empty where there is none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostName<const MAX: usize>(String);

impl<const MAX: usize> HostName<MAX> {
    /// `text` if it is a host name or an IP address.
    ///
    /// # Errors
    /// What is wrong, as a phrase that follows the field's name.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_name = text.strip_suffix('.').unwrap_or(text).split('.').all(label);
        if text.len() > MAX {
            return Err(format!("has {} bytes, at most {MAX} are allowed", text.len()));
        }
        if !text.is_empty() && !is_name && text.parse::<std::net::IpAddr>().is_err() {
            let shown: String = text.chars().take(40).collect();
            return Err(format!("{shown:?} is neither a host name nor an address"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name; empty where there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Serialize for HostName<MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for HostName<MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(&d.deserialize_any(TextVisitor)?).map_err(de::Error::custom)
    }
}

impl<const MAX: usize> JsonSchema for HostName<MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("HostName{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX, "examples": ["time.windows.com"] })
    }
}

/// A text of at most `MAX` bytes in UTF-8.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bytes<const MAX: usize>(Text<MAX>);

impl<const MAX: usize> Bytes<MAX> {
    /// `text` if it is short enough and holds no control characters.
    ///
    /// # Errors
    /// What is wrong, as a phrase that follows the field's name.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        if text.len() > MAX {
            return Err(format!("has {} bytes, at most {MAX} are allowed", text.len()));
        }
        Text::new(text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<const MAX: usize> Serialize for Bytes<MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Bytes<MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(d.deserialize_any(TextVisitor)?).map_err(de::Error::custom)
    }
}

impl<const MAX: usize> JsonSchema for Bytes<MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Bytes{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX })
    }
}

/// A decimal number with two places, its bounds in hundredths: `Hundredths<2800, 3730>` is 28.00 to 37.30.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hundredths<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Hundredths<MIN, MAX> {
    /// For constants in code, in hundredths.
    ///
    /// # Panics
    /// When it lies outside the range.
    #[must_use]
    pub const fn of(hundredths: i64) -> Self {
        assert!(hundredths >= MIN && hundredths <= MAX, "constant outside its range");
        Self(hundredths)
    }

    /// The number.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "bounded by what a document would ask for")]
    pub fn get(self) -> f64 {
        self.0 as f64 / 100.0
    }
}

impl<const MIN: i64, const MAX: i64> Serialize for Hundredths<MIN, MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.get())
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Hundredths<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = d.deserialize_any(DecimalVisitor)?;
        let bounds = (Self(MIN).get(), Self(MAX).get());
        if !(bounds.0..=bounds.1).contains(&value) {
            return Err(de::Error::custom(format_args!("{value} is outside {}..{}", bounds.0, bounds.1)));
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded right above")]
        let hundredths = (value * 100.0).round() as i64;
        Ok(Self(hundredths))
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for Hundredths<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Hundredths{MIN}To{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": Self(MIN).get(), "maximum": Self(MAX).get() })
    }
}

/// Reads a number from a number or from a text holding one.
struct DecimalVisitor;

impl Visitor<'_> for DecimalVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }
    fn visit_f64<E: de::Error>(self, v: f64) -> Result<f64, E> {
        Ok(v)
    }
    #[expect(clippy::cast_precision_loss, reason = "the caller's range is small")]
    fn visit_i64<E: de::Error>(self, v: i64) -> Result<f64, E> {
        Ok(v as f64)
    }
    #[expect(clippy::cast_precision_loss, reason = "the caller's range is small")]
    fn visit_u64<E: de::Error>(self, v: u64) -> Result<f64, E> {
        Ok(v as f64)
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<f64, E> {
        let number = v.trim().parse().ok().filter(|n: &f64| n.is_finite());
        number.ok_or_else(|| E::custom(format_args!("{v:?} is not a number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json, to_value};

    #[test]
    fn addresses_masks_and_names_are_checked() {
        for (text, address, mask, name) in [
            ("192.168.2.10", true, false, true),
            ("255.255.255.0", true, true, true),
            ("0.0.0.0", true, true, true),
            ("255.255.0.255", true, false, true),
            ("192.168.2.256", false, false, true),
            ("time.windows.com", false, false, true),
            ("::1", false, false, true),
            ("", true, false, true),
            ("a b", false, false, false),
            ("http://x", false, false, false),
            ("-x.org", false, false, false),
            ("a..b", false, false, false),
            ("$(reboot)", false, false, false),
        ] {
            assert_eq!(from_value::<Address>(json!(text)).is_ok(), address, "{text} as an address");
            assert_eq!(from_value::<Netmask>(json!(text)).is_ok(), mask, "{text} as a mask");
            assert_eq!(from_value::<HostName<64>>(json!(text)).is_ok(), name, "{text} as a name");
        }
        for prefix in 0..=32 {
            let mask = Netmask::new(prefix).unwrap();
            assert_eq!(from_value::<Netmask>(to_value(mask).unwrap()).unwrap(), mask);
        }
    }

    #[test]
    fn hundredths_keep_two_places() {
        for (value, expect) in [
            (json!(37.3), Some(json!(37.3))),
            (json!(28), Some(json!(28.0))),
            (json!("28.005"), Some(json!(28.01))),
            (json!(50.01), None),
            (json!("warm"), None),
            (json!("NaN"), None),
        ] {
            let read = from_value::<Hundredths<0, 5000>>(value.clone()).ok();
            assert_eq!(read.map(|n| to_value(n).unwrap()), expect, "{value}");
        }
        assert_eq!(to_value(Hundredths::<0, 5000>::of(2800)).unwrap().to_string(), "28.0");
    }

    #[test]
    fn bytes_are_counted_not_characters() {
        let read = |text: &str| from_value::<Bytes<9>>(Value::from(text)).is_ok();
        assert!(read("请通行"));
        assert!(!read("请通行!"));
    }
}
