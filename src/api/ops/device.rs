//! The terminal itself: login, time, name, system and recognition parameters (3.3, 3.5, 3.9, 3.30, 3.34).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Changes, Nothing};
use crate::api::wire::{Answer, Fields, fields, is_blank};
use crate::api::{Context, auth};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::{Int, LocalTime, Text};
use crate::settings::{Account, Face};

/// Sets user name and password of this API.
#[derive(Deserialize, JsonSchema)]
pub struct SetUserPwd {
    /// User name, without a colon.
    #[serde(rename = "User")]
    pub user: Text<63>,
    /// Password.
    #[serde(rename = "Pwd")]
    pub password: Text<63>,
}

pub fn set_password(cx: &Context, request: SetUserPwd) -> Result<Answer> {
    let (user, password) = (request.user.into_string(), request.password.into_string());
    if user.is_empty() || user.contains(':') {
        bail!(BadParameter, "User: a name without a colon is needed");
    }
    if password.is_empty() {
        bail!(BadParameter, "Pwd: is empty");
    }
    let password_hash = auth::hash(&password)?;
    cx.settings.change::<Account>(|account| {
        *account = Account { user, password_hash };
        Ok(())
    })?;
    Ok(Answer::Done)
}

pub fn time(cx: &Context, _: Nothing) -> Result<Answer> {
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

pub fn set_time(cx: &Context, request: SetSysTime) -> Result<Answer> {
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

pub fn identity(cx: &Context, _: Nothing) -> Result<Answer> {
    let name = cx.settings.now().device.name.as_str().to_owned();
    fields(json!({ "Name": name, "DeviceID": cx.device_id, "Version": cx.version })).map(Answer::Data)
}

pub fn system(cx: &Context, _: Nothing) -> Result<Answer> {
    let mut info = Fields::new();
    for (name, value) in fields(&cx.settings.now().system)? {
        let ends_liveness = name == "LiveDetectTimeEnd";
        info.insert(name, value);
        if ends_liveness {
            let threshold = format!("{:.6}", cx.liveness.threshold * 100.0);
            info.insert("LiveThreshold".into(), threshold.into());
            info.insert("LiveFrameNum".into(), cx.liveness.frames.into());
        }
    }
    Ok(Answer::Data(info))
}

pub fn set_face(cx: &Context, changes: Changes<Face>) -> Result<Answer> {
    let mut changes = changes.fields;
    let number = |fields: &Fields, name: &str| -> Option<i64> {
        let value: &Value = fields.get(name).filter(|value| !is_blank(value))?;
        serde_json::from_value::<Int<0, 100_000>>(value.clone()).ok().map(Int::get)
    };
    // Distance and width say the same; the document gave up the width.
    match (number(&changes, "recDistance"), number(&changes, "faceMinPixel")) {
        // Given back with the width as it was, a new distance still counts.
        (Some(distance), width)
            if width.is_none_or(|w| {
                let stored = &cx.settings.now().face;
                distance != stored.distance_cm.0.get() && w == stored.min_width_px.0.get()
            }) =>
        {
            changes.insert("faceMinPixel".into(), Face::width_at(distance).into());
        }
        (None, Some(width)) if !changes.contains_key("recDistance") => {
            changes.insert("recDistance".into(), Face::width_at(width).clamp(30, 200).into());
        }
        _ => {}
    }
    cx.settings.patch::<Face>(&changes)?;
    Ok(Answer::Done)
}
