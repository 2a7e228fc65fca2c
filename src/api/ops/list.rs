//! Searching people (3.19), and the version of the list database (3.10.4).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::person::card_digits;
use super::{Nothing, page_of};
use crate::access::{LibId, List, Person};
use crate::api::Context;
use crate::api::wire::{Answer, Fields, fields};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::{Date, Flag, Int, LocalTime, Text};
use crate::settings::Door;
use crate::shown::{self, person_fields};

pub fn version(_: &Context, _: Nothing) -> Result<Answer> {
    fields(json!({ "DatabaseVersion": 1 })).map(Answer::Data)
}

/// One person by id.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SearchPerson {
    /// Which id: 0 `CustomizeID`, 1 `PersonUUID`, 2 `LibID`.
    #[serde(rename = "SearchType", default, deserialize_with = "super::blank")]
    pub id_type: Option<Int<0, 2>>,
    /// The id.
    #[serde(rename = "SearchID")]
    pub id: Text<63>,
    /// Whether the photo is wanted: 0 no, 1 yes.
    #[serde(rename = "Picture", default, deserialize_with = "super::blank")]
    pub picture: Option<Flag>,
}

pub fn one(cx: &Context, request: SearchPerson) -> Result<Answer> {
    let id = request.id.as_str().trim();
    let number = id.parse::<u32>().ok();
    let person = match request.id_type.map_or(0, Int::get) {
        0 => number.and_then(|id| cx.store.by_custom_id(id)),
        1 => cx.store.by_uuid(id),
        _ => number.and_then(|id| cx.store.person(LibId(id))),
    };
    let Some(person) = person else { bail!(NoPerson, "SearchID: nobody bears it") };
    let info = entry(cx, &person, &cx.settings.now().door);
    match photo(cx, person.id, request.picture)? {
        Some(photo) => Ok(Answer::DataBeside(info, fields(json!({ "picinfo": photo }))?)),
        None => Ok(Answer::Data(info)),
    }
}

/// A person as lists show them.
pub fn entry(cx: &Context, person: &Person, rules: &Door) -> Fields {
    let mut info = Fields::new();
    info.insert("DeviceID".into(), cx.device_id.into());
    info.insert("LibID".into(), person.id.0.into());
    info.extend(person_fields(person, rules));
    info
}

fn photo(cx: &Context, id: LibId, wanted: Option<Flag>) -> Result<Option<String>> {
    if !wanted.is_some_and(Flag::on) {
        return Ok(None);
    }
    Ok(cx.store.photo(id)?.map(|jpeg| shown::picture(&jpeg)))
}

/// Which people are searched; what is left out does not narrow the search.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SearchPersonNum {
    /// 0 allow list, 1 block list, 2 both.
    #[serde(rename = "PersonType", deserialize_with = "super::blank")]
    pub list: Option<Int<0, 2>>,
    /// Added at this moment or later.
    #[serde(rename = "BeginTime", deserialize_with = "super::blank")]
    pub begin: Option<LocalTime>,
    /// Added at this moment or before.
    #[serde(rename = "EndTime", deserialize_with = "super::blank")]
    pub end: Option<LocalTime>,
    /// 0 male, 1 female, 2 both.
    #[serde(rename = "Gender", deserialize_with = "super::blank")]
    pub gender: Option<Int<0, 2>>,
    /// Years, `from-to`.
    #[serde(rename = "Age", deserialize_with = "super::blank")]
    pub age: Option<AgeRange>,
    /// Card number as the terminal shows it; 0 is none.
    #[serde(rename = "MjCardNo", deserialize_with = "super::blank")]
    pub card: Option<Value>,
    /// Part of the name.
    #[serde(rename = "Name", deserialize_with = "super::blank")]
    pub name: Option<Text<32>>,
}

/// A page of the people that match.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SearchPersonList {
    /// Which people are searched.
    #[serde(flatten)]
    pub filter: SearchPersonNum,
    /// How many matches are passed over.
    #[serde(rename = "BeginNO", default, deserialize_with = "super::blank")]
    pub begin: Option<Int<0, { i64::MAX }>>,
    /// How many are wanted, at most 100; 0 or nothing means 100.
    #[serde(rename = "RequestCount", default, deserialize_with = "super::blank")]
    pub count: Option<Int<0, { i64::MAX }>>,
    /// Whether photos are wanted: 0 no, 1 yes.
    #[serde(rename = "Picture", default, deserialize_with = "super::blank")]
    pub picture: Option<Flag>,
}

/// A range of years, `1-100` on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgeRange {
    from: i16,
    to: i16,
}

impl AgeRange {
    /// Whether the person is of such an age; without a birthday only if the range starts at 0.
    #[must_use]
    pub fn holds(self, person: &Person, today: LocalTime) -> bool {
        person.age(today).map_or(self.from == 0, |age| (self.from..=self.to).contains(&age))
    }
}

impl AgeRange {
    /// Whether nobody is excluded whose date of birth lies between the first and the last of `births`, nor who has none.
    fn holds_all(self, births: Option<(Date, Date)>, today: LocalTime) -> bool {
        let born = |day| Person { birthday: Some(day), ..Person::new(today) };
        self.from == 0
            && births.is_none_or(|(first, last)| self.holds(&born(first), today) && self.holds(&born(last), today))
    }
}

