//! System parameters (3.30): language, liveness, light, screen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::field::{DayTime, Flag, Int, LocalTime};
use crate::numbered;

numbered! {
    /// When liveness is checked (3.30).
    pub enum LiveDetect {
        /// Of every face.
        Always = 0,
        /// Never.
        Off = 1,
        /// Between two times of day.
        Daily = 2,
    }
}

/// System parameters (3.30).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct System {
    /// Language of the screen: 0 English, 1 and 2 Chinese, 3 Portuguese, 4 Korean, 5 Russian, 6 Italian,
    /// 7 French, 8 Spanish, 9 Japanese.
    #[serde(rename = "Language")]
    pub language: Int<0, 9>,
    /// Whether the pictures of captures and records are kept.
    #[serde(rename = "DataBaseEnable")]
    pub keep_pictures: Flag,
    /// Kind of ID-card reader.
    #[serde(rename = "IDcardType")]
    pub id_card_reader: Int<0, 3>,
    /// Kind of card reader (reserved by the document).
    #[serde(rename = "CardReaderType")]
    pub card_reader: Int<0, 255>,
    /// Card rule (reserved by the document): 0 face and card, 1 face or card.
    #[serde(rename = "CardOpenDoorWay")]
    pub card_rule: Flag,
    /// Whether the screen frames faces.
    #[serde(rename = "FaceDisplay")]
    pub show_face_box: Flag,
    /// When liveness is checked.
    #[serde(rename = "LiveDetectType")]
    pub live_detect: LiveDetect,
    /// Start of the daily liveness check.
    #[serde(rename = "LiveDetectTimeBeg")]
    pub live_begin: DayTime,
    /// End of the daily liveness check.
    #[serde(rename = "LiveDetectTimeEnd")]
    pub live_end: DayTime,
    /// When the white light shines: 0 never, 1 by time, 2 by light, 3 by face, 4 face or time, 5 face or light.
    #[serde(rename = "LedLightType")]
    pub led_mode: Int<0, 5>,
    /// Start of the light's time.
    #[serde(rename = "LedTimeBeg")]
    pub led_begin: DayTime,
    /// End of the light's time.
    #[serde(rename = "LedTimeEnd")]
    pub led_end: DayTime,
    /// Brightness of the light, per cent.
    #[serde(rename = "LedBrightness")]
    pub led_brightness: Int<0, 100>,
    /// Seconds without a face after which the light goes out.
    #[serde(rename = "LedDisableAfterSec")]
    pub led_off_after_s: Int<0, 86_400>,
    /// Whether the screen goes dark when nobody is there.
    #[serde(rename = "LcdBLDisable")]
    pub backlight_saves: Flag,
    /// Seconds without a face after which the screen goes dark.
    #[serde(rename = "LcdBLDisableAfterSec")]
    pub backlight_off_after_s: Int<0, 86_400>,
    /// Brightness of the screen, per cent (reserved by the document).
    #[serde(rename = "ScreenBrightness")]
    pub screen_brightness: Int<0, 100>,
    /// Minutes after which a web login ends.
    #[serde(rename = "WebTimeOut")]
    pub web_timeout_min: Int<2, 10>,
}

impl Default for System {
    fn default() -> Self {
        let hour = |h| DayTime(jiff::civil::Time::constant(h, 0, 0, 0));
        Self {
            language: Int::of(1),
            keep_pictures: Flag::of(1),
            id_card_reader: Int::of(0),
            card_reader: Int::of(1),
            card_rule: Flag::of(0),
            show_face_box: Flag::of(1),
            live_detect: LiveDetect::Off,
            live_begin: hour(7),
            live_end: hour(19),
            led_mode: Int::of(0),
            led_begin: hour(19),
            led_end: hour(7),
            led_brightness: Int::of(50),
            led_off_after_s: Int::of(30),
            backlight_saves: Flag::of(0),
            backlight_off_after_s: Int::of(60),
            screen_brightness: Int::of(50),
            web_timeout_min: Int::of(5),
        }
    }
}

impl System {
    /// Whether liveness is checked at this local time; a window may reach over midnight.
    #[must_use]
    pub fn liveness_at(&self, now: LocalTime) -> bool {
        let (time, begin, end) = (now.0.time(), self.live_begin.0, self.live_end.0);
        match self.live_detect {
            LiveDetect::Always => true,
            LiveDetect::Off => false,
            LiveDetect::Daily if begin <= end => begin <= time && time <= end,
            LiveDetect::Daily => time >= begin || time <= end,
        }
    }
}

impl Rules for System {}
