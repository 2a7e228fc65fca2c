//! The terminal itself: login, name, system and recognition parameters (3.3, 3.9, 3.30, 3.34).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Changes, Nothing};
use crate::api::wire::{Answer, Fields, fields, is_blank};
use crate::api::{Context, Liveness, auth};
use crate::bail;
use crate::error::Result;
use crate::field::{Int, Text};
use crate::settings::{Account, Face, LiveDetect, System};

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
    if cx.require_password_change && password == auth::DEFAULT.1 {
        bail!(BadParameter, "Pwd: is the default one; choose another");
    }
    let password_hash = auth::hash(&password)?;
    cx.settings.change::<Account>(|account| {
        *account = Account { user, password_hash };
        Ok(())
    })?;
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
            let liveness = cx.liveness.unwrap_or(Liveness::UNAVAILABLE);
            info.insert("LiveThreshold".into(), format!("{:.6}", liveness.threshold * 100.0).into());
            info.insert("LiveFrameNum".into(), liveness.frames.into());
        }
    }
    Ok(Answer::Data(info))
}

pub fn set_system(cx: &Context, changes: Changes<System>) -> Result<Answer> {
    if let Some(number) = changes.fields.get("LiveDetectType").filter(|value| !value.is_null()) {
        // What cannot be read is refused below, with its reason.
        if let Ok(wanted) = serde_json::from_value::<LiveDetect>(number.clone()) {
            check_liveness(cx, wanted)?;
        }
    }
    cx.settings.patch::<System>(&changes.fields)?;
    Ok(Answer::Done)
}

/// A terminal that cannot tell a face from a picture must not say that it does, and one that demands it lets nobody in.
fn check_liveness(cx: &Context, wanted: LiveDetect) -> Result<()> {
    match wanted {
        LiveDetect::Off => Ok(()),
        LiveDetect::Always | LiveDetect::Daily if cx.liveness.is_some() => Ok(()),
        LiveDetect::Always | LiveDetect::Daily => bail!(
            NotAllowed,
            "LiveDetectType: the installed face models ({}) cannot tell a living face from a picture; install a pack that \
             can, or set 1",
            cx.roster.pack().unwrap_or("none")
        ),
    }
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
