//! A person of the lists, in the field's terms; the wire's names live in `api::ops`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::card::Card;
use super::decide::Refusal;
use super::record::IdCard;
use crate::field::{Date, LocalTime};
use crate::numbered;

/// The terminal's own number of a person (`LibID`), from 1, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LibId(pub u32);

impl fmt::Display for LibId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

numbered! {
    /// Which list a person is on (`PersonType`).
    pub enum List {
        /// May pass.
        Allow = 0,
        /// Is recognised and refused.
        Block = 1,
    }
}

/// Where the number on the Wiegand lines comes from (`MjCardFrom`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CardSource {
    /// The terminal's public card.
    Public,
    /// Given out from the automatic range when the person was added.
    Automatic(Card),
    /// Entered.
    Manual(Card),
    /// None is sent.
    None,
}

impl CardSource {
    /// The document's number for it.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Public => 0,
            Self::Automatic(_) => 1,
            Self::Manual(_) => 2,
            Self::None => 3,
        }
    }

    /// The person's own card.
    #[must_use]
    pub const fn card(self) -> Option<Card> {
        match self {
            Self::Automatic(card) | Self::Manual(card) => Some(card),
            Self::Public | Self::None => None,
        }
    }
}

/// When a person may pass (`Tempvalid`, `ValidBegin`, `ValidEnd`, `EffectNumber`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Validity {
    /// Always (0).
    Permanent,
    /// From one moment to another (temporary list 1).
    Window {
        /// First moment, included.
        begin: LocalTime,
        /// Last moment, included.
        end: LocalTime,
    },
    /// On the days between the two dates, between the two times of day (temporary list 2). A window whose
    /// time of day ends before it begins reaches over midnight.
    Daily {
        /// First day, and when each day's window opens.
        begin: LocalTime,
        /// Last day, and when each day's window closes.
        end: LocalTime,
    },
    /// A number of passages (temporary list 3).
    Uses {
        /// Passages left.
        left: u32,
    },
}

impl Validity {
    /// The document's number for it.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Permanent => 0,
            Self::Window { .. } => 1,
            Self::Daily { .. } => 2,
            Self::Uses { .. } => 3,
        }
    }

    /// Why the person may not pass at `now`, if so.
    #[must_use]
    pub fn refuses(self, now: LocalTime) -> Option<Refusal> {
        match self {
            Self::Permanent => None,
            Self::Window { begin, end } => {
                (now < begin).then_some(Refusal::NotYetValid).or((now > end).then_some(Refusal::Expired))
            }
            Self::Daily { begin, end } => {
                let (day, time) = (now.0.date(), now.0.time());
                let (from, to) = (begin.0.time(), end.0.time());
                let inside = if from <= to { from <= time && time <= to } else { time >= from || time <= to };
                if day < begin.0.date() {
                    Some(Refusal::NotYetValid)
                } else if day > end.0.date() {
                    Some(Refusal::Expired)
                } else {
                    (!inside).then_some(Refusal::OutsideHours)
                }
            }
            Self::Uses { left } => (left == 0).then_some(Refusal::UsesSpent),
        }
    }

    /// Begin and end, where the kind has them.
    #[must_use]
    pub const fn bounds(self) -> Option<(LocalTime, LocalTime)> {
        match self {
            Self::Window { begin, end } | Self::Daily { begin, end } => Some((begin, end)),
            Self::Permanent | Self::Uses { .. } => None,
        }
    }
}

/// Somebody on the lists. Texts are empty where nothing was given.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// The terminal's number.
    pub id: LibId,
    /// The platform's number, unique.
    pub custom_id: Option<u32>,
    /// The platform's text id, at most 48 bytes, unique.
    pub uuid: Option<String>,
    /// Which list.
    pub list: List,
    /// Shown and reported.
    pub name: String,
    /// 0 male, 1 female.
    pub gender: u8,
    /// Row 1 to 57 of appendix D.1.
    pub nation: u8,
    /// Kind of document: 0 identity card.
    pub document_type: u8,
    /// Number of that document.
    pub document_number: String,
    /// `YYYY-MM-DD`.
    pub birthday: Option<Date>,
    /// Telephone.
    pub phone: String,
    /// Place of origin.
    pub origin: String,
    /// Address.
    pub address: String,
    /// Notes.
    pub notes: String,
    /// Number for the Wiegand lines.
    pub card: CardSource,
    /// Card of a built-in reader, upper-case hexadecimal or decimal as entered.
    pub rf_card: Option<String>,
    /// Whether that is written in decimal.
    #[serde(default)]
    pub rf_decimal: bool,
    /// When the person may pass.
    pub validity: Validity,
    /// When the person was added.
    pub created: LocalTime,
    /// Fields of door-station models, kept as given: `IdCardId`, `AccessId`, `WardenId`, `RoomNum`.
    pub extra: std::collections::BTreeMap<String, String>,
}

