//! What people before the terminal hear and see (3.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;
use crate::field::{Bytes, Flag, Int};
use crate::numbered;

numbered! {
    /// Whether the name of an admitted person is shown.
    pub enum ShowName {
        /// Not at all.
        Hidden = 0,
        /// As it is.
        Whole = 1,
        /// Its beginning, the rest hidden.
        Part = 2,
    }
}

numbered! {
    /// Which picture of an admitted person is shown.
    pub enum ShownPicture {
        /// The one just taken.
        Taken = 0,
        /// The registered one.
        Registered = 1,
    }
}

/// The document's tip for somebody admitted: replaced by the screen's language as long as it is unchanged.
pub const PASS_TEXT: &str = "请通行";
/// The same for strangers.
pub const STRANGER_TEXT: &str = "陌生人";
/// The same for somebody refused.
pub const REFUSED_TEXT: &str = "禁止通行";

/// Sounds, tips and the screen's contents (3.1).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Panel {
    /// Whether an admission is heard.
    #[serde(rename = "VerifySuccAudio")]
    pub pass_audio: Flag,
    /// Whether a refusal is heard.
    #[serde(rename = "VerifyFailAudio")]
    pub fail_audio: Flag,
    /// Whether sounds are left to the platform (`SetAudio`): the terminal then plays none by itself.
    #[serde(rename = "RemoteCtrlAudio")]
    pub remote_audio: Flag,
    /// Volume, per cent, in steps of 5.
    #[serde(rename = "Volume")]
    pub volume: Int<5, 100>,
    /// Whether an admission is shown.
    #[serde(rename = "VerifySuccGuiTip")]
    pub pass_tip: Flag,
    /// Whether a refusal is shown.
    #[serde(rename = "VerifyFailGuiTip")]
    pub fail_tip: Flag,
    /// Whether a stranger is shown as such.
    #[serde(rename = "UnregisteredGuiTip")]
    pub stranger_tip: Flag,
    /// Whether the terminal's address is hidden.
    #[serde(rename = "IPHide")]
    pub hide_ip: Flag,
    /// Whether the name of an admitted person is shown: 2 hides its end.
    #[serde(rename = "IsShowName")]
    pub show_name: ShowName,
    /// Which picture an admission shows.
    #[serde(rename = "DisplayPicture")]
    pub picture: ShownPicture,
    /// Whether a title is shown (given up by the document).
    #[serde(rename = "IsShowTitle")]
    pub show_title: Flag,
    /// Whether the version is shown (given up by the document).
    #[serde(rename = "IsShowVersion")]
    pub show_version: Flag,
    /// Whether the date is shown (given up by the document).
    #[serde(rename = "IsShowDate")]
    pub show_date: Flag,
    /// Whether the time is shown.
    #[serde(rename = "IsShowTime")]
    pub show_time: Flag,
    /// Whether the number of an ID card that was read is hidden.
    #[serde(rename = "IDCardNumHide")]
    pub hide_id_card: Flag,
    /// Whether the number of a card that was read is hidden.
    #[serde(rename = "ICCardNumHide")]
    pub hide_card: Flag,
    /// Whether the terminal's number is shown.
    #[serde(rename = "IsShowDeviceID")]
    pub show_device_id: Flag,
    /// Whether the number of registered people is shown.
    #[serde(rename = "IsShowPersonNum")]
    pub show_person_count: Flag,
    /// Text for an admission, at most 32 bytes.
    #[serde(rename = "VerifyTipContent")]
    pub pass_text: Bytes<32>,
    /// Text for a stranger, at most 32 bytes.
    #[serde(rename = "UnregisterTipContent")]
    pub stranger_text: Bytes<32>,
    /// Text for a refusal, at most 32 bytes.
    #[serde(rename = "BlacklistTipContent")]
    pub refused_text: Bytes<32>,
}

impl Default for Panel {
    fn default() -> Self {
        let text = |text: &str| Bytes::new(text).unwrap_or_default();
        Self {
            pass_audio: Flag::of(1),
            fail_audio: Flag::of(1),
            remote_audio: Flag::of(0),
            volume: Int::of(80),
            pass_tip: Flag::of(1),
            fail_tip: Flag::of(1),
            stranger_tip: Flag::of(1),
            hide_ip: Flag::of(0),
            show_name: ShowName::Whole,
            picture: ShownPicture::Taken,
            show_title: Flag::of(0),
            show_version: Flag::of(0),
            show_date: Flag::of(1),
            show_time: Flag::of(1),
            hide_id_card: Flag::of(0),
            hide_card: Flag::of(0),
            show_device_id: Flag::of(0),
            show_person_count: Flag::of(0),
            pass_text: text(PASS_TEXT),
            stranger_text: text(STRANGER_TEXT),
            refused_text: text(REFUSED_TEXT),
        }
    }
}

impl Rules for Panel {
    fn check(&self) -> Result<()> {
        if self.volume.get() % 5 != 0 {
            crate::bail!(BadParameter, "Volume: {} is not a multiple of 5", self.volume.get());
        }
        Ok(())
    }
}
