//! The terminal itself: information (3.9), login (3.3), time (3.5), system (3.30) and face parameters (3.34).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Nothing;
use crate::api::wire::Answer;
use crate::api::{Context, auth};
use crate::error::{Error, Fault, Result};
use crate::field::{Int, LocalTime, Text, blank};
use crate::settings::{Account, Device, Face, System};

/// Name, number and version.
///
/// # Errors
/// None.
pub fn get_info(cx: &Context, _: Nothing) -> Result<Answer> {
    let name = cx.settings.now().device.name.clone();
    Ok(Answer::Data(json!({ "Name": name, "DeviceID": cx.device_id, "Version": cx.version })))
}

/// Sets the name; number and version are the terminal's own.
///
/// # Errors
/// A name that is too long, or the store.
pub fn set_info(cx: &Context, fields: Map<String, Value>) -> Result<Answer> {
    if !fields.contains_key("Name") {
        crate::bail!(BadParameter, "Name: is missing");
    }
    cx.settings.patch::<Device>(&fields)?;
    Ok(Answer::Done)
}

/// A new login, in force from the next request on.
#[derive(Deserialize, JsonSchema)]
pub struct SetUserPwd {
    /// User, at most 63 characters.
    #[serde(rename = "User")]
    pub user: Text<63>,
    /// Password, at most 63 characters.
    #[serde(rename = "Pwd")]
    pub password: Text<63>,
}

/// Sets user and password.
///
/// # Errors
/// An empty one, one that Basic login cannot carry, or the store.
pub fn set_login(cx: &Context, request: SetUserPwd) -> Result<Answer> {
    let (user, password) = (request.user.as_str(), request.password.as_str());
    if user.is_empty() || user.contains(':') {
        crate::bail!(BadParameter, "User: should be at least one character, without a colon");
    }
    if password.is_empty() {
        crate::bail!(BadParameter, "Pwd: is empty");
    }
    let account = auth::account(user, password)?;
    cx.settings.change::<Account>(|current| {
        *current = account;
        Ok(())
    })?;
    Ok(Answer::Done)
}

/// The time on the wall.
///
/// # Errors
/// None.
pub fn get_time(cx: &Context, _: Nothing) -> Result<Answer> {
    let t = cx.local().0;
    Ok(Answer::Data(json!({
        "Year": t.year(), "Month": t.month(), "Day": t.day(),
        "Hour": t.hour(), "Minute": t.minute(), "Second": t.second(),
    })))
}

/// The time in fields, those absent staying as they are, or in one text.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SetSysTime {
    /// Year.
    #[serde(rename = "Year", default, deserialize_with = "blank")]
    pub year: Option<Int<1900, 9999>>,
    /// Month.
    #[serde(rename = "Month", default, deserialize_with = "blank")]
    pub month: Option<Int<1, 12>>,
    /// Day of the month.
    #[serde(rename = "Day", default, deserialize_with = "blank")]
    pub day: Option<Int<1, 31>>,
    /// Hour.
    #[serde(rename = "Hour", default, deserialize_with = "blank")]
    pub hour: Option<Int<0, 23>>,
    /// Minute.
    #[serde(rename = "Minute", default, deserialize_with = "blank")]
    pub minute: Option<Int<0, 59>>,
    /// Second.
    #[serde(rename = "Second", default, deserialize_with = "blank")]
    pub second: Option<Int<0, 59>>,
    /// The whole time as one text, as newer platforms send it.
    #[serde(rename = "Time", default, deserialize_with = "blank")]
    pub time: Option<LocalTime>,
}

/// Sets the clock.
///
/// # Errors
/// A day the month does not have, nothing to set, or the system.
pub fn set_time(cx: &Context, request: SetSysTime) -> Result<Answer> {
    let now = cx.local().0;
    let wanted = match request.time {
        Some(time) => time,
        None => {
            let given = [
                request.year.map(Int::get),
                request.month.map(Int::get),
                request.day.map(Int::get),
                request.hour.map(Int::get),
                request.minute.map(Int::get),
                request.second.map(Int::get),
            ];
            if given.iter().all(Option::is_none) {
                crate::bail!(BadParameter, "Year, Month, Day, Hour, Minute, Second: all are missing");
            }
            let small = [now.month(), now.day(), now.hour(), now.minute(), now.second()].map(i64::from);
            let current = [i64::from(now.year()), small[0], small[1], small[2], small[3], small[4]];
            let [year, month, day, hour, minute, second] = std::array::from_fn(|i| given[i].unwrap_or(current[i]));
            LocalTime::parse(&format!("{year:04}-{month}-{day}T{hour}:{minute}:{second}"))
                .map_err(|_| Error::new(Fault::BadParameter, format!("Day: {year}-{month} has no day {day}")))?
        }
    };
    let moment = cx.settings.now().ntp.moment(wanted);
    let moment = moment.ok_or_else(|| Error::new(Fault::BadParameter, format!("Year: {wanted} is out of range")))?;
    cx.host.set_time(moment)?;
    Ok(Answer::Done)
}

/// System parameters, with the liveness figures of the model pack.
///
/// # Errors
/// None.
pub fn get_system(cx: &Context, _: Nothing) -> Result<Answer> {
    let Value::Object(stored) = serde_json::to_value(&cx.settings.now().system)
        .map_err(|e| Error::new(Fault::Unavailable, "system parameters").because(e))?
    else {
        crate::bail!(Unavailable, "system parameters");
    };
    let mut info = Map::new();
    for (key, value) in stored {
        let after_live = key == "LiveDetectTimeEnd";
        info.insert(key, value);
        if after_live {
            let (threshold, frames) = cx.roster.liveness_figures();
            info.insert("LiveThreshold".into(), format!("{:.6}", threshold * 100.0).into());
            info.insert("LiveFrameNum".into(), frames.into());
        }
    }
    Ok(Answer::Data(info.into()))
}

/// Changes the fields given; `LiveThreshold` and `LiveFrameNum` belong to the model pack and are passed over.
///
/// # Errors
/// A field out of range, liveness without models for it, or the store.
pub fn set_system(cx: &Context, fields: Map<String, Value>) -> Result<Answer> {
    cx.settings.patch::<System>(&fields)?;
    Ok(Answer::Done)
}

/// Face recognition parameters.
///
/// # Errors
/// None.
pub fn get_face(cx: &Context, _: Nothing) -> Result<Answer> {
    Answer::data(&cx.settings.now().face)
}

/// Changes the fields given. Distance and pixel width say the same thing, so the one follows the other.
///
/// # Errors
/// A field out of range, an area that leaves the frame, or the store.
pub fn set_face(cx: &Context, mut fields: Map<String, Value>) -> Result<Answer> {
    if fields.contains_key("recDistance") && !fields.contains_key("faceMinPixel") {
        let distance: Distance = crate::api::table::parse(fields.clone())?;
        fields.insert("faceMinPixel".into(), Face::width_at(distance.cm.get()).into());
    }
    cx.settings.patch::<Face>(&fields)?;
    Ok(Answer::Done)
}

#[derive(Deserialize)]
struct Distance {
    #[serde(rename = "recDistance")]
    cm: Int<30, 200>,
}