impl Person {
    /// Somebody with nothing but a number; fields are filled in by the caller.
    #[must_use]
    pub fn new(created: LocalTime) -> Self {
        Self {
            id: LibId(0),
            custom_id: None,
            uuid: None,
            list: List::Allow,
            name: String::new(),
            gender: 0,
            nation: 1,
            document_type: 0,
            document_number: String::new(),
            birthday: None,
            phone: String::new(),
            origin: String::new(),
            address: String::new(),
            notes: String::new(),
            card: CardSource::Public,
            rf_card: None,
            rf_decimal: false,
            validity: Validity::Permanent,
            created,
            extra: std::collections::BTreeMap::new(),
        }
    }

    /// Somebody of whom nothing but an identity card is known.
    #[must_use]
    pub fn of_id_card(card: &IdCard, now: LocalTime) -> Self {
        Self {
            name: card.name.clone(),
            gender: card.gender,
            nation: card.nation,
            document_number: card.number.clone(),
            birthday: card.birthday,
            address: card.address.clone(),
            ..Self::new(now)
        }
    }

    /// The number of the built-in reader's card, however it is written: what makes two cards the same card.
    #[must_use]
    pub fn rf_number(&self) -> Option<u128> {
        u128::from_str_radix(self.rf_card.as_ref()?, if self.rf_decimal { 10 } else { 16 }).ok()
    }

    /// Full years lived at `today`; `None` without a birthday.
    #[must_use]
    pub fn age(&self, today: LocalTime) -> Option<i16> {
        let (born, today) = (self.birthday.as_ref()?.0, today.0.date());
        let before = (today.month(), today.day()) < (born.month(), born.day());
        Some(today.year() - born.year() - i16::from(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_is_a_table() {
        let at = |text| LocalTime::parse(text).unwrap();
        let (begin, end) = (at("2018-03-12T09:00:00"), at("2018-03-14T17:00:00"));
        let (late, early) = (at("2018-03-12T22:00:00"), at("2018-03-14T06:00:00"));
        for (validity, now, refusal) in [
            (Validity::Permanent, "2000-01-01T00:00:00", None),
            (Validity::Window { begin, end }, "2018-03-12T08:59:59", Some(Refusal::NotYetValid)),
            (Validity::Window { begin, end }, "2018-03-12T09:00:00", None),
            (Validity::Window { begin, end }, "2018-03-13T03:00:00", None),
            (Validity::Window { begin, end }, "2018-03-14T17:00:00", None),
            (Validity::Window { begin, end }, "2018-03-14T17:00:01", Some(Refusal::Expired)),
            (Validity::Daily { begin, end }, "2018-03-11T12:00:00", Some(Refusal::NotYetValid)),
            (Validity::Daily { begin, end }, "2018-03-13T03:00:00", Some(Refusal::OutsideHours)),
            (Validity::Daily { begin, end }, "2018-03-13T09:00:00", None),
            (Validity::Daily { begin, end }, "2018-03-14T17:00:01", Some(Refusal::OutsideHours)),
            (Validity::Daily { begin, end }, "2018-03-15T12:00:00", Some(Refusal::Expired)),
            (Validity::Daily { begin: late, end: early }, "2018-03-13T03:00:00", None),
            (Validity::Daily { begin: late, end: early }, "2018-03-13T23:00:00", None),
            (Validity::Daily { begin: late, end: early }, "2018-03-13T12:00:00", Some(Refusal::OutsideHours)),
            (Validity::Uses { left: 1 }, "2018-03-13T12:00:00", None),
            (Validity::Uses { left: 0 }, "2018-03-13T12:00:00", Some(Refusal::UsesSpent)),
        ] {
            assert_eq!(validity.refuses(at(now)), refusal, "{validity:?} at {now}");
        }
    }

    #[test]
    fn age_counts_full_years() {
        let mut person = Person::new(LocalTime::UNSET);
        person.birthday = Date::parse("1990-11-4").ok();
        assert_eq!(person.age(LocalTime::parse("2020-11-03T00:00:00").unwrap()), Some(29));
        assert_eq!(person.age(LocalTime::parse("2020-11-04T00:00:00").unwrap()), Some(30));
    }
}
