//! Passwords of the keypad (3.21). Errors name a password by its place in the list: passwords are secrets.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Nothing, text_of};
use crate::access::pin::{DIGITS, Key, MOST_PASSWORDS, is_password};
use crate::api::Context;
use crate::api::wire::{Answer, fields};
use crate::bail;
use crate::error::Result;
use crate::settings::Passwords;

pub fn temporary(cx: &Context, _: Nothing) -> Result<Answer> {
    let now = cx.now();
    let (begin, end) = Key::valid(now);
    let period = format!("{begin} ~ {end}").replace('T', " ");
    fields(json!({ "TempPwd": cx.pins.temporary(now), "ValidPeriod": period })).map(Answer::Data)
}

/// Names passwords of the keypad.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("required" = ["AccessPwd"]))]
pub struct AccessPwd {
    /// The passwords, 4 to 8 digits each, as a list or a single one.
    #[serde(rename = "AccessPwd", default)]
    pub passwords: Value,
}

impl AccessPwd {
    /// What is kept of each of them.
    fn digests(&self, key: &Key) -> Result<Vec<String>> {
        let list = match &self.passwords {
            Value::Array(list) => list.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        if list.is_empty() {
            bail!(BadParameter, "AccessPwd: a list of at least one password is needed");
        }
        let mut digests = Vec::with_capacity(list.len().min(MOST_PASSWORDS));
        for (at, password) in list.iter().enumerate() {
            let Some(password) = text_of(Some(password)).filter(|password| is_password(password)) else {
                let (least, most) = (DIGITS.start(), DIGITS.end());
                bail!(BadParameter, "AccessPwd[{at}]: {least} to {most} digits are needed");
            };
            digests.push(key.digest(&password));
        }
        Ok(digests)
    }
}

/// Changes the passwords one by one; the first that cannot be is named, and nothing is changed then.
fn change(
    cx: &Context,
    digests: Vec<String>,
    each: impl Fn(&mut BTreeSet<String>, String) -> Result<()>,
) -> Result<()> {
    cx.settings.change::<Passwords>(|group| {
        for (at, digest) in digests.into_iter().enumerate() {
            each(&mut group.digests, digest).map_err(|e| e.about(&format!("AccessPwd[{at}]")))?;
        }
        Ok(())
    })
}

pub fn add(cx: &Context, request: AccessPwd) -> Result<Answer> {
    let digests = request.digests(&cx.pins)?;
    change(cx, digests, |kept, digest| {
        if !kept.insert(digest) {
            bail!(BadParameter, "is there already");
        }
        if kept.len() > MOST_PASSWORDS {
            bail!(BadParameter, "is one too many, {MOST_PASSWORDS} passwords are kept");
        }
        Ok(())
    })?;
    Ok(Answer::Done)
}

pub fn delete(cx: &Context, request: AccessPwd) -> Result<Answer> {
    let digests = request.digests(&cx.pins)?;
    change(cx, digests, |kept, digest| {
        if !kept.remove(&digest) {
            bail!(NothingFound, "is not there");
        }
        Ok(())
    })?;
    Ok(Answer::Done)
}

pub fn clear(cx: &Context, _: Nothing) -> Result<Answer> {
    cx.settings.reset::<Passwords>()?;
    Ok(Answer::Done)
}
