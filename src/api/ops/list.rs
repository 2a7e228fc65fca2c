//! Looking people up (3.19) and the kind of database (3.10.4).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Nothing;
use super::picture::{as_picture, picture_of};
use crate::access::{LibId, List, Person};
use crate::api::Context;
use crate::api::person_view::person_fields;
use crate::api::wire::Answer;
use crate::error::{Error, Fault, Result};
use crate::field::{Flag, Int, LocalTime, Text, blank};

/// People of one page (3.19.3).
const PAGE: i64 = 100;

/// Which kind of database: 1, with temporary lists 2 and 3.
///
/// # Errors
/// None.
pub fn database_version(_: &Context, _: Nothing) -> Result<Answer> {
    Ok(Answer::Data(json!({ "DatabaseVersion": 1 })))
}

/// Somebody by one id.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SearchPerson {
    /// Which id: 0 `CustomizeID`, 1 `PersonUUID`, 2 `LibID`; 0 if absent.
    #[serde(rename = "SearchType", default, deserialize_with = "blank")]
    pub kind: Option<Int<0, 2>>,
    /// The id.
    #[serde(rename = "SearchID")]
    pub id: Text<48>,
    /// 1: with the registered photo.
    #[serde(rename = "Picture", default, deserialize_with = "blank")]
    pub picture: Option<Flag>,
}

/// Finds one person.
///
/// # Errors
/// When nobody has the id.
pub fn one(cx: &Context, request: SearchPerson) -> Result<Answer> {
    let id = request.id.as_str().trim();
    let number =
        || id.parse::<u32>().map_err(|_| Error::new(Fault::BadParameter, format!("SearchID: {id:?} is no number")));
    let found = match request.kind.map_or(0, Int::get) {
        0 => cx.store.by_custom_id(number()?),
        1 => cx.store.by_uuid(id),
        _ => cx.store.person(LibId(number()?)),
    };
    let person = found.ok_or_else(|| Error::new(Fault::NoPerson, format!("SearchID: nobody has {id}")))?;
    let info = with_device(cx, &person);
    if request.picture.is_some_and(Flag::on) {
        let picture = picture_of(cx, &person)?;
        return Ok(Answer::WithPicture { info, key: "picinfo", picture });
    }
    Ok(Answer::Data(info))
}

fn with_device(cx: &Context, person: &Person) -> Value {
    let mut fields = person_fields(person, &cx.settings.now().door);
    fields.shift_insert(0, "DeviceID".into(), cx.device_id.into());
    fields.into()
}

/// Conditions people have to meet; what is absent or empty is no condition.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Conditions {
    /// 0 allow list, 1 block list, 2 both.
    #[serde(rename = "PersonType", default, deserialize_with = "blank")]
    pub list: Option<Int<0, 2>>,
    /// Added not before.
    #[serde(rename = "BeginTime", default, deserialize_with = "blank")]
    pub begin: Option<LocalTime>,
    /// Added not after.
    #[serde(rename = "EndTime", default, deserialize_with = "blank")]
    pub end: Option<LocalTime>,
    /// 0 male, 1 female, 2 both.
    #[serde(rename = "Gender", default, deserialize_with = "blank")]
    pub gender: Option<Int<0, 2>>,
    /// Range of ages, `1-100`. People without a birthday match from 0 on.
    #[serde(rename = "Age", default, deserialize_with = "blank")]
    pub age: Option<Text<16>>,
    /// Wiegand card; 0 is no condition.
    #[serde(rename = "MjCardNo", default, deserialize_with = "blank")]
    pub card: Option<Int<0, 4_294_967_295>>,
    /// Part of the name.
    #[serde(rename = "Name", default, deserialize_with = "blank")]
    pub name: Option<Text<31>>,
    /// Matches to pass over.
    #[serde(rename = "BeginNO", default, deserialize_with = "blank")]
    pub skip: Option<Int<0, 4_294_967_295>>,
    /// Matches to return; more than 100 count as 100.
    #[serde(rename = "RequestCount", default, deserialize_with = "blank")]
    pub count: Option<Int<0, 4_294_967_295>>,
    /// 1: with the registered photos.
    #[serde(rename = "Picture", default, deserialize_with = "blank")]
    pub picture: Option<Flag>,
}

