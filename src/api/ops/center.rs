//! Parameters of the connection to a centre (3.7).

use super::Changes;
use crate::api::Context;
use crate::api::wire::Answer;
use crate::error::Result;
use crate::push::{centre, outbox};
use crate::settings::Center;

/// Changes the given fields. What happened while the centre was not connected to is not sent to it afterwards.
pub fn set(cx: &Context, changes: Changes<Center>) -> Result<Answer> {
    let was_on = cx.settings.now().center.enabled.on();
    cx.settings.edit(|draft| {
        draft.patch::<Center>(&changes.fields)?;
        if draft.now().center.enabled.on() && !was_on {
            outbox::begin(&cx.store, centre::PLACE, None)?;
        }
        Ok(())
    })?;
    Ok(Answer::Done)
}
