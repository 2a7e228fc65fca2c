//! The clock: time, time zone and time server (3.5, 3.6).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Changes, Nothing};
use crate::api::Context;
use crate::api::wire::{Answer, fields};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::{Int, LocalTime};
use crate::settings::Ntp;

pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    let now = cx.now().0;
    fields(json!({
        "Year": now.year(), "Month": now.month(), "Day": now.day(),
        "Hour": now.hour(), "Minute": now.minute(), "Second": now.second(),
    }))
    .map(Answer::Data)
}

/// Sets the terminal's local time.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SetSysTime {
    /// Year.
    #[serde(rename = "Year", default, deserialize_with = "super::blank")]
    pub year: Option<Int<1900, 9998>>,
    /// Month.
    #[serde(rename = "Month", default, deserialize_with = "super::blank")]
    pub month: Option<Int<1, 12>>,
    /// Day of the month.
    #[serde(rename = "Day", default, deserialize_with = "super::blank")]
    pub day: Option<Int<1, 31>>,
    /// Hour.
    #[serde(rename = "Hour", default, deserialize_with = "super::blank")]
    pub hour: Option<Int<0, 23>>,
    /// Minute.
    #[serde(rename = "Minute", default, deserialize_with = "super::blank")]
    pub minute: Option<Int<0, 59>>,
    /// Second.
    #[serde(rename = "Second", default, deserialize_with = "super::blank")]
    pub second: Option<Int<0, 59>>,
    /// All of it as one text, as newer platforms send it; the numbers count before it.
    #[serde(rename = "Time", default, deserialize_with = "super::blank")]
    pub time: Option<LocalTime>,
}

pub fn set(cx: &Context, request: SetSysTime) -> Result<Answer> {
    let base = request.time.unwrap_or_else(|| cx.now()).0;
    // Ranges were checked on reading, so nothing is cut here.
    let small = |given: Option<i64>, now: i8| given.map_or(now, |n| i8::try_from(n).unwrap_or(now));
    let year = request.year.map_or(base.year(), |y| i16::try_from(y.get()).unwrap_or(base.year()));
    let (month, day) = (small(request.month.map(Int::get), base.month()), small(request.day.map(Int::get), base.day()));
    let (hour, minute) =
        (small(request.hour.map(Int::get), base.hour()), small(request.minute.map(Int::get), base.minute()));
    let second = small(request.second.map(Int::get), base.second());
    let local = jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0)
        .map_err(|_| Error::new(Fault::BadParameter, format!("Day: month {month} of {year} has no day {day}")))?;
    let moment = cx.settings.now().ntp.moment(LocalTime(local));
    let Some(moment) = moment else { bail!(BadParameter, "Year: {year} is too far away") };
    cx.host.set_time(moment)?;
    Ok(Answer::Done)
}

pub fn server(cx: &Context, _: Nothing) -> Result<Answer> {
    fields(&cx.settings.now().ntp).map(Answer::Data)
}

/// A new zone shows at once; a new server is asked at once.
pub fn set_server(cx: &Context, changes: Changes<Ntp>) -> Result<Answer> {
    cx.settings.patch::<Ntp>(&changes.fields)?;
    Ok(Answer::Done)
}