/// Smallest and largest of `1-100`.
///
/// # Errors
/// [`Fault::BadParameter`] naming `Age`.
pub fn age_range(text: Option<&Text<16>>) -> Result<Option<(i16, i16)>> {
    let Some(text) = text.map(|t| t.as_str().trim()).filter(|t| !t.is_empty()) else { return Ok(None) };
    let read = || {
        let (from, to) = text.split_once('-')?;
        Some((from.trim().parse().ok()?, to.trim().parse().ok()?)).filter(|(from, to)| from <= to)
    };
    read().map(Some).ok_or_else(|| Error::new(Fault::BadParameter, format!("Age: {text:?} is no range like 1-100")))
}

/// Whether somebody's age lies in a range; an unknown age counts as 0.
#[must_use]
pub fn has_age(person: &Person, range: Option<(i16, i16)>, today: LocalTime) -> bool {
    range.is_none_or(|(from, to)| (from..=to).contains(&person.age(today).unwrap_or(0)))
}

impl Conditions {
    fn matches(&self, cx: &Context) -> Result<Vec<Arc<Person>>> {
        let ages = age_range(self.age.as_ref())?;
        let today = cx.local();
        let name = self.name.as_ref().map_or("", |n| n.as_str().trim());
        let list = self.list.and_then(|list| List::from_number(list.get()));
        let gender = self.gender.map(Int::get).filter(|gender| *gender != 2);
        let card = self.card.map(Int::u32).filter(|card| *card != 0);
        let meets = |p: &Person| {
            list.is_none_or(|list| p.list == list)
                && gender.is_none_or(|gender| i64::from(p.gender) == gender)
                && self.begin.is_none_or(|begin| p.created >= begin)
                && self.end.is_none_or(|end| p.created <= end)
                && (name.is_empty() || p.name.contains(name))
                && card.is_none_or(|card| p.card.card().is_some_and(|c| c.whole() == card))
                && has_age(p, ages, today)
        };
        Ok(cx.store.people().into_iter().filter(|person| meets(person)).collect())
    }
}

/// Counts the people who meet the conditions.
///
/// # Errors
/// A condition that cannot be read.
pub fn count(cx: &Context, conditions: Conditions) -> Result<Answer> {
    let number = conditions.matches(cx)?.len();
    Ok(Answer::Data(json!({ "DeviceID": cx.device_id, "MaxListsNum": cx.max_people, "PersonNum": number })))
}

/// Lists the people who meet the conditions, a page at a time.
///
/// # Errors
/// A condition that cannot be read, or nobody on the page: platforms end their loops on that.
pub fn page(cx: &Context, conditions: Conditions) -> Result<Answer> {
    let matches = conditions.matches(cx)?;
    let skip = conditions.skip.map_or(0, Int::u32) as usize;
    let count = usize::try_from(conditions.count.map_or(PAGE, Int::get).min(PAGE)).unwrap_or(0);
    let pictures = conditions.picture.is_some_and(Flag::on);
    let mut list = Vec::new();
    for person in matches.iter().skip(skip).take(count) {
        let mut entry = with_device(cx, person);
        if let Some(entry) = entry.as_object_mut().filter(|_| pictures) {
            entry.insert("Picinfo".into(), cx.store.photo(person.id)?.map_or_else(String::new, as_picture).into());
        }
        list.push(entry);
    }
    if list.is_empty() {
        crate::bail!(NothingFound, "BeginNO: {} people match, none from {skip} on", matches.len());
    }
    Ok(Answer::Data(
        json!({ "DeviceID": cx.device_id, "Totalnum": matches.len(), "Listnum": list.len(), "List": list }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_ranges() {
        for (text, expect) in [
            ("0-100", Some(Some((0, 100)))),
            (" 18 - 65 ", Some(Some((18, 65)))),
            ("", Some(None)),
            ("65-18", None),
            ("old", None),
            ("18", None),
        ] {
            assert_eq!(age_range(Text::new(text).ok().as_ref()).ok(), expect, "{text}");
        }
        let unknown = Person::new(LocalTime::UNSET);
        assert!(has_age(&unknown, Some((0, 100)), LocalTime::UNSET));
        assert!(!has_age(&unknown, Some((1, 100)), LocalTime::UNSET));
    }
}