impl<'de> Deserialize<'de> for AgeRange {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = Text::<32>::deserialize(d)?;
        let wrong = || serde::de::Error::custom(format_args!("{:?} is no range of years like 1-100", text.as_str()));
        let (from, to) = text.as_str().split_once('-').ok_or_else(wrong)?;
        let years = |text: &str| text.trim().parse::<i16>().ok().filter(|years| *years >= 0).ok_or_else(wrong);
        let (from, to) = (years(from)?, years(to)?);
        if from <= to { Ok(Self { from, to }) } else { Err(wrong()) }
    }
}

impl JsonSchema for AgeRange {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AgeRange".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]+-[0-9]+$" })
    }
}

/// The card number a search asks for; 0 is none.
pub fn wanted_card(card: Option<&Value>, rules: &Door) -> Result<Option<u64>> {
    let number = card.map(|card| card_digits(card, rules.card_mode)).transpose();
    let number = number.map_err(|why| Error::new(Fault::BadParameter, format!("MjCardNo: {why}")))?;
    Ok(number.filter(|number| *number != 0))
}

/// Whether a person bears the card number, whole or as the terminal shows it.
#[must_use]
pub fn bears_card(person: &Person, number: u64, rules: &Door) -> bool {
    let card = person.card.card();
    card.is_some_and(|card| u64::from(card.whole()) == number || u64::from(card.parts(rules.wiegand).1) == number)
}

/// How many people match, and a page of them. Platforms send every condition there is; those that exclude nobody
/// are left out, so that such a search costs what its page costs.
pub fn matching(
    cx: &Context,
    filter: &SearchPersonNum,
    skip: usize,
    limit: usize,
) -> Result<(usize, Vec<Arc<Person>>)> {
    let rules = &cx.settings.now().door;
    let today = cx.now();
    let card = wanted_card(filter.card.as_ref(), rules)?;
    let list = filter.list.and_then(|list| List::from_number(list.get()));
    let gender = filter.gender.map(Int::get).filter(|gender| *gender != 2);
    let name = filter.name.as_ref().map(|name| name.as_str().trim());
    let age = filter.age.filter(|age| !age.holds_all(cx.store.births(), today));
    if gender.is_none()
        && filter.begin.is_none()
        && filter.end.is_none()
        && age.is_none()
        && card.is_none()
        && name.is_none()
    {
        return Ok(cx.store.people_page(list, skip, limit));
    }
    let wanted = |person: &Person| {
        list.is_none_or(|list| person.list == list)
            && gender.is_none_or(|gender| i64::from(person.gender) == gender)
            && filter.begin.is_none_or(|begin| person.created >= begin)
            && filter.end.is_none_or(|end| person.created <= end)
            && age.is_none_or(|age| age.holds(person, today))
            && card.is_none_or(|card| bears_card(person, card, rules))
            && name.is_none_or(|name| person.name.contains(name))
    };
    Ok(cx.store.people_where(wanted, skip, limit))
}

pub fn count(cx: &Context, filter: SearchPersonNum) -> Result<Answer> {
    let (number, _) = matching(cx, &filter, 0, 0)?;
    fields(json!({ "DeviceID": cx.device_id, "MaxListsNum": cx.people_limit, "PersonNum": number })).map(Answer::Data)
}

pub fn page(cx: &Context, request: SearchPersonList) -> Result<Answer> {
    let (begin, count) = page_of(request.begin, request.count, 100);
    let (total, people) = matching(cx, &request.filter, begin, count)?;
    let rules = &cx.settings.now().door;
    let mut list = Vec::new();
    for person in &people {
        let mut entry = entry(cx, person, rules);
        if let Some(photo) = photo(cx, person.id, request.picture)? {
            entry.insert("Picinfo".into(), photo.into());
        }
        list.push(entry);
    }
    if list.is_empty() {
        bail!(NothingFound, "{total} people match, BeginNO is {begin}");
    }
    let info = json!({ "DeviceID": cx.device_id, "Totalnum": total, "Listnum": list.len(), "List": list });
    fields(info).map(Answer::Data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_ranges() {
        let today = LocalTime::parse("2020-11-04T00:00:00").unwrap();
        let born = |day| Person { birthday: Date::parse(day).ok(), ..Person::new(today) };
        for (range, person, holds) in [
            ("0-100", Person::new(today), true),
            ("1-100", Person::new(today), false),
            ("30-30", born("1990-11-04"), true),
            ("31-40", born("1990-11-04"), false),
            (" 0 - 29 ", born("1990-11-05"), true),
        ] {
            let range: AgeRange = serde_json::from_value(range.into()).unwrap();
            assert_eq!(range.holds(&person, today), holds, "{range:?}");
        }
        for (range, first, last, all) in [
            ("0-100", "1990-11-04", "2020-11-04", true),
            ("0-29", "1990-11-04", "2020-11-04", false),
            ("1-100", "1990-11-04", "2000-11-04", false),
            ("0-100", "1990-11-04", "2021-11-04", false),
        ] {
            let range: AgeRange = serde_json::from_value(range.into()).unwrap();
            let births = Some((Date::parse(first).unwrap(), Date::parse(last).unwrap()));
            assert_eq!(range.holds_all(births, today), all, "{range:?}");
        }
        let everybody: AgeRange = serde_json::from_value("0-1".into()).unwrap();
        assert!(everybody.holds_all(None, today), "nobody has a date of birth");
        for wrong in ["", "5", "a-b", "9-1", "-1-5"] {
            assert!(serde_json::from_value::<AgeRange>(wrong.into()).is_err(), "{wrong}");
        }
    }
}
